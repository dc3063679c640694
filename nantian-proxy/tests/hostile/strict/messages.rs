//! What the fields of an HTTP/2 message may be (RFC 9113 section 8), and the message that they make.

use super::fields::{self, Fields, Framing, authority_of_target, is_host, is_token};
use super::{Answer, Request, Side, text};

/// The head of a message whose body follows.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) pseudo: Vec<(String, String)>,
    fields: Fields,
    framing: Framing,
    /// The answer has no content, whatever its length says.
    bodyless: bool,
}

type Found<T> = Result<T, &'static str>;

/// A request as an origin gets it from a gateway: with `:authority`, in origin form, and nothing of another connection.
pub(crate) fn request(all: &Fields) -> Found<Head> {
    let (pseudo, fields) = split(all, &[":method", ":scheme", ":authority", ":path"])?;
    let value = |name: &str| pseudo.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
    let (Some(method), Some(scheme), Some(authority), Some(path)) =
        (value(":method"), value(":scheme"), value(":authority"), value(":path"))
    else {
        return Err("a pseudo-header is missing");
    };
    if method.is_empty() || !method.bytes().all(is_token) {
        return Err("the method is no token");
    }
    if !["http", "https"].contains(&scheme) {
        return Err("the scheme is neither http nor https");
    }
    if !is_host(authority) {
        return Err("an invalid :authority");
    }
    authority_of_target(method, path, Side::Origin)?;
    if fields.iter().any(|(name, _)| name == "host") {
        return Err("a Host beside :authority");
    }
    let framing = fields::framing_of_request(&fields, method, 1, Side::Origin)?;
    Ok(Head { pseudo, fields, framing, bodyless: false })
}

/// An answer to a request of this method.
pub(crate) fn answer(all: &Fields, method: &str) -> Found<Head> {
    let (pseudo, fields) = split(all, &[":status"])?;
    let [(_, status)] = pseudo.as_slice() else { return Err("no :status") };
    if status.len() != 3
        || !status.bytes().all(|byte| byte.is_ascii_digit())
        || !(b'1'..=b'5').contains(&status.as_bytes()[0])
    {
        return Err("the status is none");
    }
    if status == "101" {
        return Err("an answer 101 in HTTP/2");
    }
    let number = status.parse().map_err(|_| "the status is none")?;
    let framing = fields::framing_of_answer(&fields, method, number)?;
    let bodyless = method == "HEAD" || status == "204" || status == "304";
    Ok(Head { pseudo, fields, framing, bodyless })
}

/// RFC 9113 section 8.1: trailers have no pseudo-headers.
pub(crate) fn trailers(all: &Fields) -> Found<()> {
    let (_, fields) = split(all, &[])?;
    if fields.iter().any(|(name, _)| fields::is_forbidden_in_trailers(name)) {
        return Err("a trailer section has a field of framing or routing");
    }
    Ok(())
}

type Pseudo = Vec<(String, String)>;

/// RFC 9113 sections 8.2 and 8.3: pseudo-headers of these names, each once and before the others; names in lower case,
/// values without control characters and without white space around them, and nothing of a connection.
fn split(all: &Fields, known: &[&str]) -> Found<(Pseudo, Fields)> {
    let (mut pseudo, mut fields) = (Pseudo::new(), Fields::new());
    for (name, value) in all {
        let is_value = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
        if !value.iter().all(is_value) {
            return Err("a value has a control character");
        }
        if value.trim_ascii().len() != value.len() {
            return Err("a value has white space around it");
        }
        if name.starts_with(':') {
            if !fields.is_empty() || pseudo.iter().any(|(found, _)| found == name) || !known.contains(&name.as_str()) {
                return Err("a pseudo-header after a field, twice, or of no known name");
            }
            pseudo.push((name.clone(), text(value)));
            continue;
        }
        if name.is_empty() || !name.bytes().all(|byte| is_token(byte) && !byte.is_ascii_uppercase()) {
            return Err("a field name is no token in lower case");
        }
        let connection =
            ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "http2-settings"];
        if connection.contains(&name.as_str()) || (name == "te" && value != b"trailers") {
            return Err("a field of a connection");
        }
        fields.push((name.clone(), value.clone()));
    }
    Ok((pseudo, fields))
}

impl Head {
    pub(crate) fn is_interim(&self) -> bool {
        self.pseudo.iter().any(|(name, value)| name == ":status" && value.starts_with('1'))
    }

    fn pseudo(&self, name: &str) -> String {
        self.pseudo.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// RFC 9113 section 8.1.1.
    fn framing_of(&self, body: &[u8]) -> Found<Framing> {
        match self.framing {
            _ if self.bodyless && body.is_empty() => Ok(Framing::None),
            _ if self.bodyless => Err("DATA of an answer that has no body"),
            Framing::Length(length) if length != body.len() => Err("Content-Length differs from the DATA"),
            Framing::Length(length) => Ok(Framing::Length(length)),
            _ if body.is_empty() => Ok(Framing::None),
            // A body whose end the stream tells is what chunks are in HTTP/1.1.
            _ => Ok(Framing::Chunked),
        }
    }

    pub(crate) fn into_request(mut self, body: Vec<u8>, trailers: Fields) -> Found<Request> {
        let framing = self.framing_of(&body)?;
        self.fields.push(("host".to_owned(), self.pseudo(":authority").into_bytes()));
        let (method, target) = (self.pseudo(":method"), self.pseudo(":path"));
        Ok(Request { method, target, minor: 1, fields: self.fields, framing, body, trailers })
    }

    pub(crate) fn into_answer(self, body: Vec<u8>, trailers: Fields, keeps_alive: bool) -> Found<Answer> {
        let framing = self.framing_of(&body)?;
        let status = self.pseudo(":status").parse().map_err(|_| "the status is none")?;
        Ok(Answer { status, fields: self.fields, framing, body, trailers, keeps_alive })
    }
}
