use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use nantian_ir::{
    Backend, BackendKey, BackendKind, BackendProtocol, BindAddress, Certificate, CertificateKey, HostnameMatch,
    Listener, ListenerKey, ListenerProtocol, ListenerTls, SecretBytes, Snapshot,
};
use serde_json::Value;

use super::routes::PATHS;
use crate::engine::{Engine, EngineConfig, EngineError, Source};
use crate::telemetry::AccessLogFormat;

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

fn ask(engine: &Engine, method: &str, path: &str) -> Answer {
    let mut stream = TcpStream::connect(engine.admin_address().expect("an admin interface")).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

fn config() -> EngineConfig {
    let mut config = EngineConfig { workers: NonZeroUsize::new(1), ..EngineConfig::default() };
    config.admin.address.set_port(0);
    config.access_log.format = AccessLogFormat::Off;
    config
}

fn engine() -> Engine {
    Engine::start(config()).expect("an engine")
}

/// One listener whose certificate cannot be used, and whose key is recognisable.
fn snapshot() -> Arc<Snapshot> {
    let mut snapshot = Snapshot::default();
    let certificate = CertificateKey { namespace: "shop".into(), name: "cert".into() };
    let listener = Listener {
        key: ListenerKey { namespace: "shop".into(), gateway: "gw".into(), set: None, listener: "https".into() },
        bind: BindAddress { address: Some([127, 0, 0, 1].into()), port: 0 },
        public_port: 443,
        protocol: ListenerProtocol::Https,
        hostname: HostnameMatch::parse("*.example.com").expect("a host"),
        tls: Some(ListenerTls { certificates: vec![certificate.clone()], client_validation: None }),
        client_certificate: None,
    };
    snapshot.listeners.insert(Arc::new(listener));
    let secret = Certificate {
        key: certificate.clone(),
        chain: "public".into(),
        private_key: SecretBytes::new(b"very secret".to_vec()),
    };
    snapshot.certificates.insert(Arc::new(secret));
    Arc::new(snapshot)
}

#[tokio::test]
async fn readiness_begins_with_the_first_configuration_and_ends_with_draining() {
    let engine = engine();
    let answer = ask(&engine, "GET", "/readyz");
    assert_eq!((answer.status, answer.body.trim()), (503, "not ready: waiting for the first configuration"));
    assert_eq!(ask(&engine, "GET", "/livez").status, 200);
    assert!(ask(&engine, "GET", "/metrics").body.contains("nantian_gateway_dataplane_ready 0\n"));
    assert_eq!(ask(&engine, "GET", "/v1/snapshot").status, 503);

    let _ = engine.apply(Arc::default()).await;
    assert_eq!(ask(&engine, "GET", "/readyz").status, 200);
    assert!(ask(&engine, "GET", "/metrics").body.contains("nantian_gateway_dataplane_ready 1\n"));

    let _ = engine.drain(Duration::from_secs(20)).await;
    assert_eq!(ask(&engine, "GET", "/readyz").status, 503);
    assert_eq!(ask(&engine, "GET", "/livez").status, 200);
}

#[tokio::test]
async fn whoever_waits_for_a_configuration_says_why_there_is_none() {
    let engine = engine();
    let message = "no connection to control:18080".to_owned();
    engine.set_source(Source { connected: false, message });
    let told = "not ready: waiting for the first configuration: no connection to control:18080";
    let answer = ask(&engine, "GET", "/readyz");
    assert_eq!((answer.status, answer.body.trim()), (503, told));

    let report = engine.apply_as(Arc::default(), "7f".to_owned()).await;
    assert_eq!(report.version, "7f");
    assert_eq!(ask(&engine, "GET", "/readyz").body.trim(), "ready", "what is served is served on");
    let node = ask(&engine, "GET", "/v1/node").json();
    assert_eq!((&node["snapshotVersion"], &node["source"]["connected"]), (&"7f".into(), &false.into()));
}

#[tokio::test]
async fn views_tell_what_is_served_and_what_was_refused_and_no_secret() {
    let engine = engine();
    let report = engine.apply(snapshot()).await;
    assert_eq!(report.refused.len(), 2, "{report:?}");

    let listeners = ask(&engine, "GET", "/v1/listeners").json();
    assert_eq!(listeners[0]["namespace"], "shop");
    assert_eq!(listeners[0]["name"], "https");
    assert_eq!(listeners[0]["hostname"], "*.example.com");
    let bound: SocketAddr = listeners[0]["address"].as_str().and_then(|text| text.parse().ok()).expect("an address");
    assert_eq!(engine.addresses()[0].1, bound);
    assert_eq!(listeners[0]["problems"].as_array().map(Vec::len), Some(1));

    let summary = ask(&engine, "GET", "/v1/summary").json();
    assert_eq!(summary["snapshotVersion"], report.version.as_str());
    assert_eq!(summary["listenerCount"], 1);
    assert_eq!(summary["refused"][0]["resource"], "certificate shop/cert");
    assert_eq!(ask(&engine, "GET", "/v1/node").json()["workers"], 1);
    assert_eq!(ask(&engine, "GET", "/v1/backends").json(), Value::Array(Vec::new()));

    for (path, _) in PATHS {
        let answer = ask(&engine, "GET", path);
        assert_eq!(answer.status, 200, "{path}");
        // Base64 of the key, too.
        assert!(!answer.body.contains("very secret") && !answer.body.contains("dmVyeSBzZWNyZXQ"), "{path}");
    }
    let _: Snapshot = serde_json::from_str(&ask(&engine, "GET", "/v1/snapshot").body).expect("a snapshot");
}

#[tokio::test]
async fn what_has_a_bound_is_told_with_its_limit() {
    let mut config = config();
    config.limits.connections = 1;
    let engine = Engine::start(config).expect("an engine");
    let mut snapshot = Snapshot::clone(&snapshot());
    let listeners: Vec<_> = snapshot.listeners.values().map(|listener| Listener::clone(listener)).collect();
    let plain = |listener: Listener| Listener { protocol: ListenerProtocol::Http, tls: None, ..listener };
    snapshot.listeners.extend(listeners.into_iter().map(plain));
    let _ = engine.apply(Arc::new(snapshot)).await;
    let overload = ask(&engine, "GET", "/v1/overload").json();
    assert_eq!((&overload["overloaded"], &overload["connections"]["limit"]), (&false.into(), &1.into()));

    let address = engine.addresses()[0].1;
    let _held = TcpStream::connect(address).expect("a connection");
    let mut refused = TcpStream::connect(address).expect("a connection");
    refused.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    assert_eq!(refused.read(&mut [0]).ok(), Some(0), "it is closed at once");
    let overload = ask(&engine, "GET", "/v1/overload").json();
    assert_eq!((&overload["overloaded"], &overload["connections"]["open"]), (&true.into(), &1.into()));
    assert_eq!(overload["connections"]["binds"][0]["refused"]["total"], 1, "{overload}");
    assert_eq!(overload["bufferedBytes"]["held"], 0);
}

#[tokio::test]
async fn each_backend_of_requests_is_told_with_the_most_that_may_be_in_work_and_there_are_no_rate_limits() {
    let mut config = config();
    config.requests.pool.max_http1_connections = 7;
    config.requests.pool.max_http2_streams = 5;
    let engine = Engine::start(config).expect("an engine");
    let mut snapshot = Snapshot::default();
    let protocols = [BackendProtocol::Http1, BackendProtocol::H2c, BackendProtocol::Tcp];
    for protocol in protocols {
        let (namespace, name) = ("shop".into(), "app".into());
        let key = BackendKey { kind: BackendKind::Service, namespace, name, port: 80, protocol };
        snapshot.backends.insert(Arc::new(Backend { key, tls: None }));
    }
    let _ = engine.apply(Arc::new(snapshot)).await;
    let told = ask(&engine, "GET", "/v1/circuit-breakers").json();
    let told = told.as_array().expect("a list");
    let bounds = |protocol: &str| {
        let one = told.iter().find(|one| one["protocol"] == protocol)?;
        let number = |field: &str| one[field].as_u64().expect("a number");
        let bounds = (number("connectionsPerEndpointAndWorker"), number("requestsPerConnection"));
        Some((bounds, number("openConnections"), number("refused")))
    };
    assert_eq!(bounds("http1"), Some(((7, 1), 0, 0)));
    assert_eq!(bounds("h2c"), Some(((8, 5), 0, 0)));
    assert_eq!(told.len(), 2, "connections have no such bounds: {told:?}");
    assert_eq!(ask(&engine, "GET", "/v1/rate-limits").json(), Value::Array(Vec::new()));
}

/// RFC 9110 sections 9.3.2 and 15.5.6, RFC 9457.
#[tokio::test]
async fn errors_are_problems_and_head_has_no_body() {
    let engine = engine();
    let missing = ask(&engine, "GET", "/v1/nothing");
    assert_eq!(missing.status, 404);
    assert!(missing.head.contains("content-type: application/problem+json"));
    assert_eq!(missing.json()["status"], 404);

    let wrong = ask(&engine, "POST", "/v1/summary");
    assert_eq!(wrong.status, 405);
    assert!(wrong.head.contains("allow: get, head"), "{}", wrong.head);

    let (get, head) = (ask(&engine, "GET", "/v1/node"), ask(&engine, "HEAD", "/v1/node"));
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let length =
        |answer: &Answer| answer.head.lines().find(|line| line.starts_with("content-length")).map(ToOwned::to_owned);
    assert_eq!(length(&get), length(&head));
    assert!(length(&get).is_some());
}

#[test]
fn an_admin_port_in_use_is_a_clear_error() {
    let first = engine();
    let mut config = config();
    config.admin.address = first.admin_address().expect("an address");
    let error = Engine::start(config).err().expect("it is in use");
    assert!(matches!(error, EngineError::Admin { .. }));
    let text = error.to_string();
    assert!(text.contains("in use by another process") && text.contains("admin.address"), "{text}");
}

#[test]
fn the_admin_interface_can_be_off() {
    let mut config = config();
    config.admin.enabled = false;
    assert_eq!(Engine::start(config).expect("an engine").admin_address(), None);
}
