//! An HTTPRoute and a GRPCRoute that want the same hosts of one listener.
//!
//! `GRPCRouteSpec.hostnames`: "the implementation MUST accept exactly one of these two routes": the older one, then the
//! first by `namespace/name`.

use std::collections::BTreeMap;

use super::Fault;
use super::hosts::Hosts;
use super::route::RouteView;
use crate::compile::decode::Name;
use crate::compile::diagnostic::{self, Diagnostic};
use crate::key::RouteKind;
use crate::precedence::Age;

/// A listener and a kind of routes on it.
type Place = (Name, usize, RouteKind);

/// Detaches routes from listeners where an older route of the other kind has some of their hosts.
pub(crate) fn find(routes: &mut [RouteView<'_>], diagnostics: &mut Vec<Diagnostic>) {
    let mut order: Vec<(Age, String, RouteKind, usize)> = routes
        .iter()
        .enumerate()
        .filter(|(_, route)| route.refused.is_none() && route.key.kind.has_requests())
        .map(|(index, route)| (route.age, format!("{}/{}", route.key.namespace, route.key.name), route.key.kind, index))
        .collect();
    order.sort();
    let mut taken: BTreeMap<Place, Hosts> = BTreeMap::new();
    for (_, _, kind, index) in order {
        let Some(route) = routes.get_mut(index) else { continue };
        let me = route.key.to_string();
        let mut mine = Vec::new();
        for parent in &mut route.parents {
            let mut lost = Vec::new();
            parent.attached.retain(|(listener, hosts)| {
                let held = taken.get(&(parent.gateway.clone(), *listener, other(kind)));
                let clash = held.and_then(|held| hosts.iter().find_map(|host| held.intersecting(host)));
                match clash {
                    Some((host, by)) => lost.push(format!("{by} has the hostname {host}")),
                    None => mine.push((parent.gateway.clone(), *listener, hosts.clone())),
                }
                clash.is_none()
            });
            if lost.is_empty() {
                continue;
            }
            let message = format!(
                "an HTTPRoute and a GRPCRoute cannot share a hostname on a listener, and the older one, {}",
                lost.join("; ")
            );
            diagnostics.push(Diagnostic::of(&diagnostic::KIND_CONFLICT, route.object, &parent.field, &message));
            if parent.attached.is_empty() {
                parent.refused = Some(Fault::new("HostnameConflict", message));
            }
        }
        for (gateway, listener, hosts) in mine {
            let held = taken.entry((gateway, listener, kind)).or_default();
            for host in hosts {
                held.insert(host, &me);
            }
        }
    }
}

fn other(kind: RouteKind) -> RouteKind {
    if kind == RouteKind::Http { RouteKind::Grpc } else { RouteKind::Http }
}
