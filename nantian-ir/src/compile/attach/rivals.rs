//! Which routes of a Gateway a change of one can matter to, where it has HTTPRoutes and GRPCRoutes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::hosts::Hosts;
use super::kind_conflict::other;
use super::route::RouteView;
use crate::compile::decode::Name;
use crate::key::{RouteKey, RouteKind};
use crate::name::HostnameMatch;

/// A host that routes of a kind want at the listener of this position.
type Place = (usize, RouteKind, HostnameMatch);

/// The places that the routes of one Gateway want, and those that changed since clashes were last looked for.
pub(crate) struct Rivals {
    routes: BTreeMap<(usize, RouteKind), Hosts<BTreeSet<RouteKey>>>,
    /// Clashes were never looked for.
    is_new: bool,
    /// Routes that came, went or want other places.
    changed: BTreeSet<RouteKey>,
    /// The places that they wanted or want.
    touched: BTreeSet<Place>,
}

impl Rivals {
    /// Those of a Gateway that has these routes.
    pub(crate) fn new<'r>(gateway: &Name, routes: impl Iterator<Item = &'r Arc<RouteView>>) -> Self {
        let mut rivals =
            Self { routes: BTreeMap::new(), is_new: true, changed: BTreeSet::new(), touched: BTreeSet::new() };
        for route in routes {
            for place in places(gateway, route) {
                rivals.add(&place, &route.key);
            }
        }
        rivals
    }

    /// Follows a route that was `before` and is `now`.
    pub(crate) fn follow(&mut self, gateway: &Name, before: Option<&RouteView>, now: Option<&RouteView>) {
        if let Some(route) = before {
            for place in places(gateway, route) {
                self.remove(&place, &route.key);
                self.touched.insert(place);
            }
        }
        if let Some(route) = now {
            for place in places(gateway, route) {
                self.add(&place, &route.key);
                self.touched.insert(place);
            }
        }
        self.changed.extend(before.or(now).map(|route| route.key.clone()));
    }

    fn add(&mut self, (listener, kind, host): &Place, route: &RouteKey) {
        let hosts = self.routes.entry((*listener, *kind)).or_default();
        hosts.or_insert_with(host, BTreeSet::new).insert(route.clone());
    }

    fn remove(&mut self, (listener, kind, host): &Place, route: &RouteKey) {
        let Some(hosts) = self.routes.get_mut(&(*listener, *kind)) else { return };
        hosts.retain(host, |routes| {
            routes.remove(route);
            !routes.is_empty()
        });
    }

    /// The routes that changed, and those whose clashes can be others for it: whoever shares a host with one of the other kind
    /// can win or lose it, and so can whoever shares one with that. `None`: all.
    pub(crate) fn affected<'r>(
        &self,
        gateway: &Name,
        view: impl Fn(&RouteKey) -> Option<&'r Arc<RouteView>>,
    ) -> Option<BTreeSet<RouteKey>> {
        if self.is_new {
            return None;
        }
        let (mut affected, mut seen) = (self.changed.clone(), self.touched.clone());
        let mut open: Vec<Place> = seen.iter().cloned().collect();
        while let Some((listener, kind, host)) = open.pop() {
            let Some(hosts) = self.routes.get(&(listener, other(kind))) else { continue };
            hosts.find_map(&host, |routes| {
                let new = routes.iter().filter(|route| affected.insert((*route).clone())).filter_map(&view);
                open.extend(new.flat_map(|route| places(gateway, route)).filter(|place| seen.insert(place.clone())));
                None::<()>
            });
        }
        Some(affected)
    }

    /// Clashes were looked for.
    pub(crate) fn settle(&mut self) {
        self.is_new = false;
        self.changed.clear();
        self.touched.clear();
    }
}

/// What a route wants of a Gateway.
fn places(gateway: &Name, route: &RouteView) -> impl Iterator<Item = Place> {
    let kind = route.key.kind;
    let contends = route.refused.is_none() && kind.has_requests();
    let parents = route.parents.iter().filter(move |parent| contends && parent.gateway == *gateway);
    parents.flat_map(move |parent| {
        let attached = parent.attached.iter();
        attached.flat_map(move |(listener, hosts)| hosts.iter().map(move |host| (*listener, kind, host.clone())))
    })
}
