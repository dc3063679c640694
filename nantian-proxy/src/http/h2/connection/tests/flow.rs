//! Windows, turns, and lengths (RFC 9113 sections 5.2 and 8.1.1).

use std::cell::Cell;

use super::*;

fn small(stream: u32, connection: u32) -> HttpSettings {
    let mut settings = HttpSettings::default();
    settings.http2.stream_window = stream;
    settings.http2.connection_window = connection;
    settings.http2.max_send_buffer = usize::MAX;
    settings
}

/// Sends as much as there is room for; says how much that was.
fn fill(send: &Sender) -> usize {
    let mut total = 0;
    while let Poll::Ready(Ok(room)) = cx(|cx| send.poll_room(cx)) {
        send.send_data(Bytes::from(vec![b'x'; room]), false).unwrap();
        total += room;
    }
    total
}

fn drain(receive: &Receiver) -> usize {
    let mut taken = 0;
    while let Poll::Ready(Some(data)) = cx(|cx| receive.poll_data(cx)) {
        taken += data.unwrap().len();
    }
    taken
}

#[test]
fn a_sender_fills_the_window_and_goes_on_when_half_of_it_was_read() {
    let (client, server) = pair(&small(20_000, 1_000_000));
    let (up, _down) = opened(&client, false);
    assert_eq!(fill(&up), 20_000);
    speak(&client, &server);
    let (_send, receive) = accepted(&server).unwrap();
    assert_eq!(fill(&up), 0);
    let first = ready(|cx| receive.poll_data(cx)).unwrap().unwrap().len();
    assert!(first >= 10_000, "{first}");
    speak(&client, &server);
    assert_eq!(fill(&up), first);
    speak(&client, &server);
    assert_eq!(drain(&receive), 20_000);
}

#[test]
fn who_overdraws_a_window_is_stopped() {
    let server = greeted(&small(65_535, 65_535));
    receive(&server, &frame(kind::SETTINGS, flag::ACK, 0, b"")).unwrap();
    receive(&server, &post(1, false)).unwrap();
    let _halves = accepted(&server).unwrap();
    let data = frame(kind::DATA, 0, 1, &[0; 16_384]);
    for _ in 0..3 {
        receive(&server, &data).unwrap();
    }
    assert_eq!(reason(receive(&server, &data)), Reason::FLOW_CONTROL_ERROR);
    let server = greeted(&small(100, 1_000_000));
    // RFC 9113 section 6.9.2: a window becomes smaller for who has acknowledged it.
    receive(&server, &post(1, false)).unwrap();
    let _halves = accepted(&server).unwrap();
    receive(&server, &frame(kind::DATA, 0, 1, &[0; 101])).unwrap();
    receive(&server, &frame(kind::SETTINGS, flag::ACK, 0, b"")).unwrap();
    receive(&server, &frame(kind::DATA, 0, 1, &[0; 1])).unwrap();
    assert_eq!(resets(&server), [(1, Reason::FLOW_CONTROL_ERROR)]);
}

#[test]
fn data_that_nobody_reads_costs_its_stream_and_not_the_connection() {
    let (client, server) = pair(&small(65_535, 65_535));
    for _ in 0..10 {
        let (up, _down) = opened(&client, false);
        assert_eq!(fill(&up), 65_535);
        speak(&client, &server);
        let (send, receive) = accepted(&server).unwrap();
        drop(receive);
        answer(&send, true);
        speak(&client, &server);
    }
}

#[test]
fn padding_is_given_back_at_once() {
    let server = greeted(&small(65_535, 65_535));
    receive(&server, &post(1, false)).unwrap();
    let (_send, receiver) = accepted(&server).unwrap();
    let mut padded = vec![255, b'x'];
    padded.extend([0; 255]);
    let data = frame(kind::DATA, flag::PADDED, 1, &padded);
    let mut read = 0;
    for _ in 0..1_000 {
        receive(&server, &data).unwrap();
        read += drain(&receiver);
    }
    assert_eq!(read, 1_000);
}

#[test]
fn a_change_of_the_first_window_changes_all_open_ones() {
    let server = greeted(&HttpSettings::default());
    receive(&server, &post(1, true)).unwrap();
    let (send, _receive) = accepted(&server).unwrap();
    answer(&send, false);
    let setting = |value: u32| frame(kind::SETTINGS, 0, 0, &[&[0, 4][..], &value.to_be_bytes()].concat());
    receive(&server, &setting(10)).unwrap();
    assert_eq!(fill(&send), 10);
    receive(&server, &setting(5)).unwrap();
    receive(&server, &frame(kind::WINDOW_UPDATE, 0, 1, &[0, 0, 0, 5])).unwrap();
    assert_eq!(fill(&send), 0, "five were overdrawn");
    receive(&server, &frame(kind::WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])).unwrap();
    assert_eq!(fill(&send), 1);
    receive(&server, &frame(kind::WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0xff, 0xff])).unwrap();
    receive(&server, &frame(kind::WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0xff, 0xff])).unwrap();
    assert_eq!(resets(&server), [(1, Reason::FLOW_CONTROL_ERROR)]);
    assert_eq!(
        reason(receive(&server, &frame(kind::WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]))),
        Reason::FLOW_CONTROL_ERROR
    );
}

/// Streams that all have more to say than there is room for.
fn crowd(count: usize) -> (Shared, Vec<Sender>, Vec<Receiver>) {
    let server = greeted(&HttpSettings::default());
    receive(&server, &frame(kind::WINDOW_UPDATE, 0, 0, &[0x70, 0, 0, 0])).unwrap();
    receive(&server, &frame(kind::SETTINGS, 0, 0, &[0, 4, 0x70, 0, 0, 0])).unwrap();
    let (mut senders, mut receivers) = (Vec::new(), Vec::new());
    for stream in (1..).step_by(2).take(count) {
        receive(&server, &post(stream, true)).unwrap();
        let (send, receive) = accepted(&server).unwrap();
        answer(&send, false);
        senders.push(send);
        receivers.push(receive);
    }
    written(&server);
    (server, senders, receivers)
}

/// The streams of the data frames that wait to be written.
fn data(server: &Shared) -> Vec<u32> {
    frames(server).into_iter().filter(|frame| frame.0 == kind::DATA).map(|frame| frame.2).collect()
}

#[test]
fn streams_take_turns_where_there_is_no_room_for_all() {
    let (server, senders, _receivers) = crowd(3);
    for send in &senders {
        fill(send);
    }
    let mut order = data(&server);
    for _ in 0..9 {
        // Each is asked, whoever has its turn.
        for send in &senders {
            if let Poll::Ready(Ok(room)) = cx(|cx| send.poll_room(cx)) {
                send.send_data(Bytes::from(vec![b'x'; room]), false).unwrap();
                assert!(cx(|cx| send.poll_room(cx)).is_pending(), "others wait");
            }
        }
        order.extend(data(&server));
    }
    let turns = order.iter().rev().take(9).copied().collect::<Vec<_>>();
    for stream in [1, 3, 5] {
        assert_eq!(turns.iter().filter(|other| **other == stream).count(), 3, "{turns:?}");
    }
}

#[test]
fn what_waits_to_be_written_has_a_bound_however_many_streams_there_are() {
    let (server, senders, _receivers) = crowd(200);
    let sent: usize = senders.iter().map(fill).sum();
    let most = HttpSettings::default().http2.max_send_buffer;
    assert!((most / 2..most + 16_384).contains(&sent), "{sent}");
    assert!(!server.borrow().is_choked());
}

#[test]
fn a_turn_that_is_not_used_goes_to_the_next() {
    let (server, senders, _receivers) = crowd(3);
    fill(&senders[0]);
    for send in &senders[1..] {
        assert!(cx(|cx| send.poll_room(cx)).is_pending());
    }
    written(&server);
    senders[0].pass();
    assert!(cx(|cx| senders[2].poll_room(cx)).is_pending(), "the second is first");
    drop(senders.into_iter().nth(1));
    assert!(server.borrow().turns.len() <= 1);
}

/// A peer that takes everything, or nothing more.
#[derive(Default)]
struct Peer {
    writes: Cell<usize>,
    stuck: Cell<bool>,
}

impl Outlet for Peer {
    fn write(&self, out: &mut Output) -> bool {
        if self.stuck.get() {
            return false;
        }
        self.writes.set(self.writes.get() + 1);
        out.advance(out.len());
        true
    }
}

fn crowd_before(peer: &Rc<Peer>, count: usize) -> (Shared, Vec<Sender>, Vec<Receiver>) {
    let (server, senders, receivers) = crowd(count);
    server.borrow_mut().write_through(Rc::clone(peer) as Rc<dyn Outlet>);
    (server, senders, receivers)
}

#[test]
fn small_answers_that_are_ready_together_fill_writes_and_wait_for_no_turn() {
    let peer = Rc::<Peer>::default();
    let (server, senders, _receivers) = crowd_before(&peer, 100);
    for send in &senders {
        assert!(ready(|cx| send.poll_room(cx)).unwrap() > 1_024);
        send.send_data(Bytes::from(vec![b'x'; 1_024]), true).unwrap();
    }
    assert!(server.borrow().turns.is_empty());
    // Each is as large as what may wait: 15,360 bytes.
    assert_eq!(peer.writes.get(), 6);
}

#[test]
fn who_has_data_in_the_buffer_lines_up_and_others_pass() {
    let peer = Rc::<Peer>::default();
    let (server, senders, _receivers) = crowd_before(&peer, 3);
    for _ in 0..2 {
        for send in &senders[..2] {
            fill(send);
        }
        // Each had one frame, and the second one made room for itself.
        assert_eq!(server.borrow().turns.iter().copied().collect::<Vec<_>>(), [1, 3]);
        let room = ready(|cx| senders[2].poll_room(cx)).unwrap();
        senders[2].send_data(Bytes::from(vec![b'x'; room]), false).unwrap();
        assert!(cx(|cx| senders[1].poll_room(cx)).is_pending(), "it is not the second's turn");
        for send in &senders[..2] {
            let room = ready(|cx| send.poll_room(cx)).unwrap();
            send.send_data(Bytes::from(vec![b'x'; room]), false).unwrap();
        }
    }
}

#[test]
fn where_the_peer_takes_nothing_all_line_up_and_the_driver_hears_of_it() {
    let peer = Rc::<Peer>::default();
    let (server, senders, _receivers) = crowd_before(&peer, 3);
    peer.stuck.set(true);
    fill(&senders[0]);
    let woken = Arc::new(Counter(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&woken));
    server.borrow_mut().register(&Context::from_waker(&waker));
    for send in &senders[1..] {
        assert!(cx(|cx| send.poll_room(cx)).is_pending());
    }
    assert_eq!((server.borrow().turns.len(), woken.0.load(Ordering::Relaxed)), (3, 1));
    written(&server);
    assert!(cx(|cx| senders[2].poll_room(cx)).is_pending(), "the first is first");
    assert!(cx(|cx| senders[0].poll_room(cx)).is_ready());
}

/// What is left of the connection's window is for those who wait for it already.
#[test]
fn nobody_passes_others_where_the_window_of_the_connection_is_nearly_used_up() {
    let peer = Rc::<Peer>::default();
    let (server, senders, _receivers) = crowd_before(&peer, 2);
    let used = server.borrow().room - 100;
    server.borrow_mut().room -= used;
    assert_eq!(fill(&senders[0]), 100);
    server.borrow_mut().room += 100;
    assert!(cx(|cx| senders[1].poll_room(cx)).is_pending());
    assert!(cx(|cx| senders[0].poll_room(cx)).is_ready());
}

/// RFC 9113 section 8.1.1.
#[test]
fn data_is_what_content_length_says() {
    let length = |stream: u32, end: bool| {
        let block = b"\x83\x86\x84\x41\x01a\x0f\x0d\x015";
        frame(kind::HEADERS, flag::END_HEADERS | u8::from(end), stream, block)
    };
    for (what, parts, fine) in [
        ("equal", &[(5, true)][..], true),
        ("in parts", &[(2, false), (3, false), (0, true)], true),
        ("more", &[(6, true)], false),
        ("more in parts", &[(5, false), (1, false)], false),
        ("less", &[(4, true)], false),
        ("none", &[(0, true)], false),
    ] {
        let server = greeted(&HttpSettings::default());
        receive(&server, &length(1, false)).unwrap();
        let _halves = accepted(&server).unwrap();
        for (bytes, end) in parts {
            receive(&server, &frame(kind::DATA, u8::from(*end), 1, &vec![b'x'; *bytes])).unwrap();
        }
        let expected: &[_] = if fine { &[] } else { &[(1, Reason::PROTOCOL_ERROR)] };
        assert_eq!(resets(&server), expected, "{what}");
    }
    let server = greeted(&HttpSettings::default());
    receive(&server, &length(1, true)).unwrap();
    assert_eq!(resets(&server), [(1, Reason::PROTOCOL_ERROR)]);
}
