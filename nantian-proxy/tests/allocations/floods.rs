//! What hostile connections can make a worker hold, in bytes.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use nantian_proxy::http::{ConnectionEnd, HttpSettings};

use super::serve;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const HEADERS: u8 = 1;
const PING: u8 = 6;
/// Nothing listens there, and nothing of what is sent here gets that far.
const NO_BACKEND: u16 = 1;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The most bytes that the worker's thread held at one time while it served the connection.
fn held(http: HttpSettings, client: impl FnOnce(SocketAddr) + Send + 'static) -> (u64, ConnectionEnd) {
    let (counted, end) = serve(http, NO_BACKEND, None, client);
    (counted.bytes_max, end)
}

/// Sends everything, then reads to the end.
fn send(bytes: Vec<u8>) -> impl FnOnce(SocketAddr) + Send {
    move |address| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(&[PREFACE, &bytes].concat()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        // A connection that is cut because of the flood may be reset.
        let _ = stream.read_to_end(&mut Vec::new());
    }
}

/// An HPACK bomb (CVE-2016-6581): one field goes into the table, and each of 100 heads names it 450 times, a byte each. What
/// they stand for is 45,000 fields, with the longest value 180 MB.
#[test]
fn four_hundred_and_fifty_references_on_a_hundred_streams_cost_less_than_a_megabyte() {
    let quiet = || held(HttpSettings::default(), send(Vec::new())).0;
    // What a process makes once, at its first connection, counts for no connection.
    quiet();
    let quiet = quiet();
    for value in [1_usize, 100, 4_000] {
        let mut block = b"\x82\x86\x84\x41\x01a\x40\x01b".to_vec();
        match value.checked_sub(127) {
            None => block.push(u8::try_from(value).unwrap()),
            Some(rest) => {
                block.extend([127, u8::try_from(rest % 128 + 128).unwrap(), u8::try_from(rest / 128).unwrap()]);
            }
        }
        block.extend(vec![b'x'; value]);
        block.extend([0xbe; 450]);
        let heads = (0..100).flat_map(|number| frame(HEADERS, 0x5, 2 * number + 1, &block));
        let (bomb, end) = held(HttpSettings::default(), send(heads.collect()));
        let cost = bomb - quiet;
        println!("values of {value} bytes: {cost} bytes, {end}");
        assert!(cost < 1 << 20, "{cost} bytes for values of {value} bytes");
    }
}

/// With a budget that never ends, so that it is the unread answers that stop the server, and not the flood.
#[test]
fn four_hundred_thousand_pings_whose_answers_nobody_reads_leave_memory_flat() {
    let pings = |count: usize| {
        let mut http = HttpSettings::default();
        http.http2.max_control_frames = u32::MAX;
        held(http, move |address| {
            let mut stream = TcpStream::connect(address).unwrap();
            // The server stops reading where it cannot write: what it takes until then is what this is about.
            stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
            let _ = stream.write_all(&[PREFACE, &frame(PING, 0, 0, &[0; 8]).repeat(count)].concat());
        })
    };
    for count in [400_000, 1_600_000] {
        let (most, end) = pings(count);
        println!("{count} PINGs: {most} bytes, {end}");
        // 64 KiB of answers wait at most, in a buffer that doubles as it grows: both copies are there for a moment.
        assert!(most < 384 << 10, "{most} bytes for {count} PINGs");
    }
}
