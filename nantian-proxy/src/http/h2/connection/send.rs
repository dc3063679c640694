//! Frames out.
//!
//! A stream asks for room before it asks its body for data. Room is the least of three: the stream's window, the
//! connection's, and what may wait to be written. As long as there is enough for all, nobody waits. Once too much waits to
//! be written, a stream that has none of it writes it, so that many small answers go out one behind the other. One that has,
//! and all where the peer takes no more or its window is used up, line up: who has sent a frame goes to the end of the line.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use smallvec::SmallVec;

use super::stream::{self, Awaited, Stream};
use super::{Core, Role};
use crate::http::Headers;
use crate::http::h2::error::StreamError;
use crate::http::h2::flow::Window;
use crate::http::h2::frame::{self, DEFAULT_WINDOW, LARGEST_PAYLOAD};
use crate::http::h2::message::{self, RequestHead, ResponseHead};
use crate::http::h2::reason::Reason;
use crate::http::queue::Ticket;

impl Core {
    /// Opens a stream, when there may be another one, and those who came before have theirs.
    pub(super) fn poll_open(
        &mut self,
        head: RequestHead<'_>,
        end: bool,
        ticket: &mut Ticket,
        cx: &Context<'_>,
    ) -> Poll<Result<u32, StreamError>> {
        if let Some(error) = self.closed {
            return Poll::Ready(Err(error));
        }
        if self.is_going_away() {
            return Poll::Ready(Err(StreamError::Refused));
        }
        let free = self.free_streams();
        ready!(self.openers.poll_turn(ticket, free, cx));
        let id = self.next_stream;
        self.next_stream += 2;
        let known = if self.acknowledged { self.stream_window } else { DEFAULT_WINDOW };
        let mut stream = Stream::new(self.first_room, Window::new(known, self.stream_window), None);
        let method = head.method.clone();
        stream.awaited = Some(Box::new(Awaited { method, heads: SmallVec::new(), is_final: false }));
        self.streams.insert(id, stream);
        self.budgets.sent_request();
        self.scratch.clear();
        message::put_request(&mut self.encoder, head, &mut self.scratch);
        frame::put_headers(self.out.tail(), id, &self.scratch, end);
        if end {
            self.sent_end(id);
        }
        self.wake_driver();
        Poll::Ready(Ok(id))
    }

    /// Nobody waits for a stream with this ticket any more.
    pub(super) fn stop_waiting(&mut self, ticket: &mut Ticket) {
        self.openers.leave(ticket);
        self.let_in();
    }

    /// Whether a stream can still be sent on.
    pub(super) fn sending(&mut self, id: u32) -> Result<&mut Stream, StreamError> {
        let closed = self.closed.unwrap_or(StreamError::Closed);
        let stream = self.streams.get(id).ok_or(closed)?;
        match stream.error {
            Some(error) => Err(error),
            None if stream.sent_end => Err(StreamError::Cancelled),
            None => Ok(stream),
        }
    }

    pub(super) fn send_informational(
        &mut self,
        id: u32,
        status: StatusCode,
        headers: &Headers,
    ) -> Result<(), StreamError> {
        self.sending(id)?;
        self.scratch.clear();
        message::put_informational(&mut self.encoder, status, headers, &mut self.scratch);
        frame::put_headers(self.out.tail(), id, &self.scratch, false);
        self.wake_driver();
        Ok(())
    }

    pub(super) fn send_response(&mut self, id: u32, head: ResponseHead<'_>, end: bool) -> Result<(), StreamError> {
        self.sending(id)?;
        self.scratch.clear();
        message::put_response(&mut self.encoder, head, &mut self.scratch);
        frame::put_headers(self.out.tail(), id, &self.scratch, end);
        if end {
            self.sent_end(id);
        }
        self.wake_driver();
        Ok(())
    }

    pub(super) fn send_trailers(&mut self, id: u32, trailers: &HeaderMap) -> Result<(), StreamError> {
        self.sending(id)?;
        self.scratch.clear();
        message::put_trailers(&mut self.encoder, trailers, &mut self.scratch);
        frame::put_headers(self.out.tail(), id, &self.scratch, true);
        self.sent_end(id);
        self.wake_driver();
        Ok(())
    }

    /// Waits until a frame of data may be sent, and says how long it may be.
    pub(super) fn poll_room(&mut self, id: u32, cx: &Context<'_>) -> Poll<Result<usize, StreamError>> {
        let (of_connection, filling) = (self.room, self.filling);
        let first = self.turns.front().copied();
        let stream = match self.sending(id) {
            Ok(stream) => stream,
            Err(error) => return Poll::Ready(Err(error)),
        };
        let (room, has_sent) = (stream.room, stream.sent_in == filling);
        // What is left of the connection's window is for those who wait for it already.
        let passes = !has_sent && !stream.queued && of_connection >= i64::from(DEFAULT_WINDOW / 4);
        let mine = first.is_none_or(|first| first == id) || (passes && self.outlet.is_some());
        if room > 0 && of_connection > 0 && mine && (!self.is_full() || (!has_sent && self.write_now())) {
            let room = usize::try_from(room.min(of_connection)).unwrap_or_default();
            return Poll::Ready(Ok(room.min(LARGEST_PAYLOAD)));
        }
        if room <= 0 {
            self.leave_turn(id);
        }
        let Ok(stream) = self.sending(id) else { return Poll::Pending };
        stream::remember(&mut stream.sender, cx);
        if room > 0 && !std::mem::replace(&mut stream.queued, true) {
            self.turns.push_back(id);
        }
        Poll::Pending
    }

    /// Makes room by writing what waits, for a stream of which nothing does: many small answers that are ready at the same
    /// time go out one after the other, and none of them waits for the turns of others. Says whether all was taken.
    fn write_now(&mut self) -> bool {
        if self.blocked {
            return false;
        }
        let Some(outlet) = self.outlet.clone() else { return false };
        let (before, choked) = (self.out.len(), self.is_choked());
        let taken = outlet.write(&mut self.out);
        self.wrote(before - self.out.len(), !taken);
        if !taken || choked {
            self.wake_driver();
        }
        taken
    }

    /// Whether data waits until what is there was written.
    fn is_full(&self) -> bool {
        self.blocked || self.out.len() >= self.high_water
    }

    /// Whether a stream waits for what all streams share, and not for its own window.
    pub(super) fn waits_for_turn(&mut self, id: u32) -> bool {
        self.streams.get(id).is_some_and(|stream| stream.queued)
    }

    /// Bytes that were ever written.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Sends data, for which [`Self::poll_room`] gave room.
    pub(super) fn send_data(&mut self, id: u32, data: Bytes, end: bool) -> Result<(), StreamError> {
        let length = data.len();
        let filling = self.filling;
        let stream = self.sending(id)?;
        let taken = i64::try_from(length).unwrap_or(i64::MAX);
        stream.room -= taken;
        stream.sent_in = filling;
        self.room -= taken;
        frame::put_data_head(self.out.tail(), id, length, end);
        if length > 0 {
            self.out.push(data);
            self.budgets.sent_data();
        }
        self.leave_turn(id);
        if end {
            self.sent_end(id);
        }
        self.wake_driver();
        Ok(())
    }

    /// Lets the next stream have its turn.
    pub(super) fn leave_turn(&mut self, id: u32) {
        if self.turns.is_empty() {
            return;
        }
        if let Some(stream) = self.streams.get(id)
            && std::mem::take(&mut stream.queued)
        {
            let first = self.turns.front() == Some(&id);
            if first {
                self.turns.pop_front();
                self.next_turn();
            } else {
                self.turns.retain(|other| *other != id);
            }
        }
    }

    /// Wakes the first stream in the line, if there is room.
    pub(super) fn next_turn(&mut self) {
        if self.room > 0
            && !self.is_full()
            && let Some(first) = self.turns.front()
            && let Some(stream) = self.streams.get(*first)
        {
            stream.wake_sender();
        }
    }

    fn sent_end(&mut self, id: u32) {
        self.budgets.sent_end();
        if let Some(stream) = self.streams.get(id) {
            stream.sent_end = true;
        }
        self.settle(id);
    }

    /// Nobody sends any more. A message that is not complete must not look as if it were.
    pub(super) fn drop_sender(&mut self, id: u32) {
        let Some(stream) = self.streams.get(id) else { return };
        stream.held.sender = false;
        stream.sender = None;
        if !stream.sent_end {
            let reason = if self.role == Role::Server { Reason::INTERNAL_ERROR } else { Reason::CANCEL };
            self.cancel(id, reason);
        }
        self.dropped(id);
    }

    /// Nobody reads any more.
    pub(super) fn drop_receiver(&mut self, id: u32) {
        let Some(stream) = self.streams.get(id) else { return };
        stream.held.receiver = false;
        stream.receiver = None;
        let unread = stream.data.clear();
        self.release_connection(unread);
        self.dropped(id);
    }

    fn dropped(&mut self, id: u32) {
        let Some(stream) = self.streams.get(id) else { return };
        if !stream.held.sender && !stream.held.receiver && !stream.is_closed() {
            // RFC 9113 section 8.1: a server may stop a request whose answer is complete.
            let reason = if self.role == Role::Server { Reason::NO_ERROR } else { Reason::CANCEL };
            self.cancel(id, reason);
        }
        self.leave_turn(id);
        self.settle(id);
    }
}
