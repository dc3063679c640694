//! Turns of a writer: the objects that wait for one, and the writes that came of those that had theirs.

use std::time::{Duration, Instant};

use nantian_ir::ObjectRef;
use tokio::task::{JoinError, JoinSet};

use crate::queue::{LONG, Queue};
use crate::rate::Rate;

/// So many writes at one time, and so many a second.
pub(crate) struct Turns<W> {
    pub(crate) queue: Queue,
    rate: Rate,
    writes: JoinSet<W>,
    concurrency: usize,
}

impl<W: Send + 'static> Turns<W> {
    pub(crate) fn new(concurrency: usize, writes_per_second: u32) -> Self {
        let rate = Rate::new(writes_per_second, Instant::now());
        Self { queue: Queue::default(), rate, writes: JoinSet::new(), concurrency: concurrency.max(1) }
    }

    /// These are to be looked at, as soon as they may be.
    pub(crate) fn add(&mut self, ids: impl IntoIterator<Item = ObjectRef>) {
        let now = Instant::now();
        for id in ids {
            self.queue.add(id, now);
        }
    }

    /// The object that is to be looked at now; else how long until there may be one.
    pub(crate) fn next(&mut self, now: Instant) -> Result<ObjectRef, Duration> {
        if self.writes.len() >= self.concurrency {
            return Err(LONG);
        }
        self.queue.next_turn(&mut self.rate, now)
    }

    /// Begins the write that came of a look, if one did: else the turn is another's.
    pub(crate) fn begin(&mut self, write: Option<impl Future<Output = W> + Send + 'static>) {
        match write {
            Some(write) => _ = self.writes.spawn(write),
            None => self.rate.give_back(),
        }
    }

    /// What came of the next write that ends; `None`: there is none.
    pub(crate) async fn written(&mut self) -> Option<Result<W, JoinError>> {
        self.writes.join_next().await
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, pending};

    use super::*;

    fn ids(count: usize) -> impl Iterator<Item = ObjectRef> {
        let id = |index| ObjectRef {
            group: "g".into(),
            kind: "K".into(),
            namespace: "n".into(),
            name: format!("o{index}").into(),
        };
        (0..count).map(id)
    }

    #[tokio::test]
    async fn who_has_nothing_to_write_takes_no_turn_from_those_who_have() {
        let mut turns: Turns<()> = Turns::new(10, 1);
        turns.add(ids(5));
        for _ in 0..3 {
            let now = Instant::now();
            let id = turns.next(now).unwrap();
            turns.queue.settled(&id, now);
            turns.begin(None::<Ready<()>>);
        }
        let now = Instant::now();
        assert!(turns.next(now).is_ok());
        turns.begin(Some(async {}));
        assert!(turns.next(now).unwrap_err() <= Duration::from_secs(1), "there may be one a second");
        assert!(turns.written().await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn no_more_is_written_at_one_time_than_there_may_be() {
        let mut turns: Turns<()> = Turns::new(0, 10);
        turns.add(ids(2));
        assert!(turns.next(Instant::now()).is_ok(), "one may always");
        turns.begin(Some(pending::<()>()));
        assert_eq!(turns.next(Instant::now()), Err(LONG));
    }
}
