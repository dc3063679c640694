//! Values of the model: any at all, to convert; and consistent snapshots, to send.

#![allow(dead_code, reason = "each test takes what it needs")]
#![allow(clippy::unwrap_used, reason = "tests panic when they fail")]

pub(crate) mod any;

use std::sync::Arc;

use nantian_ir::{
    Age, Attachment, Backend, BackendKey, BackendKind, BackendProtocol, BackendTls, BindAddress, CaBundle, CaBundleKey,
    Certificate, CertificateKey, Endpoint, EndpointHost, EndpointSet, Filter, HostnameMatch, HttpMatch, Listener,
    ListenerKey, ListenerProtocol, ListenerTls, PathMatch, RouteKey, RouteKind, RouteRule, RuleKey, RuleMatch,
    SecretBytes, Snapshot, Target, Timeouts, Trust, WeightedTarget,
};

pub(crate) fn listener_key(name: &str) -> ListenerKey {
    ListenerKey { namespace: "infra".into(), gateway: "gateway".into(), set: None, listener: name.into() }
}

pub(crate) fn backend_key(name: &str) -> BackendKey {
    BackendKey {
        kind: BackendKind::Service,
        namespace: "shop".into(),
        name: name.into(),
        port: 80,
        protocol: BackendProtocol::Http1,
    }
}

pub(crate) fn certificate_key(name: &str) -> CertificateKey {
    CertificateKey { namespace: "infra".into(), name: name.into() }
}

pub(crate) fn ca_bundle_key(name: &str) -> CaBundleKey {
    CaBundleKey { namespace: "shop".into(), name: name.into() }
}

pub(crate) fn certificate(name: &str, chain: &str) -> Certificate {
    let private_key = SecretBytes::new(format!("the key of {name}").into_bytes());
    Certificate { key: certificate_key(name), chain: chain.to_owned(), private_key }
}

pub(crate) fn ca_bundle(name: &str, certificates: &str) -> CaBundle {
    CaBundle { key: ca_bundle_key(name), certificates: certificates.to_owned() }
}

/// Without certificates: cleartext.
pub(crate) fn listener(name: &str, port: u16, certificates: &[&str]) -> Listener {
    let tls = ListenerTls {
        certificates: certificates.iter().copied().map(certificate_key).collect(),
        client_validation: None,
    };
    Listener {
        key: listener_key(name),
        bind: BindAddress { address: None, port },
        public_port: port,
        protocol: if certificates.is_empty() { ListenerProtocol::Http } else { ListenerProtocol::Https },
        hostname: HostnameMatch::Any,
        tls: (!certificates.is_empty()).then_some(tls),
        client_certificate: None,
    }
}

/// Trusts a bundle, if one is named.
pub(crate) fn backend(name: &str, bundle: Option<&str>) -> Backend {
    let tls = bundle.map(|bundle| {
        BackendTls::Verify(nantian_ir::BackendIdentity {
            server_name: nantian_ir::Hostname::new("backend.example.com").unwrap(),
            subject_alt_names: Vec::new(),
            trust: Trust::CaBundles(vec![ca_bundle_key(bundle)]),
        })
    });
    Backend { key: backend_key(name), tls }
}

pub(crate) fn endpoints(name: &str, ports: &[u16]) -> EndpointSet {
    let endpoint = |port: &u16| Endpoint { host: EndpointHost::Ip([10, 0, 0, 1].into()), port: *port };
    EndpointSet { key: backend_key(name), endpoints: ports.iter().map(endpoint).collect() }
}

pub(crate) fn rule(index: u32, path: &str, backends: &[&str]) -> RouteRule {
    let target = |name: &&str| WeightedTarget {
        weight: 1,
        target: Target::Backend(backend_key(name)),
        filters: Vec::<Filter>::new(),
    };
    let path = PathMatch::Prefix(path.to_owned());
    RouteRule {
        key: RuleKey {
            route: RouteKey { kind: RouteKind::Http, namespace: "shop".into(), name: format!("route-{index}").into() },
            rule: 0,
            variant: 0,
        },
        name: None,
        age: Age { created: Some(1_700_000_000) },
        attachments: vec![Attachment { listener: listener_key("http"), hostnames: vec![HostnameMatch::Any] }],
        matches: vec![RuleMatch::Http(HttpMatch { path, method: None, headers: Vec::new(), query: Vec::new() })],
        filters: Vec::new(),
        targets: backends.iter().map(target).collect(),
        timeouts: Timeouts::default(),
        retry: None,
    }
}

/// A listener, a backend and so many rules on one host name.
pub(crate) fn shop(rules: u32) -> Snapshot {
    let mut snapshot = Snapshot::default();
    snapshot.listeners.insert(listener("http", 8080, &[]));
    snapshot.backends.insert(backend("cart", None));
    snapshot.endpoints.insert(endpoints("cart", &[8080]));
    snapshot.rules.extend((0..rules).map(|index| rule(index, &format!("/{index}"), &["cart"])));
    snapshot
}

pub(crate) fn shared(snapshot: &Snapshot) -> Arc<Snapshot> {
    Arc::new(snapshot.clone())
}

/// What a resource of the snapshot names and the snapshot has not. Written apart from the crate's own, to check it.
pub(crate) fn dangling(snapshot: &Snapshot) -> Vec<String> {
    let mut dangling = Vec::new();
    let mut expect = |held: bool, who: String, what: String| {
        if !held {
            dangling.push(format!("{who} names {what}"));
        }
    };
    for rule in snapshot.rules.values() {
        let targets = rule.targets.iter().map(|target| &target.target);
        let mirrors = rule.filters.iter().chain(rule.targets.iter().flat_map(|target| &target.filters));
        let mirrors = mirrors.filter_map(|filter| match filter {
            Filter::RequestMirror(mirror) => Some(&mirror.backend),
            _ => None,
        });
        let named = targets.filter_map(|target| match target {
            Target::Backend(key) => Some(key),
            Target::Refused(_) => None,
        });
        for key in named.chain(mirrors) {
            expect(snapshot.backends.contains_key(key), rule.key.to_string(), key.to_string());
        }
    }
    for rule in snapshot.stream_rules.values() {
        for target in &rule.targets {
            if let Target::Backend(key) = &target.target {
                expect(snapshot.backends.contains_key(key), rule.key.to_string(), key.to_string());
            }
        }
    }
    for backend in snapshot.backends.values() {
        expect(snapshot.endpoints.contains_key(&backend.key), backend.key.to_string(), "its endpoints".to_owned());
        if let Some(BackendTls::Verify(identity)) = &backend.tls
            && let Trust::CaBundles(bundles) = &identity.trust
        {
            for key in bundles {
                expect(snapshot.ca_bundles.contains_key(key), backend.key.to_string(), key.to_string());
            }
        }
    }
    for listener in snapshot.listeners.values() {
        let certificates = listener.tls.iter().flat_map(|tls| &tls.certificates).chain(&listener.client_certificate);
        for key in certificates {
            expect(snapshot.certificates.contains_key(key), listener.key.to_string(), key.to_string());
        }
        let bundles = listener.tls.iter().flat_map(|tls| &tls.client_validation).flat_map(|checks| &checks.ca_bundles);
        for key in bundles {
            expect(snapshot.ca_bundles.contains_key(key), listener.key.to_string(), key.to_string());
        }
    }
    dangling
}
