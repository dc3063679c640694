//! What a snapshot is compiled to: everything that a request would otherwise have to parse, look up by name or build.
//!
//! A [`Runtime`] is immutable and shared by all workers. What counts or remembers lives on each worker
//! ([`request::Worker`](crate::request::Worker)), in tables that a runtime's dense indexes point into.

mod listeners;

use std::sync::Arc;

use nantian_ir::{BindAddress, Listener, Snapshot};

use listeners::Listeners;

/// A compiled snapshot.
#[derive(Debug)]
pub struct Runtime {
    snapshot: Arc<Snapshot>,
    listeners: Listeners,
    refused: Vec<Refused>,
}

/// A part of a snapshot that cannot be served as it stands; everything else is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The resource's key, as text.
    pub resource: String,
    /// What is wrong, and what is done instead.
    pub message: String,
}

impl Runtime {
    /// Compiles `snapshot`. What did not change since `previous` is shared with it.
    pub fn build(snapshot: Arc<Snapshot>, previous: Option<&Self>) -> Self {
        let _ = previous;
        let listeners = Listeners::new(&snapshot);
        Self { snapshot, listeners, refused: Vec::new() }
    }

    /// The snapshot that this was compiled from.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// What cannot be served as it stands.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    /// The listener on `bind` that serves `host` (lower case, no port): the one with the most specific hostname
    /// (Gateway API `Listener.hostname`).
    pub fn listener(&self, bind: BindAddress, host: &str) -> Option<&Arc<Listener>> {
        self.listeners.find(bind, host)
    }
}
