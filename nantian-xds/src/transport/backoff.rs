//! How long to wait before the next try.

use std::time::Duration;

/// Exponential, with jitter, so that data planes that lost the same control plane do not come back at once.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    least: Duration,
    most: Duration,
    failures: u32,
}

impl Backoff {
    pub(super) fn new(least: Duration, most: Duration) -> Self {
        Self { least, most, failures: 0 }
    }

    /// The last try went well.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// After a try that failed: between a half and the whole of a time that doubles with each. `random` is any number.
    pub(super) fn next(&mut self, random: u64) -> Duration {
        let doubled = self.least.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        let whole = doubled.min(self.most);
        let half = whole / 2;
        let part = u32::try_from(random % 1_024).unwrap_or_default();
        half + half * part / 1_023
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_a_bound_and_varies_by_a_half() {
        let mut least = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        let mut most = least.clone();
        let millis = |backoff: &mut Backoff, random| backoff.next(random).as_millis();
        let seen: Vec<_> = (0..8).map(|_| (millis(&mut least, 0), millis(&mut most, 1_023))).collect();
        let expected = [
            (50, 100),
            (100, 200),
            (200, 400),
            (400, 800),
            (800, 1_600),
            (1_600, 3_200),
            (2_500, 5_000),
            (2_500, 5_000),
        ];
        assert_eq!(seen, expected);
        least.reset();
        assert_eq!(millis(&mut least, 1_024), 50);
    }

    #[test]
    fn it_survives_any_number_of_failures() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::MAX);
        for _ in 0..100 {
            backoff.next(u64::MAX);
        }
    }
}
