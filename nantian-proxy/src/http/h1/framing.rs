//! Which bytes are a message's body: RFC 9112 section 6. One reading only; where the RFC leaves a choice between
//! repairing and refusing, we refuse.

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::{Method, StatusCode, Version};

use super::fields::{Fields, Seen};
use super::head::{Refusal, trim_end, trim_start};
use crate::http::Headers;

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is none.
    None,
    /// After so many bytes; never zero.
    Length(u64),
    /// With the chunk of size zero and its trailer section.
    Chunked,
    /// With the connection; answers only.
    UntilClose,
}

/// The framing of a request. Takes `Transfer-Encoding` out of `fields`.
pub(crate) fn of_request(method: &Method, version: Version, fields: &mut Fields) -> Result<Framing, Refusal> {
    let chunked = chunked(version, fields)?;
    let length = content_length(fields)?;
    let framing = match (chunked, length) {
        // RFC 9112 section 6.1: a server MAY refuse a request with both, and ought to.
        (true, Some(_)) => return Err(Refusal::bad("both Content-Length and Transfer-Encoding")),
        (true, None) => Framing::Chunked,
        (false, None | Some(0)) => Framing::None,
        (false, Some(length)) => Framing::Length(length),
    };
    // RFC 9110 section 9.3.6: a body of CONNECT means nothing; what follows it is the tunnel.
    if *method == Method::CONNECT && (framing != Framing::None || length.is_some()) {
        return Err(Refusal::bad("CONNECT with a body"));
    }
    drop_transfer_encoding(fields);
    Ok(framing)
}

/// The framing of a final answer to a request with `method`. Takes `Transfer-Encoding` out of `fields`, and
/// `Content-Length` where it cannot be.
pub(crate) fn of_response(
    method: &Method,
    status: StatusCode,
    version: Version,
    fields: &mut Fields,
) -> Result<Framing, Refusal> {
    let chunked = chunked(version, fields)?;
    let length = content_length(fields)?;
    if chunked && length.is_some() {
        return Err(Refusal::bad("both Content-Length and Transfer-Encoding"));
    }
    drop_transfer_encoding(fields);
    // RFC 9110 section 8.6: no Content-Length in 204.
    if status == StatusCode::NO_CONTENT {
        fields.headers.remove(CONTENT_LENGTH);
        if chunked || length.is_some_and(|length| length > 0) {
            return Err(Refusal::bad("an answer 204 that announces a body"));
        }
    }
    if *method == Method::HEAD || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return Ok(Framing::None);
    }
    Ok(match (chunked, length) {
        (true, _) => Framing::Chunked,
        (false, Some(0)) => Framing::None,
        (false, Some(length)) => Framing::Length(length),
        (false, None) => Framing::UntilClose,
    })
}

fn drop_transfer_encoding(fields: &mut Fields) {
    if fields.seen.any(Seen::TRANSFER_ENCODING) {
        fields.headers.remove(TRANSFER_ENCODING);
    }
}

/// RFC 9112 section 6.1: only `chunked`, once and last, and only in HTTP/1.1.
fn chunked(version: Version, fields: &Fields) -> Result<bool, Refusal> {
    if !fields.seen.any(Seen::TRANSFER_ENCODING) {
        return Ok(false);
    }
    let mut values = fields.headers.get_all(TRANSFER_ENCODING);
    let Some(value) = values.next() else { return Ok(false) };
    if values.next().is_some() {
        return Err(Refusal::bad("more than one Transfer-Encoding field"));
    }
    // RFC 9112 section 6.1: a message of HTTP/1.0 with Transfer-Encoding MUST be treated as if its framing were faulty.
    if version != Version::HTTP_11 {
        return Err(Refusal::bad("Transfer-Encoding in HTTP/1.0"));
    }
    let value = value.as_bytes();
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(true);
    }
    let known = |coding: &[u8]| {
        [&b"gzip"[..], b"x-gzip", b"deflate", b"compress", b"x-compress"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(coding))
    };
    let mut codings = value.split(|&byte| byte == b',').map(|coding| trim_end(trim_start(coding)));
    let last_is_chunked = codings.next_back().is_some_and(|last| last.eq_ignore_ascii_case(b"chunked"));
    if codings.all(known) && (last_is_chunked || known(value)) {
        // RFC 9112 section 6.1: a coding that a server does not understand SHOULD be answered with 501.
        return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, "a transfer coding other than chunked"));
    }
    Err(Refusal::bad("Transfer-Encoding is not exactly chunked"))
}

/// RFC 9112 section 6.3 allows a list of equal lengths to be taken for one; we take one field with one number.
fn content_length(fields: &Fields) -> Result<Option<u64>, Refusal> {
    if !fields.seen.any(Seen::CONTENT_LENGTH) {
        return Ok(None);
    }
    let mut values = fields.headers.get_all(CONTENT_LENGTH);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::bad("more than one Content-Length field"));
    }
    digits(value.as_bytes()).map(Some).ok_or(Refusal::bad("Content-Length is not a number"))
}

/// `1*DIGIT` that fits 63 bits.
pub(crate) fn digits(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > 18 {
        return None;
    }
    value.iter().try_fold(0_u64, |number, byte| byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0')))
}

/// RFC 9112 section 9.3.
pub(crate) fn keeps_alive(version: Version, fields: &Fields) -> bool {
    let Fields { headers, seen } = fields;
    let says = |option: Seen, name: &str| seen.any(option) || (seen.any(Seen::CONNECTION) && names(headers, name));
    match version {
        Version::HTTP_11 => !says(Seen::CLOSE, "close"),
        _ => says(Seen::KEEP_ALIVE, "keep-alive") && !says(Seen::CLOSE, "close"),
    }
}

/// Whether `Connection` names `option`.
pub(crate) fn names(headers: &Headers, option: &str) -> bool {
    headers.get_all(CONNECTION).any(|value| {
        value
            .as_bytes()
            .split(|&byte| byte == b',')
            .any(|named| trim_end(trim_start(named)).eq_ignore_ascii_case(option.as_bytes()))
    })
}

/// Whether a message asks for, or agrees to, another protocol (RFC 9110 section 7.8).
pub(crate) fn upgrades(headers: &Headers) -> bool {
    headers.contains_key(UPGRADE) && names(headers, "upgrade")
}

/// Whether an answer 101 switches to what its request offered: RFC 9110 section 7.8, a server MUST NOT switch to a
/// protocol that the client did not name, and MUST say which one it is.
pub(crate) fn agrees(offered: &Headers, taken: &Headers) -> bool {
    let members = |headers: &Headers| {
        let values = headers.get_all(UPGRADE).flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
        values.map(|member| member.trim_ascii().to_ascii_lowercase()).collect::<Vec<_>>()
    };
    let (offered, taken) = (members(offered), members(taken));
    !taken.is_empty() && taken.iter().all(|protocol| offered.contains(protocol))
}
