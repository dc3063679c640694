//! When to compile: a single change at once, a burst in few pieces that grow.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// After a first change, for those that come with it: a Service and its EndpointSlice, say.
const SETTLE: Duration = Duration::from_millis(1);

/// So many changes within [`DENSE`] begin a burst; once they take [`SPARSE`] it has ended.
const BURST: usize = 10;
const DENSE: Duration = Duration::from_millis(100);
const SPARSE: Duration = Duration::from_millis(200);

/// During a burst, the longest time from the first change that waits to its run.
const MAX_WINDOW: Duration = Duration::from_millis(200);

/// During a burst, a pause after which nothing more is waited for.
const PAUSE: Duration = Duration::from_millis(50);

/// The times of changes, as far as they matter.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Of the last changes, oldest first; no more than [`BURST`].
    recent: VecDeque<Instant>,
    /// Of the first change that waits.
    waiting_since: Option<Instant>,
    /// From the first change that waits to its run; twice as long with each run of a burst.
    window: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { recent: VecDeque::new(), waiting_since: None, window: SETTLE }
    }
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
        if self.span().is_none_or(|span| span >= SPARSE) {
            self.window = SETTLE;
        }
    }

    /// When what waits is due. `None`: nothing waits.
    pub(crate) fn due(&self) -> Option<Instant> {
        let (since, latest) = (self.waiting_since?, *self.recent.back()?);
        Some((since + self.window).min(latest + PAUSE))
    }

    /// What waited was taken.
    pub(crate) fn taken(&mut self) {
        if self.waiting_since.take().is_some() && self.span().is_some_and(|span| span <= DENSE) {
            self.window = self.window.saturating_mul(2).min(MAX_WINDOW);
        }
    }

    /// The time that the last [`BURST`] changes took.
    fn span(&self) -> Option<Duration> {
        let first = self.recent.front().filter(|_| self.recent.len() == BURST)?;
        self.recent.back().map(|latest| latest.duration_since(*first))
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
        for (spacing, most) in [(1, 24), (3, 35), (5, 45), (7, 55)] {
            let runs = compiled_at((0..1_000).map(|index| index * spacing));
            assert!(runs.len() <= most, "one each {spacing} ms: {} runs: {runs:?}", runs.len());
        }
    }

    #[test]
    fn a_burst_whose_changes_come_unevenly_costs_few_runs_too() {
        // 1,000 in 7.4 s, in clumps with pauses of up to 45 ms between them.
        let gaps = [1, 1, 3, 22, 2, 1, 45, 1, 1, 2, 1, 8].into_iter().cycle();
        let changes = gaps.scan(0, |at, gap| {
            *at += gap;
            Some(*at)
        });
        let runs = compiled_at(changes.take(1_000));
        assert!(runs.len() <= 60, "{} runs: {runs:?}", runs.len());
    }

    #[test]
    fn the_first_changes_of_a_burst_wait_for_no_others_and_none_waits_longer_than_the_longest_window() {
        let runs = compiled_at(0..1_000);
        assert_eq!(runs[..5], [1, 2, 3, 4, 5]);
        assert!(runs.windows(2).all(|pair| pair[1] - pair[0] <= 201), "{runs:?}");
    }

    #[test]
    fn the_last_change_of_a_burst_waits_no_longer_than_a_pause() {
        assert!(compiled_at(0..1_000).last().unwrap() - 999 <= 50);
    }

    #[test]
    fn after_a_burst_a_single_change_is_compiled_within_milliseconds_again() {
        let runs = compiled_at((0..1_000).chain([1_200, 1_500]));
        assert_eq!(runs[runs.len() - 2..], [1_201, 1_501]);
    }

    #[test]
    fn changes_that_each_wait_for_the_one_before_are_no_burst() {
        // Forty a second, two of them close together now and then.
        let runs = compiled_at((0..200).map(|index| index * 25 - if index % 5 == 4 { 22 } else { 0 }));
        let last = runs.iter().rev().take(2).collect::<Vec<_>>();
        assert_eq!(last, [&4_954, &4_951]);
        assert_eq!(runs.len(), 200);
    }
}
