use nantian_ir::compile::Status;
use nantian_ir::compile::status::AncestorStatus;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Condition, conditions, holds};
use crate::admin::observed::Observed;
use crate::admin::page::{Column, Element};
use crate::admin::problem::Problem;

/// A policy, with what it has an effect for.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::admin) struct Policy {
    /// Its API group.
    group: String,
    /// Its kind, for example `RoutePolicy`.
    kind: String,
    /// Its namespace.
    namespace: String,
    /// Its name.
    name: String,
    /// Whether it is accepted for everything that it is attached to.
    accepted: bool,
    /// What it has an effect for.
    ancestors: Vec<PolicyAncestor>,
}

/// Something that a policy has an effect for: its target, or the Gateway.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PolicyAncestor {
    /// API group; empty for the core group.
    group: String,
    /// Kind.
    kind: String,
    /// Namespace.
    namespace: String,
    /// Name.
    name: String,
    /// The part that the policy is for, if it is for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    section_name: Option<String>,
    /// Conditions, as the status of the policy has them.
    conditions: Vec<Condition>,
}

impl From<&AncestorStatus> for PolicyAncestor {
    fn from(status: &AncestorStatus) -> Self {
        let ancestor = &status.ancestor_ref;
        Self {
            group: ancestor.group.to_string(),
            kind: ancestor.kind.to_string(),
            namespace: ancestor.namespace.to_string(),
            name: ancestor.name.to_string(),
            section_name: ancestor.section_name.as_ref().map(ToString::to_string),
            conditions: conditions(&status.conditions),
        }
    }
}

impl Element for Policy {
    const COLUMNS: &'static [Column<Self>] = &[Column { name: "kind", compare: |a, b| a.kind.cmp(&b.kind) }];

    fn all(observed: &Observed<'_>) -> Result<Vec<Self>, Problem> {
        let policies = observed.published()?.reported().filter_map(|(object, status)| {
            let Status::Policy(status) = status else { return None };
            Some(Self {
                group: object.group.to_string(),
                kind: object.kind.to_string(),
                namespace: object.namespace.to_string(),
                name: object.name.to_string(),
                accepted: status.ancestors.iter().all(|ancestor| holds(&ancestor.conditions, "Accepted")),
                ancestors: status.ancestors.iter().map(PolicyAncestor::from).collect(),
            })
        });
        Ok(policies.collect())
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn name(&self) -> &str {
        &self.name
    }
}
