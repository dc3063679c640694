//! Status of a ListenerSet and its listeners (GEP-1713).

use std::collections::BTreeMap;

use super::gateway::{listener_status, names, not_programmed, unknown};
use super::{Condition, ListenerSetStatus, ObjectStatus, Status};
use crate::compile::attach::Fault;
use crate::compile::attach::gateway::GatewayView;
use crate::compile::attach::listener::ListenerView;
use crate::compile::attach::listener_set::SetView;

/// The status of a set whose Gateway is ours.
pub(crate) fn status(set: &SetView, gateway: &GatewayView, attached: &BTreeMap<usize, u32>) -> ObjectStatus {
    let generation = set.entry.value.metadata.generation;
    let conditions = match &gateway.pending {
        Some(fault) if set.not_allowed.is_none() => {
            ["Accepted", "Programmed"].map(|kind| unknown(kind, &fault.message, generation)).to_vec()
        }
        _ => vec![accepted(set, gateway, generation), programmed(set, gateway, generation)],
    };
    let listeners =
        listeners(set, gateway).map(|listener| listener_status(gateway, listener, attached, generation)).collect();
    let status = ListenerSetStatus { conditions, listeners };
    ObjectStatus { object: set.entry.object.id().clone(), status: Status::ListenerSet(status) }
}

/// The set's listeners; none if the Gateway does not take the set.
fn listeners<'g>(set: &'g SetView, gateway: &'g GatewayView) -> impl Iterator<Item = &'g ListenerView> {
    gateway.listeners.iter().filter(|listener| listener.key.set.as_ref() == Some(&set.key))
}

/// Why the set is not accepted. It takes one valid listener to be.
pub(crate) fn refusal(set: &SetView, gateway: &GatewayView) -> Option<Fault> {
    let parent = || {
        let fault = gateway.not_accepted()?;
        Some(Fault::new("ParentNotAccepted", format!("the Gateway is not accepted: {}", fault.message)))
    };
    let own = || {
        if listeners(set, gateway).any(|listener| listener.fault().is_none()) {
            return None;
        }
        let message = format!("no listener is valid: {}", names(listeners(set, gateway)));
        Some(Fault::new("ListenersNotValid", message))
    };
    set.not_allowed.clone().or_else(parent).or_else(own)
}

fn accepted(set: &SetView, gateway: &GatewayView, generation: Option<i64>) -> Condition {
    if let Some(fault) = refusal(set, gateway) {
        return Condition::new("Accepted", false, fault.reason, fault.message, generation);
    }
    let of = |valid: bool| listeners(set, gateway).filter(move |listener| listener.fault().is_none() == valid);
    if of(false).next().is_none() {
        return Condition::new("Accepted", true, "Accepted", "the ListenerSet is accepted", generation);
    }
    let message = format!("listeners that are not valid: {}; accepted: {}", names(of(false)), names(of(true)));
    Condition::new("Accepted", true, "ListenersNotValid", message, generation)
}

fn programmed(set: &SetView, gateway: &GatewayView, generation: Option<i64>) -> Condition {
    let parent = |why: &str| Fault::new("ParentNotProgrammed", format!("the Gateway is not served: {why}"));
    let fault = match refusal(set, gateway) {
        Some(fault) if fault.reason == "ParentNotAccepted" => {
            Some(parent(&gateway.not_accepted().unwrap_or(fault).message))
        }
        Some(fault) => Some(fault),
        None => not_programmed(gateway).map(|fault| parent(&fault.message)),
    };
    match fault {
        Some(fault) => Condition::new("Programmed", false, fault.reason, fault.message, generation),
        None => Condition::new("Programmed", true, "Programmed", "the ListenerSet is served", generation),
    }
}
