//! The chunked coding: RFC 9112 section 7.1. No I/O.

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http::header::HeaderName;

use super::fields::{self, Seen};
use super::head::{HeadLimits, Kind, Scanner, is_field_name, is_token, trim_start};

/// Bytes of one chunk-size line, extensions included, without its end.
const MAX_LINE: usize = 512;
/// Bytes of all extensions of a body: a hundred bytes a chunk with one byte of data each would be a way to make us work
/// for nothing.
const MAX_EXTENSIONS: usize = 16 * 1024;

/// What a call to [`Decoder::decode`] found.
#[derive(Debug, PartialEq)]
pub(crate) enum Decoded {
    /// A part of the data.
    Data(Bytes),
    /// The end, with the trailers if there are any.
    End(Option<HeaderMap>),
    /// The input ends before something complete.
    NeedMore,
}

/// Reads a chunked body.
#[derive(Debug)]
pub(crate) struct Decoder {
    state: State,
    extensions: usize,
    limits: HeadLimits,
}

#[derive(Debug)]
enum State {
    /// Before a chunk-size line, of which so many bytes were looked at.
    Size(usize),
    Data(u64),
    /// Before the line end after a chunk's data.
    DataEnd,
    Trailers(Box<Scanner>),
    Ended,
}

impl Decoder {
    pub(crate) fn new(limits: HeadLimits) -> Self {
        Self { state: State::Size(0), extensions: 0, limits }
    }

    /// Takes what it can use from the front of `input`.
    pub(crate) fn decode(&mut self, input: &mut BytesMut) -> Result<Decoded, &'static str> {
        loop {
            match &mut self.state {
                State::Size(seen) => {
                    let found = memchr::memchr(b'\n', input.get(*seen..).unwrap_or_default());
                    let Some(end) = found.map(|found| *seen + found) else {
                        *seen = input.len();
                        check_partial(input)?;
                        return Ok(Decoded::NeedMore);
                    };
                    let line = input.split_to(end + 1);
                    let (size, extension) = size_line(&line)?;
                    self.extensions += extension;
                    if self.extensions > MAX_EXTENSIONS {
                        return Err("the chunk extensions have too many bytes");
                    }
                    self.state = if size == 0 {
                        State::Trailers(Box::new(Scanner::new(Kind::Trailers)))
                    } else {
                        State::Data(size)
                    };
                }
                State::Data(left) => {
                    if input.is_empty() {
                        return Ok(Decoded::NeedMore);
                    }
                    let part = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                    *left -= u64::try_from(part).unwrap_or(u64::MAX);
                    if *left == 0 {
                        self.state = State::DataEnd;
                    }
                    return Ok(Decoded::Data(input.split_to(part).freeze()));
                }
                State::DataEnd => match input.as_ref() {
                    [] | [b'\r'] => return Ok(Decoded::NeedMore),
                    [b'\r', b'\n', ..] => {
                        input.advance(2);
                        self.state = State::Size(0);
                    }
                    _ => return Err("a chunk's data does not end with CRLF"),
                },
                State::Trailers(scanner) => {
                    let Some(length) = scanner.scan(input, &self.limits).map_err(|refusal| refusal.reason)? else {
                        return Ok(Decoded::NeedMore);
                    };
                    let scanner = std::mem::replace(scanner.as_mut(), Scanner::new(Kind::Trailers));
                    self.state = State::Ended;
                    let section = input.split_to(length).freeze();
                    let read = fields::read(&section, scanner.lines(), 0).map_err(|refusal| refusal.reason)?;
                    if read.seen.any(Seen::OPTION) {
                        return Err(MISPLACED);
                    }
                    return Ok(Decoded::End(accept_trailers(read.headers.into())?));
                }
                State::Ended => return Ok(Decoded::End(None)),
            }
        }
    }

    /// Takes an end without trailers, if it is what follows the data: so that the last data is known to be the last
    /// while it is passed on.
    pub(crate) fn take_plain_end(&mut self, input: &mut BytesMut) -> bool {
        const END: &[u8] = b"\r\n0\r\n\r\n";
        let ended = matches!(self.state, State::DataEnd) && input.starts_with(END);
        if ended {
            input.advance(END.len());
            self.state = State::Ended;
        }
        ended
    }

    /// A lower bound of what is still to come.
    pub(crate) fn remaining(&self) -> u64 {
        match self.state {
            State::Data(left) => left,
            _ => 0,
        }
    }
}

/// Refuses at once what can become no chunk-size line.
fn check_partial(line: &[u8]) -> Result<(), &'static str> {
    // The CR of its end may be here already.
    if line.len() > MAX_LINE + 1 {
        return Err("a chunk-size line is too long");
    }
    match line.iter().position(|byte| !byte.is_ascii_hexdigit()) {
        Some(0) => Err("a chunk has no size"),
        Some(at) if at > 16 => Err("a chunk size is too large"),
        Some(at) => match line.get(at..) {
            Some([b';', ..] | [b'\r']) => Ok(()),
            _ => Err("a chunk size is followed by something else than an extension"),
        },
        None if line.len() > 16 => Err("a chunk size is too large"),
        None => Ok(()),
    }
}

/// The size in a line and the length of its extensions. RFC 9112 section 7.1.1: a recipient MUST ignore extensions that
/// it does not know, and ought to bound them; white space before them ("bad" white space) is refused.
fn size_line(line: &[u8]) -> Result<(u64, usize), &'static str> {
    let Some(line) = line.strip_suffix(b"\r\n") else {
        return Err("a chunk-size line does not end with CRLF");
    };
    if line.len() > MAX_LINE {
        return Err("a chunk-size line is too long");
    }
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (size, extension) = line.split_at(digits);
    if size.is_empty() {
        return Err("a chunk has no size");
    }
    if size.len() > 16 {
        return Err("a chunk size is too large");
    }
    match extension {
        [] => {}
        [b';', ..] if are_extensions(extension) => {}
        [b';', ..] => return Err("a chunk extension is malformed"),
        _ => return Err("a chunk size is followed by something else than an extension"),
    }
    let size = size.iter().fold(0_u64, |size, &byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            _ => (byte | 0x20) - b'a' + 10,
        };
        (size << 4) | u64::from(digit)
    });
    // A size that no counter of a next hop can hold with a sign is no honest one.
    if size > u64::MAX >> 1 {
        return Err("a chunk size is too large");
    }
    Ok((size, extension.len()))
}

/// RFC 9112 section 7.1.1: `";" name [ "=" ( token / quoted-string ) ]`, again and again; with white space around the parts
/// (RFC 9110 section 5.6.3). A quote that does not end in the line is how two readers come to find two line ends.
fn are_extensions(mut rest: &[u8]) -> bool {
    let skip_token = |bytes: &mut &[u8]| {
        let length = bytes.iter().take_while(|&&byte| is_token(byte)).count();
        *bytes = bytes.get(length..).unwrap_or_default();
        length > 0
    };
    while let [b';', after @ ..] = rest {
        rest = trim_start(after);
        if !skip_token(&mut rest) {
            return false;
        }
        rest = trim_start(rest);
        let [b'=', value @ ..] = rest else { continue };
        rest = trim_start(value);
        let valid = if let [b'"', quoted @ ..] = rest {
            let end = quoted_end(quoted);
            rest = end.and_then(|end| quoted.get(end..)).unwrap_or_default();
            end.is_some()
        } else {
            skip_token(&mut rest)
        };
        if !valid {
            return false;
        }
        rest = trim_start(rest);
    }
    rest.is_empty()
}

/// Where a quoted string ends, its closing quote included: RFC 9110 section 5.6.4.
fn quoted_end(quoted: &[u8]) -> Option<usize> {
    let mut escaped = false;
    for (at, &byte) in quoted.iter().enumerate() {
        match byte {
            _ if !matches!(byte, b'\t' | b' '..=b'~') => return None,
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

const MISPLACED: &str = "a trailer section has a field of framing or routing";

/// RFC 9110 section 6.5.1: fields of framing, routing, request modifiers, authentication, or those that say how to read
/// the content, MUST NOT be in a trailer section. Framing and routing in the wrong place are an attack: refused.
/// The others have no effect where they stand: left out.
pub(crate) fn accept_trailers(mut fields: HeaderMap) -> Result<Option<HeaderMap>, &'static str> {
    if fields.keys().any(is_refused) {
        return Err(MISPLACED);
    }
    if !fields.keys().all(is_field_name) {
        return Err("a trailer section has a field name with an invalid character");
    }
    strip_forbidden_trailers(&mut fields);
    Ok((!fields.is_empty()).then_some(fields))
}

/// Takes out what no trailer section may have, whatever it came from.
pub(crate) fn strip_forbidden_trailers(fields: &mut HeaderMap) {
    // One look at each name is cheaper than a lookup of each that might be there.
    while let Some(name) = fields.keys().find(|name| is_forbidden(name)).cloned() {
        fields.remove(name);
    }
}

fn is_refused(name: &HeaderName) -> bool {
    matches!(name.as_str(), "transfer-encoding" | "content-length" | "host" | "connection")
}

fn is_forbidden(name: &HeaderName) -> bool {
    is_refused(name)
        || matches!(
            name.as_str(),
            "trailer"
                | "te"
                | "upgrade"
                | "expect"
                | "max-forwards"
                | "authorization"
                | "proxy-authorization"
                | "cookie"
                | "set-cookie"
                | "content-encoding"
                | "content-type"
                | "content-range"
                | "keep-alive"
        )
}
