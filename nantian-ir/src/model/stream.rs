//! Stream rules: where connections and datagrams go.

use serde::{Deserialize, Serialize};

use super::route::{Attachment, Target};
use crate::key::RuleKey;
use crate::precedence::Age;

/// The rule of a TLSRoute, TCPRoute or UDPRoute, for all listeners that it is attached to. Of several that want the same
/// connections the compiler keeps one, so that the most specific hostname decides and nothing is left to compare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StreamRule {
    /// Its name.
    pub key: RuleKey,
    /// `rules[].name`, if given (GEP-995).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// Age of the route.
    pub age: Age,
    /// Where it is attached, sorted. Never empty. The hostnames are server names for TLSRoute, and `*` otherwise.
    pub attachments: Vec<Attachment>,
    /// Where connections go, by weight. Those that are not for a backend are rejected.
    pub targets: Vec<StreamTarget>,
}

/// A target with its share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StreamTarget {
    /// Share, relative to the sum of the rule's weights; 0 gets nothing.
    pub weight: u32,
    /// Where to.
    pub target: Target,
}
