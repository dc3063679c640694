//! `TokenPolicy`: how many tokens and requests may be spent on models.
//!
//! ```yaml
//! apiVersion: nantian.dev/v1alpha1
//! kind: TokenPolicy
//! metadata:
//!   name: per-key
//! spec:
//!   targetRefs:
//!   - group: gateway.networking.k8s.io
//!     kind: HTTPRoute
//!     name: chat
//!   tokensPerMinute: 100000
//!   scope: apiKey
//! ```

use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::meta::{CustomObject, resource};
use crate::policy_status::PolicyStatus;
use crate::target_ref::{self, TargetKind, TargetRef};

/// Limits of tokens and requests (`nantian.dev/v1alpha1`).
pub type TokenPolicy = CustomObject<TokenPolicySpec, PolicyStatus>;

resource!(TokenPolicy, "nantian.dev", "v1alpha1", "TokenPolicy", "tokenpolicies");

/// What a `TokenPolicy` may apply to.
pub const TARGETS: [TargetKind; 3] = [target_ref::GATEWAY, target_ref::HTTP_ROUTE, target_ref::AI_SERVICE];

/// What may be spent, by whom, and what happens beyond.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "nantian.dev",
    version = "v1alpha1",
    kind = "TokenPolicy",
    root = "TokenPolicyResource",
    plural = "tokenpolicies",
    doc = "Limits of the tokens and requests that are spent on models through a Gateway, a route or an AIService.",
    namespaced,
    status = "PolicyStatus",
    derive = "PartialEq",
    category = "nantian",
    label("gateway.networking.k8s.io/policy", "inherited"),
    printcolumn(name = "Target", type_ = "string", json_path = ".spec.targetRefs[0].name"),
    printcolumn(name = "Scope", type_ = "string", json_path = ".spec.scope"),
    printcolumn(name = "Tokens/min", type_ = "integer", json_path = ".spec.tokensPerMinute"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = r#".status.ancestors[0].conditions[?(@.type=="Accepted")].status"#
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(
    validation = Rule::new("has(self.tokensPerMinute) || has(self.tokensPerHour) || has(self.tokensPerDay) || has(self.requestsPerMinute)")
        .message("give at least one of tokensPerMinute, tokensPerHour, tokensPerDay and requestsPerMinute"),
    validation = Rule::new("(self.onLimit == 'fallback') == has(self.fallback)")
        .message("give fallback with onLimit fallback, and only then")
)]
#[serde(rename_all = "camelCase")]
pub struct TokenPolicySpec {
    /// What the limits are for: Gateways or listeners of them, HTTPRoutes or rules of them, AIServices.
    #[schemars(schema_with = "target_refs")]
    pub target_refs: Vec<TargetRef>,
    /// The limits.
    #[serde(flatten)]
    pub limits: TokenLimits,
    /// Who has each limit for himself: each apiKey, model, user, tenant, route, clientIP, or value of a header
    /// (header:NAME).
    #[serde(default)]
    #[schemars(
        length(max = 136),
        regex(pattern = r"^(apiKey|model|user|tenant|route|clientIP|header:[A-Za-z0-9!#$%&'*+\-.^_\x60|~]{1,128})$")
    )]
    pub scope: Scope,
    /// How much of a limit may be spent at once, as a multiple of what a minute gives.
    #[serde(default = "one")]
    #[schemars(range(min = 1.0, max = 100.0))]
    pub burst: f64,
    /// What happens to requests beyond a limit.
    #[serde(default)]
    pub on_limit: OnLimit,
    /// Who gets requests beyond a limit where onLimit is fallback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
}

fn target_refs(_: &mut SchemaGenerator) -> Schema {
    target_ref::schema(&TARGETS, 1)
}

fn one() -> f64 {
    1.0
}

/// How much may be spent. What is absent has no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenLimits {
    /// Tokens of requests and answers in a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000_000_u64))]
    pub tokens_per_minute: Option<u64>,
    /// Tokens of requests and answers in an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000_000_u64))]
    pub tokens_per_hour: Option<u64>,
    /// Tokens of requests and answers in a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000_000_u64))]
    pub tokens_per_day: Option<u64>,
    /// Requests in a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000_000_u64))]
    pub requests_per_minute: Option<u64>,
}

/// Who has a limit for himself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub enum Scope {
    /// Each API key.
    #[default]
    ApiKey,
    /// Each model.
    Model,
    /// Each user.
    User,
    /// Each tenant of an AIService.
    Tenant,
    /// Each route.
    Route,
    /// Each address of a client.
    ClientIp,
    /// Each value of this header.
    Header(String),
    /// A scope that this version does not know.
    Unknown(String),
}

impl From<String> for Scope {
    fn from(text: String) -> Self {
        match (text.as_str(), text.strip_prefix("header:")) {
            ("apiKey", _) => Self::ApiKey,
            ("model", _) => Self::Model,
            ("user", _) => Self::User,
            ("tenant", _) => Self::Tenant,
            ("route", _) => Self::Route,
            ("clientIP", _) => Self::ClientIp,
            (_, Some(name)) => Self::Header(name.to_owned()),
            _ => Self::Unknown(text),
        }
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::ApiKey => "apiKey".to_owned(),
            Scope::Model => "model".to_owned(),
            Scope::User => "user".to_owned(),
            Scope::Tenant => "tenant".to_owned(),
            Scope::Route => "route".to_owned(),
            Scope::ClientIp => "clientIP".to_owned(),
            Scope::Header(name) => format!("header:{name}"),
            Scope::Unknown(text) => text,
        }
    }
}

/// What happens to a request beyond a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnLimit {
    /// It gets 429 with Retry-After.
    #[default]
    Reject,
    /// It waits until the limit allows it.
    Queue,
    /// It passes, and the answer says so.
    Warn,
    /// Another AIService gets it.
    Fallback,
    /// Something that this version does not know.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

/// An AIService of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fallback {
    /// Name of the AIService.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}
