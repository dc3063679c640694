//! What the engine could not open, as it concerns objects: findings with their place, and statuses.
//!
//! The compiler takes for granted that a port can be opened. Only who tries it knows better.

use std::sync::Arc;

use nantian_ir::compile::status::ListenerStatus;
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
        let value = object.value();
        let listeners = value.get("spec").and_then(|spec| spec.get("listeners")?.as_array());
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
/// `Programmed` (Gateway API, `ListenerConditionAccepted`, `ListenerReasonPortUnavailable`). Their Gateway says so, and is
/// neither when no listener is left.
pub(super) fn apply_to_statuses(refused: &[Refused], statuses: &mut [Arc<ObjectStatus>]) {
    for refused in refused {
        let Some(key) = listener_of(refused) else { continue };
        for status in statuses.iter_mut() {
            if !is_owner(&status.object, key) {
                continue;
            }
            let (conditions, listeners) = match &mut Arc::make_mut(status).status {
                Status::Gateway(gateway) => (&mut gateway.conditions, &mut gateway.listeners),
                Status::ListenerSet(set) => (&mut set.conditions, &mut set.listeners),
                _ => continue,
            };
            for listener in listeners.iter_mut().filter(|listener| listener.name == key.listener) {
                set_false(&mut listener.conditions, "Accepted", "PortUnavailable", &refused.message);
                set_false(&mut listener.conditions, "Programmed", "Invalid", &refused.message);
            }
            apply_to_owner(conditions, listeners);
        }
    }
}

/// What the listeners come to for their Gateway or ListenerSet, as the compiler says it of listeners that are not valid.
fn apply_to_owner(conditions: &mut [Condition], listeners: &[ListenerStatus]) {
    let holds = |listener: &&ListenerStatus, kind: &str| {
        listener.conditions.iter().any(|one| one.kind == kind && one.status == ConditionStatus::True)
    };
    let names = |accepted: bool| {
        let chosen = listeners.iter().filter(|listener| holds(listener, "Accepted") == accepted);
        chosen.map(|listener| listener.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let (refused, accepted) = (names(false), names(true));
    if accepted.is_empty() {
        set_false(conditions, "Accepted", "ListenersNotValid", &format!("no listener is valid: {refused}"));
    } else {
        let is_accepted = |one: &&mut Condition| one.kind == "Accepted" && one.status == ConditionStatus::True;
        for condition in conditions.iter_mut().filter(is_accepted) {
            condition.reason = "ListenersNotValid";
            condition.message = format!("listeners that are not valid: {refused}; accepted: {accepted}").into();
        }
    }
    if !listeners.iter().any(|listener| holds(&listener, "Programmed")) {
        set_false(conditions, "Programmed", "Invalid", "no listener can be served");
    }
}

fn set_false(conditions: &mut [Condition], kind: &str, reason: &'static str, message: &str) {
    for condition in conditions.iter_mut().filter(|condition| condition.kind == kind) {
        condition.status = ConditionStatus::False;
        condition.reason = reason;
        condition.message = message.into();
    }
}
