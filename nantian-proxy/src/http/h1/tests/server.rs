//! Server connections on real sockets.

use std::cell::Cell;
use std::future::{Future as _, poll_fn};
use std::io::{Read as _, Write as _};
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{Notify, mpsc};
use tokio::task::spawn_local;

use crate::http::testing::{
    HandleFn, Raw, Server, buffers, local, reply, server, server_that_counts, server_with, text, until_held,
};
use crate::http::{Body, BodyError, ConnectionEnd, Exchange, Headers, HttpSettings, Reply, Request, Response};

/// A body of what is sent.
fn channel() -> (mpsc::UnboundedSender<Frame<Bytes>>, Body) {
    let (send, mut receive) = mpsc::unbounded_channel();
    let stream = futures_util::stream::poll_fn(move |cx| receive.poll_recv(cx).map(|frame| frame.map(Ok)));
    (send, Body::boxed(StreamBody::new(stream)))
}

async fn path_echo() -> Server {
    server(async |request: Request<Body>, _| {
        let path = request.uri().path().to_owned();
        let body = text(request.into_body()).await;
        reply(format!("{path} {body}"))
    })
    .await
}

async fn stream_echo(request: Request<Body>, _: Exchange) -> Reply {
    Response::new(request.into_body()).into()
}

#[test]
fn requests_on_one_connection_are_answered_in_their_order() {
    // RFC 9112 section 9.3.2.
    local(async {
        let server = path_echo().await;
        let mut client = Raw::connect(server.address).await;
        client
            .write(
                "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\
                 POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
                 POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ndef\r\n0\r\n\r\n\
                 GET /4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
            )
            .await;
        for expected in ["/1 ", "/2 abc", "/3 def"] {
            let head = client.until("\r\n\r\n").await;
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("date: "), "{head}");
            assert!(!head.contains("connection:"), "{head}");
            assert_eq!(client.until(expected).await, expected);
        }
        let last = client.rest().await;
        assert!(last.contains("connection: close\r\n") && last.ends_with("/4 "), "{last}");
    });
}

#[test]
fn a_handler_is_polled_when_its_request_is_there_and_when_what_it_waits_for_is() {
    local(async {
        let polls = Rc::new(Cell::new(0));
        let counted = Rc::clone(&polls);
        let server = server(move |_, _| {
            let polls = Rc::clone(&counted);
            async move {
                let mut waited = std::pin::pin!(tokio::time::sleep(Duration::from_millis(30)));
                poll_fn(|cx| {
                    polls.set(polls.get() + 1);
                    waited.as_mut().poll(cx)
                })
                .await;
                reply("answered")
            }
        })
        .await;
        let mut client = Raw::connect(server.address).await;
        for request in 1..=3 {
            client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
            client.until("answered").await;
            assert_eq!(polls.get(), 2 * request);
        }
    });
}

#[test]
fn http_1_0_gets_no_chunks_and_no_interim_answers() {
    local(async {
        let server = server(async |_, exchange: Exchange| {
            exchange.interim.push(StatusCode::EARLY_HINTS, Headers::new());
            let (send, body) = channel();
            send.send(Frame::data(Bytes::from_static(b"hello"))).unwrap();
            Response::new(body).into()
        })
        .await;
        let mut client = Raw::connect(server.address).await;
        client.write("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
        let answer = client.rest().await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\nhello"), "{answer}");
        assert!(answer.contains("connection: close") && !answer.contains("chunked"), "{answer}");
    });
}

#[test]
fn http_1_0_may_keep_its_connection() {
    local(async {
        let server = path_echo().await;
        let mut client = Raw::connect(server.address).await;
        for _ in 0..2 {
            client.write("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").await;
            assert!(client.until("\r\n\r\n").await.contains("connection: keep-alive"));
            client.until("/ ").await;
        }
    });
}

#[test]
fn answers_without_a_body_have_none() {
    // RFC 9110 section 9.3.2, RFC 9112 section 6.3.
    local(async {
        let server = server(async |request: Request<Body>, _| {
            let mut response = Response::new(Body::full("hello"));
            *response.status_mut() = match request.uri().path() {
                "/204" => StatusCode::NO_CONTENT,
                "/304" => StatusCode::NOT_MODIFIED,
                _ => StatusCode::OK,
            };
            response.headers_mut().insert("content-length", HeaderValue::from_static("5"));
            response.into()
        })
        .await;
        let mut client = Raw::connect(server.address).await;
        for (request, length) in [("HEAD /", true), ("GET /204", false), ("GET /304", true), ("HEAD /204", false)] {
            client.write(format!("{request} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            let head = client.until("\r\n\r\n").await;
            assert_eq!(head.contains("content-length: 5"), length, "{request}: {head}");
            assert!(!head.contains("transfer-encoding"), "{request}: {head}");
        }
        client.write("GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert!(client.rest().await.ends_with("\r\n\r\nhello"));
    });
}

#[test]
fn trailers_go_only_to_those_who_take_them() {
    // RFC 9110 section 6.5.1.
    local(async {
        let server = server(async |_, _| {
            let (send, body) = channel();
            send.send(Frame::data(Bytes::from_static(b"x"))).unwrap();
            let trailers = [("x-t", "1"), ("content-length", "5")];
            let trailers = trailers
                .into_iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)));
            send.send(Frame::trailers(trailers.collect())).unwrap();
            Response::new(body).into()
        })
        .await;
        let mut client = Raw::connect(server.address).await;
        client.write("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n").await;
        assert!(client.until("0\r\nx-t: 1\r\n\r\n").await.ends_with("\r\n\r\n1\r\nx\r\n0\r\nx-t: 1\r\n\r\n"));
        for other in ["", "TE: gzip\r\nConnection: TE\r\n"] {
            client.write(&format!("GET / HTTP/1.1\r\nHost: a\r\n{other}\r\n")).await;
            assert!(client.until("0\r\n").await.ends_with("\r\n\r\n1\r\nx\r\n0\r\n"));
            assert_eq!(client.until("\r\n").await, "\r\n");
        }
    });
}

#[test]
fn both_directions_flow_at_once() {
    local(async {
        let server = server(stream_echo).await;
        let mut client = Raw::connect(server.address).await;
        client.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        client.until("transfer-encoding: chunked\r\n\r\n").await;
        for part in ["one", "two", "three"] {
            let chunk = format!("{:x}\r\n{part}\r\n", part.len());
            client.write(&chunk).await;
            assert_eq!(client.until(&chunk).await, chunk);
        }
        client.write("0\r\n\r\n").await;
        assert_eq!(client.until("0\r\n\r\n").await, "0\r\n\r\n");
        client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi").await;
        assert!(client.rest().await.ends_with("content-length: 2\r\nconnection: close\r\n\r\nhi"));
    });
}

#[test]
fn the_100_comes_when_the_body_is_wanted() {
    // RFC 9110 section 10.1.1.
    local(async {
        let go = Rc::new(Notify::new());
        let waits = Rc::clone(&go);
        let server = server(move |request: Request<Body>, exchange: Exchange| {
            let waits = Rc::clone(&waits);
            async move {
                exchange.interim.push(StatusCode::EARLY_HINTS, Headers::new());
                waits.notified().await;
                reply(text(request.into_body()).await)
            }
        })
        .await;
        let mut client = Raw::connect(server.address).await;
        client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n").await;
        assert_eq!(client.until("\r\n\r\n").await, "HTTP/1.1 103 Early Hints\r\n\r\n");
        go.notify_one();
        assert_eq!(client.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
        client.write("body").await;
        assert!(client.until("body").await.starts_with("HTTP/1.1 200"));
        // Who has sent the body already gets no 100.
        client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\nbody").await;
        assert_eq!(client.until("\r\n\r\n").await, "HTTP/1.1 103 Early Hints\r\n\r\n");
        go.notify_one();
        assert!(client.until("body").await.starts_with("HTTP/1.1 200"));
    });
}

#[test]
fn a_client_that_waited_in_vain_for_100_is_not_heard_again() {
    local(async {
        let server = server(async |_, _| reply("no")).await;
        let mut client = Raw::connect(server.address).await;
        client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 41\r\nExpect: 100-continue\r\n\r\n").await;
        let head = client.until("no").await;
        assert!(head.contains("connection: close"), "{head}");
        client.write("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n").await;
        client.io.shutdown().await.unwrap();
        assert_eq!(client.rest().await, "");
    });
}

#[test]
fn an_unread_body_is_no_next_request() {
    local(async {
        let requests = Rc::new(Cell::new(0));
        let count = Rc::clone(&requests);
        let server = server(move |_, _| {
            count.set(count.get() + 1);
            async { reply("early") }
        })
        .await;
        let mut client = Raw::connect(server.address).await;
        let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
        let length = smuggled.len();
        client.write(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{smuggled}")).await;
        client.until("early").await;
        client.write("GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert!(client.rest().await.ends_with("early"));
        assert_eq!(requests.get(), 2);
    });
}

#[test]
fn a_long_answer_leaves_turns_to_others() {
    const FRAME: usize = 16 * 1024;
    const FRAMES: usize = 256;
    local(async {
        let asked = Rc::new(Cell::new(0));
        let count = Rc::clone(&asked);
        let server = server(move |_, _| {
            let count = Rc::clone(&count);
            let stream = futures_util::stream::poll_fn(move |_| {
                count.set(count.get() + 1);
                let frame = Frame::data(Bytes::from_static(&[b'x'; FRAME]));
                Poll::Ready((count.get() <= FRAMES).then_some(Ok::<_, BodyError>(frame)))
            });
            let body = Body::boxed(StreamBody::new(stream));
            async { Response::new(body).into() }
        })
        .await;
        let (most, seen) = (Rc::new(Cell::new(0)), Rc::clone(&asked));
        let other = Rc::clone(&most);
        let other = spawn_local(async move {
            let mut before = seen.get();
            // In the worker's line as everyone is, unlike `yield_now`, which waits for the system to be asked.
            poll_fn(|cx| {
                other.set(other.get().max(seen.get() - before));
                before = seen.get();
                cx.waker().wake_by_ref();
                Poll::<()>::Pending
            })
            .await;
        });
        let mut client = Raw::connect(server.address).await;
        client.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        let answer = client.rest().await;
        other.abort();
        assert!(answer.len() > FRAME * FRAMES, "{}", answer.len());
        assert!((1..=8).contains(&most.get()), "{} frames before another task had its turn", most.get());
    });
}

/// Whether something has arrived.
fn has_bytes(client: &std::net::TcpStream) -> bool {
    client.peek(&mut [0]).is_ok()
}

#[test]
fn all_who_are_ready_are_read_before_the_first_of_them_is_answered() {
    const ANSWER: &str = "HTTP/1.1 200 OK\r\n";
    local(async {
        let clients: Rc<std::cell::OnceCell<[std::net::TcpStream; 2]>> = Rc::default();
        let early = Rc::new(Cell::new(0));
        let (seen, counted) = (Rc::clone(&clients), Rc::clone(&early));
        let server = server(move |_, _| {
            let answered = seen.get().map_or(0, |clients| clients.iter().filter(|client| has_bytes(client)).count());
            counted.set(counted.get() + answered);
            async { reply("x".to_owned()) }
        })
        .await;
        let connect = || {
            let client = std::net::TcpStream::connect(server.address).unwrap();
            client.set_nonblocking(true).unwrap();
            client
        };
        let clients = clients.get_or_init(|| [connect(), connect()]);
        // The first time connections are accepted, the second time both have a request when the system is asked.
        for _ in 0..2 {
            early.set(0);
            for mut client in clients {
                client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            }
            for mut client in clients {
                while !has_bytes(client) {
                    tokio::task::yield_now().await;
                }
                let mut answer = [0; 1024];
                let count = client.read(&mut answer).unwrap();
                assert!(answer[..count].starts_with(ANSWER.as_bytes()));
            }
        }
        assert_eq!(early.get(), 0, "one was answered before the other was read");
    });
}

#[test]
fn an_early_answer_to_a_large_upload_arrives() {
    // RFC 9112 section 9.6: the answer must not be lost to a reset.
    local(async {
        let server = server(async |_, _| reply("too large")).await;
        let mut client = Raw::connect(server.address).await;
        client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n").await;
        client.write(vec![b'x'; 20_000]).await;
        let head = client.until("too large").await;
        assert!(head.contains("connection: close"), "{head}");
        client.write(vec![b'x'; 20_000]).await;
        assert_eq!(client.rest().await, "");
    });
}

struct Signal(Rc<Notify>);

impl Drop for Signal {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[test]
fn a_client_that_goes_away_drops_the_handler() {
    local(async {
        let (started, dropped) = (Rc::new(Notify::new()), Rc::new(Notify::new()));
        let (on_start, on_drop) = (Rc::clone(&started), Rc::clone(&dropped));
        let mut server = server(move |_, _| {
            let signal = Signal(Rc::clone(&on_drop));
            on_start.notify_one();
            async move {
                let _signal = signal;
                std::future::pending().await
            }
        })
        .await;
        for request in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /pipelined HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab",
        ] {
            let mut client = Raw::connect(server.address).await;
            client.write(request).await;
            started.notified().await;
            drop(client);
            dropped.notified().await;
            assert!(matches!(server.ends.recv().await.unwrap(), ConnectionEnd::ClientGone | ConnectionEnd::Io(_)));
        }
    });
}

#[test]
fn half_a_close_is_no_reason_to_give_up_where_the_setting_says_so() {
    local(async {
        let settings = HttpSettings { half_close: true, ..HttpSettings::default() };
        let go = Rc::new(Notify::new());
        let waits = Rc::clone(&go);
        let server = server_with(settings, move |_, _| {
            let waits = Rc::clone(&waits);
            async move {
                waits.notified().await;
                reply("late")
            }
        })
        .await;
        let mut client = Raw::connect(server.address).await;
        client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        client.io.shutdown().await.unwrap();
        go.notify_one();
        assert!(client.rest().await.ends_with("late"));
    });
}

#[test]
fn after_an_upgrade_bytes_pass_both_ways() {
    // RFC 9110 section 7.8.
    local(async {
        let mut server = server(async |request: Request<Body>, _| {
            assert_eq!(request.headers()["upgrade"], "echo");
            let (near, far) = tokio::io::duplex(64);
            spawn_local(async move {
                let (mut read, mut write) = tokio::io::split(far);
                tokio::io::copy(&mut read, &mut write).await.unwrap();
                write.write_all(b"bye").await.unwrap();
                write.shutdown().await.unwrap();
            });
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            response.headers_mut().insert("upgrade", HeaderValue::from_static("echo"));
            Reply { response, tunnel: Some(Box::new(near)) }
        })
        .await;
        let mut client = Raw::connect(server.address).await;
        // The first bytes of the new protocol may come with the request.
        client.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst").await;
        let head = client.until("\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"), "{head}");
        assert!(head.contains("connection: upgrade\r\nupgrade: echo\r\n"), "{head}");
        assert_eq!(client.until("first").await, "first");
        client.write("second").await;
        assert_eq!(client.until("second").await, "second");
        client.io.shutdown().await.unwrap();
        assert_eq!(client.rest().await, "bye");
        assert!(matches!(server.ends.recv().await.unwrap(), ConnectionEnd::Tunnel));
    });
}

#[test]
fn a_switch_without_a_tunnel_is_no_switch() {
    local(async {
        let server = server(async |_, _| {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            response.into()
        })
        .await;
        let mut client = Raw::connect(server.address).await;
        client.write("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: x\r\n\r\n").await;
        assert!(client.rest().await.starts_with("HTTP/1.1 502"));
        let mut client = Raw::connect(server.address).await;
        client.write("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nConnection: close\r\n\r\n").await;
        assert!(client.rest().await.starts_with("HTTP/1.1 502"));
    });
}

#[test]
fn what_is_no_request_is_answered_and_ends_the_connection() {
    local(async {
        let mut server = path_echo().await;
        for (raw, status) in [
            ("nonsense\r\n\r\n", 400),
            ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ] {
            let mut client = Raw::connect(server.address).await;
            client.write(raw).await;
            client.write("GET /second HTTP/1.1\r\nHost: a\r\n\r\n").await;
            let answer = client.rest().await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
            assert!(answer.contains("connection: close") && !answer.contains("/second"), "{answer}");
            drop(client);
            let end = server.ends.recv().await.unwrap();
            assert!(matches!(end, ConnectionEnd::Refused(refusal) if refusal.status.as_u16() == status), "{end:?}");
        }
    });
}

#[test]
fn a_body_with_invalid_framing_fails_and_ends_the_connection() {
    local(async {
        let server = server(async |request: Request<Body>, _| {
            let failed = request.into_body().collect().await;
            reply(format!("{}", matches!(failed, Err(BodyError::Framing(_)))))
        })
        .await;
        let mut client = Raw::connect(server.address).await;
        client.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n").await;
        client.write("GET /second HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let answer = client.rest().await;
        assert!(answer.ends_with("\r\n\r\ntrue"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    });
}

#[test]
fn an_answer_that_fails_is_seen_to_be_incomplete() {
    local(async {
        let mut server = server(async |_, _| {
            let frames = [Ok(Frame::data(Bytes::from_static(b"part"))), Err(BodyError::Truncated)];
            Response::new(Body::boxed(StreamBody::new(futures_util::stream::iter(frames)))).into()
        })
        .await;
        let mut client = Raw::connect(server.address).await;
        client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(client.rest().await.ends_with("4\r\npart\r\n"));
        assert!(matches!(server.ends.recv().await.unwrap(), ConnectionEnd::Answer(BodyError::Truncated)));
    });
}

#[test]
fn a_body_that_does_not_fit_its_length_ends_the_connection() {
    local(async {
        let mut server = server(async |request: Request<Body>, _| {
            let (send, body) = channel();
            send.send(Frame::data(Bytes::from_static(b"12345"))).unwrap();
            let mut response = Response::new(body);
            let length = if request.uri().path() == "/short" { "9" } else { "4" };
            response.headers_mut().insert("content-length", HeaderValue::from_static(length));
            response.into()
        })
        .await;
        for path in ["/short", "/long"] {
            let mut client = Raw::connect(server.address).await;
            client.write(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
            client.rest().await;
            assert!(matches!(server.ends.recv().await.unwrap(), ConnectionEnd::Broken(_)), "{path}");
        }
    });
}

#[test]
fn a_drain_ends_idle_connections_at_once_and_busy_ones_after_their_answer() {
    local(async {
        let (started, go) = (Rc::new(Notify::new()), Rc::new(Notify::new()));
        let (on_start, waits) = (Rc::clone(&started), Rc::clone(&go));
        let mut server = server(move |_, _| {
            let waits = Rc::clone(&waits);
            on_start.notify_one();
            async move {
                waits.notified().await;
                reply("done")
            }
        })
        .await;
        let mut idle = Raw::connect(server.address).await;
        idle.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        go.notify_one();
        idle.until("done").await;
        started.notified().await;
        let mut busy = Raw::connect(server.address).await;
        busy.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        started.notified().await;
        server.drain.start();
        assert_eq!(idle.rest().await, "");
        assert!(matches!(server.ends.recv().await.unwrap(), ConnectionEnd::Drained));
        go.notify_one();
        let answer = busy.rest().await;
        assert!(answer.contains("connection: close") && answer.ends_with("done"), "{answer}");
    });
}

#[test]
fn silent_slow_and_idle_clients_are_sent_away() {
    local(async {
        let settings = HttpSettings {
            request_head_timeout: Duration::from_millis(30),
            keep_alive_timeout: Duration::from_millis(30),
            body_idle_timeout: Duration::from_millis(30),
            linger: Duration::from_millis(30),
            ..HttpSettings::default()
        };
        let mut server = server_with(settings, async |request: Request<Body>, _| {
            reply(format!("{}", matches!(request.into_body().collect().await, Err(BodyError::Timeout))))
        })
        .await;
        let mut silent = Raw::connect(server.address).await;
        assert_eq!(silent.rest().await, "");
        assert!(matches!(server.ends.recv().await.unwrap(), ConnectionEnd::HeadTimeout));
        let mut dripping = Raw::connect(server.address).await;
        dripping.write("GET / HTTP/1.1\r\nHo").await;
        assert!(dripping.rest().await.starts_with("HTTP/1.1 408"));
        drop(dripping);
        assert!(matches!(server.ends.recv().await.unwrap(), ConnectionEnd::Refused(_)));
        let mut idle = Raw::connect(server.address).await;
        idle.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(idle.rest().await.ends_with("false"));
        assert!(matches!(server.ends.recv().await.unwrap(), ConnectionEnd::Idle));
        let mut stalled = Raw::connect(server.address).await;
        stalled.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab").await;
        assert!(stalled.rest().await.ends_with("true"));
    });
}

#[test]
fn a_body_is_asked_for_more_only_as_the_client_reads() {
    local(async {
        let asked = Rc::new(Cell::new(0_usize));
        let counter = Rc::clone(&asked);
        let settings = HttpSettings { body_idle_timeout: Duration::from_millis(100), ..HttpSettings::default() };
        let mut server = server_with(settings, move |_, _| {
            let counter = Rc::clone(&counter);
            let frames = std::iter::repeat_with(move || {
                counter.set(counter.get() + 1);
                Ok(Frame::data(Bytes::from_static(&[b'x'; 16_384])))
            });
            async move { Response::new(Body::boxed(StreamBody::new(futures_util::stream::iter(frames)))).into() }
        })
        .await;
        let mut client = Raw::connect(server.address).await;
        client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        // The client never reads; an endless answer stops when the sockets' buffers are full, and is then given up.
        assert!(matches!(server.ends.recv().await.unwrap(), ConnectionEnd::WriteTimeout));
        assert!(asked.get() * 16_384 < 64 * 1024 * 1024, "{}", asked.get());
        // A reset, so that the kernel drops at once what it still held.
        let end = loop {
            match client.io.read(&mut [0; 16_384]).await {
                Ok(count) if count > 0 => {}
                end => break end.map_err(|error| error.kind()),
            }
        };
        assert_eq!(end, Err(std::io::ErrorKind::ConnectionReset));
    });
}

#[test]
fn the_head_of_a_request_counts_until_it_is_answered() {
    local(async {
        let (telemetry, buffers) = buffers(usize::MAX, usize::MAX);
        let go = Rc::new(Notify::new());
        let gate = Rc::clone(&go);
        let waits = HandleFn(move |_, _| {
            let gate = Rc::clone(&gate);
            async move {
                gate.notified().await;
                reply("done")
            }
        });
        let server = server_that_counts(HttpSettings::default(), Rc::new(waits), move || buffers.open()).await;
        let mut client = Raw::connect(server.address).await;
        client.write(&format!("GET / HTTP/1.1\r\nHost: a\r\nX-Large: {}\r\n\r\n", "x".repeat(10_000))).await;
        until_held(&telemetry, |bytes| (10_000..10_500).contains(&bytes)).await;
        go.notify_one();
        client.until("done").await;
        until_held(&telemetry, |bytes| bytes == 0).await;
    });
}
