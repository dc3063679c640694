//! HTTP/2 frame by frame, for what no well-behaved client does.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::raw;

/// Types of frames (RFC 9113 section 6).
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
pub(crate) const WINDOW_UPDATE: u8 = 8;

/// Flags of frames; ACK has the bit of `END_STREAM`.
pub(crate) const END_STREAM: u8 = 1;
const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A frame that the server sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// What a second of listening brought.
pub(crate) enum Heard {
    Frame(Frame),
    Nothing,
    End,
}

/// A client that acknowledges SETTINGS and answers PINGs, and does nothing else of its own.
pub(crate) struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    /// Connects with prior knowledge; each stream has this window.
    pub(crate) fn connect(port: u16, window: u32) -> Self {
        let stream = raw::connect(port).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let mut client = Self { stream, read: Vec::new() };
        assert!(client.write(PREFACE));
        // SETTINGS_INITIAL_WINDOW_SIZE.
        let setting = [&[0, 4][..], &window.to_be_bytes()].concat();
        assert!(client.send(SETTINGS, 0, 0, &setting));
        client
    }

    /// Sends a frame; `false` if the server has gone.
    pub(crate) fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        self.write(&[&frame_head(payload.len(), kind, flags, stream), payload].concat())
    }

    /// Sends bytes as they are.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends a request's head.
    pub(crate) fn request(&mut self, stream: u32, method: &str, path: &str) {
        let end = if method == "GET" { END_STREAM } else { 0 };
        assert!(self.send(HEADERS, END_HEADERS | end, stream, &head(method, path)));
    }

    /// Listens until a frame is complete, for at most a second without a byte.
    pub(crate) fn listen(&mut self) -> Heard {
        loop {
            if let Some(frame) = self.take() {
                match frame.kind {
                    SETTINGS | PING if frame.flags & ACK == 0 => {
                        let payload = if frame.kind == PING { &frame.payload[..] } else { &[] };
                        self.send(frame.kind, ACK, 0, payload);
                    }
                    _ => return Heard::Frame(frame),
                }
                continue;
            }
            let mut part = [0; 16_384];
            match self.stream.read(&mut part) {
                Ok(0) => return Heard::End,
                Ok(count) => self.read.extend_from_slice(&part[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Heard::Nothing;
                }
                Err(_) => return Heard::End,
            }
        }
    }

    /// Takes a complete frame from what was read.
    fn take(&mut self) -> Option<Frame> {
        let head = self.read.first_chunk::<9>()?;
        let length = usize::try_from(u32::from_be_bytes([0, head[0], head[1], head[2]])).unwrap();
        let (kind, flags) = (head[3], head[4]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        if self.read.len() < 9 + length {
            return None;
        }
        let payload = self.read.drain(..9 + length).skip(9).collect();
        Some(Frame { kind, flags, stream, payload })
    }
}

/// What is before the payload of a frame (RFC 9113 section 4.1).
pub(crate) fn frame_head(length: usize, kind: u8, flags: u8, stream: u32) -> Vec<u8> {
    let length = u32::try_from(length).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat()
}

/// The fields of a request, in HPACK: indexed, or literals with an indexed name (RFC 7541 section 6.1 and 6.2.2).
fn head(method: &str, path: &str) -> Vec<u8> {
    let method = if method == "GET" { 0x82 } else { 0x83 };
    let length = u8::try_from(path.len()).unwrap();
    [&[method, 0x86, 0x01, 1, b'a', 0x04, length][..], path.as_bytes()].concat()
}

/// The first field of an answer with status 200 and 204, in HPACK.
pub(crate) const STATUS_200: u8 = 0x88;
pub(crate) const STATUS_204: u8 = 0x89;
