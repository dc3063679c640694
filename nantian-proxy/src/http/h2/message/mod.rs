//! Messages (RFC 9113 section 8): fields become a request, an answer or a trailer section, and the other way. No I/O.

mod encode;
mod fields;
mod request;
mod response;
#[cfg(test)]
mod tests;

use http::header::HeaderName;
use http::{HeaderMap, StatusCode};

use crate::http::{HttpSettings, Refusal};

pub(crate) use encode::{RequestHead, ResponseHead, put_informational, put_request, put_response, put_trailers};
pub(crate) use fields::Fields;

/// Bounds of a field section.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes of names and values, and 32 for each field.
    pub(crate) bytes: usize,
    pub(crate) fields: usize,
    pub(crate) uri: usize,
}

impl From<&HttpSettings> for Limits {
    fn from(settings: &HttpSettings) -> Self {
        Self { bytes: settings.max_header_bytes, fields: settings.max_header_fields, uri: settings.max_uri_bytes }
    }
}

/// Why there is no message in a field section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// RFC 9113 section 8.1.1: an error of the stream.
    Malformed(&'static str),
    /// Valid, but not taken: the answer to it.
    Refused(Refusal),
}

const fn malformed(what: &'static str) -> Unfit {
    Unfit::Malformed(what)
}

const fn refused(status: StatusCode, reason: &'static str) -> Unfit {
    Unfit::Refused(Refusal::new(status, reason))
}

/// A message that has begun to arrive.
#[derive(Debug)]
pub(crate) struct Arrived<T> {
    pub(crate) head: T,
    /// What `content-length` promises (RFC 9113 section 8.1.1).
    pub(crate) length: Option<u64>,
    /// Bytes of its names and values, and 32 for each field.
    pub(crate) size: usize,
}

/// RFC 9113 section 8.2.2: fields of a connection, which no message of HTTP/2 has.
pub(crate) fn is_connection_specific(name: &HeaderName) -> bool {
    matches!(name.as_str(), "connection" | "transfer-encoding" | "upgrade" | "keep-alive" | "proxy-connection")
}

/// A trailer section.
pub(crate) fn trailers(fields: Fields) -> Result<HeaderMap, &'static str> {
    match fields.into_trailers() {
        Ok(trailers) => Ok(trailers),
        Err(Unfit::Malformed(what)) => Err(what),
        Err(Unfit::Refused(refusal)) => Err(refusal.reason),
    }
}
