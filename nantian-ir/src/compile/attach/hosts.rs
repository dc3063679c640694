//! A map by host that finds those of intersecting hosts without looking at all of them.

use std::collections::BTreeMap;

use crate::name::HostnameMatch;

/// Values by host. Keys are the labels from the right (`com.example.`), then `=` for the name itself or `*` for what is below
/// it, so that everything below a name is one range.
pub(crate) struct Hosts<V> {
    by_key: BTreeMap<String, V>,
}

impl<V> Default for Hosts<V> {
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

impl<V> Hosts<V> {
    /// The value of a host, which is made if there is none.
    pub(crate) fn or_insert_with(&mut self, host: &HostnameMatch, make: impl FnOnce() -> V) -> &mut V {
        self.by_key.entry(key(host)).or_insert_with(make)
    }

    /// Changes the value of a host, if there is one, and takes it out if it is not to be kept.
    pub(crate) fn retain(&mut self, host: &HostnameMatch, keep: impl FnOnce(&mut V) -> bool) {
        let key = key(host);
        if self.by_key.get_mut(&key).is_some_and(|value| !keep(value)) {
            self.by_key.remove(&key);
        }
    }

    /// Looks at the values of the hosts that serve some of the same names as `host`, until there is an answer.
    pub(crate) fn find_map<'s, T>(
        &'s self,
        host: &HostnameMatch,
        mut look: impl FnMut(&'s V) -> Option<T>,
    ) -> Option<T> {
        let labels = match host {
            HostnameMatch::Any => return self.by_key.values().find_map(look),
            HostnameMatch::Exact(name) | HostnameMatch::Wildcard(name) => reversed(name.as_str()),
        };
        let above = || labels.match_indices('.').map(|(end, _)| labels.get(..=end).unwrap_or_default());
        // A wildcard stands for one label or more: that of `example.com` serves names below it, and not itself.
        let is_exact = matches!(host, HostnameMatch::Exact(_));
        let wildcards = above().filter(|name| !is_exact || *name != labels).map(|name| format!("{name}*"));
        let covering = std::iter::once("*".to_owned()).chain(wildcards);
        let found = covering.filter_map(|key| self.by_key.get(&key)).find_map(&mut look);
        if is_exact {
            return found.or_else(|| self.by_key.get(&key(host)).and_then(look));
        }
        let itself = [format!("{labels}="), format!("{labels}*")];
        let below = self.by_key.range(labels.clone()..).take_while(|(key, _)| key.starts_with(&labels));
        found.or_else(|| below.filter(|(key, _)| !itself.contains(key)).map(|(_, value)| value).find_map(look))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

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
        fn the_intersecting_hosts_are_found_and_no_others(held in prop::collection::vec(host(), 0..6), wanted in host()) {
            let mut hosts = Hosts::default();
            for host in &held {
                hosts.or_insert_with(host, || host);
            }
            let expected: HashSet<_> = held.iter().filter(|host| host.intersect(&wanted).is_some()).collect();
            let mut found = Vec::new();
            let none = hosts.find_map(&wanted, |host| {
                found.push(*host);
                None::<()>
            });
            prop_assert!(none.is_none());
            prop_assert_eq!(found.len(), expected.len(), "each once");
            prop_assert_eq!(found.into_iter().collect::<HashSet<_>>(), expected);
        }
    }
}
