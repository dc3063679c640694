//! What can go wrong.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process;

/// Why a cluster could not be made, found, used or removed.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// A name that cannot be one.
    #[error("`{0}` is no name for a cluster: use up to 32 lower-case letters, digits and hyphens, a letter first")]
    Name(String),
    /// There is no such cluster.
    #[error("there is no cluster `{0}`: `cargo xtask cluster up --name {0}` makes it")]
    Absent(String),
    /// Neither `HOME` nor `XDG_CACHE_HOME` tell where to keep things.
    #[error("set HOME or XDG_CACHE_HOME: clusters and their programs are kept below it")]
    NoHome,
    /// A file or folder.
    #[error("{path}: {source}")]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A program that cannot be started.
    #[error("cannot run `{line}`: {source}")]
    Start {
        /// What was to be run.
        line: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A program that failed.
    #[error("`{line}` failed ({status}): {said}")]
    Failed {
        /// What was run.
        line: String,
        /// How it ended.
        status: String,
        /// The end of what it wrote to standard error.
        said: String,
    },
    /// A part that ended while it should run.
    #[error("{part} ended; the last lines of {log}:\n{said}")]
    Ended {
        /// Which part.
        part: String,
        /// Where its log is.
        log: PathBuf,
        /// The end of it.
        said: String,
    },
    /// Something that did not come about.
    #[error("{what} took longer than {seconds} s; logs are in {logs}")]
    Late {
        /// What was waited for.
        what: String,
        /// For how long.
        seconds: u64,
        /// Where to look.
        logs: PathBuf,
    },
    /// The planes did not become ready.
    #[error("{source}; what there is:\n{pods}")]
    NotReady {
        /// What was waited for.
        source: Box<ClusterError>,
        /// The Pods and what was said of them.
        pods: String,
    },
    /// A certificate that could not be made.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// What a program printed is not what it should be.
    #[error("cannot read what `{line}` printed: {source}")]
    Answer {
        /// What was run.
        line: String,
        /// Why not.
        source: serde_json::Error,
    },
    /// No address is left for a Service.
    #[error("all {0} addresses for Services of type LoadBalancer are taken")]
    NoAddress(usize),
}

impl ClusterError {
    /// What the system says of a program that it does not run.
    #[must_use]
    pub fn start(command: &Command, source: std::io::Error) -> Self {
        Self::Start { line: process::line(command), source }
    }

    pub(crate) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::File { path, source }
    }
}
