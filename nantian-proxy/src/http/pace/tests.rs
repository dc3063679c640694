//! Slow clients that are cut, each with its honest neighbour that must live, in virtual time.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;

use super::*;
use crate::http::testing::{HandleFn, reply};
use crate::http::{
    Body, BodyError, ConnectionEnd, ConnectionInfo, Drain, HttpSettings, Reply, Request, Response, Transport,
    serve_auto,
};

const LIMIT: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_limit_of_waiting_must_bring_the_least_number_of_bytes() {
    let start = Instant::now();
    let cut_after = |every: Duration, bytes: usize| {
        let (mut pace, mut now) = (Pace::new(LIMIT, 240), start);
        while now < start + Duration::from_secs(3_600) {
            pace.wait(now);
            let end = pace.ends_at().unwrap();
            if end <= now + every {
                return Some(end.duration_since(start).as_secs());
            }
            now += every;
            pace.resume(now);
            pace.moved(bytes);
        }
        None
    };
    assert_eq!(cut_after(Duration::from_secs(3_600), 0), Some(30), "silence");
    assert_eq!(cut_after(SECOND, 1), Some(30), "a byte a second");
    assert_eq!(cut_after(SECOND, 7), Some(30), "just too slow");
    assert_eq!(cut_after(SECOND, 9), None, "just fast enough");
    assert_eq!(cut_after(Duration::from_secs(29), 1_000), None, "seldom, but much");
}

#[test]
fn time_in_which_nobody_waits_does_not_count() {
    let mut now = Instant::now();
    let mut pace = Pace::new(LIMIT, 240);
    for _ in 0..20 {
        now += Duration::from_secs(3_600);
        assert_eq!(pace.ends_at(), None);
        pace.wait(now);
        now += SECOND;
        assert!(pace.ends_at().unwrap() > now);
        pace.resume(now);
        pace.moved(1);
    }
}

/// Runs a test against a server in virtual time.
fn served<F, R, T>(handle: F, test: impl AsyncFnOnce(DuplexStream) -> T) -> (T, ConnectionEnd)
where
    F: Fn(Request<Body>) -> R + 'static,
    R: Future<Output = Reply> + 'static,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let (client, io) = duplex(1024);
        let address = "127.0.0.1:1".parse().unwrap();
        let info = Rc::new(ConnectionInfo::new(address, address));
        let handler = Rc::new(HandleFn(move |request, _| handle(request)));
        let settings = Rc::new(HttpSettings::default());
        let serving = spawn_local(serve_auto(Transport::other(io), info, settings, handler, Drain::new()));
        let result = test(client).await;
        (result, serving.await.unwrap())
    })
}

/// Says whether the body came whole.
async fn judge(request: Request<Body>) -> Reply {
    match request.into_body().collect().await {
        Ok(body) => reply(format!("whole: {}", body.to_bytes().len())),
        Err(BodyError::Timeout) => reply("timeout"),
        Err(error) => reply(error.to_string()),
    }
}

async fn rest(mut client: DuplexStream) -> String {
    let mut rest = Vec::new();
    let _ = client.read_to_end(&mut rest).await;
    String::from_utf8_lossy(&rest).into_owned()
}

/// A stream of `count` events, one each `every`.
fn events(count: usize, every: Duration) -> Body {
    let next = move |sent: usize| async move {
        if sent == count {
            return None;
        }
        sleep(every).await;
        Some((Ok(Frame::data(Bytes::from_static(b"data: x\n\n"))), sent + 1))
    };
    Body::boxed(StreamBody::new(Box::pin(futures_util::stream::unfold(0, next))))
}

#[test]
fn an_upload_of_a_byte_a_second_is_cut_and_one_that_moves_lives() {
    for (piece, count, expected) in [(1, 1_000, "timeout"), (100, 1_000, "whole: 100000")] {
        let start = Rc::new(Cell::new(Duration::ZERO));
        let (answer, _) = served(judge, async |client| {
            let began = Instant::now();
            let (mut read, mut write) = tokio::io::split(client);
            let head =
                format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", piece * count);
            write.write_all(head.as_bytes()).await.unwrap();
            let upload = spawn_local(async move {
                for _ in 0..count {
                    sleep(SECOND).await;
                    if write.write_all(&vec![b'x'; piece]).await.is_err() {
                        return;
                    }
                }
            });
            let mut answer = String::new();
            let _ = read.read_to_string(&mut answer).await;
            start.set(began.elapsed());
            upload.abort();
            answer
        });
        assert!(answer.ends_with(expected), "{answer}");
        if piece == 1 {
            // The limit, and the time that a closed connection is still read.
            assert!((30..=33).contains(&start.get().as_secs()), "{:?}", start.get());
        }
    }
}

#[test]
fn a_client_that_takes_a_byte_a_second_is_cut_and_one_that_moves_lives() {
    for (piece, lives) in [(1, false), (100, true)] {
        let (took, end) = served(
            async |_| reply(vec![b'x'; 100_000]),
            async |mut client| {
                client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
                let mut took = 0;
                loop {
                    sleep(SECOND).await;
                    match client.read(&mut vec![0; piece]).await {
                        Ok(0) | Err(_) => return took,
                        Ok(count) => took += count,
                    }
                }
            },
        );
        assert_eq!((took > 100_000, matches!(end, ConnectionEnd::WriteTimeout)), (lives, !lives), "{took}: {end}");
    }
}

#[test]
fn after_an_answer_that_was_taken_late_a_head_that_has_begun_has_the_time_of_a_head_and_an_idle_client_that_of_idling()
{
    let HttpSettings { request_head_timeout, keep_alive_timeout, .. } = HttpSettings::default();
    assert!(keep_alive_timeout > request_head_timeout + 10 * SECOND, "the two can be told apart");
    for (begun, time) in [("GET /2 HTT", request_head_timeout), ("", keep_alive_timeout)] {
        let (ended_after, end) = served(
            async |_| reply(vec![b'x'; 5_000]),
            async |mut client| {
                client.write_all(format!("GET / HTTP/1.1\r\nHost: a\r\n\r\n{begun}").as_bytes()).await.unwrap();
                sleep(20 * SECOND).await;
                let mut answer = Vec::new();
                while !answer.ends_with(&[b'x'; 5_000]) {
                    client.read_buf(&mut answer).await.unwrap();
                }
                let taken = Instant::now();
                let _end = rest(client).await;
                taken.elapsed()
            },
        );
        // The rest is the time that a closed connection is still read.
        assert!((time..time + 5 * SECOND).contains(&ended_after), "{begun:?}: {ended_after:?}, {end}");
    }
}

#[test]
fn long_polls_and_server_sent_events_live() {
    let (answer, _) = served(
        async |_| {
            sleep(Duration::from_secs(3_000)).await;
            reply("at last")
        },
        async |mut client| {
            client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
            rest(client).await
        },
    );
    assert!(answer.ends_with("at last"), "{answer}");
    let (answer, _) = served(
        async |_| Response::new(events(5, Duration::from_secs(1_000))).into(),
        async |mut client| {
            client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
            rest(client).await
        },
    );
    assert_eq!(answer.matches("data: x").count(), 5, "{answer}");
}

/// A client of HTTP/2, its window that of a stream.
async fn http2(client: DuplexStream, window: u32) -> h2::client::SendRequest<Bytes> {
    let mut builder = h2::client::Builder::new();
    let (send, connection) = builder.initial_window_size(window).handshake(client).await.unwrap();
    spawn_local(async move {
        let _ = connection.await;
    });
    send.ready().await.unwrap()
}

fn post() -> http::Request<()> {
    http::Request::post("http://a/").body(()).unwrap()
}

#[test]
fn a_stream_whose_window_stays_shut_is_reset_and_its_connection_goes_on() {
    let ((), _) = served(
        async |_| reply("data"),
        async |client| {
            let mut send = http2(client, 0).await;
            let start = Instant::now();
            let mut body = send.send_request(post(), true).unwrap().0.await.unwrap().into_body();
            let error = body.data().await.unwrap().unwrap_err();
            assert_eq!((error.reason(), start.elapsed().as_secs()), (Some(h2::Reason::CANCEL), 30));
            let answer = send.send_request(post(), true).unwrap().0.await.unwrap();
            assert_eq!(answer.status(), 200);
        },
    );
}

#[test]
fn a_client_that_answers_no_ping_is_gone_after_its_time_limit() {
    let (lived, end) = served(
        async |_| std::future::pending().await,
        async |mut client| {
            let start = Instant::now();
            // The preface, SETTINGS, and GET / of host a; then nothing more, not even an answer to a PING.
            client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
            client.write_all(b"\0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x41\x01a").await.unwrap();
            let mut heard = Vec::new();
            let _ = client.read_to_end(&mut heard).await;
            start.elapsed().as_secs()
        },
    );
    assert!(matches!(end, ConnectionEnd::PingTimeout), "{end}");
    assert_eq!(lived, 40, "30 s until the PING, 10 s for its answer");
}

#[test]
fn a_dripping_body_on_a_stream_is_cut_and_a_moving_one_lives() {
    for (piece, expected) in [(1, "timeout"), (100, "whole: 10000")] {
        let ((), _) = served(judge, async |client| {
            let mut send = http2(client, 65_535).await;
            let start = Instant::now();
            let (answer, mut upload) = send.send_request(post(), false).unwrap();
            let upload = spawn_local(async move {
                for left in (0..100).rev() {
                    sleep(SECOND).await;
                    if upload.send_data(vec![b'x'; piece].into(), left == 0).is_err() {
                        return;
                    }
                }
            });
            let text = answer.await.unwrap().into_body().data().await.unwrap().unwrap();
            assert_eq!(text, expected);
            if piece == 1 {
                assert_eq!(start.elapsed().as_secs(), 30);
            }
            upload.abort();
        });
    }
}

#[test]
fn a_conversation_may_rest_once_its_answer_has_begun() {
    let ((), _) = served(
        async |request| Response::new(request.into_body()).into(),
        async |client| {
            let mut send = http2(client, 65_535).await;
            let (answer, mut upload) = send.send_request(post(), false).unwrap();
            let mut body = answer.await.unwrap().into_body();
            for _ in 0..3 {
                sleep(Duration::from_secs(1_000)).await;
                upload.send_data(Bytes::from_static(b"x"), false).unwrap();
                assert_eq!(body.data().await.unwrap().unwrap(), "x");
            }
        },
    );
}
