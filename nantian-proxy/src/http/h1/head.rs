//! Message heads: bytes in, a head out, or the answer to what is none. No I/O.
//!
//! Strict on purpose: whatever RFC 9112 leaves to the recipient's mercy is refused, because the next recipient may
//! read it otherwise, and two readings of one head are how one request becomes two.

use bytes::Bytes;
use http::header::{EXPECT, HOST, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri, Version};
use smallvec::SmallVec;
use thiserror::Error;

use super::encode;
use super::fields::{Fields, Seen, read};
use super::framing::{self, Framing};
use crate::http::{Headers, HttpSettings, normalize};

/// Why a message is not read on, and the answer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Refusal {
    /// What a client is answered. Of a backend's message it says nothing.
    pub status: StatusCode,
    /// What is wrong.
    pub reason: &'static str,
}

impl Refusal {
    pub(crate) const fn new(status: StatusCode, reason: &'static str) -> Self {
        Self { status, reason }
    }

    pub(crate) const fn bad(reason: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }
}

pub(super) const TOO_LARGE: StatusCode = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;

/// Bounds of a head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeadLimits {
    pub(crate) bytes: usize,
    pub(crate) fields: usize,
    pub(crate) uri: usize,
}

impl From<&HttpSettings> for HeadLimits {
    fn from(settings: &HttpSettings) -> Self {
        Self { bytes: settings.max_header_bytes, fields: settings.max_header_fields, uri: settings.max_uri_bytes }
    }
}

/// What a first line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Request,
    Response,
    /// None: a trailer section.
    Trailers,
}

/// Finds the lines of a head as its bytes arrive; a byte is looked at once.
#[derive(Debug)]
pub(crate) struct Scanner {
    kind: Kind,
    /// Start and end of each line, without its CRLF.
    lines: SmallVec<[(usize, usize); 24]>,
    line_start: usize,
    scanned: usize,
    blank_skipped: bool,
}

impl Scanner {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, lines: SmallVec::new(), line_start: 0, scanned: 0, blank_skipped: false }
    }

    /// Looks at `input`, which starts where the head starts and has grown since the last call. Returns the length of the
    /// head once it is complete.
    pub(crate) fn scan(&mut self, input: &[u8], limits: &HeadLimits) -> Result<Option<usize>, Refusal> {
        let from = self.scanned;
        for found in memchr::memchr_iter(b'\n', input.get(from..).unwrap_or_default()) {
            let line_feed = from + found;
            let line = input.get(self.line_start..line_feed).unwrap_or_default();
            // RFC 9112 section 2.2 allows a bare LF to be taken for a line end; that is one reading too many.
            let Some((b'\r', line)) = line.split_last() else {
                return Err(Refusal::bad("a line does not end with CRLF"));
            };
            let (start, end) = (self.line_start, self.line_start + line.len());
            self.scanned = line_feed + 1;
            self.line_start = self.scanned;
            if start < end {
                self.check_start(input, start)?;
                if self.kind == Kind::Response && self.lines.is_empty() && !line.starts_with(b"HTTP/1.") {
                    return Err(Refusal::bad("the status line does not start with a version of HTTP/1"));
                }
                self.lines.push((start, end));
                self.check_limits(self.scanned, limits)?;
            } else if self.lines.is_empty() && self.kind == Kind::Request {
                // RFC 9112 section 2.2: an empty line before a request line SHOULD be ignored. One is enough.
                if std::mem::replace(&mut self.blank_skipped, true) {
                    return Err(Refusal::bad("more than one empty line before the request line"));
                }
            } else if self.lines.is_empty() && self.kind == Kind::Response {
                return Err(Refusal::bad("an empty line in place of a status line"));
            } else {
                self.check_limits(self.scanned, limits)?;
                return Ok(Some(self.scanned));
            }
        }
        self.scanned = input.len();
        if self.line_start < input.len() {
            self.check_start(input, self.line_start)?;
        }
        self.check_limits(input.len(), limits)?;
        Ok(None)
    }

    /// Refuses at the first byte of a line what can be no line, so that nonsense gets its answer at once.
    fn check_start(&self, input: &[u8], start: usize) -> Result<(), Refusal> {
        let first = self.lines.is_empty() && self.kind != Kind::Trailers;
        match input.get(start) {
            Some(b'\r') => Ok(()),
            // RFC 9112 section 5.2: a server MUST refuse obs-fold, or replace it.
            Some(b' ' | b'\t') => Err(Refusal::bad("a line starts with white space: folded fields are not taken")),
            Some(&byte) if !is_token(byte) && first => Err(Refusal::bad("the first line is not one of HTTP")),
            Some(&byte) if !is_token(byte) => Err(Refusal::bad("a field name has an invalid character")),
            _ => Ok(()),
        }
    }

    fn check_limits(&self, bytes: usize, limits: &HeadLimits) -> Result<(), Refusal> {
        // Method, spaces, version and line end beside the target.
        if self.kind == Kind::Request && self.lines.is_empty() && bytes - self.line_start > limits.uri + 64 {
            return Err(Refusal::new(StatusCode::URI_TOO_LONG, "the request target is too long"));
        }
        let first_line = usize::from(self.kind != Kind::Trailers);
        if bytes > limits.bytes {
            return Err(Refusal::new(TOO_LARGE, "the header section has too many bytes"));
        }
        if self.lines.len() > limits.fields + first_line {
            return Err(Refusal::new(TOO_LARGE, "the header section has too many fields"));
        }
        Ok(())
    }

    /// The lines of a complete head.
    pub(crate) fn lines(&self) -> &[(usize, usize)] {
        &self.lines
    }

    /// Forgets them, for the next head.
    pub(crate) fn reset(&mut self) {
        self.lines.clear();
        (self.line_start, self.scanned, self.blank_skipped) = (0, 0, false);
    }
}

/// A request head.
#[derive(Debug)]
pub(crate) struct RequestHead {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) version: Version,
    pub(crate) headers: Headers,
    pub(crate) framing: Framing,
    pub(crate) keep_alive: bool,
    /// The client waits for a 100 answer before it sends the body.
    pub(crate) expect_continue: bool,
    /// The client takes trailers.
    pub(crate) trailers: bool,
}

/// Fields that a proxy adds to a request.
const ROOM: usize = 6;

/// Reads a complete request head.
pub(crate) fn request(head: &Bytes, lines: &[(usize, usize)], limits: &HeadLimits) -> Result<RequestHead, Refusal> {
    let Some((&(start, end), fields)) = lines.split_first() else {
        return Err(Refusal::bad("there is no request line"));
    };
    let line = head.slice(start..end);
    let (method, target, version) = request_line(&line, limits)?;
    let uri = request_target(&method, target)?;
    let mut fields = read(head, fields, ROOM)?;
    one_host(&uri, version, &mut fields)?;
    let framing = framing::of_request(&method, version, &mut fields)?;
    let keep_alive = framing::keeps_alive(version, &fields);
    let expect_continue = expects_continue(version, framing, &fields)?;
    let trailers = fields.seen.any(Seen::TE) && encode::takes_trailers(&fields.headers);
    Ok(RequestHead { method, uri, version, headers: fields.headers, framing, keep_alive, expect_continue, trailers })
}

fn request_line(line: &Bytes, limits: &HeadLimits) -> Result<(Method, Bytes, Version), Refusal> {
    // RFC 9112 section 3: exactly one SP between the three parts; anything else is an invitation to smuggle.
    let mut spaces = memchr::memchr_iter(b' ', line);
    let (Some(first), Some(second), None) = (spaces.next(), spaces.next(), spaces.next()) else {
        return Err(Refusal::bad("the request line is not method, target and version with one space between"));
    };
    let method = line.get(..first).unwrap_or_default();
    if method.len() > 32 {
        return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, "the method is too long to be one"));
    }
    let method = Method::from_bytes(method).map_err(|_| Refusal::bad("the method is no token"))?;
    let version = match line.get(second + 1..).unwrap_or_default() {
        b"HTTP/1.1" => Version::HTTP_11,
        b"HTTP/1.0" => Version::HTTP_10,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            return Err(Refusal::new(
                StatusCode::HTTP_VERSION_NOT_SUPPORTED,
                "only HTTP/1.0 and HTTP/1.1 are spoken here",
            ));
        }
        _ => return Err(Refusal::bad("the request line does not end with a version")),
    };
    let target = line.slice(first + 1..second);
    if target.len() > limits.uri {
        return Err(Refusal::new(StatusCode::URI_TOO_LONG, "the request target is too long"));
    }
    Ok((method, target, version))
}

/// RFC 9112 section 3.2: the four forms of a target, each only where it belongs.
fn request_target(method: &Method, target: Bytes) -> Result<Uri, Refusal> {
    if !target.iter().all(|&byte| is_target(byte)) || target.is_empty() {
        return Err(Refusal::bad("the request target has an invalid character"));
    }
    if *method == Method::CONNECT {
        let host = std::str::from_utf8(&target).ok().filter(|_| !target.contains(&b'/'));
        let valid = host.and_then(|host| normalize::host(host).ok()).is_some_and(|host| host.port.is_some());
        return if valid { uri(target) } else { Err(Refusal::bad("the target of CONNECT is not host:port")) };
    }
    if target.first() == Some(&b'/') {
        return uri(target);
    }
    if target.as_ref() == b"*" {
        return if *method == Method::OPTIONS { uri(target) } else { Err(Refusal::bad("only OPTIONS can ask for *")) };
    }
    let uri = uri(target)?;
    match (uri.scheme_str(), uri.authority()) {
        (Some("http" | "https"), Some(authority)) if normalize::host(authority.as_str()).is_ok() => Ok(uri),
        _ => Err(Refusal::bad("the request target is neither a path nor an http URI with a valid host")),
    }
}

fn uri(target: Bytes) -> Result<Uri, Refusal> {
    Uri::from_maybe_shared(target).map_err(|_| Refusal::bad("the request target is no URI"))
}

/// RFC 9112 section 3.2: a server MUST refuse an HTTP/1.1 request without Host, and any with more than one or an
/// invalid one; section 3.2.2: the host of an absolute target replaces that of Host.
fn one_host(uri: &Uri, version: Version, fields: &mut Fields) -> Result<(), Refusal> {
    let Fields { headers, seen, .. } = fields;
    if seen.any(Seen::HOST_AGAIN) {
        return Err(Refusal::bad("more than one Host field"));
    }
    match headers.get(HOST) {
        None if version == Version::HTTP_11 => return Err(Refusal::bad("no Host field")),
        None => {}
        Some(host) => {
            let valid = host.to_str().is_ok_and(|host| normalize::host(host).is_ok());
            if !valid {
                return Err(Refusal::bad("the Host field is no valid host"));
            }
        }
    }
    if let (Some(_), Some(authority)) = (uri.scheme(), uri.authority()) {
        let value = HeaderValue::from_str(authority.as_str()).map_err(|_| Refusal::bad("the host is invalid"))?;
        headers.insert(HOST, value);
    }
    Ok(())
}

/// RFC 9110 section 10.1.1: an expectation other than `100-continue` MAY be answered with 417; one of an HTTP/1.0
/// client MUST be ignored.
fn expects_continue(version: Version, framing: Framing, fields: &Fields) -> Result<bool, Refusal> {
    if !fields.seen.any(Seen::EXPECT) {
        return Ok(false);
    }
    let mut values = fields.headers.get_all(EXPECT);
    match (values.next(), values.next()) {
        (None, _) => Ok(false),
        (Some(value), None) if value.as_bytes().eq_ignore_ascii_case(b"100-continue") => {
            Ok(version == Version::HTTP_11 && framing != Framing::None)
        }
        _ => Err(Refusal::new(StatusCode::EXPECTATION_FAILED, "the only known expectation is 100-continue")),
    }
}

/// A response head.
#[derive(Debug)]
pub(crate) struct ResponseHead {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) fields: Fields,
}

/// Reads a complete response head; its framing depends on the request, see [`framing::of_response`].
pub(crate) fn response(head: &Bytes, lines: &[(usize, usize)]) -> Result<ResponseHead, Refusal> {
    let Some((&(start, end), fields)) = lines.split_first() else {
        return Err(Refusal::bad("there is no status line"));
    };
    let line = head.get(start..end).unwrap_or_default();
    let (version, rest) = match line.split_at_checked(9) {
        Some((b"HTTP/1.1 ", rest)) => (Version::HTTP_11, rest),
        Some((b"HTTP/1.0 ", rest)) => (Version::HTTP_10, rest),
        _ => return Err(Refusal::bad("the status line does not start with a version of HTTP/1")),
    };
    // RFC 9112 section 4: the reason phrase may be empty; the space before it is often left out, and harmless.
    let (code, reason) = match rest.split_at_checked(3) {
        Some((code, [])) => (code, &[][..]),
        Some((code, [b' ', reason @ ..])) => (code, reason),
        _ => return Err(Refusal::bad("the status line has no status of three digits")),
    };
    if !code.iter().all(u8::is_ascii_digit) || !reason.iter().all(|&byte| is_value(byte)) {
        return Err(Refusal::bad("the status line has an invalid character"));
    }
    // RFC 9110 section 15: values outside 100 to 599 are invalid.
    let status = StatusCode::from_bytes(code).ok().filter(|status| status.as_u16() < 600);
    let status = status.ok_or(Refusal::bad("the status is none"))?;
    Ok(ResponseHead { status, version, fields: read(head, fields, 0)? })
}

pub(crate) fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

pub(crate) fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

/// RFC 9110 section 5.6.2.
pub(crate) const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

/// Whether a name is a token. `http` takes a quotation mark in names of HTTP/2, which a reader of HTTP/1.1 refuses.
pub(crate) fn is_field_name(name: &HeaderName) -> bool {
    name.as_str().bytes().all(is_token)
}

const fn is_value(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

/// What browsers send in a target beside RFC 3986's characters is let through; what no reader agrees on is not: control
/// characters, white space, non-ASCII bytes, a fragment, and delimiters of quoted text.
pub(crate) const fn is_target(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b'#' | b'"' | b'<' | b'>')
}
