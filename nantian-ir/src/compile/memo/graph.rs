//! Which units there are, what each read, and which have to be computed again.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use super::fact::{Fact, FactId};
use super::unit::{STAGES, Unit};

/// The place of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct UnitId(pub(super) usize);

struct Node {
    unit: Arc<Unit>,
    /// Sorted, each once.
    reads: Vec<FactId>,
    is_queued: bool,
}

/// The units with what they read.
#[derive(Default)]
pub(super) struct Graph {
    ids: HashMap<Arc<Unit>, UnitId, FixedState>,
    /// By the number of the unit; `None`: a number to give anew.
    nodes: Vec<Option<Node>>,
    free: Vec<UnitId>,
    readers: HashMap<FactId, Vec<UnitId>, FixedState>,
    /// Units to compute, by stage.
    queues: [Vec<UnitId>; STAGES],
}

impl Graph {
    /// Sees to it that there is such a unit; a new one has to be computed.
    pub(super) fn demand(&mut self, unit: Unit) {
        if self.ids.contains_key(&unit) {
            return;
        }
        let unit = Arc::new(unit);
        let node = Some(Node { unit: Arc::clone(&unit), reads: Vec::new(), is_queued: false });
        let id = self.free.pop().unwrap_or(UnitId(self.nodes.len()));
        match self.nodes.get_mut(id.0) {
            Some(place) => *place = node,
            None => self.nodes.push(node),
        }
        self.ids.insert(unit, id);
        self.queue(id);
    }

    /// Every unit that read the fact has to be computed again.
    pub(super) fn changed(&mut self, fact: &Fact<'_>) {
        if self.readers.is_empty() {
            return;
        }
        for id in self.readers.get(&fact.id()).cloned().unwrap_or_default() {
            self.queue(id);
        }
    }

    fn queue(&mut self, id: UnitId) {
        let Some(Some(node)) = self.nodes.get_mut(id.0) else { return };
        if node.is_queued {
            return;
        }
        node.is_queued = true;
        if let Some(queue) = self.queues.get_mut(node.unit.stage()) {
            queue.push(id);
        }
    }

    /// The units of the first stage that has some to compute, if that is before this one.
    pub(super) fn next_before(&mut self, stage: usize) -> Option<Vec<(UnitId, Arc<Unit>)>> {
        let queue = self.queues.iter_mut().take(stage).find(|queue| !queue.is_empty())?;
        let ids = std::mem::take(queue);
        let mut units = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(Some(node)) = self.nodes.get_mut(id.0) {
                node.is_queued = false;
                units.push((id, Arc::clone(&node.unit)));
            }
        }
        Some(units)
    }

    /// Notes what a unit read this time.
    pub(super) fn record(&mut self, id: UnitId, reads: Vec<FactId>) {
        let Some(Some(node)) = self.nodes.get_mut(id.0) else { return };
        if node.reads == reads {
            return;
        }
        let before = std::mem::replace(&mut node.reads, reads);
        for fact in node.reads.iter().filter(|fact| before.binary_search(fact).is_err()) {
            self.readers.entry(*fact).or_default().push(id);
        }
        let gone: Vec<FactId> = before.into_iter().filter(|fact| node.reads.binary_search(fact).is_err()).collect();
        for fact in gone {
            self.forget(id, fact);
        }
    }

    fn forget(&mut self, id: UnitId, fact: FactId) {
        let Some(readers) = self.readers.get_mut(&fact) else { return };
        if let Some(place) = readers.iter().position(|reader| *reader == id) {
            readers.swap_remove(place);
        }
        if readers.is_empty() {
            self.readers.remove(&fact);
        }
    }

    /// Removes a unit for which there is nothing to do any more.
    pub(super) fn remove(&mut self, id: UnitId) {
        self.record(id, Vec::new());
        if let Some(node) = self.nodes.get_mut(id.0).and_then(Option::take) {
            self.ids.remove(&node.unit);
            self.free.push(id);
        }
    }

    /// How many units there are, and how many facts are known to be read.
    #[cfg(test)]
    pub(super) fn size(&self) -> (usize, usize) {
        (self.ids.len(), self.readers.len())
    }
}
