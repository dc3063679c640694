//! Hosts: normalisation, and tables in which the most specific hostname comes first.

use std::borrow::Cow;
use std::sync::Arc;

use crate::shards::Shards;
use nantian_ir::HostnameMatch;

/// The host without port, trailing dot and brackets, in lower case. Allocates only if there are upper-case letters.
pub(super) fn normalise(raw: &str) -> Cow<'_, str> {
    let plain = |byte: u8| !matches!(byte, b':' | b'[' | b'A'..=b'Z');
    if raw.bytes().all(plain) && !raw.ends_with('.') {
        return Cow::Borrowed(raw);
    }
    let host = match raw.strip_prefix('[') {
        // RFC 3986 section 3.2.2: IP-literal = "[" ( IPv6address / IPvFuture ) "]".
        Some(rest) => rest.split_once(']').map_or(raw, |(address, _)| address),
        // More than one colon without brackets is no port but a malformed address.
        None => match raw.split_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => raw,
        },
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}

/// A value with its hostname.
type Named<T> = Arc<(HostnameMatch, T)>;

/// Values by hostname. Clones share what does not change.
#[derive(Debug, Clone)]
pub(super) struct HostTable<T> {
    exact: Shards<Arc<str>, Named<T>>,
    /// By suffix, without `*.`.
    wildcard: Shards<Arc<str>, Named<T>>,
    any: Option<Named<T>>,
    /// No suffix in `wildcard` has more bytes. A host of thousands of labels is not hashed for each of them.
    longest_suffix: usize,
}

impl<T> Default for HostTable<T> {
    fn default() -> Self {
        Self { exact: Shards::default(), wildcard: Shards::default(), any: None, longest_suffix: 0 }
    }
}

impl<T: Clone> HostTable<T> {
    /// Changes the value of `hostname`, made if there is none.
    pub(super) fn change_or_insert(
        &mut self,
        hostname: &HostnameMatch,
        make: impl FnOnce() -> T,
        change: impl FnOnce(&mut T),
    ) {
        let named = || Arc::new((hostname.clone(), make()));
        let change = |named: &mut Named<T>| change(&mut Arc::make_mut(named).1);
        let (map, name) = match hostname {
            HostnameMatch::Exact(name) => (&mut self.exact, name.as_str()),
            HostnameMatch::Wildcard(suffix) => {
                self.longest_suffix = self.longest_suffix.max(suffix.as_str().len());
                (&mut self.wildcard, suffix.as_str())
            }
            HostnameMatch::Any => return change(self.any.get_or_insert_with(named)),
        };
        map.change_or_insert(name, || (name.into(), named()), change);
    }

    /// Changes the value of `hostname`, if there is one; takes it out if `change` says that nothing is left of it.
    pub(super) fn change_or_remove(&mut self, hostname: &HostnameMatch, change: impl FnOnce(&mut T) -> bool) {
        let change = |named: &mut Named<T>| change(&mut Arc::make_mut(named).1);
        let (map, name) = match hostname {
            HostnameMatch::Exact(name) => (&mut self.exact, name.as_str()),
            HostnameMatch::Wildcard(suffix) => (&mut self.wildcard, suffix.as_str()),
            HostnameMatch::Any => {
                if self.any.as_mut().is_some_and(change) {
                    self.any = None;
                }
                return;
            }
        };
        map.change_or_remove(name, change);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.wildcard.is_empty() && self.any.is_none()
    }

    /// All hostnames that cover `host`, the most specific first.
    pub(super) fn covering<'t>(&'t self, host: &str) -> impl Iterator<Item = (&'t HostnameMatch, &'t T)> {
        let exact = self.exact.get(host);
        let wildcard = Suffixes { rest: if self.wildcard.is_empty() { "" } else { host }, start: true }
            .filter(|suffix| suffix.len() <= self.longest_suffix)
            .filter_map(|suffix| self.wildcard.get(suffix));
        exact.into_iter().chain(wildcard).chain(self.any.as_ref()).map(|named| (&named.0, &named.1))
    }

    /// All values with their hostnames, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&HostnameMatch, &T)> {
        self.named().map(|named| (&named.0, &named.1))
    }

    fn named(&self) -> impl Iterator<Item = &Named<T>> {
        let maps = self.exact.iter().chain(self.wildcard.iter()).map(|(_, named)| named);
        maps.chain(self.any.as_ref())
    }

    /// The hostnames whose values another one does not have.
    #[cfg(test)]
    pub(super) fn unshared(&self, other: &Self) -> Vec<&HostnameMatch> {
        let theirs: std::collections::HashSet<_> = other.named().map(Arc::as_ptr).collect();
        self.named().filter(|named| !theirs.contains(&Arc::as_ptr(named))).map(|named| &named.0).collect()
    }
}

/// What follows each dot of a host that has something before it, the longest first: the suffixes that a wildcard can have.
struct Suffixes<'h> {
    rest: &'h str,
    start: bool,
}

impl<'h> Iterator for Suffixes<'h> {
    type Item = &'h str;

    fn next(&mut self) -> Option<&'h str> {
        loop {
            let (front, rest) = self.rest.split_once('.')?;
            let label_before = !(self.start && front.is_empty());
            self.start = false;
            self.rest = rest;
            if label_before {
                return Some(rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// HTTPRoute `hostnames`: "Implementations MUST ignore any port value specified in the HTTP Host header".
    #[test]
    fn port_case_trailing_dot_and_brackets_do_not_count() {
        for (raw, host) in [
            ("example.com", "example.com"),
            ("Example.COM:8080", "example.com"),
            ("example.com.", "example.com"),
            ("example.com.:80", "example.com"),
            ("example.com:", "example.com"),
            ("[::1]:8080", "::1"),
            ("[::1]", "::1"),
            ("[::1", "[::1"),
            ("::1", "::1"),
            ("a:b", "a:b"),
            ("", ""),
            (".", ""),
            ("192.0.2.1:80", "192.0.2.1"),
        ] {
            assert_eq!(normalise(raw), host, "{raw}");
        }
    }

    #[test]
    fn a_usual_host_is_not_copied() {
        assert!(matches!(normalise("example.com:8080"), Cow::Borrowed(_)));
    }

    /// Gateway `listeners`: exact, then wildcards with more labels, then the empty hostname.
    #[test]
    fn covering_goes_from_the_most_specific_hostname_to_the_least() {
        let mut table = HostTable::default();
        for text in ["*", "*.com", "*.a.com", "b.a.com", "a.com", "*.b.a.com"] {
            let hostname = HostnameMatch::parse(text).expect("a hostname");
            table.change_or_insert(&hostname, || text, |_| {});
        }
        let covering = |host| table.covering(host).map(|(_, text)| *text).collect::<Vec<_>>();
        assert_eq!(covering("b.a.com"), ["b.a.com", "*.a.com", "*.com", "*"]);
        assert_eq!(covering("x.y.b.a.com"), ["*.b.a.com", "*.a.com", "*.com", "*"]);
        assert_eq!(covering("a.com"), ["a.com", "*.com", "*"]);
        assert_eq!(covering(".com"), ["*"]);
        assert_eq!(covering("..com"), ["*.com", "*"]);
        assert_eq!(covering(""), ["*"]);
    }
}
