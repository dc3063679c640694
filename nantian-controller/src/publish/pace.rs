//! When to compile: a single change at once, a burst in few pieces.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// After a first change, for those that come with it: a Service and its EndpointSlice, say.
const SETTLE: Duration = Duration::from_millis(1);

/// So many changes within [`WINDOW`] are a burst.
const BURST: usize = 20;
const WINDOW: Duration = Duration::from_millis(200);

/// During a burst, the time from the first change that waits to its run.
const BURST_WAIT: Duration = Duration::from_millis(100);

/// The times of changes, as far as they matter.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Of the last changes, oldest first; no more than [`BURST`].
    recent: VecDeque<Instant>,
    /// Of the first change that waits.
    waiting_since: Option<Instant>,
}

impl Pace {
    /// Changes came.
    pub(crate) fn arrived(&mut self, count: usize, now: Instant) {
        self.waiting_since.get_or_insert(now);
        for _ in 0..count.min(BURST) {
            if self.recent.len() == BURST {
                self.recent.pop_front();
            }
            self.recent.push_back(now);
        }
    }

    /// When what waits is due. `None`: nothing waits.
    pub(crate) fn due(&self) -> Option<Instant> {
        let (since, latest) = (self.waiting_since?, self.recent.back()?);
        let first = self.recent.front().filter(|_| self.recent.len() == BURST);
        let is_burst = first.is_some_and(|first| latest.duration_since(*first) <= WINDOW);
        Some(since + if is_burst { BURST_WAIT } else { SETTLE })
    }

    /// What waited was taken.
    pub(crate) fn taken(&mut self) {
        self.waiting_since = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs changes at these times (ms); gives the times at which they were compiled.
    fn compiled_at(changes: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let (mut pace, mut runs) = (Pace::default(), Vec::new());
        let run = |pace: &mut Pace, until: Option<Instant>, runs: &mut Vec<u64>| {
            if let Some(due) = pace.due().filter(|due| until.is_none_or(|until| *due <= until)) {
                runs.push(u64::try_from(due.duration_since(start).as_millis()).unwrap());
                pace.taken();
            }
        };
        for change in changes {
            run(&mut pace, Some(at(change)), &mut runs);
            pace.arrived(1, at(change));
        }
        run(&mut pace, None, &mut runs);
        runs
    }

    #[test]
    fn a_single_change_is_compiled_within_milliseconds() {
        assert_eq!(compiled_at([0, 50]), [1, 51]);
        let ten_a_second: Vec<u64> = (0..50).map(|index| index * 100).collect();
        assert_eq!(compiled_at(ten_a_second.clone()).len(), ten_a_second.len());
    }

    #[test]
    fn a_thousand_changes_cost_few_runs() {
        let within_a_second = compiled_at(0..1_000);
        assert!(within_a_second.len() <= 30, "{within_a_second:?}");
        let within_five_seconds = compiled_at((0..1_000).map(|index| index * 5));
        assert!(within_five_seconds.len() <= 75, "{within_five_seconds:?}");
    }

    #[test]
    fn the_last_change_of_a_burst_does_not_wait_long() {
        assert!(compiled_at(0..1_000).last().unwrap() - 999 <= 100);
    }
}
