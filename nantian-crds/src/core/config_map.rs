//! `ConfigMap`: CA certificates, bodies of direct responses.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::secret::base64_map;
use crate::meta::{ObjectMeta, resource};

/// Configuration data (`v1`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMap {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// Text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, String>,
    /// Bytes (base64 in JSON).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "base64_map")]
    pub binary_data: BTreeMap<String, Vec<u8>>,
}

resource!(ConfigMap, "", "v1", "ConfigMap", "configmaps");

impl ConfigMap {
    /// The bytes under `key`, be they text or binary.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.data.get(key).map(String::as_bytes).or_else(|| self.binary_data.get(key).map(Vec::as_slice))
    }
}
