//! `GRPCRoute`: which gRPC calls go to which backends, and what happens to them on the way.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::http_route::ValueMatchType;
use super::shared::{
    BackendRef, GatewayDefaultScope, HttpHeaderFilter, HttpRequestMirrorFilter, LocalObjectReference, ParentReference,
    RouteStatus, SessionPersistence, WrittenBackend,
};
use crate::meta::{ObjectMeta, resource};
use crate::open_enum::open_enum;

/// A route for gRPC calls (`gateway.networking.k8s.io/v1`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrpcRoute {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default)]
    pub spec: GrpcRouteSpec,
    /// What controllers say.
    #[serde(default)]
    pub status: RouteStatus,
}

resource!(GrpcRoute, "gateway.networking.k8s.io", "v1", "GRPCRoute", "grpcroutes");

/// `GRPCRoute.spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrpcRouteSpec {
    /// What the route attaches to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parent_refs: Vec<ParentReference>,
    /// Default Gateways to attach to, besides the parents (GEP-3793).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_default_gateways: Option<GatewayDefaultScope>,
    /// Host names, possibly with a leading wildcard label; all hosts of the listener when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<SmolStr>,
    /// The rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<GrpcRouteRule>,
}

/// Calls that match, and what happens to them (`GRPCRouteRule`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrpcRouteRule {
    /// Name, unique within the route (GEP-995).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SmolStr>,
    /// Alternatives, of which one must match; every call when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<GrpcRouteMatch>,
    /// What is done to matching calls and their answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<GrpcRouteFilter>,
    /// Where matching calls go; without any the answer is `UNAVAILABLE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backend_refs: Vec<GrpcBackendRef>,
    /// Keeps a client at the same backend (GEP-1619).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_persistence: Option<Box<SessionPersistence>>,
}

/// Conditions that must all hold (`GRPCRouteMatch`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrpcRouteMatch {
    /// Service and method; every one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<GrpcMethodMatch>,
    /// Headers (metadata).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<GrpcHeaderMatch>,
}

/// A condition on service and method (`GRPCMethodMatch`); at least one of them is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrpcMethodMatch {
    /// How they are compared.
    #[serde(default)]
    pub r#type: ValueMatchType,
    /// Full name of the service; every one when absent or empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<SmolStr>,
    /// Name of the method; every one when absent or empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<SmolStr>,
}

/// A condition on a header (`GRPCHeaderMatch`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrpcHeaderMatch {
    /// How `value` is compared.
    #[serde(default)]
    pub r#type: ValueMatchType,
    /// Name; compared without regard to case.
    pub name: SmolStr,
    /// Value or regular expression.
    pub value: SmolStr,
}

/// Something that is done to calls or answers (`GRPCRouteFilter`): the field that belongs to `type` is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrpcRouteFilter {
    /// What is done.
    pub r#type: GrpcRouteFilterType,
    /// For `RequestHeaderModifier`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_header_modifier: Option<HttpHeaderFilter>,
    /// For `ResponseHeaderModifier`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_header_modifier: Option<HttpHeaderFilter>,
    /// For `RequestMirror`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_mirror: Option<Box<HttpRequestMirrorFilter>>,
    /// For `ExtensionRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension_ref: Option<Box<LocalObjectReference>>,
}

/// Kinds of [`GrpcRouteFilter`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrpcRouteFilterType {
    /// Changes request headers.
    RequestHeaderModifier,
    /// Changes response headers.
    ResponseHeaderModifier,
    /// Sends copies to another backend.
    RequestMirror,
    /// A filter of an implementation.
    ExtensionRef,
    /// A filter that this version does not know; the rule must not be served as if it were absent.
    Unknown(String),
}

open_enum!(GrpcRouteFilterType {
    RequestHeaderModifier = "RequestHeaderModifier",
    ResponseHeaderModifier = "ResponseHeaderModifier",
    RequestMirror = "RequestMirror",
    ExtensionRef = "ExtensionRef",
});

impl Default for GrpcRouteFilterType {
    fn default() -> Self {
        Self::Unknown(String::new())
    }
}

/// A backend of a gRPC rule (`GRPCBackendRef`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "WrittenBackend<GrpcRouteFilter>")]
pub struct GrpcBackendRef {
    /// The backend and its weight.
    #[serde(flatten)]
    pub backend: BackendRef,
    /// Filters for calls that go to this backend.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<GrpcRouteFilter>,
}

impl From<WrittenBackend<GrpcRouteFilter>> for GrpcBackendRef {
    fn from(written: WrittenBackend<GrpcRouteFilter>) -> Self {
        let (backend, filters) = written.split();
        Self { backend, filters }
    }
}
