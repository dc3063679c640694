//! Changes on their way from the watches to the compiler: the newest of each object, however many there were.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use nantian_ir::ObjectRef;
use nantian_ir::compile::Change;

use crate::publish::pace::Pace;

#[derive(Debug, Default)]
struct Pending {
    changes: BTreeMap<ObjectRef, Change>,
    pace: Pace,
    /// Whether every kind was read once.
    synced: bool,
    /// Whether somebody wants a run although nothing changed.
    asked: bool,
    stopped: bool,
}

/// What the compiler is to do next.
#[derive(Debug, PartialEq)]
pub(crate) enum Work {
    /// Apply these changes; none: look at the time.
    Compile(Vec<Change>),
    /// End.
    Stop,
}

/// The changes that wait. Bounded by the objects that there are.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    pending: Mutex<Pending>,
    arrived: Condvar,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds changes; each takes the place of an earlier one of its object.
    pub(crate) fn add(&self, changes: impl IntoIterator<Item = Change>) {
        let mut pending = self.lock();
        let mut count = 0;
        for change in changes {
            let id = match &change {
                Change::Insert(object) => object.id().clone(),
                Change::Remove(id) => id.clone(),
            };
            pending.changes.insert(id, change);
            count += 1;
        }
        if count > 0 {
            pending.pace.arrived(count, Instant::now());
            self.arrived.notify_one();
        }
    }

    /// Every kind was read once: from now on there is work.
    pub(crate) fn synced(&self) {
        self.lock().synced = true;
        self.ask();
    }

    /// Asks for a run even if nothing has changed: time has gone on.
    pub(crate) fn ask(&self) {
        self.lock().asked = true;
        self.arrived.notify_one();
    }

    /// There will be no more.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.arrived.notify_one();
    }

    /// Waits for work, and after a first change for those that come with it.
    pub(crate) fn take(&self) -> Work {
        let mut pending = self.lock();
        loop {
            if pending.stopped {
                return Work::Stop;
            }
            let has_work = pending.synced && (pending.asked || !pending.changes.is_empty());
            if !has_work {
                pending = self.arrived.wait(pending).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            // A run that was asked for without a change is due at once.
            let due = pending.pace.due();
            let wait = due.map_or(Duration::ZERO, |due| due.saturating_duration_since(Instant::now()));
            if wait.is_zero() {
                pending.asked = false;
                pending.pace.taken();
                return Work::Compile(std::mem::take(&mut pending.changes).into_values().collect());
            }
            pending = self.arrived.wait_timeout(pending, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
mod tests {
    use nantian_ir::compile::Object;
    use serde_json::json;

    use super::*;

    fn insert(name: &str, value: u32) -> Change {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"v": value}});
        Change::Insert(Object::new(object).unwrap())
    }

    fn changes(work: Work) -> Vec<Change> {
        match work {
            Work::Compile(changes) => changes,
            Work::Stop => panic!("stopped"),
        }
    }

    #[test]
    fn of_many_changes_of_an_object_the_newest_is_taken() {
        let inbox = Inbox::default();
        inbox.add((0..1_000).map(|value| insert("a", value)));
        inbox.add([insert("b", 7)]);
        inbox.synced();
        assert_eq!(changes(inbox.take()), [insert("a", 999), insert("b", 7)]);
    }

    #[test]
    fn nothing_is_compiled_before_every_kind_was_read() {
        let inbox = std::sync::Arc::new(Inbox::default());
        inbox.add([insert("a", 1)]);
        let taker = std::thread::spawn({
            let inbox = std::sync::Arc::clone(&inbox);
            move || changes(inbox.take())
        });
        inbox.add([insert("b", 1)]);
        inbox.synced();
        let work = taker.join().unwrap();
        assert_eq!(work.len(), 2, "what came before the end of reading is one piece of work");
    }

    #[test]
    fn a_run_without_changes_can_be_asked_for_and_a_stop_comes_first() {
        let inbox = Inbox::default();
        inbox.synced();
        assert_eq!(inbox.take(), Work::Compile(Vec::new()));
        inbox.add([insert("a", 1)]);
        inbox.stop();
        assert_eq!(inbox.take(), Work::Stop);
    }
}
