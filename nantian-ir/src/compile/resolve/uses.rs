//! Which Gateways send to which Service ports: the ancestors of policies for Services.

use std::collections::{BTreeMap, BTreeSet};

use nantian_crds::gateway_api::grpc_route::GrpcRouteFilter;
use nantian_crds::gateway_api::http_route::HttpRouteFilter;
use nantian_crds::gateway_api::shared::{BackendObjectReference, BackendRef};

use super::grant::{Grants, To};
use crate::compile::attach::gateway::GatewayView;
use crate::compile::attach::listener::ListenerView;
use crate::compile::attach::route::{ParentView, RouteView};
use crate::compile::decode::{Name, Typed};
use crate::key::RouteKind;

/// The ports of each Service that each Gateway sends to by TLS where a policy says so.
#[derive(Default)]
pub(crate) struct Uses {
    by_service: BTreeMap<Name, BTreeMap<Name, BTreeSet<u16>>>,
}

impl Uses {
    /// Looks at the routes that are attached to something.
    pub(crate) fn new(
        routes: &[RouteView<'_>],
        gateways: &BTreeMap<Name, GatewayView<'_, '_>>,
        typed: &Typed<'_>,
        grants: &Grants<'_>,
    ) -> Self {
        let mut uses = Self::default();
        // Without policies nobody asks.
        if typed.backend_tls_policies.is_empty() {
            return uses;
        }
        for route in routes.iter().filter(|route| route.refused.is_none()) {
            let parents: BTreeSet<&Name> = route
                .parents
                .iter()
                .filter(|parent| sends(route.key.kind, parent, gateways))
                .map(|parent| &parent.gateway)
                .collect();
            if parents.is_empty() {
                continue;
            }
            for reference in references(route, typed) {
                let from = route.object.id();
                let namespace = reference.namespace.as_deref().filter(|n| !n.is_empty()).unwrap_or(&from.namespace);
                let to = To { group: &reference.group, kind: &reference.kind, namespace, name: &reference.name };
                let is_service = to.group.is_empty() && to.kind == "Service";
                let (true, true, Some(port)) = (is_service, grants.allow(from, &to), reference.port) else { continue };
                let service = (namespace.to_owned(), reference.name.clone());
                let of_service = uses.by_service.entry(service).or_default();
                for gateway in &parents {
                    of_service.entry((*gateway).clone()).or_default().insert(port);
                }
            }
        }
        uses
    }

    /// The Gateways that send to the Service, each with the ports.
    pub(crate) fn of(&self, service: &Name) -> impl Iterator<Item = (&Name, &BTreeSet<u16>)> {
        self.by_service.get(service).into_iter().flatten()
    }
}

/// Whether what comes through the parent can be put into TLS sessions: requests, and connections whose own session ends at
/// the listener.
fn sends(kind: RouteKind, parent: &ParentView, gateways: &BTreeMap<Name, GatewayView<'_, '_>>) -> bool {
    if parent.refused.is_some() {
        return false;
    }
    let listeners = gateways.get(&parent.gateway).map(|gateway| gateway.listeners.as_slice()).unwrap_or_default();
    let ends_tls = |index: &usize| listeners.get(*index).is_some_and(ListenerView::ends_tls);
    match kind {
        RouteKind::Http | RouteKind::Grpc => true,
        RouteKind::Tls => parent.attached.iter().any(|(index, _)| ends_tls(index)),
        RouteKind::Tcp | RouteKind::Udp => false,
    }
}

/// Every backend that a route names, mirrors included.
fn references(route: &RouteView<'_>, typed: &Typed<'_>) -> Vec<BackendObjectReference> {
    let name = (route.key.namespace.clone(), route.key.name.clone());
    match route.key.kind {
        RouteKind::Http => {
            let mirror =
                |filter: &HttpRouteFilter| filter.request_mirror.as_ref().map(|mirror| mirror.backend_ref.clone());
            let rules = typed.http_routes.get(&name).into_iter().flat_map(|entry| &entry.value.spec.rules);
            rules
                .flat_map(|rule| {
                    let backends = rule.backend_refs.iter().map(|backend| (&backend.backend, &*backend.filters));
                    of_rule(&rule.filters, backends, mirror)
                })
                .collect()
        }
        RouteKind::Grpc => {
            let mirror =
                |filter: &GrpcRouteFilter| filter.request_mirror.as_ref().map(|mirror| mirror.backend_ref.clone());
            let rules = typed.grpc_routes.get(&name).into_iter().flat_map(|entry| &entry.value.spec.rules);
            rules
                .flat_map(|rule| {
                    let backends = rule.backend_refs.iter().map(|backend| (&backend.backend, &*backend.filters));
                    of_rule(&rule.filters, backends, mirror)
                })
                .collect()
        }
        RouteKind::Tls => {
            let rules = typed.tls_routes.get(&name).into_iter().flat_map(|entry| &entry.value.spec.rules);
            rules.flat_map(|rule| &rule.backend_refs).map(BackendRef::object).collect()
        }
        RouteKind::Tcp | RouteKind::Udp => Vec::new(),
    }
}

/// Every backend of a rule of requests, and what its filters and theirs mirror to.
fn of_rule<'a, F: 'a>(
    filters: &'a [F],
    backends: impl Iterator<Item = (&'a BackendRef, &'a [F])>,
    mirror: impl Fn(&F) -> Option<BackendObjectReference>,
) -> Vec<BackendObjectReference> {
    let mut found: Vec<_> = filters.iter().filter_map(&mirror).collect();
    for (backend, filters) in backends {
        found.push(backend.object());
        found.extend(filters.iter().filter_map(&mirror));
    }
    found
}
