//! HTTP/2 against the `h2` crate's own client and server, and through a proxy of both protocols.

mod buffered;
mod floods;
mod writes;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use bytes::Bytes;
use h2::Reason;
use h2::client::SendRequest;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;
use nantian_ir::model::BackendProtocol;
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use crate::http::testing::{Raw, Server, local, reply, server, server_with, text};
use crate::http::{Body, BodyError, ConnectionEnd, Exchange, Headers, HttpSettings, Reply, Request, Response};
use crate::upstream::{PoolSettings, Pools, Upstream};

/// A frame as it is on the wire.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

async fn client(server: &Server) -> SendRequest<Bytes> {
    let io = TcpStream::connect(server.address).await.unwrap();
    let (send, connection) = h2::client::handshake(io).await.unwrap();
    spawn_local(async move {
        let _ = connection.await;
    });
    send.ready().await.unwrap()
}

fn get(path: &str) -> http::Request<()> {
    http::Request::get(format!("http://example.com{path}")).body(()).unwrap()
}

/// A proxy to `address`, one pool for all its requests.
async fn proxy(address: std::net::SocketAddr, protocol: BackendProtocol) -> Server {
    let pools = Pools::new(PoolSettings::default(), &HttpSettings::default());
    server(move |mut request: Request<Body>, exchange: Exchange| {
        let (pools, upstream) = (pools.clone(), Upstream::new(address, protocol));
        async move {
            crate::http::hop_by_hop::strip_request(request.headers_mut());
            match pools.send(&upstream, request, Some(&exchange.interim)).await {
                Ok(sent) => Reply { response: sent.response, tunnel: sent.tunnel },
                Err(error) => {
                    let mut response = Response::new(Body::full(error.to_string()));
                    *response.status_mut() = StatusCode::BAD_GATEWAY;
                    response.into()
                }
            }
        }
    })
    .await
}

async fn collect(mut body: h2::RecvStream) -> (Vec<u8>, Option<HeaderMap>) {
    let mut all = Vec::new();
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        all.extend_from_slice(&data);
    }
    (all, body.trailers().await.unwrap())
}

/// Echoes the body and its trailers.
async fn echo(request: Request<Body>, _: Exchange) -> Reply {
    Response::new(request.into_body()).into()
}

#[test]
fn many_streams_are_served_at_once_on_a_cleartext_connection_with_prior_knowledge() {
    local(async {
        let server = server(async |request, _| reply(request.uri().path().to_owned())).await;
        let mut send = client(&server).await;
        let answers: Vec<_> = (0..100).map(|n| send.send_request(get(&format!("/{n}")), true).unwrap().0).collect();
        for (n, answer) in answers.into_iter().enumerate() {
            let answer = answer.await.unwrap();
            assert!(answer.headers().contains_key("date"));
            assert_eq!(collect(answer.into_body()).await.0, format!("/{n}").into_bytes());
        }
    });
}

#[test]
fn bodies_and_trailers_pass_between_all_pairs_of_protocols() {
    local(async {
        let backend = server(echo).await;
        for protocol in [BackendProtocol::Http1, BackendProtocol::H2c] {
            let front = proxy(backend.address, protocol).await;
            let mut send = client(&front).await;
            let mut request = http::Request::post("http://example.com/").header("te", "trailers").body(()).unwrap();
            request.headers_mut().insert("x-a", HeaderValue::from_static("1"));
            let (answer, mut upload) = send.send_request(request, false).unwrap();
            upload.send_data(Bytes::from(vec![b'x'; 30_000]), false).unwrap();
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            upload.send_trailers(trailers).unwrap();
            let (body, trailers) = collect(answer.await.unwrap().into_body()).await;
            assert_eq!(body.len(), 30_000);
            assert_eq!(trailers.unwrap()["grpc-status"], "0", "{protocol:?}");
        }
    });
}

#[test]
fn an_answer_of_trailers_only_stays_one() {
    local(async {
        let backend = server(async |_, _| {
            let mut response = Response::new(Body::empty());
            response.headers_mut().insert("grpc-status", HeaderValue::from_static("12"));
            response.into()
        })
        .await;
        let front = proxy(backend.address, BackendProtocol::H2c).await;
        let mut send = client(&front).await;
        let answer = send.send_request(get("/"), true).unwrap().0.await.unwrap();
        assert_eq!(answer.headers()["grpc-status"], "12");
        assert!(answer.body().is_end_stream());
    });
}

#[test]
fn both_directions_of_a_stream_flow_at_once() {
    local(async {
        let backend = server(echo).await;
        for protocol in [BackendProtocol::Http1, BackendProtocol::H2c] {
            let front = proxy(backend.address, protocol).await;
            let mut send = client(&front).await;
            let request = http::Request::post("http://example.com/").body(()).unwrap();
            let (answer, mut upload) = send.send_request(request, false).unwrap();
            upload.send_data(Bytes::from_static(b"first"), false).unwrap();
            let mut body = answer.await.unwrap().into_body();
            for turn in ["first", "second", "third"] {
                assert_eq!(body.data().await.unwrap().unwrap(), turn, "{protocol:?}");
                upload
                    .send_data(Bytes::from_static(if turn == "first" { b"second" } else { b"third" }), false)
                    .unwrap();
            }
            upload.send_data(Bytes::new(), true).unwrap();
        }
    });
}

#[test]
fn a_request_that_goes_on_beyond_its_length_is_never_whole() {
    for (length, first) in [("2", "hi"), ("0", "")] {
        local(async move {
            let parts = Rc::new(Cell::new(0));
            let seen = Rc::clone(&parts);
            let server = server(move |request: Request<Body>, _| {
                let seen = Rc::clone(&seen);
                async move {
                    let mut body = request.into_body();
                    while let Some(Ok(_)) = body.frame().await {
                        seen.set(seen.get() + 1);
                    }
                    reply("whole")
                }
            })
            .await;
            let mut send = client(&server).await;
            let request = http::Request::post("http://example.com/").header("content-length", length).body(()).unwrap();
            let (answer, mut upload) = send.send_request(request, false).unwrap();
            if !first.is_empty() {
                upload.send_data(Bytes::from(first), false).unwrap();
            }
            upload.send_data(Bytes::from("more"), true).unwrap();
            assert_eq!(answer.await.unwrap_err().reason(), Some(Reason::PROTOCOL_ERROR), "length {length}");
            assert_eq!(parts.get(), 0, "length {length}");
        });
    }
}

#[test]
fn a_request_of_no_length_is_served_once_its_stream_has_ended() {
    local(async {
        let server = server(async |_, _| reply("served")).await;
        let mut send = client(&server).await;
        let request = http::Request::post("http://example.com/").header("content-length", "0").body(()).unwrap();
        let (answer, mut upload) = send.send_request(request, false).unwrap();
        upload.send_data(Bytes::new(), true).unwrap();
        assert_eq!(collect(answer.await.unwrap().into_body()).await.0, b"served");
    });
}

#[test]
fn values_with_white_space_around_them_are_refused() {
    local(async {
        let server = server(async |_, _| reply("served")).await;
        let mut send = client(&server).await;
        let request = http::Request::get("http://example.com/").header("x-a", " b").body(()).unwrap();
        let answer = send.send_request(request, true).unwrap().0.await.unwrap();
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    });
}

/// Tells when it is dropped.
struct Signal(Rc<tokio::sync::Notify>);
impl Drop for Signal {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[test]
fn a_reset_by_the_client_drops_the_handler_and_reaches_the_backend() {
    local(async {
        let dropped = Rc::new(tokio::sync::Notify::new());
        let started = Rc::new(tokio::sync::Notify::new());
        let (on_drop, on_start) = (Rc::clone(&dropped), Rc::clone(&started));
        let backend = server(move |_, _| {
            let signal = Signal(Rc::clone(&on_drop));
            on_start.notify_one();
            async move {
                let _signal = signal;
                std::future::pending().await
            }
        })
        .await;
        for protocol in [BackendProtocol::Http1, BackendProtocol::H2c] {
            let front = proxy(backend.address, protocol).await;
            let mut send = client(&front).await;
            let (answer, mut upload) = send.send_request(get("/"), false).unwrap();
            started.notified().await;
            upload.send_reset(Reason::CANCEL);
            dropped.notified().await;
            drop(answer);
        }
    });
}

#[test]
fn a_body_that_fails_resets_the_stream() {
    local(async {
        let backend = server(async |_, _| {
            let frames = [Ok(Frame::data(Bytes::from_static(b"part"))), Err(BodyError::Truncated)];
            Response::new(Body::boxed(http_body_util::StreamBody::new(futures_util::stream::iter(frames)))).into()
        })
        .await;
        for protocol in [BackendProtocol::Http1, BackendProtocol::H2c] {
            let front = proxy(backend.address, protocol).await;
            let mut send = client(&front).await;
            let answer = send.send_request(get("/"), true).unwrap().0.await;
            // The reset may overtake the data, and even the head.
            let reason = match answer {
                Err(error) => error.reason(),
                // It overtook the head on its way from the backend.
                Ok(answer) if answer.status() == StatusCode::BAD_GATEWAY => continue,
                Ok(answer) => {
                    let mut body = answer.into_body();
                    loop {
                        match body.data().await {
                            Some(Ok(_)) => {}
                            Some(Err(error)) => break error.reason(),
                            None => panic!("the stream ended as if it were complete"),
                        }
                    }
                }
            };
            assert_eq!(reason, Some(Reason::INTERNAL_ERROR), "{protocol:?}");
        }
    });
}

/// Endless, and counts how often it was asked.
struct Endless(Rc<Cell<usize>>);

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0.set(self.0.get() + 1);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 16_384])))))
    }
}

#[test]
fn a_body_is_asked_for_more_only_as_the_client_reads() {
    local(async {
        let asked = Rc::new(Cell::new(0));
        let counter = Rc::clone(&asked);
        let server = server(move |_, _| {
            let body = Body::boxed(Endless(Rc::clone(&counter)));
            async move { Response::new(body).into() }
        })
        .await;
        let mut send = client(&server).await;
        let mut body = send.send_request(get("/"), true).unwrap().0.await.unwrap().into_body();
        let mut received = 0;
        for _ in 0..200 {
            let data = body.data().await.unwrap().unwrap();
            received += data.len();
            body.flow_control().release_capacity(data.len()).unwrap();
            // The window (64 KiB), what we keep for a stream, and one part in hand.
            assert!(asked.get() * 16_384 <= received + 65_535 + 65_536 + 16_384, "{} of {received}", asked.get());
        }
    });
}

#[test]
fn interim_answers_come_before_the_final_one() {
    local(async {
        let server = server(async |_, exchange: Exchange| {
            let mut headers = Headers::new();
            headers.insert("link", HeaderValue::from_static("</a>"));
            exchange.interim.push(StatusCode::EARLY_HINTS, headers);
            reply("done")
        })
        .await;
        let mut send = client(&server).await;
        let mut answer = send.send_request(get("/"), true).unwrap().0;
        let hint = poll_fn(|cx| answer.poll_informational(cx)).await.unwrap().unwrap();
        assert_eq!((hint.status(), hint.headers()["link"].to_str().unwrap()), (StatusCode::EARLY_HINTS, "</a>"));
        assert_eq!(collect(answer.await.unwrap().into_body()).await.0, b"done");
    });
}

#[test]
fn a_client_that_waits_for_100_gets_it_when_the_body_is_wanted() {
    local(async {
        let server = server(async |request: Request<Body>, _| reply(text(request.into_body()).await)).await;
        let mut send = client(&server).await;
        let request = http::Request::post("http://a/").header("expect", "100-continue").body(()).unwrap();
        let (mut answer, mut upload) = send.send_request(request, false).unwrap();
        let status = poll_fn(|cx| answer.poll_informational(cx)).await.unwrap().unwrap().status();
        assert_eq!(status, StatusCode::CONTINUE);
        upload.send_data(Bytes::from_static(b"body"), true).unwrap();
        assert_eq!(collect(answer.await.unwrap().into_body()).await.0, b"body");
    });
}

#[test]
fn a_drain_says_goaway_and_lets_streams_finish() {
    local(async {
        let go = Rc::new(tokio::sync::Notify::new());
        let waits = Rc::clone(&go);
        let mut server = server(move |_, _| {
            let waits = Rc::clone(&waits);
            async move {
                waits.notified().await;
                reply("finished")
            }
        })
        .await;
        let mut send = client(&server).await;
        let answer = send.send_request(get("/"), true).unwrap().0;
        // A second exchange makes sure that the first one has arrived.
        let second = send.send_request(get("/"), true).unwrap().0;
        go.notify_one();
        let first_done = collect(answer.await.unwrap().into_body()).await.0;
        server.drain.start();
        go.notify_one();
        let second_done = collect(second.await.unwrap().into_body()).await.0;
        assert_eq!((first_done.as_slice(), second_done.as_slice()), (&b"finished"[..], &b"finished"[..]));
        assert!(matches!(server.ends.recv().await.unwrap(), ConnectionEnd::Drained));
        assert!(poll_fn(|cx| send.poll_ready(cx)).await.is_err());
    });
}

#[test]
fn messages_that_http1_could_not_bear_are_refused() {
    local(async {
        let server = server(async |request: Request<Body>, _| {
            let cookie = request.headers().get("cookie").map_or("", |cookie| cookie.to_str().unwrap());
            reply(format!("{} {cookie}", request.uri().authority().unwrap()))
        })
        .await;
        let mut send = client(&server).await;
        for (request, expected) in [
            (http::Request::get("http://a/").header("host", "b"), 400),
            (http::Request::get("http://a/").header("host", "A"), 200),
            (http::Request::get("http://a/").header("content-length", "0").header("content-length", "0"), 400),
            (http::Request::get("http://a/").header("expect", "magic"), 417),
            (http::Request::get("http://user@a/"), 400),
            (http::Request::get(format!("http://a/{}", "x".repeat(16_400))), 414),
        ] {
            let answer = send.send_request(request.body(()).unwrap(), true).unwrap().0.await.unwrap();
            assert_eq!(answer.status().as_u16(), expected);
        }
        let request = http::Request::get("http://a/").header("cookie", "a=1").header("cookie", "b=2").body(()).unwrap();
        let answer = send.send_request(request, true).unwrap().0.await.unwrap();
        assert_eq!(collect(answer.into_body()).await.0, b"a a=1; b=2");
    });
}

#[test]
fn an_extended_connect_for_websocket_is_an_upgrade_for_the_handler() {
    local(async {
        let seen = Rc::new(RefCell::new(String::new()));
        let note = Rc::clone(&seen);
        let server = server(move |request: Request<Body>, _| {
            *note.borrow_mut() = format!("{} {:?}", request.method(), request.headers().get("upgrade"));
            let (near, mut far) = tokio::io::duplex(1024);
            spawn_local(async move {
                let (mut read, mut write) = tokio::io::split(&mut far);
                let _ = tokio::io::copy(&mut read, &mut write).await;
                let _ = tokio::io::AsyncWriteExt::shutdown(&mut write).await;
            });
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            async move { Reply { response, tunnel: Some(Box::new(near)) } }
        })
        .await;
        let mut send = client(&server).await;
        // The setting that allows extended CONNECT has to arrive first.
        send.send_request(get("/"), true).unwrap().0.await.unwrap();
        let mut request = http::Request::builder().method(Method::CONNECT).uri("http://a/chat").body(()).unwrap();
        request.extensions_mut().insert(h2::ext::Protocol::from_static("websocket"));
        let (answer, mut upload) = send.send_request(request, false).unwrap();
        let answer = answer.await.unwrap();
        assert_eq!((answer.status(), seen.borrow().as_str()), (StatusCode::OK, "GET Some(\"websocket\")"));
        upload.send_data(Bytes::from_static(b"ping"), true).unwrap();
        assert_eq!(collect(answer.into_body()).await.0, b"ping");
    });
}

#[test]
fn a_backend_that_refuses_a_stream_gives_the_request_back() {
    local(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        spawn_local(async move {
            let (io, _) = listener.accept().await.unwrap();
            let mut connection = h2::server::handshake(io).await.unwrap();
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                respond.send_reset(Reason::REFUSED_STREAM);
            }
        });
        let pools = Pools::new(PoolSettings::default(), &HttpSettings::default());
        let request = http::Request::post("http://a/x").body(Body::empty()).unwrap().into();
        let error = pools.send(&Upstream::new(address, BackendProtocol::H2c), request, None).await.err().unwrap();
        assert!(error.kind.is_unsent(), "{error}");
        assert_eq!(error.request.unwrap().uri().path(), "/x");
    });
}

#[test]
fn streams_beyond_what_one_connection_allows_get_another() {
    local(async {
        let settings = {
            let mut settings = HttpSettings::default();
            settings.http2.max_concurrent_streams = 2;
            settings
        };
        let go = Rc::new(tokio::sync::Semaphore::new(0));
        let waits = Rc::clone(&go);
        let backend = crate::http::testing::server_with(settings, move |_, _| {
            let waits = Rc::clone(&waits);
            async move {
                let _permit = waits.acquire().await;
                reply("x")
            }
        })
        .await;
        let pools = Pools::new(PoolSettings::default(), &HttpSettings::default());
        let stats = std::sync::Arc::new(crate::upstream::ConnectionStats::default());
        let mut upstream = Upstream::new(backend.address, BackendProtocol::H2c);
        upstream.stats = Some(std::sync::Arc::clone(&stats));
        go.add_permits(1);
        let send = |upstream: &Upstream| {
            let (pools, upstream) = (pools.clone(), upstream.clone());
            async move {
                text(pools.send(&upstream, Request::new(Body::empty()), None).await.unwrap().response.into_body()).await
            }
        };
        assert_eq!(send(&upstream).await, "x");
        let waiting: Vec<_> = (0..6).map(|_| spawn_local(send(&upstream))).collect();
        go.add_permits(6);
        for answer in waiting {
            assert_eq!(answer.await.unwrap(), "x");
        }
        assert!(stats.total() > 1, "{}", stats.total());
        assert_eq!(stats.total(), stats.active());
    });
}

#[test]
fn a_header_section_beyond_the_bound_is_answered_431_and_the_connection_goes_on() {
    local(async {
        let server = server(async |_, _| reply("x")).await;
        let mut client = client(&server).await;
        let mut large = get("/");
        large.headers_mut().insert("x", "v".repeat(70_000).parse().unwrap());
        for (request, status) in [(large, 431), (get("/"), 200)] {
            let (answer, _) = client.send_request(request, true).unwrap();
            assert_eq!(answer.await.unwrap().status(), status);
        }
    });
}

#[test]
fn the_last_request_that_a_connection_may_carry_is_answered_and_ends_it() {
    local(async {
        let settings = HttpSettings { max_requests_per_connection: 2, ..HttpSettings::default() };
        let mut server = server_with(settings, async |_, _| reply("x")).await;
        let mut client = client(&server).await;
        for _ in 0..2 {
            assert_eq!(client.send_request(get("/"), true).unwrap().0.await.unwrap().status(), 200);
        }
        let end = server.ends.recv().await.unwrap();
        assert!(matches!(end, ConnectionEnd::UsedUp), "{end}");

        let mut raw = Raw::connect(server.address).await;
        raw.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3)).await;
        let answers = raw.rest().await;
        assert_eq!(
            (answers.matches("200 OK").count(), answers.matches("connection: close").count()),
            (2, 1),
            "{answers}"
        );
        drop(raw);
        let end = server.ends.recv().await.unwrap();
        assert!(matches!(end, ConnectionEnd::UsedUp), "{end}");
    });
}

#[test]
fn a_body_of_known_length_says_it() {
    local(async {
        let backend = server(async |request: Request<Body>, _| {
            let hint = request.body().size_hint().exact();
            let length = request.headers().get("content-length").cloned();
            let _ = request.into_body().collect().await;
            reply(format!("{hint:?} {length:?}"))
        })
        .await;
        for protocol in [BackendProtocol::Http1, BackendProtocol::H2c] {
            let pools = Pools::new(PoolSettings::default(), &HttpSettings::default());
            let request = http::Request::post("/").body(Body::full("12345")).unwrap().into();
            let sent = pools.send(&Upstream::new(backend.address, protocol), request, None).await.unwrap();
            assert_eq!(text(sent.response.into_body()).await, "Some(5) Some(\"5\")", "{protocol:?}");
        }
    });
}
