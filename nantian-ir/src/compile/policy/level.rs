//! The levels at which policies are attached: the one place that says which is more specific.

use nantian_crds::core::{Namespace, Service};
use nantian_crds::gateway_api::Gateway;
use serde::Serialize;
use smol_str::SmolStr;

use super::target::Target;
use crate::compile::memo::Reader;
use crate::key::{BackendKey, ListenerKey, RouteKey};

/// Where a policy is attached. Of a rule at a listener, and of a backend, the first is the most specific.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PolicyLevel {
    /// At a rule of a route, by its name.
    Rule,
    /// At a route.
    Route,
    /// At a listener of a Gateway, by its name.
    Listener,
    /// At a Gateway.
    Gateway,
    /// At the namespace of a route.
    Namespace,
    /// At a port of a Service, by its name.
    Port,
    /// At a Service.
    Service,
}

/// A level with what stands there: policies of this namespace that have this target.
pub(super) struct Level<'k> {
    pub(super) at: PolicyLevel,
    pub(super) namespace: &'k SmolStr,
    pub(super) target: Target,
}

/// The levels of a rule at a listener, the more specific first.
pub(super) fn of_rule<'k>(route: &'k RouteKey, rule: Option<&str>, listener: &'k ListenerKey) -> Vec<Level<'k>> {
    let own = |at, target| Level { at, namespace: &route.namespace, target };
    let of_gateway = |at, target| Level { at, namespace: &listener.namespace, target };
    let (whole, gateway) = (Target::route(route), Target::whole::<Gateway>(&listener.gateway));
    // Names of listeners are those of the Gateway itself: one of a ListenerSet is no section of it.
    let section = Some(listener.listener.as_str()).filter(|_| listener.set.is_none());
    let mut levels = Vec::with_capacity(5);
    levels.extend(rule.map(|name| own(PolicyLevel::Rule, whole.clone().section(name))));
    levels.push(own(PolicyLevel::Route, whole));
    levels.extend(section.map(|name| of_gateway(PolicyLevel::Listener, gateway.clone().section(name))));
    levels.push(of_gateway(PolicyLevel::Gateway, gateway));
    levels.push(own(PolicyLevel::Namespace, Target::whole::<Namespace>(&route.namespace)));
    levels
}

/// The levels of a backend, the more specific first.
pub(super) fn of_backend<'k>(backend: &'k BackendKey, reader: &Reader<'_>) -> Vec<Level<'k>> {
    let level = |at, target| Level { at, namespace: &backend.namespace, target };
    let whole = Target::whole::<Service>(&backend.name);
    let service = reader.get::<Service>(&(backend.namespace.clone(), backend.name.clone()));
    let ports = service.into_iter().flat_map(|service| &service.value.spec.ports);
    let names = ports.filter(|port| port.port == backend.port).filter_map(|port| port.name.as_deref());
    let mut levels: Vec<_> = names.map(|name| level(PolicyLevel::Port, whole.clone().section(name))).collect();
    levels.push(level(PolicyLevel::Service, whole));
    levels
}
