//! From a snapshot to tables.

use nantian_ir::{BindAddress, HostnameMatch, ListenerKey, MatchRank, RouteRule, Snapshot};

use super::Router;
use super::condition::{Place, Refusal, Request};
use super::host::HostTable;
use super::paths::PathTable;
use super::pattern::Patterns;
use crate::hash::Map;

pub(super) use super::condition::CompiledMatch;

/// The rules of one listener.
#[derive(Debug)]
pub(super) struct ListenerTable {
    pub(super) key: ListenerKey,
    /// Position in `snapshot.listeners`.
    pub(super) index: usize,
    hosts: HostTable<PathTable>,
}

impl ListenerTable {
    /// The strongest match that holds, and the hostname that it was found by.
    pub(super) fn find<'m, 't: 'm>(
        &'t self,
        host: &str,
        request: &Request<'_>,
        matches: &'m [CompiledMatch],
    ) -> Option<(&'t HostnameMatch, &'m CompiledMatch)> {
        self.hosts.covering(host).find_map(|(hostname, paths)| Some((hostname, paths.find(request, matches)?)))
    }
}

/// Compiles a snapshot.
pub(super) fn build(snapshot: &Snapshot) -> Router {
    let rules: Vec<_> = snapshot.rules.values().cloned().collect();
    let mut refused = Vec::new();
    let mut ranked = Vec::new();
    let mut patterns = Patterns::default();
    for (index, rule) in rules.iter().enumerate() {
        match compile(index, rule, &mut patterns) {
            Ok(matches) => ranked.extend(matches),
            Err(refusal) => refused.push(refusal.of(rule.key.clone())),
        }
    }
    ranked.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    let (matches, places): (Vec<_>, Vec<_>) = ranked.into_iter().map(|(_, compiled, place)| (compiled, place)).unzip();

    let mut binds = Map::<BindAddress, HostTable<ListenerTable>>::default();
    for (index, listener) in snapshot.listeners.values().enumerate() {
        if !listener.protocol.has_requests() {
            continue;
        }
        // Listeners with the same bind address and hostname are conflicted and never in a snapshot together; were they,
        // the first has the hostname.
        let listener_table = || ListenerTable { key: listener.key.clone(), index, hosts: HostTable::default() };
        binds.entry(listener.bind).or_default().entry(&listener.hostname, listener_table);
    }
    let mut router = Router { binds, rules, matches, refused, patterns: patterns.len() };
    fill(&mut router, snapshot, &places);
    router
}

/// The matches of a rule with their ranks and places; all or none.
fn compile(
    index: usize,
    rule: &RouteRule,
    patterns: &mut Patterns,
) -> Result<Vec<(MatchRank, CompiledMatch, Place)>, Refusal> {
    let mut one = |(position, rule_match)| {
        let (compiled, place) = CompiledMatch::new(index, position, rule_match, patterns)?;
        Ok((MatchRank::new(rule, position, rule_match), compiled, place))
    };
    rule.matches.iter().enumerate().map(&mut one).collect()
}

/// Puts every match, the strongest first, into the tables of the listeners that its rule is attached to.
fn fill(router: &mut Router, snapshot: &Snapshot, places: &[Place]) {
    for (index, (found, place)) in router.matches.iter().zip(places).enumerate() {
        let Some(rule) = router.rules.get(found.rule) else { continue };
        for attachment in &rule.attachments {
            let Some(listener) = snapshot.listeners.get(&attachment.listener) else { continue };
            let Some(hosts) = router.binds.get_mut(&listener.bind) else { continue };
            let Some(table) = hosts.get_mut(&listener.hostname) else { continue };
            if table.key != listener.key {
                continue;
            }
            for hostname in &attachment.hostnames {
                table.hosts.entry(hostname, PathTable::default).push(place, index);
            }
        }
    }
    for table in router.binds.values_mut().flat_map(HostTable::values_mut) {
        for paths in table.hosts.values_mut() {
            paths.finish(&router.matches);
        }
    }
}
