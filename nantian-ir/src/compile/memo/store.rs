//! The values of facts: objects, and what units made of them. Only the [`Compiler`](super::Compiler) changes them, and
//! units see them through a [`Reader`](super::Reader).

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use foldhash::fast::FixedState;
use smol_str::SmolStr;

use super::unit::Unit;
use crate::compile::attach::class::Classes;
use crate::compile::attach::conflict::Verdict;
use crate::compile::attach::gateway::GatewayView;
use crate::compile::attach::kind_conflict::Clash;
use crate::compile::attach::rivals::Rivals;
use crate::compile::attach::route::RouteView;
use crate::compile::attach::stream_precedence::Winners;
use crate::compile::decode::{Name, Typed};
use crate::compile::policy::Statements;
use crate::compile::policy::effect::Effects;
use crate::compile::resolve::backend_tls::{PolicyView, ServicePolicies};
use crate::compile::{Objects, Options};
use crate::key::{BackendKey, CaBundleKey, CertificateKey, RouteKey, RouteKind};
use crate::precedence::Age;

/// Values by key, in no order.
pub(super) type Map<K, V> = HashMap<K, V, FixedState>;

/// The values of all facts.
#[derive(Default)]
pub(super) struct Store {
    pub(super) options: Options,
    pub(super) objects: Objects,
    pub(super) typed: Typed,
    /// EndpointSlices by Service.
    pub(super) slices_of: Tally<Name, Name>,
    /// ListenerSets by the Gateway that they name.
    pub(super) sets_of: Tally<Name, Name>,
    pub(super) classes: Classes,
    pub(super) gateways: Map<Name, Arc<GatewayView>>,
    pub(super) default_gateways: BTreeSet<Name>,
    pub(super) verdicts: BTreeMap<Name, Verdict>,
    pub(super) served: Map<Name, Arc<GatewayView>>,
    pub(super) attachments: Map<RouteKey, Arc<RouteView>>,
    /// Routes that are attached to a Gateway, by precedence.
    pub(super) routes_at: Tally<Name, Contender>,
    /// The kinds of these routes.
    pub(super) kinds_at: Tally<Name, RouteKind>,
    /// Of Gateways with HTTPRoutes and GRPCRoutes, where changes are followed.
    pub(super) rivals: Map<Name, Rivals>,
    pub(super) clashes: Map<Name, BTreeMap<RouteKey, Vec<Clash>>>,
    pub(super) winners: Map<Name, Winners>,
    pub(super) policies: Map<Name, PolicyView>,
    pub(super) service_policies: Map<Name, ServicePolicies>,
    /// By namespace.
    pub(super) effects: Map<SmolStr, Effects>,
    /// By namespace. No unit reads them, so that they are no fact: they answer questions.
    pub(super) statements: Map<SmolStr, Statements>,
    /// Accepted routes by Gateway and position of the listener.
    pub(super) attached_routes: Tally<Name, usize>,
    /// Gateways and ports by Service.
    pub(super) senders_to: Tally<Name, (Name, u16)>,
    pub(super) backend_uses: Tally<BackendKey, ()>,
    pub(super) certificate_uses: Tally<CertificateKey, ()>,
    pub(super) ca_bundle_uses: Tally<CaBundleKey, ()>,
}

impl Store {
    /// Gives back what only this unit and those before it read: where nobody follows changes, nobody asks again.
    pub(super) fn release(&mut self, unit: &Unit) {
        if let Unit::Route(route) = unit {
            self.attachments.remove(route);
            self.typed.remove_route(route);
        }
    }
}

/// A route with requests or connections to give at a Gateway. The less gets what two want.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contender {
    age: Age,
    pub(super) route: RouteKey,
}

impl Contender {
    pub(super) fn new(view: &RouteView) -> Self {
        Self { age: view.age, route: view.key.clone() }
    }
}

/// The older one, then the first by `namespace/name`.
impl Ord for Contender {
    fn cmp(&self, other: &Self) -> Ordering {
        let (mine, theirs) = (&self.route, &other.route);
        let names = || {
            if mine.namespace == theirs.namespace {
                return mine.name.cmp(&theirs.name);
            }
            let whole = |route: &'_ RouteKey| [&*route.namespace, "/", &*route.name].concat();
            whole(mine).cmp(&whole(theirs))
        };
        self.age.cmp(&other.age).then_with(names).then_with(|| mine.kind.cmp(&theirs.kind))
    }
}

impl PartialOrd for Contender {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Members by group, each counted as often as it was added.
pub(super) struct Tally<K, M> {
    groups: Map<K, BTreeMap<M, u32>>,
    none: BTreeMap<M, u32>,
}

impl<K, M> Default for Tally<K, M> {
    fn default() -> Self {
        Self { groups: Map::default(), none: BTreeMap::new() }
    }
}

impl<K: Hash + Eq + Clone, M: Ord> Tally<K, M> {
    /// Whether it was not there before.
    pub(super) fn add(&mut self, group: &K, member: M) -> bool {
        let Some(members) = self.groups.get_mut(group) else {
            self.groups.insert(group.clone(), BTreeMap::from([(member, 1)]));
            return true;
        };
        let count = members.entry(member).or_insert(0);
        *count = count.saturating_add(1);
        *count == 1
    }

    /// Whether it is not there any more.
    pub(super) fn remove(&mut self, group: &K, member: &M) -> bool {
        let Some(members) = self.groups.get_mut(group) else { return false };
        let Some(count) = members.get_mut(member) else { return false };
        *count = count.saturating_sub(1);
        if *count > 0 {
            return false;
        }
        members.remove(member);
        if members.is_empty() {
            self.groups.remove(group);
        }
        true
    }

    pub(super) fn members<'t, Q>(&'t self, group: &Q) -> impl Iterator<Item = &'t M> + use<'t, K, M, Q>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.groups.get(group).unwrap_or(&self.none).keys()
    }

    pub(super) fn counts(&self, group: &K) -> &BTreeMap<M, u32> {
        self.groups.get(group).unwrap_or(&self.none)
    }

    pub(super) fn has(&self, group: &K) -> bool {
        self.groups.contains_key(group)
    }
}
