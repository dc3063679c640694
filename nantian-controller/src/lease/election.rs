//! Who leads: decisions alone, as client-go makes them. Clocks of different machines are not compared: a Lease has run out
//! when we have seen it unchanged for as long as it is for.

use std::time::{Duration, Instant};

/// A Lease, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    /// Who has it; empty: nobody.
    pub(super) holder: String,
    /// Changes with every renewal.
    pub(super) version: String,
    pub(super) duration: Duration,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is ours: renew it.
    Renew,
    /// It is free: take it.
    Take,
    /// It is somebody else's.
    Wait,
}

/// What one replica has seen.
#[derive(Debug)]
pub(super) struct Election {
    identity: String,
    renew_deadline: Duration,
    /// The version that was seen last, and since when.
    seen: Option<(String, Instant)>,
    /// When a Lease that is somebody else's has run out, unless it changes.
    free_at: Option<Instant>,
    /// When the last renewal began that went well.
    renewed: Option<Instant>,
}

impl Election {
    pub(super) fn new(identity: String, renew_deadline: Duration) -> Self {
        Self { identity, renew_deadline, seen: None, free_at: None, renewed: None }
    }

    /// Looks at the Lease; `None`: there is none.
    pub(super) fn look(&mut self, held: Option<&Held>, now: Instant) -> Step {
        self.free_at = None;
        let Some(held) = held else { return Step::Take };
        if self.seen.as_ref().is_none_or(|(version, _)| *version != held.version) {
            self.seen = Some((held.version.clone(), now));
        }
        if held.holder == self.identity {
            return Step::Renew;
        }
        // Whoever it is now, it is not us.
        self.renewed = None;
        let since = self.seen.as_ref().map_or(now, |(_, since)| *since);
        let free_at = since + held.duration;
        if held.holder.is_empty() || now >= free_at {
            return Step::Take;
        }
        self.free_at = Some(free_at);
        Step::Wait
    }

    /// When the Lease has run out that is somebody else's, if nothing changes.
    pub(super) fn free_at(&self) -> Option<Instant> {
        self.free_at
    }

    /// A write that began at `began` went well: it is ours.
    pub(super) fn renewed(&mut self, began: Instant) {
        self.renewed = Some(began);
    }

    /// Whether this replica led until now; from here on it does not, and each try has its whole time again.
    pub(super) fn has_run_out(&mut self, now: Instant) -> bool {
        self.renewed.take_if(|renewed| now >= *renewed + self.renew_deadline).is_some()
    }

    /// Until when this replica leads, if nothing more goes well.
    pub(super) fn leads_until(&self) -> Option<Instant> {
        self.renewed.map(|renewed| renewed + self.renew_deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(15);
    const DEADLINE: Duration = Duration::from_secs(10);

    fn held(holder: &str, version: u64) -> Held {
        Held { holder: holder.to_owned(), version: version.to_string(), duration: LEASE }
    }

    #[test]
    fn a_lease_is_taken_when_it_was_seen_unchanged_for_as_long_as_it_is_for() {
        let (mut election, start) = (Election::new("b".to_owned(), DEADLINE), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(election.look(Some(&held("a", 1)), at(0)), Step::Wait);
        assert_eq!(election.look(Some(&held("a", 2)), at(14)), Step::Wait);
        assert_eq!(election.look(Some(&held("a", 2)), at(28)), Step::Wait);
        assert_eq!(election.free_at(), Some(at(29)));
        assert_eq!(election.look(Some(&held("a", 2)), at(29)), Step::Take);
        assert_eq!(election.free_at(), None);
    }

    #[test]
    fn one_that_is_given_up_or_absent_is_taken_at_once() {
        let mut election = Election::new("b".to_owned(), DEADLINE);
        assert_eq!(election.look(Some(&held("", 1)), Instant::now()), Step::Take);
        assert_eq!(election.look(None, Instant::now()), Step::Take);
    }

    #[test]
    fn a_leader_stops_before_others_may_begin() {
        let (mut election, start) = (Election::new("a".to_owned(), DEADLINE), Instant::now());
        assert_eq!(election.leads_until(), None);
        election.renewed(start);
        assert_eq!(election.leads_until(), Some(start + DEADLINE));
        assert_eq!(election.look(Some(&held("a", 1)), start), Step::Renew);
        assert!(!election.has_run_out(start + DEADLINE.saturating_sub(Duration::from_millis(1))));
        assert!(election.has_run_out(start + DEADLINE));
        assert_eq!(election.leads_until(), None, "or no later try would have time to go well");
        election.renewed(start);
        assert!(DEADLINE < LEASE);
        // Somebody took it by force.
        assert_eq!(election.look(Some(&held("b", 2)), start), Step::Wait);
        assert_eq!(election.leads_until(), None);
    }
}
