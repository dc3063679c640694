//! The numbers themselves. All of them have several writers; none is on the way of a request of a data plane's client.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A number that goes up, or is set.
#[derive(Debug, Default)]
pub(super) struct Number(AtomicU64);

impl Number {
    pub(super) fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper bounds of histogram buckets, in microseconds, with the label that each has; a last bucket is unbounded.
pub(super) const BUCKETS: [(u64, &str); 15] = [
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (5_000_000, "5"),
    (10_000_000, "10"),
    (30_000_000, "30"),
];

/// A histogram of durations.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: [Number; BUCKETS.len() + 1],
    sum_micros: AtomicU64,
}

impl Histogram {
    pub(super) fn observe(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let index = BUCKETS.partition_point(|(bound, _)| *bound < micros);
        if let Some(bucket) = self.buckets.get(index) {
            bucket.increment();
        }
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// How many observations each bucket alone has; the last is the unbounded one.
    pub(super) fn buckets(&self) -> impl Iterator<Item = u64> {
        self.buckets.iter().map(Number::get)
    }

    pub(super) fn sum_micros(&self) -> u64 {
        self.sum_micros.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_the_first_bucket_that_holds_it() {
        let histogram = Histogram::default();
        for micros in [0, 500, 501, 30_000_000, 30_000_001] {
            histogram.observe(Duration::from_micros(micros));
        }
        let buckets: Vec<u64> = histogram.buckets().collect();
        assert_eq!(buckets, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(histogram.sum_micros(), 60_001_002);
    }
}
