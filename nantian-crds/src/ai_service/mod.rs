//! `AIService`: one AI provider and model, as the backend of an `HTTPRoute` rule.
//!
//! ```yaml
//! apiVersion: nantian.dev/v1alpha1
//! kind: AIService
//! metadata:
//!   name: chat
//! spec:
//!   provider: anthropic
//!   model: claude-sonnet-4-5
//!   auth:
//!     type: api-key
//!     secret: {name: anthropic}
//!   retry: {maxRetries: 2, backoff: 200ms}
//! ```

mod guard;
mod observability;
mod routing;
mod tenant;

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::meta::{Condition, CustomObject, resource};
use crate::policy_status::conditions_schema;
use crate::reference::{Endpoint, SecretReference};
use crate::syntax::{DATA_KEY, FIELD_NAME};

pub use guard::{ContentSafety, GuardMode, MaskMode, PiiKind, PiiMasking, PromptGuard};
pub use observability::{Langfuse, Observability, Otel, OtelProtocol};
pub use routing::{
    AbTesting, Complexity, Fallback, FallbackChain, FallbackTarget, ModelRouting, Variant, WeightedModel,
};
pub use tenant::{ApiKeys, Cost, CostLimit, Period, Price, Tenant};

/// One AI provider and model (`nantian.dev/v1alpha1`).
pub type AiService = CustomObject<AiServiceSpec, AiServiceStatus>;

resource!(AiService, "nantian.dev", "v1alpha1", "AIService", "aiservices");

/// Who answers, how it is asked, and what is watched over.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "nantian.dev",
    version = "v1alpha1",
    kind = "AIService",
    root = "AiServiceResource",
    plural = "aiservices",
    doc = "One AI provider and model: name it as a backendRef of an HTTPRoute rule.",
    namespaced,
    status = "AiServiceStatus",
    derive = "PartialEq",
    category = "nantian",
    shortname = "ais",
    printcolumn(name = "Provider", type_ = "string", json_path = ".spec.provider"),
    printcolumn(name = "Model", type_ = "string", json_path = ".spec.model"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Accepted")].status"#
    ),
    printcolumn(
        name = "ResolvedRefs",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="ResolvedRefs")].status"#,
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(
    validation = Rule::new("has(self.provider) || has(self.endpoint)")
        .message("give a provider, or the endpoint of a server that speaks as OpenAI does"),
    validation = Rule::new("!has(self.provider) || !(self.provider in ['azure-openai', 'bedrock', 'ollama']) || has(self.endpoint)")
        .message("this provider has no endpoint that is the same for everybody: give endpoint"),
    validation = Rule::new("!has(self.tenants) || has(self.cost) || !self.tenants.exists(t, has(t.costLimit))")
        .message("give cost.pricing where a tenant has a costLimit")
)]
#[serde(rename_all = "camelCase")]
pub struct AiServiceSpec {
    /// Who answers. Without one, endpoint names a server that speaks as OpenAI does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Provider>,
    /// The API that clients speak; told from the path of a request when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The model that is asked for; the one that the client names when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub model: Option<String>,
    /// Where the provider is; its public address when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// How requests are authenticated at the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// How long the answer to a request may take until it is complete; no limit with 0s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// What is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Retry>,
    /// Who answers when a model does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    /// Models by how complex a request is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_routing: Option<ModelRouting>,
    /// Names that clients use for models, and the names that the provider gets in their place.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "aliases")]
    pub model_aliases: BTreeMap<String, String>,
    /// An experiment with several variants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ab_testing: Option<AbTesting>,
    /// Looks for attempts to make the model ignore its instructions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_guard: Option<PromptGuard>,
    /// Looks for content that is not wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_safety: Option<ContentSafety>,
    /// Hides personal data from the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pii_masking: Option<PiiMasking>,
    /// Answers again what was asked before, in other words too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semantic_cache: Option<SemanticCache>,
    /// What models cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Who may ask, and how much.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 64),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["tenantId"])
    )]
    pub tenants: Vec<Tenant>,
    /// Where it is told what was asked and answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observability: Option<Observability>,
}

fn aliases(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 128,
        "additionalProperties": {"type": "string", "minLength": 1, "maxLength": 256},
    })
}

/// What controllers say about an `AIService`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AiServiceStatus {
    /// `Accepted` and `ResolvedRefs`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

/// An AI provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    /// OpenAI.
    Openai,
    /// Anthropic.
    Anthropic,
    /// Ollama, at an endpoint of one's own.
    Ollama,
    /// Google Gemini.
    Gemini,
    /// Azure OpenAI, at the endpoint of a resource.
    AzureOpenai,
    /// Amazon Bedrock, at the endpoint of a region.
    Bedrock,
    /// Mistral.
    Mistral,
    /// A provider that this version does not know.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

/// An API that clients speak.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// OpenAI's.
    Openai,
    /// Anthropic's.
    Anthropic,
    /// Ollama's.
    Ollama,
    /// A format that this version does not know.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

/// How requests are authenticated at the provider.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("self.type != 'header' || has(self.header)").message("give header with the type header"),
    validation = Rule::new("!has(self.header) || self.type in ['header', 'api-key']")
        .message("give header only with the types header and api-key: others use Authorization")
)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// Where the credential goes: Authorization (bearer, basic), the header of the provider for keys (api-key), or the
    /// one that header names.
    #[serde(default)]
    pub r#type: AuthType,
    /// The Secret that has the credential; for basic, one with the entries username and password.
    pub secret: SecretReference,
    /// Key of its entry in the Secret; not used for basic.
    #[serde(default = "api_key")]
    #[schemars(length(min = 1, max = 253), regex(pattern = DATA_KEY))]
    pub key: String,
    /// Name of the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = FIELD_NAME))]
    pub header: Option<String>,
}

fn api_key() -> String {
    "api-key".to_owned()
}

/// Where a credential goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthType {
    /// `Authorization: Bearer`.
    #[default]
    Bearer,
    /// The provider's header for keys.
    ApiKey,
    /// `Authorization: Basic`.
    Basic,
    /// A header by name.
    Header,
    /// A type that this version does not know.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

/// What is tried again: requests that got no answer, or 429, 500, 502, 503 or 504.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Retry {
    /// How often at most.
    #[schemars(range(min = 0, max = 10))]
    pub max_retries: u32,
    /// The pause before the first retry; it doubles with each.
    pub backoff: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { max_retries: 2, backoff: Duration::new("100ms") }
    }
}

/// Answers again what was asked before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SemanticCache {
    /// How long an answer is kept.
    #[serde(default = "an_hour")]
    pub ttl: Duration,
    /// How many answers are kept.
    #[serde(default = "thousand")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_entries: u32,
    /// How similar two questions must be: 1 for the same words.
    #[serde(default = "similar")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub similarity_threshold: f64,
    /// What says how similar questions are; without it only the same words are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding: Option<Embedding>,
}

fn an_hour() -> Duration {
    Duration::new("3600s")
}

fn thousand() -> u32 {
    1000
}

fn similar() -> f64 {
    0.95
}

/// A model that makes vectors of texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Embedding {
    /// Name of the model.
    #[schemars(length(min = 1, max = 256))]
    pub model: String,
    /// Name of the AIService of the same namespace that has it; this one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub service: Option<String>,
}
