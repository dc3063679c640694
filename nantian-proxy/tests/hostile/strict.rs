//! A strict reading of HTTP/1.1 message streams: RFC 9112 and 9110, byte for byte, with no repair at all; `frames` reads
//! HTTP/2 in the same way. It shares no code with the proxy or its libraries, so that a mistake of the one is not a
//! mistake of the other.
//!
//! Where the RFCs leave a choice between repairing and refusing, this refuses. Three things are let through on purpose:
//! what browsers send in a target although RFC 3986 has no place for it (`{}|\^` and the backtick, and in a query a `%`
//! that begins no escape, see the URL Standard), bytes above 127 in field values (obs-text), and `_` in hosts.

mod fields;
pub(crate) mod frames;
mod hpack;
mod messages;
#[cfg(test)]
mod tests;

pub(crate) use fields::{Fields, Framing, value_of};
use fields::{Seen, framing_of_answer, framing_of_request, host_of_request, is_token};

/// Where a stream of requests was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// On its way into the gateway: valid, although a proxy has something to do with it (HTTP/1.0, absolute targets,
    /// fields that `Connection` names).
    Client,
    /// On its way out: canonical, in origin form, with nothing left of the connection that it came on.
    Origin,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    /// The digit after `HTTP/1.`.
    pub(crate) minor: u8,
    pub(crate) fields: Fields,
    pub(crate) framing: Framing,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Fields,
}

/// One answer, interim ones included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: Fields,
    pub(crate) framing: Framing,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Fields,
    /// Whether another answer may follow on the connection.
    pub(crate) keeps_alive: bool,
}

/// How a stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// After a complete message.
    Clean,
    /// In the middle of one.
    Incomplete,
    /// What follows this offset is no HTTP any more: CONNECT, 101, or the bytes after a last message.
    Other(usize),
    Violation(&'static str, usize),
}

/// Why a message cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Incomplete,
    Violation(&'static str, usize),
}

impl From<Stop> for End {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Incomplete => Self::Incomplete,
            Stop::Violation(reason, at) => Self::Violation(reason, at),
        }
    }
}

/// Reads requests to the end of `bytes`.
pub(crate) fn requests(bytes: &[u8], side: Side) -> (Vec<Request>, End) {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        match request(bytes, at, side) {
            Ok((request, end)) => {
                at = end;
                let last = request.method == "CONNECT" || !keeps_alive(request.minor, &request.fields);
                found.push(request);
                if last && at < bytes.len() {
                    return (found, End::Other(at));
                }
            }
            Err(stop) => return (found, stop.into()),
        }
    }
    (found, End::Clean)
}

/// Reads one request at `at`; returns it and where it ends.
pub(crate) fn request(bytes: &[u8], at: usize, side: Side) -> Result<(Request, usize), Stop> {
    let mut cursor = Cursor { bytes, at };
    let start = cursor.at;
    let line = cursor.line()?;
    let bad = |reason| Stop::Violation(reason, start);
    let mut parts = line.split(|&byte| byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(bad("the request line has not three parts with one space between"));
    };
    if method.is_empty() || !method.iter().all(|&byte| is_token(byte)) {
        return Err(bad("the method is no token"));
    }
    let minor = match (version, side) {
        (b"HTTP/1.1", _) => 1,
        (b"HTTP/1.0", Side::Client) => 0,
        _ => return Err(bad("the version is not HTTP/1.1")),
    };
    let (method, target) = (text(method), text(target));
    let authority = fields::authority_of_target(&method, &target, side).map_err(bad)?;
    let head = cursor.fields(Section::Head)?;
    host_of_request(&head, minor, authority.as_deref(), side).map_err(bad)?;
    let framing = framing_of_request(&head, &method, minor, side).map_err(bad)?;
    if side == Side::Origin {
        fields::nothing_of_another_connection(&head).map_err(bad)?;
    }
    let (body, trailers) = cursor.body(framing, side)?;
    Ok((Request { method, target, minor, fields: head, framing, body, trailers }, cursor.at))
}

/// Reads answers to requests of these methods, in their order. `closed`: whether `bytes` end with the connection.
pub(crate) fn answers(bytes: &[u8], methods: &[&str], closed: bool) -> (Vec<Answer>, End) {
    let (mut found, mut at) = (Vec::new(), 0);
    let mut methods = methods.iter();
    while at < bytes.len() {
        let read = |method| answer(bytes, at, method, closed);
        let peeked = methods.clone().next().copied().unwrap_or("GET");
        match read(peeked) {
            Ok((answer, end)) => {
                at = end;
                let switched = answer.status == 101 || (peeked == "CONNECT" && answer.status / 100 == 2);
                if answer.status >= 200 {
                    methods.next();
                }
                let last = switched || !answer.keeps_alive;
                found.push(answer);
                if last && at < bytes.len() {
                    return (found, End::Other(at));
                }
            }
            Err(stop) => return (found, stop.into()),
        }
    }
    (found, End::Clean)
}

/// Reads one answer at `at`; returns it and where it ends.
pub(crate) fn answer(bytes: &[u8], at: usize, method: &str, closed: bool) -> Result<(Answer, usize), Stop> {
    let mut cursor = Cursor { bytes, at };
    let start = cursor.at;
    let line = cursor.line()?;
    let bad = |reason| Stop::Violation(reason, start);
    let Some(rest) = line.strip_prefix(b"HTTP/1.1 ") else {
        return Err(bad("the status line does not start with HTTP/1.1"));
    };
    let Some((code, [b' ', _reason @ ..])) = rest.split_at_checked(3) else {
        return Err(bad("the status line has no status with a space after it"));
    };
    if !code.iter().all(u8::is_ascii_digit) || !(b'1'..=b'5').contains(&code[0]) {
        return Err(bad("the status is none"));
    }
    let status: u16 = text(code).parse().map_err(|_| bad("the status is none"))?;
    let head = cursor.fields(Section::Head)?;
    let framing = framing_of_answer(&head, method, status).map_err(bad)?;
    if framing == Framing::UntilClose && !closed {
        return Err(Stop::Incomplete);
    }
    let (body, trailers) = cursor.body(framing, Side::Client)?;
    let keeps_alive = framing != Framing::UntilClose && keeps_alive(1, &head);
    Ok((Answer { status, fields: head, framing, body, trailers, keeps_alive }, cursor.at))
}

fn keeps_alive(minor: u8, fields: &Fields) -> bool {
    let options = fields::list(fields, "connection");
    let has = |option: &str| options.iter().any(|found| found == option);
    !has("close") && (minor == 1 || has("keep-alive"))
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Head,
    Trailers,
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// RFC 9112 section 2.2: a line ends with CRLF; a CR or LF alone, and any other control character but HTAB, is
    /// nothing that may be in it.
    fn line(&mut self) -> Result<&'a [u8], Stop> {
        let start = self.at;
        for (index, &byte) in self.bytes.iter().enumerate().skip(start) {
            match byte {
                b'\n' => return Err(Stop::Violation("a bare LF", index)),
                b'\r' => {
                    return match self.bytes.get(index + 1) {
                        None => Err(Stop::Incomplete),
                        Some(b'\n') => {
                            self.at = index + 2;
                            Ok(&self.bytes[start..index])
                        }
                        Some(_) => Err(Stop::Violation("a bare CR", index)),
                    };
                }
                b'\t' | b' '..=b'~' | 0x80.. => {}
                _ => return Err(Stop::Violation("a control character", index)),
            }
        }
        Err(Stop::Incomplete)
    }

    /// RFC 9112 section 5: `field-name ":" OWS field-value OWS CRLF`, and an empty line after the last one.
    fn fields(&mut self, section: Section) -> Result<Fields, Stop> {
        let mut found = Fields::new();
        loop {
            let start = self.at;
            let bad = |reason| Stop::Violation(reason, start);
            if matches!(self.bytes.get(start), Some(b' ' | b'\t')) {
                return Err(bad("a line starts with white space"));
            }
            let line = self.line()?;
            if line.is_empty() {
                return Ok(found);
            }
            let Some(colon) = line.iter().position(|&byte| byte == b':') else {
                return Err(bad("a field line has no colon"));
            };
            let name = &line[..colon];
            if name.is_empty() || !name.iter().all(|&byte| is_token(byte)) {
                return Err(bad("a field name is no token"));
            }
            let name = text(name).to_ascii_lowercase();
            if section == Section::Trailers && fields::is_forbidden_in_trailers(&name) {
                return Err(bad("a trailer section has a field of framing or routing"));
            }
            let value = line[colon + 1..].trim_ascii();
            found.push((name, value.to_vec()));
        }
    }

    fn body(&mut self, framing: Framing, side: Side) -> Result<(Vec<u8>, Fields), Stop> {
        match framing {
            Framing::None => Ok((Vec::new(), Fields::new())),
            Framing::Length(length) => Ok((self.take(length)?.to_vec(), Fields::new())),
            Framing::UntilClose => Ok((self.take(self.bytes.len() - self.at)?.to_vec(), Fields::new())),
            Framing::Chunked => self.chunks(side),
        }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Stop> {
        let end = self.at.checked_add(length).ok_or(Stop::Violation("an overflow", self.at))?;
        let taken = self.bytes.get(self.at..end).ok_or(Stop::Incomplete)?;
        self.at = end;
        Ok(taken)
    }

    /// RFC 9112 section 7.1.
    fn chunks(&mut self, side: Side) -> Result<(Vec<u8>, Fields), Stop> {
        let mut body = Vec::new();
        loop {
            let start = self.at;
            let line = self.line()?;
            let length = fields::chunk_size(line, side).map_err(|reason| Stop::Violation(reason, start))?;
            if length == 0 {
                return Ok((body, self.fields(Section::Trailers)?));
            }
            body.extend_from_slice(self.take(length)?);
            for wanted in *b"\r\n" {
                match self.bytes.get(self.at) {
                    None => return Err(Stop::Incomplete),
                    Some(&byte) if byte == wanted => self.at += 1,
                    Some(_) => return Err(Stop::Violation("a chunk's data does not end with CRLF", self.at)),
                }
            }
        }
    }
}

/// What a reader can tell of a message whose end has not come: whether the head is complete.
pub(crate) fn head_is_complete(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|window| window == b"\r\n\r\n")
}

/// Whether a request waits for 100 before it sends its body.
pub(crate) fn expects_continue(bytes: &[u8]) -> bool {
    head_is_complete(bytes) && text(bytes).to_ascii_lowercase().contains("\r\nexpect: 100-continue\r\n")
}

impl Request {
    /// Names of fields that stand for something: each with its value.
    pub(crate) fn seen(&self) -> Seen {
        Seen::of(&self.fields)
    }
}
