//! What one worker serves: a runtime, and beside it what the worker counts for its rules and backends. Nothing here is
//! shared with another worker: a request takes one [`Rc`] of all of it, and no count that another core writes.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use http::HeaderValue;
use nantian_ir::Listener;
use smallvec::SmallVec;

use super::Balance;
use crate::balance::endpoint;
use crate::balance::random::Random;
use crate::router::{Router, ThreadPatterns};
use crate::runtime::{Backend, Destination, Rule, Runtime};
use crate::slots::{Locals, Slots};
use crate::telemetry::{Fragment, Recorder, RequestCells};
use crate::upstream::ConnectionStats;

/// A runtime as one worker serves it.
pub(super) struct Serving {
    pub(super) runtime: Arc<Runtime>,
    pub(super) recorder: Recorder,
    pub(super) patterns: ThreadPatterns,
    random: Rc<Random>,
    /// By the router's numbers.
    listeners: Rc<[Option<LocalListener>]>,
    /// By the router's numbers.
    rules: Locals<Rc<LocalRule>>,
    /// By their numbers.
    backends: Locals<Rc<LocalBackend>>,
    /// Counts requests for which there is no listener.
    no_listener: OnceCell<Arc<RequestCells>>,
}

struct LocalListener {
    listener: Arc<Listener>,
    /// Its public port as a field value.
    port: HeaderValue,
    /// Counts requests for which there is no rule.
    no_route: OnceCell<Arc<RequestCells>>,
}

/// What is kept for a rule at a listener.
struct Counted {
    /// Its number.
    listener: usize,
    cells: Arc<RequestCells>,
    /// For lines of both.
    fragment: Fragment,
}

/// A rule, its backends found.
pub(super) struct LocalRule {
    pub(super) rule: Arc<Rule>,
    counters: Rc<Counters>,
    /// In the order of the rule's targets; `None` where a target is refused.
    backends: Vec<Option<Rc<LocalBackend>>>,
    /// Nearly every rule has one listener.
    counted: RefCell<SmallVec<[Counted; 1]>>,
}

/// The positions of one rule in the cycles of its shares.
#[derive(Debug)]
struct Counters {
    shares: Cell<u64>,
    /// Those of the rule's mirrors, then those of each target's.
    mirrors: Vec<Cell<u64>>,
}

/// The counters of one backend.
pub(super) struct LocalBackend {
    pub(super) backend: Arc<Backend>,
    /// Counts of its connections.
    pub(super) stats: Arc<ConnectionStats>,
    /// For lines of requests that went there.
    pub(super) fragment: Fragment,
    cursor: Cell<usize>,
    loads: Vec<Rc<Cell<u32>>>,
}

/// A request in flight to an endpoint, until dropped.
#[derive(Debug)]
pub(super) struct InFlight(Rc<Cell<u32>>);

impl Serving {
    /// `runtime` with the counters of what `previous` has of it already; endpoints that a changed backend still has keep
    /// their requests in flight. What did not change is shared with `previous`: the cost is that of the change.
    pub(super) fn new(
        runtime: Arc<Runtime>,
        recorder: Recorder,
        random: Rc<Random>,
        previous: Option<&Self>,
    ) -> Rc<Self> {
        let Some(previous) = previous else {
            let nothing = Self::of_nothing(recorder.clone(), Rc::clone(&random));
            return Self::new(runtime, recorder, random, Some(&nothing));
        };
        let before = &previous.runtime;
        let same_listeners = runtime.snapshot().listeners.changes(&before.snapshot().listeners).is_empty();
        let backends =
            previous.backends.following(before.backends().by_slot(), runtime.backends().by_slot(), |local, now| {
                if Arc::ptr_eq(&local.backend, now) {
                    return Some(Rc::clone(local));
                }
                let stats = || Arc::clone(&local.stats);
                (local.backend.key == now.key).then(|| Rc::new(LocalBackend::new(now, stats(), Some(local), &random)))
            });
        let keep_rule = |local: &Rc<LocalRule>, now: &Arc<Rule>| {
            if same_listeners && Arc::ptr_eq(&local.rule, now) {
                return Some(Rc::clone(local));
            }
            let backend = |backend: &Arc<Backend>| local_backend(&backends, backend, &recorder, &random);
            let counters = || Rc::clone(&local.counters);
            (local.rule.id == now.id).then(|| Rc::new(LocalRule::new(now, counters(), backend)))
        };
        // Rules count by listener: where those changed, no cells are shared.
        let no_rules = Slots::default();
        let rules_before = if same_listeners { before.rules() } else { &no_rules };
        Rc::new(Self {
            listeners: if same_listeners { Rc::clone(&previous.listeners) } else { local_listeners(&runtime) },
            rules: previous.rules.following(rules_before, runtime.rules(), keep_rule),
            patterns: runtime.router().thread_patterns_following(&previous.patterns),
            backends,
            no_listener: OnceCell::new(),
            runtime,
            recorder,
            random,
        })
    }

    fn of_nothing(recorder: Recorder, random: Rc<Random>) -> Self {
        let runtime = Arc::new(Runtime::default());
        Self {
            patterns: runtime.router().thread_patterns(),
            listeners: Rc::default(),
            rules: Locals::default(),
            backends: Locals::default(),
            no_listener: OnceCell::new(),
            runtime,
            recorder,
            random,
        }
    }

    pub(super) fn router(&self) -> &Router {
        self.runtime.router()
    }

    fn local_listener(&self, index: usize) -> Option<&LocalListener> {
        self.listeners.get(index)?.as_ref()
    }

    pub(super) fn listener(&self, index: usize) -> Option<&Listener> {
        self.local_listener(index).map(|local| local.listener.as_ref())
    }

    /// A listener's public port as a field value.
    pub(super) fn port_value(&self, index: usize) -> Option<&HeaderValue> {
        self.local_listener(index).map(|local| &local.port)
    }

    /// The rule `index`. Its shares begin anywhere, so that workers and reloads do not all favour the first target.
    pub(super) fn rule(&self, index: usize) -> Option<&Rc<LocalRule>> {
        let rule = self.runtime.rules().get(index)?;
        let counters = || Rc::new(Counters::new(rule, &self.random));
        self.rules.get_or_init(index, || Rc::new(LocalRule::new(rule, counters(), |backend| self.backend(backend))))
    }

    /// A backend of this runtime.
    pub(super) fn backend(&self, backend: &Arc<Backend>) -> Rc<LocalBackend> {
        local_backend(&self.backends, backend, &self.recorder, &self.random)
    }

    /// Hands the counters of a listener (by its index) and rule to `count`, and what lines say of them.
    pub(super) fn count(
        &self,
        listener: Option<usize>,
        rule: Option<&LocalRule>,
        count: impl FnOnce(&RequestCells, Option<&Fragment>),
    ) {
        let local = listener.and_then(|index| Some((index, self.local_listener(index)?)));
        match (local, rule) {
            (None, _) => count(self.no_listener.get_or_init(|| self.recorder.series(None, None)), None),
            (Some((_, local)), None) => {
                count(local.no_route.get_or_init(|| self.recorder.series(Some(&local.listener.key), None)), None);
            }
            (Some((index, local)), Some(rule)) => {
                let mut known = rule.counted.borrow_mut();
                if let Some(counted) = known.iter().find(|counted| counted.listener == index) {
                    return count(&counted.cells, Some(&counted.fragment));
                }
                let cells = self.recorder.series(Some(&local.listener.key), Some(&rule.rule.source.key.route));
                let counted = Counted { listener: index, cells, fragment: Fragment::default() };
                count(&counted.cells, Some(&counted.fragment));
                known.push(counted);
            }
        }
    }
}

impl Counters {
    fn new(rule: &Rule, random: &Random) -> Self {
        let mirrors = rule.mirrors.len() + rule.targets.iter().map(|target| target.mirrors.len()).sum::<usize>();
        let counter = || Cell::new(random.next());
        Self { shares: counter(), mirrors: std::iter::repeat_with(counter).take(mirrors).collect() }
    }
}

fn local_listeners(runtime: &Runtime) -> Rc<[Option<LocalListener>]> {
    let mut locals = Vec::new();
    for listener in runtime.snapshot().listeners.values() {
        let Some(index) = runtime.router().listener_index(&listener.key) else { continue };
        if locals.len() <= index {
            locals.resize_with(index + 1, || None);
        }
        if let Some(local) = locals.get_mut(index) {
            let (listener, port) = (Arc::clone(listener), HeaderValue::from(listener.public_port));
            *local = Some(LocalListener { listener, port, no_route: OnceCell::new() });
        }
    }
    locals.into()
}

fn local_backend(
    backends: &Locals<Rc<LocalBackend>>,
    backend: &Arc<Backend>,
    recorder: &Recorder,
    random: &Random,
) -> Rc<LocalBackend> {
    let new = || Rc::new(LocalBackend::new(backend, recorder.backend(&backend.key), None, random));
    backends.get_or_init(backend.slot, new).map_or_else(new, Rc::clone)
}

impl LocalRule {
    fn new(rule: &Arc<Rule>, counters: Rc<Counters>, backend: impl Fn(&Arc<Backend>) -> Rc<LocalBackend>) -> Self {
        let backends = rule.targets.iter().map(|target| match &target.destination {
            Destination::Backend(found) => Some(backend(found)),
            Destination::Refused => None,
        });
        Self { counters, backends: backends.collect(), counted: RefCell::default(), rule: Arc::clone(rule) }
    }

    /// Which target gets the next request.
    pub(super) fn choose_target(&self) -> Option<usize> {
        let mut position = self.counters.shares.get();
        let chosen = self.rule.weights.choose(&mut position);
        self.counters.shares.set(position);
        chosen
    }

    /// The backend of the target `index`; `None` if it is refused.
    pub(super) fn backend(&self, index: usize) -> Option<&Rc<LocalBackend>> {
        self.backends.get(index)?.as_ref()
    }

    /// Whether the target `index` has an endpoint that a request could go to.
    pub(super) fn has_endpoint(&self, index: Option<usize>) -> bool {
        index.and_then(|index| self.backend(index)).is_some_and(|local| !local.backend.endpoints.is_empty())
    }

    /// Whether it is the same rule, and shares its requests out among as many targets in the same way.
    pub(super) fn has_shares_of(&self, other: &Self) -> bool {
        self.rule.source.key == other.rule.source.key && self.rule.weights == other.rule.weights
    }

    /// Whether the mirror that has counter `index` copies the next request.
    pub(super) fn mirrors(&self, index: usize, mirror: &crate::filter::mirror::Mirror) -> bool {
        let Some(counter) = self.counters.mirrors.get(index) else { return false };
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
            fragment: Fragment::default(),
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
    use crate::runtime::tests::{Builder, to};

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    fn runtime(ports: &[u16], previous: Option<&Serving>) -> Arc<Runtime> {
        let addresses: Vec<_> = ports.iter().copied().map(address).collect();
        let builder = Builder::new().backend("a", BackendProtocol::Http1, &addresses);
        let snapshot = builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1), to("a", 2)]).build();
        Arc::new(Runtime::build(snapshot, previous.map(|serving| serving.runtime.as_ref())))
    }

    fn serving(runtime: Arc<Runtime>, previous: Option<&Serving>) -> Rc<Serving> {
        let recorder = crate::telemetry::Telemetry::new("test", 1).recorder(0);
        Serving::new(runtime, recorder, Rc::new(Random::new(1)), previous)
    }

    #[test]
    fn counters_survive_a_runtime_that_still_has_their_subject() {
        let first = serving(runtime(&[1, 2], None), None);
        let rule = Rc::clone(first.rule(0).unwrap());
        let in_flight = rule.backend(0).unwrap().begin(1);

        let second = serving(runtime(&[2, 3], Some(&first)), Some(&first));
        // Also through a runtime under which nobody asked for the rule.
        let third = serving(runtime(&[2, 3], Some(&second)), Some(&second));
        for serving in [&second, &third] {
            assert!(Rc::ptr_eq(&rule.counters, &serving.rule(0).unwrap().counters));
        }
        let after = third.rule(0).unwrap().backend(1).unwrap();
        assert_eq!(after.loads.iter().map(|load| load.get()).collect::<Vec<_>>(), [1, 0]);
        drop(in_flight);
        assert_eq!(after.loads[0].get(), 0);

        let nothing = serving(Arc::new(Runtime::build(Builder::new().build(), Some(&third.runtime))), Some(&third));
        assert!(nothing.rules.get(0).is_none() && nothing.backends.get(0).is_none());
        assert!(nothing.rule(0).is_none());
    }
}
