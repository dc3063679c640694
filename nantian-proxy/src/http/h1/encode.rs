//! Heads and bodies as bytes. No I/O.
//!
//! The framing fields of what we write are ours alone: those of a message are dropped and written anew from what its
//! body is, so that every message has exactly one framing.

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, DATE, HOST, HeaderMap, HeaderName, HeaderValue, TE, UPGRADE};
use http::{Method, StatusCode, Version};
use http_body::{Body as _, Frame};

use super::chunked::strip_forbidden_trailers;
use super::framing::{Framing, digits};
use crate::http::content::is_bodyless;
use crate::http::{Body, Headers, Pipe, Request, buffers, date};

/// Chunks of a body up to this size are copied into the buffer of the head; larger ones are written from where they are.
pub(super) const COPY_UP_TO: usize = 4096;
/// Room for a usual head and a chunk that is copied behind it.
const ROOM: usize = 1024 + COPY_UP_TO;

/// Bytes on their way out.
#[derive(Debug, Default)]
pub(crate) struct Output {
    queue: std::collections::VecDeque<Bytes>,
    queued: usize,
    tail: BytesMut,
    /// What was written at once of late: a buffer of that size needs not grow.
    usual: usize,
    /// What follows in a pipe.
    piped: Option<Pipe>,
    /// Whether the transport may still hold what was written to it.
    unflushed: bool,
    /// Whether what waits has let others go first.
    yielded: bool,
}

impl Output {
    pub(crate) fn len(&self) -> usize {
        self.queued + self.tail.len() + self.piped.as_ref().map_or(0, Pipe::len)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether anything waits that is not in a pipe.
    pub(crate) fn has_parts(&self) -> bool {
        self.queued + self.tail.len() > 0
    }

    /// Lets a part of a body follow that is in a pipe. Nothing may be appended before it was written.
    pub(crate) fn push_pipe(&mut self, pipe: Pipe) {
        if let Some(emptied) = self.piped.replace(pipe) {
            emptied.rest();
        }
    }

    /// What waits in a pipe, behind the parts. An empty one is to be taken out.
    pub(super) fn pipe(&mut self) -> &mut Option<Pipe> {
        &mut self.piped
    }

    /// Whether nothing waits, neither here nor in the transport.
    pub(crate) fn is_written(&self) -> bool {
        self.is_empty() && !self.unflushed
    }

    /// The transport holds nothing any more.
    pub(crate) fn flushed(&mut self) {
        self.unflushed = false;
        self.yielded = false;
    }

    /// True once for what waits: it is to let others go first.
    pub(super) fn must_yield(&mut self) -> bool {
        !std::mem::replace(&mut self.yielded, true)
    }

    /// The buffer to write small things into.
    pub(crate) fn tail(&mut self) -> &mut BytesMut {
        if self.tail.capacity() == 0 {
            self.tail = buffers::take(self.usual.max(ROOM));
        }
        &mut self.tail
    }

    /// Appends a part of a body.
    pub(crate) fn push(&mut self, data: Bytes) {
        if data.len() <= COPY_UP_TO {
            self.tail().extend_from_slice(&data);
            return;
        }
        if !self.tail.is_empty() {
            let front = self.tail.split().freeze();
            self.queued += front.len();
            self.queue.push_back(front);
        }
        self.queued += data.len();
        self.queue.push_back(data);
    }

    /// The parts in their order.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.queue.iter().map(Bytes::as_ref).chain(std::iter::once(self.tail.as_ref())).filter(|part| !part.is_empty())
    }

    /// All of what waits, if it is in one part.
    pub(crate) fn only_part(&self) -> Option<&[u8]> {
        match (self.queue.len(), self.tail.is_empty()) {
            (0, _) => Some(&self.tail),
            (1, true) => self.queue.front().map(Bytes::as_ref),
            _ => None,
        }
    }

    /// Takes `count` written bytes from the front.
    pub(crate) fn advance(&mut self, mut count: usize) {
        self.unflushed = true;
        while let Some(front) = self.queue.front_mut() {
            let part = front.len().min(count);
            self.queued -= part;
            count -= part;
            if part < front.len() {
                let _ = take_front(front, part);
                return;
            }
            self.queue.pop_front();
        }
        if count >= self.tail.len() {
            self.usual = self.tail.len().max(self.usual / 2);
            self.tail.clear();
        } else {
            let _ = self.tail.split_to(count);
        }
    }

    /// Keeps no more than what waits, when the peer does not take it.
    pub(crate) fn settle(&mut self) {
        if self.tail.capacity() == 0 {
            return;
        }
        for part in &mut self.queue {
            if part.len() <= COPY_UP_TO {
                *part = Bytes::copy_from_slice(part);
            }
        }
        self.rest();
    }

    /// Lets others have the buffer, once it was written.
    pub(crate) fn rest(&mut self) {
        if self.tail.is_empty() {
            buffers::give(std::mem::take(&mut self.tail));
        }
    }

    /// Gives memory back, when the connection rests.
    pub(crate) fn release(&mut self) {
        if self.is_empty() {
            self.rest();
            self.queue = std::collections::VecDeque::new();
        }
    }
}

/// Takes bytes from the front. A little that is left must not keep the whole read that it came with.
pub(crate) fn take_front(bytes: &mut Bytes, count: usize) -> Bytes {
    let front = bytes.split_to(count);
    if bytes.len() <= COPY_UP_TO && bytes.len() + front.len() > COPY_UP_TO {
        *bytes = Bytes::copy_from_slice(bytes);
    }
    front
}

/// Writes a body in its framing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoder {
    framing: Framing,
    left: u64,
    trailers: bool,
    ended: bool,
}

impl Encoder {
    /// `trailers`: whether the recipient takes them.
    pub(crate) fn new(framing: Framing, trailers: bool) -> Self {
        let left = if let Framing::Length(length) = framing { length } else { 0 };
        Self { framing, left, trailers, ended: framing == Framing::None }
    }

    /// Bytes of the body that are to follow, where that is known.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// Whether nothing more may be written.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Whether what a pipe brings can be written: nothing is put around it.
    pub(crate) fn takes_pipes(&self) -> bool {
        !self.ended && matches!(self.framing, Framing::Length(_))
    }

    /// Counts bytes that a pipe brings.
    pub(crate) fn piped(&mut self, count: usize) -> Result<(), &'static str> {
        self.count(u64::try_from(count).unwrap_or(u64::MAX))
    }

    fn count(&mut self, length: u64) -> Result<(), &'static str> {
        self.left = self.left.checked_sub(length).ok_or("the body is longer than its Content-Length")?;
        self.ended = self.left == 0;
        Ok(())
    }

    /// Writes a frame. Fails if the body does not fit what the head said; the message cannot be saved then.
    pub(crate) fn frame(&mut self, frame: Frame<Bytes>, out: &mut Output) -> Result<(), &'static str> {
        match frame.into_data() {
            Ok(data) => self.data(data, out),
            Err(frame) => {
                if let Ok(mut trailers) = frame.into_trailers() {
                    strip_forbidden_trailers(&mut trailers);
                    self.finish(Some(&trailers), out)?;
                }
                Ok(())
            }
        }
    }

    fn data(&mut self, data: Bytes, out: &mut Output) -> Result<(), &'static str> {
        let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
        // An empty chunk would be the last one.
        if length == 0 {
            return Ok(());
        }
        match self.framing {
            // What a handler says after the end of a body that must not be (HEAD, 204, 304) is not written.
            Framing::None => {}
            Framing::Length(_) => {
                self.count(length)?;
                out.push(data);
            }
            Framing::Chunked => {
                if self.ended {
                    return Err("data after the end of the body");
                }
                put_hex(out.tail(), length);
                out.push(data);
                out.tail().put_slice(b"\r\n");
            }
            Framing::UntilClose => out.push(data),
        }
        Ok(())
    }

    /// Writes the end.
    pub(crate) fn finish(&mut self, trailers: Option<&HeaderMap>, out: &mut Output) -> Result<(), &'static str> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        match self.framing {
            Framing::Length(_) if self.left > 0 => return Err("the body is shorter than its Content-Length"),
            Framing::Chunked => {
                let out = out.tail();
                out.put_slice(b"0\r\n");
                if let Some(trailers) = trailers.filter(|_| self.trailers) {
                    for (name, value) in trailers {
                        put_field(out, name, value.as_bytes());
                    }
                }
                out.put_slice(b"\r\n");
            }
            _ => {}
        }
        Ok(())
    }
}

fn put_hex(out: &mut BytesMut, mut number: u64) {
    let mut digits = [0_u8; 18];
    let mut at = 16;
    for (slot, byte) in digits.iter_mut().skip(16).zip(b"\r\n") {
        *slot = *byte;
    }
    for slot in digits.iter_mut().take(16).rev() {
        if number == 0 {
            break;
        }
        *slot = *b"0123456789abcdef".get(usize::try_from(number & 15).unwrap_or_default()).unwrap_or(&b'0');
        number >>= 4;
        at -= 1;
    }
    out.put_slice(digits.get(at..).unwrap_or_default());
}

fn put_field(out: &mut BytesMut, name: &HeaderName, value: &[u8]) {
    out.reserve(name.as_str().len() + value.len() + 4);
    out.put_slice(name.as_str().as_bytes());
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

fn put_length(out: &mut BytesMut, length: u64) {
    out.put_slice(b"content-length: ");
    out.put_slice(itoa::Buffer::new().format(length).as_bytes());
    out.put_slice(b"\r\n");
}

/// What a field is to a writer of heads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Written as it is.
    Plain,
    /// Written as it is, and not added then.
    Date,
    Host,
    /// Ours to write, see [`crate::http::hop_by_hop`] for what a proxy drops.
    Ours,
    Length,
    Te,
    Upgrade,
}

fn role(name: &HeaderName) -> Role {
    match name.as_str() {
        "te" => Role::Te,
        "date" => Role::Date,
        "host" => Role::Host,
        "upgrade" => Role::Upgrade,
        "content-length" => Role::Length,
        "connection" | "transfer-encoding" | "keep-alive" | "proxy-connection" => Role::Ours,
        _ => Role::Plain,
    }
}

/// The body's length, as far as it is known: what it says itself, else what the head says.
fn length_of(body: &Body, headers: &Headers) -> Option<u64> {
    body.size_hint().exact().or_else(|| headers.get(CONTENT_LENGTH).and_then(|value| digits(value.as_bytes())))
}

/// What an answer's connection and request ask of its head.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResponseContext<'a> {
    /// The request's method.
    pub(crate) method: &'a Method,
    /// The request's version.
    pub(crate) version: Version,
    /// Whether the connection can be used again.
    pub(crate) keep_alive: bool,
    /// Whether the client takes trailers (RFC 9110 section 6.5.1).
    pub(crate) trailers: bool,
}

/// Writes a final answer's head. Returns how its body is written, and whether the connection can be used again.
pub(crate) fn response_head(
    status: StatusCode,
    headers: &Headers,
    body: &Body,
    context: ResponseContext<'_>,
    out: &mut Output,
) -> (Encoder, bool) {
    // RFC 9110 section 9.3.6: after a 2xx answer to CONNECT comes the tunnel, without any framing.
    let tunnel = *context.method == Method::CONNECT && status.is_success();
    let head_only = is_bodyless(status) || tunnel || *context.method == Method::HEAD;
    let length = length_of(body, headers);
    let framing = match (length, context.version) {
        _ if head_only => Framing::None,
        (Some(0), _) => Framing::None,
        (Some(length), _) => Framing::Length(length),
        (None, Version::HTTP_11) => Framing::Chunked,
        // RFC 9112 section 6.1: never Transfer-Encoding to a client of HTTP/1.0.
        (None, _) => Framing::UntilClose,
    };
    let keep_alive = context.keep_alive && framing != Framing::UntilClose;
    let out = out.tail();
    put_status_line(out, status);
    let mut dated = false;
    for (name, value) in headers {
        match role(name) {
            Role::Ours | Role::Length | Role::Upgrade => {}
            role => {
                dated |= role == Role::Date;
                put_field(out, name, value.as_bytes());
            }
        }
    }
    // RFC 9110 section 6.6.1: who forwards an answer without Date adds it.
    if !dated && !status.is_informational() {
        put_field(out, &DATE, date::now().as_bytes());
    }
    match framing {
        Framing::Length(length) => put_length(out, length),
        Framing::Chunked => out.put_slice(b"transfer-encoding: chunked\r\n"),
        Framing::None if !head_only => put_length(out, 0),
        // An answer to HEAD may say what GET would get (RFC 9110 section 8.6); an absent body says nothing about that.
        Framing::None if *context.method == Method::HEAD || status == StatusCode::NOT_MODIFIED => {
            let length = headers.get(CONTENT_LENGTH).and_then(|value| digits(value.as_bytes()));
            if let Some(length) = length.or(body.size_hint().exact().filter(|&length| length > 0))
                && status != StatusCode::NO_CONTENT
            {
                put_length(out, length);
            }
        }
        Framing::None | Framing::UntilClose => {}
    }
    if status == StatusCode::SWITCHING_PROTOCOLS {
        out.put_slice(b"connection: upgrade\r\n");
        for value in headers.get_all(UPGRADE) {
            put_field(out, &UPGRADE, value.as_bytes());
        }
    } else if !keep_alive {
        out.put_slice(b"connection: close\r\n");
    } else if context.version == Version::HTTP_10 {
        out.put_slice(b"connection: keep-alive\r\n");
    }
    out.put_slice(b"\r\n");
    (Encoder::new(framing, context.trailers), keep_alive)
}

fn put_status_line(out: &mut BytesMut, status: StatusCode) {
    if status == StatusCode::OK {
        out.put_slice(b"HTTP/1.1 200 OK\r\n");
        return;
    }
    out.put_slice(b"HTTP/1.1 ");
    out.put_slice(status.as_str().as_bytes());
    out.put_slice(b" ");
    out.put_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.put_slice(b"\r\n");
}

/// Writes an interim answer. It has no body and no framing (RFC 9110 section 15.2).
pub(crate) fn interim_head(status: StatusCode, headers: &Headers, out: &mut Output) {
    let out = out.tail();
    put_status_line(out, status);
    for (name, value) in headers {
        if !matches!(role(name), Role::Ours | Role::Length | Role::Upgrade) {
            put_field(out, name, value.as_bytes());
        }
    }
    out.put_slice(b"\r\n");
}

/// Which fields a request has that are not simply copied.
#[derive(Default)]
struct SeenInRequest {
    length: bool,
    te: bool,
    upgrade: bool,
}

/// Writes a request's head, always of HTTP/1.1, in origin form unless it is CONNECT or `*`, with one Host. `address` is
/// the host if the request has none. Returns how its body is written.
pub(crate) fn request_head(request: &Request<Body>, address: std::net::SocketAddr, out: &mut Output) -> Encoder {
    let (method, uri, headers) = (request.method(), request.uri(), request.headers());
    let out = out.tail();
    out.put_slice(method.as_str().as_bytes());
    out.put_slice(b" ");
    match (uri.path_and_query(), uri.authority()) {
        (None, Some(authority)) if *method == Method::CONNECT => out.put_slice(authority.as_str().as_bytes()),
        (Some(target), _) => out.put_slice(target.as_str().as_bytes()),
        (None, _) => out.put_slice(b"/"),
    }
    out.put_slice(b" HTTP/1.1\r\n");
    // RFC 9112 section 3.2: Host SHOULD be the first field.
    match (headers.get(HOST), uri.authority()) {
        (Some(host), _) => put_field(out, &HOST, host.as_bytes()),
        (None, Some(authority)) => put_field(out, &HOST, authority.as_str().as_bytes()),
        (None, None) => put_field(out, &HOST, address.to_string().as_bytes()),
    }
    let mut seen = SeenInRequest::default();
    for (name, value) in headers {
        match role(name) {
            Role::Ours | Role::Host => {}
            Role::Length => seen.length = true,
            Role::Te => seen.te = true,
            Role::Upgrade => seen.upgrade = true,
            Role::Plain | Role::Date => put_field(out, name, value.as_bytes()),
        }
    }
    let length = length_of(request.body(), headers);
    let framing = match length {
        Some(0) => Framing::None,
        Some(length) => Framing::Length(length),
        None => Framing::Chunked,
    };
    match framing {
        Framing::Length(length) => put_length(out, length),
        Framing::Chunked => out.put_slice(b"transfer-encoding: chunked\r\n"),
        // RFC 9110 section 8.6: a user agent SHOULD send a length of zero where the method expects a body.
        _ if seen.length || matches!(*method, Method::POST | Method::PUT | Method::PATCH) => put_length(out, 0),
        _ => {}
    }
    if seen.te || seen.upgrade {
        put_connection(out, headers);
    }
    out.put_slice(b"\r\n");
    Encoder::new(framing, true)
}

/// RFC 9110 sections 7.8 and 10.1.4: `Upgrade` and `TE` have to be named by `Connection`.
fn put_connection(out: &mut BytesMut, headers: &Headers) {
    let trailers = takes_trailers(headers);
    let upgrade = headers.contains_key(UPGRADE);
    match (trailers, upgrade) {
        (true, true) => out.put_slice(b"te: trailers\r\nconnection: te, upgrade\r\n"),
        (true, false) => out.put_slice(b"te: trailers\r\nconnection: te\r\n"),
        (false, true) => out.put_slice(b"connection: upgrade\r\n"),
        (false, false) => {}
    }
    for value in headers.get_all(UPGRADE) {
        put_field(out, &UPGRADE, value.as_bytes());
    }
}

/// Whether `TE` names `trailers`.
pub(crate) fn takes_trailers(headers: &Headers) -> bool {
    headers.get_all(TE).any(|value: &HeaderValue| {
        value.as_bytes().split(|&byte| byte == b',').any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
    })
}
