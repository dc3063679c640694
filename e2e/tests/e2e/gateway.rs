//! The gateway as a process.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::{port, raw};

/// How long anything may take before a test gives up. A guard, not a measure.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `probe` gives something.
pub(crate) fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited {} s in vain: {what}", PATIENCE.as_secs());
        thread::sleep(Duration::from_millis(2));
    }
}

/// The path of the gateway's binary.
pub(crate) fn binary() -> PathBuf {
    let path =
        std::env::var_os("NANTIAN_BIN").expect("NANTIAN_BIN names the gateway: run `cargo xtask test --suite e2e`");
    PathBuf::from(path)
}

/// A running `nantian run FOLDER`. Dropping it kills it.
pub(crate) struct Gateway {
    child: Child,
    folder: tempfile::TempDir,
    admin: u16,
    output: Arc<Mutex<String>>,
}

impl Gateway {
    /// Starts it on a folder with this YAML in `gateway.yaml` and waits until it is ready.
    pub(crate) fn start(yaml: &str) -> Self {
        let gateway = Self::spawn(yaml, &[]);
        gateway.wait_until_ready();
        gateway
    }

    /// The same with this YAML as its configuration.
    pub(crate) fn start_configured(yaml: &str, configuration: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        fs::write(&path, configuration).unwrap();
        let gateway = Self::spawn(yaml, &["--config", path.to_str().unwrap()]);
        gateway.wait_until_ready();
        gateway
    }

    /// Starts it with further arguments and does not wait.
    pub(crate) fn spawn(yaml: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("gateway.yaml"), yaml).unwrap();
        let admin = port::free();
        let mut child = Command::new(binary())
            .arg("run")
            .arg(folder.path())
            .args(["--admin", &format!("127.0.0.1:{admin}")])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the gateway starts");
        let output = Arc::new(Mutex::new(String::new()));
        collect(child.stdout.take().unwrap(), &output);
        collect(child.stderr.take().unwrap(), &output);
        Self { child, folder, admin, output }
    }

    fn wait_until_ready(&self) {
        let deadline = Instant::now() + PATIENCE;
        while raw::get(self.admin, "localhost", "/readyz").is_none_or(|answer| answer.status != 200) {
            assert!(Instant::now() < deadline, "not ready; it said:\n{}", self.output());
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Replaces a file of the folder as an editor does: a new file, renamed over the old one.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let new = self.folder.path().join(format!(".{name}.new"));
        fs::write(&new, text).unwrap();
        fs::rename(new, self.folder.path().join(name)).unwrap();
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A page of the admin port.
    pub(crate) fn admin(&self, path: &str) -> raw::Answer {
        raw::get(self.admin, "localhost", path).expect("the admin port answers")
    }

    /// The sum of a metric over all its series that have this label.
    pub(crate) fn metric(&self, name: &str, label: &str) -> u64 {
        let name = format!("nantian_gateway_dataplane_{name}{{");
        let text = self.admin("/metrics").text;
        let lines = text.lines().filter(|line| line.starts_with(&name) && line.contains(label));
        let values: Vec<u64> = lines.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect();
        assert!(!values.is_empty(), "no metric {name}...{label}");
        values.iter().sum()
    }

    /// What it has printed so far, both streams.
    pub(crate) fn output(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    /// Waits until it has printed this.
    pub(crate) fn wait_for_output(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.output().contains(text) {
            assert!(Instant::now() < deadline, "did not print {text:?}; it said:\n{}", self.output());
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Resident memory.
    pub(crate) fn resident_kib(&self) -> u64 {
        self.status_kib("VmRSS:")
    }

    /// Resident memory but for pages of the binary, which the kernel takes and gives back as it sees fit.
    pub(crate) fn anonymous_kib(&self) -> u64 {
        self.status_kib("RssAnon:")
    }

    fn status_kib(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches("kB").trim().parse().unwrap()
    }

    /// Asks it to end, as Kubernetes does.
    pub(crate) fn terminate(&self) {
        let status = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits until it has ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        eventually("the gateway ends", || self.child.try_wait().unwrap())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
        let _already_gone = self.child.wait();
        if thread::panicking() {
            eprintln!("--- the gateway said:\n{}---", self.output());
        }
    }
}

/// Appends each line that `stream` gives, until it ends.
fn collect(stream: impl Read + Send + 'static, output: &Arc<Mutex<String>>) {
    let output = Arc::clone(output);
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let mut output = output.lock().unwrap();
            output.push_str(&String::from_utf8_lossy(&line));
            output.push('\n');
        }
    });
}

/// A finished `nantian check` and the like.
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) output: String,
}

/// Runs the binary to its end.
pub(crate) fn run(arguments: &[&str]) -> Finished {
    let output = Command::new(binary()).args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    Finished { code: output.status.code(), output: String::from_utf8_lossy(&text).into_owned() }
}
