//! How changes get into the [`Store`](super::store::Store), and which facts they change.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::sync::Arc;

use nantian_crds::ai_service::AiService;
use nantian_crds::backend_lb_policy::BackendLbPolicy;
use nantian_crds::core::EndpointSlice;
use nantian_crds::core::endpoint_slice::SERVICE_NAME_LABEL;
use nantian_crds::gateway_api::{
    BackendTlsPolicy, Gateway, GrpcRoute, HttpRoute, ListenerSet, ReferenceGrant, TcpRoute, TlsRoute, UdpRoute,
};
use nantian_crds::route_policy::RoutePolicy;
use nantian_crds::security_policy::SecurityPolicy;
use nantian_crds::token_policy::TokenPolicy;
use nantian_crds::wasm_plugin::WasmPlugin;

use super::Compiler;
use super::fact::Fact;
use super::graph::Graph;
use super::results::{Claim, Claims, without};
use super::store::{Contender, Map};
use super::unit::Unit;
use super::work::Value;
use crate::compile::attach::class::{self, Classes};
use crate::compile::attach::conflict::Verdict;
use crate::compile::attach::gateway::GatewayView;
use crate::compile::attach::kind_conflict::Clashes;
use crate::compile::attach::listener_set;
use crate::compile::attach::rivals::Rivals;
use crate::compile::attach::route::RouteView;
use crate::compile::attach::stream_precedence::Winners;
use crate::compile::decode::{Held, Name, is_of};
use crate::compile::diagnostic::{self, Diagnostic};
use crate::compile::objects::Object;
use crate::compile::resolve::backend_tls::Policies;
use crate::compile::resolve::uses::Use;
use crate::key::{ObjectRef, RouteKey, RouteKind};

impl Compiler {
    /// Follows a change of the object of this name, which was `before`.
    pub(super) fn note(&mut self, id: &ObjectRef, before: Option<&Object>) {
        let now = self.store.objects.get(id).cloned();
        if before == now.as_ref() {
            return;
        }
        let name = (id.namespace.clone(), id.name.clone());
        self.leave_groups(id, &name);
        let diagnostic = match &now {
            None => {
                self.store.typed.remove(id, &name);
                None
            }
            Some(object) => self.enter(object, &name),
        };
        let unfit = self.unfit.remove(id);
        self.results.put_diagnostics(unfit.as_slice(), diagnostic.as_slice());
        self.unfit.extend(diagnostic.map(|diagnostic| (id.clone(), diagnostic)));
        self.graph.changed(&Fact::Object(&id.kind, &name));
        self.graph.changed(&Fact::Kind(&id.kind));
        self.graph.changed(&Fact::KindIn(&id.kind, &id.namespace));
        if is_of::<ReferenceGrant>(id) {
            self.graph.changed(&Fact::Grants(&id.namespace));
        }
    }

    /// Holds an object in its typed form. What is wrong with it is told.
    pub(super) fn hold(&mut self, object: &Object, name: &Name) -> Option<Diagnostic> {
        let time = if self.harvest.is_some() { Held::Once } else { Held::Long };
        let misfit = self.store.typed.insert(name, object, time).err()?;
        Some(Diagnostic::of(&diagnostic::INVALID_OBJECT, object, "", misfit.to_string()))
    }

    /// Holds an object, and calls for the work on it. What is wrong with it is told.
    pub(super) fn enter(&mut self, object: &Object, name: &Name) -> Option<Diagnostic> {
        let id = object.id();
        let misfit = self.hold(object, name);
        let lost = self.join_groups(id, name);
        demands(id, name, &mut self.graph);
        misfit.or(lost)
    }

    /// Takes an object out of the sets that its content puts it into.
    fn leave_groups(&mut self, id: &ObjectRef, name: &Name) {
        let store = &mut self.store;
        if is_of::<EndpointSlice>(id)
            && let Some(service) = store.typed.slices.get(name).and_then(|entry| service_of(name, &entry.value))
        {
            store.slices_of.remove(&service, name);
            self.graph.changed(&Fact::Slices(&service));
        } else if is_of::<ListenerSet>(id)
            && let Some(gateway) = store.typed.listener_sets.get(name).and_then(|entry| listener_set::parent(entry))
        {
            store.sets_of.remove(&gateway, name);
            self.graph.changed(&Fact::ListenerSets(&gateway));
        }
    }

    /// Puts an object into the sets that its content names. An EndpointSlice that names none is lost.
    fn join_groups(&mut self, id: &ObjectRef, name: &Name) -> Option<Diagnostic> {
        let store = &mut self.store;
        if is_of::<EndpointSlice>(id)
            && let Some(entry) = store.typed.slices.get(name)
        {
            if let Some(service) = service_of(name, &entry.value) {
                store.slices_of.add(&service, name.clone());
                self.graph.changed(&Fact::Slices(&service));
            } else {
                let message = format!("the label {SERVICE_NAME_LABEL} is missing, so no Service has these endpoints");
                let code = &diagnostic::ENDPOINTS_UNUSABLE;
                return Some(Diagnostic::of(code, &entry.object, "metadata.labels", message));
            }
        } else if is_of::<ListenerSet>(id)
            && let Some(gateway) = store.typed.listener_sets.get(name).and_then(|entry| listener_set::parent(entry))
        {
            store.sets_of.add(&gateway, name.clone());
            self.graph.changed(&Fact::ListenerSets(&gateway));
        }
        None
    }

    /// Puts what a unit made in the place of what it made before.
    pub(super) fn write(&mut self, unit: &Unit, value: Value) {
        match (unit, value) {
            (_, Value::Nothing) => {}
            (_, Value::Classes(classes)) => self.write_classes(classes),
            (Unit::Gateway(name), Value::Gateway(gateway)) => self.write_gateway(name, gateway),
            (_, Value::Verdicts(verdicts)) => self.write_verdicts(verdicts),
            (Unit::Served(name), Value::Served(gateway)) => {
                if put(&mut self.store.served, name, gateway) {
                    self.graph.changed(&Fact::Served(name));
                }
            }
            (Unit::Attachment(key), Value::Attachment(view)) => self.write_attachment(key, view),
            (Unit::Contest(name), Value::Contest(clashes, winners)) => self.write_contest(name, clashes, winners),
            (Unit::Policies(namespace), Value::Policies(policies)) => self.write_policies(namespace, policies),
            (Unit::Effects(namespace), Value::Effects(effects, statements)) => {
                if statements.is_empty() {
                    self.store.statements.remove(namespace);
                } else {
                    self.store.statements.insert(namespace.clone(), statements);
                }
                let effects = (!effects.is_empty()).then_some(effects);
                if put(&mut self.store.effects, namespace, effects) {
                    self.graph.changed(&Fact::Effects(namespace));
                }
            }
            _ => debug_assert!(false, "{unit:?} wrote what it has no place for"),
        }
    }

    fn write_classes(&mut self, classes: Classes) {
        let before = std::mem::replace(&mut self.store.classes, classes);
        let now = &self.store.classes;
        for name in differing(&before, now) {
            self.graph.changed(&Fact::Class(name));
        }
        if !class::named(&before).eq(class::named(now)) {
            self.graph.changed(&Fact::OurClasses);
        }
    }

    fn write_gateway(&mut self, name: &Name, gateway: Option<Arc<GatewayView>>) {
        let store = &mut self.store;
        let is_default = gateway.as_deref().is_some_and(GatewayView::is_default);
        if !put(&mut store.gateways, name, gateway) {
            return;
        }
        self.graph.changed(&Fact::Gateway(name));
        self.graph.changed(&Fact::Gateways);
        let changes =
            if is_default { store.default_gateways.insert(name.clone()) } else { store.default_gateways.remove(name) };
        if changes {
            self.graph.changed(&Fact::DefaultGateways);
        }
    }

    fn write_verdicts(&mut self, verdicts: BTreeMap<Name, Verdict>) {
        let before = std::mem::replace(&mut self.store.verdicts, verdicts);
        for name in differing(&before, &self.store.verdicts) {
            self.graph.changed(&Fact::Verdict(name));
        }
    }

    pub(super) fn write_attachment(&mut self, key: &RouteKey, view: Option<Arc<RouteView>>) {
        let before = self.store.attachments.get(key).cloned();
        if !put(&mut self.store.attachments, key, view) {
            return;
        }
        self.graph.changed(&Fact::Attachment(key));
        let now = self.store.attachments.get(key);
        if before.as_deref().zip(now).is_some_and(|(before, now)| now.stands_as(before)) {
            return;
        }
        let (old, new) = (places(before.as_deref()), places(now.map(|view| &**view)));
        for (gateway, contender) in without(&old, &new) {
            self.store.routes_at.remove(gateway, contender);
            if self.store.kinds_at.remove(gateway, &key.kind) {
                self.graph.changed(&Fact::KindsAt(gateway));
            }
        }
        for (gateway, contender) in without(&new, &old) {
            self.store.routes_at.add(gateway, contender.clone());
            if self.store.kinds_at.add(gateway, key.kind) {
                self.graph.changed(&Fact::KindsAt(gateway));
            }
        }
        let now = now.cloned();
        let gateways: BTreeSet<&Name> = old.iter().chain(&new).map(|(gateway, _)| gateway).collect();
        for gateway in gateways {
            self.follow_rivals(gateway, before.as_deref(), now.as_deref());
            self.graph.changed(&Fact::ContendersAt(gateway));
        }
    }

    /// Keeps which hosts are wanted at a Gateway that has routes of both kinds with requests.
    fn follow_rivals(&mut self, gateway: &Name, before: Option<&RouteView>, now: Option<&RouteView>) {
        let store = &mut self.store;
        let has = |kind| store.kinds_at.members(gateway).any(|held| *held == kind);
        if self.harvest.is_some() || !has(RouteKind::Http) || !has(RouteKind::Grpc) {
            store.rivals.remove(gateway);
            return;
        }
        if let Some(rivals) = store.rivals.get_mut(gateway) {
            rivals.follow(gateway, before, now);
            return;
        }
        let contenders = store.routes_at.members(gateway);
        let views = contenders.filter_map(|contender| store.attachments.get(&contender.route));
        let rivals = Rivals::new(gateway, views);
        store.rivals.insert(gateway.clone(), rivals);
    }

    fn write_contest(&mut self, name: &Name, clashes: Clashes, winners: Winners) {
        let Clashes { among, mut found } = clashes;
        let mut held = self.store.clashes.remove(name).unwrap_or_default();
        let looked_at = among.unwrap_or_else(|| held.keys().chain(found.keys()).cloned().collect());
        for route in looked_at {
            let now = found.remove(&route);
            if held.get(&route) == now.as_ref() {
                continue;
            }
            self.graph.changed(&Fact::Clashes(name, &route));
            match now {
                Some(clashes) => _ = held.insert(route, clashes),
                None => _ = held.remove(&route),
            }
        }
        if !held.is_empty() {
            self.store.clashes.insert(name.clone(), held);
        }
        if let Some(rivals) = self.store.rivals.get_mut(name) {
            rivals.settle();
        }
        let winners = (winners != Winners::default()).then_some(winners);
        if put(&mut self.store.winners, name, winners) {
            self.graph.changed(&Fact::Winners(name));
        }
    }

    fn write_policies(&mut self, namespace: &str, policies: Policies) {
        let Policies { mut views, mut services } = policies;
        let held = |names: &mut dyn Iterator<Item = &Name>| -> BTreeSet<Name> {
            names.filter(|(of, _)| of == namespace).cloned().collect()
        };
        let names = held(&mut self.store.policies.keys().chain(views.keys()));
        for name in names {
            if put(&mut self.store.policies, &name, views.remove(&name)) {
                self.graph.changed(&Fact::Policy(&name));
            }
        }
        let names = held(&mut self.store.service_policies.keys().chain(services.keys()));
        for name in names {
            if put(&mut self.store.service_policies, &name, services.remove(&name)) {
                self.graph.changed(&Fact::PoliciesOf(&name));
            }
        }
    }

    /// Follows what a unit claims, in the sums that others read.
    pub(super) fn claim(&mut self, claims: Claims) {
        let (store, graph) = (&mut self.store, &mut self.graph);
        for claim in claims.new {
            match claim {
                Claim::Attached(gateway, listener) => {
                    store.attached_routes.add(&gateway, listener);
                    graph.changed(&Fact::AttachedRoutes(&gateway));
                }
                Claim::Sends(sends) => {
                    let Use { service, gateway, port } = *sends;
                    if store.senders_to.add(&service, (gateway, port)) {
                        graph.changed(&Fact::SendersTo(&service));
                    }
                }
                Claim::Backend(key) => {
                    if store.backend_uses.add(&key, ()) {
                        graph.changed(&Fact::BackendUse(&key));
                        graph.demand(Unit::Backend(key));
                    }
                }
                Claim::Certificate(key) => {
                    if store.certificate_uses.add(&key, ()) {
                        graph.changed(&Fact::CertificateUse(&key));
                        graph.demand(Unit::Certificate(key));
                    }
                }
                Claim::CaBundle(key) => {
                    if store.ca_bundle_uses.add(&key, ()) {
                        graph.changed(&Fact::CaBundleUse(&key));
                        graph.demand(Unit::CaBundle(key));
                    }
                }
            }
        }
        for claim in claims.gone {
            match claim {
                Claim::Attached(gateway, listener) => {
                    store.attached_routes.remove(&gateway, &listener);
                    graph.changed(&Fact::AttachedRoutes(&gateway));
                }
                Claim::Sends(sends) => {
                    let Use { service, gateway, port } = *sends;
                    if store.senders_to.remove(&service, &(gateway, port)) {
                        graph.changed(&Fact::SendersTo(&service));
                    }
                }
                Claim::Backend(key) => {
                    if store.backend_uses.remove(&key, &()) {
                        graph.changed(&Fact::BackendUse(&key));
                    }
                }
                Claim::Certificate(key) => {
                    if store.certificate_uses.remove(&key, &()) {
                        graph.changed(&Fact::CertificateUse(&key));
                    }
                }
                Claim::CaBundle(key) => {
                    if store.ca_bundle_uses.remove(&key, &()) {
                        graph.changed(&Fact::CaBundleUse(&key));
                    }
                }
            }
        }
    }
}

/// The units that an object calls for.
fn demands(id: &ObjectRef, name: &Name, graph: &mut Graph) {
    if is_of::<Gateway>(id) {
        graph.demand(Unit::Gateway(name.clone()));
        graph.demand(Unit::Served(name.clone()));
        graph.demand(Unit::Contest(name.clone()));
        graph.demand(Unit::Report(name.clone()));
    } else if is_of::<ListenerSet>(id) {
        graph.demand(Unit::ListenerSet(name.clone()));
    } else if is_of::<BackendTlsPolicy>(id) {
        graph.demand(Unit::Policies(id.namespace.clone()));
        graph.demand(Unit::Policy(name.clone()));
    } else if is_of::<AiService>(id) {
        graph.demand(Unit::AiService(name.clone()));
    } else if is_policy(id) {
        graph.demand(Unit::Effects(id.namespace.clone()));
    } else if let Some(kind) = route_kind(id) {
        let route = RouteKey { kind, namespace: id.namespace.clone(), name: id.name.clone() };
        graph.demand(Unit::Attachment(route.clone()));
        graph.demand(Unit::Route(route));
    }
}

fn is_policy(id: &ObjectRef) -> bool {
    is_of::<BackendLbPolicy>(id)
        || is_of::<RoutePolicy>(id)
        || is_of::<SecurityPolicy>(id)
        || is_of::<TokenPolicy>(id)
        || is_of::<WasmPlugin>(id)
}

fn route_kind(id: &ObjectRef) -> Option<RouteKind> {
    let kinds = [
        (is_of::<HttpRoute>(id), RouteKind::Http),
        (is_of::<GrpcRoute>(id), RouteKind::Grpc),
        (is_of::<TlsRoute>(id), RouteKind::Tls),
        (is_of::<TcpRoute>(id), RouteKind::Tcp),
        (is_of::<UdpRoute>(id), RouteKind::Udp),
    ];
    kinds.into_iter().find_map(|(is_of, kind)| is_of.then_some(kind))
}

/// The Service of a slice.
fn service_of((namespace, _): &Name, slice: &EndpointSlice) -> Option<Name> {
    Some((namespace.clone(), slice.metadata.labels.get(SERVICE_NAME_LABEL)?.as_str().into()))
}

/// Where a route stands beside others: sorted, each once.
fn places(view: Option<&RouteView>) -> Vec<(Name, Contender)> {
    let Some(view) = view.filter(|view| view.refused.is_none()) else { return Vec::new() };
    let contender = Contender::new(view);
    let mut places: Vec<_> = view.parents.iter().map(|parent| (parent.gateway.clone(), contender.clone())).collect();
    places.sort_unstable();
    places.dedup();
    places
}

/// Puts a value in its place; whether that changes anything.
fn put<K: Hash + Eq + Clone, V: PartialEq>(map: &mut Map<K, V>, key: &K, value: Option<V>) -> bool {
    if map.get(key) == value.as_ref() {
        return false;
    }
    match value {
        Some(value) => map.insert(key.clone(), value),
        None => map.remove(key),
    };
    true
}

/// The keys whose values differ.
fn differing<'m, K: Ord, V: PartialEq>(one: &'m BTreeMap<K, V>, other: &'m BTreeMap<K, V>) -> Vec<&'m K> {
    let changed = one.iter().filter(|(key, value)| other.get(*key) != Some(*value)).map(|(key, _)| key);
    changed.chain(other.keys().filter(|key| !one.contains_key(*key))).collect()
}
