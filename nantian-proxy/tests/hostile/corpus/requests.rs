//! All requests of HTTP/1.1, and what of the strict reading the gateway repairs.

use super::{Payload, chunks, connections, framing, hosts, lines};

/// All payloads.
pub(crate) fn all() -> Vec<Payload> {
    [framing::payloads(), chunks::payloads(), hosts::payloads(), lines::payloads(), connections::payloads()].concat()
}

/// What the strict reading refuses and the gateway serves: payload, requests that may reach the origin, and why nobody
/// can read another request into it.
pub(crate) const REPAIRS: &[(&str, usize, &str)] = &[
    ("line/empty-line-first", 1, "RFC 9112 section 2.2: one empty line before a request line is ignored"),
    ("pipelined/body-crlf-request", 2, "the same"),
    ("chunks/extension-space-inside", 2, "RFC 9110 section 5.6.3: bad white space is accepted; extensions are dropped"),
    ("trailers/trailer", 2, DROPPED),
    ("trailers/te", 2, DROPPED),
    ("trailers/upgrade", 2, DROPPED),
    ("trailers/expect", 2, DROPPED),
    ("trailers/authorization", 2, DROPPED),
    ("trailers/cookie", 2, DROPPED),
    ("trailers/content-type", 2, DROPPED),
    ("trailers/keep-alive", 2, DROPPED),
];

const DROPPED: &str = "RFC 9110 section 6.5.1: a field that has no place in trailers is dropped";
