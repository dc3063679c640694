//! `RoutePolicy`: how routes behave where they do not say it themselves.
//!
//! ```yaml
//! apiVersion: nantian.dev/v1alpha1
//! kind: RoutePolicy
//! metadata:
//!   name: defaults
//! spec:
//!   targetRefs:
//!   - {group: gateway.networking.k8s.io, kind: Gateway, name: public}
//!   default:
//!     timeout: {request: 15s, backendRequest: 5s}
//! ```

mod traffic;

use kube::{CustomResource, KubeSchema};
use schemars::{Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::meta::{CustomObject, resource};
use crate::policy_status::PolicyStatus;
use crate::target_ref::{self, TargetKind, TargetRef};

pub use traffic::{Abort, Algorithm, CacheMethod, Compression, Delay, Fault, HttpCache, RateLimit, RateLimitKey, Unit};

/// How routes behave (`nantian.dev/v1alpha1`).
pub type RoutePolicy = CustomObject<RoutePolicySpec, PolicyStatus>;

resource!(RoutePolicy, "nantian.dev", "v1alpha1", "RoutePolicy", "routepolicies");

/// What a `RoutePolicy` may apply to.
pub const TARGETS: [TargetKind; 5] =
    [target_ref::GATEWAY, target_ref::HTTP_ROUTE, target_ref::GRPC_ROUTE, target_ref::TLS_ROUTE, target_ref::TCP_ROUTE];

/// What routes do, and which.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "nantian.dev",
    version = "v1alpha1",
    kind = "RoutePolicy",
    root = "RoutePolicyResource",
    plural = "routepolicies",
    doc = "How routes behave where they do not say it themselves: those of a Gateway, of a namespace, or some.",
    namespaced,
    status = "PolicyStatus",
    derive = "PartialEq",
    category = "nantian",
    label("gateway.networking.k8s.io/policy", "inherited"),
    printcolumn(name = "Target", type_ = "string", json_path = ".spec.targetRefs[0].name"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = r#".status.ancestors[0].conditions[?(@.type=="Accepted")].status"#
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(
    validation = Rule::new("!has(self.targetRefs) || !self.targetRefs.exists(t, t.kind in ['TLSRoute', 'TCPRoute']) || (!has(self.default.bodyLimit) && !has(self.default.proxy) && !has(self.default.connection) && !has(self.default.compression) && !has(self.default.rateLimit) && !has(self.default.fault) && !has(self.default.httpCache) && (!has(self.default.timeout) || (!has(self.default.timeout.request) && !has(self.default.timeout.backendRequest))))")
        .message("connections of a TLSRoute or TCPRoute have no requests: only default.timeout.connect and default.timeout.nextUpstream are for them")
)]
#[serde(rename_all = "camelCase")]
pub struct RoutePolicySpec {
    /// What this is for: Gateways or listeners of them, HTTPRoutes and GRPCRoutes or rules of them, TLSRoutes and
    /// TCPRoutes. Without any, all routes of the namespace: weaker than what is for their Gateway.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "target_refs")]
    pub target_refs: Vec<TargetRef>,
    /// What holds where nothing more specific says otherwise.
    pub default: RouteDefaults,
}

fn target_refs(_: &mut SchemaGenerator) -> Schema {
    target_ref::schema(&TARGETS, 0)
}

/// What routes do. What is absent is as the next less specific policy or, without one, the data plane's settings say.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("has(self.timeout) || has(self.bodyLimit) || has(self.proxy) || has(self.connection) || has(self.compression) || has(self.rateLimit) || has(self.fault) || has(self.httpCache)")
        .message("give at least one of timeout, bodyLimit, proxy, connection, compression, rateLimit, fault and httpCache")
)]
#[serde(rename_all = "camelCase")]
pub struct RouteDefaults {
    /// How long things may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Timeout>,
    /// How large requests may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_limit: Option<BodyLimit>,
    /// What is read ahead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<Proxy>,
    /// How long connections are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<Connection>,
    /// Compresses answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<Compression>,
    /// How many requests pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Faults on purpose, for tests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// Keeps answers (RFC 9111).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_cache: Option<HttpCache>,
}

/// How long things may take; no limit with 0s.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("has(self.request) || has(self.backendRequest) || has(self.connect) || has(self.nextUpstream)")
        .message("give at least one of request, backendRequest, connect and nextUpstream"),
    validation = Rule::new("!(has(self.request) && has(self.backendRequest) && duration(self.request) != duration('0s') && duration(self.backendRequest) > duration(self.request))")
        .message("backendRequest timeout cannot be longer than request timeout")
)]
#[serde(rename_all = "camelCase")]
pub struct Timeout {
    /// From a request's head until its answer is complete, retries included. For rules without one of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Duration>,
    /// The same for one attempt at a backend. For rules without one of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend_request: Option<Duration>,
    /// Until a connection to an endpoint is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<Duration>,
    /// How long other endpoints are tried when one cannot be reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_upstream: Option<Duration>,
}

/// How large requests may be.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("has(self.maxRequestBodyBytes) || has(self.requestBodyBufferBytes) || has(self.maxRequestHeaderBytes)")
        .message("give at least one of maxRequestBodyBytes, requestBodyBufferBytes and maxRequestHeaderBytes")
)]
#[serde(rename_all = "camelCase")]
pub struct BodyLimit {
    /// Bytes of a request's body; larger ones get 413.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_099_511_627_776_u64))]
    pub max_request_body_bytes: Option<u64>,
    /// Bytes of a request's body that are kept for another attempt or a mirror.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_073_741_824))]
    pub request_body_buffer_bytes: Option<u64>,
    /// Bytes of a request's head; larger ones get 431.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 256, max = 1_048_576))]
    pub max_request_header_bytes: Option<u64>,
}

/// What is read ahead.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("has(self.requestBuffering) || has(self.responseBuffering) || has(self.bufferSize) || has(self.bufferCount)")
        .message("give at least one of requestBuffering, responseBuffering, bufferSize and bufferCount")
)]
#[serde(rename_all = "camelCase")]
pub struct Proxy {
    /// Whether a request is read to its end before it is forwarded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_buffering: Option<bool>,
    /// Whether an answer is read from its backend as fast as that sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_buffering: Option<bool>,
    /// Bytes of one buffer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1024, max = 16_777_216))]
    pub buffer_size: Option<u32>,
    /// Buffers for each answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1024))]
    pub buffer_count: Option<u32>,
}

/// How long connections are kept.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("has(self.keepaliveRequests) || has(self.keepaliveTime) || has(self.keepaliveTimeout) || has(self.upstreamKeepalivePoolSize) || has(self.upstreamKeepaliveIdle)")
        .message("give at least one of keepaliveRequests, keepaliveTime, keepaliveTimeout, upstreamKeepalivePoolSize and upstreamKeepaliveIdle")
)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// Requests on one connection of a client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub keepalive_requests: Option<u32>,
    /// How long a connection of a client may be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keepalive_time: Option<Duration>,
    /// How long a connection of a client may be idle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keepalive_timeout: Option<Duration>,
    /// Idle connections that are kept to each endpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100_000))]
    pub upstream_keepalive_pool_size: Option<u32>,
    /// How long a connection to an endpoint may be idle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_keepalive_idle: Option<Duration>,
}
