//! What is counted.

use std::hint::black_box;
use std::net::{SocketAddr, TcpListener};
use std::thread;

use nantian_proxy::http::{ConnectionEnd, HttpSettings};
use nantian_proxy::router::{RequestParts, Router};

use crate::one_connection::{self, answer, ask, ask_on_streams};
use crate::routes::{BIND, Shape};

/// Something that is done again and again.
pub(crate) struct Work {
    pub(crate) name: &'static str,
    /// What one takes. A change that needs more says why in its commit; one that needs less lowers the number.
    pub(crate) instructions: u64,
    /// In how many rounds it is done: so many that what comes before, which differs a little each time, does not count.
    pub(crate) rounds: u64,
    /// Does it so often.
    pub(crate) run: fn(u64),
}

const LOOKUPS: u64 = 1_000;
const EXCHANGES: u64 = 20;

/// A request is counted with its client and its backend, which read and write and hardly more: 1 KiB comes back.
pub(crate) const WORKS: &[Work] = &[
    Work { name: "route/10/mixed", instructions: 2_250, rounds: LOOKUPS, run: |times| route(Shape::Mixed, 10, times) },
    Work {
        name: "route/10000/mixed",
        instructions: 2_610,
        rounds: LOOKUPS,
        run: |times| route(Shape::Mixed, 10_000, times),
    },
    Work {
        name: "route/10000/one_host",
        instructions: 2_500,
        rounds: LOOKUPS,
        run: |times| route(Shape::OneHost, 10_000, times),
    },
    Work {
        name: "route/10000/many_hosts",
        instructions: 1_700,
        rounds: LOOKUPS,
        run: |times| route(Shape::ManyHosts, 10_000, times),
    },
    Work {
        name: "route/10000/header",
        instructions: 2_190,
        rounds: LOOKUPS,
        run: |times| route(Shape::Header, 10_000, times),
    },
    Work {
        name: "route/10000/query",
        instructions: 4_110,
        rounds: LOOKUPS,
        run: |times| route(Shape::Query, 10_000, times),
    },
    Work { name: "request/http1", instructions: 49_500, rounds: EXCHANGES, run: |times| requests("[]", ask, times) },
    Work {
        name: "request/http1/filters",
        instructions: 54_500,
        rounds: EXCHANGES,
        run: |times| requests(FILTERS, ask, times),
    },
    Work {
        name: "request/http2",
        instructions: 61_500,
        rounds: EXCHANGES,
        run: |times| requests("[]", ask_on_streams, times),
    },
];

/// Fields set, added and removed on both ways, and another path.
const FILTERS: &str = "[
    {type: RequestHeaderModifier, requestHeaderModifier: {
        set: [{name: x-tenant, value: a}, {name: user-agent, value: b}], add: [{name: x-more, value: c}], remove: [accept]}},
    {type: ResponseHeaderModifier, responseHeaderModifier: {
        set: [{name: x-frame-options, value: DENY}], add: [{name: x-more, value: c}], remove: [server]}},
    {type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /v1}}}]";

/// Looks routes up, those of all requests in turn.
fn route(shape: Shape, size: usize, times: u64) {
    let router = Router::new(&shape.snapshot(size));
    let requests = shape.requests(size);
    for (_, (host, path, query, headers)) in (0..times).zip(requests.iter().cycle()) {
        let parts = RequestParts { bind: BIND, host, path, query: Some(query), method: "GET", headers };
        assert!(router.route(black_box(&parts)).is_ok(), "every request has a route");
    }
}

/// Sends requests through one connection, each after the answer of the one before.
fn requests(filters: &str, ask: fn(SocketAddr, usize), times: u64) {
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = TcpListener::bind("127.0.0.1:0").unwrap();
    let snapshot = one_connection::snapshot(backend.local_addr().unwrap().port(), filters);
    let backend = thread::spawn(move || answer(backend.accept().unwrap().0));
    let address = gateway.local_addr().unwrap();
    let client = thread::spawn(move || ask(address, usize::try_from(times).unwrap()));
    let end = one_connection::serve(&gateway, snapshot, HttpSettings::default());
    assert!(matches!(end, ConnectionEnd::Closed), "{end}");
    client.join().unwrap();
    backend.join().unwrap();
}
