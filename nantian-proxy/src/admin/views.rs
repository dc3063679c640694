//! What the JSON views show.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use jiff::Timestamp;
use nantian_ir::{BackendKey, BackendProtocol, BindAddress, Endpoint, ListenerProtocol, SmolStr};
use serde::Serialize;

use crate::engine::view::{Phase, Served, View};
use crate::engine::{EngineConfig, Part, Refused, Source};
use crate::telemetry::BindStats;

/// `/v1/summary`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    ready: bool,
    snapshot_version: Option<String>,
    applied_at: Option<String>,
    listener_count: usize,
    rule_count: usize,
    backend_count: usize,
    endpoint_count: usize,
    certificate_count: usize,
    refused: Vec<RefusedView>,
}

#[derive(Serialize)]
pub(super) struct RefusedView {
    resource: String,
    message: String,
    remedy: String,
}

impl From<&Refused> for RefusedView {
    fn from(refused: &Refused) -> Self {
        let Refused { part, message, remedy } = refused.clone();
        Self { resource: part.to_string(), message, remedy }
    }
}

/// `/v1/node`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Node {
    name: String,
    version: &'static str,
    workers: usize,
    started_at: Option<String>,
    ready: bool,
    message: String,
    snapshot_version: Option<String>,
    /// Where snapshots come from; absent if nobody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
}

/// An element of `/v1/listeners`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListenerView {
    namespace: SmolStr,
    gateway: SmolStr,
    name: SmolStr,
    protocol: ListenerProtocol,
    hostname: String,
    port: u16,
    bind: String,
    /// The local address of its sockets; absent if they could not be opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// Names of its certificates.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    certificates: Vec<String>,
    rule_count: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
}

/// An element of `/v1/backends`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BackendView {
    kind: String,
    namespace: SmolStr,
    name: SmolStr,
    port: u16,
    protocol: nantian_ir::BackendProtocol,
    endpoints: Vec<String>,
}

/// `/v1/overload`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Overload {
    /// Whether new requests are answered with 503, or new connections closed.
    overloaded: bool,
    connections: Connections,
    buffered_bytes: Buffered,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Connections {
    open: u64,
    limit: usize,
    limit_per_listener: usize,
    /// 0: none.
    limit_per_client: usize,
    binds: Vec<BindView>,
}

#[derive(Serialize)]
struct BindView {
    bind: String,
    open: u64,
    /// Since the start, by the limit that was reached.
    refused: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Buffered {
    held: u64,
    limit: usize,
    limit_per_connection: usize,
}

/// An element of `/v1/circuit-breakers`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CircuitBreaker {
    kind: String,
    namespace: SmolStr,
    name: SmolStr,
    port: u16,
    protocol: BackendProtocol,
    /// To all of its endpoints.
    open_connections: u64,
    /// Most connections of a worker to an endpoint.
    connections_per_endpoint_and_worker: usize,
    /// Most requests at once on each of them; HTTP/1.1 has one.
    requests_per_connection: usize,
    /// Requests for which no room was found in time, since the start.
    refused: u64,
}

/// An element of `/v1/rate-limits`: there is none yet.
#[derive(Serialize)]
pub(super) enum RateLimit {}

fn time(time: SystemTime) -> Option<String> {
    Timestamp::try_from(time).ok().map(|time| format!("{time:.3}"))
}

pub(super) fn summary(view: &View) -> Summary {
    let served = view.served();
    let snapshot = served.as_ref().map(|served| &served.snapshot);
    let count = |count: &dyn Fn(&nantian_ir::Snapshot) -> usize| snapshot.map_or(0, |snapshot| count(snapshot));
    Summary {
        ready: view.phase() == Phase::Serving,
        snapshot_version: served.as_ref().map(|served| served.version.clone()),
        applied_at: served.as_ref().and_then(|served| time(served.applied_at)),
        listener_count: count(&|snapshot| snapshot.listeners.len()),
        rule_count: count(&|snapshot| snapshot.rules.len()),
        backend_count: count(&|snapshot| snapshot.backends.len()),
        endpoint_count: count(&|snapshot| snapshot.endpoints.values().map(|set| set.endpoints.len()).sum()),
        certificate_count: count(&|snapshot| snapshot.certificates.len()),
        refused: served.iter().flat_map(|served| &served.refused).map(RefusedView::from).collect(),
    }
}

pub(super) fn node(config: &EngineConfig, view: &View) -> Node {
    Node {
        name: view.telemetry().node().to_owned(),
        version: env!("CARGO_PKG_VERSION"),
        workers: config.worker_count(),
        started_at: time(view.telemetry().started()),
        ready: view.phase() == Phase::Serving,
        message: view.describe(),
        snapshot_version: view.served().map(|served| served.version),
        source: view.source(),
    }
}

pub(super) fn overload(config: &EngineConfig, view: &View) -> Overload {
    let limits = &config.limits;
    let shown = |(bind, stats): (&BindAddress, &Arc<BindStats>)| BindView {
        bind: bind.to_string(),
        open: stats.active.get(),
        refused: stats.refusals().collect(),
    };
    let binds: Vec<_> = view.telemetry().bind_stats().iter().map(shown).collect();
    let open = binds.iter().map(|bind| bind.open).sum();
    let held = view.telemetry().buffered();
    let reached = |count: u64, limit: usize| usize::try_from(count).is_ok_and(|count| count >= limit);
    Overload {
        overloaded: reached(open, limits.connections) || reached(held, limits.buffered_bytes),
        connections: Connections {
            open,
            limit: limits.connections,
            limit_per_listener: limits.connections_per_listener,
            limit_per_client: limits.connections_per_client,
            binds,
        },
        buffered_bytes: Buffered {
            held,
            limit: limits.buffered_bytes,
            limit_per_connection: limits.buffered_bytes_per_connection,
        },
    }
}

pub(super) fn listeners(view: &View) -> Vec<ListenerView> {
    let Some(served) = view.served() else { return Vec::new() };
    let Served { snapshot, sockets, refused, .. } = served;
    let mut rules = BTreeMap::<_, usize>::new();
    for attachment in snapshot.rules.values().flat_map(|rule| &rule.attachments) {
        *rules.entry(&attachment.listener).or_default() += 1;
    }
    let shown = |listener: &nantian_ir::Listener| {
        let part = Part::Listener(listener.key.clone());
        ListenerView {
            namespace: listener.key.namespace.clone(),
            gateway: listener.key.gateway.clone(),
            name: listener.key.listener.clone(),
            protocol: listener.protocol,
            hostname: listener.hostname.to_string(),
            port: listener.public_port,
            bind: listener.bind.to_string(),
            address: sockets.get(&listener.bind).map(ToString::to_string),
            certificates: listener.tls.iter().flat_map(|tls| &tls.certificates).map(ToString::to_string).collect(),
            rule_count: rules.get(&listener.key).copied().unwrap_or(0),
            problems: refused
                .iter()
                .filter(|refused| refused.part == part)
                .map(|refused| format!("{}; {}", refused.message, refused.remedy))
                .collect(),
        }
    };
    snapshot.listeners.values().map(|listener| shown(listener)).collect()
}

/// Backends of connections and datagrams have no such bounds.
pub(super) fn circuit_breakers(config: &EngineConfig, view: &View) -> Vec<CircuitBreaker> {
    let Some(served) = view.served() else { return Vec::new() };
    let (pool, totals) = (&config.requests.pool, view.telemetry().backend_totals());
    let shown = |key: &BackendKey| {
        let (connections, requests) = match key.protocol {
            BackendProtocol::Http1 | BackendProtocol::WebSocket => (pool.max_http1_connections, 1),
            BackendProtocol::H2c => (pool.max_http2_connections, pool.max_http2_streams),
            BackendProtocol::Tcp | BackendProtocol::Udp => return None,
        };
        let total = totals.get(key);
        Some(CircuitBreaker {
            kind: key.kind.to_string(),
            namespace: key.namespace.clone(),
            name: key.name.clone(),
            port: key.port,
            protocol: key.protocol,
            open_connections: total.map_or(0, |total| total.active),
            connections_per_endpoint_and_worker: connections,
            requests_per_connection: requests,
            refused: total.and_then(|total| total.errors.get("full").copied()).unwrap_or(0),
        })
    };
    served.snapshot.backends.keys().filter_map(shown).collect()
}

pub(super) fn rate_limits() -> Vec<RateLimit> {
    Vec::new()
}

pub(super) fn backends(view: &View) -> Vec<BackendView> {
    let Some(served) = view.served() else { return Vec::new() };
    let endpoints = |key: &nantian_ir::BackendKey| {
        let set = served.snapshot.endpoints.get(key);
        set.map(|set| set.endpoints.iter().map(Endpoint::to_string).collect()).unwrap_or_default()
    };
    let shown = |key: &nantian_ir::BackendKey| BackendView {
        kind: key.kind.to_string(),
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        port: key.port,
        protocol: key.protocol,
        endpoints: endpoints(key),
    };
    served.snapshot.backends.keys().map(shown).collect()
}
