//! `HTTPRoute`: which HTTP requests go to which backends, and what happens to them on the way.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::shared::{
    BackendObjectReference, BackendRef, GatewayDefaultScope, HttpHeaderFilter, HttpRequestMirrorFilter,
    LocalObjectReference, ParentReference, RouteStatus, SessionPersistence, WrittenBackend,
};
use crate::meta::{ObjectMeta, resource};
use crate::open_enum::open_enum;

/// A route for HTTP requests (`gateway.networking.k8s.io/v1`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRoute {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default)]
    pub spec: HttpRouteSpec,
    /// What controllers say.
    #[serde(default)]
    pub status: RouteStatus,
}

resource!(HttpRoute, "gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes");

/// `HTTPRoute.spec`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteSpec {
    /// What the route attaches to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parent_refs: Vec<ParentReference>,
    /// Default Gateways to attach to, besides the parents (GEP-3793).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_default_gateways: Option<GatewayDefaultScope>,
    /// Host names, possibly with a leading wildcard label; all hosts of the listener when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<SmolStr>,
    /// The rules; one that matches everything by default.
    #[serde(default = "default_rules")]
    pub rules: Vec<HttpRouteRule>,
}

impl Default for HttpRouteSpec {
    fn default() -> Self {
        Self { parent_refs: Vec::new(), use_default_gateways: None, hostnames: Vec::new(), rules: default_rules() }
    }
}

fn default_rules() -> Vec<HttpRouteRule> {
    vec![HttpRouteRule::default()]
}

/// Requests that match, and what happens to them (`HTTPRouteRule`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteRule {
    /// Name, unique within the route (GEP-995).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SmolStr>,
    /// Alternatives, of which one must match; the prefix `/` by default.
    #[serde(default = "default_matches")]
    pub matches: Vec<HttpRouteMatch>,
    /// What is done to matching requests and their responses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<HttpRouteFilter>,
    /// Where matching requests go; without any and without a filter that answers, the answer is 500.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backend_refs: Vec<HttpBackendRef>,
    /// Time limits (GEP-1742).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeouts: Option<HttpRouteTimeouts>,
    /// When and how often a request is tried again (GEP-1731).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<HttpRouteRetry>,
    /// Keeps a client at the same backend (GEP-1619).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_persistence: Option<Box<SessionPersistence>>,
}

impl Default for HttpRouteRule {
    fn default() -> Self {
        Self {
            name: None,
            matches: default_matches(),
            filters: Vec::new(),
            backend_refs: Vec::new(),
            timeouts: None,
            retry: None,
            session_persistence: None,
        }
    }
}

fn default_matches() -> Vec<HttpRouteMatch> {
    vec![HttpRouteMatch::default()]
}

/// Conditions that must all hold (`HTTPRouteMatch`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteMatch {
    /// The path; the prefix `/` by default.
    #[serde(default)]
    pub path: HttpPathMatch,
    /// Headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HttpHeaderMatch>,
    /// Query parameters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query_params: Vec<HttpQueryParamMatch>,
    /// The method, in capitals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<SmolStr>,
}

/// A condition on the path (`HTTPPathMatch`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpPathMatch {
    /// How `value` is compared.
    #[serde(default)]
    pub r#type: PathMatchType,
    /// Path, prefix or regular expression; `/` by default.
    #[serde(default = "root_path")]
    pub value: SmolStr,
}

impl Default for HttpPathMatch {
    fn default() -> Self {
        Self { r#type: PathMatchType::default(), value: root_path() }
    }
}

fn root_path() -> SmolStr {
    SmolStr::new_static("/")
}

/// How paths are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PathMatchType {
    /// Byte by byte.
    Exact,
    /// By whole path elements from the start.
    #[default]
    PathPrefix,
    /// By a regular expression for the whole path.
    RegularExpression,
    /// A way that this version does not know.
    Unknown(String),
}

open_enum!(PathMatchType { Exact = "Exact", PathPrefix = "PathPrefix", RegularExpression = "RegularExpression" });

/// How header and query parameter values are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ValueMatchType {
    /// Byte by byte.
    #[default]
    Exact,
    /// By a regular expression for the whole value.
    RegularExpression,
    /// A way that this version does not know.
    Unknown(String),
}

open_enum!(ValueMatchType { Exact = "Exact", RegularExpression = "RegularExpression" });

/// A condition on a header (`HTTPHeaderMatch`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpHeaderMatch {
    /// How `value` is compared.
    #[serde(default)]
    pub r#type: ValueMatchType,
    /// Name; compared without regard to case.
    pub name: SmolStr,
    /// Value or regular expression.
    pub value: SmolStr,
}

/// A condition on a query parameter (`HTTPQueryParamMatch`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpQueryParamMatch {
    /// How `value` is compared.
    #[serde(default)]
    pub r#type: ValueMatchType,
    /// Name; compared exactly.
    pub name: SmolStr,
    /// Value or regular expression.
    pub value: SmolStr,
}

/// Something that is done to requests or responses (`HTTPRouteFilter`): the field that belongs to `type` is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteFilter {
    /// What is done.
    pub r#type: HttpRouteFilterType,
    /// For `RequestHeaderModifier`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_header_modifier: Option<HttpHeaderFilter>,
    /// For `ResponseHeaderModifier`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_header_modifier: Option<HttpHeaderFilter>,
    /// For `RequestMirror`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_mirror: Option<Box<HttpRequestMirrorFilter>>,
    /// For `RequestRedirect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_redirect: Option<Box<HttpRequestRedirectFilter>>,
    /// For `URLRewrite`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url_rewrite: Option<Box<HttpUrlRewriteFilter>>,
    /// For `CORS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cors: Option<Box<HttpCorsFilter>>,
    /// For `ExternalAuth`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_auth: Option<Box<HttpExternalAuthFilter>>,
    /// For `ExtensionRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension_ref: Option<Box<LocalObjectReference>>,
}

/// Kinds of [`HttpRouteFilter`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpRouteFilterType {
    /// Changes request headers.
    RequestHeaderModifier,
    /// Changes response headers.
    ResponseHeaderModifier,
    /// Sends copies to another backend.
    RequestMirror,
    /// Answers with a redirect.
    RequestRedirect,
    /// Changes host or path before the request is forwarded.
    UrlRewrite,
    /// Answers preflight requests and sets CORS headers (GEP-1767).
    Cors,
    /// Asks another service whether the request may pass (GEP-1494).
    ExternalAuth,
    /// A filter of an implementation.
    ExtensionRef,
    /// A filter that this version does not know; the rule must not be served as if it were absent.
    Unknown(String),
}

open_enum!(HttpRouteFilterType {
    RequestHeaderModifier = "RequestHeaderModifier",
    ResponseHeaderModifier = "ResponseHeaderModifier",
    RequestMirror = "RequestMirror",
    RequestRedirect = "RequestRedirect",
    UrlRewrite = "URLRewrite",
    Cors = "CORS",
    ExternalAuth = "ExternalAuth",
    ExtensionRef = "ExtensionRef",
});

impl Default for HttpRouteFilterType {
    fn default() -> Self {
        Self::Unknown(String::new())
    }
}

/// Answers with a redirect (`HTTPRequestRedirectFilter`); absent parts stay as in the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRequestRedirectFilter {
    /// `http` or `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<SmolStr>,
    /// Host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<SmolStr>,
    /// How the path changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<HttpPathModifier>,
    /// Port; derived from the scheme or the listener when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// 301, 302 (default), 303, 307 or 308.
    #[serde(default = "found")]
    pub status_code: u16,
}

impl Default for HttpRequestRedirectFilter {
    fn default() -> Self {
        Self { scheme: None, hostname: None, path: None, port: None, status_code: found() }
    }
}

fn found() -> u16 {
    302
}

/// How a path changes (`HTTPPathModifier`): the field that belongs to `type` is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpPathModifier {
    /// What is replaced.
    pub r#type: HttpPathModifierType,
    /// For `ReplaceFullPath`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace_full_path: Option<SmolStr>,
    /// For `ReplacePrefixMatch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replace_prefix_match: Option<SmolStr>,
}

/// What a [`HttpPathModifier`] replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpPathModifierType {
    /// The whole path.
    ReplaceFullPath,
    /// The prefix that the match matched.
    ReplacePrefixMatch,
    /// Something that this version does not know.
    Unknown(String),
}

open_enum!(HttpPathModifierType { ReplaceFullPath = "ReplaceFullPath", ReplacePrefixMatch = "ReplacePrefixMatch" });

/// Changes host or path before the request is forwarded (`HTTPURLRewriteFilter`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpUrlRewriteFilter {
    /// New host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<SmolStr>,
    /// How the path changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<HttpPathModifier>,
}

/// Cross-origin resource sharing (`HTTPCORSFilter`, GEP-1767).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpCorsFilter {
    /// `*`, or origins of which the host may start with `*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_origins: Vec<SmolStr>,
    /// Whether credentials may be sent.
    #[serde(default)]
    pub allow_credentials: bool,
    /// `*`, or methods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_methods: Vec<SmolStr>,
    /// `*`, or request headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_headers: Vec<SmolStr>,
    /// `*`, or response headers that scripts may read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expose_headers: Vec<SmolStr>,
    /// How long a preflight answer may be kept, in seconds; 5 by default.
    #[serde(default = "five")]
    pub max_age: u32,
}

impl Default for HttpCorsFilter {
    fn default() -> Self {
        Self {
            allow_origins: Vec::new(),
            allow_credentials: false,
            allow_methods: Vec::new(),
            allow_headers: Vec::new(),
            expose_headers: Vec::new(),
            max_age: five(),
        }
    }
}

fn five() -> u32 {
    5
}

/// Asks another service whether a request may pass (`HTTPExternalAuthFilter`, GEP-1494).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpExternalAuthFilter {
    /// How the service is asked.
    pub protocol: HttpExternalAuthProtocol,
    /// The service.
    pub backend_ref: BackendObjectReference,
    /// For `GRPC`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc: Option<GrpcAuthConfig>,
    /// For `HTTP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpAuthConfig>,
    /// Whether the request's body is sent along; not when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward_body: Option<ForwardBodyConfig>,
}

/// How an authorisation service is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpExternalAuthProtocol {
    /// By plain HTTP.
    Http,
    /// By Envoy's `ext_authz` gRPC service.
    Grpc,
    /// A way that this version does not know.
    Unknown(String),
}

open_enum!(HttpExternalAuthProtocol { Http = "HTTP", Grpc = "GRPC" });

/// Settings for `GRPC` (`GRPCAuthConfig`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GrpcAuthConfig {
    /// Request headers that are sent; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_headers: Vec<SmolStr>,
}

/// Settings for `HTTP` (`HTTPAuthConfig`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpAuthConfig {
    /// Prefix of the path that is asked for.
    #[serde(default, skip_serializing_if = "SmolStr::is_empty")]
    pub path: SmolStr,
    /// Request headers that are sent besides `Host`, `Method`, `Path`, `Content-Length` and `Authorization`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_headers: Vec<SmolStr>,
    /// Headers of the answer that are added to the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_response_headers: Vec<SmolStr>,
}

/// How much of a body an authorisation service gets (`ForwardBodyConfig`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForwardBodyConfig {
    /// At most so many bytes; nothing is sent when 0.
    #[serde(default)]
    pub max_size: u16,
}

/// A backend of an HTTP rule (`HTTPBackendRef`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "WrittenBackend<HttpRouteFilter>")]
pub struct HttpBackendRef {
    /// The backend and its weight.
    #[serde(flatten)]
    pub backend: BackendRef,
    /// Filters for requests that go to this backend.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<HttpRouteFilter>,
}

impl From<WrittenBackend<HttpRouteFilter>> for HttpBackendRef {
    fn from(written: WrittenBackend<HttpRouteFilter>) -> Self {
        let (backend, filters) = written.split();
        Self { backend, filters }
    }
}

/// Time limits of a rule ([`parse_duration`](super::shared::parse_duration); zero means none) (GEP-1742).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteTimeouts {
    /// From the request's arrival to the end of the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<SmolStr>,
    /// For one request to a backend; at most `request`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend_request: Option<SmolStr>,
}

/// When and how often a request is tried again (GEP-1731).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteRetry {
    /// Status codes of the backend after which the request is tried again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<u16>,
    /// How often at most, the first try not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// Shortest wait between tries ([`parse_duration`](super::shared::parse_duration)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backoff: Option<SmolStr>,
}

#[cfg(test)]
mod tests;
