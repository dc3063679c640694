//! Two cores that speak to each other, and raw frames against one.

mod abandon;
mod backends;
mod flow;
mod streams;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use tokio::time::Instant;

use super::*;
use crate::http::Headers;
use crate::http::h2::budget::Flood;
use crate::http::h2::frame::{HEAD, Head, PREFACE, flag, kind};
use crate::http::h2::message::{RequestHead, ResponseHead};
use crate::http::h2::tests::frame;
use crate::upstream::PoolSettings;

fn core(role: Role, settings: &HttpSettings) -> Shared {
    let core = match role {
        Role::Server => Core::server(settings),
        Role::Client => Core::client(settings, &PoolSettings::default()),
    };
    Rc::new(RefCell::new(core))
}

/// All that waits to be written.
fn written(core: &Shared) -> BytesMut {
    let mut core = core.borrow_mut();
    core.let_go(Instant::now());
    let bytes: Vec<u8> = core.out.parts().flatten().copied().collect();
    core.out.advance(bytes.len());
    core.wrote(bytes.len(), false);
    BytesMut::from(&bytes[..])
}

fn receive(core: &Shared, bytes: &[u8]) -> Result<(), ConnectionError> {
    core.borrow_mut().receive(&mut BytesMut::from(bytes), Instant::now())
}

/// A client and a server that have heard each other's SETTINGS.
fn pair(settings: &HttpSettings) -> (Shared, Shared) {
    let (client, server) = (core(Role::Client, settings), core(Role::Server, settings));
    speak(&client, &server);
    (client, server)
}

/// Carries bytes between two cores until neither has anything to say.
fn speak(client: &Shared, server: &Shared) {
    loop {
        let (up, down) = (written(client), written(server));
        if up.is_empty() && down.is_empty() {
            return;
        }
        receive(server, &up).unwrap();
        receive(client, &down).unwrap();
    }
}

fn cx<T>(poll: impl FnOnce(&Context<'_>) -> Poll<T>) -> Poll<T> {
    poll(&Context::from_waker(Waker::noop()))
}

fn ready<T>(poll: impl FnOnce(&Context<'_>) -> Poll<T>) -> T {
    match cx(poll) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("not ready"),
    }
}

fn open(client: &Shared, end: bool) -> Poll<Result<(Sender, Receiver), StreamError>> {
    poll_opening(&mut Opening::new(client), end)
}

fn poll_opening(opening: &mut Opening, end: bool) -> Poll<Result<(Sender, Receiver), StreamError>> {
    let headers = Headers::new();
    let head = RequestHead {
        method: &Method::POST,
        over_tls: false,
        authority: "a",
        path: Some("/"),
        headers: &headers,
        length: None,
    };
    cx(|cx| opening.poll(head, end, cx))
}

fn opened(client: &Shared, end: bool) -> (Sender, Receiver) {
    match open(client, end) {
        Poll::Ready(Ok(opened)) => opened,
        _ => panic!("no stream"),
    }
}

/// The next request of a server.
fn accepted(server: &Shared) -> Option<(Sender, Receiver)> {
    let incoming = server.borrow_mut().next_incoming()?;
    Some(halves(server, incoming.stream))
}

fn answer(send: &Sender, end: bool) {
    let headers = Headers::new();
    send.send_response(ResponseHead { status: StatusCode::OK, headers: &headers, length: None }, end).unwrap();
}

/// POST / of host a (RFC 7541 appendix A).
fn post(stream: u32, end: bool) -> Vec<u8> {
    frame(kind::HEADERS, flag::END_HEADERS | u8::from(end), stream, b"\x83\x86\x84\x41\x01a")
}

fn reset(stream: u32, reason: Reason) -> Vec<u8> {
    frame(kind::RST_STREAM, 0, stream, &reason.code().to_be_bytes())
}

/// A server that has heard the preface, and whose own words were read.
fn greeted(settings: &HttpSettings) -> Shared {
    let server = core(Role::Server, settings);
    receive(&server, &[PREFACE, &frame(kind::SETTINGS, 0, 0, b"")].concat()).unwrap();
    written(&server);
    server
}

/// Types, flags and streams of the frames that wait to be written.
fn frames(core: &Shared) -> Vec<(u8, u8, u32, Vec<u8>)> {
    let bytes = written(core);
    let (mut rest, mut frames) = (&bytes[..], Vec::new());
    while let Some(head) = Head::read(rest) {
        frames.push((head.kind, head.flags, head.stream, rest[HEAD..HEAD + head.length].to_vec()));
        rest = &rest[HEAD + head.length..];
    }
    frames
}

fn resets(of: &Shared) -> Vec<(u32, Reason)> {
    let reason = |payload: Vec<u8>| u32::from_be_bytes(payload.try_into().unwrap()).into();
    let resets = frames(of).into_iter().filter(|(kind, ..)| *kind == kind::RST_STREAM);
    resets.map(|(_, _, stream, payload)| (stream, reason(payload))).collect()
}

fn reason(result: Result<(), ConnectionError>) -> Reason {
    result.unwrap_err().reason()
}

#[test]
fn a_request_and_its_answer_pass_with_data_and_trailers() {
    let (client, server) = pair(&HttpSettings::default());
    let (up, down) = opened(&client, false);
    up.send_data(Bytes::from_static(b"question"), true).unwrap();
    speak(&client, &server);
    let (send, receive) = accepted(&server).unwrap();
    assert_eq!(ready(|cx| receive.poll_data(cx)).unwrap().unwrap(), "question");
    assert!(ready(|cx| receive.poll_data(cx)).is_none() && receive.is_ended());
    send.send_informational(StatusCode::EARLY_HINTS, &Headers::new());
    answer(&send, false);
    send.send_data(Bytes::from_static(b"answer"), false).unwrap();
    let trailers: HeaderMap = [(http::header::ETAG, HeaderValue::from_static("x"))].into_iter().collect();
    send.send_trailers(&trailers).unwrap();
    speak(&client, &server);
    assert_eq!(ready(|cx| down.poll_head(cx)).unwrap().status(), 103);
    assert_eq!(ready(|cx| down.poll_head(cx)).unwrap().status(), 200);
    assert_eq!(ready(|cx| down.poll_data(cx)).unwrap().unwrap(), "answer");
    assert!(ready(|cx| down.poll_data(cx)).is_none());
    assert_eq!(down.take_trailers(), Some(trailers));
    drop((up, down, send, receive));
    for core in [&client, &server] {
        assert_eq!((core.borrow().held_streams(), core.borrow().open_streams()), (0, 0));
        assert!(resets(core).is_empty());
    }
}

#[test]
fn it_does_not_matter_how_bytes_arrive() {
    let headers = frame(kind::HEADERS, 0, 3, b"\x83\x86");
    let bytes = [
        PREFACE,
        &frame(kind::SETTINGS, 0, 0, b""),
        &post(1, false),
        &frame(kind::DATA, flag::PADDED, 1, b"\x02hello\0\0"),
        &frame(kind::DATA, flag::END_STREAM, 1, &[b'x'; 10_000]),
        &headers,
        &frame(kind::CONTINUATION, flag::END_HEADERS, 3, b"\x84\x41\x01a"),
        &frame(kind::PING, 0, 0, b"12345678"),
    ]
    .concat();
    let heard = |size: usize| {
        let server = core(Role::Server, &HttpSettings::default());
        let mut read = BytesMut::new();
        for piece in bytes.chunks(size) {
            read.extend_from_slice(piece);
            server.borrow_mut().receive(&mut read, Instant::now()).unwrap();
        }
        let (_send, receive) = accepted(&server).unwrap();
        let mut data = Vec::new();
        while let Poll::Ready(Some(piece)) = cx(|cx| receive.poll_data(cx)) {
            data.extend_from_slice(&piece.unwrap());
        }
        assert!(accepted(&server).is_some() && read.is_empty());
        (data, written(&server))
    };
    let whole = heard(bytes.len());
    assert_eq!(whole.0.len(), 10_005);
    for size in [1, 2, 7, 9, 10, 100, 4_096] {
        assert_eq!(heard(size), whole, "in pieces of {size}");
    }
}

#[test]
fn what_is_not_http_2_is_told_so() {
    for (what, bytes, expected) in [
        ("HTTP/1.1", b"GET / HTTP/1.1\r\n\r\n".to_vec(), Reason::PROTOCOL_ERROR),
        ("no SETTINGS", [PREFACE, &frame(kind::PING, 0, 0, &[0; 8])].concat(), Reason::PROTOCOL_ERROR),
        ("an acknowledgement", [PREFACE, &frame(kind::SETTINGS, 1, 0, b"")].concat(), Reason::PROTOCOL_ERROR),
    ] {
        let server = core(Role::Server, &HttpSettings::default());
        let error = receive(&server, &bytes).unwrap_err();
        assert_eq!(error.reason(), expected, "{what}");
        written(&server);
        server.borrow_mut().fail(error);
        assert_eq!(frames(&server).pop().unwrap().0, kind::GOAWAY, "{what}");
    }
}

#[test]
fn nothing_may_come_inside_of_a_field_block() {
    let begun = frame(kind::HEADERS, 0, 1, b"\x83");
    for (what, next) in [
        ("a ping", frame(kind::PING, 0, 0, &[0; 8])),
        ("an unknown frame", frame(0xfa, 0, 1, b"")),
        ("a continuation of another", frame(kind::CONTINUATION, 4, 3, b"")),
    ] {
        let server = greeted(&HttpSettings::default());
        assert_eq!(reason(receive(&server, &[&begun[..], &next].concat())), Reason::PROTOCOL_ERROR, "{what}");
    }
    let server = greeted(&HttpSettings::default());
    assert_eq!(reason(receive(&server, &frame(kind::CONTINUATION, 4, 1, b""))), Reason::PROTOCOL_ERROR);
}

#[test]
fn a_field_block_has_a_bound_in_frames_and_in_bytes() {
    let begun = frame(kind::HEADERS, 0, 1, b"\x83\x86\x84");
    let server = greeted(&HttpSettings::default());
    let flood = frame(kind::CONTINUATION, 0, 1, b"").repeat(20);
    assert_eq!(reason(receive(&server, &[&begun[..], &flood].concat())), Reason::ENHANCE_YOUR_CALM);
    let server = greeted(&HttpSettings { max_header_bytes: 4_096, ..HttpSettings::default() });
    let long = frame(kind::CONTINUATION, 0, 1, &[0; 9_000]);
    assert_eq!(reason(receive(&server, &[&begun[..], &long].concat())), Reason::ENHANCE_YOUR_CALM);
}

#[test]
fn each_kind_of_frame_that_costs_its_sender_little_has_a_budget() {
    let settings = HttpSettings::default();
    for (sent, kind) in [
        (reset(1, Reason::CANCEL), Flood::Resets),
        (frame(kind::DATA, 0, 1, b""), Flood::EmptyData),
        (frame(kind::DATA, flag::PADDED, 1, b"\x02\0\0"), Flood::EmptyData),
        (frame(kind::SETTINGS, 0, 0, b""), Flood::Settings),
        (frame(kind::SETTINGS, 1, 0, b""), Flood::Settings),
        (frame(kind::PING, 0, 0, &[0; 8]), Flood::Pings),
        (frame(kind::PING, 1, 0, &[0; 8]), Flood::Pings),
        (frame(kind::WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]), Flood::WindowUpdates),
        (frame(kind::PRIORITY, 0, 1, &[0; 5]), Flood::Other),
        (frame(0xbe, 0, 1, &[0; 500]), Flood::Other),
    ] {
        let server = greeted(&settings);
        receive(&server, &post(1, false)).unwrap();
        // Somebody reads it, so that it is not reset before it was looked at.
        let _halves = accepted(&server).unwrap();
        let passed = (0..1_000).take_while(|_| receive(&server, &sent).is_ok()).count();
        assert!((99..=102).contains(&passed), "{passed} of {kind}");
        assert_eq!(receive(&server, &sent), Err(ConnectionError::Flood(kind)));
    }
}

/// Counts how often it is woken.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn what_many_streams_say_wakes_the_driver_once_and_becomes_one_write() {
    let (client, server) = pair(&HttpSettings::default());
    let requests: Vec<_> = (0..32).map(|_| opened(&client, true)).collect();
    speak(&client, &server);
    let woken = Arc::new(Counter::default());
    let waker = Waker::from(Arc::clone(&woken));
    server.borrow_mut().register(&Context::from_waker(&waker));
    for _ in 0..32 {
        let (send, _receive) = accepted(&server).unwrap();
        answer(&send, false);
        send.send_data(Bytes::from(vec![b'x'; 1_024]), true).unwrap();
    }
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    assert_eq!(server.borrow().out.parts().count(), 1);
    speak(&client, &server);
    for (_send, receive) in &requests {
        assert_eq!(ready(|cx| receive.poll_head(cx)).unwrap().status(), 200);
        assert_eq!(ready(|cx| receive.poll_data(cx)).unwrap().unwrap().len(), 1_024);
    }
}
