//! How fast requests to a backend may be reset.
//!
//! Clients that reset their requests make us reset those that we sent on for them. A backend cannot tell clients apart,
//! takes us for the one that attacks it (CVE-2023-44487), and ends the connection of all. So resets have a pace, the
//! generic cell rate algorithm (ITU-T I.371): a few at once, then one in each interval. An answer that came to its end
//! gives one back: that is what honest traffic is made of, and what servers count as well.

use std::time::Duration;

use tokio::time::Instant;

/// The pace of one connection. Knows no clock.
#[derive(Debug)]
pub(crate) struct ResetPace {
    /// Time in which all that may be sent at once, but one, comes back.
    tolerance: Duration,
    interval: Duration,
    /// When all is given back.
    full_at: Option<Instant>,
}

impl ResetPace {
    /// `burst` at once, at least one, and a further one after each `interval`.
    pub(crate) fn new(burst: u32, interval: Duration) -> Self {
        Self { tolerance: interval.saturating_mul(burst.saturating_sub(1)), interval, full_at: None }
    }

    /// Takes one; an error says when there will be one.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let full_at = self.full_at.map_or(now, |at| at.max(now));
        let early = full_at.duration_since(now).saturating_sub(self.tolerance);
        if !early.is_zero() {
            return Err(now + early);
        }
        self.full_at = full_at.checked_add(self.interval);
        Ok(())
    }

    /// Gives one back.
    pub(crate) fn give(&mut self) {
        self.full_at = self.full_at.and_then(|at| at.checked_sub(self.interval));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(200);

    fn taken(pace: &mut ResetPace, now: Instant) -> usize {
        (0..1_000).take_while(|_| pace.take(now).is_ok()).count()
    }

    #[test]
    fn a_burst_may_be_sent_at_once_and_then_one_in_each_interval() {
        let (mut pace, start) = (ResetPace::new(20, INTERVAL), Instant::now());
        assert_eq!(taken(&mut pace, start), 20);
        assert_eq!(pace.take(start), Err(start + INTERVAL));
        for number in 1..10 {
            assert_eq!(taken(&mut pace, start + INTERVAL * number), 1);
        }
        assert_eq!(taken(&mut pace, start + INTERVAL * 1_000), 20);
    }

    #[test]
    fn what_is_given_back_may_be_sent_again_and_is_not_saved_up() {
        let (mut pace, start) = (ResetPace::new(20, INTERVAL), Instant::now());
        assert_eq!(taken(&mut pace, start), 20);
        (0..5).for_each(|_| pace.give());
        assert_eq!(taken(&mut pace, start), 5);
        (0..1_000).for_each(|_| pace.give());
        assert_eq!(taken(&mut pace, start), 20);
    }

    #[test]
    fn there_is_always_one_and_no_interval_is_no_pace() {
        assert_eq!(taken(&mut ResetPace::new(0, INTERVAL), Instant::now()), 1);
        assert_eq!(taken(&mut ResetPace::new(1, Duration::ZERO), Instant::now()), 1_000);
    }
}
