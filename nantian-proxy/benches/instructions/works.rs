//! What is counted.

use std::hint::black_box;
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, SystemTime};

use http::{Method, StatusCode, Version};
use nantian_ir::{BackendKey, RuleKey};
use nantian_proxy::http::{ConnectionEnd, HttpSettings};
use nantian_proxy::router::{RequestParts, Router};
use nantian_proxy::telemetry::AccessLogFormat::{Json, Off, Text};
use nantian_proxy::telemetry::{AccessLog, AccessLogFormat, RequestRecord, Telemetry};

use crate::one_connection::{self, answer, ask, ask_on_streams};
use crate::routes::{BIND, Shape};
use crate::streams;

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
const LINES: u64 = 200;

/// A request is counted with its client and its backend, which read and write and hardly more: 1 KiB comes back. A line of the
/// access log is counted with the look-up of the metrics of its route, and both with the thread that writes lines, to nowhere.
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
        instructions: 1_600,
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
    Work {
        name: "request/http1",
        instructions: 49_500,
        rounds: EXCHANGES,
        run: |times| requests("[]", ask, Off, times),
    },
    Work {
        name: "request/http1/filters",
        instructions: 54_500,
        rounds: EXCHANGES,
        run: |times| requests(FILTERS, ask, Off, times),
    },
    Work {
        name: "request/http2",
        instructions: 57_500,
        rounds: EXCHANGES,
        run: |times| requests("[]", ask_on_streams, Off, times),
    },
    Work {
        name: "request/http1/log",
        instructions: 53_500,
        rounds: EXCHANGES,
        run: |times| requests("[]", ask, Json, times),
    },
    Work { name: "log/json", instructions: 5_900, rounds: LINES, run: |times| lines(Json, times) },
    Work { name: "log/text", instructions: 5_500, rounds: LINES, run: |times| lines(Text, times) },
    Work {
        name: "request/http2/at_once",
        instructions: 46_500,
        rounds: EXCHANGES,
        run: |times| requests_at_once("", streams::answer_http1, times),
    },
    Work {
        name: "request/http2/both_ways",
        instructions: 50_500,
        rounds: EXCHANGES,
        run: |times| requests_at_once(", appProtocol: kubernetes.io/h2c", streams::answer_http2, times),
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
fn requests(filters: &str, ask: fn(SocketAddr, usize), log: AccessLogFormat, times: u64) {
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = TcpListener::bind("127.0.0.1:0").unwrap();
    let snapshot = one_connection::snapshot(backend.local_addr().unwrap().port(), filters);
    let backend = thread::spawn(move || answer(backend.accept().unwrap().0));
    let address = gateway.local_addr().unwrap();
    let client = thread::spawn(move || ask(address, usize::try_from(times).unwrap()));
    let log = AccessLog::start(log, std::io::sink()).unwrap();
    let end = one_connection::serve(&gateway, snapshot, HttpSettings::default(), log.as_ref());
    if let Some(log) = log {
        log.finish();
    }
    assert!(matches!(end, ConnectionEnd::Closed), "{end}");
    client.join().unwrap();
    backend.join().unwrap();
}

/// Records requests that have ended, with a line for each.
fn lines(format: AccessLogFormat, times: u64) {
    let snapshot = one_connection::snapshot(80, "[]");
    let listener = snapshot.listeners.keys().next().unwrap();
    let rule: &RuleKey = snapshot.rules.keys().next().unwrap();
    let backend: &BackendKey = snapshot.backends.keys().next().unwrap();
    let client = SocketAddr::from(([192, 0, 2, 17], 47_110));
    let mut record = RequestRecord::new(SystemTime::now(), client, Version::HTTP_11, &Method::GET);
    (record.host, record.path) = ("shop.example.com", "/v1/carts/4711/items");
    (record.duration, record.first_byte) = (Duration::from_micros(1_234), Some(Duration::from_micros(1_111)));
    (record.listener, record.rule, record.backend) = (Some(listener), Some(rule), Some(backend));
    (record.endpoint, record.tries) = (Some(SocketAddr::from(([10, 244, 1, 23], 8080))), 1);
    (record.status, record.bytes_out) = (Some(StatusCode::OK), 1024);
    record.user_agent = Some(b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
    record.request_id = Some(b"0f8fad5b-d9cb-469f-a165-70867728950e");
    let log = AccessLog::start(format, std::io::sink()).unwrap().unwrap();
    let recorder = Telemetry::new("test", 1).logging_recorder(0, &log);
    for _ in 0..times {
        recorder.record(black_box(&record));
    }
    recorder.flush();
    drop(recorder);
    log.finish();
}

/// Sends requests on many streams of one connection at once.
fn requests_at_once(protocol: &str, answer: fn(&TcpListener), times: u64) {
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = TcpListener::bind("127.0.0.1:0").unwrap();
    let snapshot = one_connection::snapshot_of(backend.local_addr().unwrap().port(), protocol, "[]");
    thread::spawn(move || answer(&backend));
    let address = gateway.local_addr().unwrap();
    let client = thread::spawn(move || streams::ask_at_once(address, usize::try_from(times).unwrap()));
    let end = one_connection::serve(&gateway, snapshot, HttpSettings::default(), None);
    assert!(matches!(end, ConnectionEnd::Closed), "{end}");
    client.join().unwrap();
}
