//! From one runtime to the next, at a cost that depends on what changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nantian_ir::{BackendKey, Filter, ResourceChange, RouteRule, Snapshot, SnapshotChanges, Target};

use super::{Backend, PROTOCOLS, Part, Parts, Refused, Rule};

impl Parts {
    /// The parts of a newer snapshot.
    pub(super) fn following(&self, snapshot: &Arc<Snapshot>) -> Self {
        let changes = Snapshot::diff(&self.snapshot, snapshot);
        let mut next = Self {
            router: self.router.with_changes(snapshot, &changes.listeners, &changes.rules),
            snapshot: Arc::clone(snapshot),
            ..self.clone()
        };
        let others = next.change_backends(&changes);
        next.change_rules(self, &changes, &others);
        next.refused.all = next.all_refused();
        next
    }

    /// Builds the backends that something changed for; says which are others now, or gone.
    fn change_backends(&mut self, changes: &SnapshotChanges<'_>) -> Vec<BackendKey> {
        let snapshot = Arc::clone(&self.snapshot);
        // Whatever could not be set up is tried again.
        let mut due: BTreeSet<BackendKey> = std::mem::take(&mut self.refused.backends).into_keys().collect();
        due.extend(changes.backends.iter().map(|change| change.key().clone()));
        due.extend(changes.endpoints.iter().map(|change| change.key().clone()));
        if !(changes.listeners.is_empty() && changes.certificates.is_empty() && changes.ca_bundles.is_empty()) {
            let secured = snapshot.backends.values().filter(|backend| backend.tls.is_some());
            due.extend(secured.map(|backend| backend.key.clone()));
        }
        due.retain(|key| self.change_backend(key, &snapshot));
        due.into_iter().collect()
    }

    /// Whether it is another one now, or gone.
    fn change_backend(&mut self, key: &BackendKey, snapshot: &Snapshot) -> bool {
        let Some(source) = snapshot.backends.get(key) else { return self.backends.remove(key) };
        let kept = self.backends.get(key).cloned();
        let mut refusals = Vec::new();
        let slot = kept.as_ref().map_or_else(|| self.backends.new_slot(), |kept| kept.slot);
        let endpoints = snapshot.endpoints.get(key);
        let built =
            Backend::build(source, slot, snapshot, endpoints, kept.as_ref(), &mut |message| refusals.push(message));
        if !refusals.is_empty() {
            self.refused.backends.insert(key.clone(), refusals);
        }
        let is_other = kept.is_none_or(|kept| !Arc::ptr_eq(&kept, &built));
        if is_other {
            self.backends.put(built);
        }
        is_other
    }

    /// Builds the rules that changed, and those that name a backend that did.
    fn change_rules(&mut self, previous: &Self, changes: &SnapshotChanges<'_>, backends: &[BackendKey]) {
        for old in changes.rules.iter().filter_map(ResourceChange::before) {
            let Some(slot) = previous.router.rule_index(&old.key) else { continue };
            for backend in named(old) {
                self.users.change_or_remove(backend, |slots| {
                    if let Some(place) = slots.iter().position(|user| *user == slot) {
                        slots.swap_remove(place);
                    }
                    slots.is_empty()
                });
            }
            self.rules.set(slot, None);
            self.refused.rules.remove(&old.key);
        }
        let mut due = BTreeMap::new();
        for new in changes.rules.iter().filter_map(ResourceChange::now) {
            let Some(slot) = self.router.rule_index(&new.key) else { continue };
            for backend in named(new) {
                self.users.change_or_insert(backend, || (backend.clone(), Vec::new()), |slots| slots.push(slot));
            }
            due.insert(slot, Arc::clone(new));
        }
        for slot in backends.iter().filter_map(|backend| self.users.get(backend)).flatten() {
            if let Some(rule) = self.rules.get(*slot) {
                due.entry(*slot).or_insert_with(|| Arc::clone(&rule.source));
            }
        }
        for (slot, source) in due {
            let kept = previous.rules.get(slot).filter(|kept| kept.source.key == source.key);
            let mut refusals = Vec::new();
            let rule = Rule::build(&source, kept, &self.backends, &mut |message| refusals.push(message));
            self.rules.set(slot, Some(rule));
            if refusals.is_empty() {
                self.refused.rules.remove(&source.key);
            } else {
                self.refused.rules.insert(source.key.clone(), refusals);
            }
        }
    }

    fn all_refused(&self) -> Vec<Refused> {
        let by_router = self.router.refused().iter();
        let by_router =
            by_router.map(|rule| Refused { part: Part::Rule(rule.key.clone()), message: rule.message.clone() });
        let unserved = self.snapshot.listeners.values().filter(|listener| !PROTOCOLS.contains(&listener.protocol));
        let listeners = unserved.map(|listener| Refused {
            part: Part::Listener(listener.key.clone()),
            message: format!("the protocol {} is not served yet: its socket is not opened", listener.protocol),
        });
        let each = |part: Part, messages: &[String]| {
            let refused = |message: &String| Refused { part: part.clone(), message: message.clone() };
            messages.iter().map(refused).collect::<Vec<_>>()
        };
        let backends =
            self.refused.backends.iter().flat_map(|(key, messages)| each(Part::Backend(key.clone()), messages));
        let rules = self.refused.rules.iter().flat_map(|(key, messages)| each(Part::Rule(key.clone()), messages));
        by_router.chain(listeners).chain(backends).chain(rules).collect()
    }
}

/// The backends that a rule names, as targets and for mirrors, each once.
fn named(rule: &RouteRule) -> BTreeSet<&BackendKey> {
    let of_targets = rule.targets.iter().filter_map(|target| match &target.target {
        Target::Backend(key) => Some(key),
        Target::Refused(_) => None,
    });
    let filters = rule.filters.iter().chain(rule.targets.iter().flat_map(|target| &target.filters));
    let of_mirrors = filters.filter_map(|filter| match filter {
        Filter::RequestMirror(mirror) => Some(&mirror.backend),
        _ => None,
    });
    of_targets.chain(of_mirrors).collect()
}
