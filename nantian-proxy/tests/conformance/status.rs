//! The suite's assertions on statuses (`conformance/utils/kubernetes/helpers.go`).

use nantian_ir::compile::{Condition, ConditionStatus, Status};
use serde::Deserialize;
use serde_json::Value;

use crate::cluster::Cluster;

/// A condition as the suite wants it; an empty reason is any.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    #[serde(rename = "type")]
    kind: String,
    status: String,
    #[serde(default)]
    reason: String,
}

/// A listener as the suite wants it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Listener {
    name: String,
    supported_kinds: Vec<String>,
    #[serde(default)]
    attached_routes: u32,
    conditions: Vec<Wanted>,
}

/// A parent of a route as the suite wants it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Parent {
    parent_ref: Value,
    conditions: Vec<Wanted>,
}

/// An assertion.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Expected {
    /// `GatewayAndRoutesMustBeAccepted`.
    Accepted {
        gateway: String,
        kind: String,
        #[serde(default)]
        routes: Vec<String>,
        #[serde(default)]
        listeners: Vec<String>,
    },
    /// `HTTPRouteMustHaveCondition`.
    RouteCondition { route: String, gateway: String, condition: Wanted },
    /// `HTTPRouteMustHaveParents`.
    RouteParents { route: String, parents: Vec<Parent> },
    /// `HTTPRouteMustHaveNoAcceptedParents`.
    NoAcceptedParents { route: String },
    /// `NamespacesMustBeReady`.
    NamespacesReady { namespaces: Vec<String> },
    /// `GatewayStatusMustHaveListeners`.
    Listeners { gateway: String, listeners: Vec<Listener> },
    /// `GatewayMustHaveZeroRoutes`.
    ZeroRoutes { gateway: String },
    /// `GatewayMustHaveCondition`.
    GatewayCondition { gateway: String, condition: Wanted },
    /// `gateway.Status.Addresses`, all of them.
    Addresses { gateway: String, addresses: Vec<String> },
    /// `GWCMustHaveAcceptedConditionTrue` and `GatewayClassMustHaveLatestConditions`.
    ClassAccepted { class: String },
}

type Result = std::result::Result<(), String>;

/// Whether the assertion holds.
pub(crate) fn check(expected: &Expected, cluster: &Cluster) -> Result {
    match expected {
        Expected::Accepted { gateway, kind, routes, listeners } => {
            routes.iter().try_for_each(|route| accepted(cluster, kind, route, gateway))?;
            let programmed = ["ResolvedRefs", "Accepted", "Programmed"].map(|kind| wanted(kind, "True"));
            each_listener(cluster, gateway, listeners, &programmed)
        }
        Expected::RouteCondition { route, gateway, condition } => {
            let parents = parents(cluster, "HTTPRoute", route)?;
            let (namespace, name) = gateway.split_once('/').unwrap();
            let of_gateway = |reference: &Value| {
                reference["name"] == name && reference.get("namespace").is_none_or(|found| found == namespace)
            };
            let mut of_gateway = parents.iter().filter(|(reference, _)| of_gateway(reference));
            let found = of_gateway.any(|(_, conditions)| has(conditions, condition).is_ok());
            found.then_some(()).ok_or_else(|| format!("{route}: no parent {gateway} has {condition:?}: {parents:?}"))
        }
        Expected::RouteParents { route, parents: expected } => {
            let found = parents(cluster, "HTTPRoute", route)?;
            expected.iter().try_for_each(|wanted| has_parent(route, &found, wanted, true))
        }
        Expected::NoAcceptedParents { route } => match parents(cluster, "HTTPRoute", route)?.as_slice() {
            [] => Ok(()),
            [(_, conditions)] => has(conditions, &wanted("Accepted", "False")),
            more => Err(format!("{route} has more than one parent: {more:?}")),
        },
        Expected::NamespacesReady { namespaces } => namespaces.iter().try_for_each(|name| ready(cluster, name)),
        Expected::Listeners { gateway, listeners } => has_listeners(cluster, gateway, listeners),
        Expected::ZeroRoutes { gateway } => match self::gateway(cluster, gateway)?.listeners.as_slice() {
            [] => Ok(()),
            [listener] if listener.attached_routes == 0 => Ok(()),
            more => Err(format!("{gateway} has routes: {more:?}")),
        },
        Expected::GatewayCondition { gateway, condition } => {
            has(&self::gateway(cluster, gateway)?.conditions, condition)
        }
        Expected::Addresses { gateway, addresses } => {
            let found: Vec<_> = self::gateway(cluster, gateway)?.addresses.iter().map(|a| a.value.clone()).collect();
            (found == *addresses).then_some(()).ok_or_else(|| format!("{gateway} has the addresses {found:?}"))
        }
        Expected::ClassAccepted { class } => match cluster.status("GatewayClass", class) {
            Some((object, Status::GatewayClass(status))) => {
                latest(object, &status.conditions)?;
                has(&status.conditions, &wanted("Accepted", "True"))
            }
            _ => Err(format!("the class {class} has no status")),
        },
    }
}

fn wanted(kind: &str, status: &str) -> Wanted {
    Wanted { kind: kind.to_owned(), status: status.to_owned(), reason: String::new() }
}

/// `findConditionInList`.
fn has(conditions: &[Condition], wanted: &Wanted) -> Result {
    let found = conditions.iter().any(|condition| {
        let status = match condition.status {
            ConditionStatus::True => "True",
            ConditionStatus::False => "False",
            ConditionStatus::Unknown => "Unknown",
        };
        condition.kind == wanted.kind
            && status == wanted.status
            && (wanted.reason.is_empty() || condition.reason == wanted.reason)
    });
    found.then_some(()).ok_or_else(|| format!("not {wanted:?} in {conditions:?}"))
}

/// `ConditionsHaveLatestObservedGeneration`.
fn latest(object: &Value, conditions: &[Condition]) -> Result {
    let generation = object["metadata"]["generation"].as_i64();
    let stale = conditions.iter().find(|condition| condition.observed_generation != generation);
    stale.map_or(Ok(()), |stale| Err(format!("not of generation {generation:?}: {stale:?}")))
}

fn gateway<'c>(
    cluster: &'c Cluster,
    name: &str,
) -> std::result::Result<&'c nantian_ir::compile::status::GatewayStatus, String> {
    match cluster.status("Gateway", name) {
        Some((object, Status::Gateway(status))) => {
            latest(object, &status.conditions)?;
            status.listeners.iter().try_for_each(|listener| latest(object, &listener.conditions))?;
            Ok(status)
        }
        _ => Err(format!("the Gateway {name} has no status")),
    }
}

type Parents<'c> = Vec<(Value, &'c [Condition])>;

fn parents<'c>(cluster: &'c Cluster, kind: &str, route: &str) -> std::result::Result<Parents<'c>, String> {
    let Some((object, Status::Route(status))) = cluster.status(kind, route) else { return Ok(Vec::new()) };
    let ours = status.parents.iter().filter(|parent| parent.controller_name == cluster.options.controller_name);
    let parents: Parents<'_> = ours.map(|parent| (parent.parent_ref.value(), parent.conditions.as_slice())).collect();
    parents.iter().try_for_each(|(_, conditions)| latest(object, conditions))?;
    Ok(parents)
}

/// `parentsForRouteMatch`.
fn has_parent(route: &str, parents: &Parents<'_>, wanted: &Parent, namespace_required: bool) -> Result {
    let same = |reference: &Value| {
        let equal = |field: &str| reference.get(field) == wanted.parent_ref.get(field);
        let namespace = equal("namespace") || !namespace_required && reference.get("namespace").is_none();
        equal("group") && equal("kind") && equal("name") && namespace
    };
    let found = parents.iter().any(|(reference, conditions)| {
        same(reference) && wanted.conditions.iter().all(|condition| has(conditions, condition).is_ok())
    });
    found.then_some(()).ok_or_else(|| format!("{route} has no parent {wanted:?}: {parents:?}"))
}

fn accepted(cluster: &Cluster, kind: &str, route: &str, gateway: &str) -> Result {
    let (namespace, name) = gateway.split_once('/').unwrap();
    let parent_ref = serde_json::json!({
        "group": "gateway.networking.k8s.io", "kind": "Gateway", "namespace": namespace, "name": name,
    });
    let condition = Wanted { reason: "Accepted".to_owned(), ..wanted("Accepted", "True") };
    let wanted = Parent { parent_ref, conditions: vec![condition] };
    let other_namespace = !route.starts_with(&format!("{namespace}/"));
    has_parent(route, &parents(cluster, kind, route)?, &wanted, other_namespace)
}

fn each_listener(cluster: &Cluster, gateway: &str, names: &[String], wanted: &[Wanted]) -> Result {
    let status = self::gateway(cluster, gateway)?;
    for listener in
        status.listeners.iter().filter(|listener| names.is_empty() || names.iter().any(|name| listener.name == *name))
    {
        let held = wanted.iter().try_for_each(|condition| has(&listener.conditions, condition));
        held.map_err(|why| format!("{gateway} {}: {why}", listener.name))?;
    }
    Ok(())
}

fn ready(cluster: &Cluster, namespace: &str) -> Result {
    for (name, object) in cluster.gateways(namespace) {
        if object["metadata"]["annotations"]["gateway-api/skip-this-for-readiness"] == "true" {
            continue;
        }
        let conditions = &gateway(cluster, &name)?.conditions;
        for kind in ["Accepted", "Programmed"] {
            has(conditions, &wanted(kind, "True")).map_err(|why| format!("{name}: {why}"))?;
        }
    }
    Ok(())
}

/// `gatewayListenersMatch`: more supported kinds than the suite knows are allowed, unless it wants none.
fn has_listeners(cluster: &Cluster, gateway: &str, wanted: &[Listener]) -> Result {
    let found = &self::gateway(cluster, gateway)?.listeners;
    if found.len() != wanted.len() {
        return Err(format!("{gateway} has {} listeners", found.len()));
    }
    for wanted in wanted {
        let listener = found.iter().find(|listener| listener.name == wanted.name);
        let listener = listener.ok_or_else(|| format!("{gateway} has no listener {}", wanted.name))?;
        let known = |kind: &String| listener.supported_kinds.iter().any(|found| found.kind == *kind);
        let kinds = wanted.supported_kinds.iter().all(known)
            && (!wanted.supported_kinds.is_empty() || listener.supported_kinds.is_empty());
        if !kinds || listener.attached_routes != wanted.attached_routes {
            return Err(format!("{gateway}: {listener:?} is not {wanted:?}"));
        }
        let held = wanted.conditions.iter().try_for_each(|condition| has(&listener.conditions, condition));
        held.map_err(|why| format!("{gateway} {}: {why}", listener.name))?;
    }
    Ok(())
}
