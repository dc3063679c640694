//! One stream (RFC 9113 section 5.1): what was sent, what was received, and who waits for it.

use std::collections::VecDeque;
use std::task::{Context, Waker};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};
use smallvec::SmallVec;

use crate::http::h2::error::StreamError;
use crate::http::h2::flow::Window;
use crate::http::{Response, buffered};

/// DATA up to this size is copied, so that a small piece does not keep the whole read alive that it came in.
const COPY_UP_TO: usize = 4_096;

/// Data that nobody has taken yet. Small pieces are joined: many of one byte cost no more than their bytes.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    whole: VecDeque<Bytes>,
    joined: BytesMut,
    held: buffered::Held,
}

impl Pieces {
    /// Counts what nobody has taken with `held`.
    pub(super) fn count(&mut self, mut held: buffered::Held) {
        held.set(self.held.bytes());
        self.held = held;
    }

    pub(super) fn push_small(&mut self, data: &[u8]) {
        self.held.add(data.len());
        self.joined.extend_from_slice(data);
        if self.joined.len() >= COPY_UP_TO {
            self.whole.push_back(self.joined.split().freeze());
        }
    }

    pub(super) fn push(&mut self, data: Bytes) {
        self.held.add(data.len());
        if !self.joined.is_empty() {
            self.whole.push_back(self.joined.split().freeze());
        }
        self.whole.push_back(data);
    }

    /// Whether a piece of this size is copied.
    pub(super) const fn is_small(length: usize) -> bool {
        length <= COPY_UP_TO
    }

    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let joined = &mut self.joined;
        let next = self.whole.pop_front().or_else(|| (!joined.is_empty()).then(|| std::mem::take(joined).freeze()));
        self.held.subtract(next.as_ref().map_or(0, Bytes::len));
        next
    }

    pub(super) fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.joined.is_empty()
    }

    /// Drops everything, and says how much it was.
    pub(super) fn clear(&mut self) -> usize {
        if self.is_empty() {
            return 0;
        }
        let length = self.held.bytes();
        self.held.set(0);
        (self.whole, self.joined) = (VecDeque::new(), BytesMut::new());
        length
    }
}

/// A client's stream: what of the answer's head has arrived.
#[derive(Debug)]
pub(super) struct Awaited {
    pub(super) method: Method,
    /// Interim answers, and the final one, which mostly comes alone.
    pub(super) heads: SmallVec<[Response<()>; 1]>,
    pub(super) is_final: bool,
}

impl Awaited {
    pub(super) fn next_head(&mut self) -> Option<Response<()>> {
        if self.heads.is_empty() { None } else { Some(self.heads.remove(0)) }
    }
}

/// One stream.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the two sides end independently; the others say where it is listed")]
pub(super) struct Stream {
    /// Whether our side has ended.
    pub(super) sent_end: bool,
    /// What the peer lets us send.
    pub(super) room: i64,
    /// Whether it waits for its turn to send.
    pub(super) queued: bool,
    /// The filling of the connection's buffer that it sent data in the last time; 0: none.
    pub(super) sent_in: u64,
    pub(super) sender: Option<Waker>,
    /// Whether the peer's side has ended.
    pub(super) received_end: bool,
    pub(super) window: Window,
    pub(super) data: Pieces,
    pub(super) trailers: Option<HeaderMap>,
    /// What is still to come of the promised length.
    pub(super) length: Option<u64>,
    pub(super) awaited: Option<Box<Awaited>>,
    pub(super) receiver: Option<Waker>,
    pub(super) error: Option<StreamError>,
    /// Whether nobody wants it any more, and its reset waits for its turn.
    pub(super) abandoned: bool,
    /// Whether somebody holds the sending half, and the receiving one.
    pub(super) held: Held,
    /// Whether it still counts among the open ones.
    pub(super) counted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) sender: bool,
    pub(super) receiver: bool,
}

impl Stream {
    pub(super) fn new(room: i64, window: Window, length: Option<u64>) -> Self {
        Self {
            sent_end: false,
            room,
            queued: false,
            sent_in: 0,
            sender: None,
            received_end: false,
            window,
            data: Pieces::default(),
            trailers: None,
            length,
            awaited: None,
            receiver: None,
            error: None,
            abandoned: false,
            held: Held { sender: true, receiver: true },
            counted: true,
        }
    }

    /// RFC 9113 section 5.1: both sides have ended, or it was reset.
    pub(super) fn is_closed(&self) -> bool {
        (self.error.is_some() && !self.abandoned) || (self.sent_end && self.received_end)
    }

    /// Whether both sides have ended it in good order.
    pub(super) fn has_ended(&self) -> bool {
        self.error.is_none() && self.sent_end && self.received_end
    }

    /// Whether a part of the peer's message may come now, and is looked at: what was on its way when we reset the stream
    /// is not. An error (`STREAM_CLOSED`) where the peer had ended or reset it (RFC 9113 section 5.1).
    pub(super) fn admits(&self) -> Result<bool, &'static str> {
        match self.error {
            Some(StreamError::Reset(_)) => Err("a part of a message after RST_STREAM"),
            Some(_) => Ok(false),
            None if self.received_end => Err("a part of a message after its end"),
            None => Ok(true),
        }
    }

    /// Whether nothing more can come.
    pub(super) fn is_over(&self) -> bool {
        self.received_end || self.error.is_some()
    }

    pub(super) fn wake(&mut self) {
        self.wake_sender();
        self.wake_receiver();
    }

    pub(super) fn wake_sender(&mut self) {
        if let Some(waker) = self.sender.take() {
            waker.wake();
        }
    }

    pub(super) fn wake_receiver(&mut self) {
        if let Some(waker) = self.receiver.take() {
            waker.wake();
        }
    }
}

/// Remembers the task, which is mostly the one that was there before.
pub(super) fn remember(place: &mut Option<Waker>, cx: &Context<'_>) {
    if !place.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
        *place = Some(cx.waker().clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_out_as_they_went_in_and_small_ones_joined() {
        let mut pieces = Pieces::default();
        for byte in b"hello" {
            pieces.push_small(&[*byte]);
        }
        pieces.push(Bytes::from_static(b"large"));
        pieces.push_small(b"!");
        assert_eq!([pieces.pop(), pieces.pop(), pieces.pop()].map(Option::unwrap), ["hello", "large", "!"]);
        assert!(pieces.pop().is_none() && pieces.is_empty());
    }

    #[test]
    fn many_pieces_of_one_byte_cost_little_more_than_their_bytes() {
        let mut pieces = Pieces::default();
        for _ in 0..65_536 {
            pieces.push_small(b"x");
        }
        assert!(pieces.whole.len() <= 16, "{} pieces", pieces.whole.len());
        assert_eq!(pieces.clear(), 65_536);
        assert!(pieces.is_empty());
    }
}
