//! What happens to a request, as plain data.

use std::collections::BTreeSet;

use nantian_ir::compile::{Compiler, Governance, Source};
use nantian_ir::{
    BindAddress, Filter, ListenerKey, ObjectRef, Refusal, Retry, RouteRule, RuleKey, RuleMatch, Snapshot, Target,
    Timeouts,
};
use nantian_proxy::router::{CandidateMatch, ListenerCandidate, Router};
use serde::Serialize;

use super::request::Request;

/// The whole decision.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Decision {
    /// The request.
    pub(crate) request: RequestView,
    /// The socket; `None`: no listener is on that port.
    pub(crate) bind: Option<String>,
    /// Listeners on the socket, most specific hostname first.
    pub(crate) listeners: Vec<ListenerCandidate>,
    /// The listener that gets it.
    pub(crate) listener: Option<ListenerKey>,
    /// The rule that gets it.
    pub(crate) route: Option<RouteView>,
    /// What then happens to it.
    #[serde(flatten)]
    pub(crate) answer: Answer,
    /// The policies for the rule at the listener, and for its backends.
    pub(crate) policies: Governance,
    /// Matches that lost, with why.
    pub(crate) others: Vec<CandidateMatch>,
}

/// What happens to a request, whoever decided it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    /// Filters of the rule, in order.
    pub(crate) filters: Vec<Filter>,
    /// Where it may go.
    pub(crate) backends: Vec<BackendView>,
    /// Time limits of the rule.
    pub(crate) timeouts: Timeouts,
    /// Retries of the rule.
    pub(crate) retry: Option<Retry>,
    /// The end of it, in words.
    pub(crate) outcome: String,
}

impl Answer {
    /// What a rule does with a request that it takes.
    pub(crate) fn of(rule: &RouteRule, snapshot: &Snapshot) -> Self {
        let sum: u64 = rule.targets.iter().map(|target| u64::from(target.weight)).sum();
        let backends: Vec<BackendView> = rule.targets.iter().map(|target| backend(target, sum, snapshot)).collect();
        let outcome = outcome(rule, &backends, sum);
        Self { filters: rule.filters.clone(), backends, timeouts: rule.timeouts, retry: rule.retry.clone(), outcome }
    }

    /// That of a request which no rule takes.
    pub(crate) fn without_rule(outcome: String) -> Self {
        Self { outcome, ..Self::default() }
    }

    /// That of a request on a port that is not served.
    pub(crate) fn without_socket(request: &Request, snapshot: &Snapshot) -> Self {
        Self::without_rule(no_socket(request, snapshot))
    }
}

/// The request as it was asked about.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RequestView {
    /// Method.
    pub(crate) method: String,
    /// `Host`.
    pub(crate) host: String,
    /// Port.
    pub(crate) port: u16,
    /// Protocol of the listener.
    pub(crate) protocol: nantian_ir::ListenerProtocol,
    /// Path.
    pub(crate) path: String,
    /// Query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) query: Option<String>,
}

/// The rule that gets the request.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RouteView {
    /// The rule.
    pub(crate) rule: RuleKey,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// Position of the match in the rule.
    pub(crate) position: usize,
    /// The hostname that covered the host.
    pub(crate) hostname: String,
    /// The match.
    #[serde(rename = "match")]
    pub(crate) rule_match: Option<RuleMatch>,
    /// Where the rule is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<Source>,
}

/// One backend of the rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BackendView {
    /// Its name; `None`: a reference that could not be resolved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backend: Option<String>,
    /// Why its share gets 500.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<Refusal>,
    /// Weight.
    pub(crate) weight: u32,
    /// Share of requests.
    pub(crate) percent: f64,
    /// What it speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) protocol: Option<nantian_ir::BackendProtocol>,
    /// Its endpoints. None: its share gets 503.
    pub(crate) endpoints: Vec<String>,
    /// Filters of this backend only, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) filters: Vec<Filter>,
}

/// Decides.
pub(crate) fn decide(request: &Request, compiler: &Compiler) -> Decision {
    let snapshot: &Snapshot = compiler.snapshot();
    let router = Router::new(snapshot);
    let mut decision = Decision {
        request: RequestView {
            method: request.method.to_string(),
            host: request.host().to_owned(),
            port: request.port,
            protocol: request.protocol,
            path: request.path.clone(),
            query: request.query.clone(),
        },
        bind: None,
        listeners: Vec::new(),
        listener: None,
        route: None,
        answer: Answer::without_socket(request, snapshot),
        policies: Governance::default(),
        others: Vec::new(),
    };
    let explained = sockets(request, snapshot).into_iter().map(|bind| router.explain(&request.parts(bind)));
    // Several sockets can have the port, each on an address of its own: the first that routes the request tells most.
    let mut explained: Vec<_> = explained.collect();
    explained.sort_by_key(|explanation| explanation.winner.is_none());
    let Some(explanation) = explained.into_iter().next() else { return decision };

    decision.bind = Some(explanation.bind.to_string());
    decision.listener = explanation
        .listeners
        .iter()
        .find(|candidate| candidate.outcome == nantian_proxy::router::ListenerOutcome::Chosen)
        .map(|candidate| candidate.listener.clone());
    decision.listeners = explanation.listeners;
    decision.answer = Answer::without_rule(no_rule(decision.listener.as_ref(), explanation.bind, &explanation.host));
    decision.others = explanation.candidates;
    if let Some(winner) = explanation.winner
        && let Some(rule) = snapshot.rules.get(&winner.rule)
    {
        decision.others.retain(|candidate| candidate.rule != winner.rule || candidate.position != winner.position);
        decision.take_rule(rule, winner.position, &winner.hostname.to_string(), compiler);
        decision.policies = compiler.governance(&winner.rule, &winner.listener).unwrap_or_default();
    }
    decision
}

impl Decision {
    fn take_rule(&mut self, rule: &RouteRule, position: usize, hostname: &str, compiler: &Compiler) {
        let id = ObjectRef {
            group: "gateway.networking.k8s.io".into(),
            kind: rule.key.route.kind.as_str().into(),
            namespace: rule.key.route.namespace.clone(),
            name: rule.key.route.name.clone(),
        };
        self.route = Some(RouteView {
            rule: rule.key.clone(),
            name: rule.name.clone(),
            position,
            hostname: hostname.to_owned(),
            rule_match: rule.matches.get(position).cloned(),
            source: compiler
                .objects()
                .get(&id)
                .and_then(|object| object.source(&format!("spec.rules[{}]", rule.key.rule))),
        });
        self.answer = Answer::of(rule, compiler.snapshot());
    }
}

fn backend(target: &nantian_ir::WeightedTarget, sum: u64, snapshot: &Snapshot) -> BackendView {
    let (key, refused) = match &target.target {
        Target::Backend(key) => (Some(key), None),
        Target::Refused(refusal) => (None, Some(*refusal)),
    };
    let endpoints = key.and_then(|key| snapshot.endpoints.get(key));
    BackendView {
        backend: key.map(ToString::to_string),
        refused,
        weight: target.weight,
        percent: if sum == 0 {
            0.0
        } else {
            // Weights are at most 1,000,000 each: a sum has no more digits than a f64 keeps.
            let whole = u32::try_from(sum).map_or(f64::MAX, f64::from);
            (f64::from(target.weight) * 1000.0 / whole).round() / 10.0
        },
        protocol: key.map(|key| key.protocol),
        endpoints: endpoints.map(|set| set.endpoints.iter().map(ToString::to_string).collect()).unwrap_or_default(),
        filters: target.filters.clone(),
    }
}

/// The end of a request that a rule takes.
fn outcome(rule: &RouteRule, backends: &[BackendView], sum: u64) -> String {
    for filter in &rule.filters {
        match filter {
            Filter::RequestRedirect(redirect) => return format!("{}: a redirect", redirect.status),
            Filter::DirectResponse(direct) => return format!("{}: answered by the gateway itself", direct.status),
            _ => {}
        }
    }
    if sum == 0 {
        return "500: no backend can be chosen".to_owned();
    }
    let chosen = |backend: &&BackendView| backend.weight > 0;
    let failing = |backend: &BackendView| backend.refused.is_some() || backend.endpoints.is_empty();
    let working = backends.iter().filter(chosen).filter(|backend| !failing(backend)).count();
    match (working, backends.iter().filter(chosen).count()) {
        (0, _) if backends.iter().filter(chosen).all(|backend| backend.refused.is_some()) => {
            "500: none of its backends can be resolved".to_owned()
        }
        (0, _) => "503: none of its backends has a ready endpoint".to_owned(),
        (working, all) if working < all => "forwarded to one of its backends; some shares fail, see there".to_owned(),
        _ => "forwarded to one of its backends".to_owned(),
    }
}

/// The end of a request that no rule takes.
pub(crate) fn no_rule(listener: Option<&ListenerKey>, bind: BindAddress, host: &str) -> String {
    match listener {
        Some(listener) => format!("404: no rule attached to listener {listener} matches"),
        None => format!("404: no listener on {bind} serves host {host:?}"),
    }
}

/// Sockets with the port and protocol of the request.
pub(crate) fn sockets(request: &Request, snapshot: &Snapshot) -> BTreeSet<BindAddress> {
    let same_port = snapshot
        .listeners
        .values()
        .filter(|listener| listener.public_port == request.port && listener.protocol == request.protocol)
        .map(|listener| listener.bind);
    let all: BTreeSet<BindAddress> = same_port.collect();
    // A URL with an address goes to the socket on that address, where there is one.
    let address = request.url_host.parse().ok();
    let exact: BTreeSet<BindAddress> =
        all.iter().filter(|bind| address.is_some() && bind.address == address).copied().collect();
    if exact.is_empty() { all } else { exact }
}

fn no_socket(request: &Request, snapshot: &Snapshot) -> String {
    let protocol = |protocol: nantian_ir::ListenerProtocol| protocol.as_str().to_lowercase();
    let served: BTreeSet<String> = snapshot
        .listeners
        .values()
        .map(|listener| format!("{} {}", protocol(listener.protocol), listener.public_port))
        .collect();
    let served =
        if served.is_empty() { "nothing".to_owned() } else { served.into_iter().collect::<Vec<_>>().join(", ") };
    format!(
        "nobody answers: no listener for {} on port {}; served are {served}",
        protocol(request.protocol),
        request.port
    )
}
