//! Ten thousand connections that say nothing.

use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Instant;

use rustix::process::{Resource, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};

use crate::backend::Backend;
use crate::gateway::{Gateway, eventually};
use crate::manifest::{self, Listener};
use crate::{port, raw};

const CONNECTIONS: u64 = 10_000;

/// Resident memory that one of them may cost. It has no TLS session and nothing to say.
const MOST_BYTES: u64 = 6 * 1024;

#[test]
fn ten_thousand_silent_connections_cost_little_memory_and_are_gone_after_the_limit() {
    raise_file_limit();
    let (backend, port) = (Backend::start("a"), port::free());
    let yaml = [
        manifest::gateway(&[Listener::http("web", port)]),
        manifest::service("a", backend.port, None),
        manifest::http_route("all", &[], &manifest::to("a")),
    ];
    // Twice the default, so that the last one is there before the first one goes.
    let gateway = Gateway::start_configured(&yaml.concat(), "engine: {http: {requestHeadTimeout: 20s}}\n");
    let active = || gateway.metric("listener_connections_active", "bind");
    let serves = || raw::get(port, "a", "/").is_some_and(|answer| answer.status == 200);
    assert!(serves());
    eventually("the first client has gone", || (active() == 0).then_some(()));
    let before = gateway.resident_kib();

    let began = Instant::now();
    let silent: Vec<TcpStream> = (0..CONNECTIONS).map(|number| connect(port, number)).collect();
    eventually("all are accepted", || (active() == CONNECTIONS).then_some(()));
    let (held, took) = (gateway.resident_kib(), began.elapsed());
    let each = (held.saturating_sub(before)) * 1024 / CONNECTIONS;
    println!(
        "{CONNECTIONS} silent connections in {took:?}: {before} KiB before, {held} KiB with them, {each} bytes each"
    );
    assert!(each <= MOST_BYTES, "{each} bytes for each silent connection");
    assert!(serves(), "another client is served beside them");

    eventually("all are gone", || (active() == 0).then_some(()));
    for mut stream in silent {
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "closed, without a word");
    }
    assert!(serves());
    // The allocator gives pages back while it works, and keeps some for the next connections.
    let grown = held - before;
    let kept = eventually("a quarter of the memory is given back", || {
        assert!(serves());
        Some(gateway.resident_kib()).filter(|kept| *kept <= held - grown / 4)
    });
    let again: Vec<TcpStream> = (0..CONNECTIONS).map(|number| connect(port, number)).collect();
    eventually("as many more are accepted", || (active() == CONNECTIONS).then_some(()));
    let reused = gateway.resident_kib();
    println!("{kept} KiB after they are gone, {reused} KiB with as many more");
    assert!(reused <= held + grown / 4, "what the first ones had is not used again");
    drop(again);
}

/// Each hundred have an address of their own, as clients do.
fn connect(port: u16, number: u64) -> TcpStream {
    let source = Ipv4Addr::new(127, 0, 1, u8::try_from(number / 100 + 1).unwrap());
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
    socket.bind(&SocketAddr::from((source, 0)).into()).unwrap();
    socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()).unwrap();
    socket.into()
}

/// Each connection is an open file of this process, and of the gateway, which raises its own limit.
fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
    let needed = CONNECTIONS + 1_000;
    assert!(limit.maximum.is_none_or(|most| most >= needed), "`ulimit -Hn` is {:?}, not {needed}", limit.maximum);
}
