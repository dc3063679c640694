//! What policies come to, by what they are for.

use std::collections::BTreeMap;
use std::time::Duration;

use nantian_crds::core::{Namespace, Service};
use nantian_crds::gateway_api::Gateway;

use super::target::Target;
use crate::compile::memo::Reader;
use crate::key::{BackendKey, ListenerKey, RouteKey};
use crate::model::Cors;

/// What policies say about one target, or about one rule at one listener.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) request: Option<Duration>,
    pub(crate) backend_request: Option<Duration>,
    pub(crate) cors: Option<Cors>,
    /// A check was asked for that the data plane does not have: nothing passes.
    pub(crate) denied: bool,
}

impl Effect {
    /// Takes from a less specific one what this one does not say.
    pub(super) fn fill_from(&mut self, other: &Self) {
        self.request = self.request.or(other.request);
        self.backend_request = self.backend_request.or(other.backend_request);
        self.cors = self.cors.take().or_else(|| other.cors.clone());
        self.denied |= other.denied;
    }
}

/// What the policies of a namespace come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Effects {
    by_target: BTreeMap<Target, Effect>,
}

impl Effects {
    /// Adds what a policy comes to. No two of them say the same about one target.
    pub(super) fn add(&mut self, target: Target, effect: &Effect) {
        if *effect != Effect::default() {
            self.by_target.entry(target).or_default().fill_from(effect);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_target.is_empty()
    }
}

/// What policies say about a rule at a listener: those for the rule before those for its route, the listener, the Gateway
/// and the namespace of the route.
pub(super) fn of_rule(route: &RouteKey, rule: Option<&str>, listener: &ListenerKey, reader: &Reader<'_>) -> Effect {
    let mut effect = Effect::default();
    let (own, of_gateway) = (reader.effects(&route.namespace), reader.effects(&listener.namespace));
    if own.is_none() && of_gateway.is_none() {
        return effect;
    }
    let mut take = |effects: Option<&Effects>, target: Target, section: Option<&str>| {
        let Some(effects) = effects else { return };
        let of_section = section.and_then(|name| effects.by_target.get(&target.clone().section(name)));
        for found in of_section.into_iter().chain(effects.by_target.get(&target)) {
            effect.fill_from(found);
        }
    };
    take(own, Target::route(route), rule);
    // Names of listeners are those of the Gateway itself: one of a ListenerSet is no section of it.
    let section = Some(listener.listener.as_str()).filter(|_| listener.set.is_none());
    take(of_gateway, Target::whole::<Gateway>(&listener.gateway), section);
    take(own, Target::whole::<Namespace>(&route.namespace), None);
    effect
}

/// Whether a check was asked for in front of a backend that the data plane does not have.
pub(super) fn denies(backend: &BackendKey, reader: &Reader<'_>) -> bool {
    let Some(effects) = reader.effects(&backend.namespace) else { return false };
    let whole = Target::whole::<Service>(&backend.name);
    let denies = |target: &Target| effects.by_target.get(target).is_some_and(|effect| effect.denied);
    let service = reader.get::<Service>(&(backend.namespace.clone(), backend.name.clone()));
    let ports = service.into_iter().flat_map(|service| &service.value.spec.ports);
    let mut names = ports.filter(|port| port.port == backend.port).filter_map(|port| port.name.as_deref());
    denies(&whole) || names.any(|name| denies(&whole.clone().section(name)))
}
