//! Which objects are to be looked at, and when: each waits once, is looked at once at a time, and not too often.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use nantian_ir::ObjectRef;

use crate::rate::Rate;

/// Between two writes to one object. A Gateway counts its routes: a thousand new ones in a second are ten writes.
const INTERVAL: Duration = Duration::from_millis(100);

/// Waits after writes that failed.
const FIRST_RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// How long is waited where there is nothing to wait for.
pub(crate) const LONG: Duration = Duration::from_secs(3_600);

/// What is known of an object that was written to, or failed to be.
#[derive(Debug, Clone, Copy, Default)]
struct History {
    /// Not before then.
    not_before: Option<Instant>,
    failures: u32,
}

/// The objects that wait.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    ready: VecDeque<ObjectRef>,
    later: BTreeSet<(Instant, ObjectRef)>,
    /// Those in one of the two, with the time of those in the second.
    waiting: BTreeMap<ObjectRef, Option<Instant>>,
    in_work: BTreeSet<ObjectRef>,
    /// Those that have to be looked at again once they are not in work.
    again: BTreeSet<ObjectRef>,
    histories: BTreeMap<ObjectRef, History>,
}

impl Queue {
    /// The object is to be looked at, as soon as it may be.
    pub(crate) fn add(&mut self, id: ObjectRef, now: Instant) {
        let not_before = self.histories.get(&id).and_then(|history| history.not_before);
        self.add_at(id, not_before.unwrap_or(now), now);
    }

    /// The object is to be looked at, but not before `at`.
    pub(crate) fn add_at(&mut self, id: ObjectRef, at: Instant, now: Instant) {
        if self.in_work.contains(&id) {
            self.again.insert(id);
            return;
        }
        match self.waiting.get(&id) {
            None => {}
            Some(Some(later)) if at < *later => _ = self.later.remove(&(*later, id.clone())),
            Some(_) => return,
        }
        let later = Some(at).filter(|at| *at > now);
        self.waiting.insert(id.clone(), later);
        match later {
            Some(at) => _ = self.later.insert((at, id)),
            None => self.ready.push_back(id),
        }
    }

    /// The next object. It is in work until it is [`done`](Self::done) or [`failed`](Self::failed).
    pub(crate) fn next(&mut self, now: Instant) -> Option<ObjectRef> {
        while let Some((at, _)) = self.later.first() {
            if *at > now {
                break;
            }
            self.ready.extend(self.later.pop_first().map(|(_, id)| id));
        }
        let id = self.ready.pop_front()?;
        self.waiting.remove(&id);
        self.in_work.insert(id.clone());
        Some(id)
    }

    /// The next object, if it may be written to now; else how long until one may. Who does not write after all
    /// [gives the turn back](Rate::give_back).
    pub(crate) fn next_turn(&mut self, rate: &mut Rate, now: Instant) -> Result<ObjectRef, Duration> {
        if !self.is_ready(now) {
            return Err(self.next_due().map_or(LONG, |due| due.saturating_duration_since(now)));
        }
        rate.take(now)?;
        self.next(now).ok_or(LONG)
    }

    /// When the next object is due, if none is ready.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.later.first().map(|(at, _)| *at)
    }

    /// How many wait.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether one is ready.
    pub(crate) fn is_ready(&self, now: Instant) -> bool {
        !self.ready.is_empty() || self.next_due().is_some_and(|at| at <= now)
    }

    /// Nothing had to be written.
    pub(crate) fn settled(&mut self, id: &ObjectRef, now: Instant) {
        self.in_work.remove(id);
        if self.again.remove(id) {
            self.add(id.clone(), now);
        }
    }

    /// It was written.
    pub(crate) fn written(&mut self, id: &ObjectRef, now: Instant) {
        self.histories.retain(|_, history| history.failures > 0 || history.not_before > Some(now));
        self.histories.insert(id.clone(), History { not_before: Some(now + INTERVAL), failures: 0 });
        self.settled(id, now);
    }

    /// It could not be written: it is tried again, later each time.
    pub(crate) fn failed(&mut self, id: &ObjectRef, now: Instant) {
        let history = self.histories.entry(id.clone()).or_default();
        let wait = FIRST_RETRY.saturating_mul(1 << history.failures.min(10)).min(LAST_RETRY);
        history.failures = history.failures.saturating_add(1);
        history.not_before = Some(now + wait);
        self.again.insert(id.clone());
        self.settled(id, now);
    }

    /// It is no more.
    pub(crate) fn gone(&mut self, id: &ObjectRef) {
        self.in_work.remove(id);
        self.again.remove(id);
        self.histories.remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> ObjectRef {
        ObjectRef { group: "g".into(), kind: "K".into(), namespace: "n".into(), name: name.into() }
    }

    #[test]
    fn an_object_waits_once_and_is_looked_at_once_at_a_time() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        for _ in 0..3 {
            queue.add(id("a"), now);
        }
        queue.add(id("b"), now);
        assert_eq!(queue.next(now), Some(id("a")));
        queue.add(id("a"), now);
        assert_eq!(queue.next(now), Some(id("b")));
        assert_eq!(queue.next(now), None, "it is in work");
        queue.settled(&id("a"), now);
        assert_eq!(queue.next(now), Some(id("a")), "it has changed meanwhile");
        queue.settled(&id("a"), now);
        assert_eq!(queue.next(now), None);
    }

    #[test]
    fn writes_to_one_object_keep_their_distance_and_others_do_not_wait_for_it() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        let mut writes = 0;
        for millisecond in 0..1_000 {
            let now = now + Duration::from_millis(millisecond);
            queue.add(id("gateway"), now);
            while let Some(next) = queue.next(now) {
                writes += 1;
                queue.written(&next, now);
            }
        }
        assert_eq!(writes, 10);
        let end = now + Duration::from_secs(1);
        queue.add(id("other"), end);
        assert!(queue.is_ready(end));
    }

    #[test]
    fn what_was_put_off_is_looked_at_as_soon_as_there_is_a_reason() {
        let (mut queue, now) = (Queue::default(), Instant::now());
        queue.add_at(id("a"), now + Duration::from_secs(1), now);
        assert_eq!(queue.next(now), None);
        queue.add(id("a"), now);
        assert_eq!((queue.next(now), queue.next_due()), (Some(id("a")), None));
    }

    #[test]
    fn what_failed_is_tried_again_later_each_time() {
        let (mut queue, mut now) = (Queue::default(), Instant::now());
        queue.add(id("a"), now);
        let mut waits = Vec::new();
        for _ in 0..12 {
            let next = queue.next(now).unwrap();
            queue.failed(&next, now);
            assert_eq!(queue.next(now), None);
            let due = queue.next_due().unwrap();
            waits.push(due - now);
            now = due;
        }
        assert_eq!((waits[0], waits[1], waits[11]), (FIRST_RETRY, FIRST_RETRY * 2, LAST_RETRY));
        let next = queue.next(now).unwrap();
        queue.gone(&next);
        assert_eq!((queue.next(now), queue.next_due()), (None, None));
    }
}
