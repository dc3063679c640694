//! One connection with a client, one with a backend, and the gateway between them on the calling thread: what it does for a
//! request is the same each time, and can be counted.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;

use nantian_ir::compile::{Objects, Options, compile, yaml};
use nantian_proxy::http::{self, ConnectionEnd, ConnectionInfo, Drain, HttpSettings, Transport};
use nantian_proxy::request::{Pipeline, Settings, Worker};
use nantian_proxy::runtime::Runtime;
use nantian_proxy::telemetry::{AccessLog, Telemetry};

const ASKED: &[u8] = b"GET /1k HTTP/1.1\r\nHost: a.example\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n";

/// Accepts one connection and serves it to its end.
pub(crate) fn serve(
    gateway: &TcpListener,
    snapshot: Arc<nantian_ir::Snapshot>,
    http: HttpSettings,
    log: Option<&AccessLog>,
) -> ConnectionEnd {
    let address = gateway.local_addr().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let bind = snapshot.listeners.values().next().unwrap().bind;
        let telemetry = Telemetry::new("test", 1);
        let runtime = Arc::new(Runtime::build(snapshot, None));
        let recorder = log.map_or_else(|| telemetry.recorder(0), |log| telemetry.logging_recorder(0, log));
        let worker = Worker::new(Settings::default(), &http, runtime, recorder.clone(), 7);
        let (stream, peer) = gateway.accept().unwrap();
        stream.set_nonblocking(true).unwrap();
        let stream = tokio::net::TcpStream::from_std(stream).unwrap();
        let info = Rc::new(ConnectionInfo::new(peer, address));
        let (io, pipeline) = (Transport::from(stream), Pipeline::new(worker, bind));
        let end = http::serve_auto(io, info, Rc::new(http), pipeline, Drain::new()).await;
        recorder.flush();
        end
    })
}

/// All requests go to the backend at a port of this machine, through the filters of a rule, as YAML in one line.
pub(crate) fn snapshot(backend: u16, filters: &str) -> Arc<nantian_ir::Snapshot> {
    snapshot_of(backend, "", filters)
}

/// The same; `protocol`: what the Service says of the backend's, behind a comma.
pub(crate) fn snapshot_of(backend: u16, protocol: &str, filters: &str) -> Arc<nantian_ir::Snapshot> {
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
spec: {{parentRefs: [{{name: web}}], rules: [{{filters: {filters}, backendRefs: [{{name: app, port: 80}}]}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: app}}
spec: {{ports: [{{port: 80{protocol}}}]}}
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

/// The same request `count` times on one connection, each after the answer of the one before.
pub(crate) fn ask(address: SocketAddr, count: usize) {
    let mut stream = TcpStream::connect(address).unwrap();
    for _ in 0..count {
        stream.write_all(ASKED).unwrap();
        let answer = read_to(&mut stream, is_whole).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&answer));
    }
}

/// The same request on one stream of HTTP/2 after another, its fields literals that nobody remembers.
pub(crate) fn ask_on_streams(address: SocketAddr, count: usize) {
    const NO_SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const MORE_ROOM: [u8; 13] = [0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7f, 0, 0, 0];
    // GET, http, `:path`, `:authority`, `user-agent` and `accept`.
    let block = b"\x82\x86\x04\x03/1k\x01\x09a.example\x0f\x2b\x04test\x0f\x04\x03*/*";
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    stream.write_all(&[&NO_SETTINGS[..], &MORE_ROOM].concat()).unwrap();
    for number in 0..u32::try_from(count).unwrap() {
        let id = (2 * number + 1).to_be_bytes();
        let head = [&[0, 0, u8::try_from(block.len()).unwrap(), 1, 5][..], &id].concat();
        stream.write_all(&[&head, &block[..]].concat()).unwrap();
        let mut received = 0;
        loop {
            let mut head = [0; 9];
            stream.read_exact(&mut head).unwrap();
            let [_, high, low, kind, flags, of @ ..] = head;
            let length = u16::from_be_bytes([high, low]);
            stream.read_exact(&mut vec![0; length.into()]).unwrap();
            assert!(of == [0; 4] || of == id, "{head:?}");
            if kind == 0 {
                received += length;
                if flags & 1 != 0 {
                    break;
                }
            }
        }
        assert_eq!(received, 1024);
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n");
    head.is_some_and(|end| answer.len() >= end + 4 + 1024)
}

/// Answers requests without a body with 1 KiB, until there are no more.
pub(crate) fn answer(mut stream: TcpStream) {
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
