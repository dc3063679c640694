//! Stream routes that want the same connections of a listener.
//!
//! Nothing of a connection tells them apart, so one gets all: the older route, then the first by `namespace/name`. The
//! others stay accepted and attached, as the specification has it, but get nothing there
//! (<https://gateway-api.sigs.k8s.io/guides/api-design/#conflicts>; upstream's `TCPRouteMultipleRoutesAttachment`).

use std::collections::BTreeMap;

use super::route::RouteView;
use crate::compile::decode::Name;
use crate::compile::diagnostic::{self, Diagnostic};
use crate::key::RouteKind;
use crate::name::HostnameMatch;
use crate::precedence::Age;

/// Who gets the connections for a host of a listener.
#[derive(Default)]
pub(crate) struct Winners {
    by_place: BTreeMap<(Name, usize, HostnameMatch), usize>,
}

impl Winners {
    /// Finds the winner of every place; reports what others do not get.
    pub(crate) fn find(routes: &[RouteView<'_>], diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut order: Vec<(Age, String, RouteKind, usize)> = routes
            .iter()
            .enumerate()
            .filter(|(_, route)| route.refused.is_none() && !route.key.kind.has_requests())
            .map(|(index, route)| {
                (route.age, format!("{}/{}", route.key.namespace, route.key.name), route.key.kind, index)
            })
            .collect();
        order.sort();
        let mut winners = Self::default();
        for (.., index) in order {
            let Some(route) = routes.get(index) else { continue };
            for parent in &route.parents {
                let mut lost = Vec::new();
                for (listener, hosts) in &parent.attached {
                    for host in hosts {
                        let place = (parent.gateway.clone(), *listener, host.clone());
                        let winner = *winners.by_place.entry(place).or_insert(index);
                        if let Some(winner) = routes.get(winner).filter(|_| winner != index) {
                            lost.push(format!("{} ({host})", winner.key));
                        }
                    }
                }
                if !lost.is_empty() {
                    lost.sort();
                    lost.dedup();
                    let message = format!("connections go to older routes of the same listener: {}", lost.join(", "));
                    let code = &diagnostic::ROUTE_SHADOWED;
                    diagnostics.push(Diagnostic::of(code, route.object, &parent.field, message));
                }
            }
        }
        winners
    }

    /// Whether the route at `index` gets the connections for the host.
    pub(crate) fn has(&self, index: usize, gateway: &Name, listener: usize, host: &HostnameMatch) -> bool {
        self.by_place.get(&(gateway.clone(), listener, host.clone())) == Some(&index)
    }
}
