//! How it ends.

use std::io::{Read, Write};

use crate::backend::Backend;
use crate::gateway::{Gateway, eventually};
use crate::manifest::{self, Listener};
use crate::{port, raw};

#[test]
fn sigterm_finishes_what_has_begun_and_exits_with_0() {
    let (backend, port) = (Backend::start("a"), port::free());
    let yaml = [
        manifest::gateway(&[Listener::http("web", port)]),
        manifest::service("a", backend.port, None),
        manifest::http_route("all", &[], &manifest::to("a")),
    ];
    let mut gateway = Gateway::start(&yaml.concat());
    // A request whose body is not complete yet.
    let mut stream = raw::connect(port).unwrap();
    stream.write_all(b"POST /digest HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n12345").unwrap();
    eventually("the request reaches the backend", || (backend.requests() == 1).then_some(()));
    gateway.terminate();
    eventually("new connections are refused", || raw::connect(port).is_err().then_some(()));
    stream.write_all(b"67890").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("\r\n\r\n10 ") || answer.contains("10 "), "{answer}");
    assert_eq!(gateway.wait().code(), Some(0), "{}", gateway.output());
}

#[test]
fn sigterm_closes_idle_connections() {
    let (backend, port) = (Backend::start("a"), port::free());
    let yaml = [
        manifest::gateway(&[Listener::http("web", port)]),
        manifest::service("a", backend.port, None),
        manifest::http_route("all", &[], &manifest::to("a")),
    ];
    let mut gateway = Gateway::start(&yaml.concat());
    let mut stream = raw::connect(port).unwrap();
    stream.write_all(b"GET /status/204 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 204");
    gateway.terminate();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert_eq!(gateway.wait().code(), Some(0), "{}", gateway.output());
}
