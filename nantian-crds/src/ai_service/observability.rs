//! Where it is told what was asked and answered.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::reference::{Endpoint, SecretKeyReference, SecretReference};

/// Where it is told what was asked and answered.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("has(self.otel) || has(self.langfuse)").message("give otel or langfuse, or both"))]
#[serde(rename_all = "camelCase")]
pub struct Observability {
    /// Traces and metrics by the GenAI semantic conventions of OpenTelemetry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otel: Option<Otel>,
    /// Traces to Langfuse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub langfuse: Option<Langfuse>,
}

/// An OpenTelemetry collector, and what it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Otel {
    /// Where the collector is.
    pub endpoint: Endpoint,
    /// How the collector is spoken to.
    #[serde(default)]
    pub protocol: OtelProtocol,
    /// A Secret of which each entry is a header, by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers_secret_ref: Option<SecretReference>,
    /// Whether messages are told, and not only their numbers of tokens.
    #[serde(default)]
    pub capture_content: bool,
}

/// How an OpenTelemetry collector is spoken to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OtelProtocol {
    /// OTLP over gRPC.
    #[default]
    Grpc,
    /// OTLP over HTTP.
    Http,
    /// A protocol that this version does not know.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

/// A Langfuse server, and what it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Langfuse {
    /// Where the server is.
    pub endpoint: Endpoint,
    /// The public key.
    pub public_key_ref: SecretKeyReference,
    /// The secret key.
    pub secret_key_ref: SecretKeyReference,
    /// Whether messages are told, and not only their numbers of tokens.
    #[serde(default)]
    pub capture_content: bool,
}
