//! Stream routes that want the same connections of a listener.
//!
//! Nothing of a connection tells them apart, so one gets all: the older route, then the first by `namespace/name`. The
//! others stay accepted and attached, as the specification has it, but get nothing there
//! (<https://gateway-api.sigs.k8s.io/guides/api-design/#conflicts>; upstream's `TCPRouteMultipleRoutesAttachment`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::route::RouteView;
use crate::compile::decode::Name;
use crate::compile::diagnostic::{self, Diagnostic};
use crate::key::RouteKey;
use crate::name::HostnameMatch;

/// Who gets the connections for a host of a listener of one Gateway.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Winners {
    by_place: BTreeMap<(usize, HostnameMatch), RouteKey>,
}

impl Winners {
    /// Finds the winner of every place of the Gateway; reports what others do not get. `routes` are those for connections
    /// and datagrams, the older first.
    pub(crate) fn find(gateway: &Name, routes: &[&Arc<RouteView>], diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut winners = Self::default();
        for route in routes {
            for parent in route.parents.iter().filter(|parent| parent.gateway == *gateway) {
                let mut lost = Vec::new();
                for (listener, hosts) in &parent.attached {
                    for host in hosts {
                        let place = (*listener, host.clone());
                        let winner = winners.by_place.entry(place).or_insert_with(|| route.key.clone());
                        if *winner != route.key {
                            lost.push(format!("{winner} ({host})"));
                        }
                    }
                }
                if !lost.is_empty() {
                    lost.sort();
                    lost.dedup();
                    let message = format!("connections go to older routes of the same listener: {}", lost.join(", "));
                    let code = &diagnostic::ROUTE_SHADOWED;
                    diagnostics.push(Diagnostic::of(code, &route.object, parent.field(), message));
                }
            }
        }
        winners
    }

    /// Whether the route gets the connections for the host.
    pub(crate) fn has(&self, route: &RouteKey, listener: usize, host: &HostnameMatch) -> bool {
        self.by_place.get(&(listener, host.clone())) == Some(route)
    }
}
