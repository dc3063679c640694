//! Route rules: what matches, and what then happens.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::key::{BackendKey, ListenerKey, RuleKey};
use crate::model::filter::Filter;
use crate::name::{HeaderName, HostnameMatch};
use crate::precedence::Age;

/// One rule of an HTTPRoute or GRPCRoute, for all listeners that it is attached to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RouteRule {
    /// Its name.
    pub key: RuleKey,
    /// `rules[].name`, if given (GEP-995).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// Age and name of the route: the last tie-breaks of precedence.
    pub age: Age,
    /// Where it is attached, sorted. Never empty.
    pub attachments: Vec<Attachment>,
    /// Any of these matches. Never empty: a rule without matches has the catch-all `/` prefix.
    pub matches: Vec<RuleMatch>,
    /// Filters, in the order of the specification's list.
    pub filters: Vec<Filter>,
    /// Where requests go, by weight. Empty where a filter answers (redirect, direct response); otherwise, nothing that
    /// can be chosen (no backends, or all weights zero) answers 500.
    pub targets: Vec<WeightedTarget>,
    /// Time limits.
    #[serde(skip_serializing_if = "Timeouts::is_default", default)]
    pub timeouts: Timeouts,
    /// Retries.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry: Option<Retry>,
}

/// One listener that a rule is attached to, with the hosts that both serve.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Attachment {
    /// The listener.
    pub listener: ListenerKey,
    /// The intersection of listener and route hostnames, sorted. Never empty.
    pub hostnames: Vec<HostnameMatch>,
}

/// One match of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum RuleMatch {
    /// Of an HTTPRoute.
    Http(HttpMatch),
    /// Of a GRPCRoute.
    Grpc(GrpcMatch),
}

/// All of these must hold (HTTPRoute `HTTPRouteMatch`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct HttpMatch {
    /// Path.
    pub path: PathMatch,
    /// Method, as spelt in the request line.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub method: Option<String>,
    /// Headers: names are unique.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub headers: Vec<HeaderMatch>,
    /// Query parameters: names are unique and case-sensitive.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub query: Vec<QueryMatch>,
}

/// How a path matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum PathMatch {
    /// The whole path, case-sensitive.
    Exact(String),
    /// Whole path elements; a trailing slash of the pattern does not count (`PathPrefix`). `/` matches every path.
    Prefix(String),
    /// An RE2 expression that must match the whole path. Checked by the compiler.
    Regex(String),
}

/// How a value matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum ValueMatch {
    /// The same bytes.
    Exact(String),
    /// An RE2 expression that must match the whole value. Checked by the compiler.
    Regex(String),
}

/// One header that must match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct HeaderMatch {
    /// Name.
    pub name: HeaderName,
    /// Value; repeated headers are joined with `,` first (RFC 9110 section 5.3).
    pub value: ValueMatch,
}

/// One query parameter that must match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct QueryMatch {
    /// Name, case-sensitive.
    pub name: String,
    /// Value; of repeated parameters the first counts.
    pub value: ValueMatch,
}

/// All of these must hold (GRPCRoute `GRPCRouteMatch`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GrpcMatch {
    /// Service (`package.Service`); none: every service.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub service: Option<ValueMatch>,
    /// Method; none: every method.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub method: Option<ValueMatch>,
    /// Headers (metadata).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub headers: Vec<HeaderMatch>,
}

/// A target with its share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct WeightedTarget {
    /// Share, relative to the sum of the rule's weights; 0 gets nothing.
    pub weight: u32,
    /// Where to.
    pub target: Target,
    /// Filters for requests that go there (`backendRefs[].filters`).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub filters: Vec<Filter>,
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// A backend of the snapshot.
    Backend(BackendKey),
    /// A reference that could not be resolved: this share of requests gets 500 (Gateway API, `backendRefs`).
    Refused(Refusal),
}

/// Why a reference could not be resolved: the reason of the route's `ResolvedRefs` condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Refusal {
    /// The object, or its port, does not exist.
    BackendNotFound,
    /// Group or kind is not supported.
    InvalidKind,
    /// Another namespace, and no ReferenceGrant allows it.
    RefNotPermitted,
    /// The Service port's `appProtocol` is not one that the route can use.
    UnsupportedProtocol,
    /// A field has a value that cannot be used (for example a missing port).
    UnsupportedValue,
    /// The rule has a filter, or a policy a check, that cannot be applied: every request of it gets 500 (Gateway API,
    /// `filters`).
    IncompatibleFilters,
}

/// Time limits of a rule (GEP-1742). `None`: the engine's default; zero: no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Timeouts {
    /// From the request's last header byte to the last byte of the answer, retries included: 504 when over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Duration>,
    /// One try, from sending the request to the last byte of the answer: 504 when over, or a retry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend_request: Option<Duration>,
}

impl Timeouts {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Retries of a rule (GEP-1731).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Retry {
    /// Status codes of an answer that are tried again; connect failures and resets before an answer always are.
    pub codes: Vec<u16>,
    /// Further tries after the first.
    pub attempts: u32,
    /// Least time between tries; grows exponentially with jitter. `None`: the engine's default.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub backoff: Option<Duration>,
}
