//! Status of a Gateway and its listeners.

use std::collections::BTreeMap;
use std::net::IpAddr;

use nantian_crds::gateway_api::GROUP;
use smol_str::SmolStr;

use super::{
    Condition, ConditionStatus, GatewayAddress, GatewayStatus, ListenerStatus, ObjectStatus, RouteGroupKind, Status,
};
use crate::compile::attach::Fault;
use crate::compile::attach::gateway::GatewayView;
use crate::compile::attach::listener::ListenerView;
use crate::compile::attach::listener_set::SetView;

/// A condition that only says that something is so (`GatewayConditionInsecureFrontendValidationMode`).
const INSECURE: &str = "InsecureFrontendValidationMode";

/// The status of a Gateway of ours. Its conditions tell of its own listeners; those of ListenerSets have a status there.
/// `attached` counts the routes of each listener, by position.
pub(crate) fn status(gateway: &GatewayView, attached: &BTreeMap<usize, u32>) -> ObjectStatus {
    let generation = gateway.entry.value.metadata.generation;
    let mut conditions = match &gateway.pending {
        Some(fault) => ["Accepted", "Programmed"].map(|kind| unknown(kind, &fault.message, generation)).to_vec(),
        None => vec![accepted(gateway, generation), programmed(gateway, generation), resolved(gateway, generation)],
    };
    if gateway.is_insecure() {
        let message = "clients without a valid certificate are served where the mode is AllowInsecureFallback";
        conditions.push(Condition::new(INSECURE, true, "ConfigurationChanged", message, generation));
    }
    if gateway.is_default() {
        let message = "the Gateway has the default scope All";
        conditions.push(Condition::new("DefaultGateway", true, "DefaultGateway", message, generation));
    }
    let own = gateway.own_listeners();
    let listeners = own.map(|listener| listener_status(gateway, listener, attached, generation)).collect();
    let served = gateway.refused.is_none() && gateway.pending.is_none();
    let addresses = gateway
        .addresses
        .assigned
        .iter()
        .filter(|_| served)
        .map(|address| GatewayAddress { kind: "IPAddress", value: IpAddr::to_string(address) });
    // Who takes none has no use for a count.
    let takes_sets = gateway.entry.value.spec.allowed_listeners.is_some();
    let attached_listener_sets = takes_sets.then(|| attached_sets(gateway));
    let status = GatewayStatus { addresses: addresses.collect(), conditions, listeners, attached_listener_sets };
    ObjectStatus { object: gateway.entry.object.id().clone(), status: Status::Gateway(status) }
}

fn attached_sets(gateway: &GatewayView) -> u32 {
    let is_accepted =
        |set: &&SetView| gateway.pending.is_none() && super::listener_set::refusal(set, gateway).is_none();
    u32::try_from(gateway.sets.iter().filter(is_accepted).count()).unwrap_or(u32::MAX)
}

pub(super) fn unknown(kind: &'static str, message: &str, observed_generation: Option<i64>) -> Condition {
    let (status, reason, message) = (ConditionStatus::Unknown, "Pending", message.into());
    Condition { kind, status, observed_generation, reason, message }
}

/// Names of listeners as one text.
pub(super) fn names<'l>(listeners: impl Iterator<Item = &'l ListenerView>) -> String {
    listeners.map(|listener| listener.key.listener.as_str()).collect::<Vec<_>>().join(", ")
}

/// `ListenersNotValid` "can be the reason when Accepted is True or False, depending on whether the listener being invalid
/// causes the entire Gateway to not be accepted": it does when no listener is left.
fn accepted(gateway: &GatewayView, generation: Option<i64>) -> Condition {
    if let Some(fault) = gateway.fault() {
        return Condition::new("Accepted", false, fault.reason, &fault.message, generation);
    }
    let refused = || gateway.own_listeners().filter(|listener| listener.refused.is_some());
    let valid = || gateway.own_listeners().filter(|listener| listener.refused.is_none());
    if refused().next().is_none() {
        return Condition::new("Accepted", true, "Accepted", "the Gateway is accepted", generation);
    }
    let message = if valid().next().is_none() {
        format!("no listener is valid: {}", names(refused()))
    } else {
        format!("listeners that are not valid: {}; accepted: {}", names(refused()), names(valid()))
    };
    Condition::new("Accepted", valid().next().is_some(), "ListenersNotValid", message, generation)
}

fn programmed(gateway: &GatewayView, generation: Option<i64>) -> Condition {
    match not_programmed(gateway) {
        Some(fault) => Condition::new("Programmed", false, fault.reason, fault.message, generation),
        None => Condition::new("Programmed", true, "Programmed", "the Gateway is served", generation),
    }
}

/// Why the Gateway itself is not served.
pub(super) fn not_programmed(gateway: &GatewayView) -> Option<Fault> {
    let refused = gateway.fault().map(|fault| Fault::new("Invalid", &fault.message));
    let unserved = || {
        let served = gateway.own_listeners().any(|listener| listener.unserved().is_none());
        (!served).then(|| Fault::new("Invalid", "no listener can be served"))
    };
    refused.or_else(|| gateway.addresses.fault.clone()).or_else(unserved)
}

fn resolved(gateway: &GatewayView, generation: Option<i64>) -> Condition {
    let broken = || gateway.own_listeners().filter(|listener| !listener.unresolved.is_empty());
    if let Some(fault) = gateway.unresolved.first() {
        return Condition::new("ResolvedRefs", false, fault.reason, &fault.message, generation);
    }
    if broken().next().is_none() {
        return Condition::new("ResolvedRefs", true, "ResolvedRefs", "all references are resolved", generation);
    }
    let message = format!("listeners with references that are not resolved: {}", names(broken()));
    Condition::new("ResolvedRefs", false, "ListenersNotResolved", message, generation)
}

/// The status of a listener, be it the Gateway's own or of a ListenerSet.
pub(super) fn listener_status(
    gateway: &GatewayView,
    listener: &ListenerView,
    attached: &BTreeMap<usize, u32>,
    generation: Option<i64>,
) -> ListenerStatus {
    let mut conditions = match &gateway.pending {
        Some(fault) => ["Accepted", "Programmed"].map(|kind| unknown(kind, &fault.message, generation)).to_vec(),
        None => judged(gateway, listener, generation),
    };
    conditions.push(match &listener.conflict {
        Some(fault) => Condition::new("Conflicted", true, fault.reason, &fault.message, generation),
        None => Condition::new("Conflicted", false, "NoConflicts", "no conflict with another listener", generation),
    });
    // "This is a negative polarity condition and MUST NOT be set when it is False."
    if !listener.overlaps.is_empty() {
        let message = format!(
            "clients may reuse a connection for hosts of another listener, as these overlap: {}",
            listener.overlaps.join(", ")
        );
        conditions.push(Condition::new("OverlappingTLSConfig", true, "OverlappingHostnames", message, generation));
    }
    let kinds = listener
        .kinds
        .iter()
        .map(|kind| RouteGroupKind { group: SmolStr::new_static(GROUP), kind: SmolStr::new_static(kind.as_str()) });
    ListenerStatus {
        name: listener.key.listener.clone(),
        supported_kinds: kinds.collect(),
        attached_routes: attached.get(&listener.index).copied().unwrap_or(0),
        conditions,
    }
}

fn judged(gateway: &GatewayView, listener: &ListenerView, generation: Option<i64>) -> Vec<Condition> {
    let accepted = match &listener.refused {
        None => Condition::new("Accepted", true, "Accepted", "the listener is accepted", generation),
        Some(fault) => Condition::new("Accepted", false, fault.reason, &fault.message, generation),
    };
    let programmed = match (listener.unserved(), &gateway.refused) {
        (None, _) => Condition::new("Programmed", true, "Programmed", "the listener is served", generation),
        (Some(_), Some(fault)) => Condition::new("Programmed", false, "Invalid", &fault.message, generation),
        (Some(fault), None) => Condition::new("Programmed", false, fault.reason, &fault.message, generation),
    };
    let resolved = match listener.unresolved.first() {
        None => Condition::new("ResolvedRefs", true, "ResolvedRefs", "all references are resolved", generation),
        Some(fault) => {
            let message = crate::compile::attach::messages(&listener.unresolved);
            Condition::new("ResolvedRefs", false, fault.reason, message, generation)
        }
    };
    vec![accepted, programmed, resolved]
}
