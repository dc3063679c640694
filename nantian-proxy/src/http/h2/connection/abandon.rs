//! Requests to a backend that nobody wants an answer to any more.
//!
//! Their reset has a [pace](crate::http::h2::reset_pace). Until its turn such a stream stays open, and counts for what the
//! backend lets us open: however fast clients reset their requests, it has no more of them in work. What it still sends
//! is dropped; the window of the stream is not opened again, so that it is no more than what the window holds.

use tokio::time::Instant;

use super::{Core, Role};
use crate::http::h2::error::StreamError;
use crate::http::h2::reason::Reason;

/// What [`Core::let_go`] did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LetGo {
    /// Streams that were reset.
    pub(crate) reset: u64,
    /// Streams that were abandoned since the last time, and wait for their turn.
    pub(crate) held: u64,
    /// When the next one has its turn.
    pub(crate) next: Option<Instant>,
}

impl Core {
    /// Ends a stream by our own will.
    pub(super) fn cancel(&mut self, id: u32, reason: Reason) {
        let Some(stream) = self.streams.get(id) else { return };
        if stream.error.is_some() || stream.is_closed() || self.closed.is_some() {
            return;
        }
        // An answer that is complete may be told that the rest of its request will not come (RFC 9113 section 8.1).
        if self.role == Role::Server || stream.received_end {
            self.reset(id, reason, StreamError::Cancelled);
            return;
        }
        self.streams.abandon(id);
        self.newly_abandoned += 1;
        self.leave_turn(id);
        self.wake_driver();
    }

    /// Resets abandoned streams as far as it is their turn, the oldest first.
    pub(crate) fn let_go(&mut self, now: Instant) -> LetGo {
        let mut done = LetGo::default();
        while let Some(id) = self.streams.first_abandoned() {
            if let Err(next) = self.reset_pace.take(now) {
                done.next = Some(next);
                done.held = self.newly_abandoned.min(u64::try_from(self.streams.abandoned()).unwrap_or(u64::MAX));
                break;
            }
            self.reset(id, Reason::CANCEL, StreamError::Cancelled);
            done.reset += 1;
        }
        self.newly_abandoned = 0;
        done
    }

    /// The answer to a request that nobody waits for has come to its end.
    pub(super) fn end_abandoned(&mut self, id: u32) {
        let Some(stream) = self.streams.get(id) else { return };
        stream.received_end = true;
        if stream.sent_end {
            self.reset_pace.give();
            self.end_stream(id, StreamError::Cancelled);
        } else {
            self.reset(id, Reason::CANCEL, StreamError::Cancelled);
        }
    }
}
