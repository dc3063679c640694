//! Requests through a whole engine to a backend, while configurations change and the engine goes away.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use nantian_ir::{BackendProtocol, Certificate, CertificateKey, ListenerTls, SecretBytes};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};

use super::*;
use crate::runtime::tests::{Builder, listener_key, to};

/// A backend that answers 200 with its name; on `/slow` it first says that it was asked, and waits until told.
struct Backend {
    address: SocketAddr,
    asked: Receiver<()>,
    go: Sender<()>,
}

fn backend(name: &'static str) -> Backend {
    let socket = TcpListener::bind((LOOPBACK, 0)).expect("a socket");
    let address = socket.local_addr().expect("an address");
    let (asking, asked) = channel();
    let (go, going) = channel();
    let going = Arc::new(Mutex::new(going));
    std::thread::spawn(move || {
        for stream in socket.incoming() {
            let (asking, going) = (asking.clone(), Arc::clone(&going));
            std::thread::spawn(move || answer(stream.expect("a connection"), name, &asking, &going));
        }
    });
    Backend { address, asked, go }
}

fn head_of_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    Some(head)
}

fn answer(mut stream: TcpStream, name: &str, asking: &Sender<()>, going: &Mutex<Receiver<()>>) -> Option<()> {
    loop {
        let head = head_of_request(&mut stream)?;
        if head.starts_with(b"GET /slow") {
            asking.send(()).ok()?;
            going.lock().ok()?.recv().ok()?;
        }
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len()).ok()?;
    }
}

/// All paths to one backend, on a port that the kernel chooses.
fn routed(backend: SocketAddr) -> Snapshot {
    let mut snapshot = Builder::new()
        .backend("b", BackendProtocol::Http1, &[backend])
        .rule(0, "/", |rule| rule.targets = vec![to("b", 1)])
        .0;
    let listener = snapshot.listeners.get_mut(&listener_key("http")).expect("a listener");
    Arc::make_mut(listener).bind = bind(1);
    snapshot
}

fn get(stream: &mut (impl Read + Write), path: &str) {
    // At once: what came of half a head is held, and counts.
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n").as_bytes()).expect("sent");
}

/// The body of the next answer, which must be a 200.
fn body(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("an answer");
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("text").to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()).expect("a length");
    let mut body = vec![0; length.parse().expect("a number")];
    stream.read_exact(&mut body).expect("a body");
    String::from_utf8(body).expect("text")
}

#[tokio::test]
async fn a_request_in_flight_keeps_its_configuration_and_the_next_one_has_the_new_one() {
    let (old, new) = (backend("old"), backend("new"));
    let engine = engine();
    assert_eq!(engine.apply(Arc::new(routed(old.address))).await.refused, []);
    let mut stream = connect(address(&engine, bind(1)));
    get(&mut stream, "/slow");
    old.asked.recv_timeout(GUARD).expect("the backend was asked");
    assert_eq!(engine.apply(Arc::new(routed(new.address))).await.refused, []);
    old.go.send(()).expect("it waits");
    assert_eq!(body(&mut stream), "old");
    get(&mut stream, "/");
    assert_eq!(body(&mut stream), "new");
}

#[tokio::test]
async fn requests_in_flight_finish_while_the_engine_drains() {
    let backend = backend("b");
    let engine = engine();
    let _ = engine.apply(Arc::new(routed(backend.address))).await;
    let mut stream = connect(address(&engine, bind(1)));
    get(&mut stream, "/slow");
    backend.asked.recv_timeout(GUARD).expect("the backend was asked");
    let finish = async {
        // The socket is closed before the request is let go, so the request was in flight while draining.
        let address = stream.peer_addr().expect("an address");
        while TcpStream::connect(address).is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        backend.go.send(()).expect("it waits");
    };
    let (report, ()) = tokio::join!(engine.drain(GUARD), finish);
    assert_eq!(report.cut, 0);
    assert_eq!(body(&mut stream), "b");
    assert!(is_closed(&mut stream));
}

#[tokio::test]
async fn requests_that_take_longer_than_the_drain_are_cut_and_counted() {
    let backend = backend("b");
    let engine = engine();
    let _ = engine.apply(Arc::new(routed(backend.address))).await;
    let mut stream = connect(address(&engine, bind(1)));
    get(&mut stream, "/slow");
    backend.asked.recv_timeout(GUARD).expect("the backend was asked");
    assert_eq!(engine.drain(Duration::from_millis(1)).await.cut, 1);
    assert!(is_closed(&mut stream));
}

/// An output that the test reads.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("unpoisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_request_is_counted_and_logged_with_its_listener_route_and_backend() {
    let backend = backend("b");
    let output = Output::default();
    let mut config = config();
    config.access_log.format = AccessLogFormat::Json;
    let engine = Engine::start_with_log(config, output.clone()).expect("an engine");
    let _ = engine.apply(Arc::new(routed(backend.address))).await;
    let mut stream = connect(address(&engine, bind(1)));
    get(&mut stream, "/x?token=secret");
    assert_eq!(body(&mut stream), "b");
    let _ = engine.drain(GUARD).await;

    let metrics = engine.metrics_text();
    for line in [
        "http_requests_total{listener=\"ns/gw/http\",route=\"HTTPRoute/ns/route\",status_class=\"2xx\"} 1\n",
        "http_sent_bytes_total{listener=\"ns/gw/http\",route=\"HTTPRoute/ns/route\"} 1\n",
        "backend_connections_total{backend=\"Service/ns/b:80\"} 1\n",
        "access_log_lines_total 1\n",
        "access_log_dropped_total 0\n",
    ] {
        assert!(metrics.contains(&format!("nantian_gateway_dataplane_{line}")), "{line}{metrics}");
    }
    let log = String::from_utf8(output.0.lock().expect("unpoisoned").clone()).expect("text");
    assert_eq!(log.lines().count(), 1, "{log}");
    let line: serde_json::Value = serde_json::from_str(&log).expect("JSON");
    assert_eq!(line["status"], 200);
    assert_eq!(line["path"], "/x");
    assert_eq!(line["route"], "HTTPRoute/ns/route");
    assert_eq!(line["endpoint"], backend.address.to_string());
    assert!(!log.contains("secret"), "queries are not logged: {log}");
}

fn certificate() -> Certificate {
    let made = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).expect("a certificate");
    Certificate {
        key: CertificateKey { namespace: "ns".into(), name: "cert".into() },
        chain: made.cert.pem(),
        private_key: SecretBytes::new(made.signing_key.serialize_pem().into_bytes()),
    }
}

fn with_tls(mut snapshot: Snapshot, certificate: &Certificate) -> Arc<Snapshot> {
    let listener = snapshot.listeners.get_mut(&listener_key("http")).expect("a listener");
    let listener = Arc::make_mut(listener);
    listener.protocol = ListenerProtocol::Https;
    listener.tls = Some(ListenerTls { certificates: vec![certificate.key.clone()], client_validation: None });
    snapshot.certificates.insert(Arc::new(certificate.clone()));
    Arc::new(snapshot)
}

fn tls(address: SocketAddr, trusted: &Certificate) -> rustls::StreamOwned<rustls::ClientConnection, TcpStream> {
    let mut roots = rustls::RootCertStore::empty();
    let leaf = CertificateDer::from_pem_slice(trusted.chain.as_bytes()).expect("a certificate");
    roots.add(leaf).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("a.example").expect("a name");
    let session = rustls::ClientConnection::new(Arc::new(config), name).expect("a session");
    rustls::StreamOwned::new(session, connect(address))
}

#[tokio::test]
async fn a_renewed_certificate_serves_new_connections_and_open_ones_go_on() {
    let backend = backend("b");
    let (old, new) = (certificate(), certificate());
    let engine = engine();
    assert_eq!(engine.apply(with_tls(routed(backend.address), &old)).await.refused, []);
    let address = address(&engine, bind(1));
    // Each client trusts one certificate only: a handshake tells which one was served.
    let mut kept = tls(address, &old);
    get(&mut kept, "/");
    assert_eq!(body(&mut kept), "b");

    assert_eq!(engine.apply(with_tls(routed(backend.address), &new)).await.refused, []);
    let mut fresh = tls(address, &new);
    get(&mut fresh, "/");
    assert_eq!(body(&mut fresh), "b");
    get(&mut kept, "/");
    assert_eq!(body(&mut kept), "b");
    assert!(tls(address, &old).write_all(b"x").is_err(), "the old certificate is gone");
}

/// Reloads while requests run on kept and on new connections: every request is answered by one of the two backends.
#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_configurations_change() {
    let backends = [backend("x"), backend("y")];
    let engine = engine();
    let _ = engine.apply(Arc::new(routed(backends[0].address))).await;
    let address = address(&engine, bind(1));
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|client| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                let mut kept = connect(address);
                let mut answered = 0_u32;
                while !stop.load(std::sync::atomic::Ordering::Relaxed) || answered == 0 {
                    if client % 2 == 0 {
                        kept = connect(address);
                    }
                    get(&mut kept, "/");
                    assert!(["x", "y"].contains(&body(&mut kept).as_str()));
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    for round in 0..50 {
        let mut snapshot = routed(backends[round % 2].address);
        if round % 3 == 0 {
            let other = listener("other", bind(2));
            snapshot.listeners.insert(Arc::new(other));
        }
        assert_eq!(engine.apply(Arc::new(snapshot)).await.refused, []);
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    for client in clients {
        assert!(client.join().expect("no request failed") > 0);
    }
}

/// 20 MB for `/large`, nothing for other paths.
fn large_origin() -> SocketAddr {
    let socket = TcpListener::bind((LOOPBACK, 0)).expect("a socket");
    let address = socket.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in socket.incoming() {
            // It ends when the gateway closes the connection.
            std::thread::spawn(move || answer_large(stream.expect("a connection")));
        }
    });
    address
}

fn answer_large(mut stream: TcpStream) -> Option<()> {
    loop {
        let head = head_of_request(&mut stream)?;
        let body = vec![0; if head.starts_with(b"GET /large") { 20 * 1024 * 1024 } else { 0 }];
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).ok()?;
        stream.write_all(&body).ok()?;
    }
}

async fn until(what: impl Fn() -> bool) {
    let waiting = async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(GUARD, waiting).await.expect("it comes true");
}

#[tokio::test]
async fn where_too_much_is_held_a_request_is_refused_and_the_largest_holder_is_cut() {
    let mut config = config();
    (config.workers, config.limits.buffered_bytes) = (NonZeroUsize::new(1), 1);
    let engine = Engine::start(config).expect("an engine");
    assert!(engine.apply(Arc::new(routed(large_origin()))).await.is_complete());
    let address = address(&engine, bind(1));
    let mut stalled = connect(address);
    get(&mut stalled, "/large");
    // Not before it is answered: while an answer to the other is on its way, this request would be the one that is refused.
    let mut status = *b"HTTP/1.1 ---";
    stalled.read_exact(&mut status).expect("an answer");
    assert_eq!(&status, b"HTTP/1.1 200");
    // The kernel takes some of the answer first; what it does not take is held.
    let mut other = connect(address);
    while ask(&mut other) != Some(503) {
        tokio::task::yield_now().await;
    }
    // Both are written down when the stalled connection has gone.
    let flagged = "nantian_gateway_dataplane_http_response_flags_total{flag=\"OL\"} 2";
    until(|| engine.metrics_text().lines().any(|line| line == flagged)).await;
    until(|| engine.telemetry().buffered() == 0).await;
    assert_eq!(ask(&mut other), Some(200));
    let text = engine.metrics_text();
    let count = |name: &str| -> u64 {
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("nantian_gateway_dataplane_{name} ")));
        line.expect("the metric").parse().expect("a number")
    };
    assert_eq!(count("buffered_bytes_actions_total{action=\"request_refused\"}"), 1);
    assert_eq!(count("buffered_bytes_actions_total{action=\"connection_cut\"}"), 1);
}
