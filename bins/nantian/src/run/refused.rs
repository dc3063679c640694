//! What the engine could not open, as it concerns objects: findings with their place, and statuses.
//!
//! The compiler takes for granted that a port can be opened. Only who tries it knows better.

use nantian_ir::ObjectRef;
use std::sync::Arc;

use nantian_ir::compile::{Condition, ConditionStatus, ObjectStatus, Objects, Severity, Status};
use nantian_proxy::engine::Refused;
use serde_json::Value;

use crate::finding::Finding;

/// The listener (as its key prints) that a refusal is about, if it is about one.
pub(super) fn listener_of(refused: &Refused) -> Option<&str> {
    refused.resource.strip_prefix("listener ")
}

/// A refusal as a finding, at the listener's place where it is one.
pub(crate) fn finding(refused: &Refused, objects: &Objects) -> Finding {
    let message = format!("{}: {}", refused.resource, refused.message);
    let mut finding = Finding::general(Severity::Error, "not-served", message, &refused.remedy);
    let Some((kind, owner, name)) = listener_of(refused).and_then(owner_of) else { return finding };
    let is_owner = |id: &ObjectRef| id.kind == kind && owner == format!("{}/{}", id.namespace, id.name);
    if let Some(object) = objects.iter().find(|object| is_owner(object.id())) {
        let listeners = object.value().get("spec").and_then(|spec| spec.get("listeners")?.as_array());
        let is_it = |listener: &Value| listener.get("name").and_then(Value::as_str) == Some(name);
        if let Some(index) = listeners.and_then(|listeners| listeners.iter().position(is_it)) {
            finding.field = format!("spec.listeners[{index}]");
        }
        finding.object = Some(object.id().clone());
        finding.source = object.source(&finding.field);
    }
    finding
}

/// The object that has a listener (its kind, and `namespace/name`), and the listener's name in it.
fn owner_of(listener: &str) -> Option<(&'static str, &str, &str)> {
    let (owner, name) = listener.rsplit_once('/')?;
    match owner.match_indices('/').nth(1) {
        None => Some(("Gateway", owner, name)),
        // The Gateway comes first, then the ListenerSet.
        Some((end, _)) => Some(("ListenerSet", owner.get(end + 1..)?, name)),
    }
}

/// Statuses as they are when these listeners cannot be opened: not `Accepted` because of `PortUnavailable`, and not
/// `Programmed` (Gateway API, `ListenerConditionAccepted`, `ListenerReasonPortUnavailable`).
pub(super) fn apply_to_statuses(refused: &[Refused], statuses: &mut [Arc<ObjectStatus>]) {
    for refused in refused {
        let Some((kind, owner, name)) = listener_of(refused).and_then(owner_of) else { continue };
        for status in statuses.iter_mut() {
            if status.object.kind != kind || format!("{}/{}", status.object.namespace, status.object.name) != owner {
                continue;
            }
            let listeners = match &mut Arc::make_mut(status).status {
                Status::Gateway(gateway) => &mut gateway.listeners,
                Status::ListenerSet(set) => &mut set.listeners,
                _ => continue,
            };
            for listener in listeners.iter_mut().filter(|listener| listener.name == name) {
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
        condition.message = message.into();
    }
}
