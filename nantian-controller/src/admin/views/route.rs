use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nantian_ir::compile::Status;
use nantian_ir::compile::status::RouteStatus;
use nantian_ir::{Attachment, ObjectRef, RouteKey, RouteKind, RouteRule, StreamRule};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{Condition, conditions, holds};
use crate::Published;
use crate::admin::observed::Observed;
use crate::admin::page::{Column, Element};
use crate::admin::problem::Problem;

/// A route that asks for a Gateway of ours.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::admin) struct Route {
    /// `HTTPRoute`, `GRPCRoute`, `TLSRoute`, `TCPRoute` or `UDPRoute`.
    kind: String,
    /// Its namespace.
    namespace: String,
    /// Its name.
    name: String,
    /// `HTTP`, `GRPC`, `TLS`, `TCP` or `UDP`.
    protocol: String,
    /// The hosts that it is served for: those that the route and its listeners have in common.
    hostnames: Vec<String>,
    /// The ids of the listeners that it is served on.
    listeners: Vec<String>,
    /// Rules that data planes have.
    rule_count: usize,
    /// Whether every parent that is ours accepts it.
    accepted: bool,
    /// The parents that are ours.
    parents: Vec<RouteParent>,
}

/// What a parent says of a route.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RouteParent {
    /// The reference, as the route has it (`ParentReference`).
    parent_ref: Value,
    /// Conditions, as the status of the route has them.
    conditions: Vec<Condition>,
}

/// A route, with its rules.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::admin) struct RouteWithRules {
    #[serde(flatten)]
    route: Route,
    /// Its rules, as data planes have them.
    rules: Vec<Rule>,
}

/// A rule of a route: one that looks at requests, or one that looks at connections.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum Rule {
    Request(Arc<RouteRule>),
    Stream(Arc<StreamRule>),
}

impl Element for Route {
    const COLUMNS: &'static [Column<Self>] = &[
        Column { name: "kind", compare: |a, b| a.kind.cmp(&b.kind) },
        Column { name: "ruleCount", compare: |a, b| a.rule_count.cmp(&b.rule_count) },
    ];
    const HAS_HOSTNAMES: bool = true;
    const HAS_PROTOCOL: bool = true;

    fn all(observed: &Observed<'_>) -> Result<Vec<Self>, Problem> {
        let published = observed.published()?;
        let mut served = BTreeMap::<&RouteKey, Vec<&[Attachment]>>::new();
        for (key, attachments) in rules(published) {
            served.entry(key).or_default().push(attachments);
        }
        let routes = published.reported().filter_map(|(object, status)| {
            let Status::Route(status) = status else { return None };
            let rules = key_of(object).and_then(|key| served.get(&key).map(Vec::as_slice));
            Some(Self::new(object, status, rules.unwrap_or_default()))
        });
        Ok(routes.collect())
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn hostnames(&self) -> &[String] {
        &self.hostnames
    }

    fn protocol(&self) -> Option<&str> {
        Some(&self.protocol)
    }
}

impl Route {
    fn new(object: &ObjectRef, status: &RouteStatus, rules: &[&[Attachment]]) -> Self {
        let attachments = || rules.iter().copied().flatten();
        let hostnames: BTreeSet<_> = attachments().flat_map(|attachment| &attachment.hostnames).collect();
        let listeners: BTreeSet<_> = attachments().map(|attachment| &attachment.listener).collect();
        let parents = status.parents.iter().map(|parent| RouteParent {
            parent_ref: parent.parent_ref.value(),
            conditions: conditions(&parent.conditions),
        });
        Self {
            kind: object.kind.to_string(),
            namespace: object.namespace.to_string(),
            name: object.name.to_string(),
            protocol: object.kind.trim_end_matches("Route").to_owned(),
            hostnames: hostnames.into_iter().map(ToString::to_string).collect(),
            listeners: listeners.into_iter().map(ToString::to_string).collect(),
            rule_count: rules.len(),
            accepted: !status.parents.is_empty()
                && status.parents.iter().all(|parent| holds(&parent.conditions, "Accepted")),
            parents: parents.collect(),
        }
    }
}

impl RouteWithRules {
    /// The route of this kind and name. Kinds may be in lower case.
    pub(in crate::admin) fn find(
        observed: &Observed<'_>,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Self, Problem> {
        let published = observed.published()?;
        let is_wanted = |object: &ObjectRef| {
            object.kind.eq_ignore_ascii_case(kind) && object.namespace == namespace && object.name == name
        };
        let found = published.reported().find_map(|(object, status)| match status {
            Status::Route(status) if is_wanted(object) => Some((object, status)),
            _ => None,
        });
        let (object, status) = found.ok_or_else(|| {
            Problem::not_found(format!(
                "there is no {kind} {namespace}/{name} with a Gateway of ours: /v1/routes has all"
            ))
        })?;
        let key = key_of(object);
        let of_route = |(held, _): &(&RouteKey, &[Attachment])| Some(*held) == key.as_ref();
        let attachments: Vec<&[Attachment]> = rules(published).filter(of_route).map(|(_, at)| at).collect();
        let route = Route::new(object, status, &attachments);
        let snapshot = &published.snapshot;
        let requests = snapshot.rules.values().filter(|rule| Some(&rule.key.route) == key.as_ref());
        let streams = snapshot.stream_rules.values().filter(|rule| Some(&rule.key.route) == key.as_ref());
        let requests = requests.cloned().map(Rule::Request);
        let rules = requests.chain(streams.cloned().map(Rule::Stream)).collect();
        Ok(Self { route, rules })
    }
}

/// Every rule in the snapshot: its route, and where it is attached.
fn rules(published: &Published) -> impl Iterator<Item = (&RouteKey, &[Attachment])> {
    let requests = published.snapshot.rules.values().map(|rule| (&rule.key.route, rule.attachments.as_slice()));
    let streams = published.snapshot.stream_rules.values().map(|rule| (&rule.key.route, rule.attachments.as_slice()));
    requests.chain(streams)
}

fn key_of(object: &ObjectRef) -> Option<RouteKey> {
    let kinds = [RouteKind::Http, RouteKind::Grpc, RouteKind::Tls, RouteKind::Tcp, RouteKind::Udp];
    let kind = kinds.into_iter().find(|kind| object.kind == kind.as_str())?;
    Some(RouteKey { kind, namespace: object.namespace.clone(), name: object.name.clone() })
}
