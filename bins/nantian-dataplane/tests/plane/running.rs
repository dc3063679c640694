//! The binary while it runs.

use std::net::SocketAddr;
use std::process::Stdio;

use nantian_xds::transport::CredentialFiles;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use crate::control_plane::soon;
use crate::http::get;

/// What stands in its file.
pub(crate) struct Settings(Value);

impl Settings {
    pub(crate) fn plaintext(control_plane: &str) -> Self {
        Self::new(control_plane, &json!({"enabled": false}))
    }

    pub(crate) fn mutual(control_plane: &str, files: &CredentialFiles) -> Self {
        Self::new(control_plane, &serde_json::to_value(files).unwrap())
    }

    fn new(control_plane: &str, tls: &Value) -> Self {
        Self(json!({
            "node": {"id": "node-1"},
            "controlPlane": {"address": control_plane, "serverName": "control", "tls": tls},
            "engine": {
                "workers": 2, "admin": {"address": "127.0.0.1:0"}, "accessLog": {"format": "off"},
                "drain": {"delay": "500ms", "timeout": "30s"},
            },
        }))
    }
}

fn command(folder: &tempfile::TempDir, config: &str) -> Command {
    let path = folder.path().join("config.yaml");
    std::fs::write(&path, config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_nantian-dataplane"));
    command.arg("--config").arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    for variable in ["NANTIAN_GW_NODE_ID", "NANTIAN_GW_CLUSTER", "NANTIAN_GW_CONTROL_PLANE_ADDR", "POD_NAMESPACE"] {
        command.env_remove(variable);
    }
    command.kill_on_drop(true);
    command
}

/// Runs one that cannot start: its exit code, and what it says.
pub(crate) async fn refused(config: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = soon(command(&folder, config).output()).await.unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// A data plane; ended when dropped.
pub(crate) struct Running {
    child: Child,
    events: Lines<BufReader<ChildStderr>>,
    admin: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Running {
    pub(crate) async fn start(Settings(settings): &Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = command(&folder, &settings.to_string()).spawn().unwrap();
        let events = BufReader::new(child.stderr.take().unwrap()).lines();
        let admin = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut running = Self { child, events, admin, _folder: folder };
        running.admin = running.told("started").await["admin"].as_str().unwrap().parse().unwrap();
        running
    }

    /// The next event with this name; others are passed over.
    pub(crate) async fn told(&mut self, name: &str) -> Value {
        loop {
            let line = soon(self.events.next_line()).await.unwrap();
            let line = line.unwrap_or_else(|| panic!("it ended without {name}"));
            let event: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no event: {line}"));
            if event["event"] == name {
                return event;
            }
        }
    }

    pub(crate) async fn admin(&self, path: &str) -> (u16, String) {
        soon(get(self.admin, path)).await.unwrap()
    }

    /// Asks whether it is ready until the answer has this status and text; what a process tells and what it answers are
    /// of two threads.
    pub(crate) async fn readiness(&self, status: u16, text: &str) {
        let answered = async {
            loop {
                let (got, body) = self.admin("/readyz").await;
                if got == status && body.contains(text) {
                    return;
                }
            }
        };
        soon(answered).await;
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let (status, body) = self.admin(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Where a listener listens.
    pub(crate) async fn listener(&self, name: &str) -> SocketAddr {
        let listeners = self.json("/v1/listeners").await;
        let listener = listeners.as_array().unwrap().iter().find(|listener| listener["name"] == name).unwrap();
        listener["address"].as_str().unwrap().parse().unwrap()
    }

    /// What the kernel says of its memory, all mappings together, in KiB (proc(5), `smaps_rollup`).
    pub(crate) fn kib(&self, field: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id().unwrap())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Sends a signal by name, for example `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// Its exit code, once it has ended.
    pub(crate) async fn end(&mut self) -> Option<i32> {
        soon(self.child.wait()).await.unwrap().code()
    }
}
