//! What a client may ask for.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::gateway_api::fragment;
use crate::gateway_api::shared::BackendObjectReference;
use crate::syntax::FIELD_NAME;

/// What a client may ask for: what a service allows, and what one of the rules allows. Others get 403.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("has(self.external) || has(self.rules)").message("give external or rules, or both"))]
#[serde(rename_all = "camelCase")]
pub struct Authz {
    /// A service that is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalAuth>,
    /// Rules of which one must fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64))]
    pub rules: Vec<AuthzRule>,
}

/// A service that is asked whether a request may pass.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("size(self.backendRef.group) == 0 && self.backendRef.kind == 'Service'")
        .message("backendRef must be a Service")
)]
#[serde(rename_all = "camelCase")]
pub struct ExternalAuth {
    /// The service. In another namespace, it needs a ReferenceGrant.
    #[schemars(schema_with = "fragment::backend_object_reference")]
    pub backend_ref: BackendObjectReference,
    /// How it is asked: by Envoy's `envoy.service.auth.v3.Authorization` (grpc), or by a request with the method, path and
    /// headers of the one in question (http).
    #[serde(default)]
    pub protocol: ExternalProtocol,
    /// Headers of its answer that the request gets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        inner(length(min = 1, max = 256), regex(pattern = FIELD_NAME)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub headers_to_add: Vec<String>,
    /// Bytes of the request's body that it gets.
    #[serde(default)]
    #[schemars(range(min = 0, max = 16_777_216))]
    pub forward_body_max_bytes: u32,
    /// How long it may take.
    #[serde(default = "one_second")]
    pub timeout: Duration,
    /// What happens to requests when it does not answer: 403 (closed), or they pass (open).
    #[serde(default)]
    pub failure_mode: FailureMode,
}

fn one_second() -> Duration {
    Duration::new("1s")
}

/// How an authorization service is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ExternalProtocol {
    /// `envoy.service.auth.v3.Authorization`.
    #[default]
    Grpc,
    /// A request.
    Http,
    /// A protocol that this version does not know.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

/// What happens to requests when an authorization service does not answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FailureMode {
    /// They get 403.
    #[default]
    Closed,
    /// They pass.
    Open,
    /// A mode that this version does not know; treat as closed.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

/// What one rule allows: requests that fit all that is given.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("has(self.claims) || has(self.methods) || has(self.paths)")
        .message("give at least one of claims, methods and paths")
)]
#[serde(rename_all = "camelCase")]
pub struct AuthzRule {
    /// Claims of the token, all of which must fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub claims: Vec<ClaimMatch>,
    /// Methods, of which one must fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 9), extend("x-kubernetes-list-type" = "set"))]
    pub methods: Vec<Method>,
    /// Paths, of which one must fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 64))]
    pub paths: Vec<PathMatch>,
}

/// What a claim must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimMatch {
    /// Name of the claim; with dots between the names of nested ones.
    #[schemars(length(min = 1, max = 256))]
    pub name: String,
    /// Of which the claim, or an element of it, must be one.
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 1, max = 256)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub values: Vec<String>,
}

/// A method (RFC 9110, section 9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// `GET`.
    Get,
    /// `HEAD`.
    Head,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `DELETE`.
    Delete,
    /// `CONNECT`.
    Connect,
    /// `OPTIONS`.
    Options,
    /// `TRACE`.
    Trace,
    /// `PATCH`.
    Patch,
    /// A method that this version does not know; fits no request.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

/// What a path must be, after it is normalised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PathMatch {
    /// The whole path (Exact), or its first elements (PathPrefix).
    #[serde(default)]
    pub r#type: PathMatchType,
    /// The path.
    #[schemars(length(min = 1, max = 1024), regex(pattern = r"^/[!-~]*$"))]
    pub value: String,
}

/// How a path is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PathMatchType {
    /// As a whole.
    Exact,
    /// By its first elements.
    #[default]
    PathPrefix,
    /// A way that this version does not know; fits no path.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}
