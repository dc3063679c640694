//! Messages out, as field blocks.

use bytes::BytesMut;
use http::header::{CONTENT_LENGTH, DATE, HOST};
use http::{HeaderMap, Method, StatusCode};

use super::is_connection_specific;
use crate::http::h2::hpack::Encoder;
use crate::http::{Headers, date};

/// The head of a final answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResponseHead<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a Headers,
    /// The length of the body, where it is known; else what `headers` says holds.
    pub(crate) length: Option<u64>,
}

/// Writes a final answer. It gets a `date` if it has none (RFC 9110 section 6.6.1).
pub(crate) fn put_response(encoder: &mut Encoder, head: ResponseHead<'_>, out: &mut BytesMut) {
    encoder.begin(out);
    encoder.pseudo(":status", head.status.as_str().as_bytes(), out);
    let no_length = head.length.is_some() || head.status == StatusCode::NO_CONTENT;
    let mut dated = false;
    for (name, value) in head.headers {
        if is_connection_specific(name) || (no_length && *name == CONTENT_LENGTH) {
            continue;
        }
        dated |= *name == DATE;
        encoder.field(name, value, out);
    }
    if let Some(length) = head.length {
        encoder.number(&CONTENT_LENGTH, length, out);
    }
    if !dated {
        encoder.field(&DATE, &date::now(), out);
    }
}

/// Writes an interim answer.
pub(crate) fn put_informational(encoder: &mut Encoder, status: StatusCode, headers: &Headers, out: &mut BytesMut) {
    encoder.begin(out);
    encoder.pseudo(":status", status.as_str().as_bytes(), out);
    for (name, value) in headers {
        // RFC 9110 section 8.6: an interim answer has no content.
        if !is_connection_specific(name) && *name != CONTENT_LENGTH {
            encoder.field(name, value, out);
        }
    }
}

/// The target of a request, apart from its fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestHead<'a> {
    pub(crate) method: &'a Method,
    /// Whether the connection is a TLS session: the scheme is `https`.
    pub(crate) over_tls: bool,
    pub(crate) authority: &'a str,
    /// None for CONNECT.
    pub(crate) path: Option<&'a str>,
    pub(crate) headers: &'a Headers,
    pub(crate) length: Option<u64>,
}

/// Writes a request.
pub(crate) fn put_request(encoder: &mut Encoder, head: RequestHead<'_>, out: &mut BytesMut) {
    encoder.begin(out);
    encoder.pseudo(":method", head.method.as_str().as_bytes(), out);
    if let Some(path) = head.path {
        encoder.pseudo(":scheme", if head.over_tls { &b"https"[..] } else { b"http" }, out);
        encoder.authority(head.authority, out);
        encoder.pseudo(":path", path.as_bytes(), out);
    } else {
        encoder.authority(head.authority, out);
    }
    for (name, value) in head.headers {
        if !is_connection_specific(name) && *name != HOST && !(head.length.is_some() && *name == CONTENT_LENGTH) {
            encoder.field(name, value, out);
        }
    }
    if let Some(length) = head.length {
        encoder.number(&CONTENT_LENGTH, length, out);
    }
}

/// Writes a trailer section.
pub(crate) fn put_trailers(encoder: &mut Encoder, trailers: &HeaderMap, out: &mut BytesMut) {
    encoder.begin(out);
    for (name, value) in trailers {
        if !is_connection_specific(name) {
            encoder.field(name, value, out);
        }
    }
}
