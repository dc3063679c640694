//! `Secret`: certificates and keys. Values never show in `Debug` output and are overwritten when dropped.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::meta::{ObjectMeta, resource};

/// Secret data (`v1`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", try_from = "Wire")]
pub struct Secret {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// Type, for example `kubernetes.io/tls`; `Opaque` by default.
    pub r#type: String,
    /// The values: `data` decoded, with those of `stringData` over it, as the API server merges them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub data: BTreeMap<String, SecretValue>,
}

resource!(Secret, "", "v1", "Secret", "secrets");

/// One value of a [`Secret`]. Its `Debug` output tells nothing but the length.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretValue(Zeroizing<Vec<u8>>);

impl SecretValue {
    /// Takes the bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SecretValue({} bytes)", self.0.len())
    }
}

impl Serialize for SecretValue {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(STANDARD.encode(self.as_bytes())))
    }
}

/// A value of `data` that is not base64.
#[derive(Debug, thiserror::Error)]
#[error("data[{key:?}] is not base64: encode the value (`base64 -w0`), or write it as it is under stringData")]
struct NotBase64 {
    key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    metadata: ObjectMeta,
    r#type: Option<String>,
    data: Option<BTreeMap<String, Zeroizing<String>>>,
    string_data: Option<BTreeMap<String, String>>,
}

impl TryFrom<Wire> for Secret {
    type Error = NotBase64;

    fn try_from(wire: Wire) -> Result<Self, NotBase64> {
        let mut data = BTreeMap::new();
        for (key, text) in wire.data.unwrap_or_default() {
            match decode(&text) {
                Some(bytes) => data.insert(key, SecretValue::new(bytes)),
                None => return Err(NotBase64 { key }),
            };
        }
        for (key, text) in wire.string_data.unwrap_or_default() {
            data.insert(key, SecretValue::new(text.into_bytes()));
        }
        let r#type = wire.r#type.filter(|name| !name.is_empty()).unwrap_or_else(|| "Opaque".to_owned());
        Ok(Self { metadata: wire.metadata, r#type, data })
    }
}

/// Go's base64 decoder, which the API server uses, skips line breaks; people wrap certificates.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    if text.contains(['\n', '\r']) {
        let joined = Zeroizing::new(text.replace(['\n', '\r'], ""));
        STANDARD.decode(joined.as_bytes()).ok()
    } else {
        STANDARD.decode(text).ok()
    }
}

pub(super) mod base64_map {
    use std::collections::BTreeMap;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::NotBase64;

    pub(in super::super) fn serialize<S: Serializer>(
        map: &BTreeMap<String, Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(map.iter().map(|(key, bytes)| (key, STANDARD.encode(bytes))))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, Vec<u8>>, D::Error> {
        BTreeMap::<String, String>::deserialize(deserializer)?
            .into_iter()
            .map(|(key, text)| match super::decode(&text) {
                Some(bytes) => Ok((key, bytes)),
                None => Err(D::Error::custom(NotBase64 { key })),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    /// <https://kubernetes.io/docs/concepts/configuration/secret/>: "the value in `stringData` takes precedence".
    #[test]
    fn string_data_takes_precedence_over_data() {
        let secret: Secret = from_value(json!({
            "metadata": {"name": "s"},
            "data": {"a": "QQ==", "b": "Qg==\n"},
            "stringData": {"a": "plain"},
        }))
        .unwrap();
        assert_eq!(secret.data["a"].as_bytes(), b"plain");
        assert_eq!(secret.data["b"].as_bytes(), b"B");
        assert_eq!(secret.r#type, "Opaque");
        let written = serde_json::to_value(&secret).unwrap();
        assert_eq!(written["data"], json!({"a": "cGxhaW4=", "b": "Qg=="}));
    }

    #[test]
    fn debug_output_shows_no_value() {
        let secret: Secret =
            from_value(json!({"metadata": {"name": "s"}, "stringData": {"tls.key": "TOPSECRET"}})).unwrap();
        let text = format!("{secret:?}");
        assert!(!text.contains("TOPSECRET") && text.contains("9 bytes"), "{text}");
    }

    #[test]
    fn an_error_names_the_key_and_not_the_value() {
        let error = from_value::<Secret>(json!({"metadata": {"name": "s"}, "data": {"tls.key": "TOP SECRET"}}))
            .unwrap_err()
            .to_string();
        assert!(error.contains("data[\"tls.key\"] is not base64") && !error.contains("TOP SECRET"), "{error}");
    }
}
