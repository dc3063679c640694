//! Matches, weights and the filters of a route, by curl and counted at the backends.

use crate::backend::Backend;
use crate::curl::curl;
use crate::gateway::{Gateway, eventually};
use crate::manifest::{self, Listener};
use crate::{port, raw};

/// Two backends, and a route of these rules to them.
struct Site {
    _gateway: Gateway,
    a: Backend,
    b: Backend,
    port: u16,
}

impl Site {
    fn start(rules: &str, more: &str) -> Self {
        let (a, b, port) = (Backend::start("a"), Backend::start("b"), port::free());
        let yaml = [
            manifest::gateway(&[Listener::http("web", port)]),
            manifest::service("a", a.port, None),
            manifest::service("b", b.port, None),
            manifest::http_route("all", &[], rules),
            more.to_owned(),
        ];
        Self { _gateway: Gateway::start(&yaml.concat()), a, b, port }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

#[test]
fn headers_query_parameters_methods_and_regular_expressions_choose_the_rule() {
    let site = Site::start(
        "
  - matches:
    - {path: {type: PathPrefix, value: /m}, headers: [{name: version, value: two}]}
    - {path: {type: PathPrefix, value: /m}, queryParams: [{name: v, type: RegularExpression, value: '[2-9]'}]}
    - {path: {type: PathPrefix, value: /m}, method: PUT}
    - {path: {type: RegularExpression, value: '/x/[0-9]+/y'}}
    backendRefs: [{name: b, port: 80}]
  - backendRefs: [{name: a, port: 80}]",
        "",
    );
    let backend = |arguments: &[&str], path: &str| {
        let url = site.url(path);
        let arguments: Vec<&str> = arguments.iter().copied().chain([url.as_str()]).collect();
        curl(&arguments).values("x-backend").join(",")
    };
    assert_eq!(backend(&[], "/m"), "a");
    assert_eq!(backend(&["-H", "Version: two"], "/m/n"), "b");
    assert_eq!(backend(&["-H", "Version: two-and-more"], "/m"), "a");
    assert_eq!(backend(&[], "/m?v=3"), "b");
    assert_eq!(backend(&[], "/m?v=33"), "a", "a regular expression matches the whole value");
    assert_eq!(backend(&["-X", "PUT"], "/m"), "b");
    assert_eq!(backend(&[], "/x/12/y"), "b");
    assert_eq!(backend(&[], "/x/12/y/z"), "a");
    assert_eq!(backend(&[], "/mm"), "a");
    assert_eq!(backend(&["--path-as-is", "-X", "PUT"], "/q/../m"), "b", "what is matched is what is forwarded");
}

#[test]
fn weights_share_requests_and_zero_gets_none() {
    let site = Site::start("[{backendRefs: [{name: a, port: 80, weight: 3}, {name: b, port: 80, weight: 1}]}]", "");
    for _ in 0..400 {
        assert_eq!(raw::get(site.port, "any", "/").unwrap().status, 200);
    }
    let (a, b) = (site.a.requests(), site.b.requests());
    assert_eq!(a + b, 400);
    // With a share of a quarter, fewer than 50 or more than 150 of 400 happen once in a hundred million runs.
    assert!((50..=150).contains(&b), "{a} to {b}");

    let site = Site::start("[{backendRefs: [{name: a, port: 80, weight: 1}, {name: b, port: 80, weight: 0}]}]", "");
    for _ in 0..50 {
        assert_eq!(raw::get(site.port, "any", "/").unwrap().status, 200);
    }
    assert_eq!((site.a.requests(), site.b.requests()), (50, 0));
}

#[test]
fn a_request_that_takes_longer_than_its_time_limit_is_504() {
    let site = Site::start("[{timeouts: {request: 200ms}, backendRefs: [{name: a, port: 80}]}]", "");
    assert_eq!(raw::get(site.port, "any", "/hang").unwrap().status, 504, "GEP-1742");
    assert_eq!(raw::get(site.port, "any", "/").unwrap().status, 200);
}

#[test]
fn an_answer_whose_code_is_listed_is_tried_again() {
    let site =
        Site::start("[{retry: {codes: [503], attempts: 2, backoff: 1ms}, backendRefs: [{name: a, port: 80}]}]", "");
    assert_eq!(raw::get(site.port, "any", "/status/503").unwrap().status, 503);
    assert_eq!(site.a.requests(), 3, "GEP-1731: one try and two more");
    assert_eq!(raw::get(site.port, "any", "/status/500").unwrap().status, 500);
    assert_eq!(site.a.requests(), 4);
}

#[test]
fn a_mirror_gets_a_copy_and_its_answer_is_ignored() {
    let site = Site::start(
        "
  - filters: [{type: RequestMirror, requestMirror: {backendRef: {name: b, port: 80}}}]
    backendRefs: [{name: a, port: 80}]",
        "",
    );
    let answer = curl(&["--data-binary", "some body", &site.url("/digest")]);
    assert_eq!(answer.values("x-backend"), ["a"]);
    assert!(answer.text().starts_with("9 "), "{}", answer.text());
    eventually("the copy arrives", || (site.b.requests() == 1).then_some(()));
    assert_eq!(site.a.requests(), 1);
}

#[test]
fn a_preflight_is_answered_by_the_gateway() {
    let site = Site::start(
        "
  - filters:
    - type: CORS
      cors: {allowOrigins: ['https://app.example'], allowMethods: [GET, PUT], allowHeaders: [x-token], maxAge: 600}
    backendRefs: [{name: a, port: 80}]",
        "",
    );
    let preflight = |origin: &str| {
        let origin = format!("Origin: {origin}");
        curl(&["-X", "OPTIONS", "-H", &origin, "-H", "Access-Control-Request-Method: PUT", &site.url("/")])
    };
    let answer = preflight("https://app.example");
    assert!((200..300).contains(&answer.status));
    assert_eq!(answer.values("access-control-allow-origin"), ["https://app.example"]);
    assert_eq!(answer.values("access-control-max-age"), ["600"]);
    assert!(answer.values("access-control-allow-methods").join(",").contains("PUT"), "{}", answer.heads);
    assert!(preflight("https://evil.example").values("access-control-allow-origin").is_empty());
    let plain = curl(&["-H", "Origin: https://app.example", &site.url("/")]);
    assert_eq!(plain.values("access-control-allow-origin"), ["https://app.example"]);
    assert_eq!(site.a.requests(), 1, "preflights end at the gateway");
}

#[test]
fn a_direct_response_needs_no_backend() {
    let site = Site::start(
        "
  - filters:
    - type: ExtensionRef
      extensionRef: {group: nantian.dev, kind: DirectResponse, name: teapot}",
        "---
apiVersion: nantian.dev/v1alpha1
kind: DirectResponse
metadata: {name: teapot, namespace: default}
spec: {statusCode: 418, contentType: text/plain, body: short and stout}
",
    );
    let answer = curl(&[&site.url("/")]);
    assert_eq!((answer.status, answer.text().as_str()), (418, "short and stout"));
    assert_eq!(answer.values("content-type"), ["text/plain"]);
    assert_eq!(site.a.requests() + site.b.requests(), 0);
}
