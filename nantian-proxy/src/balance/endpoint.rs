//! Which endpoint of a backend gets a request.

use std::cell::Cell;

use super::random::Random;
use crate::request::Balance;

/// The index of an endpoint among `count`, or `None` if all are in `skip` (endpoints that this request failed on).
/// `load` tells how many requests an endpoint has in flight.
pub(crate) fn choose(
    balance: Balance,
    count: usize,
    cursor: &Cell<usize>,
    load: impl Fn(usize) -> u32,
    skip: &[usize],
    random: &Random,
) -> Option<usize> {
    match balance {
        Balance::RoundRobin => next_in_turn(count, cursor, skip),
        Balance::LeastRequest => {
            let first = nth_usable(count, skip, random)?;
            let second = nth_usable(count, skip, random)?;
            Some(if load(second) < load(first) { second } else { first })
        }
    }
}

fn next_in_turn(count: usize, cursor: &Cell<usize>, skip: &[usize]) -> Option<usize> {
    let start = cursor.get();
    let index = (0..count).map(|step| start.wrapping_add(step) % count).find(|index| !skip.contains(index))?;
    cursor.set((index + 1) % count);
    Some(index)
}

fn nth_usable(count: usize, skip: &[usize], random: &Random) -> Option<usize> {
    let start = random.below(count);
    (0..count).map(|step| (start + step) % count).find(|index| !skip.contains(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(count: usize, cursor: &Cell<usize>, skip: &[usize]) -> Option<usize> {
        choose(Balance::RoundRobin, count, cursor, |_| 0, skip, &Random::new(1))
    }

    #[test]
    fn round_robin_visits_every_endpoint_in_turn() {
        let cursor = Cell::new(usize::MAX);
        let visited: Vec<_> = (0..6).map(|_| turn(3, &cursor, &[]).unwrap()).collect();
        assert_eq!(visited, [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn an_endpoint_that_failed_is_skipped_until_none_is_left() {
        let cursor = Cell::new(0);
        assert_eq!(turn(3, &cursor, &[0]), Some(1));
        assert_eq!(turn(3, &cursor, &[0, 2]), Some(1));
        assert_eq!(turn(3, &cursor, &[0, 1, 2]), None);
        assert_eq!(turn(0, &cursor, &[]), None);
        let random = Random::new(3);
        assert_eq!(choose(Balance::LeastRequest, 3, &cursor, |_| 0, &[0, 2], &random), Some(1));
        assert_eq!(choose(Balance::LeastRequest, 0, &cursor, |_| 0, &[], &random), None);
    }

    /// Two choices (Mitzenmacher 2001): seeded simulation in which requests never end; loads stay nearly even.
    #[test]
    fn the_least_loaded_of_two_keeps_loads_even() {
        let random = Random::new(42);
        let loads = [const { Cell::new(0_u32) }; 10];
        for _ in 0..10_000 {
            let chosen = choose(Balance::LeastRequest, 10, &Cell::new(0), |i| loads[i].get(), &[], &random).unwrap();
            loads[chosen].set(loads[chosen].get() + 1);
        }
        assert!(loads.iter().all(|load| load.get().abs_diff(1000) < 10), "{loads:?}");
    }
}
