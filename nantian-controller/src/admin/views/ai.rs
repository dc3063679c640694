use nantian_ir::ObjectRef;
use nantian_ir::compile::Status;
use nantian_ir::compile::status::AiServiceStatus;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

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
    /// Who answers, if that is not told by the endpoint alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    /// The model that is asked for; absent: the one that the client names.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// The API that clients speak; absent: told from the path of a request.
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    /// Where the provider is: a URL, or `Service/NAMESPACE/NAME:PORT`; absent: its public address.
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    /// The fields of its `spec` that are given, sorted.
    fields: Vec<String>,
    /// The tenants that it knows, in its order.
    tenants: Vec<String>,
    /// The models that it has a price for, sorted.
    priced_models: Vec<String>,
    /// Whether it is accepted.
    accepted: bool,
    /// Whether everything that it names is there.
    resolved_refs: bool,
    /// Conditions, as its status has them.
    conditions: Vec<Condition>,
}

impl Element for AiService {
    const COLUMNS: &'static [Column<Self>] = &[
        Column { name: "provider", compare: |a, b| a.provider.cmp(&b.provider) },
        Column { name: "model", compare: |a, b| a.model.cmp(&b.model) },
    ];

    fn all(observed: &Observed<'_>) -> Result<Vec<Self>, Problem> {
        let published = observed.published()?;
        let services = published.reported().filter_map(|(object, status)| {
            let Status::AiService(status) = status else { return None };
            let declared = published.ai_services.get(object).map(|declared| declared.0.value());
            Some(Self::new(object, declared.as_ref(), status))
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

impl AiService {
    fn new(id: &ObjectRef, object: Option<&Value>, status: &AiServiceStatus) -> Self {
        let spec = object.and_then(|object| object.get("spec")).unwrap_or(&Value::Null);
        let text = |pointer: &str| spec.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let names = |fields: Option<&Value>| {
            let fields = fields.and_then(Value::as_object).into_iter().flatten();
            // An object of JSON is sorted.
            fields.map(|(name, _)| name.clone()).collect::<Vec<_>>()
        };
        let service = spec.pointer("/endpoint/service").map(|service| {
            let namespace = service.get("namespace").and_then(Value::as_str).unwrap_or(&id.namespace);
            let name = service.get("name").and_then(Value::as_str).unwrap_or_default();
            let port = service.get("port").and_then(Value::as_u64).unwrap_or_default();
            format!("Service/{namespace}/{name}:{port}")
        });
        let tenants = spec.get("tenants").and_then(Value::as_array).into_iter().flatten();
        Self {
            namespace: id.namespace.to_string(),
            name: id.name.to_string(),
            provider: text("/provider"),
            model: text("/model"),
            format: text("/format"),
            endpoint: text("/endpoint/url").or(service),
            fields: names(Some(spec)),
            tenants: tenants.filter_map(|tenant| tenant.get("tenantId")?.as_str()).map(str::to_owned).collect(),
            priced_models: names(spec.pointer("/cost/pricing")),
            accepted: holds(&status.conditions, "Accepted"),
            resolved_refs: holds(&status.conditions, "ResolvedRefs"),
            conditions: conditions(&status.conditions),
        }
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
