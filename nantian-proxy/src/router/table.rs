//! From a snapshot to tables, and from its change to changes of them.

use std::sync::Arc;

use nantian_ir::{
    BindAddress, HostnameMatch, Keyed, Listener, ListenerKey, ResourceChange, ResourceMap, RouteRule, RuleKey,
};

use super::condition::{CompiledMatch, Place, Refusal, Request};
use super::host::HostTable;
use super::paths::PathTable;
use super::pattern::{Patterns, Used};
use super::{RefusedRule, Router};
use crate::hash::Map;
use crate::shards::Shards;
use crate::slots::{Numbers, Slots};

/// Listeners by bind address and hostname, by their numbers.
pub(super) type Binds = Map<BindAddress, HostTable<usize>>;

/// The rules of one listener.
#[derive(Debug, Clone)]
pub(super) struct ListenerTable {
    pub(super) key: ListenerKey,
    /// Number of the listener.
    pub(super) slot: usize,
    pub(super) hosts: HostTable<PathTable>,
}

impl ListenerTable {
    /// The strongest match that holds, and the hostname that it was found by.
    pub(super) fn find<'t>(
        &'t self,
        host: &str,
        request: &Request<'_>,
    ) -> Option<(&'t HostnameMatch, &'t CompiledMatch)> {
        self.hosts.covering(host).find_map(|(hostname, paths)| Some((hostname, paths.find(request)?)))
    }
}

/// The tables of all listeners: of those of the snapshot, and of others that rules are attached to, which nothing leads to.
#[derive(Debug, Clone, Default)]
pub(super) struct ListenerTables {
    tables: Slots<ListenerTable>,
    numbers: Numbers,
    by_key: Shards<Arc<ListenerKey>, usize>,
}

impl ListenerTables {
    pub(super) fn get(&self, slot: usize) -> Option<&ListenerTable> {
        self.tables.get(slot).map(Arc::as_ref)
    }

    #[cfg(test)]
    pub(super) fn slots(&self) -> &Slots<ListenerTable> {
        &self.tables
    }

    pub(super) fn slot(&self, key: &ListenerKey) -> Option<usize> {
        self.by_key.get(key).copied()
    }

    /// The number of a listener, which gets a table if it has none.
    fn slot_or_new(&mut self, key: &ListenerKey) -> usize {
        self.slot(key).unwrap_or_else(|| {
            let slot = self.numbers.take();
            let table = ListenerTable { key: key.clone(), slot, hosts: HostTable::default() };
            self.tables.set(slot, Some(Arc::new(table)));
            self.by_key.change_or_insert(key, || (Arc::new(key.clone()), slot), |_| {});
            slot
        })
    }

    fn change(&mut self, slot: usize, change: impl FnOnce(&mut HostTable<PathTable>)) {
        if let Some(table) = self.tables.get_mut(slot) {
            change(&mut table.hosts);
        }
    }

    /// Takes out the table of a listener that is in no snapshot and has no rules.
    fn remove_if_unused(&mut self, key: &ListenerKey, listeners: &ResourceMap<Listener>) {
        let Some(slot) = self.slot(key) else { return };
        if !listeners.contains_key(key) && self.get(slot).is_some_and(|table| table.hosts.is_empty()) {
            self.tables.set(slot, None);
            self.numbers.give_back(slot);
            self.by_key.change_or_remove(key, |_| true);
        }
    }
}

/// A rule with its matches; without any if it is refused.
#[derive(Debug)]
pub(super) struct CompiledRule {
    source: Arc<RouteRule>,
    pub(super) slot: usize,
    pub(super) matches: Box<[Arc<CompiledMatch>]>,
    patterns: Box<[Box<str>]>,
}

impl Keyed for CompiledRule {
    type Key = RuleKey;

    fn key(&self) -> &RuleKey {
        &self.source.key
    }
}

impl CompiledRule {
    /// The hostnames of the listeners that the rule is attached to, each once.
    fn hosts(&self) -> Vec<(&ListenerKey, &HostnameMatch)> {
        let attached = self.source.attachments.iter();
        let mut hosts: Vec<_> = attached.flat_map(|it| it.hostnames.iter().map(|name| (&it.listener, name))).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    }

    fn placed(&self) -> impl Iterator<Item = (Place<'_>, &Arc<CompiledMatch>)> {
        self.matches.iter().filter_map(|compiled| Some((Place::of(compiled.source()?), compiled)))
    }
}

impl Router {
    /// Takes over what changed of the listeners: where each is found. Rules stay with their listener.
    pub(super) fn change_listeners(&mut self, now: &ResourceMap<Listener>, changes: &[ResourceChange<'_, Listener>]) {
        if changes.is_empty() {
            return;
        }
        for change in changes {
            match change {
                ResourceChange::Removed(old) => self.tables.remove_if_unused(&old.key, now),
                ResourceChange::Added(new) => _ = self.tables.slot_or_new(&new.key),
                ResourceChange::Changed { .. } => {}
            }
        }
        let mut binds = Binds::default();
        for listener in now.values().filter(|listener| listener.protocol.has_requests()) {
            let Some(slot) = self.tables.slot(&listener.key) else { continue };
            // Listeners with the same bind address and hostname are conflicted and never in a snapshot together; were
            // they, the first has the hostname.
            binds.entry(listener.bind).or_default().change_or_insert(&listener.hostname, || slot, |_| {});
        }
        self.binds = Arc::new(binds);
        self.listeners = now.clone();
    }

    /// Takes over what changed of the rules.
    pub(super) fn change_rules(&mut self, changes: &[ResourceChange<'_, RouteRule>]) {
        // What goes makes room first, so that numbers stay few.
        for change in changes {
            if let ResourceChange::Removed(old) = change
                && let Some(slot) = self.remove(&old.key)
            {
                self.numbers.give_back(slot);
            }
        }
        for change in changes {
            match change {
                ResourceChange::Removed(_) => {}
                ResourceChange::Added(new) => {
                    let slot = self.numbers.take();
                    self.insert(new, slot);
                }
                ResourceChange::Changed { old, new } => {
                    let slot = self.remove(&old.key).unwrap_or_else(|| self.numbers.take());
                    self.insert(new, slot);
                }
            }
        }
    }

    fn insert(&mut self, source: &Arc<RouteRule>, slot: usize) {
        let rule = match compile(source, slot, &mut self.patterns) {
            Ok(rule) => rule,
            Err(Refusal(message)) => {
                let refused = RefusedRule { key: source.key.clone(), message };
                let place = self.refused.partition_point(|other| other.key < refused.key);
                self.refused.insert(place, refused);
                CompiledRule { source: Arc::clone(source), slot, matches: Box::default(), patterns: Box::default() }
            }
        };
        for (listener, hostname) in rule.hosts() {
            let table = self.tables.slot_or_new(listener);
            self.tables.change(table, |hosts| {
                let insert = |paths: &mut PathTable| {
                    rule.placed().for_each(|(place, compiled)| paths.insert(&place, compiled));
                };
                hosts.change_or_insert(hostname, PathTable::default, insert);
            });
        }
        self.rules.insert(rule);
    }

    /// Gives the number that the rule had.
    fn remove(&mut self, key: &RuleKey) -> Option<usize> {
        let rule = self.rules.remove(key)?;
        for (listener, hostname) in rule.hosts() {
            let Some(table) = self.tables.slot(listener) else { continue };
            self.tables.change(table, |hosts| {
                hosts.change_or_remove(hostname, |paths| {
                    rule.placed().for_each(|(place, compiled)| paths.remove(&place, compiled));
                    paths.is_empty()
                });
            });
            self.tables.remove_if_unused(listener, &self.listeners);
        }
        self.patterns.release_all(&rule.patterns);
        if let Ok(place) = self.refused.binary_search_by(|refused| refused.key.cmp(key)) {
            self.refused.remove(place);
        }
        Some(rule.slot)
    }
}

/// All matches of a rule, or none.
fn compile(source: &Arc<RouteRule>, slot: usize, patterns: &mut Patterns) -> Result<CompiledRule, Refusal> {
    let mut used = Used::new(patterns);
    let one = |(position, rule_match)| CompiledMatch::new(source, slot, position, rule_match, &mut used).map(Arc::new);
    let matches: Result<_, Refusal> = source.matches.iter().enumerate().map(one).collect();
    let texts = used.into_texts();
    match matches {
        Ok(matches) => Ok(CompiledRule { source: Arc::clone(source), slot, matches, patterns: texts }),
        Err(refusal) => {
            patterns.release_all(&texts);
            Err(refusal)
        }
    }
}
