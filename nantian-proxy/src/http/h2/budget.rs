//! How much of what costs its sender little and us much a peer may send.
//!
//! Frames of such kinds (resets, PING, SETTINGS, empty DATA and so on) draw on a budget per kind. A budget is full again
//! after each window of time, and useful traffic gives back what goes with it: a request brings its PRIORITY, an answer
//! its `WINDOW_UPDATEs`. Whoever spends a budget gets GOAWAY with `ENHANCE_YOUR_CALM` (RFC 9113 section 10.5), and
//! nothing that he sends after that is looked at.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use super::connection::Role;
use crate::http::interim::MAX_INTERIM;

/// `WINDOW_UPDATE` frames that one DATA frame may bring: one for its stream and one for the connection, twice over.
const UPDATES_FOR_DATA: u32 = 4;
/// A stream may begin with more room than the connection's default.
const UPDATES_FOR_HEADERS: u32 = 2;
/// Heads of interim answers that one request may bring, see [`InterimBudget`](crate::http::interim::InterimBudget); and
/// the head of its final answer.
const HEADS_FOR_REQUEST: u32 = MAX_INTERIM + 1;
/// Frames that may be saved up where one request or one DATA frame brings several.
const MOST_SAVED: u32 = 65_536;

/// What somebody sent too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flood {
    /// `RST_STREAM` (CVE-2023-44487).
    Resets,
    /// Frames that made us reset streams (CVE-2025-8671).
    ProvokedResets,
    /// DATA without data and without an end (CVE-2019-9518).
    EmptyData,
    /// SETTINGS (CVE-2019-9515).
    Settings,
    /// PING (CVE-2019-9512).
    Pings,
    /// `WINDOW_UPDATE`.
    WindowUpdates,
    /// PRIORITY (CVE-2019-9513), GOAWAY, and frames of unknown types.
    Other,
    /// HEADERS of interim answers, from a backend.
    Interim,
}

impl Flood {
    /// All kinds that clients send.
    pub const OF_CLIENTS: [Self; 7] = [
        Self::Resets,
        Self::ProvokedResets,
        Self::EmptyData,
        Self::Settings,
        Self::Pings,
        Self::WindowUpdates,
        Self::Other,
    ];

    /// As metrics name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resets => "resets",
            Self::ProvokedResets => "provoked_resets",
            Self::EmptyData => "empty_data",
            Self::Settings => "settings",
            Self::Pings => "pings",
            Self::WindowUpdates => "window_updates",
            Self::Other => "other_frames",
            Self::Interim => "interim_answers",
        }
    }
}

impl fmt::Display for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Interim answers come from backends alone.
const KINDS: usize = Flood::OF_CLIENTS.len() + 1;

/// The budgets of one connection. Knows neither a socket nor a clock.
#[derive(Debug)]
pub(crate) struct Budgets {
    /// Which end we are: the peer is the other one.
    role: Role,
    left: [u32; KINDS],
    budget: u32,
    window: Duration,
    window_began: Option<Instant>,
}

impl Budgets {
    /// `budget` frames of each kind in each `window`.
    pub(crate) fn new(role: Role, budget: u32, window: Duration) -> Self {
        Self { role, left: [budget; KINDS], budget, window, window_began: None }
    }

    /// Takes one of a kind; an error if there is none left.
    pub(crate) fn take(&mut self, kind: Flood, now: Instant) -> Result<(), Flood> {
        let began = *self.window_began.get_or_insert(now);
        if now.duration_since(began) >= self.window {
            self.window_began = Some(now);
            self.left.iter_mut().for_each(|left| *left = (*left).max(self.budget));
        }
        let Some(left) = self.left.get_mut(kind as usize) else { return Ok(()) };
        *left = left.checked_sub(1).ok_or(kind)?;
        Ok(())
    }

    /// A message began. `whole`: it has no more than its head.
    pub(crate) fn received_head(&mut self, whole: bool, now: Instant) -> Result<(), Flood> {
        match self.role {
            Role::Server => self.asked(),
            Role::Client if !whole => self.take(Flood::Interim, now)?,
            Role::Client => {}
        }
        Ok(())
    }

    /// A request was sent. A backend may reset each one, and answer each badly: it harms no other with that.
    pub(crate) fn sent_request(&mut self) {
        self.asked();
        self.ended();
        self.give(Flood::Interim, HEADS_FOR_REQUEST, MOST_SAVED);
    }

    /// A request brings its PRIORITY, and updates of its window.
    fn asked(&mut self) {
        self.give(Flood::Other, 1, self.budget);
        self.give(Flood::WindowUpdates, UPDATES_FOR_HEADERS, MOST_SAVED);
    }

    /// DATA that carries data. A backend that measures the line asks with a PING.
    pub(crate) fn received_data(&mut self) {
        self.give(Flood::EmptyData, 1, self.budget);
        if self.role == Role::Client {
            self.give(Flood::Pings, 1, self.budget);
        }
    }

    /// Who measures the line asks with a PING when data arrives.
    pub(crate) fn sent_data(&mut self) {
        self.give(Flood::Pings, 1, self.budget);
        self.give(Flood::WindowUpdates, UPDATES_FOR_DATA, MOST_SAVED);
    }

    /// A message of ours is complete.
    pub(crate) fn sent_end(&mut self) {
        if self.role == Role::Server {
            self.ended();
        }
    }

    fn ended(&mut self) {
        self.give(Flood::Resets, 1, self.budget);
        self.give(Flood::ProvokedResets, 1, self.budget);
    }

    fn give(&mut self, kind: Flood, count: u32, most: u32) {
        if let Some(left) = self.left.get_mut(kind as usize)
            && *left < most
        {
            *left = left.saturating_add(count).min(most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);

    fn taken(budgets: &mut Budgets, kind: Flood, now: Instant) -> usize {
        (0..1_000).take_while(|_| budgets.take(kind, now).is_ok()).count()
    }

    #[test]
    fn each_kind_has_a_budget_of_its_own() {
        let (mut budgets, now) = (Budgets::new(Role::Server, 100, WINDOW), Instant::now());
        for kind in Flood::OF_CLIENTS {
            assert_eq!((taken(&mut budgets, kind, now), budgets.take(kind, now)), (100, Err(kind)));
        }
    }

    #[test]
    fn each_kind_has_the_name_that_metrics_give_it() {
        let names: Vec<String> = Flood::OF_CLIENTS.iter().map(Flood::to_string).collect();
        let spelt = "resets provoked_resets empty_data settings pings window_updates other_frames";
        assert_eq!(names.join(" "), spelt);
        assert_eq!(Flood::Interim.to_string(), "interim_answers");
    }

    #[test]
    fn only_heads_that_are_no_whole_answer_count_against_a_backend_and_only_its_data_brings_pings() {
        let (mut backend, now) = (Budgets::new(Role::Client, 100, WINDOW), Instant::now());
        for _ in 0..1_000 {
            backend.received_head(true, now).unwrap();
        }
        for _ in 0..100 {
            backend.received_head(false, now).unwrap();
        }
        assert_eq!(backend.received_head(false, now), Err(Flood::Interim));
        let mut client = Budgets::new(Role::Server, 100, WINDOW);
        for budgets in [&mut backend, &mut client] {
            assert_eq!(taken(budgets, Flood::Pings, now), 100);
            budgets.received_data();
        }
        assert_eq!((taken(&mut backend, Flood::Pings, now), taken(&mut client, Flood::Pings, now)), (1, 0));
    }

    #[test]
    fn a_budget_is_full_again_after_its_window() {
        let (mut budgets, start) = (Budgets::new(Role::Server, 100, WINDOW), Instant::now());
        for window in 0..5 {
            assert_eq!(taken(&mut budgets, Flood::Pings, start + WINDOW * window), 100);
        }
        let before_the_next = start + WINDOW * 5 - Duration::from_millis(1);
        assert_eq!(budgets.take(Flood::Pings, before_the_next), Err(Flood::Pings));
    }

    #[test]
    fn useful_traffic_gives_back_what_goes_with_it() {
        let (mut budgets, now) = (Budgets::new(Role::Server, 100, WINDOW), Instant::now());
        for _ in 0..1_000 {
            budgets.received_head(true, now).unwrap();
            budgets.take(Flood::Other, now).unwrap();
            budgets.received_data();
            budgets.take(Flood::EmptyData, now).unwrap();
            budgets.sent_data();
            budgets.take(Flood::Pings, now).unwrap();
            for _ in 0..6 {
                budgets.take(Flood::WindowUpdates, now).unwrap();
            }
            budgets.sent_end();
            budgets.take(Flood::Resets, now).unwrap();
            budgets.take(Flood::ProvokedResets, now).unwrap();
        }
        assert_eq!(budgets.take(Flood::Settings, now), Ok(()));
    }

    #[test]
    fn only_window_updates_can_be_saved_up() {
        let (mut budgets, now) = (Budgets::new(Role::Server, 100, WINDOW), Instant::now());
        for _ in 0..100_000 {
            budgets.received_head(true, now).unwrap();
            budgets.sent_end();
        }
        assert_eq!(taken(&mut budgets, Flood::Resets, now), 100);
        assert_eq!(taken(&mut budgets, Flood::WindowUpdates, now), 1_000);
    }
}
