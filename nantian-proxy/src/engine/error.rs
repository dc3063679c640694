//! What can go wrong with an engine as a whole, and with parts of a configuration.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use thiserror::Error;

use crate::runtime::Part;

/// Why an engine could not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The admin interface's address cannot be bound.
    #[error("the admin interface cannot listen on {address}: {problem}; {remedy}")]
    Admin {
        /// The configured address.
        address: SocketAddr,
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// A thread could not be started.
    #[error("cannot start the thread {name}: {source}; raise the limit of processes or threads")]
    Thread {
        /// The thread's name.
        name: String,
        /// The system's error.
        source: io::Error,
    },
}

/// A resource of a snapshot that is not served as it stands. Everything else is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Refused {
    /// Which one.
    pub part: Part,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.part, self.message)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        Ok(())
    }
}

/// What became of a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct ApplyReport {
    /// The snapshot's content hash.
    pub version: String,
    /// What is not served as it stands, sorted.
    pub refused: Vec<Refused>,
}

impl ApplyReport {
    /// Whether everything is served.
    pub fn is_complete(&self) -> bool {
        self.refused.is_empty()
    }
}

/// How draining ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct DrainReport {
    /// Connections that still had requests when the time was over.
    pub cut: usize,
}
