//! The most specific of several host names, found by hashing: exact, then the longest wildcard, then the catch-all.

use std::collections::HashMap;

use nantian_ir::HostnameMatch;

/// Values by host name.
#[derive(Debug)]
pub(crate) struct Names<T> {
    exact: HashMap<String, T>,
    wildcard: HashMap<String, T>,
    any: Option<T>,
}

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self { exact: HashMap::new(), wildcard: HashMap::new(), any: None }
    }
}

impl<T> Names<T> {
    /// Adds a value. Of two with one name the first stays: the compiler has refused the other (`HostnameConflict`).
    pub(crate) fn insert(&mut self, name: &HostnameMatch, value: T) {
        match name {
            HostnameMatch::Exact(name) => {
                self.exact.entry(name.as_str().to_owned()).or_insert(value);
            }
            HostnameMatch::Wildcard(suffix) => {
                self.wildcard.entry(suffix.as_str().to_owned()).or_insert(value);
            }
            HostnameMatch::Any => {
                self.any.get_or_insert(value);
            }
        }
    }

    /// The value of the most specific name that serves `host` (lower case); without a host, of the catch-all.
    pub(crate) fn find(&self, host: Option<&str>) -> Option<&T> {
        let Some(host) = host else { return self.any.as_ref() };
        if let Some(value) = self.exact.get(host) {
            return Some(value);
        }
        let mut rest = host;
        while let Some((_, suffix)) = rest.split_once('.') {
            if let Some(value) = self.wildcard.get(suffix) {
                return Some(value);
            }
            rest = suffix;
        }
        self.any.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gateway API `Listener.hostname`: the most specific listener of a port answers the server name.
    #[test]
    fn the_most_specific_name_wins() {
        let mut names = Names::default();
        for name in ["*", "*.example.com", "*.b.example.com", "a.example.com"] {
            names.insert(&HostnameMatch::parse(name).expect("a name"), name);
        }
        for (host, expected) in [
            (Some("a.example.com"), "a.example.com"),
            (Some("c.example.com"), "*.example.com"),
            (Some("c.d.example.com"), "*.example.com"),
            (Some("c.b.example.com"), "*.b.example.com"),
            (Some("b.example.com"), "*.example.com"),
            (Some("example.com"), "*"),
            (None, "*"),
        ] {
            assert_eq!(names.find(host), Some(&expected), "{host:?}");
        }
        assert_eq!(Names::<()>::default().find(Some("a.com")), None);
    }
}
