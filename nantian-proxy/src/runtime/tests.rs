use nantian_ir::{
    Age, Attachment, Backend as IrBackend, BackendKind, BackendProtocol, BindAddress, Endpoint, EndpointHost,
    EndpointSet, Filter, HostnameMatch, HttpMatch, Listener, ListenerKey, ListenerProtocol, PathMatch, RouteKey,
    RouteKind, RouteRule, RuleKey, RuleMatch, Timeouts, WeightedTarget,
};

use super::*;

pub(crate) fn backend_key(name: &str, protocol: BackendProtocol) -> BackendKey {
    BackendKey { kind: BackendKind::Service, namespace: "ns".into(), name: name.into(), port: 80, protocol }
}

pub(crate) fn listener_key(name: &str) -> ListenerKey {
    ListenerKey { namespace: "ns".into(), gateway: "gw".into(), set: None, listener: name.into() }
}

/// A snapshot under construction, for tests: one listener `http` on port 80 for every host, unless told otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Builder(pub(crate) Snapshot);

impl Builder {
    pub(crate) fn new() -> Self {
        Self(Snapshot::default()).listener("http", "*", ListenerProtocol::Http, 80)
    }

    pub(crate) fn listener(mut self, name: &str, host: &str, protocol: ListenerProtocol, public_port: u16) -> Self {
        let key = listener_key(name);
        let listener = Listener {
            key: key.clone(),
            bind: BindAddress { address: None, port: 80 },
            public_port,
            protocol,
            hostname: HostnameMatch::parse(host).unwrap(),
            tls: None,
            client_certificate: None,
        };
        self.0.listeners.insert(Arc::new(listener));
        self
    }

    pub(crate) fn backend(mut self, name: &str, protocol: BackendProtocol, endpoints: &[std::net::SocketAddr]) -> Self {
        let key = backend_key(name, protocol);
        let endpoints = endpoints
            .iter()
            .map(|address| Endpoint { host: EndpointHost::Ip(address.ip()), port: address.port() })
            .collect();
        self.0.backends.insert(Arc::new(IrBackend { key: key.clone(), tls: None }));
        self.0.endpoints.insert(Arc::new(EndpointSet { key, endpoints }));
        self
    }

    /// Adds rule number `number`, for the path prefix `prefix` on the listener `http`.
    pub(crate) fn rule(mut self, number: u32, prefix: &str, change: impl FnOnce(&mut RouteRule)) -> Self {
        let route = RouteKey { kind: RouteKind::Http, namespace: "ns".into(), name: "route".into() };
        let mut rule = RouteRule {
            key: RuleKey { route, rule: number, variant: 0 },
            name: None,
            age: Age { created: Some(0) },
            attachments: vec![Attachment { listener: listener_key("http"), hostnames: vec![HostnameMatch::Any] }],
            matches: vec![RuleMatch::Http(HttpMatch {
                path: PathMatch::Prefix(prefix.into()),
                method: None,
                headers: Vec::new(),
                query: Vec::new(),
            })],
            filters: Vec::new(),
            targets: Vec::new(),
            timeouts: Timeouts::default(),
            retry: None,
        };
        change(&mut rule);
        self.0.rules.insert(Arc::new(rule));
        self
    }

    pub(crate) fn build(self) -> Arc<Snapshot> {
        Arc::new(self.0)
    }
}

pub(crate) fn to(name: &str, weight: u32) -> WeightedTarget {
    to_protocol(name, BackendProtocol::Http1, weight)
}

pub(crate) fn to_protocol(name: &str, protocol: BackendProtocol, weight: u32) -> WeightedTarget {
    let target = nantian_ir::Target::Backend(backend_key(name, protocol));
    WeightedTarget { weight, target, filters: Vec::new() }
}

fn address(port: u16) -> std::net::SocketAddr {
    std::net::SocketAddr::from(([127, 0, 0, 1], port))
}

fn two_rules() -> Builder {
    Builder::new()
        .backend("a", BackendProtocol::Http1, &[address(1)])
        .backend("b", BackendProtocol::Http1, &[address(2)])
        .rule(0, "/a", |rule| rule.targets = vec![to("a", 1)])
        .rule(1, "/b", |rule| rule.targets = vec![to("b", 1)])
}

#[test]
fn what_did_not_change_is_shared_with_the_runtime_before() {
    let first = Runtime::build(two_rules().build(), None);
    let second = Runtime::build(two_rules().backend("b", BackendProtocol::Http1, &[address(3)]).build(), Some(&first));
    let [a, b] = ["a", "b"].map(|name| backend_key(name, BackendProtocol::Http1));
    assert!(Arc::ptr_eq(first.backend(&a).unwrap(), second.backend(&a).unwrap()));
    assert!(!Arc::ptr_eq(first.backend(&b).unwrap(), second.backend(&b).unwrap()));
    assert!(Arc::ptr_eq(first.rule(0).unwrap(), second.rule(0).unwrap()));
    let [before, after] = [&first, &second].map(|runtime| runtime.rule(1).unwrap());
    assert!(!Arc::ptr_eq(before, after));
    assert_eq!(before.id, after.id, "its shares go on");
    let Destination::Backend(used) = &after.targets[0].destination else { panic!("a backend") };
    assert_eq!(used.endpoints[0].port, 3);
}

#[test]
fn a_changed_rule_gets_new_counters() {
    let first = Runtime::build(two_rules().build(), None);
    let changed = two_rules().rule(1, "/b", |rule| rule.targets = vec![to("a", 1), to("b", 1)]);
    let second = Runtime::build(changed.build(), Some(&first));
    assert_ne!(first.rule(1).unwrap().id, second.rule(1).unwrap().id);
}

#[test]
fn what_cannot_be_served_is_listed_also_when_the_rule_is_kept() {
    let broken = || {
        two_rules().rule(2, "/c", |rule| {
            rule.targets = vec![to("missing", 1)];
            let host = nantian_ir::HeaderName::new("host").unwrap();
            rule.filters = vec![Filter::RequestHeaderModifier(nantian_ir::HeaderModifier {
                remove: vec![host],
                ..Default::default()
            })];
        })
    };
    let first = Runtime::build(broken().build(), None);
    let second = Runtime::build(broken().build(), Some(&first));
    assert_eq!(first.refused(), second.refused());
    let [a, b] = first.refused() else { panic!("two: {:?}", first.refused()) };
    assert_eq!(a.resource, "rule HTTPRoute/ns/route/2");
    assert!(a.message.contains("Host") && b.message.contains("missing"));
    assert!(Arc::ptr_eq(first.rule(2).unwrap(), second.rule(2).unwrap()));
}
