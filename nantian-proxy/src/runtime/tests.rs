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

/// The rule of this number in [`Builder::rule`].
fn rule(runtime: &Runtime, number: u32) -> Option<&Arc<Rule>> {
    let route = RouteKey { kind: RouteKind::Http, namespace: "ns".into(), name: "route".into() };
    runtime.rules().get(runtime.router().rule_index(&RuleKey { route, rule: number, variant: 0 })?)
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
    assert!(Arc::ptr_eq(first.backends().get(&a).unwrap(), second.backends().get(&a).unwrap()));
    assert!(!Arc::ptr_eq(first.backends().get(&b).unwrap(), second.backends().get(&b).unwrap()));
    assert!(Arc::ptr_eq(rule(&first, 0).unwrap(), rule(&second, 0).unwrap()));
    let [before, after] = [&first, &second].map(|runtime| rule(runtime, 1).unwrap());
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
    assert_ne!(rule(&first, 1).unwrap().id, rule(&second, 1).unwrap().id);
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
    assert_eq!(a.part.to_string(), "rule HTTPRoute/ns/route/2");
    assert!(a.message.contains("Host") && b.message.contains("missing"));
    assert!(Arc::ptr_eq(rule(&first, 2).unwrap(), rule(&second, 2).unwrap()));
}

/// As a list, in the order of the router's numbers.
fn described(runtime: &Runtime) -> Vec<String> {
    let one = |rule: &nantian_ir::RouteRule| {
        let built = runtime.rules().get(runtime.router().rule_index(&rule.key)?)?;
        let of_target = |target: &Target| match &target.destination {
            Destination::Backend(backend) => format!("{} {:?}", backend.key, backend.endpoints),
            Destination::Refused => "refused".to_owned(),
        };
        let mirrors = built.mirrors.iter().map(|mirror| mirror.as_ref().map(|backend| backend.endpoints.clone()));
        let targets = built.targets.iter().map(of_target).collect::<Vec<_>>();
        Some(format!("{} {:?} {targets:?} {:?}", built.source.key, built.source.matches, mirrors.collect::<Vec<_>>()))
    };
    runtime.snapshot().rules.values().map(|rule| one(rule).expect("a rule that is served")).collect()
}

fn mirrored_to(name: &str) -> Filter {
    Filter::RequestMirror(nantian_ir::RequestMirror {
        backend: backend_key(name, BackendProtocol::Http1),
        fraction: nantian_ir::Fraction { numerator: 1, denominator: 1 },
    })
}

#[test]
fn after_any_edits_a_runtime_has_what_one_built_from_nothing_has() {
    use proptest::prelude::*;

    /// A backend with this port, or without; a rule with these targets and mirror, or none.
    #[derive(Debug, Clone)]
    enum Edit {
        Backend(usize, Option<u16>),
        Rule(u32, Option<(Vec<usize>, usize)>),
    }
    const NAMES: [&str; 4] = ["a", "b", "c", "d"];
    let backend = (0..4_usize, proptest::option::of(1..4_u16)).prop_map(|(name, port)| Edit::Backend(name, port));
    let named = (proptest::collection::vec(0..4_usize, 0..3), 0..4_usize);
    let rule = (0..6_u32, proptest::option::weighted(0.7, named)).prop_map(|(number, named)| Edit::Rule(number, named));
    let edits = proptest::collection::vec(prop_oneof![backend, rule], 1..40);
    proptest!(|(edits in edits)| {
        let mut snapshot = Builder::new().build();
        let mut runtime = Runtime::build(Arc::clone(&snapshot), None);
        for edit in edits {
            let mut builder = Builder(Snapshot::clone(&snapshot));
            builder = match edit {
                Edit::Backend(name, Some(port)) => builder.backend(NAMES[name], BackendProtocol::Http1, &[address(port)]),
                Edit::Backend(name, None) => {
                    let key = backend_key(NAMES[name], BackendProtocol::Http1);
                    builder.0.backends.remove(&key);
                    builder.0.endpoints.remove(&key);
                    builder
                }
                Edit::Rule(number, Some((targets, mirror))) => builder.rule(number, "/", |rule| {
                    rule.targets = targets.iter().map(|name| to(NAMES[*name], 1)).collect();
                    rule.filters = vec![mirrored_to(NAMES[mirror])];
                }),
                Edit::Rule(number, None) => {
                    let route = RouteKey { kind: RouteKind::Http, namespace: "ns".into(), name: "route".into() };
                    builder.0.rules.remove(&RuleKey { route, rule: number, variant: 0 });
                    builder
                }
            };
            snapshot = builder.build();
            runtime = Runtime::build(Arc::clone(&snapshot), Some(&runtime));
            let fresh = Runtime::build(Arc::clone(&snapshot), None);
            prop_assert_eq!(described(&runtime), described(&fresh));
            prop_assert_eq!(runtime.refused(), fresh.refused());
        }
    });
}

#[test]
fn what_a_runtime_was_made_of_is_given_up_by_its_last_owner_and_not_freed_there() {
    let (reclaim, given_up) = std::sync::mpsc::channel();
    let nothing = Runtime::reclaimed_by(reclaim);
    let first = Arc::new(Runtime::build(two_rules().build(), Some(&nothing)));
    let second = Runtime::build(two_rules().rule(2, "/c", |_| {}).build(), Some(&first));
    drop(nothing);
    let in_flight = Arc::clone(&first);
    drop(first);
    assert_eq!(given_up.try_iter().map(|parts| parts.snapshot.rules.len()).collect::<Vec<_>>(), [0]);
    drop(in_flight);
    assert_eq!(given_up.try_iter().map(|parts| parts.snapshot.rules.len()).collect::<Vec<_>>(), [2]);
    drop(second);
    assert_eq!(given_up.into_iter().map(|parts| parts.snapshot.rules.len()).collect::<Vec<_>>(), [3]);
}
