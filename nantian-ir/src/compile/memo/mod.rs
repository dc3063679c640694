//! The compiler that remembers: after a change it computes again what depends on the change, and nothing else.
//!
//! The work is cut into units (`unit.rs`): a Gateway looked at alone, a route attached to listeners, a backend, a policy.
//! What a unit looks at, it sees through a [`Reader`], which records each look as a fact (`fact.rs`): an object, be it
//! there or absent; a set, such as the grants of a namespace; what another unit wrote. So nobody has to know, nor to keep
//! right, which objects matter for what.
//!
//! A change of an object changes facts, and whoever read one of them is computed again. Units stand in stages, and read
//! only what units of earlier stages wrote; stage after stage is worked off, so that each is computed once at most. What
//! comes out as it was is not written, and there the change ends.
//!
//! [`compile`](super::compile) computes the same units for all objects at once, and keeps nothing (`once.rs`).
//!
//! # A new kind of unit
//!
//! 1. A line in [`Unit`](unit::Unit) at its stage, and when it has something to do (`unit.rs`).
//! 2. What it does: a line in `compute` (`work.rs`) that calls a function of `attach`, `resolve`, `lower` or `status`. It
//!    sees everything through its [`Reader`], and gives resources, statuses, diagnostics and claims in its `Output`.
//! 3. If other units read what it makes of things: a [`Value`](work::Value), a field of the [`Store`], a [`Fact`] and a
//!    method of [`Reader`] that records it; `write.rs` puts the value in its place and tells what changed.
//! 4. Who calls for it: objects do in `demands` (`write.rs`), claims in `claim`.
//!
//! A new kind of object is a line in `decode.rs`; a set of objects that is asked for as such is a fact in
//! `Compiler::note` (`write.rs`).

mod fact;
mod graph;
mod once;
mod reader;
mod results;
mod store;
#[cfg(test)]
mod tests;
mod unit;
mod work;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::diagnostic::Diagnostic;
use super::infrastructure::GatewayService;
use super::objects::{Object, Objects};
use super::policy::provenance::{self, Governance};
use super::status::ObjectStatus;
use super::wants::{self, Want};
use super::{Compiled, Options};
use crate::key::{ListenerKey, ObjectRef, RuleKey};
use crate::model::{ResourceMap, Snapshot};
use fact::Fact;
use graph::Graph;
pub(crate) use reader::Reader;
use results::{Harvest, Output, Results};
use store::Store;
use unit::{STAGES, Unit};

/// A change of the objects.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Adds an object, or puts it in the place of the one that has its name, as [`Objects::insert`] does.
    Insert(Object),
    /// Removes the object of this name, as [`Objects::remove`] does.
    Remove(ObjectRef),
}

/// What changes of the objects came to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Changed {
    /// What a data plane serves now. Resources that did not change are the same ones as before, by address.
    pub snapshot: Arc<Snapshot>,
    /// Statuses that are new or others now, sorted by object.
    pub statuses: Vec<Arc<ObjectStatus>>,
    /// Objects that had a status and have none any more, sorted.
    pub removed_statuses: Vec<ObjectRef>,
    /// The Services that Gateways are to have now, all of them.
    pub services: ResourceMap<GatewayService>,
    /// Diagnostics that are new, sorted.
    pub new_diagnostics: Vec<Diagnostic>,
    /// Diagnostics that do not hold any more, sorted.
    pub resolved_diagnostics: Vec<Diagnostic>,
    /// How many units of work were computed.
    pub computed: usize,
}

/// Objects with what they compile to, which follows their changes at a cost that depends on the change.
///
/// After any sequence of changes the results are those of [`compile`](super::compile) for the objects that are left.
#[derive(Default)]
pub struct Compiler {
    store: Store,
    graph: Graph,
    results: Results,
    /// Diagnostics of objects that do not fit their kind.
    unfit: BTreeMap<ObjectRef, Diagnostic>,
    /// Takes the results where changes will not be followed: then nothing is kept of who read what and gave what.
    harvest: Option<Harvest>,
}

impl Compiler {
    /// A compiler without objects.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let mut compiler = Self::unsettled(options);
        compiler.settle();
        compiler
    }

    /// A compiler that has to compute what there is without any object.
    fn unsettled(options: Options) -> Self {
        let mut compiler = Self { store: Store { options, ..Store::default() }, ..Self::default() };
        for unit in [Unit::Displaced, Unit::Classes, Unit::Sockets] {
            compiler.graph.demand(unit);
        }
        compiler
    }

    /// Applies changes, one after the other, and compiles what depends on them.
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change>) -> Changed {
        for change in changes {
            let id = match &change {
                Change::Insert(object) => object.id().clone(),
                Change::Remove(id) => id.clone(),
            };
            let before = self.store.objects.get(&id).cloned();
            match change {
                Change::Insert(object) => self.store.objects.insert(object),
                Change::Remove(_) => _ = self.store.objects.remove(&id),
            }
            self.note(&id, before.as_ref());
        }
        self.graph.changed(&Fact::Displaced);
        self.finish()
    }

    /// Puts other objects in the place of all that there are, and compiles what depends on those that differ.
    pub fn replace(&mut self, objects: Objects) -> Changed {
        let before = std::mem::replace(&mut self.store.objects, objects);
        for (held, now) in difference(&before, &self.store.objects) {
            if let Some(object) = held.as_ref().or(now.as_ref()) {
                self.note(object.id(), held.as_ref());
            }
        }
        self.graph.changed(&Fact::Displaced);
        self.finish()
    }

    /// Sets the time ([`Options::now`]), and compiles what depends on it.
    pub fn set_time(&mut self, now: Option<i64>) -> Changed {
        if self.store.options.now != now {
            self.store.options.now = now;
            self.graph.changed(&Fact::Now);
        }
        self.finish()
    }

    /// The objects.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.store.objects
    }

    /// What a data plane serves.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.results.snapshot
    }

    /// The status of every object that is ours to report on, sorted by object.
    pub fn statuses(&self) -> impl Iterator<Item = &Arc<ObjectStatus>> {
        self.results.statuses.values()
    }

    /// The Services that Gateways are to have ([`BindPorts::Assigned`](super::BindPorts::Assigned)).
    #[must_use]
    pub fn services(&self) -> &ResourceMap<GatewayService> {
        &self.results.services
    }

    /// Everything that a person should know, sorted by object, field and code.
    pub fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        self.results.diagnostics.keys()
    }

    /// What has to be fetched, sorted.
    #[must_use]
    pub fn wants(&self) -> Vec<Want> {
        wants::of(self.store.statements.values().flat_map(|of_namespace| of_namespace.values().flatten()))
    }

    /// Which policies are for a rule at a listener, and for its backends: which setting of which one decides, and why. `None`:
    /// there is no such rule.
    #[must_use]
    pub fn governance(&self, rule: &RuleKey, listener: &ListenerKey) -> Option<Governance> {
        provenance::of_rule(rule, listener, &Reader::new(&self.store, false))
    }

    /// The results without what it takes to follow changes.
    #[must_use]
    pub fn into_compiled(self) -> Compiled {
        let wants = self.wants();
        let Results { snapshot, statuses, services, diagnostics, .. } = self.results;
        Compiled {
            snapshot,
            statuses: statuses.into_values().map(Arc::unwrap_or_clone).collect(),
            services,
            diagnostics: diagnostics.into_keys().collect(),
            wants,
        }
    }

    fn finish(&mut self) -> Changed {
        let computed = self.settle();
        let changed = self.results.take_changes();
        Changed {
            snapshot: Arc::clone(&self.results.snapshot),
            statuses: changed.statuses,
            removed_statuses: changed.removed_statuses,
            services: self.results.services.clone(),
            new_diagnostics: changed.new_diagnostics,
            resolved_diagnostics: changed.resolved_diagnostics,
            computed,
        }
    }

    /// Computes every unit that has to be; says how many.
    fn settle(&mut self) -> usize {
        self.settle_before(STAGES)
    }

    /// The same for the units of the stages before this one.
    fn settle_before(&mut self, stage: usize) -> usize {
        let mut computed = 0;
        while let Some(units) = self.graph.next_before(stage) {
            computed += units.len();
            for (id, unit) in units {
                if self.harvest.is_some() {
                    self.compute_once(&unit);
                    continue;
                }
                let reader = Reader::new(&self.store, true);
                let mut output = Output::default();
                let value = work::compute(&unit, &reader, &mut output);
                let reads = reader.into_reads();
                self.write(&unit, value);
                self.graph.record(id, reads);
                let claims = self.results.put(id, output);
                self.claim(claims);
                if !unit.has_subject(&self.store) {
                    self.graph.remove(id);
                }
            }
        }
        computed
    }
}

/// Objects that are in one of two stores only, or others there: before and after.
fn difference(before: &Objects, after: &Objects) -> Vec<(Option<Object>, Option<Object>)> {
    let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
    let mut found = Vec::new();
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return found,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(old), Some(new)) => old.id().cmp(new.id()),
        };
        let held = if order.is_le() { old.next() } else { None };
        let now = if order.is_ge() { new.next() } else { None };
        if held != now {
            found.push((held.cloned(), now.cloned()));
        }
    }
}
