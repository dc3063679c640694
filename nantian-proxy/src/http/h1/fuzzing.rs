//! A door for the fuzz targets in `fuzz/`, which see the codec without a connection around it. Only `cargo fuzz` sets
//! `cfg(fuzzing)`.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};

use super::chunked::{Decoded, Decoder};
use super::encode::{self, Output};
use super::framing::{self, Framing};
use super::head::{self, HeadLimits, Kind, RequestHead, Scanner};
use crate::http::{Body, Headers, HttpSettings, Request};

/// What became of bytes that were read in pieces.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// It is complete, and this many bytes long.
    Complete(T, usize),
    /// More bytes could complete it.
    Partial,
    /// It is refused.
    Refused(&'static str),
}

fn limits() -> HeadLimits {
    HeadLimits::from(&HttpSettings::default())
}

/// Decodes a chunked body that arrives `step` bytes at a time. Gives the data and the trailers.
pub fn dechunk(input: &[u8], step: usize) -> Outcome<(Vec<u8>, Option<HeaderMap>)> {
    let mut decoder = Decoder::new(limits());
    let (mut buffer, mut data, mut arrived) = (BytesMut::new(), Vec::new(), 0);
    for piece in input.chunks(step.max(1)) {
        buffer.extend_from_slice(piece);
        arrived += piece.len();
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Decoded::Data(part)) => data.extend_from_slice(&part),
                Ok(Decoded::End(trailers)) => return Outcome::Complete((data, trailers), arrived - buffer.len()),
                Ok(Decoded::NeedMore) => break,
                Err(reason) => return Outcome::Refused(reason),
            }
        }
    }
    Outcome::Partial
}

/// Scans a head that arrives `step` bytes at a time, and reads it.
fn read<T>(
    kind: Kind,
    input: &[u8],
    step: usize,
    read: impl FnOnce(&Bytes, &[(usize, usize)]) -> Result<T, head::Refusal>,
) -> Outcome<T> {
    let mut scanner = Scanner::new(kind);
    let step = step.max(1);
    for end in (step..input.len()).step_by(step).chain([input.len()]) {
        let arrived = input.get(..end).unwrap_or_default();
        match scanner.scan(arrived, &limits()) {
            Ok(None) => {}
            Ok(Some(length)) => {
                let head = Bytes::copy_from_slice(arrived.get(..length).unwrap_or_default());
                return match read(&head, scanner.lines()) {
                    Ok(head) => Outcome::Complete(head, length),
                    Err(refusal) => Outcome::Refused(refusal.reason),
                };
            }
            Err(refusal) => return Outcome::Refused(refusal.reason),
        }
    }
    Outcome::Partial
}

/// An answer's head, and how its body ends.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// 0 or 1, of HTTP/1.
    pub minor: u8,
    /// Fields, without `Transfer-Encoding` and a `Connection` that says nothing but `close` or `keep-alive`.
    pub headers: Headers,
    /// `none`, `length`, `chunked` or `close`.
    pub framing: &'static str,
}

/// Reads the head of an answer to a request with `method`.
pub fn answer(input: &[u8], step: usize, method: &Method) -> Outcome<Answer> {
    read(Kind::Response, input, step, |bytes, lines| {
        let mut head = head::response(bytes, lines)?;
        let framing = match framing::of_response(method, head.status, head.version, &mut head.fields)? {
            Framing::None => "none",
            Framing::Length(_) => "length",
            Framing::Chunked => "chunked",
            Framing::UntilClose => "close",
        };
        let minor = u8::from(head.version == http::Version::HTTP_11);
        Ok(Answer { status: head.status.as_u16(), minor, headers: head.fields.headers, framing })
    })
}

/// Reads the head of a request as the handler gets it.
pub fn request(input: &[u8], step: usize) -> Outcome<Request<()>> {
    read(Kind::Request, input, step, |bytes, lines| {
        let RequestHead { method, uri, version, headers, .. } = head::request(bytes, lines, &limits())?;
        Ok(Request { method, uri, version, headers, ..Request::new(()) })
    })
}

/// Writes a request head as a backend gets it.
pub fn encode(request: &Request<Body>) -> Vec<u8> {
    let mut out = Output::default();
    encode::request_head(request, ([192, 0, 2, 80], 80).into(), &mut out);
    out.parts().flatten().copied().collect()
}
