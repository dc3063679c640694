//! What every Kubernetes object has: metadata, label selectors and conditions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::open_enum::open_enum;

/// What identifies a kind at the Kubernetes API, and the metadata that every object of it has.
pub trait Resource {
    /// API group; empty for the core group.
    const GROUP: &'static str;
    /// Version that this type describes.
    const VERSION: &'static str;
    /// Kind, as in the `kind` field.
    const KIND: &'static str;
    /// Plural name, as in API paths.
    const PLURAL: &'static str;

    /// The object's metadata.
    fn metadata(&self) -> &ObjectMeta;

    /// The value of the `apiVersion` field: `group/version`, or the version alone in the core group.
    fn api_version() -> String {
        if Self::GROUP.is_empty() { Self::VERSION.to_owned() } else { format!("{}/{}", Self::GROUP, Self::VERSION) }
    }
}

/// Declares the identity of a kind next to its type.
macro_rules! resource {
    ($type:ty, $group:literal, $version:literal, $kind:literal, $plural:literal) => {
        impl $crate::meta::Resource for $type {
            const GROUP: &'static str = $group;
            const VERSION: &'static str = $version;
            const KIND: &'static str = $kind;
            const PLURAL: &'static str = $plural;

            fn metadata(&self) -> &$crate::meta::ObjectMeta {
                &self.metadata
            }
        }
    };
}
pub(crate) use resource;

/// An object of one of this project's own kinds: metadata, what is wanted, and what controllers say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomObject<Spec, Status> {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: Spec,
    /// What controllers say.
    #[serde(default, bound(deserialize = "Status: Default + Deserialize<'de>"))]
    pub status: Status,
}

/// The fields of `metadata` that a gateway reads (`meta/v1.ObjectMeta`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectMeta {
    /// Name, unique within kind and namespace.
    #[serde(default)]
    pub name: SmolStr,
    /// Namespace; absent for cluster-scoped kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<SmolStr>,
    /// Labels, which selectors match.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Counts changes of the specification; what `observedGeneration` refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// When the object was created (RFC 3339). Breaks ties between routes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_timestamp: Option<SmolStr>,
}

/// Selects objects by their labels (`meta/v1.LabelSelector`); all requirements must hold, none at all select everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelector {
    /// Labels that must have exactly these values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// Further requirements.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

/// One requirement of a [`LabelSelector`] (`meta/v1.LabelSelectorRequirement`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LabelSelectorRequirement {
    /// Key of the label.
    pub key: String,
    /// How the label is compared with `values`.
    pub operator: SelectorOperator,
    /// Values for `In` and `NotIn`; empty for the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// Operator of a [`LabelSelectorRequirement`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectorOperator {
    /// The label's value is one of the values.
    In,
    /// The label is absent, or its value is none of the values.
    NotIn,
    /// The label is present.
    Exists,
    /// The label is absent.
    DoesNotExist,
    /// An operator that this version does not know; selects nothing.
    Unknown(String),
}

open_enum!(SelectorOperator { In = "In", NotIn = "NotIn", Exists = "Exists", DoesNotExist = "DoesNotExist" });

impl LabelSelector {
    /// Whether an object with these labels is selected.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|requirement| requirement.matches(labels))
    }
}

impl LabelSelectorRequirement {
    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        match self.operator {
            SelectorOperator::In => value.is_some_and(|value| self.values.contains(value)),
            SelectorOperator::NotIn => value.is_none_or(|value| !self.values.contains(value)),
            SelectorOperator::Exists => value.is_some(),
            SelectorOperator::DoesNotExist => value.is_none(),
            SelectorOperator::Unknown(_) => false,
        }
    }
}

/// One condition of a status (`meta/v1.Condition`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What the condition is about, for example `Accepted`.
    pub r#type: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word in `CamelCase` for programs.
    #[serde(default)]
    pub reason: String,
    /// A sentence for people.
    #[serde(default)]
    pub message: String,
    /// Generation of the object that was judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When `status` last changed (RFC 3339).
    #[serde(default)]
    pub last_transition_time: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    /// <https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors>
    #[test]
    fn all_requirements_of_a_selector_must_hold() {
        let selector: LabelSelector = serde_json::from_value(serde_json::json!({
            "matchLabels": {"team": "web"},
            "matchExpressions": [
                {"key": "env", "operator": "In", "values": ["prod", "stage"]},
                {"key": "old", "operator": "DoesNotExist"},
                {"key": "zone", "operator": "NotIn", "values": ["x"]},
                {"key": "owner", "operator": "Exists"},
            ],
        }))
        .unwrap();
        assert!(selector.matches(&labels(&[("team", "web"), ("env", "prod"), ("owner", "a")])));
        for wrong in [
            labels(&[("team", "db"), ("env", "prod"), ("owner", "a")]),
            labels(&[("team", "web"), ("env", "dev"), ("owner", "a")]),
            labels(&[("team", "web"), ("env", "prod"), ("owner", "a"), ("old", "1")]),
            labels(&[("team", "web"), ("env", "prod"), ("owner", "a"), ("zone", "x")]),
            labels(&[("team", "web"), ("env", "prod")]),
        ] {
            assert!(!selector.matches(&wrong), "{wrong:?}");
        }
    }

    #[test]
    fn an_empty_selector_selects_everything_and_an_unknown_operator_nothing() {
        assert!(LabelSelector::default().matches(&BTreeMap::new()));
        let unknown: LabelSelector =
            serde_json::from_value(serde_json::json!({"matchExpressions": [{"key": "a", "operator": "Near"}]}))
                .unwrap();
        assert!(!unknown.matches(&labels(&[("a", "b")])));
    }
}
