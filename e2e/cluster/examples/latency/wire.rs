//! HTTP/1.1, one request for each connection.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

use crate::Outcome;
use crate::objects::host;

const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_millis(100);

/// A connection whose making does not wait for the second SYN.
fn connect(address: &str) -> Outcome<TcpStream> {
    let stream = TcpStream::connect_timeout(&address.parse()?, CONNECT)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// The status of an answer, and all of it as text.
fn ask(mut stream: impl Read + Write, request: &str) -> Outcome<(u16, String)> {
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).ok_or("an answer without a status")?.parse()?;
    Ok((status, answer))
}

fn request(host: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

/// Nothing to say where it is right; else what came: a status, or why there was none.
pub(crate) type Answer = Result<(), String>;

/// What is answered to a host.
pub(crate) fn get(address: &str, host: &str) -> Outcome<(u16, String)> {
    ask(connect(address)?, &request(host))
}

/// An answer that should be 200.
pub(crate) fn is_ok(answer: Outcome<(u16, String)>) -> Answer {
    match answer {
        Ok((200, _)) => Ok(()),
        Ok((status, _)) => Err(status.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// A certificate of one host, and who believes in it.
pub(crate) struct Trust {
    certificate: String,
    key: String,
    client: Arc<ClientConfig>,
}

impl Trust {
    /// Of the Secret, and of the host.
    pub(crate) const NAME: &str = "secure";

    pub(crate) fn new() -> Outcome<Self> {
        let made = rcgen::generate_simple_self_signed([host(Self::NAME)])?;
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone())?;
        let client = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        Ok(Self { certificate: made.cert.pem(), key: made.signing_key.serialize_pem(), client: Arc::new(client) })
    }

    pub(crate) fn secret(&self) -> Value {
        let [certificate, key] = [&self.certificate, &self.key].map(|pem| BASE64_STANDARD.encode(pem));
        json!({
            "metadata": {"name": Self::NAME}, "type": "kubernetes.io/tls",
            "data": {"tls.crt": certificate, "tls.key": key},
        })
    }

    /// What is answered over TLS.
    pub(crate) fn get(&self, address: &str, host: &str) -> Outcome<(u16, String)> {
        let tls = ClientConnection::new(Arc::clone(&self.client), host.to_owned().try_into()?)?;
        ask(StreamOwned::new(tls, connect(address)?), &request(host))
    }
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
        let (status, answer) = ask(connect(Self::ADDRESS)?, &request)?;
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
