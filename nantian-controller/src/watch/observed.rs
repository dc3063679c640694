//! Statuses as they are at the API server, and which of them were looked at since they changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nantian_ir::ObjectRef;
use tokio::sync::Notify;

use super::object::ObservedStatus;

#[derive(Debug, Default)]
struct Held {
    statuses: BTreeMap<ObjectRef, ObservedStatus>,
    /// Those that have changed since somebody took them.
    changed: BTreeSet<ObjectRef>,
}

/// The statuses of all objects that may get one of ours.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    held: Mutex<Held>,
    arrived: Notify,
}

impl Observed {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The status of an object was seen: by a watch, or in the answer to a write, whichever comes first.
    pub(crate) fn set(&self, id: &ObjectRef, status: ObservedStatus) {
        let mut held = self.lock();
        let known = held.statuses.get(id);
        if known.is_some_and(|known| is_older(&status, known)) {
            return;
        }
        if known.is_none_or(|known| known.status != status.status || known.uid != status.uid) {
            held.changed.insert(id.clone());
            self.arrived.notify_one();
        }
        held.statuses.insert(id.clone(), status);
    }

    /// The object is gone.
    pub(crate) fn remove(&self, id: &ObjectRef) {
        let mut held = self.lock();
        held.statuses.remove(id);
        held.changed.remove(id);
    }

    /// What is known of an object's status; `None`: there is no such object.
    pub(crate) fn get(&self, id: &ObjectRef) -> Option<ObservedStatus> {
        self.lock().statuses.get(id).cloned()
    }

    /// All objects.
    pub(crate) fn ids(&self) -> Vec<ObjectRef> {
        self.lock().statuses.keys().cloned().collect()
    }

    /// Those that have changed since the last call.
    pub(crate) fn take_changed(&self) -> BTreeSet<ObjectRef> {
        std::mem::take(&mut self.lock().changed)
    }

    /// Until some have changed.
    pub(crate) async fn changed(&self) {
        self.arrived.notified().await;
    }
}

/// Whether a sight of an object is older than another. Versions of one object are numbers that grow (KEP-5504); where they
/// are not, the later sight counts.
fn is_older(one: &ObservedStatus, other: &ObservedStatus) -> bool {
    let number = |status: &ObservedStatus| status.resource_version.parse::<u64>().ok();
    one.uid == other.uid && number(one).zip(number(other)).is_some_and(|(one, other)| one < other)
}

#[cfg(test)]
mod tests {
    use nantian_ir::compile::JsonText;
    use serde_json::json;

    use super::*;

    fn id() -> ObjectRef {
        ObjectRef { group: "g".into(), kind: "K".into(), namespace: "n".into(), name: "o".into() }
    }

    fn status(uid: &str, version: &str, value: u32) -> ObservedStatus {
        let status = JsonText::of(&json!({"value": value}));
        ObservedStatus { status, uid: uid.into(), resource_version: version.into(), version: "v1".into() }
    }

    #[test]
    fn a_watch_that_is_behind_does_not_undo_what_a_write_has_shown() {
        let observed = Observed::default();
        observed.set(&id(), status("u", "9", 1));
        observed.set(&id(), status("u", "10", 2));
        observed.set(&id(), status("u", "9", 1));
        assert_eq!(observed.get(&id()).unwrap().status.value(), json!({"value": 2}));
        observed.set(&id(), status("another", "3", 3));
        assert_eq!(observed.get(&id()).unwrap().status.value(), json!({"value": 3}), "an object made anew");
    }

    #[test]
    fn a_status_that_is_as_it_was_is_not_looked_at_again() {
        let observed = Observed::default();
        observed.set(&id(), status("u", "1", 1));
        assert_eq!(observed.take_changed().len(), 1);
        observed.set(&id(), status("u", "2", 1));
        assert!(observed.take_changed().is_empty());
        observed.remove(&id());
        assert!(observed.get(&id()).is_none());
    }
}
