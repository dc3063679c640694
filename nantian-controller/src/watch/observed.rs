//! Statuses as they are at the API server, and which of them were looked at since they changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use nantian_ir::{ObjectRef, ResourceMap};
use tokio::sync::Notify;

use super::object::ObservedStatus;
use crate::publication::Reported;

#[derive(Debug)]
struct Sight {
    status: ObservedStatus,
    /// What was wanted when a comparison with this status found nothing to write; one that never was: nothing.
    settled: Option<Weak<Reported>>,
}

#[derive(Debug, Default)]
struct Held {
    sights: BTreeMap<ObjectRef, Sight>,
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
        if let Some(known) = held.sights.get_mut(id) {
            if is_older(&status, &known.status) {
                return;
            }
            if known.status.status == status.status && known.status.uid == status.uid {
                known.status = status;
                return;
            }
        }
        held.sights.insert(id.clone(), Sight { status, settled: None });
        held.changed.insert(id.clone());
        self.arrived.notify_one();
    }

    /// A comparison with a status that was [had](Self::get) found nothing to write.
    pub(crate) fn settle(&self, id: &ObjectRef, compared: &ObservedStatus, wanted: Option<&Arc<Reported>>) {
        let mut held = self.lock();
        // It may have changed meanwhile.
        if let Some(sight) = held.sights.get_mut(id).filter(|sight| sight.status == *compared) {
            sight.settled = Some(identity(wanted));
        }
    }

    /// Objects of which a comparison could find something to write, as far as `wanted` and what is seen of them tell: another
    /// one with the same two could not.
    pub(crate) fn unsettled(&self, wanted: &ResourceMap<Reported>) -> Vec<ObjectRef> {
        let held = self.lock();
        let is_settled = |id: &ObjectRef, sight: &Sight| {
            sight.settled.as_ref().is_some_and(|settled| settled.ptr_eq(&identity(wanted.get(id))))
        };
        held.sights.iter().filter(|(id, sight)| !is_settled(id, sight)).map(|(id, _)| id.clone()).collect()
    }

    /// The object is gone.
    pub(crate) fn remove(&self, id: &ObjectRef) {
        let mut held = self.lock();
        held.sights.remove(id);
        held.changed.remove(id);
    }

    /// What is known of an object's status; `None`: there is no such object.
    pub(crate) fn get(&self, id: &ObjectRef) -> Option<ObservedStatus> {
        self.lock().sights.get(id).map(|sight| sight.status.clone())
    }

    /// All objects.
    pub(crate) fn ids(&self) -> Vec<ObjectRef> {
        self.lock().sights.keys().cloned().collect()
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

/// Tells one status that is wanted from all others, and from none, without keeping it.
fn identity(wanted: Option<&Arc<Reported>>) -> Weak<Reported> {
    wanted.map_or_else(Weak::new, Arc::downgrade)
}

/// Whether a sight of an object is older than another. Versions of one object are numbers that grow (KEP-5504); where they
/// are not, the later sight counts.
fn is_older(one: &ObservedStatus, other: &ObservedStatus) -> bool {
    let number = |status: &ObservedStatus| status.resource_version.parse::<u64>().ok();
    one.uid == other.uid && number(one).zip(number(other)).is_some_and(|(one, other)| one < other)
}

#[cfg(test)]
mod tests {
    use nantian_ir::compile::status::AiServiceStatus;
    use nantian_ir::compile::{JsonText, ObjectStatus, Status};
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

    fn wanted() -> Reported {
        let (object, conditions) = (id(), Vec::new());
        Reported(Arc::new(ObjectStatus { object, status: Status::AiService(AiServiceStatus { conditions }) }))
    }

    #[test]
    fn what_is_settled_is_so_until_something_else_is_seen_or_wanted() {
        let (observed, mut statuses) = (Observed::default(), ResourceMap::new());
        let is_settled = |statuses: &ResourceMap<Reported>| observed.unsettled(statuses).is_empty();
        let settle = |statuses: &ResourceMap<Reported>| {
            observed.settle(&id(), &observed.get(&id()).unwrap(), statuses.get(&id()));
            assert!(is_settled(statuses));
        };
        observed.set(&id(), status("u", "1", 1));
        assert!(!is_settled(&statuses), "nobody has compared it");
        settle(&statuses);
        statuses.insert(wanted());
        assert!(!is_settled(&statuses), "something is wanted");
        settle(&statuses);
        statuses.insert(wanted());
        assert!(!is_settled(&statuses), "another publication says so");
        settle(&statuses);
        observed.set(&id(), status("u", "2", 1));
        assert!(is_settled(&statuses), "another field was written");
        observed.set(&id(), status("u", "3", 2));
        assert!(!is_settled(&statuses), "another status was written");
        settle(&statuses);
        observed.set(&id(), status("another", "1", 2));
        assert!(!is_settled(&statuses), "an object made anew");
        settle(&statuses);
        statuses.clear();
        assert!(!is_settled(&statuses), "nothing is wanted any more");
    }

    #[test]
    fn a_comparison_with_a_status_that_changed_meanwhile_settles_nothing() {
        let (observed, statuses) = (Observed::default(), ResourceMap::new());
        observed.set(&id(), status("u", "1", 1));
        let compared = observed.get(&id()).unwrap();
        observed.set(&id(), status("u", "2", 2));
        observed.settle(&id(), &compared, None);
        assert_eq!(observed.unsettled(&statuses), [id()]);
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
