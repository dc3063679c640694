//! Bodies on HTTP/2 streams, in both directions, with its flow control as backpressure.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::{RecvStream, SendStream};
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::Instant;

use super::fields;
use super::part::{Part, Unsent};
use crate::http::buffered::Account;
use crate::http::deadline::Deadline;
use crate::http::h1::{accept_trailers, strip_forbidden_trailers};
use crate::http::pace::Pace;
use crate::http::{Body, BodyError};

/// What `h2` says, as the error of a body.
pub(crate) fn body_error(error: h2::Error) -> BodyError {
    match error.reason() {
        Some(reason) => BodyError::Reset(reason),
        None if error.is_io() => error.into_io().map_or(BodyError::Truncated, BodyError::Io),
        None => BodyError::Truncated,
    }
}

/// Told by a body that it is wanted, where the client waits for 100.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    wanted: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Wanted {
    /// Whether the body is wanted, told once; else the task is woken when it is.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> bool {
        if self.wanted.take() {
            return true;
        }
        *self.waker.borrow_mut() = Some(cx.waker().clone());
        false
    }

    fn want(&self) {
        self.wanted.set(true);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}

/// A limit for waits, without a timer as long as nothing waits.
#[derive(Debug)]
struct Stall {
    pace: Pace,
    deadline: Deadline,
}

impl Stall {
    fn new(pace: Pace) -> Self {
        Self { pace, deadline: Deadline::default() }
    }

    /// Waits; true if that was too long.
    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.pace.is_waiting() {
            self.pace.wait(Instant::now());
        }
        self.deadline.set_at(self.pace.ends_at());
        self.deadline.poll(cx)
    }

    /// The peer took something, and is waited for all the same.
    fn moved(&mut self, bytes: usize) {
        if bytes > 0 {
            self.resume();
            self.pace.moved(bytes);
        }
    }

    fn resume(&mut self) {
        if self.pace.is_waiting() {
            self.pace.resume(Instant::now());
        }
    }
}

/// Told to the body of a request once its answer has begun.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    begun: Rc<Cell<bool>>,
    /// What a wait may last from then on.
    limit: Duration,
}

impl Answered {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { begun: Rc::default(), limit }
    }

    pub(crate) fn begin(&self) {
        self.begun.set(true);
    }
}

/// A body that arrives on a stream. The peer may send more once what it sent was taken.
pub(crate) struct Received {
    stream: RecvStream,
    in_trailers: bool,
    ended: bool,
    trailers: Option<HeaderMap>,
    length: Option<u64>,
    /// Whether the data that makes the declared length full is kept until the stream has ended, and that data.
    keeps_last: bool,
    last: Option<Bytes>,
    stall: Option<Stall>,
    answered: Option<Answered>,
    wanted: Option<Rc<Wanted>>,
    /// What lives as long as the body does.
    held_until_end: Option<Rc<dyn fmt::Debug>>,
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("stream", &self.stream.stream_id()).finish_non_exhaustive()
    }
}

impl Received {
    pub(crate) fn new(stream: RecvStream, length: Option<u64>) -> Self {
        Self {
            stream,
            in_trailers: false,
            ended: false,
            trailers: None,
            length,
            keeps_last: false,
            last: None,
            stall: None,
            answered: None,
            wanted: None,
            held_until_end: None,
        }
    }

    /// Limits the waits for the peer, before and after the answer has begun.
    pub(crate) fn with_pace(mut self, pace: Pace, answered: Answered) -> Self {
        (self.stall, self.answered) = (Some(Stall::new(pace)), Some(answered));
        self
    }

    /// RFC 9113 section 8.1.1: a body that goes on beyond its declared length makes the message malformed. Where the length
    /// alone would make it whole for whoever gets it, the data that does so waits for the end of the stream.
    pub(crate) fn keeping_last(mut self) -> Self {
        self.keeps_last = true;
        self
    }

    /// Tells when the body is wanted first.
    pub(crate) fn with_wanted(mut self, wanted: Option<Rc<Wanted>>) -> Self {
        self.wanted = wanted;
        self
    }

    /// Keeps something as long as the body.
    pub(crate) fn holding(mut self, held: Rc<dyn fmt::Debug>) -> Self {
        self.held_until_end = Some(held);
        self
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = self.poll_stream(cx);
        match &polled {
            Poll::Pending => {
                if let Some(wanted) = self.wanted.take() {
                    wanted.want();
                }
                if let Some(stall) = &mut self.stall {
                    if let Some(answered) = self.answered.take_if(|answered| answered.begun.get()) {
                        stall.pace.relax(answered.limit);
                    }
                    if stall.poll(cx) {
                        return Poll::Ready(Some(Err(BodyError::Timeout)));
                    }
                }
            }
            Poll::Ready(frame) => {
                self.wanted = None;
                if let Some(stall) = &mut self.stall {
                    stall.resume();
                    if let Some(Ok(frame)) = frame {
                        stall.pace.moved(frame.data_ref().map_or(0, Bytes::len));
                    }
                }
                if let (Some(left), Some(Ok(frame))) = (&mut self.length, frame)
                    && let Some(data) = frame.data_ref()
                {
                    *left = left.saturating_sub(u64::try_from(data.len()).unwrap_or(u64::MAX));
                }
            }
        }
        polled
    }

    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        while !self.in_trailers {
            match std::task::ready!(self.stream.poll_data(cx)) {
                Some(Ok(data)) => {
                    // Fails only for more than was received.
                    let _ = self.stream.flow_control().release_capacity(data.len());
                    if data.is_empty() {
                        continue;
                    }
                    let full = self.length.is_some_and(|left| usize::try_from(left) == Ok(data.len()));
                    if self.keeps_last && full && !self.stream.is_end_stream() {
                        self.last = Some(data);
                        continue;
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(self.failed(body_error(error))))),
                None => self.in_trailers = true,
            }
        }
        if !self.ended {
            let trailers = std::task::ready!(self.stream.poll_trailers(cx)).map_err(body_error);
            self.ended = true;
            let accepted = trailers.and_then(|trailers| {
                let Some(trailers) = trailers else { return Ok(None) };
                fields::check(&trailers).and_then(|()| accept_trailers(trailers)).map_err(BodyError::Framing)
            });
            match accepted {
                Ok(trailers) => self.trailers = trailers,
                Err(error) => return Poll::Ready(Some(Err(self.failed(error)))),
            }
        }
        if let Some(last) = self.last.take() {
            return Poll::Ready(Some(Ok(Frame::data(last))));
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    /// What was kept must not make the message whole any more.
    fn failed(&mut self, error: BodyError) -> BodyError {
        self.last = None;
        error
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.last.is_none() && self.trailers.is_none() && (self.ended || self.stream.is_end_stream())
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        if self.is_end_stream() {
            return SizeHint::with_exact(0);
        }
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// Why a body was not sent to its end.
#[derive(Debug)]
pub(crate) enum PumpError {
    /// The body failed.
    Body(BodyError),
    /// The peer reset the stream, or the connection ended.
    Gone,
    /// The peer gave no room for too long.
    Stalled,
}

/// Sends a body on a stream: it is asked for more when what it gave before was written, and the peer has room for more.
pub(crate) struct Pump {
    stream: SendStream<Part>,
    unsent: Rc<Unsent>,
    pub(crate) body: Body,
    rest: Bytes,
    last: bool,
    pub(crate) touched: bool,
    stall: Option<Stall>,
}

impl Pump {
    pub(crate) fn new(stream: SendStream<Part>, body: Body, account: &Rc<Account>, pace: Option<Pace>) -> Self {
        let (unsent, stall) = (Rc::new(Unsent::new(account)), pace.map(Stall::new));
        Self { stream, unsent, body, rest: Bytes::new(), last: false, touched: false, stall }
    }

    pub(crate) fn stream(&mut self) -> &mut SendStream<Part> {
        &mut self.stream
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PumpError>> {
        loop {
            if self.stream.poll_reset(cx).is_ready() {
                return Poll::Ready(Err(PumpError::Gone));
            }
            if let Some(stall) = &mut self.stall {
                stall.moved(self.unsent.take_written());
            }
            // What the peer leaves in our hands is not added to.
            if self.rest.is_empty() && self.unsent.poll_empty(cx).is_pending() {
                return self.stalled(cx);
            }
            // One byte of room is asked for before there is something to send: a body is not read in advance.
            self.stream.reserve_capacity(self.rest.len().max(1));
            if self.stream.capacity() == 0 {
                match self.stream.poll_capacity(cx) {
                    Poll::Ready(Some(Ok(0))) => continue,
                    Poll::Ready(Some(Ok(_))) => {}
                    Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(Err(PumpError::Gone)),
                    Poll::Pending => return self.stalled(cx),
                }
            }
            if let Some(stall) = &mut self.stall {
                stall.resume();
            }
            if !self.rest.is_empty() {
                let part = self.rest.split_to(self.rest.len().min(self.stream.capacity()));
                let end = self.rest.is_empty() && self.last;
                self.send(part, end)?;
                if end {
                    return Poll::Ready(Ok(()));
                }
                continue;
            }
            std::task::ready!(self.unsent.poll_room(cx));
            self.touched = true;
            match std::task::ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if self.take(frame)? {
                        return Poll::Ready(Ok(()));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(PumpError::Body(error))),
                None => {
                    self.send(Bytes::new(), true)?;
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }

    /// Waits for the peer, for a while.
    fn stalled(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PumpError>> {
        if self.stall.as_mut().is_some_and(|stall| stall.poll(cx)) {
            return Poll::Ready(Err(PumpError::Stalled));
        }
        Poll::Pending
    }

    /// Takes a frame of the body; true if it was the last.
    fn take(&mut self, frame: Frame<Bytes>) -> Result<bool, PumpError> {
        match frame.into_data() {
            Ok(data) => {
                self.last = self.body.is_end_stream();
                self.unsent.hold(data.len());
                self.rest = data;
                if self.rest.is_empty() && self.last {
                    self.send(Bytes::new(), true)?;
                    return Ok(true);
                }
                Ok(false)
            }
            Err(frame) => {
                let Ok(mut trailers) = frame.into_trailers() else { return Ok(false) };
                strip_forbidden_trailers(&mut trailers);
                // What was asked for in vain goes back to the connection's window.
                self.stream.reserve_capacity(0);
                self.stream.send_trailers(trailers).map_err(|_| PumpError::Gone)?;
                Ok(true)
            }
        }
    }

    fn send(&mut self, data: Bytes, end: bool) -> Result<(), PumpError> {
        if end && data.is_empty() {
            self.stream.reserve_capacity(0);
        }
        self.stream.send_data(Part::counted(data, &self.unsent), end).map_err(|_| PumpError::Gone)
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.unsent.left(self.rest.len());
    }
}
