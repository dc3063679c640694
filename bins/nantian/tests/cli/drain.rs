//! Ending: requests in flight finish first.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;

use crate::harness::{Folder, GUARD, Running, free_port};
use crate::http::{get, status};
use crate::manifest::{documents, gateway, route, service};

/// A backend that answers when it is told to.
fn backend() -> (u16, TcpListener) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    (listener.local_addr().expect("an address").port(), listener)
}

fn started(backend: u16) -> (Folder, Running, u16) {
    let port = free_port();
    let objects = documents(&[
        gateway(port),
        service("app", free_port(), true),
        route("app", "/app", "app"),
        service("slow", backend, false),
        route("slow", "/slow", "slow"),
    ]);
    let folder = Folder::new(&[("all.yaml", &objects)]);
    let running = Running::start(folder.path(), &[]);
    assert_eq!(status(port, "/app"), 200, "{:#?}", running.events);
    (folder, running, port)
}

#[test]
fn sigterm_and_sigint_let_a_request_in_flight_finish_and_end_with_0() {
    for signal in ["TERM", "INT"] {
        let (backend_port, listener) = backend();
        let (_folder, mut running, port) = started(backend_port);
        let client = thread::spawn(move || get(port, "/slow"));
        let (mut stream, _) = listener.accept().expect("a request");
        stream.set_read_timeout(Some(GUARD)).expect("a time limit");
        assert!(stream.read(&mut [0; 4096]).expect("a request") > 0);
        running.signal(signal);
        running.wait_for("draining", |event| event["event"] == "draining");
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nslow").expect("an answer");
        let answer = client.join().expect("no panic").expect("an answer");
        assert_eq!((answer.status, answer.body.as_str()), (200, "slow"));
        running.wait_for("the end", |event| event["event"] == "stopped" && event["complete"] == true);
        assert_eq!(running.end().code(), Some(0));
        assert_eq!(get(port, "/app"), None, "nobody listens any more");
    }
}

#[test]
fn a_second_interrupt_ends_at_once() {
    let (backend_port, listener) = backend();
    let (_folder, mut running, port) = started(backend_port);
    thread::spawn(move || get(port, "/slow"));
    let (_stream, _) = listener.accept().expect("a request");
    running.signal("INT");
    running.wait_for("draining", |event| event["event"] == "draining");
    running.signal("INT");
    assert_eq!(running.end().code(), Some(130));
}

#[test]
fn sighup_reads_again_and_ends_nothing() {
    let (backend_port, _listener) = backend();
    let (folder, mut running, port) = started(backend_port);
    running.signal("HUP");
    folder.write("more.yaml", &route("more", "/more", "app"));
    crate::http::until(port, "/more", 200);
    assert!(running.runs());
}
