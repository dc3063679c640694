//! What was said a short time ago.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long something is not said again: as long as an API server keeps Events, unless it is told otherwise.
const QUIET: Duration = Duration::from_secs(60 * 60);

/// Texts that are remembered. While so many are, nothing new is said.
const MAX_REMEMBERED: usize = 10_000;

/// Names of Events, with the time at which each was said last.
#[derive(Debug, Default)]
pub(super) struct Recent(BTreeMap<String, Instant>);

impl Recent {
    /// Whether this was not said for a while; it is from now on.
    pub(super) fn is_new(&mut self, name: &str, now: Instant) -> bool {
        let is_quiet = |said: &Instant| now.saturating_duration_since(*said) < QUIET;
        if self.0.get(name).is_some_and(is_quiet) {
            return false;
        }
        if self.0.len() >= MAX_REMEMBERED {
            self.0.retain(|_, said| is_quiet(said));
        }
        let has_room = self.0.len() < MAX_REMEMBERED;
        if has_room {
            self.0.insert(name.to_owned(), now);
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_said_once_an_hour() {
        let (mut recent, now) = (Recent::default(), Instant::now());
        assert!(recent.is_new("a", now) && recent.is_new("b", now));
        assert!(!recent.is_new("a", now + QUIET.saturating_sub(Duration::from_secs(1))));
        assert!(recent.is_new("a", now + QUIET));
        assert!(!recent.is_new("a", now + QUIET));
    }

    #[test]
    fn of_too_much_at_once_the_rest_is_not_said() {
        let (mut recent, now) = (Recent::default(), Instant::now());
        let new = (0..MAX_REMEMBERED + 10).filter(|index| recent.is_new(&index.to_string(), now)).count();
        assert_eq!(new, MAX_REMEMBERED);
        assert!(recent.is_new("later", now + QUIET));
    }
}
