//! The least HTTP/1.1 client: one request for each connection, read to its end.

use std::fmt::Write as _;
use std::io::Read as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpStream};

use serde_json::Value;

use crate::harness::{GUARD, eventually};

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// What an echo backend tells.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no echo: {self:?}"))
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Asks once; `None` if the connection cannot be made or ends without an answer.
pub(crate) fn request(port: u16, method: &str, target: &str, headers: &[(&str, &str)]) -> Option<Answer> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(GUARD)).expect("a time limit");
    let mut text = format!("{method} {target} HTTP/1.1\r\nconnection: close\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        text.push_str("host: localhost\r\n");
    }
    for (name, value) in headers {
        write!(text, "{name}: {value}\r\n").unwrap();
    }
    text.push_str("\r\n");
    stream.write_all(text.as_bytes()).ok()?;
    let mut bytes = Vec::new();
    // A reset after the answer is no matter.
    let _ = stream.read_to_end(&mut bytes);
    parse(&String::from_utf8_lossy(&bytes))
}

/// GET without headers.
pub(crate) fn get(port: u16, target: &str) -> Option<Answer> {
    request(port, "GET", target, &[])
}

/// Status of a GET; 0 without an answer.
pub(crate) fn status(port: u16, target: &str) -> u16 {
    get(port, target).map_or(0, |answer| answer.status)
}

/// Asks until the status is this.
pub(crate) fn until(port: u16, target: &str, wanted: u16) -> Answer {
    eventually(&format!("{wanted} for {target}"), || get(port, target).filter(|answer| answer.status == wanted))
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let body = if chunked { unchunked(body) } else { body.to_owned() };
    Some(Answer { status, head: head.to_owned(), body })
}

fn unchunked(mut text: &str) -> String {
    let mut body = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        body.push_str(&rest[..size]);
        text = &rest[size + 2..];
    }
    body
}
