//! What data planes say of routes that they do not take whole.
//!
//! A route has no condition for what is served; a rule that is not is one that was dropped, and a backend to which no connection
//! is made is a reference that is not resolved.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use nantian_ir::compile::status::RouteStatus;
use nantian_ir::compile::{Condition, ConditionStatus};
use nantian_ir::{BackendKey, ObjectRef, RouteKey, RuleKey, Snapshot};

use super::served::Servers;
use crate::NodeStatus;
use crate::edges::edges;

/// The names that data planes give what they refuse: type and key.
const RULE: &str = "RouteRule ";
const BACKEND: &str = "Backend ";
const GROUP: &str = "gateway.networking.k8s.io";

/// Rules or backends whose refusals are told in one message.
const MAX_TOLD: usize = 8;

/// The route of a resource that is refused. `None`: it is no rule of a route.
fn route_of(resource: &str) -> Option<ObjectRef> {
    let mut parts = resource.strip_prefix(RULE)?.split('/');
    let (kind, namespace, name) = (parts.next()?, parts.next()?, parts.next()?);
    Some(ObjectRef { group: GROUP.into(), kind: kind.into(), namespace: namespace.into(), name: name.into() })
}

fn object_of(route: &RouteKey) -> ObjectRef {
    let RouteKey { kind, namespace, name } = route;
    ObjectRef { group: GROUP.into(), kind: kind.as_str().into(), namespace: namespace.clone(), name: name.clone() }
}

/// The routes of which data planes refuse something.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refusals {
    /// Those with a rule that is refused.
    rules: BTreeSet<ObjectRef>,
    /// Those that send to a backend that is refused, with such backends.
    backends: BTreeMap<ObjectRef, BTreeSet<BackendKey>>,
}

impl Refusals {
    /// What the data planes that are connected refuse of this snapshot.
    pub(super) fn of(nodes: &[NodeStatus], snapshot: &Snapshot) -> Self {
        let connected = nodes.iter().filter(|node| node.connected);
        let refused: BTreeSet<&str> =
            connected.flat_map(|node| &node.refused).map(|refusal| refusal.resource.as_str()).collect();
        let rules = refused.iter().filter_map(|resource| route_of(resource)).collect();
        let mut backends: BTreeMap<ObjectRef, BTreeSet<BackendKey>> = BTreeMap::new();
        if refused.iter().any(|resource| resource.starts_with(BACKEND)) {
            let is_refused = |key: &&BackendKey| refused.contains(format!("{BACKEND}{key}").as_str());
            let keys: BTreeSet<&BackendKey> = snapshot.backends.keys().filter(is_refused).collect();
            for (route, backend) in edges(snapshot).filter(|(_, backend)| keys.contains(backend)) {
                backends.entry(object_of(route)).or_default().insert(backend.clone());
            }
        }
        Self { rules, backends }
    }

    /// Whether this is one of them.
    pub(super) fn concern(&self, route: &ObjectRef) -> bool {
        self.rules.contains(route) || self.backends.contains_key(route)
    }

    /// All of them.
    pub(super) fn routes(&self) -> impl Iterator<Item = &ObjectRef> {
        self.rules.iter().chain(self.backends.keys())
    }
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

/// Takes back what the compiler said of a route where data planes refuse rules or backends of it.
pub(super) fn judge(id: &ObjectRef, route: &mut RouteStatus, snapshot: &Snapshot, servers: &Servers<'_>) {
    if let Some(message) = servers.refusals.backends.get(id).and_then(|keys| of_backends(keys, servers)) {
        for parent in &mut route.parents {
            unresolve(&mut parent.conditions, "BackendRefused", &message);
        }
    }
    if !servers.refusals.rules.contains(id) {
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

fn of_backends(keys: &BTreeSet<BackendKey>, servers: &Servers<'_>) -> Option<String> {
    let told = keys.iter().filter_map(|key| {
        let resource = format!("{BACKEND}{key}");
        Some(format!("backend {key}: {}", servers.refusal(&resource)?))
    });
    let told: Vec<String> = told.take(MAX_TOLD).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// Says of references that were resolved that they are of no use to data planes.
pub(super) fn unresolve(conditions: &mut [Condition], reason: &'static str, message: &str) {
    let Some(resolved) = conditions.iter_mut().find(|condition| condition.kind == "ResolvedRefs") else { return };
    if resolved.status == ConditionStatus::True {
        (resolved.status, resolved.reason, resolved.message) = (ConditionStatus::False, reason, message.into());
    } else {
        resolved.message = format!("{}; {message}", resolved.message).into();
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
