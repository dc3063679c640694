//! A set of hosts that finds an intersecting one without looking at all of them.

use std::collections::BTreeMap;

use crate::name::HostnameMatch;

/// Hosts with who has them. Keys are the labels from the right (`com.example.`), then `=` for the name itself or `*` for
/// what is below it, so that everything below a name is one range.
pub(crate) struct Hosts<'h, Owner> {
    by_key: BTreeMap<String, (&'h HostnameMatch, Owner)>,
}

impl<Owner> Default for Hosts<'_, Owner> {
    fn default() -> Self {
        Self { by_key: BTreeMap::new() }
    }
}

fn reversed(name: &str) -> String {
    name.rsplit('.').flat_map(|label| [label, "."]).collect()
}

fn key(host: &HostnameMatch) -> String {
    match host {
        HostnameMatch::Exact(name) => format!("{}=", reversed(name.as_str())),
        HostnameMatch::Wildcard(name) => format!("{}*", reversed(name.as_str())),
        HostnameMatch::Any => "*".to_owned(),
    }
}

impl<'h, Owner: Copy> Hosts<'h, Owner> {
    /// Adds a host. The first to have it keeps it.
    pub(crate) fn insert(&mut self, host: &'h HostnameMatch, owner: Owner) {
        self.by_key.entry(key(host)).or_insert((host, owner));
    }

    /// A host of the set that serves some of the same names as `host`, with who has it.
    pub(crate) fn intersecting(&self, host: &HostnameMatch) -> Option<(&'h HostnameMatch, Owner)> {
        let labels = match host {
            HostnameMatch::Any => return self.by_key.values().next().copied(),
            HostnameMatch::Exact(name) | HostnameMatch::Wildcard(name) => reversed(name.as_str()),
        };
        let above = || labels.match_indices('.').map(|(end, _)| labels.get(..=end).unwrap_or_default());
        // A wildcard stands for one label or more: that of `example.com` serves names below it, and not itself.
        let is_exact = matches!(host, HostnameMatch::Exact(_));
        let wildcards = above().filter(|name| !is_exact || *name != labels).map(|name| format!("{name}*"));
        let found = std::iter::once("*".to_owned()).chain(wildcards).find_map(|key| self.by_key.get(&key));
        if is_exact {
            return found.or_else(|| self.by_key.get(&key(host))).copied();
        }
        let itself = format!("{labels}=");
        let below = self.by_key.range(labels.clone()..).take_while(|(key, _)| key.starts_with(&labels));
        found.or_else(|| below.filter(|(key, _)| **key != itself).map(|(_, held)| held).next()).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn host() -> impl Strategy<Value = HostnameMatch> {
        let text = prop_oneof![
            1 => Just("*".to_owned()),
            8 => (any::<bool>(), "[ab](-a)?(\\.[ab]){0,3}")
                .prop_map(|(wild, name)| if wild { format!("*.{name}") } else { name }),
        ];
        text.prop_map(|text| HostnameMatch::parse(&text).expect("a host"))
    }

    proptest! {
        #[test]
        fn an_intersecting_host_is_found_if_there_is_one(held in prop::collection::vec(host(), 0..6), wanted in host()) {
            let mut hosts = Hosts::default();
            for host in &held {
                hosts.insert(host, ());
            }
            let expected = held.iter().any(|host| host.intersect(&wanted).is_some());
            let found = hosts.intersecting(&wanted);
            prop_assert_eq!(found.is_some(), expected);
            prop_assert!(found.is_none_or(|(host, ())| host.intersect(&wanted).is_some()));
        }
    }
}
