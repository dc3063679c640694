//! Why a connection or a stream ends before its time.

use std::io;

use thiserror::Error;

use super::budget::Flood;
use super::reason::Reason;
use crate::http::BodyError;

/// Why an HTTP/2 connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The peer broke the protocol, or went beyond a bound; it was told so with GOAWAY.
    #[error("{what} ({reason})")]
    Broken {
        /// The code that it was told.
        reason: Reason,
        /// What it did.
        what: &'static str,
    },
    /// The peer sent too many frames of one kind.
    #[error("a flood of {0}")]
    Flood(Flood),
    /// The peer ended the connection with GOAWAY and an error.
    #[error("the peer ended the connection: {0}")]
    GoAway(Reason),
}

impl ConnectionError {
    pub(crate) const fn protocol(what: &'static str) -> Self {
        Self::Broken { reason: Reason::PROTOCOL_ERROR, what }
    }

    /// What the peer is told.
    pub(crate) const fn reason(self) -> Reason {
        match self {
            Self::Broken { reason, .. } => reason,
            Self::Flood(_) => Reason::ENHANCE_YOUR_CALM,
            Self::GoAway(_) => Reason::NO_ERROR,
        }
    }
}

impl From<Flood> for ConnectionError {
    fn from(flood: Flood) -> Self {
        Self::Flood(flood)
    }
}

/// Why a stream ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamError {
    /// The peer reset it.
    Reset(Reason),
    /// The peer broke its rules; we have reset it.
    Broken(&'static str),
    /// The peer has certainly done nothing with it (RFC 9113 section 8.7).
    Refused,
    /// We have reset it.
    Cancelled,
    /// The connection ended.
    Closed,
    /// The connection failed.
    Io(io::ErrorKind),
}

impl StreamError {
    /// What `RST_STREAM` says: a stream that was refused was not acted on.
    pub(crate) const fn of_reset(reason: Reason) -> Self {
        if reason.code() == Reason::REFUSED_STREAM.code() { Self::Refused } else { Self::Reset(reason) }
    }
}

impl From<StreamError> for BodyError {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Reset(reason) => Self::Reset(reason),
            StreamError::Broken(what) => Self::Framing(what),
            StreamError::Refused => Self::Reset(Reason::REFUSED_STREAM),
            StreamError::Cancelled => Self::Reset(Reason::CANCEL),
            StreamError::Closed => Self::Truncated,
            StreamError::Io(kind) => Self::Io(kind.into()),
        }
    }
}

impl From<StreamError> for io::Error {
    /// RFC 8441 section 5: a stream that is reset is a TCP connection that is.
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::Io(kind) => kind.into(),
            _ => io::ErrorKind::ConnectionReset.into(),
        }
    }
}
