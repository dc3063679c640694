//! What nobody should send or write: a clear answer, and everything else still served.

use std::fs;
use std::net::TcpListener;

use crate::backend::Backend;
use crate::certificate::Certificate;
use crate::gateway::{self, Gateway, eventually};
use crate::manifest::{self, Listener};
use crate::{port, raw};

/// A gateway with one listener and one backend.
fn start() -> (Gateway, Backend, u16) {
    let (backend, port) = (Backend::start("a"), port::free());
    (Gateway::start(&good(port, &backend)), backend, port)
}

fn good(port: u16, backend: &Backend) -> String {
    [
        manifest::gateway(&[Listener::http("web", port)]),
        manifest::service("a", backend.port, None),
        manifest::http_route("all", &[], &manifest::to("a")),
    ]
    .concat()
}

fn serves(port: u16) -> bool {
    raw::get(port, "a", "/").is_some_and(|answer| answer.status == 200)
}

#[test]
fn a_megabyte_of_headers_is_431() {
    let (_gateway, backend, port) = start();
    let mut request = b"GET / HTTP/1.1\r\nHost: a\r\n".to_vec();
    for number in 0..1_024 {
        request.extend_from_slice(format!("X-{number}: {}\r\n", "v".repeat(1_016)).as_bytes());
    }
    request.extend_from_slice(b"\r\n");
    assert!(request.len() > 1_000_000);
    // The answer may be lost when the server closes while we still send (RFC 9112 section 9.6): then, a smaller excess.
    let answer = raw::exchange(port, &request).or_else(|| raw::exchange(port, &request[..200_000])).unwrap();
    assert_eq!(answer.status, 431, "RFC 6585 section 5: {}", answer.text);
    assert!(serves(port));
    assert_eq!(backend.requests(), 1, "only the good request arrived");
}

#[test]
fn one_field_of_a_megabyte_is_431() {
    let (_gateway, _backend, port) = start();
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Long: {}\r\n\r\n", "v".repeat(1 << 20));
    let answer =
        raw::exchange(port, request.as_bytes()).or_else(|| raw::exchange(port, &request.as_bytes()[..200_000]));
    assert_eq!(answer.unwrap().status, 431);
    assert!(serves(port));
}

#[test]
fn a_field_value_that_is_not_utf_8_passes_and_one_with_control_bytes_is_400() {
    let (_gateway, backend, port) = start();
    // RFC 9110 section 5.5: obs-text is opaque data; CR, LF and NUL are dangerous.
    let opaque =
        raw::exchange(port, b"GET / HTTP/1.1\r\nHost: a\r\nX-A: caf\xe9 \xff\xfe\r\nConnection: close\r\n\r\n");
    assert_eq!(opaque.unwrap().status, 200);
    assert_eq!(backend.requests(), 1);
    let nul = raw::exchange(port, b"GET / HTTP/1.1\r\nHost: a\r\nX-A: a\0b\r\nConnection: close\r\n\r\n");
    assert_eq!(nul.unwrap().status, 400);
    let bare_cr = raw::exchange(port, b"GET / HTTP/1.1\r\nHost: a\r\nX-A: a\rb\r\nConnection: close\r\n\r\n");
    assert_eq!(bare_cr.unwrap().status, 400);
    assert_eq!(backend.requests(), 1);
    assert!(serves(port));
}

#[test]
fn ambiguous_framing_is_400_and_reaches_no_backend() {
    let (_gateway, backend, port) = start();
    // RFC 9112 section 6.3: the ways of request smuggling.
    let heads = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: +5",
        "Content-Length: 5, 6",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
        "Content-Length: 99999999999999999999",
    ];
    for head in heads {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n0\r\n\r\n");
        let answer = raw::exchange(port, request.as_bytes()).unwrap();
        assert!(matches!(answer.status, 400 | 501), "{head}: {}", answer.text);
    }
    assert_eq!(backend.requests(), 0);
    assert!(serves(port));
}

#[test]
fn a_request_without_or_with_two_hosts_is_400() {
    let (_gateway, backend, port) = start();
    for head in ["X-A: b", "Host: a\r\nHost: b", "Host: a b"] {
        let answer = raw::exchange(port, format!("GET / HTTP/1.1\r\n{head}\r\n\r\n").as_bytes()).unwrap();
        assert_eq!(answer.status, 400, "RFC 9112 section 3.2: {head}");
    }
    assert_eq!(backend.requests(), 0);
}

#[test]
fn a_broken_file_leaves_its_old_objects_serving_and_says_where_it_is_broken() {
    let (gateway, backend, port) = start();
    let yaml = good(port, &backend);
    gateway.write("gateway.yaml", &format!("{yaml}---\nspec: [unclosed\n"));
    gateway.wait_for_output("gateway.yaml:");
    assert!(serves(port));
    // What follows is applied again.
    let second = port::free();
    let both = yaml
        .replace("  listeners:\n", &format!("  listeners:\n  - {{name: second, port: {second}, protocol: HTTP}}\n"));
    gateway.write("gateway.yaml", &both);
    eventually("the repaired file is served", || serves(second).then_some(()));
}

#[test]
fn a_broken_object_harms_no_other() {
    let (gateway, _backend, port) = start();
    gateway.write(
        "more.yaml",
        "---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: wrong-types, namespace: default}
spec: {parentRefs: [{name: gw}], rules: [{backendRefs: [{name: a, port: eighty}]}]}
---
apiVersion: example.org/v1
kind: Unheard
metadata: {name: unknown-kind, namespace: default}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: fine, namespace: default}
spec: {parentRefs: [{name: gw}], rules: [{matches: [{path: {type: Exact, value: /fine}}], backendRefs: [{name: missing, port: 80}]}]}
",
    );
    gateway.wait_for_output("wrong-types");
    gateway.wait_for_output("Unheard");
    eventually("the good object of the file is served", || {
        raw::get(port, "a", "/fine").filter(|answer| answer.status == 500)
    });
    assert!(serves(port));
}

#[test]
fn a_certificate_that_does_not_fit_its_key_is_told_and_the_other_listener_served() {
    let (backend, plain, tls) = (Backend::start("a"), port::free(), port::free());
    let (one, other) = (Certificate::for_names(&["localhost"]), Certificate::for_names(&["localhost"]));
    let mixed = Certificate { chain: one.chain, key: other.key };
    let yaml = [
        manifest::gateway(&[Listener::http("web", plain), Listener::https("tls", tls, "localhost", "mixed")]),
        manifest::secret("mixed", &mixed),
        manifest::service("a", backend.port, None),
        manifest::http_route("all", &[], &manifest::to("a")),
    ];
    let gateway = Gateway::start(&yaml.concat());
    assert!(serves(plain));
    gateway.wait_for_output("mixed");
    assert!(!gateway.output().contains("PRIVATE KEY"), "key material was printed");
}

#[test]
fn conflicting_listeners_are_told_and_the_others_served() {
    let (backend, port, other) = (Backend::start("a"), port::free(), port::free());
    let certificate = Certificate::for_names(&["a.example"]);
    let yaml = [
        // Two protocols on one port: an API server takes it, a socket does not.
        manifest::gateway(&[
            Listener::http("one", port),
            Listener::https("two", port, "a.example", "certificate"),
            Listener::http("alone", other),
        ]),
        manifest::secret("certificate", &certificate),
        manifest::service("a", backend.port, None),
        manifest::http_route("all", &[], &manifest::to("a")),
    ];
    let gateway = Gateway::start(&yaml.concat());
    assert!(serves(other));
    gateway.wait_for_output("onflict");
}

#[test]
fn an_object_that_an_api_server_would_refuse_is_told_and_the_others_served() {
    let (gateway, _backend, port) = start();
    let twice = manifest::gateway(&[Listener::http("one", 8081), Listener::http("two", 8081)]);
    gateway.write("twice.yaml", &twice.replace("name: gw,", "name: twice,"));
    gateway.wait_for_output("must be unique for each listener");
    assert!(serves(port));
}

#[test]
fn a_port_in_use_is_told_and_the_other_listeners_served() {
    let (backend, free) = (Backend::start("a"), port::free());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken_port = taken.local_addr().unwrap().port();
    let yaml = [
        manifest::gateway(&[Listener::http("taken", taken_port), Listener::http("free", free)]),
        manifest::service("a", backend.port, None),
        manifest::http_route("all", &[], &manifest::to("a")),
    ];
    let gateway = Gateway::spawn(&yaml.concat(), &[]);
    eventually("the other listener is served", || serves(free).then_some(()));
    gateway.wait_for_output(&taken_port.to_string());
    assert!(gateway.output().contains("in use"), "{}", gateway.output());
}

#[test]
fn check_ends_with_1_on_what_is_not_accepted_and_with_0_on_what_is() {
    let backend = Backend::start("a");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let file = folder.path().join("site.yaml");
    fs::write(&file, good(8080, &backend)).unwrap();
    let accepted = gateway::run(&["check", &path]);
    assert_eq!(accepted.code, Some(0), "{}", accepted.output);
    fs::write(&file, good(8080, &backend) + "---\nkind: [\n").unwrap();
    let truncated = gateway::run(&["check", &path]);
    assert_eq!(truncated.code, Some(1), "{}", truncated.output);
    assert!(truncated.output.contains("site.yaml:"), "{}", truncated.output);
}
