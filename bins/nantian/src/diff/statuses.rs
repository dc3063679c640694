//! Conditions that changed.

use std::collections::{BTreeMap, BTreeSet};

use nantian_ir::ObjectRef;
use nantian_ir::compile::{Condition, ConditionStatus, ObjectStatus};
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
        for (part, conditions) in status.parts() {
            let about = part.to_string();
            for Condition { kind, status, reason, message, .. } in conditions {
                let state = State { status: *status, reason, message: message.to_string() };
                found.insert((object.clone(), about.clone(), kind), state);
            }
        }
    }
    found
}
