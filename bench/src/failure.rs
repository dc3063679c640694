//! Why a comparison ends without a result.

use std::fmt;
use std::io::Error;
use std::path::Path;

/// What it is told.
const USAGE: &str = "nantian-bench --nantian BINARY [--dataplane BINARY] [--envoy BINARY] [--pingora BINARY] [--quick] \
    [--rounds N] [--results FILE] [--part jobs|durations|growth|log|workers|streams|reloads|idle|memory|endurance] [--jobs LETTERS] [--hostile]";

/// Why.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Flags that make no sense.
    Usage(String),
    /// A file.
    File(String, Error),
    /// A program that did not start.
    Start(String, Error),
    /// A program that did not do its part.
    Program(String),
    /// Answers that are not what was asked for.
    Answers {
        /// In which job.
        workload: &'static str,
        /// What is wrong.
        what: String,
    },
}

impl Failure {
    pub(crate) fn file(path: &Path, error: Error) -> Self {
        Self::File(path.display().to_string(), error)
    }

    pub(crate) fn start(program: &str, error: Error) -> Self {
        Self::Start(program.to_owned(), error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(what) => write!(f, "{what}; usage: {USAGE}"),
            Self::File(path, error) => write!(f, "{path}: {error}"),
            Self::Start(program, error) => write!(f, "cannot run `{program}` ({error}): is it installed?"),
            Self::Program(what) => f.write_str(what),
            Self::Answers { workload, what } => write!(f, "workload {workload}: {what}"),
        }
    }
}

impl std::error::Error for Failure {}
