use nantian_ir::compile::Status;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Condition, conditions, holds};
use crate::admin::observed::Observed;
use crate::admin::page::{Column, Element};
use crate::admin::problem::Problem;

/// An AIService.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::admin) struct AiService {
    /// Its namespace.
    namespace: String,
    /// Its name.
    name: String,
    /// Whether it is accepted.
    accepted: bool,
    /// Whether everything that it names is there.
    resolved_refs: bool,
    /// Conditions, as its status has them.
    conditions: Vec<Condition>,
}

impl Element for AiService {
    fn all(observed: &Observed<'_>) -> Result<Vec<Self>, Problem> {
        let services = observed.published()?.reported().filter_map(|(object, status)| {
            let Status::AiService(status) = status else { return None };
            Some(Self {
                namespace: object.namespace.to_string(),
                name: object.name.to_string(),
                accepted: holds(&status.conditions, "Accepted"),
                resolved_refs: holds(&status.conditions, "ResolvedRefs"),
                conditions: conditions(&status.conditions),
            })
        });
        Ok(services.collect())
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// AI traffic at a glance. What was used is reported by data planes that serve AI traffic.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::admin) struct AiOverview {
    /// AIServices.
    service_count: usize,
    /// AIServices that are accepted.
    accepted_service_count: usize,
    /// TokenPolicies.
    token_policy_count: usize,
    /// Data planes that reported usage.
    reporting_node_count: usize,
    /// Requests that they reported.
    request_count: u64,
    /// Tokens that they reported.
    token_count: u64,
}

impl AiOverview {
    pub(in crate::admin) fn of(observed: &Observed<'_>) -> Result<Self, Problem> {
        let services = AiService::all(observed)?;
        let usage = AiTokenUsage::all(observed)?;
        let policies = observed.published()?.reported().filter(|(object, _)| object.kind == "TokenPolicy");
        Ok(Self {
            service_count: services.len(),
            accepted_service_count: services.iter().filter(|service| service.accepted).count(),
            token_policy_count: policies.count(),
            // No data plane of this version serves AI traffic.
            reporting_node_count: 0,
            request_count: usage.iter().map(|usage| usage.request_count).sum(),
            token_count: usage.iter().map(|usage| usage.input_tokens + usage.output_tokens).sum(),
        })
    }
}

/// Tokens that an AIService used of one model, as data planes that serve AI traffic report them. Without such a data plane
/// there are none.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::admin) struct AiTokenUsage {
    /// Namespace of the AIService.
    namespace: String,
    /// Name of the AIService.
    name: String,
    /// The model.
    model: String,
    /// Requests.
    request_count: u64,
    /// Tokens of prompts.
    input_tokens: u64,
    /// Tokens of answers.
    output_tokens: u64,
}

impl Element for AiTokenUsage {
    const COLUMNS: &'static [Column<Self>] = &[
        Column { name: "model", compare: |a, b| a.model.cmp(&b.model) },
        Column { name: "requestCount", compare: |a, b| a.request_count.cmp(&b.request_count) },
    ];

    fn all(observed: &Observed<'_>) -> Result<Vec<Self>, Problem> {
        // No data plane of this version serves AI traffic.
        observed.published().map(|_| Vec::new())
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// What the tokens of an AIService and model cost, by the prices of the AIService, as data planes that serve AI traffic
/// report them. Without such a data plane there is none.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::admin) struct AiCost {
    /// Namespace of the AIService.
    namespace: String,
    /// Name of the AIService.
    name: String,
    /// The model.
    model: String,
    /// The price of all tokens that were used, in the currency of `spec.cost`.
    cost: f64,
}

impl Element for AiCost {
    const COLUMNS: &'static [Column<Self>] = &[
        Column { name: "model", compare: |a, b| a.model.cmp(&b.model) },
        Column { name: "cost", compare: |a, b| a.cost.total_cmp(&b.cost) },
    ];

    fn all(observed: &Observed<'_>) -> Result<Vec<Self>, Problem> {
        // No data plane of this version serves AI traffic.
        observed.published().map(|_| Vec::new())
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn name(&self) -> &str {
        &self.name
    }
}
