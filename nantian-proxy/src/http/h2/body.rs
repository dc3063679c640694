//! Bodies on HTTP/2 streams, in both directions, with its flow control as backpressure.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::Instant;

use super::connection::{Receiver, Sender};
use super::error::StreamError;
use super::reason::Reason;
use crate::http::buffered::Held;
use crate::http::deadline::Deadline;
use crate::http::h1::{accept_trailers, strip_forbidden_trailers, take_front};
use crate::http::pace::Pace;
use crate::http::{Body, BodyError};

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
    stream: Receiver,
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
        f.debug_struct("Received").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl Received {
    pub(crate) fn new(stream: Receiver, length: Option<u64>) -> Self {
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
                    let full = self.length.is_some_and(|left| usize::try_from(left) == Ok(data.len()));
                    if self.keeps_last && full && !self.stream.is_ended() {
                        self.last = Some(data);
                        continue;
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(self.failed(error.into())))),
                None => self.in_trailers = true,
            }
        }
        if !std::mem::replace(&mut self.ended, true)
            && let Some(trailers) = self.stream.take_trailers()
        {
            match accept_trailers(trailers) {
                Ok(trailers) => self.trailers = trailers,
                Err(reason) => return Poll::Ready(Some(Err(self.failed(BodyError::Framing(reason))))),
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
        self.last.is_none() && self.trailers.is_none() && (self.ended || self.stream.is_ended())
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
    Gone(StreamError),
    /// The peer gave no room for too long.
    Stalled,
}

impl From<StreamError> for PumpError {
    fn from(error: StreamError) -> Self {
        Self::Gone(error)
    }
}

/// Sends a body on a stream: it is asked for more when the peer has room for more.
pub(crate) struct Pump {
    stream: Sender,
    pub(crate) body: Body,
    rest: Bytes,
    /// What is kept of the body until there is room for it.
    held: Held,
    last: bool,
    pub(crate) touched: bool,
    stall: Option<Stall>,
    /// What the connection had written when the wait began.
    written: u64,
}

impl Pump {
    pub(crate) fn new(stream: Sender, body: Body) -> Self {
        let (rest, held, stall) = (Bytes::new(), Held::default(), None);
        Self { stream, body, rest, held, last: false, touched: false, stall, written: 0 }
    }

    /// Limits the waits for the peer.
    pub(crate) fn limited(mut self, pace: Pace) -> Self {
        self.stall = Some(Stall::new(pace));
        self
    }

    /// Counts what is kept for the peer.
    pub(crate) fn counted(mut self, held: Held) -> Self {
        self.held = held;
        self
    }

    /// Waits for the body, or for room to keep more of it. Who gives up meanwhile is heard too.
    fn wait(&self, cx: &Context<'_>) -> Poll<Result<(), PumpError>> {
        self.stream.pass();
        self.stream.poll_reset(cx).map(|error| Err(error.into()))
    }

    pub(crate) fn reset(&self, reason: Reason) {
        self.stream.reset(reason);
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PumpError>> {
        loop {
            // Room is asked for before there is something to send: a body is not read in advance.
            let room = match self.stream.poll_room(cx) {
                Poll::Ready(room) => room?,
                Poll::Pending if self.is_stalled(cx) => return Poll::Ready(Err(PumpError::Stalled)),
                Poll::Pending => return Poll::Pending,
            };
            if let Some(stall) = &mut self.stall {
                stall.resume();
            }
            if self.rest.is_empty() {
                if self.held.poll_room(cx).is_pending() {
                    return self.wait(cx);
                }
                self.touched = true;
                match Pin::new(&mut self.body).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        if self.take(frame)? {
                            return Poll::Ready(Ok(()));
                        }
                    }
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(PumpError::Body(error))),
                    Poll::Ready(None) => {
                        self.stream.send_data(Bytes::new(), true)?;
                        return Poll::Ready(Ok(()));
                    }
                    Poll::Pending => return self.wait(cx),
                }
            }
            if !self.rest.is_empty() {
                let length = self.rest.len().min(room);
                let part = take_front(&mut self.rest, length);
                if let Some(stall) = &mut self.stall {
                    stall.pace.moved(part.len());
                }
                let end = self.rest.is_empty() && self.last;
                self.held.set(self.rest.len());
                self.stream.send_data(part, end)?;
                if end {
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }

    /// Whether the wait for room was too long. Who waits for others to have their turn waits for the peer only if that
    /// takes nothing from them either.
    fn is_stalled(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(stall) = &mut self.stall else { return false };
        let written = self.stream.progress_of_others();
        if !stall.pace.is_waiting() {
            self.written = written.unwrap_or_default();
        }
        if !stall.poll(cx) {
            return false;
        }
        let Some(progress) = written.and_then(|written| written.checked_sub(self.written)) else { return true };
        stall.resume();
        stall.pace.moved(usize::try_from(progress).unwrap_or(usize::MAX));
        self.written = written.unwrap_or_default();
        stall.poll(cx)
    }

    /// Takes a frame of the body; true if it was the last.
    fn take(&mut self, frame: Frame<Bytes>) -> Result<bool, PumpError> {
        match frame.into_data() {
            Ok(data) => {
                self.last = self.body.is_end_stream();
                self.rest = data;
                if self.rest.is_empty() && self.last {
                    self.stream.send_data(Bytes::new(), true)?;
                    return Ok(true);
                }
                Ok(false)
            }
            Err(frame) => {
                let Ok(mut trailers) = frame.into_trailers() else { return Ok(false) };
                strip_forbidden_trailers(&mut trailers);
                self.stream.send_trailers(&trailers)?;
                Ok(true)
            }
        }
    }
}
