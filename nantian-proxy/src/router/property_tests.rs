//! The tables and the explanation against the reference, on generated snapshots with small alphabets, so that routes
//! collide and tie often.

mod following;

use std::cell::Cell;

use http::{HeaderName, HeaderValue};
use nantian_ir::{
    Age, Attachment, BindAddress, GrpcMatch, HeaderMatch, HostnameMatch, HttpMatch, Listener, ListenerKey,
    ListenerProtocol, PathMatch, QueryMatch, RouteKey, RouteKind, RouteRule, RuleKey, RuleMatch, Snapshot, Timeouts,
    ValueMatch,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::test_runner::{Config, TestRunner};

use super::naive::Reference;
use super::{CandidateOutcome, RequestParts, Router};
use crate::Headers;

const CASES: u32 = 512;
const REQUESTS: usize = 24;

const HOSTNAMES: [&str; 8] = ["*", "*.com", "*.a.com", "*.b.a.com", "a.com", "b.a.com", "c.b.a.com", "*.org"];
const HOSTS: [&str; 12] = [
    "a.com",
    "b.a.com",
    "B.A.com:8080",
    "c.b.a.com.",
    "d.c.b.a.com",
    "x.com",
    "com",
    "",
    ".a.com",
    "[::1]:80",
    "[[::1]:80",
    "a.com:x",
];
const PATHS: [&str; 8] = ["/", "/a", "/a/", "/a/b", "/ab", "/a/b/c", "/a.S", "/a.S/M"];
const REQUEST_PATHS: [&str; 16] = [
    "/", "/a", "/a/", "/A", "/a/b", "/a/b/", "/ab", "/abc", "/a/b/c/d", "/a//b", "/a.S/M", "/a.S/N", "/a.T/M",
    "/x/a.S/M", "*", "",
];
const QUERIES: [&str; 7] = ["q=1", "q=2&q=1", "Q=1&q=%31", "q=a+b&r=a%20b", "q", "&&r=1%2C2&q=%zz", ""];
const VALUES: [&str; 6] = ["1", "2", "1,2", "1; 2", "a b", "a.com"];

fn bind(port: u16) -> BindAddress {
    BindAddress { address: None, port }
}

fn hostname() -> impl Strategy<Value = HostnameMatch> {
    select(&HOSTNAMES[..]).prop_map(|text| HostnameMatch::parse(text).expect("a hostname"))
}

fn value() -> impl Strategy<Value = ValueMatch> {
    prop_oneof![
        4 => select(&VALUES[..]).prop_map(|text| ValueMatch::Exact(text.to_owned())),
        1 => select(&["1.*", "[12]", "a.b", "\\w+", ""][..]).prop_map(|text| ValueMatch::Regex(text.to_owned())),
    ]
}

fn headers() -> impl Strategy<Value = Vec<HeaderMatch>> {
    let names = subsequence(vec!["x-a", "x-b", "cookie", "content-type", "host"], 0..=2);
    (names, vec(value(), 2)).prop_map(|(names, values)| {
        let header = |(name, value): (&str, _)| HeaderMatch {
            name: nantian_ir::HeaderName::new(name).expect("a header name"),
            value,
        };
        names.into_iter().zip(values).map(header).collect()
    })
}

fn query() -> impl Strategy<Value = Vec<QueryMatch>> {
    (subsequence(vec!["q", "Q", "r"], 0..=2), vec(value(), 2)).prop_map(|(names, values)| {
        let parameter = |(name, value): (&str, _)| QueryMatch { name: name.to_owned(), value };
        names.into_iter().zip(values).map(parameter).collect()
    })
}

fn http_match() -> impl Strategy<Value = RuleMatch> {
    let path = prop_oneof![
        2 => select(&PATHS[..]).prop_map(|path| PathMatch::Exact(path.to_owned())),
        4 => select(&PATHS[..]).prop_map(|path| PathMatch::Prefix(path.to_owned())),
        1 => select(&["/a.*", "/[ab]+", "/a|/ab", ".*", "/a[.]S/M"][..]).prop_map(|p| PathMatch::Regex(p.to_owned())),
    ];
    let method = option::weighted(0.3, select(&["GET", "POST", "get"][..]).prop_map(str::to_owned));
    let query = prop_oneof![3 => Just(Vec::new()), 1 => query()];
    (path, method, headers(), query)
        .prop_map(|(path, method, headers, query)| RuleMatch::Http(HttpMatch { path, method, headers, query }))
}

/// Matches that only values tell apart.
fn crowded_match() -> impl Strategy<Value = RuleMatch> {
    let path = select(vec![PathMatch::Prefix("/".to_owned()), PathMatch::Exact("/a".to_owned())]);
    (path, prop_oneof![3 => Just(Vec::new()), 1 => headers()], query())
        .prop_map(|(path, headers, query)| RuleMatch::Http(HttpMatch { path, method: None, headers, query }))
}

fn grpc_match() -> impl Strategy<Value = RuleMatch> {
    let name = |names: &'static [&'static str], regex: &'static str| {
        option::of(prop_oneof![
            4 => select(names).prop_map(|name| ValueMatch::Exact(name.to_owned())),
            1 => Just(ValueMatch::Regex(regex.to_owned())),
        ])
    };
    (name(&["a.S", "a.T", "x/a.S"], "a\\..*"), name(&["M", "N"], "[MN]"), headers())
        .prop_map(|(service, method, headers)| RuleMatch::Grpc(GrpcMatch { service, method, headers }))
}

fn broken_match() -> impl Strategy<Value = RuleMatch> {
    select(vec![PathMatch::Regex("(".to_owned()), PathMatch::Prefix("a".to_owned())])
        .prop_map(|path| RuleMatch::Http(HttpMatch { path, method: None, headers: Vec::new(), query: Vec::new() }))
}

fn listener(index: usize, port: u16, hostname: HostnameMatch) -> Listener {
    Listener {
        key: listener_key(index),
        bind: bind(port),
        public_port: port,
        protocol: ListenerProtocol::Http,
        hostname,
        tls: None,
        client_certificate: None,
    }
}

fn listeners() -> impl Strategy<Value = Vec<Listener>> {
    vec((select(vec![80, 8080]), prop_oneof![1 => Just(HostnameMatch::Any), 2 => hostname()]), 1..5).prop_map(
        |listeners| {
            let listener = |(index, (port, hostname))| listener(index, port, hostname);
            listeners.into_iter().enumerate().map(listener).collect()
        },
    )
}

/// Attaches a rule as the compiler does: to listeners that share a hostname with it.
fn attach(rule: &mut RouteRule, listeners: &[Listener], wanted: &[HostnameMatch], chosen: &[Index]) {
    for index in chosen {
        let listener = index.get(listeners);
        let hostnames: Vec<_> = wanted.iter().filter_map(|hostname| hostname.intersect(&listener.hostname)).collect();
        if !hostnames.is_empty() {
            rule.attachments.push(Attachment { listener: listener.key.clone(), hostnames });
        }
    }
}

fn listener_key(index: usize) -> ListenerKey {
    ListenerKey { namespace: "n".into(), gateway: "g".into(), set: None, listener: index.to_string().into() }
}

fn rule(crowded: bool) -> impl Strategy<Value = RouteRule> {
    let key = (select(vec!["n", "m"]), select(vec!["x", "y", "z"]), 0..8_u32);
    // Also listeners that do not exist, and hostnames that are no intersection: the router takes what it is given.
    let stray = option::weighted(0.1, (0..6_usize, vec(hostname(), 1..3)));
    let matches = prop_oneof![
        if crowded { 90 } else { 0 } => (Just(RouteKind::Http), vec(crowded_match(), 1..4)),
        12 => (Just(RouteKind::Http), vec(http_match(), 1..4)),
        4 => (Just(RouteKind::Grpc), vec(grpc_match(), 1..3)),
        1 => (Just(RouteKind::Http), vec(prop_oneof![http_match(), broken_match()], 1..3)),
    ];
    let created = option::of(0..2_i64);
    (key, created, stray, matches).prop_map(|((namespace, name, rule), created, stray, (kind, matches))| {
        let attachment = |(listener, hostnames)| Attachment { listener: listener_key(listener), hostnames };
        RouteRule {
            key: RuleKey { route: RouteKey { kind, namespace: namespace.into(), name: name.into() }, rule, variant: 0 },
            name: None,
            age: Age { created },
            attachments: stray.into_iter().map(attachment).collect(),
            matches,
            filters: Vec::new(),
            targets: Vec::new(),
            timeouts: Timeouts::default(),
            retry: None,
        }
    })
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    let route_hostname = prop_oneof![1 => Just(HostnameMatch::Any), 2 => hostname()].boxed();
    let attached = move |crowded| (rule(crowded), vec(route_hostname.clone(), 1..3), vec(any::<Index>(), 1..4));
    let rules = prop_oneof![2 => vec(attached(false), 1..40), 1 => vec(attached(true), 20..40)];
    (listeners(), rules).prop_map(|(listeners, attached)| {
        let rules = attached.into_iter().map(|(mut rule, wanted, chosen)| {
            attach(&mut rule, &listeners, &wanted, &chosen);
            rule
        });
        Snapshot { rules: rules.collect(), listeners: listeners.iter().cloned().collect(), ..Snapshot::default() }
    })
}

/// A request as data: a rule's match to start from, and changes.
#[derive(Debug, Clone)]
struct Seed {
    port: Option<u16>,
    base: Option<(Index, Index, Index)>,
    host: Option<&'static str>,
    path: Option<&'static str>,
    method: Option<&'static str>,
    grpc: bool,
    header: Option<(&'static str, &'static str)>,
    query: Option<&'static str>,
}

fn seed() -> impl Strategy<Value = Seed> {
    let base = option::weighted(0.9, any::<(Index, Index, Index)>());
    (
        option::weighted(0.1, select(vec![80, 8080, 9090])),
        base,
        option::weighted(0.3, select(&HOSTS[..])),
        option::weighted(0.3, select(&REQUEST_PATHS[..])),
        option::weighted(0.2, select(&["GET", "POST", "get"][..])),
        prop::bool::weighted(0.3),
        option::weighted(0.3, (select(&["x-a", "x-b", "cookie"][..]), select(&["1", "2", "x", "a b", "\u{e9}"][..]))),
        option::weighted(0.3, select(&QUERIES[..])),
    )
        .prop_map(|(port, base, host, path, method, grpc, header, query)| Seed {
            port,
            base,
            host,
            path,
            method,
            grpc,
            header,
            query,
        })
}

struct Sent {
    port: u16,
    host: String,
    path: String,
    method: String,
    headers: Headers,
    query: Option<String>,
}

/// A value that an expected value matches, or nearly.
fn example(value: &ValueMatch) -> &str {
    match value {
        ValueMatch::Exact(text) => text,
        ValueMatch::Regex(pattern) if pattern == "a.b" => "a+b",
        ValueMatch::Regex(_) => "1",
    }
}

impl Seed {
    /// Of a request for `a.com/`.
    fn nothing() -> Self {
        Self { port: None, base: None, host: None, path: None, method: None, grpc: false, header: None, query: None }
    }

    fn send(&self, snapshot: &Snapshot) -> Sent {
        let mut sent = Sent {
            port: 80,
            host: "a.com".to_owned(),
            path: "/".to_owned(),
            method: "GET".to_owned(),
            headers: Headers::new(),
            query: None,
        };
        if let Some((rule, attachment, position)) = &self.base {
            let rules: Vec<_> = snapshot.rules.values().collect();
            if !rules.is_empty() {
                let rule = rule.get(&rules);
                if !rule.attachments.is_empty() {
                    sent.aim(attachment.get(&rule.attachments), snapshot, *attachment);
                }
                sent.satisfy(position.get(&rule.matches));
            }
        }
        sent.port = self.port.unwrap_or(sent.port);
        sent.host = self.host.map_or(sent.host, str::to_owned);
        sent.path = self.path.map_or(sent.path, str::to_owned);
        sent.method = self.method.map_or(sent.method, str::to_owned);
        sent.query = self.query.map(str::to_owned).or(sent.query);
        if self.grpc {
            sent.headers.insert("content-type", HeaderValue::from_static("application/grpc+proto"));
        }
        if let Some((name, value)) = self.header {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header value");
            sent.headers.append(HeaderName::from_static(name), value);
        }
        sent
    }
}

impl Sent {
    fn parts(&self) -> RequestParts<'_> {
        RequestParts {
            bind: bind(self.port),
            host: &self.host,
            path: &self.path,
            query: self.query.as_deref(),
            method: &self.method,
            headers: &self.headers,
        }
    }

    fn aim(&mut self, attachment: &Attachment, snapshot: &Snapshot, index: Index) {
        self.port = snapshot.listeners.get(&attachment.listener).map_or(80, |listener| listener.bind.port);
        self.host = match index.get(&attachment.hostnames) {
            HostnameMatch::Exact(name) => name.to_string(),
            HostnameMatch::Wildcard(suffix) => format!("x.{suffix}"),
            HostnameMatch::Any => "any.test".to_owned(),
        };
    }

    fn satisfy(&mut self, rule_match: &RuleMatch) {
        let headers = match rule_match {
            RuleMatch::Http(http) => {
                self.path = match &http.path {
                    PathMatch::Exact(path) | PathMatch::Prefix(path) => path.clone(),
                    PathMatch::Regex(_) => "/a".to_owned(),
                };
                self.method = http.method.clone().unwrap_or_else(|| "GET".to_owned());
                let pair = |p: &QueryMatch| {
                    format!("{}={}", p.name.replace('Q', "%51"), example(&p.value).replace(' ', "%20"))
                };
                self.query = Some(http.query.iter().map(pair).collect::<Vec<_>>().join("&"));
                &http.headers
            }
            RuleMatch::Grpc(grpc) => {
                let name = |value: &Option<ValueMatch>, default: &str| match value {
                    Some(ValueMatch::Exact(name)) => name.clone(),
                    _ => default.to_owned(),
                };
                self.path = format!("/{}/{}", name(&grpc.service, "a.S"), name(&grpc.method, "M"));
                self.method = "POST".to_owned();
                self.headers.insert("content-type", HeaderValue::from_static("application/grpc"));
                &grpc.headers
            }
        };
        for header in headers {
            let value = HeaderValue::from_str(example(&header.value)).expect("a header value");
            self.headers.insert(HeaderName::from_bytes(header.name.as_str().as_bytes()).expect("a name"), value);
        }
    }
}

/// The three answers for one request, compared. Says whether there was a winner.
fn check(router: &Router, reference: &Reference<'_>, parts: &RequestParts<'_>) -> Result<bool, TestCaseError> {
    let expected = reference.route(parts);
    let got = router.route(parts);
    let winner = got.ok().map(|found| (&found.rule.key, found.position, found.hostname));
    prop_assert_eq!(winner, expected.winner);
    prop_assert_eq!(got.map_or_else(|none| none.listener, |found| Some(found.listener)), expected.listener);
    prop_assert_eq!(router.listener_for(parts.bind, parts.host), expected.listener);

    let explanation = router.explain(parts);
    let explained = explanation.winner.as_ref().map(|winner| (&winner.rule, winner.position, &winner.hostname));
    prop_assert_eq!(explained, expected.winner);
    let wins = explanation.candidates.iter().filter(|candidate| candidate.outcome == CandidateOutcome::Wins);
    prop_assert_eq!(wins.count(), usize::from(expected.winner.is_some()));
    if let Ok(found) = got {
        prop_assert_eq!(router.rules.get(&found.rule.key).map(|rule| rule.slot), Some(found.rule_index));
        if let Some(prefix) = found.prefix {
            prop_assert!(
                parts.path.get(prefix..).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || prefix == 0)
            );
        }
    }
    Ok(expected.winner.is_some())
}

#[test]
fn tables_explanation_and_reference_agree() {
    let (pairs, matched) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let result = runner.run(&(snapshot(), vec(seed(), REQUESTS)), |(snapshot, seeds)| {
        let router = Router::new(&snapshot);
        let reference = Reference::new(&snapshot);
        for seed in seeds {
            let sent = seed.send(&snapshot);
            let found = check(&router, &reference, &sent.parts())?;
            pairs.set(pairs.get() + 1);
            matched.set(matched.get() + u32::from(found));
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}\n{runner}");
    }
    assert!(pairs.get() >= 10_000, "only {} pairs", pairs.get());
    // Otherwise the generators have drifted apart from each other and the comparison says little.
    assert!(matched.get() * 4 >= pairs.get(), "only {} of {} requests matched", matched.get(), pairs.get());
}
