//! Running child processes.

use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Why a command of `cargo xtask` failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Flags that make no sense.
    #[error("{0}")]
    Usage(String),
    /// A program that could not be started.
    #[error("cannot run `{line}`: {error}")]
    Start {
        /// What was to be run.
        line: String,
        /// Why it was not.
        error: std::io::Error,
    },
    /// A program that ended badly.
    #[error("`{line}` failed ({status})")]
    Status {
        /// What was run.
        line: String,
        /// How it ended.
        status: String,
    },
    /// A file that could not be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which one.
        path: String,
        /// Why not.
        error: std::io::Error,
    },
    /// Faults that were found and already printed.
    #[error("{0}")]
    Found(String),
}

impl Failure {
    /// What to make of an error with this file.
    pub(crate) fn file(path: impl AsRef<Path>) -> impl Fn(std::io::Error) -> Self {
        move |error| Self::File { path: path.as_ref().display().to_string(), error }
    }
}

/// One child process to be run. Standard input is closed: nothing here may ask questions.
pub(crate) struct Step {
    command: Command,
}

impl Step {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Self { command }
    }

    /// The cargo that runs this very program, in `folder`.
    pub(crate) fn cargo(folder: &Path) -> Self {
        Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())).inside(folder)
    }

    /// Runs it in `folder`.
    pub(crate) fn inside(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    fn line(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    /// Runs it; its output goes where ours goes.
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        let line = self.line();
        println!("$ {line}");
        flush();
        let status = self.command.status().map_err(|error| Failure::Start { line: line.clone(), error })?;
        if status.success() { Ok(()) } else { Err(Failure::Status { line, status: status.to_string() }) }
    }

    /// Becomes it, with our standard input. Returns only if it cannot be started.
    pub(crate) fn replace(mut self) -> Result<(), Failure> {
        let line = self.line();
        Err(Failure::Start { line, error: self.command.stdin(Stdio::inherit()).exec() })
    }

    /// Runs it and returns what it printed to standard output. What it says to standard error is shown if it fails.
    pub(crate) fn read(mut self) -> Result<String, Failure> {
        let line = self.line();
        let output = self.command.output().map_err(|error| Failure::Start { line: line.clone(), error })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        Err(Failure::Status { line, status: output.status.to_string() })
    }

    /// Runs it, shows each line of its standard output and keeps it. The flag tells whether it ended well.
    pub(crate) fn watch(mut self) -> Result<(bool, String), Failure> {
        let line = self.line();
        println!("$ {line}");
        flush();
        self.command.stdout(Stdio::piped());
        let start = |error| Failure::Start { line: line.clone(), error };
        let mut child = self.command.spawn().map_err(start)?;
        let mut text = String::new();
        if let Some(stdout) = child.stdout.take() {
            for printed in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                let printed = String::from_utf8_lossy(&printed);
                println!("{printed}");
                text.push_str(&printed);
                text.push('\n');
            }
        }
        flush();
        let status = child.wait().map_err(start)?;
        Ok((status.success(), text))
    }
}

fn flush() {
    // A closed pipe must not turn a passing run into a panic; the child will meet the same pipe and say so.
    let _closed = std::io::stdout().flush();
}

/// How long something took, as people say it.
pub(crate) struct Took(pub(crate) Duration);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if seconds >= 60 {
            write!(f, "{} min {:02} s", seconds / 60, seconds % 60)
        } else {
            write!(f, "{:.1} s", self.0.as_secs_f32())
        }
    }
}

/// Runs `work` under a heading and tells how long it took.
pub(crate) fn timed<T>(heading: &str, work: impl FnOnce() -> T) -> (T, Took) {
    println!("\n=== {heading}");
    let began = Instant::now();
    let result = work();
    (result, Took(began.elapsed()))
}
