//! Bodies and tunnels that keep the record of their request.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::log::{Incoming, RequestLog};
use super::serving::{InFlight, Serving};
use super::{UnderscoreHeaders, names};
use crate::http::{Body, BodyError, ByteStream, Exchange, Pipe, Piped, Request};
use crate::telemetry::{Recorder, ResponseFlag};

/// The body that a client sends: counts it, ends it where it is too large, notes how it failed, and takes out of its
/// trailers what no backend may get.
pub(super) struct RequestBody {
    body: Body,
    /// Bytes that it may have.
    most: u64,
    incoming: Rc<Incoming>,
    underscores: UnderscoreHeaders,
    recorder: Recorder,
}

impl RequestBody {
    pub(super) fn wrap(
        body: Body,
        log: &mut RequestLog,
        most: u64,
        underscores: UnderscoreHeaders,
        recorder: &Recorder,
    ) -> Body {
        if body.is_end_stream() {
            return body;
        }
        Body::boxed(Self { body, most, incoming: Rc::clone(log.incoming()), underscores, recorder: recorder.clone() })
    }

    fn screen(&self, frame: &mut Frame<Bytes>) -> Result<(), BodyError> {
        let Some(trailers) = frame.trailers_mut() else { return Ok(()) };
        let screened = names::screen_trailers(trailers, self.underscores);
        names::count(&self.recorder, &screened);
        screened.map_err(|names::Refused| BodyError::Framing("a trailer name has an underscore"))?;
        Ok(())
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let screened = polled.map(|frame| {
            let mut frame = frame?;
            self.screen(&mut frame)?;
            Ok(frame)
        });
        match &screened {
            Some(Ok(frame)) => {
                let bytes = frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
                let bytes = self.incoming.bytes.get().saturating_add(bytes);
                self.incoming.bytes.set(bytes);
                if bytes > self.most {
                    self.incoming.fault.set(Some(ResponseFlag::TooLarge));
                    return Poll::Ready(Some(Err(BodyError::TooLarge(self.most))));
                }
            }
            Some(Err(error)) => self.incoming.fault.set(Some(client_fault(error))),
            None => {}
        }
        Poll::Ready(screened)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What a client did to its body.
fn client_fault(error: &BodyError) -> ResponseFlag {
    match error {
        BodyError::Framing(_) => ResponseFlag::ClientProtocolError,
        BodyError::TooLarge(_) => ResponseFlag::TooLarge,
        BodyError::Timeout => ResponseFlag::ClientTimeout,
        _ => ResponseFlag::ClientGone,
    }
}

/// What a backend did to its body.
fn backend_fault(error: &BodyError) -> ResponseFlag {
    match error {
        BodyError::Framing(_) | BodyError::TooLarge(_) => ResponseFlag::UpstreamProtocolError,
        BodyError::Timeout => ResponseFlag::UpstreamTimeout,
        BodyError::Reset(_) => ResponseFlag::UpstreamReset,
        _ => ResponseFlag::UpstreamClosed,
    }
}

/// The body of an answer: counts it, ends it at the time limit, and hands the record over when it is gone.
pub(super) struct AnswerBody {
    body: Body,
    pub(super) log: RequestLog,
    deadline: Option<Pin<Box<Sleep>>>,
    in_flight: Option<InFlight>,
}

impl AnswerBody {
    /// That of a request which begins. A record is made here, where it stays until it is handed over.
    pub(super) fn awaited(serving: Rc<Serving>, request: &Request<Body>, exchange: &Exchange) -> Box<Self> {
        let room = Box::new_uninit();
        let log = RequestLog::new(serving, request, exchange);
        Box::write(room, Self { body: Body::empty(), log, deadline: None, in_flight: None })
    }

    /// Puts the record, and what else waits for the end of the answer, around `body`.
    pub(super) fn wrap(
        mut self: Box<Self>,
        body: Body,
        deadline: Option<Instant>,
        in_flight: Option<InFlight>,
    ) -> Body {
        if body.is_end_stream() {
            self.log.finished();
            return body;
        }
        self.body = body;
        self.deadline = deadline.map(|at| Box::pin(tokio::time::sleep_until(at)));
        self.in_flight = in_flight;
        Body::piped(self)
    }

    /// GEP-1742: the limits cover the answer to its last byte; it can only be cut now.
    fn keep_time(&mut self, cx: &mut Context<'_>) -> Result<(), BodyError> {
        if self.deadline.as_mut().is_none_or(|deadline| deadline.as_mut().poll(cx).is_pending()) {
            return Ok(());
        }
        self.log.flag(ResponseFlag::UpstreamTimeout);
        self.log.finished();
        Err(BodyError::Timeout)
    }

    fn passed(&mut self, bytes: usize) {
        self.log.bytes_out = self.log.bytes_out.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        // Who knows the length does not ask for the end.
        if self.body.is_end_stream() {
            self.log.finished();
        }
    }

    fn broke(&mut self, error: &BodyError) {
        // A backend whose request broke off has no answer to end.
        let fault = self.log.client_fault().unwrap_or_else(|| backend_fault(error));
        self.log.flag(fault);
        self.log.finished();
    }
}

impl Piped for AnswerBody {
    fn is_pipeable(&self) -> bool {
        self.body.is_pipeable()
    }

    fn poll_pipe(mut self: Pin<&mut Self>, pipe: &mut Pipe, cx: &mut Context<'_>) -> Poll<Result<usize, BodyError>> {
        let this = &mut *self;
        this.keep_time(cx)?;
        let polled = ready!(Pin::new(&mut this.body).poll_pipe(pipe, cx));
        match &polled {
            Ok(count) => this.passed(*count),
            Err(error) => this.broke(error),
        }
        Poll::Ready(polled)
    }

    fn read_up_to(mut self: Pin<&mut Self>, most: usize) {
        Pin::new(&mut self.body).read_up_to(most);
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if let Err(error) = this.keep_time(cx) {
            return Poll::Ready(Some(Err(error)));
        }
        let polled = ready!(Pin::new(&mut this.body).poll_frame(cx));
        match &polled {
            Some(Ok(frame)) => this.passed(frame.data_ref().map_or(0, Bytes::len)),
            Some(Err(error)) => this.broke(error),
            None => this.log.finished(),
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An upgraded connection to a backend: counts bytes, and hands the record over when it is gone. Time limits of the rule
/// end with the answer's head (GEP-1742 speaks of requests; a WebSocket lives as long as its ends).
pub(super) struct Tunnel {
    far: Box<dyn ByteStream>,
    log: RequestLog,
    _in_flight: Option<InFlight>,
}

impl Tunnel {
    pub(super) fn wrap(
        far: Box<dyn ByteStream>,
        mut log: RequestLog,
        in_flight: Option<InFlight>,
    ) -> Box<dyn ByteStream> {
        log.finished();
        Box::new(Self { far, log, _in_flight: in_flight })
    }
}

impl AsyncRead for Tunnel {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.far).poll_read(cx, buf);
        let read = u64::try_from(buf.filled().len().saturating_sub(before)).unwrap_or(0);
        self.log.bytes_out = self.log.bytes_out.saturating_add(read);
        polled
    }
}

impl Tunnel {
    fn sent(&mut self, polled: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(written)) = polled {
            let bytes = &self.log.incoming().bytes;
            bytes.set(bytes.get().saturating_add(u64::try_from(*written).unwrap_or(u64::MAX)));
        }
    }
}

impl AsyncWrite for Tunnel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.far).poll_write(cx, buf);
        self.sent(&polled);
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.far).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.far).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.far.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.far).poll_write_vectored(cx, bufs);
        self.sent(&polled);
        polled
    }
}
