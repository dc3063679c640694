//! One bind address of one worker on a real socket, with handlers that misbehave.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::LocalSet;

use super::*;
use crate::engine::LimitsConfig;
use crate::engine::overload::Budget;
use crate::http::buffered::Buffers;
use crate::http::{Body, Drain, Exchange, Handler, HttpSettings, Reply, Request, Response};
use crate::telemetry::{BindStats, Telemetry};

/// Guards against hanging: far longer than anything here takes.
const GUARD: Duration = Duration::from_secs(20);

/// A body that panics when it is asked for.
struct Bad;

impl http_body::Body for Bad {
    type Data = bytes::Bytes;
    type Error = crate::http::BodyError;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
        panic!("a defect in a body")
    }
}

/// Panics on `/panic` and in the body of `/body`, waits on `/wait` until told, upgrades `/tunnel`, else says 200.
#[derive(Default)]
struct Odd {
    waiting: Cell<usize>,
    go: Notify,
}

impl Odd {
    async fn answer(self: Rc<Self>, request: Request<Body>) -> Reply {
        match request.uri().path() {
            "/panic" => panic!("a defect"),
            "/tunnel" => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
                let (near, mut far) = tokio::io::duplex(64);
                tokio::task::spawn_local(async move {
                    let (mut read, mut write) = tokio::io::split(&mut far);
                    tokio::io::copy(&mut read, &mut write).await
                });
                return Reply { response, tunnel: Some(Box::new(near)) };
            }
            "/body" => return Response::new(Body::boxed(Bad)).into(),
            "/wait" => {
                self.waiting.set(self.waiting.get() + 1);
                self.go.notified().await;
            }
            _ => {}
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::OK;
        response.into()
    }
}

impl Handler for Odd {
    fn handle(self: Rc<Self>, request: Request<Body>, _: Exchange) -> Pin<Box<impl Future<Output = Reply> + 'static>> {
        Box::pin(self.answer(request))
    }
}

struct Served {
    odd: Rc<Odd>,
    bind: Rc<tcp::Bind<Odd>>,
    stats: Arc<BindStats>,
    telemetry: Telemetry,
    address: SocketAddr,
    accepting: tokio::task::JoinHandle<()>,
}

async fn serve(limits: LimitsConfig) -> Served {
    let telemetry = Telemetry::new("n", 1);
    let recorder = telemetry.recorder(0);
    let stats = Arc::new(BindStats::default());
    let odd = Rc::new(Odd::default());
    let bind = Rc::new(tcp::Bind {
        handler: Rc::clone(&odd),
        settings: Rc::new(HttpSettings::default()),
        handshake_timeout: limits.tls_handshake_timeout,
        tls: RefCell::new(None),
        budget: Budget::new(&limits, 0),
        buffers: Buffers::new(&limits, telemetry.clone(), recorder.clone()),
        stats: Arc::clone(&stats),
        recorder,
        stop: Drain::new(),
        drain: Drain::new(),
        connections: Connections::default(),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let address = listener.local_addr().expect("an address");
    let accepting = tokio::task::spawn_local(Rc::clone(&bind).accept_loop(listener));
    Served { odd, bind, stats, telemetry, address, accepting }
}

async fn local(test: impl Future<Output = ()>) {
    tokio::time::timeout(GUARD, LocalSet::new().run_until(test)).await.expect("it does not hang");
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("a connection")
}

async fn send(stream: &mut TcpStream, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
}

/// The status of the next answer, none of which has a body here; `None` if the connection was closed.
async fn status(stream: &mut TcpStream) -> Option<u16> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    String::from_utf8(head).expect("text").split(' ').nth(1)?.parse().ok()
}

fn refusals(served: &Served) -> Vec<(&'static str, u64)> {
    served.stats.refusals().filter(|(_, count)| *count > 0).collect()
}

async fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_panic_in_a_handler_or_a_body_ends_its_connection_and_no_other() {
    local(async {
        let served = serve(LimitsConfig::default()).await;
        let mut other = connect(served.address).await;
        send(&mut other, "/").await;
        assert_eq!(status(&mut other).await, Some(200));
        for path in ["/panic", "/body"] {
            let mut stream = connect(served.address).await;
            send(&mut stream, path).await;
            let mut rest = Vec::new();
            // Closed or reset: the answer's end must not look like a complete one.
            let _ = stream.read_to_end(&mut rest).await;
            assert!(!rest.ends_with(b"0\r\n\r\n"));
            until(|| served.stats.active.get() == 1).await;
            send(&mut other, "/").await;
            assert_eq!(status(&mut other).await, Some(200));
        }
        let metrics = served.telemetry.metrics_text();
        assert!(metrics.contains("nantian_gateway_dataplane_panics_total{place=\"connection\"} 2\n"), "{metrics}");
    })
    .await;
}

#[tokio::test]
async fn connections_above_a_limit_are_closed_and_counted_and_room_is_used_again() {
    local(async {
        let limits = LimitsConfig { connections: 10, connections_per_listener: 1, ..LimitsConfig::default() };
        let served = serve(limits).await;
        let mut first = connect(served.address).await;
        send(&mut first, "/").await;
        assert_eq!(status(&mut first).await, Some(200));
        let mut second = connect(served.address).await;
        assert_eq!(status(&mut second).await, None);
        assert_eq!((served.stats.active.get(), refusals(&served)), (1, vec![("listener", 1)]));

        drop(first);
        until(|| served.stats.active.get() == 0).await;
        let mut third = connect(served.address).await;
        send(&mut third, "/").await;
        assert_eq!(status(&mut third).await, Some(200));
        assert_eq!(served.stats.total.get(), 2);
    })
    .await;
}

/// A connection from another address of this machine.
async fn connect_from(client: &str, address: SocketAddr) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind(format!("{client}:0").parse().expect("an address")).expect("all of 127.0.0.0/8 is ours");
    socket.connect(address).await.expect("a connection")
}

async fn served_to(stream: &mut TcpStream) -> Option<u16> {
    // The server may have closed already.
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").await;
    status(stream).await
}

#[tokio::test]
async fn connections_of_one_client_above_its_limit_are_closed_and_counted_and_no_other_client_is_affected() {
    local(async {
        let served = serve(LimitsConfig { connections_per_client: 2, ..LimitsConfig::default() }).await;
        let mut first = connect_from("127.0.0.2", served.address).await;
        let mut second = connect_from("127.0.0.2", served.address).await;
        assert_eq!((served_to(&mut first).await, served_to(&mut second).await), (Some(200), Some(200)));
        let mut third = connect_from("127.0.0.2", served.address).await;
        assert_eq!(served_to(&mut third).await, None);
        assert_eq!(refusals(&served), [("client", 1)]);
        let mut other = connect_from("127.0.0.3", served.address).await;
        assert_eq!(served_to(&mut other).await, Some(200));

        drop(first);
        until(|| served.stats.active.get() == 2).await;
        let mut again = connect_from("127.0.0.2", served.address).await;
        assert_eq!(served_to(&mut again).await, Some(200), "the slot of the connection that ended");
        assert_eq!(served_to(&mut second).await, Some(200), "refusing others has not harmed it");
        assert_eq!(refusals(&served), [("client", 1)]);
    })
    .await;
}

#[tokio::test]
async fn a_tls_client_above_its_limit_is_closed_before_its_handshake_begins() {
    local(async {
        let served = serve(LimitsConfig { connections_per_client: 1, ..LimitsConfig::default() }).await;
        *served.bind.tls.borrow_mut() = Some(Arc::default());
        // Silent, so that its handshake goes on.
        let _first = connect_from("127.0.0.2", served.address).await;
        let mut second = connect_from("127.0.0.2", served.address).await;
        assert_eq!(status(&mut second).await, None);
        assert_eq!(refusals(&served), [("client", 1)]);
        assert!(served.stats.handshake_errors().all(|(_, count)| count == 0));
    })
    .await;
}

#[tokio::test]
async fn a_tunnel_holds_the_slot_of_its_client_until_it_ends() {
    local(async {
        let served = serve(LimitsConfig { connections_per_client: 1, ..LimitsConfig::default() }).await;
        let mut tunnel = connect_from("127.0.0.2", served.address).await;
        let upgrade = b"GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
        tunnel.write_all(upgrade).await.expect("sent");
        assert_eq!(status(&mut tunnel).await, Some(101));
        let mut more = connect_from("127.0.0.2", served.address).await;
        assert_eq!(served_to(&mut more).await, None);
        tunnel.write_all(b"x").await.expect("the tunnel lives");
        assert_eq!(tunnel.read_u8().await.expect("an echo"), b'x');

        drop(tunnel);
        until(|| served.stats.active.get() == 0).await;
        let mut more = connect_from("127.0.0.2", served.address).await;
        assert_eq!(served_to(&mut more).await, Some(200));
    })
    .await;
}

#[tokio::test]
async fn a_request_in_flight_finishes_while_draining_and_its_connection_closes_after_it() {
    local(async {
        let served = serve(LimitsConfig::default()).await;
        let mut busy = connect(served.address).await;
        send(&mut busy, "/wait").await;
        let mut idle = connect(served.address).await;
        send(&mut idle, "/").await;
        assert_eq!(status(&mut idle).await, Some(200));
        until(|| served.odd.waiting.get() == 1).await;

        served.bind.stop.start();
        served.accepting.await.expect("the accept loop ends");
        served.bind.drain.start();
        assert_eq!(status(&mut idle).await, None, "an idle connection is closed at once");
        assert!(TcpStream::connect(served.address).await.is_err());
        assert_eq!(served.bind.connections.len(), 1);
        served.odd.go.notify_one();
        assert_eq!(status(&mut busy).await, Some(200));
        assert_eq!(status(&mut busy).await, None);
        served.bind.connections.closed().await;
        assert_eq!(served.stats.active.get(), 0);
    })
    .await;
}

/// The kernel resets what waits in a socket that is closed: it is taken and served first.
#[tokio::test]
async fn connections_that_wait_in_a_closing_socket_are_served() {
    local(async {
        let served = serve(LimitsConfig::default()).await;
        // Nothing is awaited between connecting and stopping, so the accept loop has not run for these.
        let waiting: Vec<_> = (0..8)
            .map(|_| {
                let stream = std::net::TcpStream::connect(served.address).expect("the kernel accepts");
                stream.set_nonblocking(true).expect("a socket");
                stream
            })
            .collect();
        served.bind.stop.start();
        served.accepting.await.expect("the accept loop ends");
        for stream in waiting {
            let mut stream = TcpStream::from_std(stream).expect("a socket");
            send(&mut stream, "/").await;
            assert_eq!(status(&mut stream).await, Some(200));
        }
    })
    .await;
}

#[tokio::test]
async fn what_does_not_finish_is_cut_and_counted() {
    local(async {
        let served = serve(LimitsConfig::default()).await;
        let mut busy = connect(served.address).await;
        send(&mut busy, "/wait").await;
        until(|| served.odd.waiting.get() == 1).await;
        served.bind.drain.start();
        assert_eq!(served.bind.connections.cut(), 1);
        served.bind.connections.closed().await;
        assert_eq!(status(&mut busy).await, None);
    })
    .await;
}

#[tokio::test]
async fn a_silent_tls_client_is_cut_after_the_handshake_timeout() {
    local(async {
        let limits = LimitsConfig { tls_handshake_timeout: Duration::from_millis(1), ..LimitsConfig::default() };
        let served = serve(limits).await;
        *served.bind.tls.borrow_mut() = Some(Arc::default());
        let mut silent = connect(served.address).await;
        assert_eq!(status(&mut silent).await, None);
        let timeouts = served.stats.handshake_errors().find(|(reason, _)| *reason == "timeout");
        assert_eq!(timeouts, Some(("timeout", 1)));
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_was_cut_is_counted_by_its_reason() {
    local(async {
        let served = serve(LimitsConfig::default()).await;
        let mut rest = Vec::new();
        let mut stream = connect(served.address).await;
        stream.write_all(b"no request\r\n\r\n").await.expect("sent");
        stream.read_to_end(&mut rest).await.expect("an answer");
        drop(stream);
        let mut stream = connect(served.address).await;
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.expect("sent");
        let ping = b"\0\0\x08\x06\0\0\0\0\0\0\0\0\0\0\0\0\0";
        let _ = stream.write_all(&ping.repeat(200)).await;
        stream.read_to_end(&mut rest).await.expect("GOAWAY");
        drop(stream);
        until(|| served.stats.active.get() == 0).await;
        let cuts: Vec<_> = served.stats.cuts().filter(|(_, count)| *count > 0).collect();
        assert_eq!(cuts, [("refused", 1), ("pings", 1)]);
    })
    .await;
}
