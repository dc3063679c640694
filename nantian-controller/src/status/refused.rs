//! What data planes say of rules of routes that they do not take.
//!
//! A route has no condition for what is served; a rule that is not is one that was dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use nantian_ir::compile::status::RouteStatus;
use nantian_ir::compile::{Condition, ConditionStatus};
use nantian_ir::{ObjectRef, RuleKey, Snapshot};

use super::served::Servers;

/// The name that a data plane gives a rule: its type and key.
const RULE: &str = "RouteRule ";
const GROUP: &str = "gateway.networking.k8s.io";

/// Rules whose refusals are told in one message.
const MAX_TOLD: usize = 8;

/// The route of a resource that is refused. `None`: it is no rule of a route.
pub(super) fn route_of(resource: &str) -> Option<ObjectRef> {
    let mut parts = resource.strip_prefix(RULE)?.split('/');
    let (kind, namespace, name) = (parts.next()?, parts.next()?, parts.next()?);
    Some(ObjectRef { group: GROUP.into(), kind: kind.into(), namespace: namespace.into(), name: name.into() })
}

/// What data planes refuse of a route.
#[derive(Debug, Default, PartialEq, Eq)]
struct Dropped {
    /// Positions of rules, with what is said of them.
    rules: BTreeMap<u32, String>,
    /// Whether nobody serves any of it.
    is_all: bool,
}

impl Dropped {
    fn of(route: &ObjectRef, snapshot: &Snapshot, servers: &Servers<'_>) -> Self {
        let is_its = |key: &&RuleKey| {
            let it = &key.route;
            it.kind.to_string() == route.kind && it.namespace == route.namespace && it.name == route.name
        };
        let mut dropped = Self { rules: BTreeMap::new(), is_all: true };
        for key in snapshot.rules.keys().filter(is_its) {
            let resource = format!("{RULE}{key}");
            dropped.is_all &= !servers.serve(&resource, &|served| served.rules.get(key).is_some());
            if let Some(message) = servers.refusal(&resource) {
                dropped.rules.entry(key.rule).or_insert(message);
            }
        }
        dropped
    }

    fn message(&self) -> String {
        let positions: Vec<String> = self.rules.keys().map(u32::to_string).collect();
        let mut told: BTreeSet<&str> = BTreeSet::new();
        // The same is mostly said of all of them.
        told.extend(self.rules.values().map(String::as_str).take(MAX_TOLD));
        let mut message = format!("Dropped Rule(s) [{}]: ", positions.join(", "));
        for (index, text) in told.iter().enumerate() {
            // Writing to a String cannot fail.
            let _ = write!(message, "{}{text}", if index == 0 { "" } else { "; " });
        }
        message
    }
}

/// Takes back what the compiler said of a route where data planes refuse rules of it.
pub(super) fn judge(id: &ObjectRef, route: &mut RouteStatus, snapshot: &Snapshot, servers: &Servers<'_>) {
    if !servers.refuse_some_of(id) {
        return;
    }
    let dropped = Dropped::of(id, snapshot, servers);
    if dropped.rules.is_empty() {
        return;
    }
    for parent in &mut route.parents {
        apply(&mut parent.conditions, &dropped);
    }
}

fn apply(conditions: &mut Vec<Condition>, dropped: &Dropped) {
    let Some(accepted) = conditions.iter_mut().find(|condition| condition.kind == "Accepted") else { return };
    if accepted.status != ConditionStatus::True {
        return;
    }
    let observed_generation = accepted.observed_generation;
    let message = dropped.message();
    // "This condition MUST NOT be set if a Route is fully valid, fully invalid, or not accepted."
    if dropped.is_all {
        (accepted.status, accepted.reason) = (ConditionStatus::False, "UnsupportedValue");
        accepted.message = message.into();
        conditions.retain(|condition| condition.kind != "PartiallyInvalid");
        return;
    }
    match conditions.iter_mut().find(|condition| condition.kind == "PartiallyInvalid") {
        Some(partly) => partly.message = format!("{}; {message}", partly.message).into(),
        None => conditions.push(Condition {
            kind: "PartiallyInvalid",
            status: ConditionStatus::True,
            observed_generation,
            reason: "UnsupportedValue",
            message: message.into(),
        }),
    }
}
