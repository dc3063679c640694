//! Waits between tries.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Doubles the wait with every try that failed; up to a third is taken off, so that those who failed together do not come
/// back together.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// One failed: how long to wait.
    pub(crate) fn failed(&mut self) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let part = u32::try_from(RandomState::new().hash_one(0) % 1_000).unwrap_or_default();
        whole.saturating_sub(whole / 3 * part / 1_000)
    }

    /// One went well; says whether the one before it had not.
    pub(crate) fn succeeded(&mut self) -> bool {
        std::mem::take(&mut self.failures) > 0
    }

    /// Whether the next failure is the first.
    pub(crate) fn is_fresh(&self) -> bool {
        self.failures == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_begin_anew() {
        let mut backoff = Backoff::default();
        let waits: Vec<Duration> = (0..40).map(|_| backoff.failed()).collect();
        assert!(waits[0] <= FIRST && waits[3] > waits[0]);
        assert!(waits.iter().all(|wait| *wait <= LONGEST) && waits[39] >= LONGEST * 2 / 3);
        assert!(backoff.succeeded() && !backoff.succeeded());
        assert!(backoff.failed() <= FIRST);
    }
}
