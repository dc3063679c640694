//! What policies come to, by what they are for.

use std::collections::BTreeMap;
use std::time::Duration;

use super::level::{self, Level};
use super::target::Target;
use crate::compile::memo::Reader;
use crate::key::{BackendKey, ListenerKey, RouteKey};
use crate::model::Cors;

/// The field that limits the time of a request.
pub(super) const REQUEST: &str = "spec.default.timeout.request";
/// The field that limits the time of one attempt.
pub(super) const BACKEND_REQUEST: &str = "spec.default.timeout.backendRequest";
/// The field that tells browsers who may read answers.
pub(super) const CORS: &str = "spec.cors";

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

/// What policies say about a rule at a listener.
pub(super) fn of_rule(route: &RouteKey, rule: Option<&str>, listener: &ListenerKey, reader: &Reader<'_>) -> Effect {
    let mut effect = Effect::default();
    if reader.effects(&route.namespace).is_none() && reader.effects(&listener.namespace).is_none() {
        return effect;
    }
    for Level { namespace, target, .. } in level::of_rule(route, rule, listener) {
        let found = reader.effects(namespace).and_then(|effects| effects.by_target.get(&target));
        if let Some(found) = found {
            effect.fill_from(found);
        }
    }
    effect
}

/// Whether a check was asked for in front of a backend that the data plane does not have.
pub(super) fn denies(backend: &BackendKey, reader: &Reader<'_>) -> bool {
    let Some(effects) = reader.effects(&backend.namespace) else { return false };
    let denies = |level: Level<'_>| effects.by_target.get(&level.target).is_some_and(|effect| effect.denied);
    level::of_backend(backend, reader).into_iter().any(denies)
}
