//! Status of a BackendTLSPolicy: an entry for each Gateway that sends to one of its targets.

use std::collections::BTreeMap;

use nantian_crds::core::Service;
use nantian_crds::gateway_api::GROUP;
use smol_str::SmolStr;

use super::{AncestorRef, AncestorStatus, Condition, ObjectStatus, PolicyStatus, Status, resolved_refs};
use crate::compile::attach::{Fault, messages};
use crate::compile::decode::Name;
use crate::compile::memo::Reader;
use crate::compile::resolve::backend_tls::{PolicyView, TargetView};

/// "A maximum of 16 ancestors will be represented in this list."
pub(crate) const MAX_ANCESTORS: usize = 16;

/// The Gateways that send to targets of the policy, each with those targets.
pub(crate) fn ancestors<'v>(policy: &'v PolicyView, reader: &Reader<'v>) -> BTreeMap<&'v Name, Vec<&'v TargetView>> {
    let mut found: BTreeMap<&Name, Vec<&TargetView>> = BTreeMap::new();
    for target in &policy.targets {
        for (gateway, ports) in reader.senders_to(&target.service) {
            if ports.iter().any(|port| means(target, *port, reader)) {
                found.entry(gateway).or_default().push(target);
            }
        }
    }
    found
}

/// Whether the target means this port of its Service. One that names a port which does not exist means all: whoever uses
/// the Service should know.
fn means(target: &TargetView, number: u16, reader: &Reader<'_>) -> bool {
    let Some(name) = &target.port else { return true };
    let Some(service) = reader.get::<Service>(&target.service) else { return true };
    let mut named = service.value.spec.ports.iter().filter(|port| port.name.as_ref() == Some(name)).peekable();
    named.peek().is_none() || named.any(|port| port.port == number)
}

/// The status of a policy; `None` if it is relevant for no Gateway of ours.
pub(crate) fn status(
    policy: &PolicyView,
    ancestors: &BTreeMap<&Name, Vec<&TargetView>>,
    controller: &SmolStr,
) -> Option<ObjectStatus> {
    let entries = ancestors.iter().take(MAX_ANCESTORS).map(|((namespace, name), targets)| AncestorStatus {
        ancestor_ref: AncestorRef {
            group: SmolStr::new_static(GROUP),
            kind: SmolStr::new_static("Gateway"),
            namespace: namespace.clone(),
            name: name.clone(),
            section_name: None,
        },
        controller_name: controller.clone(),
        conditions: conditions(policy, targets),
    });
    let ancestors: Vec<AncestorStatus> = entries.collect();
    let object = policy.entry.object.id().clone();
    (!ancestors.is_empty()).then_some(ObjectStatus { object, status: Status::Policy(PolicyStatus { ancestors }) })
}

fn conditions(policy: &PolicyView, targets: &[&TargetView]) -> Vec<Condition> {
    let generation = policy.entry.value.metadata.generation;
    let refused: Vec<&Fault> = targets.iter().filter_map(|target| target.refused.as_ref()).collect();
    // "For any BackendTLSPolicy that does not take precedence, the implementation MUST ensure the `Accepted` Condition is
    // set to `status: False`, with Reason `Conflicted`."
    let fault = match (refused.first(), &policy.refused) {
        (Some(first), _) => Some(Fault::new(first.reason, messages(refused.iter().copied()))),
        (None, Some(fault)) => Some(fault.clone()),
        (None, None) => None,
    };
    let accepted = match fault {
        Some(fault) => Condition::new("Accepted", false, fault.reason, fault.message, generation),
        None => Condition::new("Accepted", true, "Accepted", "the policy applies", generation),
    };
    vec![accepted, resolved_refs(&policy.unresolved, generation)]
}
