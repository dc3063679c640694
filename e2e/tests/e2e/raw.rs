//! Bytes on a socket, for what no well-behaved client sends, and the cheapest client for polling.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use crate::gateway::PATIENCE;

/// An answer, read until the server closed.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line, fields and body as they came.
    pub(crate) text: String,
}

impl Answer {
    /// What follows the head.
    pub(crate) fn body(&self) -> &str {
        self.text.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }
}

/// Connects to a port of this machine.
pub(crate) fn connect(port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends bytes and reads until the server closes. `None`: nobody listens, or no answer came.
pub(crate) fn exchange(port: u16, request: &[u8]) -> Option<Answer> {
    let mut stream = connect(port).ok()?;
    // A server that has seen enough may answer and close before everything is sent.
    let _sent = stream.write_all(request);
    let mut answer = Vec::new();
    let _until_close_or_reset = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some(Answer { status, text })
}

/// A GET on a connection of its own.
pub(crate) fn get(port: u16, host: &str, path: &str) -> Option<Answer> {
    exchange(port, format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())
}
