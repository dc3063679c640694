//! Puts a connection's state on a byte stream: one read takes the frames of many streams, one write carries those of all
//! that had something to say.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::time::Instant;

use super::connection::{Outlet, Shared};
use super::error::{ConnectionError, StreamError};
use crate::http::Transport;
use crate::http::deadline::Deadline;
use crate::http::h1::Output;
use crate::http::h1::SHORT_READ;
use crate::http::h1::io::{Reader, poll_write};

/// Reads before others have their turn.
const MOST_READS: usize = 8;
/// Bytes that are read and dropped after our last word.
const MOST_DROPPED: usize = 4 * 1024 * 1024;

/// Why there is nothing more to read or to write.
#[derive(Debug)]
pub(super) enum End {
    /// The peer has closed its side.
    Eof,
    /// The peer broke the protocol, or gave up.
    Failed(ConnectionError),
    Io(io::Error),
}

/// A connection's byte stream, and what was read of it.
pub(super) struct Driver {
    line: Rc<Line>,
    reader: Reader,
    core: Shared,
    closing: Closing,
}

/// The byte stream, as the streams of the connection write to it when there is no room left for what they have.
struct Line {
    io: RefCell<Transport>,
    /// Why such a write failed: for the driver.
    failed: Cell<Option<io::Error>>,
}

impl Outlet for Line {
    fn write(&self, out: &mut Output) -> bool {
        // Who waits for the peer is the driver, which is woken if not all is taken.
        match poll_write(&mut self.io.borrow_mut(), out, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(error)) => {
                self.failed.set(Some(error));
                false
            }
            Poll::Pending => false,
        }
    }
}

/// A byte stream whose sending side is closed, and which is read for a while: the system would answer bytes that nobody
/// read with a reset, which takes away a GOAWAY that the peer has not read yet.
#[derive(Default)]
struct Closing {
    until: Deadline,
    shut: bool,
    dropped: usize,
}

impl Driver {
    pub(super) fn new(io: Transport, read: BytesMut, core: Shared) -> Self {
        let mut reader = Reader::new(read);
        reader.most = SHORT_READ;
        let line = Rc::new(Line { io: RefCell::new(io), failed: Cell::default() });
        core.borrow_mut().write_through(Rc::clone(&line) as Rc<dyn Outlet>);
        Self { line, reader, core, closing: Closing::default() }
    }

    /// Takes the frames in what was read before.
    pub(super) fn receive(&mut self) -> Result<(), End> {
        if self.reader.buf.is_empty() {
            return Ok(());
        }
        let received = self.core.borrow_mut().receive(&mut self.reader.buf, Instant::now());
        received.map_err(End::Failed)
    }

    /// Reads all that there is.
    pub(super) fn read(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        for _ in 0..MOST_READS {
            if self.core.borrow().is_choked() {
                return Ok(());
            }
            let filled = self.reader.poll_fill(&mut self.line.io.borrow_mut(), cx);
            match filled {
                Poll::Ready(Ok(0)) => return Err(End::Eof),
                Poll::Ready(Ok(_)) => self.receive()?,
                Poll::Ready(Err(error)) => return Err(End::Io(error)),
                Poll::Pending => {
                    let mut core = self.core.borrow_mut();
                    if core.held_streams() == 0 {
                        self.reader.release();
                        core.release();
                    }
                    return Ok(());
                }
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    /// Writes all that can be written. Ready once nothing waits to be.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        if let Some(error) = self.line.failed.take() {
            return Poll::Ready(Err(End::Io(error)));
        }
        let mut core = self.core.borrow_mut();
        let (before, choked) = (core.out.len(), core.is_choked());
        if core.out.is_written() {
            return Poll::Ready(Ok(()));
        }
        let polled = poll_write(&mut self.line.io.borrow_mut(), &mut core.out, cx);
        let written = before - core.out.len();
        core.wrote(written, polled.is_pending());
        if choked && !core.is_choked() {
            // Reading goes on.
            cx.waker().wake_by_ref();
        }
        polled.map_err(End::Io)
    }

    /// Bytes that wait in either direction.
    pub(super) fn held(&mut self) -> usize {
        self.reader.buf.len() + self.core.borrow().out.len() + self.line.io.borrow_mut().unsent()
    }

    /// Begins the end: what waits is still written, for this long.
    pub(super) fn close_within(&mut self, linger: Duration, end: Option<&End>) {
        let mut core = self.core.borrow_mut();
        match end {
            Some(End::Failed(error)) => core.fail(*error),
            Some(End::Io(error)) => {
                core.close(StreamError::Io(error.kind()));
                *self.line.io.borrow_mut() = Transport::Closed;
            }
            Some(End::Eof) | None => core.close(StreamError::Closed),
        }
        self.closing.until.set_in(linger);
    }

    /// Writes what waits, closes our side, and drops what still comes. `patient`: also if nothing came so far.
    pub(super) fn poll_close(&mut self, patient: bool, cx: &mut Context<'_>) -> Poll<()> {
        if !self.closing.shut {
            if self.closing.until.poll(cx) {
                return Poll::Ready(());
            }
            if ready!(self.poll_write(cx)).is_err()
                || ready!(Pin::new(&mut *self.line.io.borrow_mut()).poll_shutdown(cx)).is_err()
            {
                return Poll::Ready(());
            }
            self.closing.shut = true;
        }
        loop {
            let mut dropped = [0; 8 * 1024];
            let mut buf = ReadBuf::new(&mut dropped);
            let read = Pin::new(&mut *self.line.io.borrow_mut()).poll_read(cx, &mut buf);
            match read {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => self.closing.dropped += buf.filled().len(),
                Poll::Ready(_) => return Poll::Ready(()),
                // Nobody who is silent when we close gets a reset.
                Poll::Pending if self.closing.dropped == 0 && !patient => return Poll::Ready(()),
                Poll::Pending if self.closing.until.poll(cx) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
            if self.closing.dropped > MOST_DROPPED {
                return Poll::Ready(());
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.core.borrow_mut().close(StreamError::Closed);
        // Streams that somebody still holds do not keep the socket.
        *self.line.io.borrow_mut() = Transport::Closed;
    }
}
