//! Connections that backends end after they got a request and before any byte of an answer, without a retry policy.

use std::cell::Cell;
use std::time::Duration;

use nantian_ir::Retry;
use tokio::io::AsyncReadExt as _;

use super::*;
use crate::http::testing::raw_backend;
use crate::runtime::tests::to_protocol;

const PROTOCOLS: [BackendProtocol; 2] = [BackendProtocol::Http1, BackendProtocol::H2c];
const IDEMPOTENT: [&str; 5] = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"];
const RETRIES: &str = "nantian_gateway_dataplane_http_retries_total";

/// How often a backend was asked.
type Asked = Rc<Cell<usize>>;

/// Reads the head of a request, of which there is one on each connection here.
async fn read_head(raw: &mut Raw, protocol: BackendProtocol) {
    if protocol != BackendProtocol::H2c {
        raw.until("\r\n\r\n").await;
        return;
    }
    raw.write(b"\0\0\0\x04\0\0\0\0\0").await;
    while !has_headers(raw.read.get(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len()..).unwrap_or_default()) {
        assert!(raw.io.read_buf(&mut raw.read).await.unwrap() > 0, "the gateway closed");
    }
}

/// Whether a HEADERS frame is among these frames.
fn has_headers(mut frames: &[u8]) -> bool {
    while let [a, b, c, kind, ..] = *frames {
        if kind == 1 {
            return true;
        }
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap();
        frames = frames.get(9 + length..).unwrap_or_default();
    }
    false
}

/// A backend that says `last_words` to each request, and closes.
async fn cutting(protocol: BackendProtocol, asked: &Asked, last_words: &'static [u8]) -> SocketAddr {
    let asked = Rc::clone(asked);
    raw_backend(move |mut raw| {
        let asked = Rc::clone(&asked);
        async move {
            read_head(&mut raw, protocol).await;
            asked.set(asked.get() + 1);
            raw.write(last_words).await;
        }
    })
    .await
}

/// A gateway before `endpoints`.
async fn before(protocol: BackendProtocol, endpoints: &[SocketAddr]) -> Gateway {
    gateway(rule(protocol, endpoints, None)).await
}

fn rule(protocol: BackendProtocol, endpoints: &[SocketAddr], retry: Option<Retry>) -> Builder {
    Builder::new().backend("a", protocol, endpoints).rule(0, "/", |rule| {
        rule.targets = vec![to_protocol("a", protocol, 1)];
        rule.timeouts.request = Some(Duration::from_secs(10));
        rule.retry = retry;
    })
}

#[test]
fn an_idempotent_request_goes_to_another_endpoint() {
    for protocol in PROTOCOLS {
        for method in IDEMPOTENT {
            local(async {
                let asked = Asked::default();
                let endpoints = [cutting(protocol, &asked, b"").await, echo("up").await];
                let gateway = before(protocol, &endpoints).await;
                while asked.get() == 0 {
                    let seen = gateway.send(method, "/", &[], "").await;
                    assert_eq!((seen.status, seen.header("x-backend")), (200, Some("up")), "{method} {protocol:?}");
                }
                let counted = (asked.get(), gateway.metric(RETRIES), gateway.flags("UC"), gateway.flags("URX"));
                assert_eq!(counted, (1, 1, 0, 0), "{method} {protocol:?}");
            });
        }
    }
}

/// RFC 9110 section 9.2.2: "A proxy MUST NOT automatically retry non-idempotent requests."
#[test]
fn a_request_that_is_not_idempotent_is_sent_once() {
    for protocol in PROTOCOLS {
        for (method, body) in [("POST", ""), ("POST", "hello"), ("PATCH", "")] {
            local(async {
                let asked = Asked::default();
                let endpoints = [cutting(protocol, &asked, b"").await, cutting(protocol, &asked, b"").await];
                let gateway = before(protocol, &endpoints).await;
                let seen = gateway.send(method, "/", &[], body).await;
                assert_eq!((seen.status, asked.get()), (502, 1), "{method} {protocol:?}");
                assert_eq!((gateway.flags("UC"), gateway.flags("URX"), gateway.metric(RETRIES)), (1, 0, 0));
            });
        }
    }
}

/// Sends PUT with the rest of its head and a body until it has come to an endpoint that closes, beside which there is
/// one that echoes. Gives the answer, and how often the first one was asked.
async fn put(protocol: BackendProtocol, retry_buffer: usize, request: &str) -> (Seen, usize) {
    let asked = Asked::default();
    let dead = cutting(protocol, &asked, b"").await;
    let up = echo("up").await;
    let settings = Settings { retry_buffer, ..Settings::default() };
    let gateway = gateway_with(rule(protocol, &[dead, up], None), settings).await;
    loop {
        let mut client = Raw::connect(gateway.address).await;
        client.write(format!("PUT / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{request}")).await;
        let seen = parse(&client.rest().await);
        if asked.get() > 0 {
            return (seen, asked.get());
        }
    }
}

#[test]
fn a_body_whose_length_fits_the_buffer_is_sent_again_whole() {
    for protocol in PROTOCOLS {
        local(async {
            let (seen, asked) = put(protocol, 5, "content-length: 5\r\n\r\nhello").await;
            assert_eq!((seen.status, line(&seen, "body"), asked), (200, Some("hello"), 1), "{protocol:?}");
        });
    }
}

#[test]
fn a_body_that_is_longer_or_that_streams_is_sent_once() {
    for protocol in PROTOCOLS {
        for request in ["content-length: 6\r\n\r\nhello!", "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"]
        {
            local(async {
                let (seen, asked) = put(protocol, 5, request).await;
                assert_eq!((seen.status, asked), (502, 1), "{protocol:?} {request:?}");
            });
        }
    }
}

#[test]
fn an_answer_that_has_begun_is_not_asked_for_again() {
    let begun: [(BackendProtocol, &[u8]); 4] = [
        (BackendProtocol::Http1, b"H"),
        (BackendProtocol::Http1, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"),
        (BackendProtocol::Http1, b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        // HEADERS with `:status: 103` (RFC 7541 section 6.2.2).
        (BackendProtocol::H2c, b"\0\0\x05\x01\x04\0\0\0\x01\x08\x03103"),
    ];
    for (protocol, begun) in begun {
        local(async {
            let asked = Asked::default();
            let endpoints = [cutting(protocol, &asked, begun).await, cutting(protocol, &asked, begun).await];
            let gateway = before(protocol, &endpoints).await;
            let mut client = Raw::connect(gateway.address).await;
            client.write("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
            let answer = client.rest().await;
            assert!(answer.contains("HTTP/1.1 502 "), "{begun:?}: {answer}");
            assert_eq!((asked.get(), gateway.flags("UC")), (1, 1), "{begun:?}");
        });
    }
}

#[test]
fn the_only_endpoint_is_asked_once_more() {
    for protocol in PROTOCOLS {
        local(async {
            let asked = Asked::default();
            let gateway = before(protocol, &[cutting(protocol, &asked, b"").await]).await;
            assert_eq!((gateway.get("/").await.status, asked.get()), (502, 2), "{protocol:?}");
            assert_eq!((gateway.flags("UC"), gateway.flags("URX"), gateway.metric(RETRIES)), (1, 1, 1));
        });
    }
    local(async {
        let gateway = before(BackendProtocol::Http1, &[super::retries::closing_once().await]).await;
        assert_eq!(gateway.get("/").await.body, "ok");
    });
}

#[test]
fn of_many_endpoints_three_are_asked_and_then_the_answer_is_502() {
    for protocol in PROTOCOLS {
        local(async {
            let asked = Asked::default();
            let mut endpoints = Vec::new();
            for _ in 0..6 {
                endpoints.push(cutting(protocol, &asked, b"").await);
            }
            let gateway = before(protocol, &endpoints).await;
            assert_eq!((gateway.get("/").await.status, asked.get()), (502, 3), "{protocol:?}");
            assert_eq!((gateway.flags("UC"), gateway.flags("URX"), gateway.metric(RETRIES)), (1, 1, 2));
        });
    }
}

/// `HTTPRouteRetry.attempts`: what a rule says of retries holds for these too.
#[test]
fn a_policy_without_attempts_forbids_it() {
    for protocol in PROTOCOLS {
        local(async {
            let asked = Asked::default();
            let endpoints = [cutting(protocol, &asked, b"").await, cutting(protocol, &asked, b"").await];
            let none = Retry { codes: Vec::new(), attempts: 0, backoff: None };
            let gateway = gateway(rule(protocol, &endpoints, Some(none))).await;
            assert_eq!((gateway.get("/").await.status, asked.get()), (502, 1), "{protocol:?}");
        });
    }
}

#[test]
fn the_request_limit_ends_the_next_try_too() {
    local(async {
        let asked = Asked::default();
        let count = Rc::clone(&asked);
        let backend = raw_backend(move |mut raw| {
            let first = count.replace(count.get() + 1) == 0;
            async move {
                raw.until("\r\n\r\n").await;
                if !first {
                    raw.rest().await;
                }
            }
        })
        .await;
        let gateway = before_one(backend, Some(Duration::from_millis(200))).await;
        assert_eq!((gateway.get("/").await.status, asked.get()), (504, 2));
    });
}

/// RFC 9113 section 6.8: streams beyond the last one that GOAWAY names were not acted on.
#[test]
fn a_request_beyond_goaway_goes_to_another_endpoint_whatever_its_method() {
    local(async {
        let asked = Asked::default();
        let goaway = b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";
        let endpoints = [cutting(BackendProtocol::H2c, &asked, goaway).await, echo("up").await];
        let gateway = before(BackendProtocol::H2c, &endpoints).await;
        while asked.get() == 0 {
            let seen = gateway.send("POST", "/", &[], "").await;
            assert_eq!((seen.status, seen.header("x-backend")), (200, Some("up")));
        }
    });
}
