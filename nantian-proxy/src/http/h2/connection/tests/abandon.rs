//! Requests to a backend that nobody wants an answer to any more (CVE-2023-44487, seen from the attacker's side).

use std::time::Duration;

use super::*;
use crate::http::h2::connection::abandon::LetGo;

const INTERVAL: Duration = Duration::from_millis(200);

type Streams = Vec<(Sender, Receiver)>;

/// A client and a server, and so many requests in work as both see them.
fn working(requests: usize) -> (Shared, Shared, Streams, Streams) {
    let (client, server) = pair(&HttpSettings::default());
    let asked: Vec<_> = (0..requests).map(|_| opened(&client, true)).collect();
    speak(&client, &server);
    let taken = std::iter::from_fn(|| accepted(&server)).collect();
    (client, server, asked, taken)
}

#[test]
fn requests_that_are_given_up_are_reset_at_a_pace_and_the_others_stay_open() {
    let (client, server, asked, taken) = working(100);
    let start = Instant::now();
    drop(asked);
    let done = client.borrow_mut().let_go(start);
    assert_eq!(done, LetGo { reset: 20, held: 80, next: Some(start + INTERVAL) });
    speak(&client, &server);
    assert_eq!((client.borrow().open_streams(), server.borrow().open_streams()), (80, 80));
    assert_eq!((client.borrow().held_streams(), client.borrow().abandoned_streams()), (0, 80));
    let done = client.borrow_mut().let_go(start + INTERVAL);
    assert_eq!(done, LetGo { reset: 1, held: 0, next: Some(start + INTERVAL * 2) });
    // The oldest go first.
    assert_eq!(resets(&client), [(41, Reason::CANCEL)]);
    drop(taken);
}

#[test]
fn an_answer_that_ends_is_the_end_of_its_stream_and_gives_a_reset_back() {
    let (client, server, mut asked, taken) = working(40);
    let start = Instant::now();
    let wanted = asked.split_off(30);
    drop(asked);
    assert_eq!(client.borrow_mut().let_go(start).reset, 20);
    // Five that are wanted, and five that are not.
    taken[20..35].iter().step_by(3).for_each(|(send, _)| answer(send, true));
    for (send, _) in taken[20..35].iter().skip(1).step_by(3) {
        answer(send, false);
        send.send_trailers(&HeaderMap::new()).unwrap();
    }
    let down = written(&server);
    receive(&client, &down).unwrap();
    let done = client.borrow_mut().let_go(start);
    assert_eq!((done.reset, client.borrow().abandoned_streams()), (3, 0));
    assert_eq!(client.borrow().open_streams(), 40 - 30 - 3, "three of those that are wanted have ended");
    drop((wanted, taken));
}

#[test]
fn what_a_backend_sends_on_an_abandoned_stream_is_dropped_and_bounded_by_its_window() {
    let (client, server, asked, taken) = working(21);
    drop(asked);
    assert_eq!(client.borrow_mut().let_go(Instant::now()).held, 1);
    speak(&client, &server);
    let (send, _receive) = &taken[20];
    answer(send, false);
    let (window, mut count) = (usize::try_from(HttpSettings::default().http2.stream_window).unwrap(), 0);
    while let Poll::Ready(room) = cx(|cx| send.poll_room(cx)) {
        let room = room.unwrap();
        send.send_data(Bytes::from(vec![b'x'; room]), false).unwrap();
        count += room;
        speak(&client, &server);
    }
    assert_eq!(count, window, "the window of the stream is not opened again");
    assert_eq!(client.borrow().abandoned_streams(), 1);
    // What others may get is not less for that.
    let mut all = 0;
    while client.borrow_mut().window.take(1) {
        all += 1;
    }
    assert!(all + window / 2 >= usize::try_from(HttpSettings::default().http2.connection_window).unwrap() / 2, "{all}");
    // A backend that goes on is told that it must not.
    client.borrow_mut().window.adjust(10);
    receive(&client, &frame(kind::DATA, 0, 41, b"more")).unwrap();
    assert_eq!(resets(&client), [(41, Reason::FLOW_CONTROL_ERROR)]);
    assert_eq!((client.borrow().abandoned_streams(), client.borrow().open_streams()), (0, 0));
}

#[test]
fn a_backend_may_reset_what_was_abandoned_or_end_the_connection() {
    let (client, server, asked, mut taken) = working(30);
    drop(asked);
    client.borrow_mut().let_go(Instant::now());
    speak(&client, &server);
    taken.truncate(25);
    speak(&client, &server);
    assert_eq!(client.borrow().abandoned_streams(), 5);
    receive(&client, &frame(kind::GOAWAY, 0, 0, &[0, 0, 0, 45, 0, 0, 0, 0])).unwrap();
    assert_eq!(client.borrow().abandoned_streams(), 3, "streams 47 and 49 were not acted on");
    client.borrow_mut().close(StreamError::Closed);
    assert_eq!((client.borrow().abandoned_streams(), client.borrow().held_streams()), (0, 0));
}

#[test]
fn the_rest_of_a_request_whose_answer_is_complete_is_stopped_at_once() {
    let (client, server) = pair(&HttpSettings::default());
    for _ in 0..50 {
        let (up, _down) = opened(&client, false);
        speak(&client, &server);
        let (send, _receive) = accepted(&server).unwrap();
        answer(&send, true);
        let down = written(&server);
        receive(&client, &down).unwrap();
        drop(up);
        assert_eq!(resets(&client).len(), 1);
    }
    assert_eq!(client.borrow().abandoned_streams(), 0);
}

#[test]
fn abandoned_streams_count_for_our_own_bound_and_those_that_wait_come_in_turn() {
    let settings = HttpSettings::default();
    let pool = PoolSettings { max_http2_streams: 2, reset_burst: 1, ..PoolSettings::default() };
    let client = Rc::new(RefCell::new(Core::client(&settings, &pool)));
    let server = core(Role::Server, &settings);
    speak(&client, &server);
    let start = Instant::now();
    let open = (opened(&client, true), opened(&client, true));
    let mut waiting: Vec<_> = (0..3).map(|_| Opening::new(&client)).collect();
    assert!(waiting.iter_mut().all(|opening| poll_opening(opening, true).is_pending()));
    drop(open);
    assert_eq!(client.borrow_mut().let_go(start).reset, 1);
    // There is room for one: not for the second in line, and not for one who comes now.
    assert!(poll_opening(&mut waiting[1], true).is_pending() && self::open(&client, true).is_pending());
    // Whoever gives up leaves the turn to the next.
    drop(waiting.remove(0));
    assert!(poll_opening(&mut waiting[0], true).is_ready());
    assert!(poll_opening(&mut waiting[1], true).is_pending());
    assert!(client.borrow_mut().let_go(start + INTERVAL).reset >= 1);
    assert!(poll_opening(&mut waiting[1], true).is_ready());
}
