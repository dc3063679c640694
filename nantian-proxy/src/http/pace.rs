//! How slow a body may be: a rule about bytes and time, which knows no clock.

use std::time::Duration;

use tokio::time::Instant;

/// Counts the time that we wait for a peer, and the bytes that come of it. Each time limit's worth of waiting must bring a
/// least number of bytes; time in which nobody waits for the peer does not count, so whoever has nothing to say to us or
/// to hear from us is never slow.
#[derive(Debug)]
pub(crate) struct Pace {
    limit: Duration,
    least: u64,
    since: Option<Instant>,
    waited: Duration,
    moved: u64,
}

impl Pace {
    /// `least` bytes in each `limit` of waiting.
    pub(crate) fn new(limit: Duration, least: u64) -> Self {
        Self { limit, least, since: None, waited: Duration::ZERO, moved: 0 }
    }

    /// Asks for no more than a sign of life in each `limit`.
    pub(crate) fn relax(&mut self, limit: Duration) {
        (self.limit, self.least) = (limit, 1);
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.since.is_some()
    }

    /// Begins to wait, if that has not begun.
    pub(crate) fn wait(&mut self, now: Instant) {
        self.since.get_or_insert(now);
    }

    /// Ends a wait.
    pub(crate) fn resume(&mut self, now: Instant) {
        if let Some(since) = self.since.take() {
            self.waited = self.waited.saturating_add(now.duration_since(since));
        }
    }

    /// Gives a wait up that nobody is interested in any more.
    pub(crate) fn forget(&mut self) {
        *self = Self::new(self.limit, self.least);
    }

    pub(crate) fn moved(&mut self, bytes: usize) {
        self.moved = self.moved.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if self.moved >= self.least {
            (self.waited, self.moved) = (Duration::ZERO, 0);
        }
    }

    /// Waits on after `bytes` came of the wait so far, or begins to wait.
    pub(crate) fn go_on(&mut self, bytes: usize, now: Instant) {
        if bytes > 0 {
            self.resume(now);
            self.moved(bytes);
        }
        self.wait(now);
    }

    /// When the wait that goes on is too long; `None` if nobody waits.
    pub(crate) fn ends_at(&self) -> Option<Instant> {
        self.since?.checked_add(self.limit.saturating_sub(self.waited))
    }
}

#[cfg(test)]
mod tests;
