//! Who may ask and how much, and what it costs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::SecretReference;
use crate::token_policy::TokenLimits;

/// What models cost.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// The price of each model, in the currency that you count in.
    #[schemars(extend("minProperties" = 1, "maxProperties" = 256))]
    pub pricing: BTreeMap<String, Price>,
}

/// The price of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Price {
    /// Of 1,000 tokens of requests.
    #[serde(rename = "inputPer1k")]
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub input_per_1k: f64,
    /// Of 1,000 tokens of answers.
    #[serde(rename = "outputPer1k")]
    #[schemars(range(min = 0.0, max = 1_000_000.0))]
    pub output_per_1k: f64,
}

/// One who may ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Name of the tenant, in metrics and traces.
    #[schemars(length(min = 1, max = 128))]
    pub tenant_id: String,
    /// The keys by which requests of the tenant are known.
    pub api_keys: ApiKeys,
    /// How much may be spent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<TokenLimits>,
    /// The models that may be asked; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 256)), extend("x-kubernetes-list-type" = "set"))]
    pub model_allowlist: Vec<String>,
    /// How much it may cost, by cost.pricing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_limit: Option<CostLimit>,
}

/// API keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeys {
    /// A Secret of which each entry is a key.
    pub secret_ref: SecretReference,
}

/// How much may be spent in a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CostLimit {
    /// How much, in the currency of cost.pricing.
    #[schemars(range(min = 0.0, max = 1_000_000_000.0))]
    pub amount: f64,
    /// In which time, by the calendar (UTC).
    #[serde(default)]
    pub period: Period,
}

/// A time by the calendar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Period {
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A month.
    #[default]
    Month,
    /// A time that this version does not know.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}
