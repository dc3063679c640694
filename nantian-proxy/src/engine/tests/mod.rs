//! A whole engine on real sockets.

mod traffic;

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use nantian_ir::{BindAddress, HostnameMatch, Listener, ListenerKey, ListenerProtocol, Snapshot};

use super::*;
use crate::telemetry::AccessLogFormat;

/// Guards against hanging: far longer than anything here takes.
const GUARD: Duration = Duration::from_secs(20);

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn config() -> EngineConfig {
    let mut config = EngineConfig { workers: NonZeroUsize::new(2), bind_address: Some(LOOPBACK), ..Default::default() };
    config.admin.address.set_port(0);
    config.access_log.format = AccessLogFormat::Off;
    config
}

fn engine() -> Engine {
    Engine::start(config()).expect("an engine")
}

/// Port 0 stands for a port that the kernel chooses; the address tells several of them apart (127.0.0.1, 127.0.0.2, ...).
fn bind(last: u8) -> BindAddress {
    BindAddress { address: Some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, last))), port: 0 }
}

fn listener(name: &str, bind: BindAddress) -> Listener {
    Listener {
        key: ListenerKey { namespace: "ns".into(), gateway: "gw".into(), set: None, listener: name.into() },
        bind,
        public_port: 80,
        protocol: ListenerProtocol::Http,
        hostname: HostnameMatch::Any,
        tls: None,
        client_certificate: None,
    }
}

fn snapshot(listeners: &[Listener]) -> Arc<Snapshot> {
    let mut snapshot = Snapshot::default();
    for listener in listeners {
        snapshot.listeners.insert(Arc::new(listener.clone()));
    }
    Arc::new(snapshot)
}

fn address(engine: &Engine, bind: BindAddress) -> SocketAddr {
    engine.addresses().into_iter().find(|(found, _)| *found == bind).expect("it is bound").1
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(GUARD)).expect("a timeout");
    stream
}

/// Sends a request on a kept connection and reads its answer's head, which must say that there is no body. Returns the
/// status; `None` if the connection was closed instead.
fn ask(stream: &mut TcpStream) -> Option<u16> {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n").ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("text").to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap_or("0");
    let mut body = vec![0; length.parse().expect("a number")];
    stream.read_exact(&mut body).ok()?;
    head.split(' ').nth(1)?.parse().ok()
}

/// Whether the other side closes the connection without another byte.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.read(&mut [0]).map_or(true, |read| read == 0)
}

#[tokio::test]
async fn a_reload_keeps_connections_of_unchanged_listeners_and_listeners_come_and_go() {
    let engine = engine();
    assert!(engine.apply(snapshot(&[listener("a", bind(1))])).await.is_complete());
    let first = address(&engine, bind(1));
    let mut kept = connect(first);
    assert_eq!(ask(&mut kept), Some(404));

    assert!(engine.apply(snapshot(&[listener("a", bind(1)), listener("b", bind(2))])).await.is_complete());
    assert_eq!(address(&engine, bind(1)), first, "the socket stays");
    assert_eq!(ask(&mut kept), Some(404), "the connection stays");
    let second = address(&engine, bind(2));
    let mut other = connect(second);
    assert_eq!(ask(&mut other), Some(404));

    assert!(engine.apply(snapshot(&[listener("a", bind(1))])).await.is_complete());
    assert!(TcpStream::connect(second).is_err(), "the removed listener accepts no more");
    assert!(is_closed(&mut other), "its idle connections are closed");
    assert_eq!(ask(&mut kept), Some(404), "others are not touched");
    assert_eq!(engine.addresses().len(), 1);
}

#[tokio::test]
async fn a_removed_listener_can_come_back_on_the_same_port_at_once() {
    let engine = engine();
    let _ = engine.apply(snapshot(&[listener("a", bind(1))])).await;
    let port = address(&engine, bind(1)).port();
    let fixed = BindAddress { address: Some(LOOPBACK), port };
    // Nobody else gets the port: the new bind address has it before the old one goes.
    for _ in 0..10 {
        assert_eq!(engine.apply(snapshot(&[])).await.refused, []);
        assert_eq!(engine.apply(snapshot(&[listener("a", fixed)])).await.refused, []);
        assert_eq!(ask(&mut connect(SocketAddr::new(LOOPBACK, port))), Some(404));
    }
}

#[tokio::test]
async fn a_port_in_use_is_refused_by_name_everything_else_is_served_and_it_is_tried_again() {
    let theirs = TcpListener::bind((LOOPBACK, 0)).expect("a socket");
    let taken = BindAddress { address: None, port: theirs.local_addr().expect("an address").port() };
    let engine = engine();
    let wanted = snapshot(&[listener("a", bind(1)), listener("b", taken)]);
    let report = engine.apply(Arc::clone(&wanted)).await;
    assert_eq!(report.refused.len(), 1);
    assert_eq!(report.refused[0].part.to_string(), "listener ns/gw/b");
    assert_eq!(report.refused[0].message, format!("port {} is in use by another process", taken.port));
    assert_eq!(ask(&mut connect(address(&engine, bind(1)))), Some(404));

    drop(theirs);
    assert_eq!(engine.apply(wanted).await.refused, []);
    assert_eq!(ask(&mut connect(SocketAddr::new(LOOPBACK, taken.port))), Some(404));
}

#[tokio::test]
async fn a_second_engine_cannot_share_a_port() {
    let first = engine();
    let _ = first.apply(snapshot(&[listener("a", bind(1))])).await;
    let fixed = BindAddress { address: Some(LOOPBACK), port: address(&first, bind(1)).port() };
    let second = engine();
    let report = second.apply(snapshot(&[listener("a", fixed)])).await;
    assert!(report.refused[0].message.contains("in use"), "{report:?}");
}

#[tokio::test]
async fn draining_closes_idle_connections_and_sockets_and_ends() {
    let engine = engine();
    let _ = engine.apply(snapshot(&[listener("a", bind(1))])).await;
    let address = address(&engine, bind(1));
    let mut idle = connect(address);
    assert_eq!(ask(&mut idle), Some(404));
    let report = tokio::time::timeout(GUARD, engine.drain(GUARD)).await.expect("it ends by itself");
    assert_eq!(report.cut, 0);
    assert!(is_closed(&mut idle));
    assert!(TcpStream::connect(address).is_err());
    assert_eq!(engine.addresses(), []);
    let report = engine.apply(snapshot(&[])).await;
    assert_eq!(report.refused[0].part.to_string(), "engine");
}

#[tokio::test]
async fn a_dropped_engine_gives_its_sockets_back() {
    let engine = engine();
    let _ = engine.apply(snapshot(&[listener("a", bind(1))])).await;
    let address = address(&engine, bind(1));
    let mut open = connect(address);
    assert_eq!(ask(&mut open), Some(404));
    let other = engine.clone();
    drop(engine);
    assert_eq!(ask(&mut open), Some(404), "a clone is the same engine");
    drop(other);
    assert!(is_closed(&mut open));
    let gone = async {
        while TcpStream::connect(address).is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(GUARD, gone).await.expect("the sockets are closed");
}

#[tokio::test]
async fn a_client_has_one_count_over_all_workers_and_listeners() {
    let mut config = config();
    config.limits.connections_per_client = 4;
    let engine = Engine::start(config).expect("an engine");
    assert!(engine.apply(snapshot(&[listener("a", bind(1)), listener("b", bind(2))])).await.is_complete());
    let addresses = [address(&engine, bind(1)), address(&engine, bind(2))];
    // The kernel spreads them over both workers.
    let mut open: Vec<_> = addresses.iter().cycle().take(32).map(|address| connect(*address)).collect();
    let served = open.iter_mut().map(ask).filter(|status| *status == Some(404)).count();
    assert_eq!(served, 4);
}
