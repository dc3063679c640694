//! Which model answers: fallbacks, routing by complexity, experiments.

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Who answers when a model does not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Fallback {
    /// A chain for each model.
    #[schemars(
        length(min = 1, max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["primary"])
    )]
    pub chains: Vec<FallbackChain>,
}

/// Who answers in place of one model, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FallbackChain {
    /// The model.
    #[schemars(length(min = 1, max = 256))]
    pub primary: String,
    /// Who answers in its place.
    #[schemars(length(min = 1, max = 8))]
    pub fallbacks: Vec<FallbackTarget>,
}

/// One that answers in place of another.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("has(self.model) || has(self.service)").message("give model or service, or both"))]
#[serde(rename_all = "camelCase")]
pub struct FallbackTarget {
    /// The model; the one of the service when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub model: Option<String>,
    /// Name of the AIService of the same namespace; this one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub service: Option<String>,
    /// Whether it is asked when the one before took too long or could not be reached.
    #[serde(default = "yes")]
    pub on_timeout: bool,
    /// Status codes of the one before with which it is asked.
    #[serde(default = "failures")]
    #[schemars(
        length(max = 32),
        inner(range(min = 400, max = 599)),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub on_status: Vec<u16>,
    /// How often it is tried again before the next one is asked.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10))]
    pub max_retries: u32,
}

fn yes() -> bool {
    true
}

fn failures() -> Vec<u16> {
    vec![429, 500, 502, 503, 504]
}

/// Models by how complex a request is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ModelRouting {
    /// The models of each class.
    pub routes: Complexity,
}

/// Classes of requests by the characters of all messages. A class without models uses those of the next simpler one, or
/// the AIService's own.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("has(self.simple) || has(self.medium) || has(self.complex)")
        .message("give models for at least one of simple, medium and complex")
)]
#[serde(rename_all = "camelCase")]
pub struct Complexity {
    /// Fewer than 200 characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 16))]
    pub simple: Vec<WeightedModel>,
    /// Fewer than 2,000 characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 16))]
    pub medium: Vec<WeightedModel>,
    /// All others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 16))]
    pub complex: Vec<WeightedModel>,
}

/// A model with its share of the requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WeightedModel {
    /// Name of the model.
    #[schemars(length(min = 1, max = 256))]
    pub model: String,
    /// Share of the requests, relative to the sum of all weights of the list.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub weight: u32,
    /// The most tokens that an answer may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub max_tokens: Option<u32>,
}

fn one() -> u32 {
    1
}

/// An experiment: each client sees one variant, always the same.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("self.variants.exists(v, v.weight > 0)").message("at least one variant needs a weight above 0")
)]
#[serde(rename_all = "camelCase")]
pub struct AbTesting {
    /// Name of the experiment, in metrics and traces.
    #[schemars(length(min = 1, max = 128))]
    pub experiment_id: String,
    /// The variants.
    #[schemars(
        length(min = 1, max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"])
    )]
    pub variants: Vec<Variant>,
}

/// One variant of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Variant {
    /// Name of the variant, in metrics and traces.
    #[schemars(length(min = 1, max = 128))]
    pub name: String,
    /// The model; the AIService's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub model: Option<String>,
    /// Share of the clients, relative to the sum of all weights.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1_000_000))]
    pub weight: u32,
    /// Fields of the request that are set, for example temperature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "config")]
    pub config: Option<Map<String, Value>>,
}

fn config(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}
