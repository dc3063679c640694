//! What the engine could not open, as it concerns objects: findings with their place, and statuses.
//!
//! The compiler takes for granted that a port can be opened. Only who tries it knows better.

use std::sync::Arc;

use nantian_ir::compile::{Condition, ConditionStatus, ObjectStatus, Objects, Severity, Status};
use nantian_ir::{ListenerKey, ObjectRef};
use nantian_proxy::engine::{Part, Refused};
use serde_json::Value;

use crate::finding::Finding;

/// The listener that a refusal is about, if it is about one.
pub(super) fn listener_of(refused: &Refused) -> Option<&ListenerKey> {
    if let Part::Listener(key) = &refused.part { Some(key) } else { None }
}

/// A refusal as a finding, at the listener's place where it is one.
pub(crate) fn finding(refused: &Refused, objects: &Objects) -> Finding {
    let message = format!("{}: {}", refused.part, refused.message);
    let mut finding = Finding::general(Severity::Error, "not-served", message, &refused.remedy);
    let Some(key) = listener_of(refused) else { return finding };
    if let Some(object) = objects.iter().find(|object| is_owner(object.id(), key)) {
        let listeners = object.value().get("spec").and_then(|spec| spec.get("listeners")?.as_array());
        let is_it = |listener: &Value| listener.get("name").and_then(Value::as_str) == Some(&key.listener);
        if let Some(index) = listeners.and_then(|listeners| listeners.iter().position(is_it)) {
            finding.field = format!("spec.listeners[{index}]");
        }
        finding.object = Some(object.id().clone());
        finding.source = object.source(&finding.field);
    }
    finding
}

/// Whether an object has a listener.
fn is_owner(object: &ObjectRef, listener: &ListenerKey) -> bool {
    let (kind, namespace, name) = match &listener.set {
        None => ("Gateway", &listener.namespace, &listener.gateway),
        Some(set) => ("ListenerSet", &set.namespace, &set.name),
    };
    object.kind == kind && object.namespace == *namespace && object.name == *name
}

/// Statuses as they are when these listeners cannot be opened: not `Accepted` because of `PortUnavailable`, and not
/// `Programmed` (Gateway API, `ListenerConditionAccepted`, `ListenerReasonPortUnavailable`).
pub(super) fn apply_to_statuses(refused: &[Refused], statuses: &mut [Arc<ObjectStatus>]) {
    for refused in refused {
        let Some(key) = listener_of(refused) else { continue };
        for status in statuses.iter_mut() {
            if !is_owner(&status.object, key) {
                continue;
            }
            let listeners = match &mut Arc::make_mut(status).status {
                Status::Gateway(gateway) => &mut gateway.listeners,
                Status::ListenerSet(set) => &mut set.listeners,
                _ => continue,
            };
            for listener in listeners.iter_mut().filter(|listener| listener.name == key.listener) {
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
