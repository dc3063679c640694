use nantian_ir::ObjectRef;
use nantian_ir::compile::Status;
use nantian_ir::compile::status::GatewayStatus;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Condition, conditions, holds};
use crate::admin::observed::Observed;
use crate::admin::page::{Column, Element};
use crate::admin::problem::Problem;

/// A Gateway of ours.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::admin) struct Gateway {
    /// Its namespace.
    namespace: String,
    /// Its name.
    name: String,
    /// Whether it is accepted.
    accepted: bool,
    /// Whether all of it that is accepted is in the snapshot.
    programmed: bool,
    /// The addresses that the compiler knows. Those of its Service are in its status in Kubernetes.
    addresses: Vec<String>,
    /// Listeners of its own, those that are not served among them.
    listener_count: usize,
    /// Routes that are attached to its own listeners; one that is attached to two counts twice.
    attached_routes: u32,
    /// ListenerSets that are accepted, if it takes any.
    #[serde(skip_serializing_if = "Option::is_none")]
    attached_listener_sets: Option<u32>,
    /// Conditions, as its status has them.
    conditions: Vec<Condition>,
}

impl Element for Gateway {
    const COLUMNS: &'static [Column<Self>] = &[
        Column { name: "listenerCount", compare: |a, b| a.listener_count.cmp(&b.listener_count) },
        Column { name: "attachedRoutes", compare: |a, b| a.attached_routes.cmp(&b.attached_routes) },
    ];

    fn all(observed: &Observed<'_>) -> Result<Vec<Self>, Problem> {
        let gateways = observed.published()?.reported().filter_map(|(object, status)| match status {
            Status::Gateway(status) => Some(Self::new(object, status)),
            _ => None,
        });
        Ok(gateways.collect())
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Gateway {
    fn new(object: &ObjectRef, status: &GatewayStatus) -> Self {
        Self {
            namespace: object.namespace.to_string(),
            name: object.name.to_string(),
            accepted: holds(&status.conditions, "Accepted"),
            programmed: holds(&status.conditions, "Programmed"),
            addresses: status.addresses.iter().map(|address| address.value.clone()).collect(),
            listener_count: status.listeners.len(),
            attached_routes: status.listeners.iter().map(|listener| listener.attached_routes).sum(),
            attached_listener_sets: status.attached_listener_sets,
            conditions: conditions(&status.conditions),
        }
    }
}
