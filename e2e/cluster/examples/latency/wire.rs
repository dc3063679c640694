//! HTTP/1.1, one request for each connection.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::Outcome;

const PATIENCE: Duration = Duration::from_secs(10);

/// The status of an answer, and all of it as text.
pub(crate) fn ask(address: &str, request: &str) -> Outcome<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).ok_or("an answer without a status")?.parse()?;
    Ok((status, answer))
}

/// What is answered to a host.
pub(crate) fn get(address: &str, host: &str) -> Outcome<(u16, String)> {
    ask(address, &format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
}

/// The API server, through `kubectl proxy`.
pub(crate) struct Api(Child);

impl Api {
    const ADDRESS: &str = "127.0.0.1:8901";

    pub(crate) fn start(mut kubectl: Command) -> Outcome<Self> {
        let api = Self(kubectl.args(["proxy", "--port=8901"]).stdout(Stdio::null()).spawn()?);
        while TcpStream::connect(Self::ADDRESS).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(api)
    }

    /// Sends an object; an error unless it is taken.
    pub(crate) fn send(method: &str, path: &str, object: &str) -> Outcome<Value> {
        let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let length = object.len();
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{object}"
        );
        let (status, answer) = ask(Self::ADDRESS, &request)?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or("an answer without a body")?;
        if status >= 300 {
            return Err(format!("{method} {path}: {status} {body}").into());
        }
        Ok(serde_json::from_str(body)?)
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        // It may have ended with its cluster.
        let _ended = self.0.kill();
        let _waited = self.0.wait();
    }
}
