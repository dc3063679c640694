//! Durations, counted by how long they are.

use std::time::Duration;

/// Upper bounds of histogram buckets, in microseconds, with the label that each has; a last bucket is unbounded.
pub const BUCKETS: [(u64, &str); 15] = [
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

/// The bucket that a duration counts in, and the duration in microseconds.
pub fn bucket_of(duration: Duration) -> (usize, u64) {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    (BUCKETS.partition_point(|(bound, _)| *bound < micros), micros)
}

/// Durations that were counted.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Durations {
    /// How many there are in each bucket alone; the last is the unbounded one.
    pub buckets: [u64; BUCKETS.len() + 1],
    /// Their sum, in microseconds.
    pub sum_micros: u64,
}

impl Durations {
    /// Counts one.
    pub fn observe(&mut self, duration: Duration) {
        let (index, micros) = bucket_of(duration);
        if let Some(bucket) = self.buckets.get_mut(index) {
            *bucket = bucket.wrapping_add(1);
        }
        self.sum_micros = self.sum_micros.wrapping_add(micros);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_the_first_bucket_that_holds_it() {
        let mut durations = Durations::default();
        for micros in [0, 500, 501, 30_000_000, 30_000_001] {
            durations.observe(Duration::from_micros(micros));
        }
        assert_eq!(durations.buckets, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(durations.sum_micros, 60_001_002);
    }
}
