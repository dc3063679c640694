//! Message bodies: streams of data frames and trailers, with backpressure by polling.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use thiserror::Error;

use super::h1::Incoming;
use super::h1::client::Received;
use super::{Pipe, h2};

/// Why a body ended early.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The peer closed before the end that its framing promised.
    #[error("the body ended early: the peer closed the connection before the promised end")]
    Truncated,
    /// The framing is invalid.
    #[error("the body's framing is invalid: {0}")]
    Framing(&'static str),
    /// Larger than a limit.
    #[error("the body is larger than the limit of {0} bytes")]
    TooLarge(u64),
    /// A time limit passed.
    #[error("the body made no progress within its time limit")]
    Timeout,
    /// The stream was reset by the peer (HTTP/2).
    #[error("the stream was reset by the peer: {0}")]
    Reset(h2::Reason),
    /// Reading or writing failed.
    #[error("reading or writing the body failed: {0}")]
    Io(#[from] std::io::Error),
}

/// A body whose bytes may go through a pipe instead of memory, or be read in larger parts.
pub(crate) trait Piped: http_body::Body<Data = Bytes, Error = BodyError> {
    /// Whether they may from here on: many are left, and none of them was read already.
    fn is_pipeable(&self) -> bool;

    /// Moves what has arrived into `pipe`, which is empty, and says how many bytes that were. To be called only where
    /// [`Self::is_pipeable`] says so; the end shows in [`http_body::Body::is_end_stream`].
    fn poll_pipe(self: Pin<&mut Self>, pipe: &mut Pipe, cx: &mut Context<'_>) -> Poll<Result<usize, BodyError>>;

    /// Reads so many bytes at once from here on, where they are read from a connection.
    fn read_up_to(self: Pin<&mut Self>, most: usize);
}

/// A message body. Not `Send`: it lives and ends on one worker.
#[derive(Default)]
pub struct Body(Inner);

#[derive(Default)]
enum Inner {
    #[default]
    Empty,
    Full(Bytes),
    Incoming(Incoming),
    Received(Box<Received>),
    Stream(Box<h2::Received>),
    Piped(Pin<Box<dyn Piped>>),
    Dyn(Pin<Box<dyn http_body::Body<Data = Bytes, Error = BodyError>>>),
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &self.0 {
            Inner::Empty => "Empty",
            Inner::Full(_) => "Full",
            Inner::Incoming(_) => "Incoming",
            Inner::Received(_) => "Received",
            Inner::Stream(_) => "Stream",
            Inner::Piped(_) => "Piped",
            Inner::Dyn(_) => "Dyn",
        })
    }
}

impl Body {
    /// No body.
    pub const fn empty() -> Self {
        Self(Inner::Empty)
    }

    /// All bytes at once.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        if bytes.is_empty() { Self::empty() } else { Self(Inner::Full(bytes)) }
    }

    /// The body of a request on a server connection.
    pub(crate) fn incoming(body: Incoming) -> Self {
        Self(Inner::Incoming(body))
    }

    /// The body of an answer on a client connection.
    pub(crate) fn received(body: Received) -> Self {
        Self(Inner::Received(Box::new(body)))
    }

    /// The body of a message on an HTTP/2 stream.
    pub(crate) fn stream(body: h2::Received) -> Self {
        Self(Inner::Stream(Box::new(body)))
    }

    /// A body of one of these kinds with something around it that lets pipes through.
    pub(crate) fn piped(body: Box<impl Piped + 'static>) -> Self {
        Self(Inner::Piped(Box::into_pin(body)))
    }

    /// Any other body.
    pub fn boxed(body: impl http_body::Body<Data = Bytes, Error = BodyError> + 'static) -> Self {
        Self(Inner::Dyn(Box::pin(body)))
    }
}

impl Piped for Body {
    fn is_pipeable(&self) -> bool {
        match &self.0 {
            Inner::Received(body) => body.is_pipeable(),
            Inner::Piped(body) => body.is_pipeable(),
            _ => false,
        }
    }

    fn poll_pipe(self: Pin<&mut Self>, pipe: &mut Pipe, cx: &mut Context<'_>) -> Poll<Result<usize, BodyError>> {
        match &mut self.get_mut().0 {
            Inner::Received(body) => body.poll_pipe(pipe, cx),
            Inner::Piped(body) => body.as_mut().poll_pipe(pipe, cx),
            _ => Poll::Ready(Err(std::io::Error::from(std::io::ErrorKind::Unsupported).into())),
        }
    }

    fn read_up_to(self: Pin<&mut Self>, most: usize) {
        match &mut self.get_mut().0 {
            Inner::Received(body) => body.read_up_to(most),
            Inner::Piped(body) => body.as_mut().read_up_to(most),
            _ => {}
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.get_mut().0 {
            Inner::Empty => Poll::Ready(None),
            inner @ Inner::Full(_) => match std::mem::take(inner) {
                Inner::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                _ => Poll::Ready(None),
            },
            Inner::Incoming(body) => body.poll_frame(cx),
            Inner::Received(body) => body.poll_frame(cx),
            Inner::Stream(body) => body.poll_frame(cx),
            Inner::Piped(body) => body.as_mut().poll_frame(cx),
            Inner::Dyn(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Empty => true,
            Inner::Full(_) => false,
            Inner::Incoming(body) => body.is_end_stream(),
            Inner::Received(body) => body.is_end_stream(),
            Inner::Stream(body) => body.is_end_stream(),
            Inner::Piped(body) => body.is_end_stream(),
            Inner::Dyn(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Empty => SizeHint::with_exact(0),
            Inner::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Inner::Incoming(body) => body.size_hint(),
            Inner::Received(body) => body.size_hint(),
            Inner::Stream(body) => body.size_hint(),
            Inner::Piped(body) => body.size_hint(),
            Inner::Dyn(body) => body.size_hint(),
        }
    }
}
