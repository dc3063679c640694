//! Durations as the Gateway API spells them (GEP-2257).

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

use crate::gateway_api::shared::parse_duration;

/// A duration as it is written: `1h30m`, `500ms`. Whether it is one is for the schema to say.
///
/// ```
/// use nantian_crds::duration::Duration;
///
/// assert_eq!(Duration::new("1m30s").get(), Some(std::time::Duration::from_secs(90)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Duration(String);

impl Duration {
    /// The duration that is written so.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its length; `None` if it is not a duration of the Gateway API.
    #[must_use]
    pub fn get(&self) -> Option<std::time::Duration> {
        parse_duration(&self.0)
    }
}

impl JsonSchema for Duration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "maxLength": 24, "pattern": "^([0-9]{1,5}(h|m|s|ms)){1,4}$"})
    }
}
