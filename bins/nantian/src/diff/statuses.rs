//! Conditions that changed.

use std::collections::{BTreeMap, BTreeSet};

use nantian_ir::ObjectRef;
use nantian_ir::compile::{Condition, ConditionStatus, ObjectStatus, Status};
use serde::Serialize;

/// A condition that is another now, or came or went.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConditionChange {
    /// Whose status.
    pub(super) object: ObjectRef,
    /// The listener, parent or ancestor that it is about; empty: the object itself.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) about: String,
    /// Its type.
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    /// Before; `None`: there was none.
    pub(super) old: Option<State>,
    /// Now; `None`: there is none.
    pub(super) new: Option<State>,
}

/// What a condition says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct State {
    pub(super) status: ConditionStatus,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

type Conditions = BTreeMap<(ObjectRef, String, &'static str), State>;

/// Conditions whose status or reason differs.
pub(super) fn between(old: &[ObjectStatus], new: &[ObjectStatus]) -> Vec<ConditionChange> {
    let (old, new) = (conditions(old), conditions(new));
    let all: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let said = |state: Option<&State>| state.map(|state| (state.status, state.reason));
    let changed = all.into_iter().filter(|key| said(old.get(*key)) != said(new.get(*key)));
    let change = |key: &(ObjectRef, String, &'static str)| {
        let (object, about, kind) = key.clone();
        ConditionChange { object, about, kind, old: old.get(key).cloned(), new: new.get(key).cloned() }
    };
    changed.map(change).collect()
}

fn conditions(statuses: &[ObjectStatus]) -> Conditions {
    let mut found = Conditions::new();
    for ObjectStatus { object, status, .. } in statuses {
        for (about, conditions) in parts(status) {
            for Condition { kind, status, reason, message, .. } in conditions {
                let state = State { status: *status, reason, message: message.clone() };
                found.insert((object.clone(), about.clone(), kind), state);
            }
        }
    }
    found
}

/// The lists of conditions of a status, with what each is about.
fn parts(status: &Status) -> Vec<(String, &[Condition])> {
    let itself = |conditions| (String::new(), conditions);
    let listener = |one: &'_ nantian_ir::compile::status::ListenerStatus| format!("listener {}", one.name);
    match status {
        Status::GatewayClass(class) => vec![itself(&*class.conditions)],
        Status::Gateway(gateway) => {
            let listeners = gateway.listeners.iter().map(|one| (listener(one), &*one.conditions));
            std::iter::once(itself(&*gateway.conditions)).chain(listeners).collect()
        }
        Status::ListenerSet(set) => {
            let listeners = set.listeners.iter().map(|one| (listener(one), &*one.conditions));
            std::iter::once(itself(&*set.conditions)).chain(listeners).collect()
        }
        Status::Route(route) => {
            let parents = route.parents.iter();
            parents.map(|parent| (format!("parent {}", reference(&parent.parent_ref)), &*parent.conditions)).collect()
        }
        Status::Policy(policy) => {
            let ancestors = policy.ancestors.iter().map(|ancestor| {
                let of = &ancestor.ancestor_ref;
                (format!("ancestor {}/{}/{}", of.kind, of.namespace, of.name), &*ancestor.conditions)
            });
            ancestors.collect()
        }
        _ => Vec::new(),
    }
}

/// A `ParentReference` in short.
fn reference(parent: &serde_json::Value) -> String {
    let text = |field: &str| parent.get(field).and_then(serde_json::Value::as_str);
    let mut name = format!("{}/", text("kind").unwrap_or("Gateway"));
    if let Some(namespace) = text("namespace") {
        name.push_str(namespace);
        name.push('/');
    }
    name.push_str(text("name").unwrap_or_default());
    for part in ["port", "sectionName"] {
        if let Some(value) = parent.get(part) {
            name.push(' ');
            name.push_str(&value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned));
        }
    }
    name
}
