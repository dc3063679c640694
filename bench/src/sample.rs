//! What was measured, and its medians.

use crate::peer::Peer;

/// One proxy in one round of one cell.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// The cell's place in its part.
    pub(crate) cell: usize,
    /// Which round.
    pub(crate) round: usize,
    /// Who.
    pub(crate) peer: Peer,
    /// CPU time of the proxy in the unit of the job.
    pub(crate) cpu: f64,
    /// Percentiles 50, 99 and 99.9 of the requests' durations, in µs.
    pub(crate) durations: [f64; 3],
    /// Requests in a second.
    pub(crate) rate: f64,
}

/// Least, median and most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    /// Least.
    pub(crate) min: f64,
    /// Median.
    pub(crate) median: f64,
    /// Most.
    pub(crate) max: f64,
}

impl Spread {
    /// Of some values; zeros if there are none.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(0.0);
        let last = sorted.len().saturating_sub(1);
        let median = f64::midpoint(at(last / 2), at(last.div_ceil(2)));
        Self { min: at(0), median, max: at(last) }
    }
}

/// The value below which `per_mille` of 1,000 values are (nearest rank).
pub(crate) fn percentile(sorted: &[u64], per_mille: usize) -> f64 {
    let rank = (sorted.len() * per_mille).div_ceil(1_000).max(1);
    sorted.get(rank - 1).map_or(0.0, |value| float(*value))
}

/// As a float. Exact for what is measured here: far below 2^53.
pub(crate) fn float(value: u64) -> f64 {
    // Halves of 32 bits convert without loss.
    let (high, low) = (value >> 32, value & u64::from(u32::MAX));
    let half = |part: u64| f64::from(u32::try_from(part).unwrap_or(u32::MAX));
    half(high) * 4_294_967_296.0 + half(low)
}

#[cfg(test)]
mod tests {
    use super::{Spread, float, percentile};

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        assert_eq!(Spread::of([4.0, 1.0, 3.0, 2.0]), Spread { min: 1.0, median: 2.5, max: 4.0 });
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Spread { min: 1.0, median: 2.0, max: 3.0 });
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let values: Vec<u64> = (1..=200).collect();
        assert!((percentile(&values, 500) - 100.0).abs() < f64::EPSILON);
        assert!((percentile(&values, 990) - 198.0).abs() < f64::EPSILON);
        assert!((float(5_000_000_000) - 5e9).abs() < f64::EPSILON);
    }
}
