//! An HTTPRoute and a GRPCRoute that want the same hosts of one listener.
//!
//! `GRPCRouteSpec.hostnames`: "the implementation MUST accept exactly one of these two routes": the older one, then the
//! first by `namespace/name`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Fault;
use super::hosts::Hosts;
use super::route::RouteView;
use crate::compile::decode::Name;
use crate::compile::diagnostic::{self, Diagnostic};
use crate::key::{RouteKey, RouteKind};
use crate::name::HostnameMatch;

/// What a parent of a route loses to an older route of the other kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Clash {
    /// Position among the route's parents.
    parent: usize,
    /// Positions of the listeners that have the older route.
    listeners: BTreeSet<usize>,
    message: String,
}

/// What was found of the clashes of one Gateway.
pub(crate) struct Clashes {
    /// The routes that were looked at; `None`: all that the Gateway has.
    pub(crate) among: Option<BTreeSet<RouteKey>>,
    pub(crate) found: BTreeMap<RouteKey, Vec<Clash>>,
}

/// The clashes of routes of one Gateway, by route. `routes` are those with requests, the older first: all, or with each
/// those that it shares a host with.
///
/// Of each, only what [`RouteView::stands_as`] compares may be looked at.
pub(crate) fn find(gateway: &Name, routes: &[&Arc<RouteView>]) -> BTreeMap<RouteKey, Vec<Clash>> {
    let mut taken: BTreeMap<(usize, RouteKind), Hosts<(&HostnameMatch, &RouteKey)>> = BTreeMap::new();
    let mut clashes: BTreeMap<RouteKey, Vec<Clash>> = BTreeMap::new();
    for route in routes {
        let kind = route.key.kind;
        let mut mine = Vec::new();
        for (position, parent) in route.parents.iter().enumerate().filter(|(_, parent)| parent.gateway == *gateway) {
            let mut lost = BTreeMap::new();
            for (listener, hosts) in &parent.attached {
                let held = taken.get(&(*listener, other(kind)));
                match held.and_then(|held| hosts.iter().find_map(|host| held.find_map(host, |first| Some(*first)))) {
                    Some((host, by)) => _ = lost.insert(*listener, format!("{by} has the hostname {host}")),
                    None => mine.push((*listener, hosts)),
                }
            }
            if lost.is_empty() {
                continue;
            }
            let message = format!(
                "an HTTPRoute and a GRPCRoute cannot share a hostname on a listener, and the older one, {}",
                lost.values().map(String::as_str).collect::<Vec<_>>().join("; ")
            );
            let clash = Clash { parent: position, listeners: lost.into_keys().collect(), message };
            clashes.entry(route.key.clone()).or_default().push(clash);
        }
        for (listener, hosts) in mine {
            let held = taken.entry((listener, kind)).or_default();
            for host in hosts {
                held.or_insert_with(host, || (host, &route.key));
            }
        }
    }
    clashes
}

/// Detaches a route from the listeners where an older route of the other kind has some of its hosts, and tells.
pub(crate) fn detach(route: &mut RouteView, clashes: &[Clash], diagnostics: &mut Vec<Diagnostic>) {
    for clash in clashes {
        let Some(parent) = route.parents.get_mut(clash.parent) else { continue };
        let code = &diagnostic::KIND_CONFLICT;
        diagnostics.push(Diagnostic::of(code, &route.object, parent.field(), &clash.message));
        parent.attached.retain(|(listener, _)| !clash.listeners.contains(listener));
        if parent.attached.is_empty() {
            parent.refused = Some(Fault::new("HostnameConflict", &clash.message));
        }
    }
}

/// The kind that routes of this one are in the way of.
pub(super) fn other(kind: RouteKind) -> RouteKind {
    if kind == RouteKind::Http { RouteKind::Grpc } else { RouteKind::Http }
}
