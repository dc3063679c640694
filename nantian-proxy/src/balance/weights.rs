//! Exact shares: walks that visit every residue of a cycle once, spread evenly, with one counter as their whole state.

/// A walk through `0..length` by a stride near the golden section, coprime with the length: consecutive steps are far
/// from each other, and each full cycle visits every number exactly once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cycle {
    length: u64,
    stride: u64,
}

impl Cycle {
    pub(crate) fn new(length: u64) -> Self {
        let length = length.max(1);
        // 0.618 = 1/phi; among the strides near it one is coprime within a few steps.
        let golden = u64::try_from(u128::from(length) * 618_033_989 / 1_000_000_000).unwrap_or(1).max(1);
        let stride = (golden..golden.saturating_add(length)).find(|stride| gcd(*stride, length) == 1).unwrap_or(1);
        Self { length, stride: stride % length }
    }

    /// The number at `position`, which moves on.
    pub(crate) fn next(&self, position: &mut u64) -> u64 {
        let here = *position % self.length;
        // Both are below the length; lengths are sums of u32 and far from overflow.
        *position = (here + self.stride) % self.length;
        here
    }
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Shares of several targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Weights {
    /// Running sums: target i has the numbers from `sums[i - 1]` (or 0) to `sums[i]`, exclusive.
    sums: Vec<u64>,
    cycle: Cycle,
}

impl Weights {
    pub(crate) fn new(weights: impl IntoIterator<Item = u32>) -> Self {
        let mut sum = 0_u64;
        let sums: Vec<u64> = weights
            .into_iter()
            .map(|weight| {
                sum += u64::from(weight);
                sum
            })
            .collect();
        Self { sums, cycle: Cycle::new(sum) }
    }

    /// The target for the request that finds the counter at `position`, which moves on; `None` if all weights are zero.
    /// Over each cycle (the sum of weights) every target gets exactly its weight.
    pub(crate) fn choose(&self, position: &mut u64) -> Option<usize> {
        let number = self.cycle.next(position);
        let chosen = self.sums.partition_point(|sum| *sum <= number);
        (chosen < self.sums.len()).then_some(chosen)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(weights: &[u32], start: u64, requests: u64) -> Vec<u64> {
        let compiled = Weights::new(weights.iter().copied());
        let (mut position, mut counts) = (start, vec![0; weights.len()]);
        for _ in 0..requests {
            if let Some(chosen) = compiled.choose(&mut position) {
                counts[chosen] += 1;
            }
        }
        counts
    }

    /// `BackendRef.weight`: "the proportion of requests is the weight divided by the sum of all weights".
    #[test]
    fn every_full_cycle_gives_each_target_exactly_its_weight() {
        for weights in [&[1][..], &[1, 1], &[70, 30, 0], &[90, 10], &[0, 0, 3], &[1, 2, 3, 4], &[1000, 1]] {
            let sum = weights.iter().copied().map(u64::from).sum();
            let expected: Vec<u64> = weights.iter().copied().map(u64::from).collect();
            assert_eq!(count(weights, 0, sum), expected);
            assert_eq!(count(weights, 123_456_789, sum), expected);
        }
    }

    /// "If weight is set to 0, no traffic should be forwarded for this entry."
    #[test]
    fn all_weights_zero_choose_nothing() {
        assert_eq!(Weights::new([0, 0]).choose(&mut 0), None);
        assert_eq!(Weights::new([]).choose(&mut 0), None);
    }

    #[test]
    fn the_largest_weights_do_not_overflow() {
        let weights = Weights::new([1_000_000; 16]);
        let mut position = u64::MAX;
        assert!((0..100).all(|_| weights.choose(&mut position).is_some_and(|chosen| chosen < 16)));
        let weights = Weights::new([u32::MAX; 16]);
        assert!((0..100).all(|_| weights.choose(&mut position).is_some_and(|chosen| chosen < 16)));
    }

    proptest! {
        #[test]
        fn cycles_are_exact_and_prefixes_of_them_nearly(
            weights in proptest::collection::vec(0_u32..50, 1..8), start in any::<u64>(),
        ) {
            let sum: u64 = weights.iter().copied().map(u64::from).sum();
            prop_assume!(sum > 0);
            let whole = count(&weights, start, sum);
            prop_assert_eq!(&whole, &weights.iter().copied().map(u64::from).collect::<Vec<_>>());
            // Half a cycle is within a few requests of half the share: requests are spread, not blocked.
            let half = count(&weights, start, sum / 2);
            for (weight, got) in weights.iter().zip(half) {
                prop_assert!((u64::from(*weight) / 2).abs_diff(got) <= 8, "{} {}", weight, got);
            }
        }
    }
}
