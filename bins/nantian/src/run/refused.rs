//! What the engine could not open, as it concerns objects: findings with their place, and statuses.
//!
//! The compiler takes for granted that a port can be opened. Only who tries it knows better.

use nantian_ir::compile::{Condition, ConditionStatus, ObjectStatus, Objects, Severity, Status};
use nantian_proxy::engine::Refused;
use serde_json::Value;

use crate::finding::Finding;

/// The listener (`namespace/gateway/name`) that a refusal is about, if it is about one.
pub(super) fn listener_of(refused: &Refused) -> Option<&str> {
    refused.resource.strip_prefix("listener ")
}

/// A refusal as a finding, at the listener's place where it is one.
pub(crate) fn finding(refused: &Refused, objects: &Objects) -> Finding {
    let message = format!("{}: {}", refused.resource, refused.message);
    let mut finding = Finding::general(Severity::Error, "not-served", message, &refused.remedy);
    let Some(name) = listener_of(refused) else { return finding };
    let gateway = objects.iter().find(|object| {
        let id = object.id();
        id.kind == "Gateway"
            && name.rsplit_once('/').is_some_and(|(of, _)| of == format!("{}/{}", id.namespace, id.name))
    });
    if let Some(gateway) = gateway {
        let listeners = gateway.value().get("spec").and_then(|spec| spec.get("listeners")?.as_array());
        let is_it = |listener: &Value| listener.get("name").and_then(Value::as_str) == name.rsplit('/').next();
        if let Some(index) = listeners.and_then(|listeners| listeners.iter().position(is_it)) {
            finding.field = format!("spec.listeners[{index}]");
        }
        finding.object = Some(gateway.id().clone());
        finding.source = gateway.source(&finding.field);
    }
    finding
}

/// Statuses as they are when these listeners cannot be opened: not `Accepted` because of `PortUnavailable`, and not
/// `Programmed` (Gateway API, `ListenerConditionAccepted`, `ListenerReasonPortUnavailable`).
pub(super) fn apply_to_statuses(refused: &[Refused], statuses: &mut [ObjectStatus]) {
    for refused in refused {
        let Some((gateway, name)) = listener_of(refused).and_then(|listener| listener.rsplit_once('/')) else {
            continue;
        };
        for status in statuses.iter_mut() {
            let is_it = format!("{}/{}", status.object.namespace, status.object.name) == gateway;
            let Status::Gateway(of_gateway) = &mut status.status else { continue };
            if !is_it {
                continue;
            }
            for listener in of_gateway.listeners.iter_mut().filter(|listener| listener.name == name) {
                set_false(&mut listener.conditions, "Accepted", "PortUnavailable", &refused.message);
                set_false(&mut listener.conditions, "Programmed", "Invalid", &refused.message);
            }
        }
    }
}

fn set_false(conditions: &mut [Condition], kind: &str, reason: &'static str, message: &str) {
    for condition in conditions.iter_mut().filter(|condition| condition.kind == kind) {
        condition.status = ConditionStatus::False;
        condition.reason = reason;
        message.clone_into(&mut condition.message);
    }
}
