//! `BackendLBPolicy`: how requests are spread over the endpoints of a backend, and which endpoints get none.
//!
//! ```yaml
//! apiVersion: nantian.dev/v1alpha1
//! kind: BackendLBPolicy
//! metadata:
//!   name: sticky
//! spec:
//!   targetRefs:
//!   - {group: "", kind: Service, name: cart}
//!   loadBalancing:
//!     type: ConsistentHash
//!     consistentHash: {keyType: Header, headerName: x-user}
//! ```

use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::gateway_api::fragment;
use crate::gateway_api::shared::SessionPersistence;
use crate::meta::{CustomObject, resource};
use crate::policy_status::PolicyStatus;
use crate::syntax::FIELD_NAME;
use crate::target_ref::{self, TargetKind, TargetRef};

/// How a backend is used (`nantian.dev/v1alpha1`).
pub type BackendLbPolicy = CustomObject<BackendLbPolicySpec, PolicyStatus>;

resource!(BackendLbPolicy, "nantian.dev", "v1alpha1", "BackendLBPolicy", "backendlbpolicies");

/// What a `BackendLBPolicy` may apply to.
pub const TARGETS: [TargetKind; 2] = [target_ref::SERVICE, target_ref::AI_SERVICE];

/// How requests are spread, and which endpoints get none.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "nantian.dev",
    version = "v1alpha1",
    kind = "BackendLBPolicy",
    root = "BackendLbPolicyResource",
    plural = "backendlbpolicies",
    doc = "How requests are spread over the endpoints of a Service or an AIService, and which endpoints get none.",
    namespaced,
    status = "PolicyStatus",
    derive = "PartialEq",
    category = "nantian",
    label("gateway.networking.k8s.io/policy", "direct"),
    printcolumn(name = "Target", type_ = "string", json_path = ".spec.targetRefs[0].name"),
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.loadBalancing.type"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = r#".status.ancestors[0].conditions[?(@.type=="Accepted")].status"#
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(
    validation = Rule::new("has(self.loadBalancing) || has(self.sessionPersistence) || has(self.circuitBreaker) || has(self.healthCheck) || has(self.outlierDetection) || has(self.slowStart)")
        .message("give at least one of loadBalancing, sessionPersistence, circuitBreaker, healthCheck, outlierDetection and slowStart"),
    validation = Rule::new("!has(self.slowStart) || !has(self.loadBalancing) || self.loadBalancing.type in ['RoundRobin', 'LeastRequest']")
        .message("slowStart works with the load balancing types RoundRobin and LeastRequest only")
)]
#[serde(rename_all = "camelCase")]
pub struct BackendLbPolicySpec {
    /// What this is for: Services or ports of them, AIServices.
    #[schemars(schema_with = "target_refs")]
    pub target_refs: Vec<TargetRef>,
    /// Which endpoint gets a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_balancing: Option<LoadBalancing>,
    /// Keeps a client at the same endpoint, as the field of the same name of an HTTPRoute rule does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fragment::session_persistence")]
    pub session_persistence: Option<SessionPersistence>,
    /// How much a backend gets at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<CircuitBreaker>,
    /// Asks endpoints whether they are well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheck>,
    /// Tells from answers whether endpoints are well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outlier_detection: Option<OutlierDetection>,
    /// Gives new endpoints less at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_start: Option<SlowStart>,
}

fn target_refs(_: &mut SchemaGenerator) -> Schema {
    target_ref::schema(&TARGETS, 1)
}

/// Which endpoint gets a request.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("(self.type == 'ConsistentHash') == has(self.consistentHash)")
        .message("give consistentHash with the type ConsistentHash, and only then")
)]
#[serde(rename_all = "camelCase")]
pub struct LoadBalancing {
    /// One after the other (RoundRobin), the one with fewer requests of two at random (LeastRequest), any (Random), or
    /// always the same one for the same key (ConsistentHash).
    #[serde(default)]
    pub r#type: LoadBalancingType,
    /// What the key is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consistent_hash: Option<ConsistentHash>,
}

/// How an endpoint is chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LoadBalancingType {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The one with fewer requests of two at random.
    LeastRequest,
    /// Any.
    Random,
    /// Always the same one for the same key.
    ConsistentHash,
    /// A type that this version does not know.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

/// What of a request decides its endpoint.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("(self.keyType == 'Header') == has(self.headerName)")
        .message("give headerName with the keyType Header, and only then"),
    validation = Rule::new("(self.keyType == 'Cookie') == has(self.cookieName)")
        .message("give cookieName with the keyType Cookie, and only then")
)]
#[serde(rename_all = "camelCase")]
pub struct ConsistentHash {
    /// The address of the client, a header, the host, or a cookie.
    pub key_type: HashKeyType,
    /// Name of the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = FIELD_NAME))]
    pub header_name: Option<String>,
    /// Name of the cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = FIELD_NAME))]
    pub cookie_name: Option<String>,
}

/// What of a request decides its endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum HashKeyType {
    /// The address of the client.
    #[serde(rename = "SourceIP")]
    SourceIp,
    /// A header.
    Header,
    /// The host.
    Hostname,
    /// A cookie.
    Cookie,
    /// A type that this version does not know.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

/// How much a backend gets at once, from each data plane. What is absent has no limit of its own.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("has(self.maxConnections) || has(self.maxPendingRequests) || has(self.maxInflightRequests) || has(self.maxRetries)")
        .message("give at least one of maxConnections, maxPendingRequests, maxInflightRequests and maxRetries")
)]
#[serde(rename_all = "camelCase")]
pub struct CircuitBreaker {
    /// Open connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_connections: Option<u32>,
    /// Requests that wait for a connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub max_pending_requests: Option<u32>,
    /// Requests without a complete answer; others get 503.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_inflight_requests: Option<u32>,
    /// Requests that are being tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub max_retries: Option<u32>,
}

/// Asks endpoints whether they are well.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("self.type == 'HTTP' || !has(self.http)").message("give http with the type HTTP only"),
    validation = Rule::new("self.type == 'GRPC' || !has(self.grpc)").message("give grpc with the type GRPC only"),
    validation = Rule::new("duration(self.timeout) <= duration(self.interval)")
        .message("timeout cannot be longer than interval")
)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheck {
    /// By a request (HTTP), by the gRPC health checking protocol (GRPC), or by a connection (TCP).
    #[serde(default)]
    pub r#type: HealthCheckType,
    /// The time from one check to the next.
    #[serde(default = "ten_seconds")]
    pub interval: Duration,
    /// How long an answer may take.
    #[serde(default = "one_second")]
    pub timeout: Duration,
    /// After how many good answers an endpoint gets requests again.
    #[serde(default = "two")]
    #[schemars(range(min = 1, max = 100))]
    pub healthy_threshold: u32,
    /// After how many bad answers an endpoint gets no requests.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 100))]
    pub unhealthy_threshold: u32,
    /// The request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpHealthCheck>,
    /// The call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc: Option<GrpcHealthCheck>,
}

fn ten_seconds() -> Duration {
    Duration::new("10s")
}

fn one_second() -> Duration {
    Duration::new("1s")
}

fn two() -> u32 {
    2
}

fn three() -> u32 {
    3
}

/// How an endpoint is asked whether it is well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum HealthCheckType {
    /// By a request.
    #[default]
    Http,
    /// By the gRPC health checking protocol.
    Grpc,
    /// By a connection.
    Tcp,
    /// A way that this version does not know.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

/// The request of a health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpHealthCheck {
    /// The path, with a query if need be.
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"^/[!-~]*$"))]
    pub path: String,
    /// The host; that of the Service when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub hostname: Option<String>,
    /// Status codes of good answers.
    #[schemars(
        length(min = 1, max = 16),
        inner(range(min = 200, max = 599)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub expected_statuses: Vec<u16>,
}

impl Default for HttpHealthCheck {
    fn default() -> Self {
        Self { path: "/".to_owned(), hostname: None, expected_statuses: vec![200] }
    }
}

/// The call of a health check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GrpcHealthCheck {
    /// The gRPC service that is asked about; the server as a whole when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub service: Option<String>,
}

/// Tells from answers whether endpoints are well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct OutlierDetection {
    /// After how many failures in a row an endpoint gets no requests: connections that fail, timeouts, and 500 to 599.
    #[schemars(range(min = 1, max = 10_000))]
    pub consecutive_errors: u32,
    /// The time from one look to the next.
    pub interval: Duration,
    /// How long an endpoint gets no requests the first time; twice as long the second time, and so on.
    pub base_ejection_time: Duration,
    /// How many of the endpoints may get no requests at a time, in percent; one may always.
    #[schemars(range(min = 0, max = 100))]
    pub max_ejection_percent: u32,
}

impl Default for OutlierDetection {
    fn default() -> Self {
        Self {
            consecutive_errors: 5,
            interval: ten_seconds(),
            base_ejection_time: Duration::new("30s"),
            max_ejection_percent: 10,
        }
    }
}

/// Gives new endpoints less at first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SlowStart {
    /// After how long an endpoint gets its whole share.
    pub window: Duration,
    /// What it gets at first, in percent of its share.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 100))]
    pub min_weight_percent: u32,
}

fn ten() -> u32 {
    10
}
