//! The reading half of a server connection, which the connection shares with the body of its current request.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use tokio::time::Instant;

use super::encode::Output;
use super::framing::Framing;
use super::gathered::Gathered;
use super::head::HeadLimits;
use super::io::{BodyReader, Reader, poll_write};
use crate::http::pace::Pace;
use crate::http::{BodyError, Transport};

/// Where a request stands that expects 100 (RFC 9110 section 10.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// Nothing to send: not asked for, sent already, or the client has sent the body unasked.
    Nothing,
    /// The client waits.
    Waiting,
    /// The client waits, and the handler wants the body.
    Wanted,
}

/// What a connection and the body of its current request share. Borrowed only while it is polled, never while a handler
/// or a body is.
pub(crate) struct Wire {
    pub(crate) io: Transport,
    /// What waits to be written.
    pub(crate) out: Output,
    /// Whether that is an answer which waits to be written together with others.
    pub(crate) gathered: bool,
    pub(crate) reader: Reader,
    pub(crate) body: BodyReader,
    /// Counts requests: a body that outlives its request finds another number.
    current: u32,
    /// Whether the handler has dropped the body.
    pub(crate) dropped: bool,
    pub(crate) expect: Expect,
    /// How long wanted parts of the body are awaited.
    pub(crate) pace: Pace,
    timed_out: bool,
    /// The connection's task, to be told of what happens to the body in other tasks.
    connection: Option<Waker>,
    /// The task that wants the body.
    consumer: Option<Waker>,
}

impl Wire {
    pub(crate) fn new(io: Transport, read: BytesMut, pace: Pace) -> Self {
        Self {
            io,
            out: Output::default(),
            gathered: false,
            reader: Reader::new(read),
            body: BodyReader::Ended,
            current: 0,
            dropped: true,
            expect: Expect::Nothing,
            pace,
            timed_out: false,
            connection: None,
            consumer: None,
        }
    }

    /// Begins a request with that body. Where there is none, nobody holds it: dropping one would wake the connection's task,
    /// which made it.
    pub(crate) fn begin(&mut self, body: BodyReader, pace: Pace, expect: bool) {
        self.pace = pace;
        self.dropped = body.ended();
        self.body = body;
        self.current = self.current.wrapping_add(1);
        self.timed_out = false;
        self.expect = if expect && self.reader.buf.is_empty() { Expect::Waiting } else { Expect::Nothing };
    }

    /// Remembers the connection's task.
    pub(crate) fn register(&mut self, cx: &Context<'_>) {
        if !self.connection.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.connection = Some(cx.waker().clone());
        }
    }

    fn notify(&self, cx: Option<&Context<'_>>) {
        if let Some(connection) = &self.connection
            && !cx.is_some_and(|cx| connection.will_wake(cx.waker()))
        {
            connection.wake_by_ref();
        }
    }

    /// Ends the body with [`BodyError::Timeout`].
    pub(crate) fn time_out(&mut self) {
        self.timed_out = true;
        self.pace.forget();
        if let Some(consumer) = self.consumer.take() {
            consumer.wake();
        }
    }

    /// Takes the body from whoever may still hold it.
    pub(crate) fn reclaim(&mut self) {
        self.current = self.current.wrapping_add(1);
        self.dropped = true;
        self.pace.forget();
        if let Some(consumer) = self.consumer.take() {
            consumer.wake();
        }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.timed_out {
            return Poll::Ready(Some(Err(BodyError::Timeout)));
        }
        let polled = self.body.poll_frame(&mut self.reader, &mut self.io, cx);
        if polled.is_pending() {
            if self.expect == Expect::Waiting {
                self.expect = Expect::Wanted;
                self.notify(Some(cx));
            }
            if !self.pace.is_waiting() {
                self.pace.wait(Instant::now());
                self.notify(Some(cx));
            }
            if !self.consumer.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                self.consumer = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        if self.pace.is_waiting() {
            self.pace.resume(Instant::now());
        }
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.pace.moved(frame.data_ref().map_or(0, Bytes::len));
        }
        self.consumer = None;
        // RFC 9110 section 10.1.1: no 100 to a client that has begun to send.
        self.expect = Expect::Nothing;
        if self.body.ended() {
            self.notify(Some(cx));
        }
        polled
    }
}

impl Gathered for RefCell<Wire> {
    fn write_gathered(&self, cx: &mut Context<'_>) -> bool {
        let mut wire = self.borrow_mut();
        wire.gathered = false;
        let Wire { io, out, .. } = &mut *wire;
        let written = matches!(poll_write(io, out, cx), Poll::Ready(Ok(())));
        if written {
            // Whoever made it may rest already.
            out.release();
        }
        written
    }
}

/// The body of a request, read from its connection as it is polled.
pub(crate) struct Incoming {
    wire: Rc<RefCell<Wire>>,
    number: u32,
    length: Option<u64>,
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("number", &self.number).field("length", &self.length).finish_non_exhaustive()
    }
}

impl Incoming {
    pub(crate) fn new(
        wire: &Rc<RefCell<Wire>>,
        framing: Framing,
        limits: HeadLimits,
        pace: Pace,
        expect: bool,
    ) -> Self {
        let mut shared = wire.borrow_mut();
        shared.begin(BodyReader::new(framing, limits), pace, expect);
        let length = if let Framing::Length(length) = framing { Some(length) } else { None };
        Self { wire: Rc::clone(wire), number: shared.current, length }
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut wire = self.wire.borrow_mut();
        if wire.current != self.number {
            return Poll::Ready(Some(Err(BodyError::Truncated)));
        }
        let polled = wire.poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let (Some(left), Some(data)) = (&mut self.length, frame.data_ref())
        {
            *left = left.saturating_sub(u64::try_from(data.len()).unwrap_or(u64::MAX));
        }
        polled
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        let wire = self.wire.borrow();
        wire.current == self.number && wire.body.ended()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        let mut wire = self.wire.borrow_mut();
        if wire.current == self.number {
            wire.dropped = true;
            wire.pace.forget();
            wire.consumer = None;
            wire.notify(None);
        }
    }
}
