//! The numbers themselves. A counter in a worker's shard is written by that worker alone: a relaxed load and store, no
//! locked instruction, and no cache line that another core writes. Scrapes only read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nantian_metrics::{BUCKETS, Durations, bucket_of};

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

/// A histogram of durations with one writer.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: [Owned; BUCKETS.len() + 1],
    sum_micros: Owned,
}

impl Histogram {
    pub(crate) fn observe(&self, duration: Duration) {
        let (index, micros) = bucket_of(duration);
        if let Some(bucket) = self.buckets.get(index) {
            bucket.add(1);
        }
        self.sum_micros.add(micros);
    }

    /// Adds what this histogram holds to `total`.
    pub(crate) fn add_to(&self, total: &mut Durations) {
        for (sum, bucket) in total.buckets.iter_mut().zip(&self.buckets) {
            *sum = sum.wrapping_add(bucket.get());
        }
        total.sum_micros = total.sum_micros.wrapping_add(self.sum_micros.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn histograms_of_several_shards_add_up() {
        let shards = [Histogram::default(), Histogram::default()];
        let mut expected = Durations::default();
        for (micros, shard) in [0, 500, 501, 30_000_001].into_iter().zip(shards.iter().cycle()) {
            shard.observe(Duration::from_micros(micros));
            expected.observe(Duration::from_micros(micros));
        }
        let mut total = Durations::default();
        for shard in &shards {
            shard.add_to(&mut total);
        }
        assert_eq!(total, expected);
    }
}
