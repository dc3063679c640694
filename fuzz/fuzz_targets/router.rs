//! The compiled router gives the same answers as the specification read line by line.

#![no_main]

use arbitrary::Arbitrary;
use http::{HeaderName, HeaderValue};
use libfuzzer_sys::fuzz_target;
use nantian_ir::{
    Age, Attachment, BindAddress, GrpcMatch, HeaderMatch, HostnameMatch, HttpMatch, Listener, ListenerKey,
    ListenerProtocol, PathMatch, QueryMatch, ResourceMap, RouteKey, RouteKind, RouteRule, RuleKey, RuleMatch, Snapshot,
    ValueMatch,
};
use nantian_proxy::Headers;
use nantian_proxy::router::naive::Reference;
use nantian_proxy::router::{RequestParts, Router};

// Small alphabets: what is interesting is where patterns overlap.
const HOSTS: [&str; 8] = ["*", "a.com", "*.a.com", "x.a.com", "*.x.a.com", "y.x.a.com", "*.com", "b.org"];
const ASKED: [&str; 10] =
    ["", "a.com", "A.com:80", "x.a.com.", "y.x.a.com", "z.y.x.a.com", "b.org", "com", "[::1]:8080", "q.b.org"];
const PATHS: [&str; 12] =
    ["/", "/a", "/a/", "/a/b", "/ab", "/a/b/c", "/A", "/a//b", "/test.Echo/Say", "/test.Echo", "/a/b/", "//"];
const REGEXES: [&str; 6] = ["/a.*", "/[ab]+", ".*", "/a/b|/ab", "", "v[0-9]"];
const VALUES: [&str; 6] = ["", "1", "v1", "v2", "1,v1", "a b"];
const NAMES: [&str; 4] = ["x-one", "x-two", "cookie", "accept"];
const PARAMETERS: [&str; 4] = ["q", "Q", "a b", ""];
const QUERIES: [Option<&str>; 8] = [
    None,
    Some(""),
    Some("q=1"),
    Some("q=v1&q=1"),
    Some("Q=v2&q"),
    Some("a+b=a%20b"),
    Some("%71=1&=v1"),
    Some("q=%zz&&Q=1"),
];
const METHODS: [&str; 4] = ["GET", "POST", "get", "DELETE"];
const SERVICES: [&str; 3] = ["test.Echo", "a", "test"];
const GRPC_METHODS: [&str; 3] = ["Say", "b", "S.*"];

#[derive(Debug, Arbitrary)]
struct Input {
    listeners: Vec<u8>,
    rules: Vec<Rule>,
    requests: Vec<Request>,
}

#[derive(Debug, Arbitrary)]
struct Rule {
    route: u8,
    grpc: bool,
    created: Option<u8>,
    attachments: Vec<(u8, Vec<u8>)>,
    matches: Vec<Match>,
}

#[derive(Debug, Arbitrary)]
struct Match {
    kind: u8,
    path: u8,
    method: Option<u8>,
    headers: Vec<(u8, bool, u8)>,
    query: Vec<(u8, bool, u8)>,
}

#[derive(Debug, Arbitrary)]
struct Request {
    port: bool,
    host: u8,
    path: u8,
    query: u8,
    method: u8,
    grpc: bool,
    headers: Vec<(u8, u8)>,
}

fn pick<T: Copy>(from: &[T], number: u8) -> T {
    from[usize::from(number) % from.len()]
}

fn bind(second: bool) -> BindAddress {
    BindAddress { address: None, port: if second { 81 } else { 80 } }
}

fn listener_key(number: usize) -> ListenerKey {
    ListenerKey { namespace: "n".into(), gateway: "g".into(), set: None, listener: format!("l{number}").into() }
}

fn listeners(input: &Input) -> ResourceMap<Listener> {
    let mut taken = Vec::new();
    let mut listeners = ResourceMap::new();
    for (number, byte) in input.listeners.iter().take(6).enumerate() {
        let (bind, hostname) = (bind(byte & 0x80 != 0), HostnameMatch::parse(pick(&HOSTS, *byte)).unwrap());
        // The compiler never serves two listeners with one bind address and hostname: they conflict.
        if taken.contains(&(bind, hostname.clone())) {
            continue;
        }
        taken.push((bind, hostname.clone()));
        let key = listener_key(number);
        let (protocol, public_port) = (ListenerProtocol::Http, bind.port);
        let listener = Listener { key, bind, public_port, protocol, hostname, tls: None, client_certificate: None };
        listeners.insert(listener);
    }
    listeners
}

fn value((regex, number): (bool, u8)) -> ValueMatch {
    if regex {
        ValueMatch::Regex(pick(&REGEXES, number).into())
    } else {
        ValueMatch::Exact(pick(&VALUES, number).into())
    }
}

fn headers(given: &[(u8, bool, u8)]) -> Vec<HeaderMatch> {
    let mut headers: Vec<HeaderMatch> = Vec::new();
    for &(name, regex, number) in given.iter().take(3) {
        let name = nantian_ir::HeaderName::new(pick(&NAMES, name)).unwrap();
        if headers.iter().all(|header| header.name != name) {
            headers.push(HeaderMatch { name, value: value((regex, number)) });
        }
    }
    headers
}

fn query(given: &[(u8, bool, u8)]) -> Vec<QueryMatch> {
    let mut query: Vec<QueryMatch> = Vec::new();
    for &(name, regex, number) in given.iter().take(3) {
        let name = pick(&PARAMETERS, name).to_owned();
        if query.iter().all(|parameter| parameter.name != name) {
            query.push(QueryMatch { name, value: value((regex, number)) });
        }
    }
    query
}

fn rule_match(given: &Match, grpc: bool) -> RuleMatch {
    let path = given.path;
    if grpc {
        let named = |names: &[&str], on: bool| {
            on.then(|| {
                let name = pick(names, path).to_owned();
                if given.kind & 4 == 0 { ValueMatch::Exact(name) } else { ValueMatch::Regex(name) }
            })
        };
        return RuleMatch::Grpc(GrpcMatch {
            service: named(&SERVICES, given.kind & 1 == 0),
            method: named(&GRPC_METHODS, given.kind & 2 == 0),
            headers: headers(&given.headers),
        });
    }
    RuleMatch::Http(HttpMatch {
        path: match given.kind % 3 {
            0 => PathMatch::Exact(pick(&PATHS, path).into()),
            1 => PathMatch::Prefix(pick(&PATHS, path).into()),
            _ => PathMatch::Regex(pick(&REGEXES, path).into()),
        },
        method: given.method.map(|method| pick(&METHODS, method).into()),
        headers: headers(&given.headers),
        query: query(&given.query),
    })
}

fn rule(number: usize, given: &Rule) -> Option<RouteRule> {
    let mut attachments: Vec<Attachment> = Vec::new();
    for (listener, hosts) in given.attachments.iter().take(3) {
        let mut hostnames: Vec<HostnameMatch> =
            hosts.iter().take(3).map(|host| HostnameMatch::parse(pick(&HOSTS, *host)).unwrap()).collect();
        hostnames.sort();
        hostnames.dedup();
        let listener = listener_key(usize::from(*listener % 6));
        if !hostnames.is_empty() && attachments.iter().all(|attachment| attachment.listener != listener) {
            attachments.push(Attachment { listener, hostnames });
        }
    }
    attachments.sort();
    let matches: Vec<RuleMatch> =
        given.matches.iter().take(3).map(|given_match| rule_match(given_match, given.grpc)).collect();
    if attachments.is_empty() || matches.is_empty() {
        return None;
    }
    let kind = if given.grpc { RouteKind::Grpc } else { RouteKind::Http };
    let route = RouteKey { kind, namespace: "n".into(), name: format!("r{}", given.route % 4).into() };
    Some(RouteRule {
        key: RuleKey { route, rule: u32::try_from(number).unwrap(), variant: 0 },
        name: None,
        age: Age { created: given.created.map(|created| i64::from(created % 3)) },
        attachments,
        matches,
        filters: Vec::new(),
        targets: Vec::new(),
        timeouts: Default::default(),
        retry: None,
    })
}

fuzz_target!(|input: Input| {
    let rules = input.rules.iter().take(12).enumerate().filter_map(|(number, given)| rule(number, given));
    let snapshot = Snapshot { listeners: listeners(&input), rules: rules.collect(), ..Snapshot::default() };
    let (router, reference) = (Router::new(&snapshot), Reference::new(&snapshot));
    for request in input.requests.iter().take(8) {
        let mut headers = Headers::new();
        for &(name, number) in request.headers.iter().take(4) {
            headers
                .append(HeaderName::from_static(pick(&NAMES, name)), HeaderValue::from_static(pick(&VALUES, number)));
        }
        if request.grpc {
            headers.insert("content-type", HeaderValue::from_static("application/grpc+proto"));
        }
        let parts = RequestParts {
            bind: bind(request.port),
            host: pick(&ASKED, request.host),
            path: pick(&PATHS, request.path),
            query: pick(&QUERIES, request.query),
            method: pick(&METHODS, request.method),
            headers: &headers,
        };
        let (found, expected) = (router.route(&parts), reference.route(&parts));
        let winner = found.as_ref().ok().map(|found| (&found.rule.key, found.position, found.hostname));
        assert_eq!(winner, expected.winner, "{parts:?}");
        let listener = match &found {
            Ok(found) => Some(found.listener),
            Err(no_match) => no_match.listener,
        };
        assert_eq!(listener, expected.listener, "{parts:?}");
    }
});
