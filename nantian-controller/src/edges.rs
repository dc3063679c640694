//! Which route sends where.

use nantian_ir::{BackendKey, Filter, RouteKey, RouteRule, Snapshot, Target};

/// Which route sends to which backend, mirrors included.
pub(crate) fn edges(snapshot: &Snapshot) -> impl Iterator<Item = (&RouteKey, &BackendKey)> {
    let requests = snapshot.rules.values().flat_map(|rule| {
        let targets = rule.targets.iter().filter_map(|target| backend_of(&target.target));
        targets.chain(mirrors(rule)).map(|backend| (&rule.key.route, backend))
    });
    let streams = snapshot.stream_rules.values().flat_map(|rule| {
        let targets = rule.targets.iter().filter_map(|target| backend_of(&target.target));
        targets.map(|backend| (&rule.key.route, backend))
    });
    requests.chain(streams)
}

fn backend_of(target: &Target) -> Option<&BackendKey> {
    match target {
        Target::Backend(key) => Some(key),
        Target::Refused(_) => None,
    }
}

fn mirrors(rule: &RouteRule) -> impl Iterator<Item = &BackendKey> {
    let filters = rule.filters.iter().chain(rule.targets.iter().flat_map(|target| &target.filters));
    filters.filter_map(|filter| match filter {
        Filter::RequestMirror(mirror) => Some(&mirror.backend),
        _ => None,
    })
}
