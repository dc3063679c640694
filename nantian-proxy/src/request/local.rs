//! What one worker counts for rules and backends: shares, turns, requests in flight. Never locked, never shared.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::Balance;
use crate::balance::endpoint;
use crate::balance::random::Random;
use crate::runtime::{Backend, Id, Rule, Runtime};
use crate::telemetry::Recorder;
use crate::upstream::ConnectionStats;

/// The tables of one worker.
pub(super) struct Local {
    recorder: Recorder,
    rules: RefCell<HashMap<Id, Rc<LocalRule>>>,
    backends: RefCell<HashMap<Id, Rc<LocalBackend>>>,
}

/// The counters of one rule.
#[derive(Debug)]
pub(super) struct LocalRule {
    shares: Cell<u64>,
    /// Those of the rule's mirrors, then those of each target's.
    mirrors: Vec<Cell<u64>>,
}

/// The counters of one backend.
pub(super) struct LocalBackend {
    pub(super) backend: Arc<Backend>,
    /// Counts of its connections.
    pub(super) stats: Arc<ConnectionStats>,
    cursor: Cell<usize>,
    loads: Vec<Rc<Cell<u32>>>,
}

/// A request in flight to an endpoint, until dropped.
#[derive(Debug)]
pub(super) struct InFlight(Rc<Cell<u32>>);

impl Local {
    pub(super) fn new(recorder: Recorder) -> Self {
        Self { recorder, rules: RefCell::default(), backends: RefCell::default() }
    }

    /// The counters of `rule`. They begin anywhere, so that workers and reloads do not all favour the first target.
    pub(super) fn rule(&self, rule: &Rule, random: &Random) -> Rc<LocalRule> {
        if let Some(local) = self.rules.borrow().get(&rule.id) {
            return Rc::clone(local);
        }
        let mirrors = rule.mirrors.len() + rule.targets.iter().map(|target| target.mirrors.len()).sum::<usize>();
        let counter = || Cell::new(random.next());
        let local = LocalRule { shares: counter(), mirrors: std::iter::repeat_with(counter).take(mirrors).collect() };
        let local = Rc::new(local);
        self.rules.borrow_mut().insert(rule.id, Rc::clone(&local));
        local
    }

    /// The counters of `backend`.
    pub(super) fn backend(&self, backend: &Arc<Backend>, random: &Random) -> Rc<LocalBackend> {
        if let Some(local) = self.backends.borrow().get(&backend.id) {
            return Rc::clone(local);
        }
        let local = Rc::new(LocalBackend::new(backend, self.recorder.backend(&backend.key), None, random));
        self.backends.borrow_mut().insert(backend.id, Rc::clone(&local));
        local
    }

    /// Drops the counters of what `runtime` no longer has; endpoints that a changed backend still has keep their
    /// requests in flight.
    pub(super) fn apply(&self, runtime: &Runtime, random: &Random) {
        let ids: HashSet<Id> = runtime.rule_ids().collect();
        self.rules.borrow_mut().retain(|id, _| ids.contains(id));
        let mut backends = self.backends.borrow_mut();
        let kept = std::mem::take(&mut *backends);
        for local in kept.into_values() {
            match runtime.backend(&local.backend.key) {
                Some(now) if now.id == local.backend.id => {
                    backends.insert(now.id, local);
                }
                Some(now) => {
                    backends.insert(
                        now.id,
                        Rc::new(LocalBackend::new(now, Arc::clone(&local.stats), Some(&local), random)),
                    );
                }
                None => {}
            }
        }
    }
}

impl LocalRule {
    /// Which target gets the next request.
    pub(super) fn choose_target(&self, rule: &Rule) -> Option<usize> {
        let mut position = self.shares.get();
        let chosen = rule.weights.choose(&mut position);
        self.shares.set(position);
        chosen
    }

    /// Whether the mirror that has counter `index` copies the next request.
    pub(super) fn mirrors(&self, index: usize, mirror: &crate::filter::mirror::Mirror) -> bool {
        let Some(counter) = self.mirrors.get(index) else { return false };
        let mut position = counter.get();
        let copies = mirror.chooses(&mut position);
        counter.set(position);
        copies
    }
}

impl LocalBackend {
    fn new(backend: &Arc<Backend>, stats: Arc<ConnectionStats>, previous: Option<&Self>, random: &Random) -> Self {
        let load_of = |endpoint| {
            let previous = previous?;
            let index = previous.backend.endpoints.iter().position(|known| known == endpoint)?;
            previous.loads.get(index).cloned()
        };
        Self {
            stats,
            cursor: Cell::new(random.below(backend.endpoints.len())),
            loads: backend.endpoints.iter().map(|endpoint| load_of(endpoint).unwrap_or_default()).collect(),
            backend: Arc::clone(backend),
        }
    }

    /// The endpoint for a request that failed on those in `skip` before.
    pub(super) fn choose(&self, balance: Balance, skip: &[usize], random: &Random) -> Option<usize> {
        let load = |index: usize| self.loads.get(index).map_or(0, |load| load.get());
        endpoint::choose(balance, self.loads.len(), &self.cursor, load, skip, random)
    }

    /// Counts a request in flight to the endpoint `index`.
    pub(super) fn begin(&self, index: usize) -> Option<InFlight> {
        let load = self.loads.get(index)?;
        load.set(load.get().saturating_add(1));
        Some(InFlight(Rc::clone(load)))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use nantian_ir::BackendProtocol;

    use super::*;
    use crate::runtime::tests::{Builder, backend_key, to};

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn runtime(ports: &[u16], previous: Option<&Runtime>) -> Runtime {
        let addresses: Vec<_> = ports.iter().copied().map(address).collect();
        let builder = Builder::new().backend("a", BackendProtocol::Http1, &addresses);
        Runtime::build(builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1), to("a", 2)]).build(), previous)
    }

    #[test]
    fn counters_survive_a_runtime_that_still_has_their_subject() {
        let (local, random) = (Local::new(crate::telemetry::Telemetry::new("test", 1).recorder(0)), Random::new(1));
        let key = backend_key("a", BackendProtocol::Http1);
        let first = runtime(&[1, 2], None);
        let rule = local.rule(first.rule(0).unwrap(), &random);
        let backend = local.backend(first.backend(&key).unwrap(), &random);
        let in_flight = backend.begin(1);

        let second = runtime(&[2, 3], Some(&first));
        local.apply(&second, &random);
        assert!(Rc::ptr_eq(&rule, &local.rule(second.rule(0).unwrap(), &random)));
        let after = local.backend(second.backend(&key).unwrap(), &random);
        assert_eq!(after.loads.iter().map(|load| load.get()).collect::<Vec<_>>(), [1, 0]);
        drop(in_flight);
        assert_eq!(after.loads[0].get(), 0);

        local.apply(&Runtime::build(Builder::new().build(), Some(&second)), &random);
        assert!(local.rules.borrow().is_empty() && local.backends.borrow().is_empty());
    }
}
