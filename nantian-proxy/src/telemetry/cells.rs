//! The numbers themselves. A counter in a worker's shard is written by that worker alone: a relaxed load and store, no
//! locked instruction, and no cache line that another core writes. Scrapes only read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A number with one writer.
#[derive(Debug, Default)]
pub(crate) struct Owned(AtomicU64);

impl Owned {
    /// Adds; only the owner of the shard may call this.
    pub(crate) fn add(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    /// Takes away; only the owner of the shard may call this.
    pub(crate) fn sub(&self, n: u64) {
        self.add(n.wrapping_neg());
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number with several writers, for what happens per connection or per configuration, not per request.
#[derive(Debug, Default)]
pub(crate) struct SharedCount(AtomicU64);

impl SharedCount {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn sub(&self, n: u64) {
        self.0.fetch_sub(n, Ordering::Relaxed);
    }

    /// Adds one, unless that would exceed `limit`; says whether it did.
    pub(crate) fn add_up_to(&self, limit: u64) -> bool {
        let more = |now: u64| (now < limit).then_some(now.wrapping_add(1));
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper bounds of histogram buckets, in microseconds, with the label that each has; a last bucket is unbounded.
pub(crate) const BUCKETS: [(u64, &str); 15] = [
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

/// A histogram of durations with one writer.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: [Owned; BUCKETS.len() + 1],
    sum_micros: Owned,
}

impl Histogram {
    pub(crate) fn observe(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let index = BUCKETS.partition_point(|(bound, _)| *bound < micros);
        if let Some(bucket) = self.buckets.get(index) {
            bucket.add(1);
        }
        self.sum_micros.add(micros);
    }

    /// Adds what this histogram holds to `total`.
    pub(crate) fn add_to(&self, total: &mut HistogramTotal) {
        for (sum, bucket) in total.buckets.iter_mut().zip(&self.buckets) {
            *sum = sum.wrapping_add(bucket.get());
        }
        total.sum_micros = total.sum_micros.wrapping_add(self.sum_micros.get());
    }
}

/// Histograms of several shards, added up.
#[derive(Debug, Default, Clone)]
pub(crate) struct HistogramTotal {
    pub(crate) buckets: [u64; BUCKETS.len() + 1],
    pub(crate) sum_micros: u64,
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
        let mut total = HistogramTotal::default();
        histogram.add_to(&mut total);
        assert_eq!(total.buckets[0], 2);
        assert_eq!(total.buckets[1], 1);
        assert_eq!(total.buckets[14], 1);
        assert_eq!(total.buckets[15], 1);
        assert_eq!(total.sum_micros, 60_001_002);
    }
}
