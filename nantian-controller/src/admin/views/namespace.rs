use std::collections::BTreeMap;

use nantian_ir::compile::Status;
use schemars::JsonSchema;
use serde::Serialize;

use crate::admin::observed::Observed;
use crate::admin::page::{Column, Element};
use crate::admin::problem::Problem;

/// A namespace that has something of ours.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::admin) struct Namespace {
    /// Itself.
    namespace: String,
    /// Its name.
    name: String,
    /// Gateways of ours.
    gateway_count: usize,
    /// ListenerSets of those Gateways.
    listener_set_count: usize,
    /// Listeners of both, those that are not served among them.
    listener_count: usize,
    /// Routes that ask for a Gateway of ours.
    route_count: usize,
    /// Policies.
    policy_count: usize,
    /// AIServices.
    ai_service_count: usize,
    /// Ports of Services that rules send to.
    backend_count: usize,
    /// Secrets whose certificates data planes have.
    secret_count: usize,
}

impl Element for Namespace {
    const COLUMNS: &'static [Column<Self>] = &[
        Column { name: "listenerCount", compare: |a, b| a.listener_count.cmp(&b.listener_count) },
        Column { name: "routeCount", compare: |a, b| a.route_count.cmp(&b.route_count) },
        Column { name: "backendCount", compare: |a, b| a.backend_count.cmp(&b.backend_count) },
    ];

    fn all(observed: &Observed<'_>) -> Result<Vec<Self>, Problem> {
        let published = observed.published()?;
        let mut namespaces = BTreeMap::<&str, Self>::new();
        for (object, status) in published.reported() {
            if !object.namespace.is_empty() {
                namespaces.entry(&object.namespace).or_default().count(status);
            }
        }
        for key in published.snapshot.backends.keys() {
            namespaces.entry(&key.namespace).or_default().backend_count += 1;
        }
        for key in published.snapshot.certificates.keys() {
            namespaces.entry(&key.namespace).or_default().secret_count += 1;
        }
        let named = namespaces.into_iter().map(|(name, counted)| Self {
            namespace: name.to_owned(),
            name: name.to_owned(),
            ..counted
        });
        Ok(named.collect())
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Namespace {
    fn count(&mut self, status: &Status) {
        match status {
            Status::Gateway(gateway) => {
                self.gateway_count += 1;
                self.listener_count += gateway.listeners.len();
            }
            Status::ListenerSet(set) => {
                self.listener_set_count += 1;
                self.listener_count += set.listeners.len();
            }
            Status::Route(_) => self.route_count += 1,
            Status::Policy(_) => self.policy_count += 1,
            Status::AiService(_) => self.ai_service_count += 1,
            _ => {}
        }
    }
}
