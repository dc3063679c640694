//! The same backend in HTTP/2.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;

use super::Records;
use crate::corpus::wire::{DATA, END_HEADERS, END_STREAM, HEADERS, PING, SETTINGS, WHOLE, WINDOW_UPDATE, block, frame};
use crate::strict::frames::{Direction, Event, Speaker};
use crate::strict::{End, value_of};

pub(super) fn serve(mut stream: TcpStream, records: &Records, index: usize) -> End {
    let _ = stream.set_nodelay(true);
    let mut incoming = Direction::new(Speaker::Client);
    let (mut early, mut read) = (BTreeSet::new(), 0);
    if stream.write_all(&frame(SETTINGS, 0, 0, &[])).is_err() {
        return End::Clean;
    }
    loop {
        let mut part = [0; 16 * 1024];
        let bytes = match stream.read(&mut part) {
            Ok(0) | Err(_) => return if incoming.is_whole() { End::Clean } else { End::Incomplete },
            Ok(count) => &part[..count],
        };
        records.change(index, |record| record.bytes.extend_from_slice(bytes));
        let events = match incoming.read(bytes) {
            Ok(events) => events,
            Err(reason) => return End::Violation(reason, read),
        };
        read += bytes.len();
        for event in events {
            let answer = answer(event, &mut incoming, &mut early, records, index);
            if stream.write_all(&answer).is_err() {
                return End::Clean;
            }
        }
    }
}

fn answer(
    event: Event,
    incoming: &mut Direction,
    early: &mut BTreeSet<u32>,
    records: &Records,
    index: usize,
) -> Vec<u8> {
    match event {
        Event::Settings => frame(SETTINGS, 1, 0, &[]),
        Event::Ping(payload) => frame(PING, 1, 0, &payload),
        Event::Data(stream, count) if count > 0 => {
            incoming.grant(stream, count);
            let count = u32::try_from(count).expect("a frame is small").to_be_bytes();
            [frame(WINDOW_UPDATE, 0, 0, &count), frame(WINDOW_UPDATE, 0, stream, &count)].concat()
        }
        Event::Head(stream, fields) => {
            let path = value_of(&fields, ":path").unwrap_or_default();
            if path.contains("/early") {
                early.insert(stream);
                return ok(stream, "POST");
            }
            let waits = value_of(&fields, "expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue"));
            if waits && !path.contains("/mute") {
                return frame(HEADERS, END_HEADERS, stream, &block(&[(":status", "100")]));
            }
            Vec::new()
        }
        Event::Request(stream, request) => {
            let answer = if early.contains(&stream) { Vec::new() } else { ok(stream, &request.method) };
            records.change(index, |record| record.requests.push(request));
            answer
        }
        Event::Data(..) | Event::Answer(..) | Event::Reset(..) | Event::GoAway(_) | Event::Pong => Vec::new(),
    }
}

fn ok(stream: u32, method: &str) -> Vec<u8> {
    let head = block(&[(":status", "200"), ("content-length", "2")]);
    if method == "HEAD" {
        return frame(HEADERS, WHOLE, stream, &head);
    }
    [frame(HEADERS, END_HEADERS, stream, &head), frame(DATA, END_STREAM, stream, b"ok")].concat()
}
