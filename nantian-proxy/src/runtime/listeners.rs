//! Listeners by bind address, most specific hostname first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use nantian_ir::{BindAddress, HostnameMatch, Listener, Snapshot};

/// Listeners of all bind addresses.
#[derive(Debug, Default)]
pub(super) struct Listeners(BTreeMap<BindAddress, OneBind>);

/// Listeners that share a socket. Exact names are hashed, wildcards are found by walking up the labels: the cost does
/// not grow with the number of listeners.
#[derive(Debug, Default)]
struct OneBind {
    exact: HashMap<String, Arc<Listener>>,
    wildcard: HashMap<String, Arc<Listener>>,
    any: Option<Arc<Listener>>,
}

impl Listeners {
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        let mut binds = BTreeMap::<BindAddress, OneBind>::new();
        for listener in snapshot.listeners.values() {
            let bind = binds.entry(listener.bind).or_default();
            // Of two listeners with one hostname the compiler has refused all but the first (`HostnameConflict`).
            match &listener.hostname {
                HostnameMatch::Exact(name) => {
                    bind.exact.entry(name.as_str().to_owned()).or_insert_with(|| Arc::clone(listener));
                }
                HostnameMatch::Wildcard(suffix) => {
                    bind.wildcard.entry(suffix.as_str().to_owned()).or_insert_with(|| Arc::clone(listener));
                }
                HostnameMatch::Any => {
                    bind.any.get_or_insert_with(|| Arc::clone(listener));
                }
            }
        }
        Self(binds)
    }

    pub(super) fn find(&self, bind: BindAddress, host: &str) -> Option<&Arc<Listener>> {
        let bind = self.0.get(&bind)?;
        if let Some(listener) = bind.exact.get(host) {
            return Some(listener);
        }
        let mut rest = host;
        while let Some((label, suffix)) = rest.split_once('.') {
            // A wildcard stands for at least one label, never for an empty one.
            if !(label.is_empty() && rest.len() == host.len())
                && let Some(listener) = bind.wildcard.get(suffix)
            {
                return Some(listener);
            }
            rest = suffix;
        }
        bind.any.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use nantian_ir::{ListenerKey, ListenerProtocol};

    use super::*;

    fn listeners(hosts: &[&str]) -> Listeners {
        let mut snapshot = Snapshot::default();
        for host in hosts {
            let key = ListenerKey { namespace: "ns".into(), gateway: "gw".into(), listener: (*host).into() };
            let listener = Listener {
                key: key.clone(),
                bind: BindAddress { address: None, port: 80 },
                public_port: 80,
                protocol: ListenerProtocol::Http,
                hostname: HostnameMatch::parse(host).expect("a hostname"),
                tls: None,
            };
            snapshot.listeners.insert(key, Arc::new(listener));
        }
        Listeners::new(&snapshot)
    }

    /// Gateway API `Listener.hostname`: "a request for foo.example.com SHOULD only be routed using routes attached to
    /// the foo.example.com Listener (and not the *.example.com Listener)".
    #[test]
    fn the_most_specific_listener_gets_the_request() {
        let listeners = listeners(&["a.example.com", "*.example.com", "*.b.example.com", "*"]);
        let bind = BindAddress { address: None, port: 80 };
        let found = |host: &str| listeners.find(bind, host).map(|l| l.key.listener.clone());
        assert_eq!(found("a.example.com").as_deref(), Some("a.example.com"));
        assert_eq!(found("c.example.com").as_deref(), Some("*.example.com"));
        assert_eq!(found("d.c.example.com").as_deref(), Some("*.example.com"));
        assert_eq!(found("d.b.example.com").as_deref(), Some("*.b.example.com"));
        assert_eq!(found("b.example.com").as_deref(), Some("*.example.com"));
        assert_eq!(found("example.com").as_deref(), Some("*"));
        assert_eq!(found(".example.com").as_deref(), Some("*"));
        assert_eq!(found("").as_deref(), Some("*"));
        assert!(listeners.find(BindAddress { address: None, port: 81 }, "a.example.com").is_none());
    }
}
