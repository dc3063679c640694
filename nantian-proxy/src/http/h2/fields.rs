//! What `h2` leaves to us of RFC 9113 section 8.2.

use http::HeaderMap;
use http::header::{CONNECTION, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE};

use crate::http::h1::is_field_name;

/// RFC 9113 section 8.2.1: names are tokens, and no value has white space around it. A message whose fields are not so is
/// malformed, and MUST NOT be passed on.
pub(crate) fn check(fields: &HeaderMap) -> Result<(), &'static str> {
    if !fields.keys().all(is_field_name) {
        return Err("a field name has an invalid character");
    }
    if !fields.values().all(is_trimmed) {
        return Err("a field value has white space around it");
    }
    Ok(())
}

fn is_trimmed(value: &HeaderValue) -> bool {
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    !is_space(value.as_bytes().first()) && !is_space(value.as_bytes().last())
}

/// Fields of a connection: RFC 9113 section 8.2.2 forbids them.
pub(crate) fn strip_connection_specific(headers: &mut HeaderMap) {
    const NAMES: [HeaderName; 5] = [
        CONNECTION,
        TRANSFER_ENCODING,
        UPGRADE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ];
    for name in &NAMES {
        headers.remove(name);
    }
}
