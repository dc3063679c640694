//! What a request costs in allocations: a count that is the same on every machine, so that a guard can be exact.
//!
//! One keep-alive connection in, one keep-alive connection out, both HTTP/1.1, with the settings as they come. Client and
//! backend have threads of their own; only what the worker's thread allocates is counted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests panic when they fail")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use nantian_ir::compile::{Objects, Options, compile, yaml};
use nantian_proxy::http::{self, ConnectionEnd, ConnectionInfo, Drain, HttpSettings, Transport};
use nantian_proxy::request::{Pipeline, Settings, Worker};
use nantian_proxy::runtime::Runtime;
use nantian_proxy::telemetry::Telemetry;

/// Allocations of one request. A change that needs more says why here; one that needs fewer lowers the number.
const MOST: u64 = 10;

const ASKED: &[u8] = b"GET /1k HTTP/1.1\r\nHost: a.example\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n";

#[test]
fn a_request_on_kept_connections_allocates_no_more_than_it_did() {
    let (few, many) = (requests(50), requests(250));
    let each = (many - few).div_ceil(200);
    assert!(each <= MOST, "{each} allocations for each request");
}

/// Allocations of the worker's thread for a connection with `count` requests.
fn requests(count: usize) -> u64 {
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let snapshot = snapshot(backend.local_addr().unwrap().port());
    let backend = thread::spawn(move || answer(backend.accept().unwrap().0));
    let gateway = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = gateway.local_addr().unwrap();
    let client = thread::spawn(move || ask(address, count));

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let counted = allocation_counter::measure(|| {
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let bind = snapshot.listeners.values().next().unwrap().bind;
            let (http, telemetry) = (HttpSettings::default(), Telemetry::new("test", 1));
            let runtime = Arc::new(Runtime::build(snapshot, None));
            let worker = Worker::new(Settings::default(), &http, runtime, telemetry.recorder(0), 7);
            let (stream, peer) = gateway.accept().unwrap();
            stream.set_nonblocking(true).unwrap();
            let stream = tokio::net::TcpStream::from_std(stream).unwrap();
            let info = Rc::new(ConnectionInfo::new(peer, address));
            let (io, pipeline) = (Transport::from(stream), Pipeline::new(worker, bind));
            let end = http::serve(io, info, Rc::new(http), pipeline, Drain::new()).await;
            assert!(matches!(end, ConnectionEnd::Closed), "{end}");
        });
    });
    client.join().unwrap();
    backend.join().unwrap();
    counted.count_total
}

fn ask(address: SocketAddr, count: usize) {
    let mut stream = TcpStream::connect(address).unwrap();
    for _ in 0..count {
        stream.write_all(ASKED).unwrap();
        let answer = read_to(&mut stream, is_whole).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&answer));
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n");
    head.is_some_and(|end| answer.len() >= end + 4 + 1024)
}

/// Answers requests without a body with 1 KiB, until there are no more.
fn answer(mut stream: TcpStream) {
    let head = "HTTP/1.1 200 OK\r\nServer: test\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: text/plain\r\n";
    let answer = format!("{head}Content-Length: 1024\r\nConnection: keep-alive\r\n\r\n{}", "x".repeat(1024));
    while read_to(&mut stream, |read| read.ends_with(b"\r\n\r\n")).is_some() {
        stream.write_all(answer.as_bytes()).unwrap();
    }
}

/// Reads until `ended`; `None` at the end of the stream.
fn read_to(stream: &mut TcpStream, ended: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let (mut read, mut part) = (Vec::new(), [0; 4096]);
    while !ended(&read) {
        match stream.read(&mut part).unwrap() {
            0 => return None,
            count => read.extend_from_slice(&part[..count]),
        }
    }
    Some(read)
}

fn snapshot(backend: u16) -> Arc<nantian_ir::Snapshot> {
    let objects = format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: web}}
spec: {{gatewayClassName: nantian-gw, listeners: [{{name: http, protocol: HTTP, port: 80}}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: app}}
spec: {{parentRefs: [{{name: web}}], rules: [{{backendRefs: [{{name: app, port: 80}}]}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: app}}
spec: {{ports: [{{port: 80}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: app-1, labels: {{kubernetes.io/service-name: app}}}}
addressType: IPv4
ports: [{{port: {backend}}}]
endpoints: [{{addresses: [127.0.0.1]}}]
"
    );
    let objects: Objects = yaml::parse("objects", &objects).objects.into_iter().collect();
    compile(&objects, &Options::standalone()).snapshot
}
