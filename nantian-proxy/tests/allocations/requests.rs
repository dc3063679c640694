//! What a request costs in allocations.
//!
//! One keep-alive connection in, HTTP/1.1 or HTTP/2, and one keep-alive connection out, HTTP/1.1, with the settings as they
//! come.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use allocation_counter::AllocationInfo;
use nantian_proxy::http::{ConnectionEnd, HttpSettings};

use super::serve;

/// What one request may cost. A change that needs more says why here; one that needs less lowers the number.
struct Most {
    allocations: u64,
    bytes: u64,
}

const HTTP1: Most = Most { allocations: 9, bytes: 2_700 };
/// The task of a stream, and the future of its handler in a box of its own, are most of the bytes.
const HTTP2: Most = Most { allocations: 27, bytes: 13_600 };

const ASKED: &[u8] = b"GET /1k HTTP/1.1\r\nHost: a.example\r\nUser-Agent: test\r\nAccept: */*\r\n\r\n";

#[test]
fn a_request_on_kept_connections_allocates_no_more_than_it_did() {
    hold(ask, &HTTP1);
}

#[test]
fn a_request_on_a_stream_allocates_no_more_than_it_did() {
    hold(ask_on_streams, &HTTP2);
}

fn hold(ask: fn(SocketAddr, usize), most: &Most) {
    let (few, many) = (requests(ask, 50), requests(ask, 250));
    let allocations = (many.count_total - few.count_total).div_ceil(200);
    let bytes = (many.bytes_total - few.bytes_total).div_ceil(200);
    println!("{allocations} allocations and {bytes} bytes for each request");
    assert!(allocations <= most.allocations, "{allocations} allocations for each request");
    assert!(bytes <= most.bytes, "{bytes} bytes for each request");
}

/// What the worker's thread allocates for a connection with `count` requests.
fn requests(ask: fn(SocketAddr, usize), count: usize) -> AllocationInfo {
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = backend.local_addr().unwrap().port();
    let backend = thread::spawn(move || answer(backend.accept().unwrap().0));
    let (counted, end) = serve(HttpSettings::default(), port, move |address| ask(address, count));
    assert!(matches!(end, ConnectionEnd::Closed), "{end}");
    backend.join().unwrap();
    counted
}

fn ask(address: SocketAddr, count: usize) {
    let mut stream = TcpStream::connect(address).unwrap();
    for _ in 0..count {
        stream.write_all(ASKED).unwrap();
        let answer = read_to(&mut stream, is_whole).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&answer));
    }
}

/// The same request on one stream of HTTP/2 after another, its fields literals that nobody remembers.
fn ask_on_streams(address: SocketAddr, count: usize) {
    const NO_SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const MORE_ROOM: [u8; 13] = [0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7f, 0, 0, 0];
    // GET, http, `:path`, `:authority`, `user-agent` and `accept`.
    let block = b"\x82\x86\x04\x03/1k\x01\x09a.example\x0f\x2b\x04test\x0f\x04\x03*/*";
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    stream.write_all(&[&NO_SETTINGS[..], &MORE_ROOM].concat()).unwrap();
    for number in 0..u32::try_from(count).unwrap() {
        let id = (2 * number + 1).to_be_bytes();
        let head = [&[0, 0, u8::try_from(block.len()).unwrap(), 1, 5][..], &id].concat();
        stream.write_all(&[&head, &block[..]].concat()).unwrap();
        let mut received = 0;
        loop {
            let mut head = [0; 9];
            stream.read_exact(&mut head).unwrap();
            let [_, high, low, kind, flags, of @ ..] = head;
            let length = u16::from_be_bytes([high, low]);
            stream.read_exact(&mut vec![0; length.into()]).unwrap();
            assert!(of == [0; 4] || of == id, "{head:?}");
            if kind == 0 {
                received += length;
                if flags & 1 != 0 {
                    break;
                }
            }
        }
        assert_eq!(received, 1024);
    }
}

fn is_whole(answer: &[u8]) -> bool {
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n");
    head.is_some_and(|end| answer.len() >= end + 4 + 1024)
}

/// Answers requests without a body with 1 KiB, until there are no more.
fn answer(mut stream: TcpStream) {
    let head = "HTTP/1.1 200 OK\r\nServer: test\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nContent-Type: text/plain\r\n";
    let answer = format!("{head}Content-Length: 1024\r\nConnection: keep-alive\r\n\r\n{}", "x".repeat(1024));
    while read_to(&mut stream, |read| read.ends_with(b"\r\n\r\n")).is_some() {
        stream.write_all(answer.as_bytes()).unwrap();
    }
}

/// Reads until `ended`; `None` at the end of the stream.
fn read_to(stream: &mut TcpStream, ended: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let (mut read, mut part) = (Vec::new(), [0; 4096]);
    while !ended(&read) {
        match stream.read(&mut part).unwrap() {
            0 => return None,
            count => read.extend_from_slice(&part[..count]),
        }
    }
    Some(read)
}
