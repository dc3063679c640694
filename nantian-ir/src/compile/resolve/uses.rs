//! Which Gateways send to which Service ports: the ancestors of policies for Services.

use std::collections::BTreeSet;

use nantian_crds::gateway_api::grpc_route::GrpcRouteFilter;
use nantian_crds::gateway_api::http_route::HttpRouteFilter;
use nantian_crds::gateway_api::shared::BackendRef;
use nantian_crds::gateway_api::{GrpcRoute, HttpRoute, TlsRoute};

use super::backend::Reference;
use super::grant::{self, To};
use crate::compile::attach::listener::ListenerView;
use crate::compile::attach::route::{ParentView, RouteView};
use crate::compile::decode::{Name, name_of};
use crate::compile::memo::Reader;
use crate::key::RouteKind;

/// A Gateway that sends to a port of a Service by TLS where a policy says so.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Use {
    pub(crate) service: Name,
    pub(crate) gateway: Name,
    pub(crate) port: u16,
}

/// What a route makes its Gateways send to, of the Services that policies name.
pub(crate) fn of(route: &RouteView, reader: &Reader<'_>) -> BTreeSet<Use> {
    let mut uses = BTreeSet::new();
    let parents: BTreeSet<&Name> = route
        .parents
        .iter()
        .filter(|parent| route.refused.is_none() && sends(route.key.kind, parent, reader))
        .map(|parent| &parent.gateway)
        .collect();
    if parents.is_empty() {
        return uses;
    }
    for reference in references(route, reader) {
        let from = route.object.id();
        let namespace = reference.namespace.unwrap_or(&from.namespace);
        let (true, Some(port)) = (reference.group.is_empty() && reference.kind == "Service", reference.port) else {
            continue;
        };
        let service = name_of(namespace, reference.name);
        let to = To { group: "", kind: "Service", namespace, name: reference.name };
        if reader.policies_of(&service).is_some() && grant::allow(reader, from, &to) {
            let of_gateway = |gateway: &&Name| Use { service: service.clone(), gateway: (*gateway).clone(), port };
            uses.extend(parents.iter().map(of_gateway));
        }
    }
    uses
}

/// Whether what comes through the parent can be put into TLS sessions: requests, and connections whose own session ends at
/// the listener.
fn sends(kind: RouteKind, parent: &ParentView, reader: &Reader<'_>) -> bool {
    if parent.refused.is_some() {
        return false;
    }
    let ends_tls = |index: &usize| {
        let listeners = reader.gateway(&parent.gateway).map(|gateway| gateway.listeners.as_slice());
        listeners.unwrap_or_default().get(*index).is_some_and(ListenerView::ends_tls)
    };
    match kind {
        RouteKind::Http | RouteKind::Grpc => true,
        RouteKind::Tls => parent.attached.iter().any(|(index, _)| ends_tls(index)),
        RouteKind::Tcp | RouteKind::Udp => false,
    }
}

/// Every backend that a route names, mirrors included.
fn references<'s>(route: &RouteView, reader: &Reader<'s>) -> Vec<Reference<'s>> {
    let name = (route.key.namespace.clone(), route.key.name.clone());
    match route.key.kind {
        RouteKind::Http => {
            let mirror = |filter: &'s HttpRouteFilter| Some((&filter.request_mirror.as_ref()?.backend_ref).into());
            let rules = reader.get::<HttpRoute>(&name).into_iter().flat_map(|entry| &entry.value.spec.rules);
            rules
                .flat_map(|rule| {
                    let backends = rule.backend_refs.iter().map(|backend| (&backend.backend, &*backend.filters));
                    of_rule(&rule.filters, backends, mirror)
                })
                .collect()
        }
        RouteKind::Grpc => {
            let mirror = |filter: &'s GrpcRouteFilter| Some((&filter.request_mirror.as_ref()?.backend_ref).into());
            let rules = reader.get::<GrpcRoute>(&name).into_iter().flat_map(|entry| &entry.value.spec.rules);
            rules
                .flat_map(|rule| {
                    let backends = rule.backend_refs.iter().map(|backend| (&backend.backend, &*backend.filters));
                    of_rule(&rule.filters, backends, mirror)
                })
                .collect()
        }
        RouteKind::Tls => {
            let rules = reader.get::<TlsRoute>(&name).into_iter().flat_map(|entry| &entry.value.spec.rules);
            rules.flat_map(|rule| &rule.backend_refs).map(Reference::from).collect()
        }
        RouteKind::Tcp | RouteKind::Udp => Vec::new(),
    }
}

/// Every backend of a rule of requests, and what its filters and theirs mirror to.
fn of_rule<'s, F: 's>(
    filters: &'s [F],
    backends: impl Iterator<Item = (&'s BackendRef, &'s [F])>,
    mirror: impl Fn(&'s F) -> Option<Reference<'s>>,
) -> Vec<Reference<'s>> {
    let mut found: Vec<_> = filters.iter().filter_map(&mirror).collect();
    for (backend, filters) in backends {
        found.push(backend.into());
        found.extend(filters.iter().filter_map(&mirror));
    }
    found
}
