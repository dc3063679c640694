//! Status of a Gateway and its listeners.

use std::net::IpAddr;

use super::{
    Condition, ConditionStatus, GatewayAddress, GatewayStatus, ListenerStatus, ObjectStatus, RouteGroupKind, Status,
};
use crate::compile::attach::gateway::GatewayView;
use crate::compile::attach::listener::ListenerView;

/// The status of a Gateway of ours.
pub(crate) fn status(gateway: &GatewayView<'_, '_>) -> ObjectStatus {
    let generation = gateway.entry.value.metadata.generation;
    let conditions = match &gateway.pending {
        Some(fault) => ["Accepted", "Programmed"].map(|kind| unknown(kind, &fault.message, generation)).to_vec(),
        None => vec![accepted(gateway, generation), programmed(gateway, generation), resolved(gateway, generation)],
    };
    let listeners = gateway.listeners.iter().map(|listener| listener_status(gateway, listener, generation)).collect();
    let served = gateway.refused.is_none() && gateway.pending.is_none();
    let addresses = gateway
        .addresses
        .assigned
        .iter()
        .filter(|_| served)
        .map(|address| GatewayAddress { kind: "IPAddress", value: IpAddr::to_string(address) });
    let status = GatewayStatus { addresses: addresses.collect(), conditions, listeners };
    ObjectStatus { object: gateway.entry.object.id().clone(), status: Status::Gateway(status) }
}

fn unknown(kind: &'static str, message: &str, observed_generation: Option<i64>) -> Condition {
    let (status, reason, message) = (ConditionStatus::Unknown, "Pending", message.to_owned());
    Condition { kind, status, observed_generation, reason, message }
}

fn names<'l>(listeners: impl Iterator<Item = &'l ListenerView>) -> String {
    listeners.map(|listener| listener.key.listener.as_str()).collect::<Vec<_>>().join(", ")
}

/// `ListenersNotValid` "can be the reason when Accepted is True or False, depending on whether the listener being invalid
/// causes the entire Gateway to not be accepted": it does when no listener is left.
fn accepted(gateway: &GatewayView<'_, '_>, generation: Option<i64>) -> Condition {
    if let Some(fault) = &gateway.refused {
        return Condition::new("Accepted", false, fault.reason, &fault.message, generation);
    }
    let refused = || gateway.listeners.iter().filter(|listener| listener.refused.is_some());
    let valid = || gateway.listeners.iter().filter(|listener| listener.refused.is_none());
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

fn programmed(gateway: &GatewayView<'_, '_>, generation: Option<i64>) -> Condition {
    if let Some(fault) = &gateway.refused {
        return Condition::new("Programmed", false, "Invalid", &fault.message, generation);
    }
    if let Some(fault) = &gateway.addresses.fault {
        return Condition::new("Programmed", false, fault.reason, &fault.message, generation);
    }
    if gateway.listeners.iter().all(|listener| listener.unserved().is_some()) {
        return Condition::new("Programmed", false, "Invalid", "no listener can be served", generation);
    }
    Condition::new("Programmed", true, "Programmed", "the Gateway is served", generation)
}

fn resolved(gateway: &GatewayView<'_, '_>, generation: Option<i64>) -> Condition {
    let broken = || gateway.listeners.iter().filter(|listener| !listener.unresolved.is_empty());
    if let Some(fault) = gateway.unresolved.first() {
        return Condition::new("ResolvedRefs", false, fault.reason, &fault.message, generation);
    }
    if broken().next().is_none() {
        return Condition::new("ResolvedRefs", true, "ResolvedRefs", "all references are resolved", generation);
    }
    let message = format!("listeners with references that are not resolved: {}", names(broken()));
    Condition::new("ResolvedRefs", false, "ListenersNotResolved", message, generation)
}

fn listener_status(gateway: &GatewayView<'_, '_>, listener: &ListenerView, generation: Option<i64>) -> ListenerStatus {
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
        .map(|kind| RouteGroupKind { group: "gateway.networking.k8s.io".to_owned(), kind: kind.as_str().to_owned() });
    ListenerStatus {
        name: listener.key.listener.clone(),
        supported_kinds: kinds.collect(),
        attached_routes: listener.attached,
        conditions,
    }
}

fn judged(gateway: &GatewayView<'_, '_>, listener: &ListenerView, generation: Option<i64>) -> Vec<Condition> {
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
