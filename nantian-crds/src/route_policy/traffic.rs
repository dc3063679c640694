//! What is done to requests and answers: compression, limits, faults, caching.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::syntax::FIELD_NAME;

/// Compresses answers that clients accept compressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Compression {
    /// Content codings, best first.
    #[schemars(length(min = 1, max = 3), extend("x-kubernetes-list-type" = "set"))]
    pub algorithms: Vec<Algorithm>,
    /// Answers with fewer bytes are left as they are.
    #[schemars(range(min = 0, max = 1_073_741_824))]
    pub min_content_length: u32,
    /// Media types that are compressed.
    #[schemars(
        length(min = 1, max = 64),
        inner(length(min = 3, max = 128), regex(pattern = r"^[!-~]+/[!-~]+$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub content_types: Vec<String>,
}

impl Default for Compression {
    fn default() -> Self {
        let text =
            ["application/javascript", "application/json", "image/svg+xml", "text/css", "text/html", "text/plain"];
        Self {
            algorithms: vec![Algorithm::Zstd, Algorithm::Br, Algorithm::Gzip],
            min_content_length: 1024,
            content_types: text.map(str::to_owned).to_vec(),
        }
    }
}

/// A content coding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Algorithm {
    /// RFC 1952.
    Gzip,
    /// RFC 7932.
    Br,
    /// RFC 8878.
    Zstd,
    /// A coding that this version does not know.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

/// How many requests pass; others get 429 with Retry-After.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("(self.key == 'Header') == has(self.headerName)")
        .message("give headerName with the key Header, and only then")
)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// How many in each unit of time.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub requests: u32,
    /// The unit of time.
    #[serde(default)]
    pub unit: Unit,
    /// How many may come at once; as many as in a unit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub burst: Option<u32>,
    /// Who has the limit for himself: the route, each address of a client, or each value of a header.
    #[serde(default)]
    pub key: RateLimitKey,
    /// Name of the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = FIELD_NAME))]
    pub header_name: Option<String>,
}

/// A unit of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Unit {
    /// A second.
    #[default]
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A unit that this version does not know.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

/// Who has a limit for himself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RateLimitKey {
    /// The route.
    #[default]
    Route,
    /// Each address of a client.
    #[serde(rename = "ClientIP")]
    ClientIp,
    /// Each value of a header.
    Header,
    /// A key that this version does not know.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

/// Faults on purpose.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("has(self.delay) || has(self.abort)").message("give delay or abort, or both"))]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// Lets requests wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay: Option<Delay>,
    /// Answers in place of the backend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abort: Option<Abort>,
}

/// Lets requests wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Delay {
    /// How long.
    pub duration: Duration,
    /// How many of the requests, in percent.
    #[serde(default = "all")]
    #[schemars(range(min = 0, max = 100))]
    pub percent: u32,
}

/// Answers in place of the backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Abort {
    /// Status code of the answer.
    #[schemars(range(min = 200, max = 599))]
    pub status_code: u16,
    /// How many of the requests, in percent.
    #[serde(default = "all")]
    #[schemars(range(min = 0, max = 100))]
    pub percent: u32,
}

fn all() -> u32 {
    100
}

/// Keeps answers (RFC 9111).
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("self.maxObjectBytes <= self.maxBytes").message("maxObjectBytes cannot be more than maxBytes")
)]
#[serde(rename_all = "camelCase")]
pub struct HttpCache {
    /// How long an answer is fresh that does not say it; such answers are not kept when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_ttl: Option<Duration>,
    /// Methods whose answers are kept.
    #[serde(default = "safe_methods")]
    #[schemars(length(min = 1, max = 2), extend("x-kubernetes-list-type" = "set"))]
    pub methods: Vec<CacheMethod>,
    /// Bytes of the largest answer that is kept.
    #[serde(default = "mebibyte")]
    #[schemars(range(min = 1, max = 1_073_741_824))]
    pub max_object_bytes: u64,
    /// Bytes of all answers that one data plane keeps for one policy.
    #[serde(default = "hundred_mebibytes")]
    #[schemars(range(min = 1, max = 1_099_511_627_776_u64))]
    pub max_bytes: u64,
}

fn safe_methods() -> Vec<CacheMethod> {
    vec![CacheMethod::Get, CacheMethod::Head]
}

fn mebibyte() -> u64 {
    1024 * 1024
}

fn hundred_mebibytes() -> u64 {
    100 * mebibyte()
}

/// A method whose answers may be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum CacheMethod {
    /// `GET`.
    Get,
    /// `HEAD`.
    Head,
    /// A method that this version does not know.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}
