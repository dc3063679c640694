use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::published_at;
use crate::admin::observed::Observed;
use crate::admin::problem::Problem;

/// What data planes serve, without private keys.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::admin) struct Snapshot {
    /// Its version.
    version: String,
    /// When it was published.
    generated_at: String,
    #[serde(flatten)]
    #[schemars(with = "Resources")]
    snapshot: nantian_ir::Snapshot,
}

/// Its resources. They are described where they are defined: `nantian-ir/src/model`.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "only its schema is of use")]
struct Resources {
    /// Listeners of all Gateways that may be served.
    listeners: Vec<Map<String, Value>>,
    /// Rules of HTTPRoutes and GRPCRoutes.
    rules: Vec<Map<String, Value>>,
    /// Rules of TLSRoutes, TCPRoutes and UDPRoutes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stream_rules: Vec<Map<String, Value>>,
    /// Backends that rules name.
    backends: Vec<Map<String, Value>>,
    /// Where those backends are reached.
    endpoints: Vec<Map<String, Value>>,
    /// Certificates; `privateKey` is empty.
    certificates: Vec<Map<String, Value>>,
    /// Certificates of authorities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ca_bundles: Vec<Map<String, Value>>,
}

impl Snapshot {
    pub(in crate::admin) fn of(observed: &Observed<'_>) -> Result<Self, Problem> {
        let published = observed.published()?;
        Ok(Self {
            version: published.version.clone(),
            generated_at: published_at(published),
            snapshot: published.snapshot.redacted(),
        })
    }
}
