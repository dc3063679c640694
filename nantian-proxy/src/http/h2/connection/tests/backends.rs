//! What a backend may send of what costs it little.

use super::*;

/// A client that has sent so many requests.
fn client(requests: usize) -> (Shared, Vec<(Sender, Receiver)>) {
    let (client, _server) = pair(&HttpSettings::default());
    let opened = (0..requests).map(|_| opened(&client, true)).collect();
    written(&client);
    (client, opened)
}

#[test]
fn each_kind_of_frame_that_costs_a_backend_little_has_a_budget() {
    for (sent, most, kind) in [
        (reset(1, Reason::CANCEL), 100, Flood::Resets),
        (frame(kind::SETTINGS, 0, 0, b""), 100, Flood::Settings),
        (frame(kind::PING, 0, 0, &[0; 8]), 100, Flood::Pings),
        (frame(kind::WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]), 102, Flood::WindowUpdates),
        (frame(kind::PRIORITY, 0, 1, &[0; 5]), 100, Flood::Other),
        (frame(kind::GOAWAY, 0, 0, &[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]), 100, Flood::Other),
    ] {
        let (client, _requests) = client(1);
        let passed = (0..1_000).take_while(|_| receive(&client, &sent).is_ok()).count();
        // The greeting had frames too.
        assert!((most - 3..=most).contains(&passed), "{passed} of {kind}");
        assert_eq!(receive(&client, &sent), Err(ConnectionError::Flood(kind)));
    }
    let (client, _requests) = client(1);
    receive(&client, &frame(kind::HEADERS, flag::END_HEADERS, 1, b"\x88")).unwrap();
    let empty = frame(kind::DATA, 0, 1, b"");
    let passed = (0..1_000).take_while(|_| receive(&client, &empty).is_ok()).count();
    assert_eq!((passed, receive(&client, &empty)), (100, Err(ConnectionError::Flood(Flood::EmptyData))));
}

#[test]
fn interim_answers_have_a_budget_for_each_request() {
    let (client, requests) = client(1);
    let hint = frame(kind::HEADERS, flag::END_HEADERS, 1, b"\x08\x03103");
    let mut passed = 0;
    while receive(&client, &hint).is_ok() {
        passed += 1;
        let _ = cx(|cx| requests[0].1.poll_head(cx));
        assert!(passed < 1_000);
    }
    assert_eq!((passed, receive(&client, &hint)), (165, Err(ConnectionError::Flood(Flood::Interim))));
}

#[test]
fn a_backend_that_answers_each_request_badly_or_with_hints_is_no_flood() {
    let (client, _server) = pair(&HttpSettings::default());
    for number in 0..10_000_u32 {
        let (_up, down) = opened(&client, true);
        written(&client);
        let stream = 2 * number + 1;
        for block in [&b"\x08\x03103"[..], b"\x08\x03103"] {
            receive(&client, &frame(kind::HEADERS, flag::END_HEADERS, stream, block)).unwrap();
            assert_eq!(ready(|cx| down.poll_head(cx)).unwrap().status(), 103);
        }
        if number % 2 == 0 {
            receive(&client, &reset(stream, Reason::INTERNAL_ERROR)).unwrap();
        } else {
            receive(&client, &frame(kind::HEADERS, flag::END_HEADERS, stream, b"")).unwrap();
        }
        assert!(ready(|cx| down.poll_head(cx)).is_err());
    }
}
