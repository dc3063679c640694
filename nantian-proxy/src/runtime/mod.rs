//! What a snapshot is compiled to: everything that a request would otherwise have to parse, look up by name or build.
//!
//! A [`Runtime`] is immutable and shared by all workers. What counts or remembers lives on each worker
//! ([`request::Worker`](crate::request::Worker)), in tables keyed by the ids of rules and backends. A rule or backend that
//! did not change keeps its id from one runtime to the next, and with it its counters.

mod backend;
mod change;
mod rule;
mod secured;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;

use nantian_ir::{BackendKey, CertificateKey, ListenerKey, ListenerProtocol, RuleKey, Snapshot};

use crate::router::Router;
use crate::shards::Shards;
use crate::slots::Slots;

pub(crate) use backend::{Backend, Backends};
pub(crate) use rule::{Destination, MirrorTarget, Rule, Target};
pub(crate) use secured::{Security, authorities};

/// What the engine serves. Listeners of other protocols are refused: tell the compiler
/// (`nantian_ir::compile::Options::protocols`), so that their statuses say so.
pub const PROTOCOLS: [ListenerProtocol; 2] = [ListenerProtocol::Http, ListenerProtocol::Https];

/// A compiled snapshot.
#[derive(Debug, Default)]
pub struct Runtime {
    parts: Parts,
    /// Where the parts go when nobody has the runtime any more.
    reclaim: Option<Sender<Parts>>,
}

/// What a runtime is made of. A clone shares everything; what a change of it does not meet stays shared.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    snapshot: Arc<Snapshot>,
    router: Router,
    /// By the router's numbers.
    rules: Slots<Rule>,
    backends: Backends,
    /// The numbers of the rules that name a backend, be it there or not.
    users: Shards<BackendKey, Vec<usize>>,
    refused: Refusals,
}

/// What is refused of what is there, in the order of keys.
#[derive(Debug, Clone, Default)]
struct Refusals {
    backends: BTreeMap<BackendKey, Vec<String>>,
    rules: BTreeMap<RuleKey, Vec<String>>,
    /// All that is refused.
    all: Vec<Refused>,
}

/// What can be refused. It prints as its kind and key, for example `rule HTTPRoute/ns/name/0`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Part {
    /// A backend.
    Backend(BackendKey),
    /// A certificate.
    Certificate(CertificateKey),
    /// A listener.
    Listener(ListenerKey),
    /// A rule of an HTTPRoute or GRPCRoute.
    Rule(RuleKey),
    /// Not a resource: everything, by an engine that serves nothing more.
    Engine,
    /// Not a resource: everything, on one worker.
    Worker(usize),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backend(key) => write!(f, "backend {key}"),
            Self::Certificate(key) => write!(f, "certificate {key}"),
            Self::Listener(key) => write!(f, "listener {key}"),
            Self::Rule(key) => write!(f, "rule {key}"),
            Self::Engine => f.write_str("engine"),
            Self::Worker(index) => write!(f, "worker {index}"),
        }
    }
}

/// A part of a snapshot that cannot be served as it stands; everything else is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which part.
    pub part: Part,
    /// What is wrong, and what is done instead.
    pub message: String,
}

/// The identity of a rule or backend, for tables of counters. Unique in the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Id(u64);

impl Id {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Runtime {
    /// Compiles `snapshot`. Rules and backends that did not change since `previous` are shared with it.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "the runtime keeps it")]
    pub fn build(snapshot: Arc<Snapshot>, previous: Option<&Self>) -> Self {
        let (parts, reclaim) = match previous {
            Some(previous) => (previous.parts.following(&snapshot), previous.reclaim.clone()),
            None => (Parts::default().following(&snapshot), None),
        };
        Self { parts, reclaim }
    }

    /// A runtime that serves nothing. When nobody has it any more, nor one that was built from it, what it was made of
    /// goes to `reclaim`: freeing thousands of rules takes longer than a worker may be away from its requests.
    pub(crate) fn reclaimed_by(reclaim: Sender<Parts>) -> Self {
        Self { parts: Parts::default(), reclaim: Some(reclaim) }
    }

    /// The snapshot that this was compiled from.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.parts.snapshot
    }

    /// The router of its listeners and rules.
    pub fn router(&self) -> &Router {
        &self.parts.router
    }

    /// What cannot be served as it stands.
    pub fn refused(&self) -> &[Refused] {
        &self.parts.refused.all
    }

    /// By the router's numbers.
    pub(crate) fn rules(&self) -> &Slots<Rule> {
        &self.parts.rules
    }

    pub(crate) fn backends(&self) -> &Backends {
        &self.parts.backends
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(reclaim) = &self.reclaim {
            // Whoever would take them has ended with the process, or with the engine: then they are freed here.
            let _ = reclaim.send(std::mem::take(&mut self.parts));
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
