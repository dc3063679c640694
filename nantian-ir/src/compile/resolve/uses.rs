//! Which Gateways send to which Service ports: the ancestors of policies for Services.

use std::collections::BTreeSet;

use nantian_crds::gateway_api::shared::{BackendRef, HttpRequestMirrorFilter};
use nantian_crds::gateway_api::{GrpcRoute, HttpRoute, TlsRoute};

use super::backend::Reference;
use super::grant::{self, To};
use crate::compile::attach::listener::ListenerView;
use crate::compile::attach::route::{ParentView, RouteView};
use crate::compile::decode::Name;
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
    if route.refused.is_some() || !reader.may_have_policies() {
        return BTreeSet::new();
    }
    let services = services(route, reader);
    if services.is_empty() {
        return BTreeSet::new();
    }
    let sending = route.parents.iter().filter(|parent| sends(route.key.kind, parent, reader));
    let gateways: BTreeSet<&Name> = sending.map(|parent| &parent.gateway).collect();
    let each = services.into_iter().flat_map(|(service, port)| {
        let of_gateway = move |gateway: &&Name| Use { service: service.clone(), gateway: (*gateway).clone(), port };
        gateways.iter().map(of_gateway).collect::<Vec<_>>()
    });
    each.collect()
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

/// The ports of Services that policies name, of those that a route names: mostly none.
fn services(route: &RouteView, reader: &Reader<'_>) -> Vec<(Name, u16)> {
    let name = (route.key.namespace.clone(), route.key.name.clone());
    let from = route.object.id();
    let named = |reference: Reference<'_>| {
        let port = reference.port.filter(|_| reference.group.is_empty() && reference.kind == "Service")?;
        let namespace = reference.namespace.unwrap_or(&from.namespace);
        let service = (namespace.clone(), reference.name.clone());
        let to = To { group: "", kind: "Service", namespace, name: reference.name };
        let is_governed = reader.policies_of(&service).is_some() && grant::allow(reader, from, &to);
        is_governed.then_some((service, port))
    };
    match route.key.kind {
        RouteKind::Http => {
            let rules = reader.get::<HttpRoute>(&name).into_iter().flat_map(|entry| &entry.value.spec.rules);
            let references = rules.flat_map(|rule| {
                let backends = rule.backend_refs.iter().map(|backend| (&backend.backend, &*backend.filters));
                of_rule(&rule.filters, backends, |filter| filter.request_mirror.as_deref())
            });
            references.filter_map(named).collect()
        }
        RouteKind::Grpc => {
            let rules = reader.get::<GrpcRoute>(&name).into_iter().flat_map(|entry| &entry.value.spec.rules);
            let references = rules.flat_map(|rule| {
                let backends = rule.backend_refs.iter().map(|backend| (&backend.backend, &*backend.filters));
                of_rule(&rule.filters, backends, |filter| filter.request_mirror.as_deref())
            });
            references.filter_map(named).collect()
        }
        RouteKind::Tls => {
            let rules = reader.get::<TlsRoute>(&name).into_iter().flat_map(|entry| &entry.value.spec.rules);
            rules.flat_map(|rule| &rule.backend_refs).map(Reference::from).filter_map(named).collect()
        }
        RouteKind::Tcp | RouteKind::Udp => Vec::new(),
    }
}

/// Every backend of a rule of requests, and what its filters and theirs mirror to.
fn of_rule<'s, F: 's>(
    filters: &'s [F],
    backends: impl Iterator<Item = (&'s BackendRef, &'s [F])>,
    mirror: impl Fn(&'s F) -> Option<&'s HttpRequestMirrorFilter> + Copy,
) -> impl Iterator<Item = Reference<'s>> {
    let mirrors =
        move |filters: &'s [F]| filters.iter().filter_map(mirror).map(|mirror| Reference::from(&mirror.backend_ref));
    let backends = backends.flat_map(move |(backend, filters)| std::iter::once(backend.into()).chain(mirrors(filters)));
    mirrors(filters).chain(backends)
}
