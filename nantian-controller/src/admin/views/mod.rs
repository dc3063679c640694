//! What the answers have in them, one file for each concern. Plain data: `/openapi.json` is made from the same types.
#![allow(clippy::struct_field_names, reason = "fields are named as in the JSON")]

mod ai;
mod backend;
mod gateway;
mod listener;
mod namespace;
mod node;
mod policy;
mod route;
mod snapshot;
mod summary;
mod topology;

use jiff::Timestamp;
use nantian_ir::compile::{self, ConditionStatus};
use schemars::JsonSchema;
use serde::Serialize;

use crate::Published;

pub(super) use ai::{AiCost, AiOverview, AiService, AiTokenUsage};
pub(super) use backend::{Backend, BackendObject};
pub(super) use gateway::Gateway;
pub(super) use listener::Listener;
pub(super) use namespace::Namespace;
pub(super) use node::{DataPlane, Node, NodeState, SnapshotSync};
pub(super) use policy::Policy;
pub(super) use route::{Route, RouteWithRules};
pub(super) use snapshot::Snapshot;
pub(super) use summary::{MAX_WARNINGS, Summary};
pub(super) use topology::Topology;

/// The name of an object whose kind is clear.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub(super) struct ObjectName {
    /// Its namespace.
    pub(super) namespace: String,
    /// Its name.
    pub(super) name: String,
}

impl ObjectName {
    pub(super) fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

/// A condition of an object, as its status has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Condition {
    /// What it says something about, for example `Accepted`.
    r#type: &'static str,
    /// Whether it holds.
    status: ConditionValue,
    /// A word for machines.
    reason: &'static str,
    /// The same for people.
    message: String,
    /// The `metadata.generation` that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    observed_generation: Option<i64>,
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) enum ConditionValue {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It cannot be told yet.
    Unknown,
}

impl From<&compile::Condition> for Condition {
    fn from(condition: &compile::Condition) -> Self {
        Self {
            r#type: condition.kind,
            status: match condition.status {
                ConditionStatus::True => ConditionValue::True,
                ConditionStatus::False => ConditionValue::False,
                ConditionStatus::Unknown => ConditionValue::Unknown,
            },
            reason: condition.reason,
            message: condition.message.to_string(),
            observed_generation: condition.observed_generation,
        }
    }
}

fn conditions(conditions: &[compile::Condition]) -> Vec<Condition> {
    conditions.iter().map(Condition::from).collect()
}

/// Whether the condition of this type holds.
fn holds(conditions: &[compile::Condition], kind: &str) -> bool {
    conditions.iter().any(|condition| condition.kind == kind && condition.status == ConditionStatus::True)
}

/// When a snapshot was published.
fn published_at(published: &Published) -> String {
    written(Timestamp::try_from(published.generated_at).unwrap_or_default())
}

/// A time in UTC, to the millisecond (RFC 3339).
fn written(time: Timestamp) -> String {
    format!("{time:.3}")
}
