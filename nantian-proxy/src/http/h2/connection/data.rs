//! DATA in.

use std::ops::Range;

use bytes::{Buf as _, BytesMut};
use tokio::time::Instant;

use super::Core;
use super::stream::Pieces;
use super::streams::Past;
use crate::http::h2::budget::Flood;
use crate::http::h2::error::ConnectionError;
use crate::http::h2::frame::{self, HEAD, Head};
use crate::http::h2::reason::Reason;

impl Core {
    pub(super) fn receive_data(
        &mut self,
        head: Head,
        data: Range<usize>,
        end: bool,
        read: &mut BytesMut,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        if data.is_empty() && !end {
            self.budgets.take(Flood::EmptyData, now)?;
        } else {
            self.budgets.received_data();
        }
        if self.is_idle(head.stream) {
            return Err(ConnectionError::protocol("DATA on a stream that is not open"));
        }
        let stream = self.streams.get(head.stream).filter(|stream| stream.error.is_none());
        if stream.and_then(|stream| stream.awaited.as_ref()).is_some_and(|awaited| !awaited.is_final) {
            return Err(ConnectionError::protocol("DATA before the head of an answer"));
        }
        // RFC 9113 section 6.9.1: padding counts.
        if !self.window.take(head.length) {
            let what = "more data than the connection's window holds";
            return Err(ConnectionError::Broken { reason: Reason::FLOW_CONTROL_ERROR, what });
        }
        let length = data.len();
        let taken = self.admit(head, length, end);
        let unused = match taken {
            Ok(true) => head.length - length,
            Ok(false) | Err(_) => head.length,
        };
        if unused > 0 {
            self.release_connection(unused);
        }
        if taken == Ok(true) {
            self.keep(head, data, unused, read);
        } else {
            read.advance(HEAD + head.length);
        }
        if let Err((reason, what)) = taken {
            return self.blame(head.stream, reason, what, now);
        }
        if end && taken.is_ok() {
            self.receive_end(head.stream);
        }
        Ok(())
    }

    /// Whether DATA may come on its stream, and whether anybody will read it.
    fn admit(&mut self, head: Head, length: usize, end: bool) -> Result<bool, (Reason, &'static str)> {
        let Some(stream) = self.streams.get(head.stream) else {
            return match self.streams.past(head.stream) {
                Past::Reset => Ok(false),
                Past::Ended | Past::Unknown => Err((Reason::STREAM_CLOSED, "DATA on a closed stream")),
            };
        };
        let admitted = stream.admits().map_err(|what| (Reason::STREAM_CLOSED, what))?;
        if (admitted || stream.abandoned) && !stream.window.take(head.length) {
            return Err((Reason::FLOW_CONTROL_ERROR, "more data than the stream's window holds"));
        }
        if !admitted {
            return Ok(false);
        }
        // RFC 9113 section 8.1.1: data that is not what content-length says is malformed.
        if let Some(left) = &mut stream.length {
            let rest = left.checked_sub(u64::try_from(length).unwrap_or(u64::MAX));
            *left = rest.ok_or((Reason::PROTOCOL_ERROR, "more data than content-length promises"))?;
            if end && *left > 0 {
                return Err((Reason::PROTOCOL_ERROR, "less data than content-length promises"));
            }
        }
        Ok(stream.held.receiver)
    }

    /// Takes a DATA frame out of what was read, and gives its data to its stream.
    fn keep(&mut self, head: Head, data: Range<usize>, padding: usize, read: &mut BytesMut) {
        read.advance(HEAD + data.start);
        let behind = read.len().saturating_sub(head.length - data.start);
        if let Some(stream) = self.streams.get(head.stream) {
            if Pieces::is_small(data.len()) {
                stream.data.push_small(read.get(..data.len()).unwrap_or_default());
            } else {
                stream.data.push(read.split_to(data.len()).freeze());
            }
            stream.wake_receiver();
            if padding > 0
                && let Some(update) = stream.window.release(padding)
            {
                frame::put_window_update(self.out.tail(), head.stream, update);
            }
        }
        read.advance(read.len().saturating_sub(behind));
    }
}
