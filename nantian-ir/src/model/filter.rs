//! Filters of routes and backends.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::key::BackendKey;
use crate::name::{HeaderName, Hostname};

/// One filter (HTTPRoute `HTTPRouteFilter`, GRPCRoute `GRPCRouteFilter`, or an extension of ours).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Filter {
    /// Changes headers of the request.
    RequestHeaderModifier(HeaderModifier),
    /// Changes headers of the answer.
    ResponseHeaderModifier(HeaderModifier),
    /// Answers with a redirect.
    RequestRedirect(RequestRedirect),
    /// Changes host or path before forwarding.
    UrlRewrite(UrlRewrite),
    /// Sends a copy elsewhere and ignores the answer.
    RequestMirror(RequestMirror),
    /// Answers preflights and marks answers (GEP-1767).
    Cors(Cors),
    /// Answers without a backend: `nantian.dev` `DirectResponse`, by `ExtensionRef`.
    DirectResponse(DirectResponse),
}

/// Header changes: `set` replaces, then `add` appends, then `remove` deletes (`HTTPHeaderFilter`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct HeaderModifier {
    /// Replaced or created.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<HeaderValue>,
    /// Appended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<HeaderValue>,
    /// Deleted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<HeaderName>,
}

/// A header with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct HeaderValue {
    /// Name.
    pub name: HeaderName,
    /// Value, a valid field value (RFC 9110 section 5.5): checked by the compiler.
    pub value: String,
}

/// How a path is changed (`HTTPPathModifier`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum PathModifier {
    /// The whole path, query kept.
    ReplaceFullPath(String),
    /// The prefix that matched, by whole elements.
    ReplacePrefixMatch(String),
}

/// A redirect (`HTTPRequestRedirectFilter`). What is `None` stays as in the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RequestRedirect {
    /// `http` or `https`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub scheme: Option<String>,
    /// Host.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hostname: Option<Hostname>,
    /// Path.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<PathModifier>,
    /// Port. Without one: the scheme's well-known port if a scheme is given, otherwise the listener's port.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub port: Option<u16>,
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
}

/// A rewrite (`HTTPURLRewriteFilter`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UrlRewrite {
    /// `Host` of the forwarded request.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hostname: Option<Hostname>,
    /// Path of the forwarded request.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<PathModifier>,
}

/// A mirror (`HTTPRequestMirrorFilter`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RequestMirror {
    /// Where the copy goes.
    pub backend: BackendKey,
    /// Which share of requests is copied.
    pub fraction: Fraction,
}

/// A share: `numerator` of `denominator`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Fraction {
    /// At most the denominator.
    pub numerator: u32,
    /// At least 1.
    pub denominator: u32,
}

/// Cross-origin resource sharing (`HTTPCORSFilter`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Cors {
    /// Origins that may read answers.
    pub allow_origins: Vec<CorsOrigin>,
    /// Whether credentials are allowed.
    pub allow_credentials: bool,
    /// Methods; `*` for all.
    pub allow_methods: Vec<String>,
    /// Request headers; `*` for all.
    pub allow_headers: Vec<String>,
    /// Response headers that scripts may read; `*` for all.
    pub expose_headers: Vec<String>,
    /// How long a preflight may be kept.
    pub max_age: Duration,
}

/// An origin pattern: `*`, `scheme://host[:port]` or `scheme://*.host[:port]`, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum CorsOrigin {
    /// Every origin.
    Any,
    /// This origin.
    Exact(String),
    /// `scheme://*.suffix[:port]`: one or more labels before the suffix.
    Wildcard {
        /// `http` or `https`.
        scheme: String,
        /// Host suffix without `*.`, with the port if one is given.
        suffix: String,
    },
}

/// An answer of our own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct DirectResponse {
    /// Status, 200 to 599.
    pub status: u16,
    /// Headers.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub headers: Vec<HeaderValue>,
    /// Body, at most 64 KiB.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub body: String,
}
