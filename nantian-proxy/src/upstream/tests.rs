//! Pools against real servers, honest and hostile.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode};
use http_body_util::BodyExt as _;
use nantian_ir::model::BackendProtocol;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::http::testing::{Raw, buffers, local, raw_backend, reply, server, text, until_held};
use crate::http::{Body, BodyError, Exchange, Headers, HttpSettings, Interim, Request, Response};

fn pools() -> Pools {
    Pools::new(PoolSettings::default(), &HttpSettings::default())
}

fn http1(address: SocketAddr) -> Upstream {
    Upstream::new(address, BackendProtocol::Http1)
}

fn get() -> Request<Body> {
    http::Request::get("/a?b").header("host", "example.com").body(Body::empty()).unwrap().into()
}

/// A backend that answers each connection's first request with `answer` and keeps the connection open.
async fn answering(answer: &'static str) -> SocketAddr {
    raw_backend(move |mut raw: Raw| async move {
        raw.until("\r\n\r\n").await;
        raw.write(answer).await;
        raw.rest().await;
    })
    .await
}

#[test]
fn a_connection_is_used_again_once_its_answer_was_read() {
    local(async {
        let backend =
            server(async |request, _| reply(format!("{} {:?}", request.uri(), request.headers()["host"]))).await;
        let pools = pools();
        let stats = Arc::new(ConnectionStats::default());
        let upstream = Upstream { stats: Some(Arc::clone(&stats)), ..http1(backend.address) };
        for turn in 0..3 {
            let sent = pools.send(&upstream, get(), None).await.unwrap();
            assert_eq!(sent.reused, turn > 0);
            assert_eq!(text(sent.response.into_body()).await, "/a?b \"example.com\"");
            assert_eq!((pools.idle_count(), stats.total(), stats.active()), (1, 1, 1));
        }
        pools.forget([backend.address].into());
        assert_eq!((pools.idle_count(), stats.active()), (0, 0));
    });
}

#[test]
fn a_connection_whose_answer_was_not_read_is_closed() {
    local(async {
        let backend = server(async |_, _| reply(vec![b'x'; 100_000])).await;
        let pools = pools();
        drop(pools.send(&http1(backend.address), get(), None).await.unwrap());
        assert_eq!(pools.idle_count(), 0);
    });
}

#[test]
fn a_little_answer_that_came_with_its_head_leaves_its_connection_free_at_once() {
    // The last one leaves bytes that nobody asked for.
    for (answer, free) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 1),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello", 0),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, world", 0),
    ] {
        local(async {
            let pools = pools();
            let sent = pools.send(&http1(answering(answer).await), get(), None).await.unwrap();
            assert_eq!(pools.idle_count(), free, "{answer}");
            assert_eq!(text(sent.response.into_body()).await, "hello", "{answer}");
            assert_eq!(pools.idle_count(), free, "{answer}");
        });
    }
}

#[test]
fn answers_in_doubt_are_refused_or_their_connection_is_not_used_again() {
    // RFC 9112 section 6.3, and what hostile backends make of it.
    let cases: &[(&str, Option<&str>)] = &[
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", None),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc", None),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", None),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", None),
        ("HTTP/1.1 200 OK\nContent-Length: 2\n\nab", None),
        ("HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n", None),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nab", None),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", None),
        ("SSH-2.0-OpenSSH_9.2\r\n", None),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", Some("ab")),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab", Some("ab")),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab", Some("ab")),
        ("HTTP/1.1 204 No Content\r\n\r\nx", Some("")),
    ];
    local(async {
        for (answer, expected) in cases {
            let backend = answering(answer).await;
            let pools = pools();
            let sent = pools.send(&http1(backend), get(), None).await;
            match (sent, expected) {
                (Ok(sent), Some(body)) => assert_eq!(text(sent.response.into_body()).await, *body, "{answer:?}"),
                (Err(error), None) => assert!(matches!(error.kind, SendErrorKind::Protocol(_)), "{answer:?}: {error}"),
                (sent, _) => panic!("{answer:?}: {:?}", sent.map(|sent| sent.response)),
            }
            assert_eq!(pools.idle_count(), 0, "{answer:?}");
        }
    });
}

#[test]
fn an_answer_that_ends_early_fails() {
    local(async {
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        ] {
            let backend = raw_backend(move |mut raw: Raw| async move {
                raw.until("\r\n\r\n").await;
                raw.write(answer).await;
            })
            .await;
            let sent = pools().send(&http1(backend), get(), None).await.unwrap();
            let error = sent.response.into_body().collect().await.unwrap_err();
            assert!(matches!(error, BodyError::Truncated), "{answer:?}: {error}");
        }
    });
}

#[test]
fn a_request_is_sent_again_only_if_that_is_safe() {
    // RFC 9110 section 9.2.2, RFC 9112 section 9.3.1: the backend takes a second request on a connection, and closes it.
    local(async {
        let accepted = Rc::new(Cell::new(0));
        let count = Rc::clone(&accepted);
        let backend = raw_backend(move |mut raw: Raw| {
            count.set(count.get() + 1);
            async move {
                raw.until("\r\n\r\n").await;
                raw.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
                raw.until("\r\n\r\n").await;
            }
        })
        .await;
        let pools = pools();
        let upstream = http1(backend);
        pools.send(&upstream, get(), None).await.unwrap();
        let again = pools.send(&upstream, get(), None).await.unwrap();
        assert_eq!((again.reused, accepted.get()), (false, 2));
        let post = http::Request::post("/p").body(Body::empty()).unwrap().into();
        let error = pools.send(&upstream, post, None).await.err().unwrap();
        assert!(matches!(error.kind, SendErrorKind::Closed | SendErrorKind::Io(_)), "{error}");
        assert!(!error.kind.is_unsent());
        assert_eq!((error.request.unwrap().uri().path(), accepted.get()), ("/p", 2));
    });
}

#[test]
fn a_backend_that_is_not_there_gives_the_request_back() {
    local(async {
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        for protocol in [BackendProtocol::Http1, BackendProtocol::H2c] {
            let stats = Arc::new(ConnectionStats::default());
            let upstream = Upstream { stats: Some(Arc::clone(&stats)), ..Upstream::new(address, protocol) };
            let request = http::Request::post("/").body(Body::full("body")).unwrap().into();
            let error = pools().send(&upstream, request, None).await.err().unwrap();
            assert!(matches!(error.kind, SendErrorKind::Connect(_)) && error.kind.is_unsent(), "{error}");
            assert_eq!(text(error.request.unwrap().into_body()).await, "body");
            assert_eq!(stats.errors()[0], ("connect", 1));
        }
    });
}

#[test]
fn a_body_that_fails_ends_the_request_and_the_connection() {
    local(async {
        let frames = [Ok(http_body::Frame::data("part".into())), Err(BodyError::Timeout)];
        let body = Body::boxed(http_body_util::StreamBody::new(futures_util::stream::iter(frames)));
        let backend = server(async |request: Request<Body>, _| {
            let _ = request.into_body().collect().await;
            reply("never")
        })
        .await;
        let request = http::Request::post("/").body(body).unwrap().into();
        let error = pools().send(&http1(backend.address), request, None).await.err().unwrap();
        assert!(matches!(error.kind, SendErrorKind::RequestBody(BodyError::Timeout)), "{error}");
        assert!(error.request.is_none());
    });
}

#[test]
fn interim_answers_are_passed_on_and_bounded() {
    local(async {
        let backend = answering(
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        )
        .await;
        let interim = Interim::default();
        let sent = pools().send(&http1(backend), get(), Some(&interim)).await.unwrap();
        assert_eq!(sent.response.status(), StatusCode::OK);
        let (status, headers) = interim.pop().unwrap();
        assert_eq!((status, &headers["link"]), (StatusCode::EARLY_HINTS, &HeaderValue::from_static("</a>")));
        assert_eq!(interim.pop().unwrap().0, StatusCode::PROCESSING);
        let endless = raw_backend(|mut raw: Raw| async move {
            raw.until("\r\n\r\n").await;
            while raw.io.write_all(b"HTTP/1.1 103 Early Hints\r\n\r\n").await.is_ok() {}
        })
        .await;
        let error = pools().send(&http1(endless), get(), None).await.err().unwrap();
        assert!(matches!(error.kind, SendErrorKind::Protocol(_)), "{error}");
    });
}

#[test]
fn a_body_is_held_back_until_the_backend_says_100() {
    // RFC 9110 section 10.1.1.
    local(async {
        let backend = raw_backend(|mut raw: Raw| async move {
            let head = raw.until("\r\n\r\n").await;
            assert!(raw.read.is_empty());
            if head.contains("/no") {
                raw.write("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n").await;
                // Nothing of the body follows.
                assert_eq!(raw.rest().await, "");
                return;
            }
            raw.write("HTTP/1.1 100 Continue\r\n\r\n").await;
            raw.until("body").await;
            raw.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            raw.rest().await;
        })
        .await;
        let pools = pools();
        for (path, status, idle) in [("/no", 413, 0), ("/yes", 200, 1)] {
            let request =
                http::Request::post(path).header("expect", "100-continue").body(Body::full("body")).unwrap().into();
            let sent = pools.send(&http1(backend), request, None).await.unwrap();
            assert_eq!((sent.response.status().as_u16(), pools.idle_count()), (status, idle), "{path}");
        }
    });
}

#[test]
fn a_head_request_gets_a_length_and_no_body() {
    local(async {
        let backend = server(async |_, _| reply("hello")).await;
        let pools = pools();
        for _ in 0..2 {
            let request = http::Request::head("/").body(Body::empty()).unwrap().into();
            let sent = pools.send(&http1(backend.address), request, None).await.unwrap();
            assert_eq!(sent.response.headers()["content-length"], "5");
            assert_eq!(text(sent.response.into_body()).await, "");
            assert_eq!(pools.idle_count(), 1);
        }
    });
}

#[test]
fn an_upgrade_hands_over_the_connection() {
    local(async {
        let backend = raw_backend(|mut raw: Raw| async move {
            let head = raw.until("\r\n\r\n").await;
            assert!(head.contains("connection: upgrade\r\nupgrade: echo\r\n"), "{head}");
            raw.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nfirst").await;
            raw.until("second").await;
            raw.write("third").await;
        })
        .await;
        let request = http::Request::get("/").header("upgrade", "echo").body(Body::empty()).unwrap().into();
        let sent = pools().send(&http1(backend), request, None).await.unwrap();
        assert_eq!(sent.response.status(), StatusCode::SWITCHING_PROTOCOLS);
        let mut tunnel = sent.tunnel.unwrap();
        let mut read = [0; 5];
        tunnel.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"first");
        tunnel.write_all(b"second").await.unwrap();
        let mut rest = String::new();
        tunnel.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "third");
    });
}

#[test]
fn every_request_has_one_host_and_one_framing() {
    local(async {
        let backend = raw_backend(|mut raw: Raw| async move {
            let head = raw.until("\r\n\r\n").await;
            raw.write(format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{head}")).await;
        })
        .await;
        let request = http::Request::builder().method(Method::POST).uri("http://b/x?y").body(Body::empty()).unwrap();
        let mut request = Request::from(request);
        let mut headers = Headers::new();
        for (name, value) in [
            ("transfer-encoding", "chunked"),
            ("content-length", "5"),
            ("connection", "close"),
            ("keep-alive", "x"),
            ("te", "trailers, gzip"),
            ("x-a", "1"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        *request.headers_mut() = headers;
        let sent = pools().send(&http1(backend), request, None).await.unwrap();
        assert_eq!(
            text(sent.response.into_body()).await,
            "POST /x?y HTTP/1.1\r\nhost: b\r\nx-a: 1\r\ncontent-length: 0\r\nte: trailers\r\nconnection: te\r\n\r\n"
        );
    });
}

#[test]
fn an_answer_that_comes_before_the_request_ends_flows_beside_it() {
    local(async {
        let backend =
            server(async |request: Request<Body>, _: Exchange| Response::new(request.into_body()).into()).await;
        let (send, mut receive) = tokio::sync::mpsc::unbounded_channel::<&'static str>();
        let stream = futures_util::stream::poll_fn(move |cx| {
            receive.poll_recv(cx).map(|part| part.map(|part| Ok(http_body::Frame::data(part.into()))))
        });
        let request =
            http::Request::post("/").body(Body::boxed(http_body_util::StreamBody::new(stream))).unwrap().into();
        let pools = pools();
        let mut body = pools.send(&http1(backend.address), request, None).await.unwrap().response.into_body();
        for part in ["one", "two"] {
            send.send(part).unwrap();
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), part);
        }
        drop(send);
        assert!(body.frame().await.is_none());
        assert_eq!(pools.idle_count(), 1);
    });
}

#[test]
fn a_connection_that_the_backend_closed_meanwhile_is_not_used() {
    local(async {
        let backend = raw_backend(|mut raw: Raw| async move {
            raw.until("\r\n\r\n").await;
            raw.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        })
        .await;
        let pools = pools();
        for _ in 0..3 {
            // Not idempotent: it would fail if it were sent on the closed connection.
            let request = http::Request::post("/").body(Body::empty()).unwrap().into();
            let sent = pools.send(&http1(backend), request, None).await.unwrap();
            assert!(!sent.reused);
            // Lets the end arrive.
            let mut probe = Raw::connect(backend).await;
            probe.write("GET / HTTP/1.1\r\n\r\n").await;
            probe.rest().await;
        }
    });
}

#[test]
fn a_backend_that_floods_loses_its_connection_and_is_counted() {
    local(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stats = Arc::new(ConnectionStats::default());
        let mut upstream = Upstream::new(listener.local_addr().unwrap(), BackendProtocol::H2c);
        upstream.stats = Some(Arc::clone(&stats));
        tokio::task::spawn_local(async move {
            let (mut io, _) = listener.accept().await.unwrap();
            let (settings, ping) = (b"\0\0\0\x04\0\0\0\0\0", b"\0\0\x08\x06\0\0\0\0\0........");
            let _ = io.write_all(&[&settings[..], &ping.repeat(20_000)].concat()).await;
            std::future::pending::<()>().await;
        });
        let error = pools().send(&upstream, get(), None).await.err().unwrap();
        // It may be seen before the request was written.
        assert!(matches!(error.kind, SendErrorKind::Protocol(_) | SendErrorKind::Refused), "{error}");
        assert!(stats.errors().contains(&("flood", 1)), "{:?}", stats.errors());
        assert_eq!(stats.active(), 0);
    });
}

/// RFC 9113 section 6.9.1: whose window it was, nobody can tell, so all that is under way on the connection fails.
#[test]
fn data_of_a_backend_beyond_the_window_of_the_connection_ends_it_and_the_answers_on_it() {
    local(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stats = Arc::new(ConnectionStats::default());
        let mut upstream = Upstream::new(listener.local_addr().unwrap(), BackendProtocol::H2c);
        upstream.stats = Some(Arc::clone(&stats));
        let (go, went) = tokio::sync::oneshot::channel::<()>();
        tokio::task::spawn_local(async move {
            let (mut io, _) = listener.accept().await.unwrap();
            let head = |stream: u8| [&b"\0\0\x01\x01\x04\0\0\0"[..], &[stream], b"\x88"].concat();
            let data = |stream: u8| [&[0, 0x40, 0, 0, 0, 0, 0, 0, stream][..], &[b'x'; 0x4000]].concat();
            let settings = b"\0\0\0\x04\0\0\0\0\0\0\0\0\x04\x01\0\0\0\0".to_vec();
            io.write_all(&[settings, head(1), head(3)].concat()).await.unwrap();
            went.await.unwrap();
            // Each stream is within its own window.
            for stream in [1, 1, 3, 3, 3] {
                let _ = io.write_all(&data(stream)).await;
            }
            std::future::pending::<()>().await;
        });
        let mut http = HttpSettings::default();
        http.http2.connection_window = 65_535;
        let pools = Pools::new(PoolSettings::default(), &http);
        let (first, second) = tokio::join!(pools.send(&upstream, get(), None), pools.send(&upstream, get(), None));
        let bodies = [first, second].map(|sent| sent.unwrap().response.into_body());
        go.send(()).unwrap();
        // The bodies are not read before: their bytes count for the connection.
        while stats.active() > 0 {
            tokio::task::yield_now().await;
        }
        for body in bodies {
            let error = body.collect().await.unwrap_err();
            assert!(matches!(error, BodyError::Framing(_)), "{error}");
        }
    });
}

#[test]
fn an_upload_that_its_backend_does_not_take_counts_for_the_client_until_it_is_given_up() {
    local(async {
        let (telemetry, buffers) = buffers(1, 1);
        let backend = raw_backend(async |raw: Raw| {
            std::future::pending::<()>().await;
            drop(raw);
        })
        .await;
        for protocol in [BackendProtocol::Http1, BackendProtocol::H2c] {
            let upstream = Upstream { account: Some(buffers.open()), ..Upstream::new(backend, protocol) };
            let piece = || Ok::<_, BodyError>(http_body::Frame::data(bytes::Bytes::from(vec![b'x'; 10_000])));
            let endless = futures_util::stream::repeat_with(piece);
            let body = Body::boxed(http_body_util::StreamBody::new(endless));
            let request = http::Request::post("/").header("host", "a").body(body).unwrap().into();
            let sending = tokio::task::spawn_local(async move { pools().send(&upstream, request, None).await.is_ok() });
            until_held(&telemetry, |bytes| bytes > 0).await;
            sending.abort();
            until_held(&telemetry, |bytes| bytes == 0).await;
        }
    });
}

#[test]
fn what_an_http2_backend_sends_ahead_counts_for_the_client_until_it_is_taken() {
    local(async {
        let (telemetry, buffers) = buffers(1, 1);
        let backend = server(async |_, _| reply(vec![b'x'; 20_000])).await;
        let upstream = Upstream::new(backend.address, BackendProtocol::H2c);
        let (pools, upstream) = (pools(), Upstream { account: Some(buffers.open()), ..upstream });
        for taken in [true, false] {
            let answer = pools.send(&upstream, get(), None).await.ok().unwrap();
            until_held(&telemetry, |bytes| bytes == 20_000).await;
            if taken {
                assert_eq!(text(answer.response.into_body()).await.len(), 20_000);
            } else {
                drop(answer);
            }
            assert_eq!(telemetry.buffered(), 0);
        }
    });
}
