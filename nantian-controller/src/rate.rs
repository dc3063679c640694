//! How many writes there may be.

use std::time::{Duration, Instant};

/// So many a second, and as many at once as a second has.
#[derive(Debug)]
pub(crate) struct Rate {
    per_second: f64,
    available: f64,
    since: Instant,
}

impl Rate {
    pub(crate) fn new(per_second: u32, now: Instant) -> Self {
        let per_second = f64::from(per_second.max(1));
        Self { per_second, available: per_second, since: now }
    }

    /// Takes one, or says how long to wait for it.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let passed = now.saturating_duration_since(self.since).as_secs_f64();
        self.available = (self.available + passed * self.per_second).min(self.per_second);
        self.since = now;
        if self.available >= 1.0 {
            self.available -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.available) / self.per_second))
    }

    /// One that was taken was not needed.
    pub(crate) fn give_back(&mut self) {
        self.available += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_brings_so_many_and_waits_are_as_long_as_it_takes() {
        let start = Instant::now();
        let mut rate = Rate::new(10, start);
        assert_eq!((0..20).filter(|_| rate.take(start).is_ok()).count(), 10);
        let wait = rate.take(start).unwrap_err();
        assert!(wait <= Duration::from_millis(101), "{wait:?}");
        assert!(rate.take(start + wait + Duration::from_millis(1)).is_ok());
        let later = start + Duration::from_secs(3_600);
        assert_eq!((0..50).filter(|_| rate.take(later).is_ok()).count(), 10);
    }
}
