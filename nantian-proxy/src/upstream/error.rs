//! Why a request got no answer.

use thiserror::Error;

use crate::http::h2::Reason;
use crate::http::{Body, BodyError, Request};

/// A request that got no answer.
#[derive(Debug, Error)]
#[error("{kind}")]
pub struct SendError {
    /// Why.
    pub kind: SendErrorKind,
    /// The request, if nothing of its body was taken: it can be sent again. Whether the backend has acted on it already
    /// is told by [`SendErrorKind::is_unsent`].
    pub request: Option<Request<Body>>,
    /// Whether the connection ended before any byte of an answer, after which an idempotent request can be sent again
    /// (RFC 9110 section 9.2.2).
    pub cut: bool,
}

/// The same of a request that whoever sent it has still.
#[derive(Debug)]
pub(crate) struct Unanswered {
    pub(crate) kind: SendErrorKind,
    /// Whether nothing of its body was taken.
    pub(crate) untouched: bool,
    pub(crate) cut: bool,
}

impl Unanswered {
    /// Nothing of the request was sent.
    pub(super) fn before(kind: SendErrorKind) -> Self {
        Self { kind, untouched: true, cut: false }
    }

    pub(super) fn of(self, request: Request<Body>) -> SendError {
        SendError { kind: self.kind, request: self.untouched.then_some(request), cut: self.cut }
    }
}

/// Why a request got no answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SendErrorKind {
    /// No connection could be made.
    #[error("connecting to the backend failed: {0}")]
    Connect(std::io::Error),
    /// No connection could be made in time.
    #[error("connecting to the backend took too long")]
    ConnectTimeout,
    /// No TLS session could be made, or the backend is not who it has to be.
    #[error("securing the connection to the backend failed: {0}")]
    Tls(std::io::Error),
    /// The backend has as many requests in work as it may, and none of them ended in time.
    #[error("the backend has as many requests in work as it may")]
    Full,
    /// The backend closed the connection without an answer.
    #[error("the backend closed the connection without an answer")]
    Closed,
    /// What the backend sent is no valid answer.
    #[error("the backend's answer is invalid: {0}")]
    Protocol(&'static str),
    /// The backend refused the stream before it looked at it (HTTP/2 `REFUSED_STREAM` or GOAWAY).
    #[error("the backend did not take the request")]
    Refused,
    /// The backend reset the stream (HTTP/2).
    #[error("the backend reset the stream: {0}")]
    Reset(Reason),
    /// Reading or writing failed.
    #[error("the connection to the backend failed: {0}")]
    Io(std::io::Error),
    /// The request's body could not be read to its end.
    #[error("reading the request's body failed: {0}")]
    RequestBody(BodyError),
}

impl SendErrorKind {
    /// Whether the backend has certainly not acted on the request, so that even one that is not idempotent can be sent
    /// again.
    pub fn is_unsent(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::ConnectTimeout | Self::Tls(_) | Self::Full | Self::Refused)
    }

    /// A word for metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Connect(_) => "connect",
            Self::ConnectTimeout => "connect_timeout",
            Self::Tls(_) => "tls",
            Self::Full => "full",
            Self::Closed => "closed",
            Self::Protocol(_) => "protocol",
            Self::Refused => "refused",
            Self::Reset(_) => "reset",
            Self::Io(_) => "io",
            Self::RequestBody(_) => "request_body",
        }
    }
}
