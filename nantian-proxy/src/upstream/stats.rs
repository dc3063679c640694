//! Counts of one worker's connections to a backend; scrapes read them from other threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::SendErrorKind;

/// Counts of one worker's connections to a backend. They change when connections do, not with each request.
#[derive(Debug, Default)]
pub struct ConnectionStats {
    active: AtomicU64,
    total: AtomicU64,
    connect_errors: AtomicU64,
    connect_timeouts: AtomicU64,
    tls_errors: AtomicU64,
    full: AtomicU64,
    closed: AtomicU64,
    protocol_errors: AtomicU64,
    resets: AtomicU64,
    io_errors: AtomicU64,
    floods: AtomicU64,
    resets_sent: AtomicU64,
    resets_held: AtomicU64,
}

impl ConnectionStats {
    /// Connections that are open.
    pub fn active(&self) -> u64 {
        self.active.load(Relaxed)
    }

    /// Connections that were ever opened.
    pub fn total(&self) -> u64 {
        self.total.load(Relaxed)
    }

    /// Failures by their reason, see [`SendErrorKind::reason`]; and `flood` for connections that brought too many HTTP/2
    /// frames of one kind.
    pub fn errors(&self) -> [(&'static str, u64); 9] {
        [
            ("connect", self.connect_errors.load(Relaxed)),
            ("connect_timeout", self.connect_timeouts.load(Relaxed)),
            ("tls", self.tls_errors.load(Relaxed)),
            ("full", self.full.load(Relaxed)),
            ("closed", self.closed.load(Relaxed)),
            ("protocol", self.protocol_errors.load(Relaxed)),
            ("reset", self.resets.load(Relaxed)),
            ("io", self.io_errors.load(Relaxed)),
            ("flood", self.floods.load(Relaxed)),
        ]
    }

    /// Requests that were given up on HTTP/2 connections: `reset`, and `held` for those whose reset had to wait.
    pub fn abandoned(&self) -> [(&'static str, u64); 2] {
        [("reset", self.resets_sent.load(Relaxed)), ("held", self.resets_held.load(Relaxed))]
    }

    pub(crate) fn failed(&self, kind: &SendErrorKind) {
        let count = match kind {
            SendErrorKind::Connect(_) => &self.connect_errors,
            SendErrorKind::ConnectTimeout => &self.connect_timeouts,
            SendErrorKind::Tls(_) => &self.tls_errors,
            SendErrorKind::Full => &self.full,
            SendErrorKind::Closed => &self.closed,
            SendErrorKind::Protocol(_) => &self.protocol_errors,
            SendErrorKind::Refused | SendErrorKind::Reset(_) => &self.resets,
            SendErrorKind::Io(_) => &self.io_errors,
            // The client's fault.
            SendErrorKind::RequestBody(_) => return,
        };
        count.fetch_add(1, Relaxed);
    }
}

/// Counts a connection as long as it lives.
#[derive(Debug)]
pub(crate) struct Counted(Option<Arc<ConnectionStats>>);

impl Counted {
    pub(crate) fn new(stats: Option<&Arc<ConnectionStats>>) -> Self {
        if let Some(stats) = stats {
            stats.active.fetch_add(1, Relaxed);
            stats.total.fetch_add(1, Relaxed);
        }
        Self(stats.cloned())
    }

    /// Counts requests on it that were given up.
    pub(crate) fn cancelled(&self, reset: u64, held: u64) {
        if let Some(stats) = &self.0 {
            stats.resets_sent.fetch_add(reset, Relaxed);
            stats.resets_held.fetch_add(held, Relaxed);
        }
    }

    /// Counts that it brought too many HTTP/2 frames of one kind.
    pub(crate) fn flooded(&self) {
        if let Some(stats) = &self.0 {
            stats.floods.fetch_add(1, Relaxed);
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(stats) = &self.0 {
            stats.active.fetch_sub(1, Relaxed);
        }
    }
}
