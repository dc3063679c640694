//! The router alone: Gateway API routing without sockets, without a runtime, without Kubernetes.
//!
//! Needs `nantian-ir` and `nantian-proxy`, both without default features.

use std::error::Error;

use http::HeaderValue;
use nantian_ir::{
    Age, Attachment, BindAddress, HeaderMatch, HeaderName, HostnameMatch, HttpMatch, Listener, ListenerKey,
    ListenerProtocol, PathMatch, RouteKey, RouteKind, RouteRule, RuleKey, RuleMatch, Snapshot, Timeouts, ValueMatch,
};
use nantian_proxy::Headers;
use nantian_proxy::router::{RequestParts, Router};

fn main() -> Result<(), Box<dyn Error>> {
    // A snapshot is plain data: write it by hand, read it from JSON, or let the compiler make it (see compiler_alone).
    let listener = ListenerKey { namespace: "shop".into(), gateway: "web".into(), set: None, listener: "http".into() };
    let bind = BindAddress { address: None, port: 8080 };
    let mut snapshot = Snapshot::default();
    snapshot.listeners.insert(Listener {
        key: listener.clone(),
        bind,
        public_port: 8080,
        protocol: ListenerProtocol::Http,
        hostname: HostnameMatch::Any,
        tls: None,
        client_certificate: None,
    });
    let everything = HttpMatch { path: PathMatch::Prefix("/".into()), method: None, headers: vec![], query: vec![] };
    let beta = HeaderMatch { name: HeaderName::new("x-user")?, value: ValueMatch::Exact("beta".into()) };
    let beta_cart = HttpMatch { path: PathMatch::Prefix("/cart".into()), headers: vec![beta], ..everything.clone() };
    for rule in [rule("all", &listener, everything), rule("beta", &listener, beta_cart)] {
        snapshot.rules.insert(rule);
    }

    // Compile it once, ask it often: from any thread, without a lock.
    let router = Router::new(&snapshot);
    let (plain, mut headers) = (Headers::new(), Headers::new());
    headers.insert("x-user", HeaderValue::from_static("beta"));
    let request =
        |path, headers| RequestParts { bind, host: "shop.example", path, query: None, method: "GET", headers };

    let found = router.route(&request("/cart/7", &headers)).map_err(|_| "a rule matches")?;
    println!("GET /cart/7 with x-user: beta -> {} (match {})", found.rule.key, found.position);
    assert_eq!(found.rule.key.to_string(), "HTTPRoute/shop/beta/0");

    let found = router.route(&request("/cart/7", &plain)).map_err(|_| "a rule matches")?.rule.key.to_string();
    println!("GET /cart/7 -> {found}");
    assert_eq!(found, "HTTPRoute/shop/all/0");

    // And why: every candidate with what it lost by.
    let explanation = router.explain(&request("/cart/7", &headers));
    for candidate in &explanation.candidates {
        println!("  {}: {:?}", candidate.rule, candidate.outcome);
    }
    assert_eq!(explanation.candidates.len(), 2);
    Ok(())
}

fn rule(route: &str, listener: &ListenerKey, http: HttpMatch) -> RouteRule {
    let route = RouteKey { kind: RouteKind::Http, namespace: "shop".into(), name: route.into() };
    RouteRule {
        key: RuleKey { route, rule: 0, variant: 0 },
        name: None,
        age: Age { created: None },
        attachments: vec![Attachment { listener: listener.clone(), hostnames: vec![HostnameMatch::Any] }],
        matches: vec![RuleMatch::Http(http)],
        filters: vec![],
        targets: vec![],
        timeouts: Timeouts::default(),
        retry: None,
    }
}
