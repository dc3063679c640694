//! Payloads in, frames out: sizes, padding and the places where a frame may stand.

use std::ops::Range;

use super::{Head, MAX_STREAM, Settings, flag, kind};
use crate::http::h2::reason::Reason;

/// A frame. What it borrows is part of its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    Data {
        /// Where the data is in the payload; the rest is padding.
        data: Range<usize>,
        end: bool,
    },
    Headers {
        block: &'a [u8],
        end_stream: bool,
        end_headers: bool,
        /// The stream that it says to depend on (deprecated, RFC 9113 section 5.3).
        depends_on: Option<u32>,
    },
    Priority {
        depends_on: u32,
    },
    Reset(Reason),
    Settings(Settings),
    SettingsAck,
    PushPromise,
    Ping([u8; 8]),
    Pong([u8; 8]),
    GoAway {
        last: u32,
        reason: Reason,
    },
    WindowUpdate(u32),
    Continuation {
        block: &'a [u8],
        end_headers: bool,
    },
    /// RFC 9113 section 4.1: frames of unknown types MUST be ignored.
    Unknown,
}

/// A frame that is none: the stream's error, or the connection's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameError {
    pub(crate) reason: Reason,
    pub(crate) what: &'static str,
    /// Whether only its stream is affected.
    pub(crate) of_stream: bool,
}

const fn wrong(what: &'static str) -> FrameError {
    FrameError { reason: Reason::PROTOCOL_ERROR, what, of_stream: false }
}

const fn wrong_size(what: &'static str) -> FrameError {
    FrameError { reason: Reason::FRAME_SIZE_ERROR, what, of_stream: false }
}

/// Reads the payload of a frame.
pub(crate) fn decode(head: Head, payload: &[u8]) -> Result<Frame<'_>, FrameError> {
    match (head.kind, head.stream) {
        (
            kind::DATA | kind::HEADERS | kind::PRIORITY | kind::RST_STREAM | kind::PUSH_PROMISE | kind::CONTINUATION,
            0,
        ) => return Err(wrong("a frame of a stream on stream 0")),
        (kind::SETTINGS | kind::PING | kind::GOAWAY, 1..) => {
            return Err(wrong("a frame of the connection on a stream"));
        }
        _ => {}
    }
    match head.kind {
        kind::DATA => Ok(Frame::Data { data: unpadded(head, payload)?, end: head.has(flag::END_STREAM) }),
        kind::HEADERS => headers(head, payload),
        kind::PRIORITY => priority(payload),
        kind::RST_STREAM => match *payload {
            [a, b, c, d] => Ok(Frame::Reset(u32::from_be_bytes([a, b, c, d]).into())),
            _ => Err(wrong_size("RST_STREAM of another size than 4")),
        },
        kind::SETTINGS if head.has(flag::ACK) => match payload {
            [] => Ok(Frame::SettingsAck),
            _ => Err(wrong_size("an acknowledgement of SETTINGS that has a payload")),
        },
        kind::SETTINGS => Settings::decode(payload).map(Frame::Settings),
        kind::PUSH_PROMISE => Ok(Frame::PushPromise),
        kind::PING => match <[u8; 8]>::try_from(payload) {
            Ok(payload) if head.has(flag::ACK) => Ok(Frame::Pong(payload)),
            Ok(payload) => Ok(Frame::Ping(payload)),
            Err(_) => Err(wrong_size("PING of another size than 8")),
        },
        kind::GOAWAY => go_away(payload),
        kind::WINDOW_UPDATE => window_update(head, payload),
        kind::CONTINUATION => Ok(Frame::Continuation { block: payload, end_headers: head.has(flag::END_HEADERS) }),
        _ => Ok(Frame::Unknown),
    }
}

/// RFC 9113 section 6.1: padding that is as long as the payload or longer is a connection error.
fn unpadded(head: Head, payload: &[u8]) -> Result<Range<usize>, FrameError> {
    if !head.has(flag::PADDED) {
        return Ok(0..payload.len());
    }
    let (&padding, rest) =
        payload.split_first().ok_or(wrong_size("a padded frame without the length of its padding"))?;
    match rest.len().checked_sub(usize::from(padding)) {
        Some(length) => Ok(1..1 + length),
        None => Err(wrong("padding that is longer than its frame")),
    }
}

fn headers(head: Head, payload: &[u8]) -> Result<Frame<'_>, FrameError> {
    let block = payload.get(unpadded(head, payload)?).unwrap_or_default();
    let (depends_on, block) = if head.has(flag::PRIORITY) {
        let [a, b, c, d, _weight, block @ ..] = block else {
            return Err(wrong_size("HEADERS without the priority that its flags announce"));
        };
        (Some(u32::from_be_bytes([*a, *b, *c, *d]) & MAX_STREAM), block)
    } else {
        (None, block)
    };
    Ok(Frame::Headers {
        block,
        end_stream: head.has(flag::END_STREAM),
        end_headers: head.has(flag::END_HEADERS),
        depends_on,
    })
}

/// RFC 9113 section 6.3: a wrong length is an error of the stream.
fn priority(payload: &[u8]) -> Result<Frame<'_>, FrameError> {
    match *payload {
        [a, b, c, d, _weight] => Ok(Frame::Priority { depends_on: u32::from_be_bytes([a, b, c, d]) & MAX_STREAM }),
        _ => Err(FrameError { of_stream: true, ..wrong_size("PRIORITY of another size than 5") }),
    }
}

fn go_away(payload: &[u8]) -> Result<Frame<'_>, FrameError> {
    let fields = payload.split_first_chunk::<4>().and_then(|(last, rest)| Some((last, rest.first_chunk::<4>()?)));
    let (last, reason) = fields.ok_or(wrong_size("GOAWAY of less than 8 octets"))?;
    Ok(Frame::GoAway { last: u32::from_be_bytes(*last) & MAX_STREAM, reason: u32::from_be_bytes(*reason).into() })
}

/// RFC 9113 section 6.9: an increment of 0 is an error of the stream, or of the connection on stream 0.
fn window_update(head: Head, payload: &[u8]) -> Result<Frame<'_>, FrameError> {
    let [a, b, c, d] = *payload else { return Err(wrong_size("WINDOW_UPDATE of another size than 4")) };
    match u32::from_be_bytes([a, b, c, d]) & MAX_STREAM {
        0 => Err(FrameError { of_stream: head.stream > 0, ..wrong("WINDOW_UPDATE with an increment of 0") }),
        increment => Ok(Frame::WindowUpdate(increment)),
    }
}
