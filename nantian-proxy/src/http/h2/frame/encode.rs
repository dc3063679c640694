//! Frames out, into the buffer of their connection.

use bytes::{BufMut as _, BytesMut};

use super::{HEAD, LARGEST_PAYLOAD, Settings, flag, kind};
use crate::http::h2::reason::Reason;

/// A frame's header. No frame of ours has a payload of more than [`LARGEST_PAYLOAD`].
pub(crate) fn put_head(out: &mut BytesMut, length: usize, kind: u8, flags: u8, stream: u32) {
    let length = u64::try_from(length).unwrap_or_default();
    let head = length << 48 | u64::from(kind) << 40 | u64::from(flags) << 32 | u64::from(stream);
    // Of the length, the lowest 16 bits are in `head` already.
    let [high, ..] = (length << 40).to_be_bytes();
    out.put_u8(high);
    out.put_u64(head);
}

/// The header of a DATA frame, which the data follows.
pub(crate) fn put_data_head(out: &mut BytesMut, stream: u32, length: usize, end: bool) {
    put_head(out, length, kind::DATA, if end { flag::END_STREAM } else { 0 }, stream);
}

/// A field block: HEADERS, and CONTINUATION for what is too long for one frame.
pub(crate) fn put_headers(out: &mut BytesMut, stream: u32, block: &[u8], end_stream: bool) {
    let end = if end_stream { flag::END_STREAM } else { 0 };
    let (first, rest) = block.split_at(block.len().min(LARGEST_PAYLOAD));
    out.reserve(block.len() + HEAD * (1 + rest.len().div_ceil(LARGEST_PAYLOAD)));
    let last = |rest: &[u8]| if rest.is_empty() { flag::END_HEADERS } else { 0 };
    put_head(out, first.len(), kind::HEADERS, end | last(rest), stream);
    out.put_slice(first);
    let mut rest = rest;
    while !rest.is_empty() {
        let (part, after) = rest.split_at(rest.len().min(LARGEST_PAYLOAD));
        put_head(out, part.len(), kind::CONTINUATION, last(after), stream);
        out.put_slice(part);
        rest = after;
    }
}

pub(crate) fn put_reset(out: &mut BytesMut, stream: u32, reason: Reason) {
    put_head(out, 4, kind::RST_STREAM, 0, stream);
    out.put_u32(reason.code());
}

pub(crate) fn put_settings(out: &mut BytesMut, settings: &Settings) {
    put_head(out, settings.named().count() * 6, kind::SETTINGS, 0, 0);
    for (id, value) in settings.named() {
        out.put_u16(id);
        out.put_u32(value);
    }
}

pub(crate) fn put_settings_ack(out: &mut BytesMut) {
    put_head(out, 0, kind::SETTINGS, flag::ACK, 0);
}

pub(crate) fn put_ping(out: &mut BytesMut, payload: [u8; 8], ack: bool) {
    put_head(out, 8, kind::PING, if ack { flag::ACK } else { 0 }, 0);
    out.put_slice(&payload);
}

pub(crate) fn put_go_away(out: &mut BytesMut, last: u32, reason: Reason) {
    put_head(out, 8, kind::GOAWAY, 0, 0);
    out.put_u32(last);
    out.put_u32(reason.code());
}

pub(crate) fn put_window_update(out: &mut BytesMut, stream: u32, increment: u32) {
    put_head(out, 4, kind::WINDOW_UPDATE, 0, stream);
    out.put_u32(increment);
}
