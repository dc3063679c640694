//! Runs the binary and reads what it tells.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A guard against waiting for ever; nothing is expected to take this long.
pub(crate) const GUARD: Duration = Duration::from_secs(60);

/// A port that is free and that no other test gets. The kernel's own choices are above these.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id().wrapping_mul(101).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 20_000 + u16::try_from(number % 12_000).expect("below 12,000");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// Asks until it is so.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begin.elapsed() < GUARD, "it never came to be: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A folder of objects.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().expect("a folder"));
        for (name, text) in files {
            folder.write(name, text);
        }
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes in place.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.file(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// Writes beside and renames over.
    pub(crate) fn replace(&self, name: &str, text: &str) {
        let beside = self.file(&format!(".{name}.tmp"));
        fs::write(&beside, text).expect("a file");
        fs::rename(beside, self.file(name)).expect("renamed");
    }
}

/// Runs a command to its end.
pub(crate) fn nantian(arguments: &[&str], stdin: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_nantian"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env_remove("NO_COLOR")
        .spawn()
        .expect("the binary starts");
    let mut input = child.stdin.take().expect("standard input");
    // Commands that do not read it close it.
    let _ = input.write_all(stdin.as_bytes());
    drop(input);
    child.wait_with_output().expect("the binary ends")
}

/// What a command wrote to standard output.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// What a command wrote to standard error.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

/// `nantian run`, while it runs.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    /// All events so far.
    pub(crate) events: Vec<Value>,
    errors: Arc<Mutex<String>>,
}

impl Running {
    /// Runs `path` on loopback addresses, without an admin port, with one worker.
    pub(crate) fn start(path: &Path, arguments: &[&str]) -> Self {
        let quiet = ["--output", "json", "--admin", "off", "--bind", "127.0.0.1", "--workers", "1"];
        let mut child = Command::new(env!("CARGO_BIN_EXE_nantian"))
            .arg("run")
            .arg(path)
            .args(quiet)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let (sender, lines) = channel();
        let output = BufReader::new(child.stdout.take().expect("standard output"));
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let errors = Arc::new(Mutex::new(String::new()));
        let (mut output, collected) = (child.stderr.take().expect("standard error"), Arc::clone(&errors));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut buffer) {
                collected.lock().expect("a lock").push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        });
        let mut running = Self { child, lines, events: Vec::new(), errors };
        running
            .wait_for("the start", |event| event["event"] == "notice" && text(event, "message").contains("watching"));
        running
    }

    /// The next event that is like this; earlier ones are passed over, and kept in `events`.
    pub(crate) fn wait_for(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            match self.lines.recv_timeout(GUARD.saturating_sub(begin.elapsed())) {
                Ok(line) => {
                    let event: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
                    assert!(event["event"].is_string(), "an event has a name: {line}");
                    self.events.push(event.clone());
                    if is_it(&event) {
                        return event;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let errors = self.errors.lock().expect("a lock").clone();
                    panic!("{what} was not told; told were {:#?}\nstandard error: {errors}", self.events)
                }
            }
        }
    }

    /// A diagnostic of this code that appears.
    pub(crate) fn wait_for_diagnostic(&mut self, code: &str) -> Value {
        self.wait_for(code, |event| is_diagnostic(event, "new", code))
    }

    /// A diagnostic of this code that goes away.
    pub(crate) fn wait_for_resolved(&mut self, code: &str) -> Value {
        self.wait_for(code, |event| is_diagnostic(event, "resolved", code))
    }

    /// A configuration that serves.
    pub(crate) fn wait_for_applied(&mut self) -> Value {
        self.wait_for("applied", |event| event["event"] == "applied")
    }

    /// Diagnostics that were told so far.
    pub(crate) fn diagnostics(&self) -> Vec<&Value> {
        self.events.iter().filter(|event| event["event"] == "diagnostic" && event["state"] == "new").collect()
    }

    /// Sends a signal by name, for example `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        eventually("the end", || self.child.try_wait().expect("a status"))
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("a status").is_none()
    }
}

fn is_diagnostic(event: &Value, state: &str, code: &str) -> bool {
    event["event"] == "diagnostic" && event["state"] == state && event["code"] == code
}

/// A field's text, or nothing.
pub(crate) fn text<'v>(event: &'v Value, field: &str) -> &'v str {
    event[field].as_str().unwrap_or_default()
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
