//! HTTP/1.1, by curl.

use crate::backend::{Backend, digest, pattern};
use crate::curl::curl;
use crate::gateway::Gateway;
use crate::manifest::{self, Listener};
use crate::{port, raw};

/// A gateway that sends everything to one backend.
struct Site {
    gateway: Gateway,
    backend: Backend,
    port: u16,
}

impl Site {
    fn start(rules: &str) -> Self {
        let (backend, port) = (Backend::start("a"), port::free());
        let yaml = [
            manifest::gateway(&[Listener::http("web", port)]),
            manifest::service("a", backend.port, None),
            manifest::http_route("all", &[], rules),
        ];
        Self { gateway: Gateway::start(&yaml.concat()), backend, port }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }
}

#[test]
fn a_request_reaches_the_backend_as_it_was_sent() {
    let site = Site::start(&manifest::to("a"));
    let answer = curl(&["--http1.1", "-H", "X-Seen: one", "-H", "Host: shop.example", &site.url("/a/b?c=d&e=%20")]);
    assert_eq!((answer.status, answer.version.as_str()), (200, "1.1"));
    let seen = answer.json();
    assert_eq!(seen["method"], "GET");
    assert_eq!(seen["uri"], "/a/b?c=d&e=%20");
    assert_eq!(seen["headers"]["x-seen"][0], "one");
    assert_eq!(seen["headers"]["host"][0], "shop.example");
    assert_eq!(seen["headers"]["x-forwarded-for"][0], "127.0.0.1");
    assert_eq!(seen["headers"]["x-forwarded-proto"][0], "http");
    assert_eq!(site.backend.requests(), 1);
}

#[test]
fn fields_of_the_connection_are_not_forwarded() {
    let site = Site::start(&manifest::to("a"));
    let answer = curl(&["-H", "Connection: x-hop", "-H", "X-Hop: 1", "-H", "Keep-Alive: timeout=5", &site.url("/")]);
    let headers = &answer.json()["headers"];
    // RFC 9110 section 7.6.1.
    for name in ["connection", "x-hop", "keep-alive"] {
        assert!(headers.get(name).is_none(), "{name} was forwarded: {headers}");
    }
}

#[test]
fn a_head_answer_has_a_length_and_no_body() {
    let site = Site::start(&manifest::to("a"));
    let answer = curl(&["--head", &site.url("/download/1234")]);
    assert_eq!(answer.status, 200);
    let got = raw::exchange(site.port, b"HEAD /digest HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    assert_eq!(got.status, 200);
    assert_eq!(got.body(), "", "RFC 9110 section 9.3.2: a HEAD answer has no content");
}

#[test]
fn an_upload_waits_for_100_continue_and_arrives_whole() {
    let site = Site::start(&manifest::to("a"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("upload");
    let bytes: Vec<u8> = (0..3_000_000).map(pattern).collect();
    std::fs::write(&file, &bytes).unwrap();
    let data = format!("@{}", file.display());
    let answer = curl(&[
        "-H",
        "Expect: 100-continue",
        "--expect100-timeout",
        "50",
        "--data-binary",
        &data,
        &site.url("/digest"),
    ]);
    assert_eq!(answer.text(), digest(&bytes));
    assert!(answer.heads.starts_with("HTTP/1.1 100"), "RFC 9110 section 10.1.1: {}", answer.heads);
}

#[test]
fn a_chunked_upload_arrives_whole() {
    let site = Site::start(&manifest::to("a"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("upload");
    let bytes: Vec<u8> = (0..1_500_000).map(pattern).collect();
    std::fs::write(&file, &bytes).unwrap();
    let path = file.display().to_string();
    let answer = curl(&["-H", "Transfer-Encoding: chunked", "-H", "Expect:", "-T", &path, &site.url("/digest")]);
    assert_eq!(answer.text(), digest(&bytes));
}

#[test]
fn a_large_download_arrives_whole() {
    let site = Site::start(&manifest::to("a"));
    let answer = curl(&[&site.url("/download/20000000")]);
    let expected: Vec<u8> = (0..20_000_000).map(pattern).collect();
    assert_eq!(digest(&answer.body), digest(&expected));
}

#[test]
fn trailers_of_the_backend_reach_a_client_that_asks_for_them() {
    let site = Site::start(&manifest::to("a"));
    // RFC 9110 section 6.5.1: `TE: trailers` says that the client keeps them.
    let answer = curl(&["-H", "TE: trailers", "-H", "Connection: TE", &site.url("/trailers")]);
    assert_eq!(answer.text(), "with trailers");
    assert_eq!(answer.values("x-checksum"), ["abc123"]);
}

#[test]
fn a_redirect_is_answered_by_the_gateway() {
    let site = Site::start(
        "
  - matches: [{path: {type: PathPrefix, value: /old}}]
    filters:
    - type: RequestRedirect
      requestRedirect:
        hostname: new.example
        statusCode: 301
        path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}",
    );
    let answer = curl(&[&site.url("/old/page?q=1")]);
    assert_eq!(answer.status, 301);
    assert_eq!(answer.values("location"), [format!("http://new.example:{}/new/page?q=1", site.port)]);
    assert_eq!(site.backend.requests(), 0);
}

#[test]
fn a_rewrite_and_header_filters_change_what_the_backend_and_the_client_see() {
    let site = Site::start(
        "
  - matches: [{path: {type: PathPrefix, value: /api}}]
    filters:
    - type: URLRewrite
      urlRewrite: {hostname: inner.example, path: {type: ReplacePrefixMatch, replacePrefixMatch: /}}
    - type: RequestHeaderModifier
      requestHeaderModifier: {set: [{name: X-Set, value: new}], remove: [X-Gone]}
    - type: ResponseHeaderModifier
      responseHeaderModifier: {add: [{name: X-Added, value: by-gateway}]}
    backendRefs: [{name: a, port: 80}]",
    );
    let answer = curl(&["-H", "X-Set: old", "-H", "X-Gone: 1", &site.url("/api/v1?q")]);
    let seen = answer.json();
    assert_eq!(seen["uri"], "/v1?q");
    assert_eq!(seen["headers"]["host"][0], "inner.example");
    assert_eq!(seen["headers"]["x-set"], serde_json::json!(["new"]));
    assert!(seen["headers"].get("x-gone").is_none());
    assert_eq!(answer.values("x-added"), ["by-gateway"]);
}

#[test]
fn no_route_is_404_no_backend_is_500_and_no_endpoint_is_503() {
    let (backend, port) = (Backend::start("a"), port::free());
    let yaml = [
        manifest::gateway(&[Listener::http("web", port)]),
        manifest::service("a", backend.port, None),
        "---
apiVersion: v1
kind: Service
metadata: {name: empty, namespace: default}
spec: {ports: [{port: 80}]}
"
        .to_owned(),
        manifest::http_route(
            "some",
            &[],
            "
  - matches: [{path: {value: /a}}]
    backendRefs: [{name: a, port: 80}]
  - matches: [{path: {value: /missing}}]
    backendRefs: [{name: nowhere, port: 80}]
  - matches: [{path: {value: /empty}}]
    backendRefs: [{name: empty, port: 80}]",
        ),
    ];
    let _gateway = Gateway::start(&yaml.concat());
    let status = |path: &str| raw::get(port, "any.example", path).unwrap().status;
    assert_eq!(status("/a"), 200);
    assert_eq!(status("/other"), 404);
    assert_eq!(status("/missing"), 500);
    assert_eq!(status("/empty"), 503);
}

#[test]
fn a_backend_that_is_gone_is_an_answer_and_not_a_hang() {
    let site = Site::start(&manifest::to("a"));
    assert_eq!(raw::get(site.port, "a", "/").unwrap().status, 200);
    drop(site.backend);
    let status = raw::get(site.port, "a", "/").unwrap().status;
    assert!((502..=504).contains(&status), "{status}");
    drop(site.gateway);
}

#[test]
fn requests_are_counted_in_the_metrics() {
    let site = Site::start(&manifest::to("a"));
    for _ in 0..3 {
        assert_eq!(curl(&[&site.url("/")]).status, 200);
    }
    let metrics = site.gateway.admin("/metrics");
    assert_eq!(metrics.status, 200);
    assert!(metrics.body().contains("# TYPE"), "{}", metrics.body());
}
