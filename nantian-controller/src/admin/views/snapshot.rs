use schemars::JsonSchema;
use serde::Serialize;

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
    snapshot: nantian_ir::Snapshot,
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
