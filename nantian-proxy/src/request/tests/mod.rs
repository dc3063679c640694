//! The pipeline on real sockets: a client, a gateway, backends, all on one thread.

mod bodies;
mod cuts;
mod fast_clients;
mod filters;
mod forwarding;
mod headers;
mod http2;
mod long_bodies;
mod lost_connections;
mod mirrors;
mod records;
mod resets;
mod retries;
mod routing;
mod secured;
mod unserved;
mod upgrades;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use nantian_ir::{BackendProtocol, BindAddress};

use super::*;
use crate::http::HttpSettings;
use crate::http::normalize::{EncodedSlash, PathOptions};
use crate::http::testing::{Raw, local, server, server_of, text};
use crate::http::{Request, Response};
use crate::runtime::tests::{Builder, listener_key, to};
use crate::telemetry::Telemetry;

/// Short, since clients here read to the end.
const LINGER: std::time::Duration = std::time::Duration::from_millis(200);
const BIND: BindAddress = BindAddress { address: None, port: 80 };

/// A gateway on a port of its own.
struct Gateway {
    address: SocketAddr,
    worker: Rc<Worker>,
    pipeline: Rc<Pipeline>,
    telemetry: Telemetry,
}

/// An answer as a client sees it.
#[derive(Debug)]
struct Seen {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

async fn gateway(builder: Builder) -> Gateway {
    gateway_with(builder, Settings::default()).await
}

async fn gateway_with(builder: Builder, settings: Settings) -> Gateway {
    gateway_on(builder, settings, HttpSettings { linger: LINGER, ..HttpSettings::default() }).await
}

async fn gateway_on(builder: Builder, settings: Settings, http: HttpSettings) -> Gateway {
    let telemetry = Telemetry::new("test", 1);
    let recorder = telemetry.recorder(0);
    gateway_recorded_by(recorder, telemetry, builder, settings, http).await
}

async fn gateway_recorded_by(
    recorder: Recorder,
    telemetry: Telemetry,
    builder: Builder,
    settings: Settings,
    http: HttpSettings,
) -> Gateway {
    let runtime = Runtime::build(builder.build(), None);
    assert_eq!(runtime.refused(), []);
    let worker = Worker::new(settings, &http, Arc::new(runtime), recorder, 7);
    let pipeline = Pipeline::new(Rc::clone(&worker), BIND);
    let address = server_of(http, Rc::clone(&pipeline)).await.address;
    Gateway { address, worker, pipeline, telemetry }
}

impl Gateway {
    async fn get(&self, path: &str) -> Seen {
        self.send("GET", path, &[], "").await
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Seen {
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str("host: gateway.example\r\n");
        }
        for (name, value) in headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        if !body.is_empty() {
            write!(head, "content-length: {}\r\n", body.len()).unwrap();
        }
        let mut client = Raw::connect(self.address).await;
        client.write(format!("{head}\r\n{body}")).await;
        parse(&client.rest().await)
    }

    /// A client of HTTP/2 that has sent `frames` after its preface and empty SETTINGS.
    async fn frames(&self, frames: &[&[u8]]) -> Raw {
        let mut client = Raw::connect(self.address).await;
        client.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
        client.write(frames.concat()).await;
        client
    }

    /// Whether requests that have ended had `flag`, `count` times.
    fn flags(&self, flag: &str) -> u64 {
        let wanted = format!("nantian_gateway_dataplane_http_response_flags_total{{flag=\"{flag}\"}} ");
        let text = self.telemetry.metrics_text();
        let line = text.lines().find_map(|line| line.strip_prefix(&wanted)).unwrap_or("0");
        line.parse().unwrap()
    }

    fn metric(&self, start: &str) -> u64 {
        let text = self.telemetry.metrics_text();
        text.lines().filter(|line| line.starts_with(start)).map(last_number).sum()
    }
}

/// Waits until all that the client has sent was read: a request that is reset in the same read is never looked at.
async fn heard(client: &mut Raw) {
    client.read.clear();
    client.write(b"\0\0\x08\x06\0\0\0\0\0pingpong").await;
    while memchr::memmem::find(&client.read, b"pingpong").is_none() {
        tokio::io::AsyncReadExt::read_buf(&mut client.io, &mut client.read).await.unwrap();
    }
}

fn last_number(line: &str) -> u64 {
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn parse(raw: &str) -> Seen {
    let (head, body) = raw.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {raw:?}"));
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: HeaderMap = lines.map(|line| line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""))).fold(
        HeaderMap::new(),
        |mut map, (name, value)| {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
            map
        },
    );
    let chunked = headers.get("transfer-encoding").is_some_and(|value| value == "chunked");
    let body = if chunked { dechunk(body) } else { body.to_owned() };
    Seen { status, headers, body }
}

fn dechunk(mut rest: &str) -> String {
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        body.push_str(&after[..size]);
        rest = &after[size + 2..];
    }
    body
}

/// A backend that answers with what it got: its name, the request line, a line for each header, and the body.
async fn echo(name: &'static str) -> SocketAddr {
    server(move |request, _| async move { echoed(name, request).await.into() }).await.address
}

async fn echoed(name: &str, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let mut answer = format!("backend: {name}\n{} {}\n", head.method, head.uri);
    for (header, value) in &head.headers {
        writeln!(answer, "{header}: {}", value.to_str().unwrap()).unwrap();
    }
    writeln!(answer, "body: {}", text(body).await).unwrap();
    let mut response = Response::new(Body::full(answer));
    response.headers_mut().insert("x-backend", HeaderValue::from_str(name).unwrap());
    response
}

/// A gateway with one echo backend `a`, and rules that `rules` adds to it.
async fn with_echo(rules: impl FnOnce(Builder) -> Builder) -> Gateway {
    let a = echo("a").await;
    gateway(rules(Builder::new().backend("a", BackendProtocol::Http1, &[a]))).await
}

/// A gateway before one backend, whose requests may take so long.
async fn before_one(backend: SocketAddr, limit: Option<std::time::Duration>) -> Gateway {
    let builder = Builder::new().backend("a", BackendProtocol::Http1, &[backend]).rule(0, "/", |rule| {
        rule.targets = vec![to("a", 1)];
        rule.timeouts.request = limit;
    });
    gateway(builder).await
}

/// An address that refuses connections.
async fn refusing() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

fn line<'a>(seen: &'a Seen, name: &str) -> Option<&'a str> {
    let start = format!("{name}: ");
    seen.body.lines().find_map(|line| line.strip_prefix(start.as_str()))
}

fn lines<'a>(seen: &'a Seen, name: &str) -> Vec<&'a str> {
    let start = format!("{name}: ");
    seen.body.lines().filter_map(|line| line.strip_prefix(start.as_str())).collect()
}

fn target(seen: &Seen) -> &str {
    seen.body.lines().nth(1).unwrap_or_default()
}
