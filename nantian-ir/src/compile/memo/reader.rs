//! What units of work see of objects and of each other's results. Every look is recorded.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nantian_crds::core::EndpointSlice;
use nantian_crds::gateway_api::ListenerSet;
use nantian_crds::gateway_api::reference_grant::ReferenceGrantSpec;
use smol_str::SmolStr;

use super::fact::{Fact, FactId};
use super::store::{Contender, Store};
use crate::compile::Options;
use crate::compile::attach::class::{self, Class};
use crate::compile::attach::conflict::Verdict;
use crate::compile::attach::gateway::GatewayView;
use crate::compile::attach::kind_conflict::Clash;
use crate::compile::attach::listener_set::{self, SetView};
use crate::compile::attach::route::RouteView;
use crate::compile::attach::stream_precedence::Winners;
use crate::compile::decode::{Entry, Kind, Name};
use crate::compile::objects::Object;
use crate::compile::policy::effect::Effects;
use crate::compile::policy::{Statement, Target};
use crate::compile::resolve::backend_tls::{PolicyView, ServicePolicies};
use crate::key::{BackendKey, CaBundleKey, CertificateKey, ObjectRef, RouteKey, RouteKind};

/// The eyes of one unit of work.
pub(crate) struct Reader<'s> {
    store: &'s Store,
    /// `None`: nobody will ask.
    reads: Option<RefCell<Vec<FactId>>>,
}

impl<'s> Reader<'s> {
    /// Eyes that remember what they saw, if somebody follows changes of it.
    pub(super) fn new(store: &'s Store, is_followed: bool) -> Self {
        Self { store, reads: is_followed.then(RefCell::default) }
    }

    /// What was read: sorted, each once.
    pub(super) fn into_reads(self) -> Vec<FactId> {
        let mut reads = self.reads.map(RefCell::into_inner).unwrap_or_default();
        reads.sort_unstable();
        reads.dedup();
        reads.shrink_to_fit();
        reads
    }

    fn read(&self, fact: &Fact<'_>) {
        if let Some(reads) = &self.reads {
            reads.borrow_mut().push(fact.id());
        }
    }

    /// The options, which stay as they are apart from the time.
    pub(crate) fn options(&self) -> &'s Options {
        &self.store.options
    }

    /// The time, if it is known.
    pub(crate) fn now(&self) -> Option<i64> {
        self.read(&Fact::Now);
        self.store.options.now
    }

    /// The object of this kind and name. The namespace of what is in none is empty.
    pub(crate) fn get<T: Kind>(&self, name: &Name) -> Option<&'s Arc<Entry<T>>> {
        self.read(&Fact::Object(T::KIND, name));
        T::table(&self.store.typed).get(name)
    }

    /// Whether there is an object of this kind and name, be it one that does not fit its kind.
    pub(crate) fn exists<T: Kind>(&self, name: &Name) -> bool {
        self.read(&Fact::Object(T::KIND, name));
        let id = ObjectRef {
            group: SmolStr::new_static(T::GROUP),
            kind: SmolStr::new_static(T::KIND),
            namespace: name.0.clone(),
            name: name.1.clone(),
        };
        self.store.objects.get(&id).is_some()
    }

    /// All objects of this kind, by namespace and name.
    pub(crate) fn all<T: Kind + 's>(&self) -> impl Iterator<Item = &'s Arc<Entry<T>>> + use<'s, T> {
        self.read(&Fact::Kind(T::KIND));
        T::table(&self.store.typed).all()
    }

    /// Objects that others of their name displaced, each with the one that stays.
    pub(crate) fn displaced(&self) -> impl Iterator<Item = (&'s Object, Option<&'s Object>)> {
        self.read(&Fact::Displaced);
        let objects = &self.store.objects;
        objects.refused().map(|refused| (refused, objects.get(refused.id())))
    }

    /// The grants of a namespace.
    pub(crate) fn grants(&self, namespace: &str) -> impl Iterator<Item = &'s ReferenceGrantSpec> {
        self.read(&Fact::Grants(namespace));
        self.store.typed.grants.within(namespace).map(|entry| &entry.value.spec)
    }

    /// The objects of this kind in a namespace, by name.
    pub(crate) fn all_in<T: Kind + 's>(&self, namespace: &str) -> impl Iterator<Item = &'s Arc<Entry<T>>> + use<'s, T> {
        self.read(&Fact::KindIn(T::KIND, namespace));
        T::table(&self.store.typed).within(namespace)
    }

    /// The slices of a Service.
    pub(crate) fn slices_of(&self, service: &Name) -> impl Iterator<Item = &'s Arc<Entry<EndpointSlice>>> {
        self.read(&Fact::Slices(service));
        let slices = &self.store.typed.slices;
        self.store.slices_of.members(service).filter_map(|name| slices.get(name))
    }

    /// The ListenerSets that name a Gateway.
    pub(crate) fn listener_sets_of(&self, gateway: &Name) -> impl Iterator<Item = &'s Arc<Entry<ListenerSet>>> {
        self.read(&Fact::ListenerSets(gateway));
        let sets = &self.store.typed.listener_sets;
        self.store.sets_of.members(gateway).filter_map(|name| sets.get(name))
    }

    /// A class, if it is ours.
    pub(crate) fn class(&self, name: &str) -> Option<&'s Class> {
        self.read(&Fact::Class(name));
        self.store.classes.get(name)
    }

    /// The names of the classes that somebody said are ours.
    pub(crate) fn our_classes(&self) -> impl Iterator<Item = &'s SmolStr> {
        self.read(&Fact::OurClasses);
        class::named(&self.store.classes)
    }

    /// A Gateway of ours, looked at alone.
    pub(crate) fn gateway(&self, name: &Name) -> Option<&'s Arc<GatewayView>> {
        self.read(&Fact::Gateway(name));
        self.store.gateways.get(name)
    }

    /// All Gateways of ours.
    pub(crate) fn gateways(&self) -> BTreeMap<&'s Name, &'s GatewayView> {
        self.read(&Fact::Gateways);
        self.store.gateways.iter().map(|(name, gateway)| (name, &**gateway)).collect()
    }

    /// The names of the default Gateways.
    pub(crate) fn default_gateways(&self) -> impl Iterator<Item = &'s Name> {
        self.read(&Fact::DefaultGateways);
        self.store.default_gateways.iter()
    }

    /// A ListenerSet of a Gateway of ours, with that Gateway.
    pub(crate) fn listener_set(&self, name: &Name) -> Option<(Name, &'s SetView)> {
        let gateway = listener_set::parent(self.get::<ListenerSet>(name)?)?;
        let mut sets = self.gateway(&gateway)?.sets.iter();
        let set = sets.find(|set| set.key.namespace == name.0 && set.key.name == name.1)?;
        Some((gateway, set))
    }

    /// What other Gateways mean for one.
    pub(crate) fn verdict(&self, gateway: &Name) -> Option<&'s Verdict> {
        self.read(&Fact::Verdict(gateway));
        self.store.verdicts.get(gateway)
    }

    /// A Gateway of ours as it is served.
    pub(crate) fn served(&self, name: &Name) -> Option<&'s Arc<GatewayView>> {
        self.read(&Fact::Served(name));
        self.store.served.get(name)
    }

    /// What a route is attached to.
    pub(crate) fn attachment(&self, route: &RouteKey) -> Option<&'s Arc<RouteView>> {
        self.read(&Fact::Attachment(route));
        self.store.attachments.get(route)
    }

    /// Whether a Gateway has routes of these kinds.
    pub(crate) fn has_routes(&self, gateway: &Name, wanted: fn(RouteKind) -> bool) -> bool {
        self.read(&Fact::KindsAt(gateway));
        self.store.kinds_at.members(gateway).any(|kind| wanted(*kind))
    }

    /// The routes of a Gateway of these kinds, the older first, then by name.
    pub(crate) fn contenders(&self, gateway: &Name, wanted: fn(RouteKind) -> bool) -> Vec<&'s Arc<RouteView>> {
        self.read(&Fact::ContendersAt(gateway));
        let contenders = self.store.routes_at.members(gateway).filter(|contender| wanted(contender.route.kind));
        contenders.filter_map(|contender| self.store.attachments.get(&contender.route)).collect()
    }

    /// The routes of a Gateway that a change since clashes were last looked for can matter to; `None`: all.
    pub(crate) fn affected(&self, gateway: &Name) -> Option<BTreeSet<RouteKey>> {
        self.read(&Fact::ContendersAt(gateway));
        self.store.rivals.get(gateway)?.affected(gateway, |route| self.store.attachments.get(route))
    }

    /// Of routes that have to do with each other, those that can be attached: the older first, then by name.
    pub(crate) fn contenders_among(&self, routes: &BTreeSet<RouteKey>) -> Vec<&'s Arc<RouteView>> {
        let views = routes.iter().filter_map(|route| self.store.attachments.get(route));
        let mut contenders: Vec<_> = views.filter(|view| view.refused.is_none()).collect();
        contenders.sort_by_cached_key(|view| Contender::new(view));
        contenders
    }

    /// What a route of a Gateway loses to routes of another kind.
    pub(crate) fn clashes(&self, gateway: &Name, route: &RouteKey) -> &'s [Clash] {
        self.read(&Fact::Clashes(gateway, route));
        self.store.clashes.get(gateway).and_then(|clashes| clashes.get(route)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Who gets the connections of a Gateway.
    pub(crate) fn winners(&self, gateway: &Name) -> Option<&'s Winners> {
        self.read(&Fact::Winners(gateway));
        self.store.winners.get(gateway)
    }

    /// Whether a Service may have policies. Where changes are followed, each may come to have some.
    pub(crate) fn may_have_policies(&self) -> bool {
        self.reads.is_some() || !self.store.service_policies.is_empty()
    }

    /// The policies for a Service, if there are any.
    pub(crate) fn policies_of(&self, service: &Name) -> Option<&'s ServicePolicies> {
        self.read(&Fact::PoliciesOf(service));
        self.store.service_policies.get(service)
    }

    /// What our own policies of a namespace come to, if to anything.
    pub(crate) fn effects(&self, namespace: &str) -> Option<&'s Effects> {
        self.read(&Fact::Effects(namespace));
        self.store.effects.get(namespace)
    }

    /// What our own policies of a namespace say about a target, for questions: what of it matters to units are effects.
    pub(crate) fn statements(&self, namespace: &str, target: &Target) -> &'s [Statement] {
        let of_namespace = self.store.statements.get(namespace);
        of_namespace.and_then(|statements| statements.get(target)).map(Vec::as_slice).unwrap_or_default()
    }

    /// A policy.
    pub(crate) fn policy(&self, name: &Name) -> Option<&'s PolicyView> {
        self.read(&Fact::Policy(name));
        self.store.policies.get(name)
    }

    /// How many routes are attached to each listener of a Gateway, by position.
    pub(crate) fn attached_routes(&self, gateway: &Name) -> &'s BTreeMap<usize, u32> {
        self.read(&Fact::AttachedRoutes(gateway));
        self.store.attached_routes.counts(gateway)
    }

    /// The Gateways that send to a Service, each with the ports. Services without policies are left out.
    pub(crate) fn senders_to(&self, service: &Name) -> BTreeMap<&'s Name, Vec<u16>> {
        self.read(&Fact::SendersTo(service));
        let mut senders: BTreeMap<&Name, Vec<u16>> = BTreeMap::new();
        for (gateway, port) in self.store.senders_to.members(service) {
            senders.entry(gateway).or_default().push(*port);
        }
        senders
    }

    pub(super) fn uses_backend(&self, key: &BackendKey) -> bool {
        self.read(&Fact::BackendUse(key));
        self.store.backend_uses.has(key)
    }

    pub(super) fn uses_certificate(&self, key: &CertificateKey) -> bool {
        self.read(&Fact::CertificateUse(key));
        self.store.certificate_uses.has(key)
    }

    pub(super) fn uses_ca_bundle(&self, key: &CaBundleKey) -> bool {
        self.read(&Fact::CaBundleUse(key));
        self.store.ca_bundle_uses.has(key)
    }
}
