//! The API server's HTTP, through `kubectl proxy` and a socket in the file system: that is reached from outside of the
//! network namespace.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A running `kubectl proxy`, ended when dropped.
pub(crate) struct Proxied {
    proxy: Child,
    folder: tempfile::TempDir,
}

impl Proxied {
    pub(crate) fn start(mut kubectl: Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = format!("--unix-socket={}", folder.path().join("api").display());
        let proxy = kubectl.args(["proxy", &socket]).stdout(Stdio::null()).spawn().unwrap();
        let proxied = Self { proxy, folder };
        let began = Instant::now();
        while UnixStream::connect(proxied.socket()).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "kubectl proxy does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        proxied
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("api")
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, "");
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub(crate) fn post(&self, path: &str, object: &Value) -> (u16, Value) {
        self.ask("POST", path, &object.to_string())
    }

    /// One request of HTTP/1.0, whose answer ends with its connection.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}")))
    }
}

impl Drop for Proxied {
    fn drop(&mut self) {
        // It may have ended with its cluster.
        let _ended = self.proxy.kill();
        let _waited = self.proxy.wait();
    }
}
