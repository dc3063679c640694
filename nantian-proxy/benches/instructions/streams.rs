//! Many streams of one connection at once, as browsers and gRPC clients have them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use crate::one_connection::answer;

/// Streams at once. Each is asked for again as soon as all of them are answered.
const AT_ONCE: usize = 32;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const NO_SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
const MORE_ROOM: [u8; 13] = [0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7f, 0, 0, 0];
const SIZE: usize = 1024;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn put(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    out.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// Kind, flags and stream of each whole frame in what was read, which is taken out.
fn frames(read: &mut Vec<u8>) -> Vec<(u8, u8, u32)> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(&[a, b, c, kind, flags, ref stream @ ..]) = read[at..].first_chunk::<9>() {
        let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap();
        if read.len() < at + 9 + length {
            break;
        }
        found.push((kind, flags, u32::from_be_bytes(*stream)));
        at += 9 + length;
    }
    read.drain(..at);
    found
}

/// Asks on many streams at once. What h2load sends: the fields are in the table from the second request on, but for `:path`.
pub(crate) fn ask_at_once(address: SocketAddr, count: usize) {
    let first = b"\x82\x86\x04\x03/1k\x41\x09a.example\x7a\x04test\x53\x03*/*";
    let again = b"\x82\x86\x04\x03/1k\xc0\xbf\xbe";
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&[PREFACE, &NO_SETTINGS, &MORE_ROOM].concat()).unwrap();
    let (mut read, mut part, mut next) = (Vec::new(), vec![0; 65_536], 1);
    for round in 0..count.div_ceil(AT_ONCE) {
        let mut out = Vec::new();
        for place in 0..AT_ONCE {
            let block = if round + place == 0 { &first[..] } else { again };
            put(&mut out, HEADERS, END_STREAM | END_HEADERS, next, block);
            next += 2;
        }
        stream.write_all(&out).unwrap();
        let mut left = AT_ONCE;
        while left > 0 {
            let got = stream.read(&mut part).unwrap();
            assert!(got > 0, "the connection ended");
            read.extend_from_slice(&part[..got]);
            let ended = |(kind, flags, _): &(u8, u8, u32)| matches!(*kind, DATA | HEADERS) && flags & END_STREAM != 0;
            left -= frames(&mut read).iter().filter(|frame| ended(frame)).count();
        }
    }
}

/// Backends with HTTP/1.1, a thread for each connection.
pub(crate) fn answer_http1(backend: &TcpListener) {
    while let Ok((stream, _)) = backend.accept() {
        thread::spawn(move || answer(stream));
    }
}

/// Backends with HTTP/2, which end with trailers.
pub(crate) fn answer_http2(backend: &TcpListener) {
    while let Ok((stream, _)) = backend.accept() {
        thread::spawn(move || answer_streams(stream));
    }
}

fn answer_streams(mut stream: TcpStream) {
    // :status 200, content-type and grpc-status, as literals that nobody remembers.
    let head = b"\x88\x0f\x10\x10application/grpc";
    let trailers = b"\x00\x0bgrpc-status\x010";
    let (mut read, mut part) = (vec![0; PREFACE.len()], vec![0; 65_536]);
    stream.read_exact(&mut read).unwrap();
    read.clear();
    stream.write_all(&[&NO_SETTINGS[..], &MORE_ROOM].concat()).unwrap();
    loop {
        let got = stream.read(&mut part).unwrap_or_default();
        if got == 0 {
            return;
        }
        read.extend_from_slice(&part[..got]);
        let mut out = Vec::new();
        for (kind, flags, id) in frames(&mut read) {
            match kind {
                SETTINGS if flags == 0 => put(&mut out, SETTINGS, 1, 0, &[]),
                HEADERS => {
                    put(&mut out, HEADERS, END_HEADERS, id, head);
                    put(&mut out, DATA, 0, id, &[b'x'; SIZE]);
                    put(&mut out, HEADERS, END_HEADERS | END_STREAM, id, trailers);
                }
                _ => {}
            }
        }
        stream.write_all(&out).unwrap();
    }
}
