//! The life of streams (RFC 9113 sections 5.1, 6.4 and 6.8).

use super::*;

#[test]
fn streams_beyond_the_limit_are_refused_until_others_end() {
    let mut settings = HttpSettings::default();
    settings.http2.max_concurrent_streams = 2;
    let server = greeted(&settings);
    for stream in [1, 3, 5] {
        receive(&server, &post(stream, true)).unwrap();
    }
    assert_eq!(resets(&server), [(5, Reason::REFUSED_STREAM)]);
    let (send, _receive) = accepted(&server).unwrap();
    answer(&send, true);
    receive(&server, &post(7, true)).unwrap();
    assert!(resets(&server).is_empty());
}

#[test]
fn a_client_waits_until_the_server_takes_another_stream() {
    let mut settings = HttpSettings::default();
    settings.http2.max_concurrent_streams = 1;
    let (client, server) = pair(&settings);
    let first = opened(&client, true);
    assert!(open(&client, true).is_pending());
    speak(&client, &server);
    let (send, receive) = accepted(&server).unwrap();
    answer(&send, true);
    speak(&client, &server);
    drop((first, receive));
    assert!(open(&client, true).is_ready());
}

#[test]
fn a_reset_ends_both_halves() {
    let (client, server) = pair(&HttpSettings::default());
    let (up, _down) = opened(&client, false);
    speak(&client, &server);
    let (send, receive) = accepted(&server).unwrap();
    up.reset(Reason::CANCEL);
    speak(&client, &server);
    assert_eq!(ready(|cx| receive.poll_data(cx)), Some(Err(StreamError::Reset(Reason::CANCEL))));
    assert_eq!(ready(|cx| send.poll_reset(cx)), StreamError::Reset(Reason::CANCEL));
    assert_eq!(send.send_data(Bytes::new(), true), Err(StreamError::Reset(Reason::CANCEL)));
    assert_eq!(server.borrow().open_streams(), 0);
}

#[test]
fn a_message_that_is_dropped_does_not_look_complete() {
    for (what, end, expected) in [
        ("nothing", None, Reason::INTERNAL_ERROR),
        ("a head", Some(false), Reason::INTERNAL_ERROR),
        ("all, but the request goes on", Some(true), Reason::NO_ERROR),
    ] {
        let (client, server) = pair(&HttpSettings::default());
        let (_up, down) = opened(&client, false);
        speak(&client, &server);
        let (send, receive) = accepted(&server).unwrap();
        if let Some(end) = end {
            answer(&send, end);
        }
        drop((send, receive));
        speak(&client, &server);
        let mut outcome = ready(|cx| down.poll_head(cx)).map(|_| ());
        if outcome.is_ok() && end == Some(false) {
            outcome = ready(|cx| down.poll_data(cx)).unwrap().map(|_| ());
        }
        let expected = if end == Some(true) { Ok(()) } else { Err(StreamError::Reset(expected)) };
        assert_eq!(outcome, expected, "{what}");
    }
}

#[test]
fn what_was_on_its_way_to_a_stream_that_we_reset_is_no_error() {
    let server = greeted(&HttpSettings::default());
    receive(&server, &post(1, false)).unwrap();
    drop(accepted(&server).unwrap());
    assert_eq!(resets(&server), [(1, Reason::INTERNAL_ERROR)]);
    let trailers = frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, b"");
    for late in [frame(kind::DATA, 0, 1, b"late"), frame(kind::WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]), trailers] {
        receive(&server, &late).unwrap();
    }
    receive(&server, &reset(1, Reason::CANCEL)).unwrap();
    assert!(resets(&server).is_empty());
}

#[test]
fn frames_on_streams_that_are_closed_or_were_never_open_are_errors() {
    let ended = || {
        let server = greeted(&HttpSettings::default());
        receive(&server, &post(5, true)).unwrap();
        let (send, _receive) = accepted(&server).unwrap();
        answer(&send, true);
        server
    };
    let server = ended();
    receive(&server, &frame(kind::DATA, 0, 5, b"x")).unwrap();
    assert_eq!(resets(&server), [(5, Reason::STREAM_CLOSED)]);
    receive(&ended(), &frame(kind::WINDOW_UPDATE, 0, 5, &[0, 0, 0, 1])).unwrap();
    assert_eq!(reason(receive(&ended(), &post(5, true))), Reason::STREAM_CLOSED);
    assert_eq!(reason(receive(&ended(), &post(3, true))), Reason::PROTOCOL_ERROR, "below the last one");
    assert_eq!(reason(receive(&ended(), &post(8, true))), Reason::PROTOCOL_ERROR, "a server's stream");
    for frame in [
        frame(kind::DATA, 0, 7, b"x"),
        reset(7, Reason::CANCEL),
        frame(kind::WINDOW_UPDATE, 0, 7, &[0, 0, 0, 1]),
        frame(kind::PUSH_PROMISE, flag::END_HEADERS, 5, &[0, 0, 0, 2]),
    ] {
        assert_eq!(reason(receive(&ended(), &frame)), Reason::PROTOCOL_ERROR, "{frame:?}");
    }
    let server = greeted(&HttpSettings::default());
    receive(&server, &post(1, true)).unwrap();
    receive(&server, &frame(kind::DATA, 0, 1, b"x")).unwrap();
    assert_eq!(resets(&server), [(1, Reason::STREAM_CLOSED)], "after the end");
}

/// RFC 9113 section 5.1: whether somebody has yet to look at what came before makes no difference.
#[test]
fn a_second_answer_on_a_stream_is_an_error_of_the_connection_whoever_still_holds_the_first() {
    for held in [true, false] {
        let (client, _server) = pair(&HttpSettings::default());
        let halves = opened(&client, true);
        written(&client);
        let ok = frame(kind::HEADERS, flag::END_HEADERS | flag::END_STREAM, 1, b"\x88");
        receive(&client, &ok).unwrap();
        let _held = held.then_some(halves);
        assert_eq!(reason(receive(&client, &ok)), Reason::STREAM_CLOSED);
    }
}

#[test]
fn a_message_does_not_go_on_after_its_reset_even_if_the_answer_is_still_worked_on() {
    for late in [frame(kind::DATA, 0, 1, b"x"), post(1, true)] {
        let server = greeted(&HttpSettings::default());
        receive(&server, &post(1, false)).unwrap();
        let _halves = accepted(&server).unwrap();
        receive(&server, &reset(1, Reason::CANCEL)).unwrap();
        receive(&server, &late).unwrap();
        assert_eq!(resets(&server), [(1, Reason::STREAM_CLOSED)], "{late:?}");
    }
}

#[test]
fn a_request_that_is_reset_before_it_was_looked_at_is_not_looked_at() {
    let settings = HttpSettings::default();
    let most = settings.http2.max_pending_accept_reset_streams;
    let server = greeted(&settings);
    let pair = |stream: u32| [post(stream, true), reset(stream, Reason::CANCEL)].concat();
    let streams = || (1..).step_by(2);
    for stream in streams().take(most) {
        receive(&server, &pair(stream)).unwrap();
    }
    assert!(accepted(&server).is_none());
    assert_eq!(server.borrow().held_streams(), 0);
    // Looking gives all of them back.
    for stream in streams().skip(most).take(most) {
        receive(&server, &pair(stream)).unwrap();
    }
    let next = u32::try_from(4 * most + 1).unwrap();
    assert_eq!(receive(&server, &pair(next)), Err(ConnectionError::Flood(Flood::Resets)));
}

/// A request that waits because we let others have their turn first may be given up like one that was looked at.
#[test]
fn requests_that_we_left_for_later_may_be_reset() {
    let server = greeted(&HttpSettings::default());
    let streams = || (1..).step_by(2).take(60);
    for stream in streams() {
        receive(&server, &post(stream, true)).unwrap();
    }
    assert!(server.borrow_mut().leave_incoming());
    for stream in streams() {
        receive(&server, &reset(stream, Reason::CANCEL)).unwrap();
    }
    assert!(!server.borrow_mut().leave_incoming() && accepted(&server).is_none());
    assert_eq!(server.borrow_mut().take_unseen().len(), 60);
}

#[test]
fn provoked_resets_have_a_bound_for_the_whole_life_of_a_connection() {
    let settings = HttpSettings::default();
    let server = greeted(&settings);
    let mut stream = 1;
    let mut provoked = 0;
    let start = Instant::now();
    loop {
        let bytes = [post(stream, true), frame(kind::WINDOW_UPDATE, 0, stream, &[0; 4])].concat();
        // The other budgets are full again each time.
        let now = start + settings.http2.control_frames_window * provoked;
        let received = server.borrow_mut().receive(&mut BytesMut::from(&bytes[..]), now);
        if let Err(error) = received {
            assert_eq!(error, ConnectionError::Flood(Flood::ProvokedResets));
            break;
        }
        provoked += 1;
        stream += 2;
    }
    assert_eq!(usize::try_from(provoked).unwrap(), settings.http2.max_local_error_reset_streams);
}

#[test]
fn only_resets_for_what_the_peer_did_are_provoked() {
    let server = greeted(&HttpSettings::default());
    for (number, stream) in (1..).step_by(2).take(300).enumerate() {
        receive(&server, &post(stream, true)).unwrap();
        let (send, _receive) = accepted(&server).unwrap();
        send.reset([Reason::CANCEL, Reason::INTERNAL_ERROR][number % 2]);
    }
    assert!(server.borrow_mut().take_blamed().is_empty());
    receive(&server, &[post(601, true), frame(kind::WINDOW_UPDATE, 0, 601, &[0; 4])].concat()).unwrap();
    assert_eq!(server.borrow_mut().take_blamed(), [StreamReset::Protocol]);
}

#[test]
fn two_goaways_let_what_is_on_its_way_in_and_nothing_else() {
    let (client, server) = pair(&HttpSettings::default());
    server.borrow_mut().announce_end();
    let on_its_way = opened(&client, true);
    speak(&client, &server);
    let (send, _receive) = accepted(&server).expect("the first GOAWAY excludes nothing");
    assert!(matches!(open(&client, true), Poll::Ready(Err(StreamError::Refused))));
    server.borrow_mut().finish();
    receive(&server, &post(99, false)).unwrap();
    receive(&server, &frame(kind::DATA, 0, 99, b"late")).unwrap();
    assert!(accepted(&server).is_none() && resets(&server).is_empty());
    answer(&send, true);
    speak(&client, &server);
    assert_eq!(ready(|cx| on_its_way.1.poll_head(cx)).unwrap().status(), 200);
}

#[test]
fn requests_beyond_the_last_one_of_goaway_were_not_acted_on() {
    let (client, server) = pair(&HttpSettings::default());
    let (first, second) = (opened(&client, true), opened(&client, true));
    let go_away = |last: u32| frame(kind::GOAWAY, 0, 0, &[&last.to_be_bytes()[..], &[0; 4]].concat());
    receive(&client, &go_away(1)).unwrap();
    assert_eq!(ready(|cx| second.1.poll_head(cx)).unwrap_err(), StreamError::Refused);
    assert!(cx(|cx| first.1.poll_head(cx)).is_pending());
    assert_eq!(reason(receive(&client, &go_away(5))), Reason::PROTOCOL_ERROR, "more than before");
    drop(server);
}

/// RFC 9113 sections 8.1 and 8.3.2, from a backend.
#[test]
fn an_answer_that_is_malformed_resets_its_stream() {
    let head = |end: bool, block: &[u8]| frame(kind::HEADERS, flag::END_HEADERS | u8::from(end), 1, block);
    for (what, bytes) in [
        ("no status", head(true, b"")),
        ("a path", head(true, b"\x88\x84")),
        ("101", head(false, b"\x08\x03101")),
        ("an interim end", head(true, b"\x08\x03103")),
        ("trailers that end nothing", [head(false, b"\x88"), head(false, b"")].concat()),
        ("too many interim answers", head(false, b"\x08\x03103").repeat(80)),
    ] {
        let (client, _server) = pair(&HttpSettings::default());
        let (up, down) = opened(&client, true);
        written(&client);
        receive(&client, &bytes).unwrap();
        assert_eq!(resets(&client), [(1, Reason::PROTOCOL_ERROR)], "{what}");
        drop((up, down));
    }
}

#[test]
fn what_comes_after_an_error_does_not_make_an_answer_whole() {
    let (client, _server) = pair(&HttpSettings::default());
    let (_up, down) = opened(&client, true);
    let head = frame(kind::HEADERS, flag::END_HEADERS, 1, b"\x88");
    let end = frame(kind::DATA, flag::END_STREAM, 1, b"ok");
    receive(&client, &[&head[..], &head, &end].concat()).unwrap();
    assert_eq!(ready(|cx| down.poll_head(cx)).unwrap().status(), 200);
    assert!(matches!(ready(|cx| down.poll_data(cx)), Some(Err(StreamError::Broken(_)))));
    assert!(!down.is_ended());
    let (client, _server) = pair(&HttpSettings::default());
    let _halves = opened(&client, true);
    assert_eq!(reason(receive(&client, &end)), Reason::PROTOCOL_ERROR, "data before the head");
}

#[test]
fn the_end_of_a_connection_ends_its_streams() {
    let (client, _server) = pair(&HttpSettings::default());
    let (up, down) = opened(&client, false);
    client.borrow_mut().close(StreamError::Io(std::io::ErrorKind::BrokenPipe));
    assert_eq!(ready(|cx| down.poll_head(cx)).unwrap_err(), StreamError::Io(std::io::ErrorKind::BrokenPipe));
    assert!(matches!(open(&client, true), Poll::Ready(Err(_))) && client.borrow().is_going_away());
    drop((up, down));
    assert_eq!(client.borrow().held_streams(), 0);
}
