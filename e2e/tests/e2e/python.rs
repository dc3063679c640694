//! The clients and servers in Python, below `clients/`.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::gateway::eventually;

fn command(script: &str) -> Command {
    let python =
        std::env::var_os("NANTIAN_PYTHON").expect("NANTIAN_PYTHON names the interpreter: run `cargo xtask test`");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("clients").join(script);
    let mut command = Command::new(python);
    command.arg("-B").arg(path).stdin(Stdio::null());
    for proxy in ["http_proxy", "https_proxy", "grpc_proxy"] {
        command.env_remove(proxy).env_remove(proxy.to_uppercase());
    }
    command
}

/// A server that prints its port first. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) fn start(script: &str) -> Self {
        let mut child = command(script).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap_or_else(|_| panic!("{script} printed {line:?}, not its port"));
        Self { child, port }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _already_gone = self.child.wait();
    }
}

/// A client that says that it is where the test wants it, and stays there until it is dropped.
pub(crate) struct Session(Child);

impl Session {
    /// Starts it and waits for what it says.
    pub(crate) fn start(script: &str, arguments: &[&str]) -> Self {
        let mut command = command(script);
        let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "{script} {arguments:?} ended");
        Self(child)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _status = eventually("the client ends", || self.0.try_wait().unwrap());
    }
}

/// Runs a client to its end and returns the lines that it printed: one for each thing that held.
pub(crate) fn run(script: &str, arguments: &[&str]) -> Vec<String> {
    let output = command(script).args(arguments).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{script}:\n{printed}{}", String::from_utf8_lossy(&output.stderr));
    printed.lines().map(str::to_owned).collect()
}
