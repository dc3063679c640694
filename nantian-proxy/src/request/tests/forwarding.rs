//! What reaches a backend, and what comes back.

use std::time::Duration;

use nantian_ir::Timeouts;

use super::*;
use crate::http::testing::raw_backend;

#[test]
fn the_backend_gets_the_clients_request_and_is_told_about_the_client() {
    local(async {
        let gateway = with_echo(|builder| builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)])).await;
        let sent = [
            ("host", "Shop.example:8080"),
            ("x-own", "1"),
            ("x-forwarded-for", "198.51.100.1"),
            ("x-forwarded-proto", "https"),
            ("forwarded", "for=198.51.100.1"),
            ("te", "trailers, gzip"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic x"),
        ];
        let seen = gateway.send("POST", "/a/../b%41?x=%41", &sent, "hello").await;
        assert_eq!((seen.status, target(&seen)), (200, "POST /bA?x=%41"));
        assert_eq!((line(&seen, "host"), line(&seen, "x-own")), (Some("Shop.example:8080"), Some("1")));
        assert_eq!(line(&seen, "body"), Some("hello"));
        assert_eq!(lines(&seen, "x-forwarded-for"), ["127.0.0.1"]);
        assert_eq!(line(&seen, "x-forwarded-proto"), Some("http"));
        assert_eq!(line(&seen, "x-forwarded-host"), Some("Shop.example:8080"));
        assert_eq!(line(&seen, "x-forwarded-port"), Some("80"));
        assert_eq!(line(&seen, "x-request-id").map(str::len), Some(36));
        assert_eq!(line(&seen, "te"), Some("trailers"));
        for gone in ["keep-alive", "proxy-authorization", "forwarded", "transfer-encoding"] {
            assert_eq!(line(&seen, gone), None, "{gone}");
        }
        assert!(seen.header("date").is_some());
        assert_eq!(seen.header("server"), None);
    });
}

#[test]
fn what_concerns_the_backends_connection_stays_there() {
    local(async {
        let backend = raw_backend(|mut raw| async move {
            raw.until("\r\n\r\n").await;
            raw.write(
                "HTTP/1.1 200 OK\r\nconnection: close, x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=1\r\nserver: own\r\n",
            )
            .await;
            raw.write("x-end: 1\r\ncontent-length: 2\r\n\r\nok").await;
        })
        .await;
        let builder = Builder::new().backend("raw", BackendProtocol::Http1, &[backend]);
        let gateway = gateway(builder.rule(0, "/", |rule| rule.targets = vec![to("raw", 1)])).await;
        let seen = gateway.get("/").await;
        assert_eq!((seen.status, seen.body.as_str()), (200, "ok"));
        assert_eq!((seen.header("x-hop"), seen.header("keep-alive")), (None, None));
        assert_eq!((seen.header("server"), seen.header("x-end")), (Some("own"), Some("1")));
    });
}

#[test]
fn a_backend_that_breaks_off_or_talks_nonsense_gets_502() {
    local(async {
        let closing = raw_backend(|mut raw| async move {
            raw.until("\r\n\r\n").await;
        })
        .await;
        let nonsense = raw_backend(|mut raw| async move {
            raw.until("\r\n\r\n").await;
            raw.write("SMTP ready\r\n\r\n").await;
            raw.rest().await;
        })
        .await;
        let builder = Builder::new()
            .backend("closing", BackendProtocol::Http1, &[closing])
            .backend("nonsense", BackendProtocol::Http1, &[nonsense])
            .rule(0, "/closing", |rule| rule.targets = vec![to("closing", 1)])
            .rule(1, "/nonsense", |rule| rule.targets = vec![to("nonsense", 1)]);
        let gateway = gateway(builder).await;
        assert_eq!(gateway.get("/closing").await.status, 502);
        assert_eq!(gateway.flags("UC"), 1);
        assert_eq!(gateway.get("/nonsense").await.status, 502);
        assert_eq!(gateway.flags("UPE"), 1);
    });
}

async fn silent() -> SocketAddr {
    raw_backend(|mut raw| async move {
        raw.rest().await;
    })
    .await
}

/// Conformance tests `HTTPRouteTimeoutRequest`, `HTTPRouteTimeoutBackendRequest`; GEP-1742.
#[test]
fn time_limits_answer_504_and_zero_disables_them() {
    local(async {
        let (silent, a) = (silent().await, echo("a").await);
        let builder = Builder::new()
            .backend("silent", BackendProtocol::Http1, &[silent])
            .backend("a", BackendProtocol::Http1, &[a])
            .rule(0, "/request", |rule| {
                rule.targets = vec![to("silent", 1)];
                rule.timeouts.request = Some(Duration::from_millis(30));
            })
            .rule(1, "/backend", |rule| {
                rule.targets = vec![to("silent", 1)];
                rule.timeouts.backend_request = Some(Duration::from_millis(30));
            })
            .rule(2, "/zero", |rule| {
                rule.targets = vec![to("a", 1)];
                rule.timeouts = Timeouts { request: Some(Duration::ZERO), backend_request: Some(Duration::ZERO) };
            })
            .rule(3, "/default", |rule| rule.targets = vec![to("silent", 1)]);
        let settings = Settings { request_timeout: Some(Duration::from_millis(30)), ..Settings::default() };
        let gateway = gateway_with(builder, settings).await;
        for path in ["/request", "/backend", "/default"] {
            let seen = gateway.get(path).await;
            assert_eq!((seen.status, seen.body.as_str()), (504, "the time limit has passed\n"), "{path}");
        }
        assert_eq!(gateway.flags("UT"), 3);
        assert_eq!(gateway.get("/zero").await.status, 200);
        let grpc = gateway.send("POST", "/request", &[("content-type", "application/grpc")], "x").await;
        assert_eq!((grpc.status, grpc.header("grpc-status")), (200, Some("4")));
    });
}

/// GEP-1742: the limit covers the answer to its last byte; once its head is out, it can only be cut.
#[test]
fn an_answer_that_takes_too_long_is_cut() {
    local(async {
        let slow = raw_backend(|mut raw| async move {
            raw.until("\r\n\r\n").await;
            raw.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello").await;
            raw.rest().await;
        })
        .await;
        let builder = Builder::new().backend("slow", BackendProtocol::Http1, &[slow]).rule(0, "/", |rule| {
            rule.targets = vec![to("slow", 1)];
            rule.timeouts.backend_request = Some(Duration::from_millis(50));
        });
        let gateway = gateway(builder).await;
        let seen = gateway.get("/").await;
        assert_eq!((seen.status, seen.body.as_str()), (200, "hello"));
        assert_eq!(gateway.flags("UT"), 1);
    });
}

#[test]
fn an_invalid_request_gets_400() {
    local(async {
        let gateway = with_echo(|builder| builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)])).await;
        for path in ["/%zz", "/a%00b", "/a\\b"] {
            assert_eq!(gateway.get(path).await.status, 400, "{path}");
        }
        assert_eq!(gateway.send("GET", "/", &[("host", "a b")], "").await.status, 400);
        assert_eq!(gateway.send("CONNECT", "a.example:443", &[("host", "a.example:443")], "").await.status, 501);
    });
}

#[test]
fn trailers_pass() {
    local(async {
        let backend = raw_backend(|mut raw| async move {
            raw.until("\r\n\r\n").await;
            raw.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n")
                .await;
            raw.rest().await;
        })
        .await;
        let builder = Builder::new().backend("raw", BackendProtocol::Http1, &[backend]);
        let gateway = gateway(builder.rule(0, "/", |rule| rule.targets = vec![to("raw", 1)])).await;
        let mut client = Raw::connect(gateway.address).await;
        client.write("GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\nconnection: close, te\r\n\r\n").await;
        let raw = client.rest().await;
        assert!(raw.contains("\r\nx-sum: 7\r\n\r\n"), "{raw}");
    });
}

/// Server-sent events and the like: each part reaches the client before the next one exists.
#[test]
fn an_answer_streams_part_by_part() {
    local(async {
        let (go, next) = tokio::sync::mpsc::unbounded_channel::<()>();
        let next = Rc::new(tokio::sync::Mutex::new(next));
        let backend = raw_backend(move |mut raw| {
            let next = Rc::clone(&next);
            async move {
                raw.until("\r\n\r\n").await;
                raw.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
                    .await;
                for number in 0..3 {
                    next.lock().await.recv().await.unwrap();
                    raw.write(format!("9\r\ndata: {number}\n\n\r\n")).await;
                }
                raw.write("0\r\n\r\n").await;
                raw.rest().await;
            }
        })
        .await;
        let builder = Builder::new().backend("sse", BackendProtocol::Http1, &[backend]);
        let gateway = gateway(builder.rule(0, "/", |rule| rule.targets = vec![to("sse", 1)])).await;
        let mut client = Raw::connect(gateway.address).await;
        client.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        client.until("\r\n\r\n").await;
        for number in 0..3 {
            go.send(()).unwrap();
            assert!(client.until("\n\n").await.ends_with(&format!("data: {number}\n\n")));
        }
    });
}

/// RFC 9110 section 15.2: "A proxy MUST forward 1xx responses".
#[test]
fn interim_answers_pass() {
    local(async {
        let backend = raw_backend(|mut raw| async move {
            raw.until("\r\n\r\n").await;
            raw.write(
                "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            )
            .await;
            raw.rest().await;
        })
        .await;
        let builder = Builder::new().backend("raw", BackendProtocol::Http1, &[backend]);
        let gateway = gateway(builder.rule(0, "/", |rule| rule.targets = vec![to("raw", 1)])).await;
        let mut client = Raw::connect(gateway.address).await;
        client.write("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        let raw = client.rest().await;
        assert!(raw.starts_with("HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n"), "{raw}");
        assert!(raw.ends_with("\r\n\r\nok"), "{raw}");
    });
}

/// RFC 9110 section 9.3.2, and section 15.4.5 for 304.
#[test]
fn answers_without_a_body_keep_their_length() {
    local(async {
        let backend = raw_backend(|mut raw| async move {
            raw.until("\r\n\r\n").await;
            raw.write("HTTP/1.1 200 OK\r\ncontent-length: 12345\r\n\r\n").await;
            raw.rest().await;
        })
        .await;
        let builder = Builder::new().backend("raw", BackendProtocol::Http1, &[backend]);
        let gateway = gateway(builder.rule(0, "/", |rule| rule.targets = vec![to("raw", 1)])).await;
        let seen = gateway.send("HEAD", "/", &[], "").await;
        assert_eq!((seen.status, seen.header("content-length"), seen.body.as_str()), (200, Some("12345"), ""));
        assert_eq!(gateway.flags("DC"), 0);
    });
}
