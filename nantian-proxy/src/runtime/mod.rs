//! What a snapshot is compiled to: everything that a request would otherwise have to parse, look up by name or build.
//!
//! A [`Runtime`] is immutable and shared by all workers. What counts or remembers lives on each worker
//! ([`request::Worker`](crate::request::Worker)), in tables keyed by the ids of rules and backends. A rule or backend that
//! did not change keeps its id from one runtime to the next, and with it its counters.

mod backend;
mod rule;
mod secured;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nantian_ir::{BackendKey, ListenerProtocol, Snapshot};

use crate::router::Router;

pub(crate) use backend::Backend;
pub(crate) use rule::{Destination, MirrorTarget, Rule, Target};
pub(crate) use secured::{Security, authorities};

/// What the engine serves. Listeners of other protocols are refused: tell the compiler
/// (`nantian_ir::compile::Options::protocols`), so that their statuses say so.
pub const PROTOCOLS: [ListenerProtocol; 2] = [ListenerProtocol::Http, ListenerProtocol::Https];

/// A compiled snapshot.
#[derive(Debug)]
pub struct Runtime {
    snapshot: Arc<Snapshot>,
    router: Router,
    /// In the order of `snapshot.rules`, as the router's indexes say.
    rules: Vec<Arc<Rule>>,
    backends: BTreeMap<BackendKey, Arc<Backend>>,
    refused: Vec<Refused>,
}

/// A part of a snapshot that cannot be served as it stands; everything else is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The resource's kind and key, for example `rule HTTPRoute/ns/name/0`.
    pub resource: String,
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
    pub fn build(snapshot: Arc<Snapshot>, previous: Option<&Self>) -> Self {
        let router = Router::new(&snapshot);
        let mut refused: Vec<Refused> = router
            .refused()
            .iter()
            .map(|rule| Refused { resource: format!("rule {}", rule.key), message: rule.message.clone() })
            .collect();
        refused.extend(snapshot.listeners.values().filter(|listener| !PROTOCOLS.contains(&listener.protocol)).map(
            |listener| Refused {
                resource: format!("listener {}", listener.key),
                message: format!("the protocol {} is not served yet: its socket is not opened", listener.protocol),
            },
        ));
        let mut backends = BTreeMap::new();
        for (key, source) in &snapshot.backends {
            let kept = previous.and_then(|previous| previous.backends.get(key));
            let mut refuse = |message| refused.push(Refused { resource: format!("backend {key}"), message });
            let built = Backend::build(source, &snapshot, snapshot.endpoints.get(key), kept, &mut refuse);
            backends.insert(key.clone(), built);
        }
        let rules = snapshot
            .rules
            .values()
            .map(|rule| {
                let kept = previous.and_then(|previous| previous.rule_of(rule));
                Rule::build(rule, kept, &backends, &mut |message| {
                    refused.push(Refused { resource: format!("rule {}", rule.key), message });
                })
            })
            .collect();
        Self { snapshot, router, rules, backends, refused }
    }

    /// The snapshot that this was compiled from.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The router of its listeners and rules.
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// What cannot be served as it stands.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }

    pub(crate) fn rule(&self, index: usize) -> Option<&Arc<Rule>> {
        self.rules.get(index)
    }

    pub(crate) fn backend(&self, key: &BackendKey) -> Option<&Arc<Backend>> {
        self.backends.get(key)
    }

    pub(crate) fn backends(&self) -> impl Iterator<Item = &Arc<Backend>> {
        self.backends.values()
    }

    /// The identities of all rules, in their order.
    pub(crate) fn rule_ids(&self) -> impl ExactSizeIterator<Item = Id> {
        self.rules.iter().map(|rule| rule.id)
    }

    fn rule_of(&self, rule: &nantian_ir::RouteRule) -> Option<&Arc<Rule>> {
        let index = self.rules.binary_search_by(|kept| kept.source.key.cmp(&rule.key)).ok()?;
        self.rules.get(index)
    }
}

#[cfg(test)]
pub(crate) mod tests;
