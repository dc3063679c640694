//! What requests and answers are looked at for.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Looks for attempts to make the model ignore its instructions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PromptGuard {
    /// Whether it does.
    pub enabled: bool,
    /// What happens to a request in which something is found.
    pub mode: GuardMode,
    /// Further regular expressions (RE2) to look for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 1024)), extend("x-kubernetes-list-type" = "set"))]
    pub custom_patterns: Vec<String>,
}

impl Default for PromptGuard {
    fn default() -> Self {
        Self { enabled: true, mode: GuardMode::default(), custom_patterns: Vec::new() }
    }
}

/// Looks for content that is not wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ContentSafety {
    /// Whether it does.
    pub enabled: bool,
    /// What happens to a request or an answer in which something is found.
    pub block_mode: GuardMode,
    /// Whether answers are looked at as well.
    pub inspect_responses: bool,
    /// Further regular expressions (RE2) to look for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 1024)), extend("x-kubernetes-list-type" = "set"))]
    pub custom_patterns: Vec<String>,
    /// Further words to look for, in any case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 256)), extend("x-kubernetes-list-type" = "set"))]
    pub custom_keywords: Vec<String>,
}

impl Default for ContentSafety {
    fn default() -> Self {
        Self {
            enabled: true,
            block_mode: GuardMode::default(),
            inspect_responses: false,
            custom_patterns: Vec::new(),
            custom_keywords: Vec::new(),
        }
    }
}

/// What happens where something is found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GuardMode {
    /// It is refused.
    #[default]
    Block,
    /// It passes; the answer and the log say so.
    Warn,
    /// It passes; the log says so.
    Log,
    /// A mode that this version does not know; treat as block.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

/// Hides personal data from the provider.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("self.mode == 'mask' || !self.unmaskResponses")
        .message("only what was masked can be put back: set unmaskResponses to false with other modes")
)]
#[serde(rename_all = "camelCase")]
pub struct PiiMasking {
    /// Whether it does.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// What stands in place of the data: a token that can be turned back (mask), nothing but its kind (redact), or
    /// made-up data of the same form (anonymize).
    #[serde(default)]
    pub mode: MaskMode,
    /// What is looked for.
    #[serde(default = "PiiKind::all")]
    #[schemars(length(min = 1, max = 8), extend("x-kubernetes-list-type" = "set"))]
    pub kinds: Vec<PiiKind>,
    /// Further regular expressions (RE2) to look for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 1024)), extend("x-kubernetes-list-type" = "set"))]
    pub custom_patterns: Vec<String>,
    /// Whether tokens in answers are turned back.
    #[serde(default = "yes")]
    pub unmask_responses: bool,
}

fn yes() -> bool {
    true
}

/// What stands in place of personal data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum MaskMode {
    /// A token that can be turned back.
    #[default]
    Mask,
    /// Its kind.
    Redact,
    /// Made-up data of the same form.
    Anonymize,
    /// A mode that this version does not know; treat as redact.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

/// A kind of personal data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PiiKind {
    /// Addresses of electronic mail.
    Email,
    /// Telephone numbers.
    Phone,
    /// Numbers of payment cards, by their check digit.
    CreditCard,
    /// International bank account numbers, by their check digits.
    Iban,
    /// United States social security numbers.
    Ssn,
    /// Addresses of IPv4 and IPv6.
    IpAddress,
    /// A kind that this version does not know.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

impl PiiKind {
    fn all() -> Vec<Self> {
        vec![Self::Email, Self::Phone, Self::CreditCard, Self::Iban, Self::Ssn, Self::IpAddress]
    }
}
