//! Fields as the tables hold them: parsed once, however often they are referred to.

use http::header::{HeaderName, HeaderValue};

use super::OVERHEAD;
use crate::http::h1::is_token;

/// The name of a field or pseudo-header field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    Authority,
    Method,
    Path,
    Protocol,
    Scheme,
    Status,
    Field(HeaderName),
    /// RFC 9113 sections 8.2.1 and 8.3: none that a message may have. It has a place in the table like any other.
    Invalid,
}

impl Name {
    pub(crate) fn read(name: &[u8]) -> Self {
        match name {
            b":authority" => Self::Authority,
            b":method" => Self::Method,
            b":path" => Self::Path,
            b":protocol" => Self::Protocol,
            b":scheme" => Self::Scheme,
            b":status" => Self::Status,
            // `http` takes characters in lower-case names that RFC 9110 does not.
            _ if !name.iter().copied().all(is_token) => Self::Invalid,
            _ => HeaderName::from_lowercase(name).map_or(Self::Invalid, Self::Field),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Authority => ":authority",
            Self::Method => ":method",
            Self::Path => ":path",
            Self::Protocol => ":protocol",
            Self::Scheme => ":scheme",
            Self::Status => ":status",
            Self::Field(name) => name.as_str(),
            Self::Invalid => "",
        }
    }
}

/// The value of a field; `None` if it is one that no message may have.
pub(crate) type Value = Option<HeaderValue>;

/// RFC 9113 section 8.2.1: no control characters.
pub(super) fn value(bytes: &[u8]) -> Value {
    HeaderValue::from_bytes(bytes).ok()
}

/// A field in a table.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(super) name: Name,
    pub(super) name_len: usize,
    pub(super) value: Value,
    /// RFC 7541 section 4.1.
    pub(super) size: usize,
}

impl Entry {
    pub(super) fn new(name: Name, name_len: usize, value: Value, value_len: usize) -> Self {
        Self { name, name_len, value, size: name_len + value_len + OVERHEAD }
    }
}
