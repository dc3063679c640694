//! The two halves of a stream, as the tasks that use it hold them.

use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{Shared, stream};
use crate::http::buffered::Account;
use crate::http::h2::error::StreamError;
use crate::http::h2::frame;
use crate::http::h2::message::{RequestHead, ResponseHead};
use crate::http::h2::reason::Reason;
use crate::http::queue::Ticket;
use crate::http::{Headers, Response};

/// The two halves of a stream that came in.
pub(crate) fn halves(core: &Shared, stream: u32) -> (Sender, Receiver) {
    (Sender { core: Rc::clone(core), stream }, Receiver { core: Rc::clone(core), stream })
}

/// A wait for a stream of one's own. Whoever drops it before leaves the turn to others.
pub(crate) struct Opening {
    core: Shared,
    ticket: Ticket,
}

impl Opening {
    pub(crate) fn new(core: &Shared) -> Self {
        Self { core: Rc::clone(core), ticket: Ticket::default() }
    }

    /// Opens the stream with a request, when it is its turn.
    pub(crate) fn poll(
        &mut self,
        head: RequestHead<'_>,
        end: bool,
        cx: &Context<'_>,
    ) -> Poll<Result<(Sender, Receiver), StreamError>> {
        let opened = self.core.borrow_mut().poll_open(head, end, &mut self.ticket, cx);
        opened.map(|opened| opened.map(|stream| halves(&self.core, stream)))
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.core.borrow_mut().stop_waiting(&mut self.ticket);
    }
}

/// Sends on a stream. Dropped before the end, it resets the stream.
pub(crate) struct Sender {
    core: Shared,
    stream: u32,
}

impl Sender {
    /// Ready once the stream is reset or the connection over.
    pub(crate) fn poll_reset(&self, cx: &Context<'_>) -> Poll<StreamError> {
        let mut core = self.core.borrow_mut();
        match core.sending(self.stream) {
            Ok(stream) => {
                stream::remember(&mut stream.sender, cx);
                Poll::Pending
            }
            Err(error) => Poll::Ready(error),
        }
    }

    pub(crate) fn send_informational(&self, status: StatusCode, headers: &Headers) {
        // Who is gone hears nothing.
        let _ = self.core.borrow_mut().send_informational(self.stream, status, headers);
    }

    pub(crate) fn send_response(&self, head: ResponseHead<'_>, end: bool) -> Result<(), StreamError> {
        self.core.borrow_mut().send_response(self.stream, head, end)
    }

    /// Waits until a frame of data may be sent, and says how long it may be.
    pub(crate) fn poll_room(&self, cx: &Context<'_>) -> Poll<Result<usize, StreamError>> {
        self.core.borrow_mut().poll_room(self.stream, cx)
    }

    /// Gives room back that there is nothing to fill with.
    pub(crate) fn pass(&self) {
        self.core.borrow_mut().leave_turn(self.stream);
    }

    /// Bytes that the connection has written, if that is what this stream waits for.
    pub(crate) fn progress_of_others(&self) -> Option<u64> {
        let mut core = self.core.borrow_mut();
        core.waits_for_turn(self.stream).then(|| core.written())
    }

    /// Sends data for which there is room.
    pub(crate) fn send_data(&self, data: Bytes, end: bool) -> Result<(), StreamError> {
        self.core.borrow_mut().send_data(self.stream, data, end)
    }

    pub(crate) fn send_trailers(&self, trailers: &HeaderMap) -> Result<(), StreamError> {
        self.core.borrow_mut().send_trailers(self.stream, trailers)
    }

    pub(crate) fn reset(&self, reason: Reason) {
        self.core.borrow_mut().cancel(self.stream, reason);
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.core.borrow_mut().drop_sender(self.stream);
    }
}

/// Receives on a stream. Once both halves are dropped, a stream that has not ended is reset.
pub(crate) struct Receiver {
    core: Shared,
    stream: u32,
}

impl std::fmt::Debug for Receiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receiver").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl Receiver {
    /// Counts what nobody has taken on this account.
    pub(crate) fn count_unread(&self, account: &Rc<Account>) {
        self.core.borrow_mut().count_unread(self.stream, account);
    }

    /// The next head of an answer: interim ones, then the final one.
    pub(crate) fn poll_head(&self, cx: &Context<'_>) -> Poll<Result<Response<()>, StreamError>> {
        let mut core = self.core.borrow_mut();
        let Some(stream) = core.streams.get(self.stream) else { return Poll::Ready(Err(StreamError::Closed)) };
        if let Some(head) = stream.awaited.as_mut().and_then(|awaited| awaited.next_head()) {
            return Poll::Ready(Ok(head));
        }
        if let Some(error) = stream.error {
            return Poll::Ready(Err(error));
        }
        stream::remember(&mut stream.receiver, cx);
        Poll::Pending
    }

    /// The next piece of data, `None` at its end. What was taken is given back to the peer's windows.
    pub(crate) fn poll_data(&self, cx: &Context<'_>) -> Poll<Option<Result<Bytes, StreamError>>> {
        let mut core = self.core.borrow_mut();
        let Some(stream) = core.streams.get(self.stream) else {
            return Poll::Ready(Some(Err(StreamError::Closed)));
        };
        if let Some(data) = stream.data.pop() {
            let update = if stream.is_over() { None } else { stream.window.release(data.len()) };
            if let Some(update) = update {
                frame::put_window_update(core.out.tail(), self.stream, update);
                core.wake_driver();
            }
            core.release_connection(data.len());
            return Poll::Ready(Some(Ok(data)));
        }
        if stream.received_end {
            return Poll::Ready(None);
        }
        if let Some(error) = stream.error {
            return Poll::Ready(Some(Err(error)));
        }
        stream::remember(&mut stream.receiver, cx);
        Poll::Pending
    }

    /// The trailers, after the end of the data.
    pub(crate) fn take_trailers(&self) -> Option<HeaderMap> {
        self.core.borrow_mut().streams.get(self.stream)?.trailers.take()
    }

    /// Whether nothing more comes.
    pub(crate) fn is_ended(&self) -> bool {
        let mut core = self.core.borrow_mut();
        core.streams
            .get(self.stream)
            .is_some_and(|stream| stream.received_end && stream.data.is_empty() && stream.trailers.is_none())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.core.borrow_mut().drop_receiver(self.stream);
    }
}
