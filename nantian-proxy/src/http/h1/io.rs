//! The codec on a byte stream: reads into one buffer, writes many parts at once.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::Frame;
use smallvec::SmallVec;
use tokio::io::{AsyncReadExt, AsyncWrite};

use super::chunked::{Decoded, Decoder};
use super::encode::{COPY_UP_TO, Output};
use super::framing::Framing;
use super::head::HeadLimits;
use crate::http::{BodyError, Pipe, Transport, buffers, splice};

const MIN_READ: usize = 4 * 1024;
/// Most bytes that are read at once. A peer that stops reading leaves about as much in our hands.
pub(crate) const LONG_READ: usize = 32 * 1024;
/// The same where they may be held twice: chunks are gathered across reads, and HTTP/2 has buffers of its own.
/// Two TLS records have room for it and for what frames it, so that a read does not become two records and a bit.
pub(crate) const SHORT_READ: usize = 16 * 1024 - 512;
/// Bytes of a message that wait to be written before its body is asked for more. Once the peer does not take all of
/// them, nothing is added.
pub(super) const HIGH_WATER: usize = 15 * 1024;

/// Bytes that were read and not yet used.
#[derive(Debug)]
pub(crate) struct Reader {
    pub(crate) buf: BytesMut,
    pub(crate) eof: bool,
    /// Room for a read; grows while reads fill it.
    size: usize,
    /// To this.
    pub(crate) most: usize,
}

impl Reader {
    pub(crate) fn new(buf: BytesMut) -> Self {
        Self { buf, eof: false, size: MIN_READ, most: LONG_READ }
    }

    /// Reads once. 0: the peer has ended its side.
    pub(crate) fn poll_fill(&mut self, io: &mut Transport, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.poll_fill_up_to(self.most, io, cx)
    }

    /// The same, with room for at most `most` bytes.
    fn poll_fill_up_to(&mut self, most: usize, io: &mut Transport, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.eof {
            return Poll::Ready(Ok(0));
        }
        let size = self.size.min(most);
        let taken = self.buf.capacity() == 0;
        if taken {
            self.buf = buffers::take(size);
        } else if self.buf.capacity() - self.buf.len() < size / 2 && !self.buf.try_reclaim(size) {
            // `BytesMut::reserve` would double what is there.
            let mut larger = BytesMut::with_capacity(self.buf.len() + size);
            larger.extend_from_slice(&self.buf);
            self.buf = larger;
        }
        let room = self.buf.capacity() - self.buf.len();
        let Poll::Ready(read) = pin!(io.read_buf(&mut self.buf)).poll(cx) else {
            if taken && self.size == MIN_READ {
                // Whoever has something to read is to find this buffer, while it is in the cache of the core.
                self.release();
            }
            return Poll::Pending;
        };
        let count = read?;
        if count == 0 {
            self.eof = true;
        } else if count >= room {
            self.size = (self.size * 2).min(most);
        } else if count < self.size / 4 {
            self.size = (self.size / 2).max(MIN_READ);
        }
        Poll::Ready(Ok(count))
    }

    /// Gives memory back, when the connection rests.
    pub(crate) fn release(&mut self) {
        if self.buf.is_empty() {
            let buf = std::mem::take(&mut self.buf);
            // One of a large read is not kept, for whoever reads little would hold it.
            if self.size == MIN_READ {
                buffers::give(buf);
            }
        }
    }
}

/// Whether what waits to be written is a little that is to let others go first: true once for it.
pub(super) fn lets_others_go_first(out: &mut Output) -> bool {
    out.has_parts() && out.len() < HIGH_WATER && out.must_yield()
}

/// Lets everyone else who is ready have a turn before a little is written, once. All who are ready read and answer then, and
/// write one after another: the processes that they write to are woken by the first, and are awake for the others. Waking one
/// costs as much as a write. Where nobody else is ready nothing is waited for.
pub(crate) fn poll_turn(out: &mut Output, cx: &mut Context<'_>) -> Poll<()> {
    if lets_others_go_first(out) {
        cx.waker().wake_by_ref();
        return Poll::Pending;
    }
    Poll::Ready(())
}

/// Writes everything. Ready once the system has taken all of it: what waits in a TLS session still waits for the peer.
pub(crate) fn poll_write(io: &mut Transport, out: &mut Output, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    if out.is_written() {
        return Poll::Ready(Ok(()));
    }
    while out.has_parts() {
        let polled = if let Some(part) = out.only_part() {
            Pin::new(&mut *io).poll_write(cx, part)
        } else {
            let parts: SmallVec<[IoSlice<'_>; 16]> = out.parts().take(16).map(IoSlice::new).collect();
            Pin::new(&mut *io).poll_write_vectored(cx, &parts)
        };
        if polled.is_pending() {
            out.settle();
        }
        let count = ready!(polled)?;
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        out.advance(count);
    }
    out.rest();
    ready!(poll_write_pipe(io, out.pipe(), cx))?;
    ready!(Pin::new(io).poll_flush(cx))?;
    out.flushed();
    Poll::Ready(Ok(()))
}

/// Writes what is in a pipe, and lets it rest.
fn poll_write_pipe(io: &Transport, piped: &mut Option<Pipe>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    let Some(pipe) = piped else { return Poll::Ready(Ok(())) };
    let Some(socket) = io.socket() else { return Poll::Ready(Err(io::ErrorKind::Unsupported.into())) };
    ready!(pipe.poll_drain(socket, cx))?;
    if let Some(pipe) = piped.take() {
        pipe.rest();
    }
    Poll::Ready(Ok(()))
}

/// Bytes that the client takes of what waits in a pipe, whether or not the system calls its socket writable: where it holds
/// megabytes for a client ([`crate::http::unsent`]), it does so only once a third of them is taken.
pub(super) fn write_pipe_unasked(io: &Transport, out: &mut Output) -> usize {
    let (Some(pipe), Some(socket)) = (out.pipe(), io.socket()) else { return 0 };
    // An error is seen by the next write.
    pipe.drain_unasked(socket).unwrap_or_default()
}

/// Reads a body in its framing.
#[derive(Debug)]
pub(crate) enum BodyReader {
    Ended,
    Length(u64),
    Chunked(Box<Decoder>),
    UntilClose,
    /// The framing was invalid: nothing after it means anything.
    Broken(&'static str),
}

impl BodyReader {
    pub(crate) fn new(framing: Framing, limits: HeadLimits) -> Self {
        match framing {
            Framing::None => Self::Ended,
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Box::new(Decoder::new(limits))),
            Framing::UntilClose => Self::UntilClose,
        }
    }

    pub(crate) fn ended(&self) -> bool {
        matches!(self, Self::Ended)
    }

    /// A lower bound of the bytes that are still to come.
    pub(crate) fn remaining(&self) -> u64 {
        match self {
            Self::Length(left) => *left,
            Self::Chunked(decoder) => decoder.remaining(),
            Self::Ended | Self::UntilClose | Self::Broken(_) => 0,
        }
    }

    /// Whether so much is left, and nothing of it read, that it should go through a pipe.
    pub(crate) fn is_pipeable(&self, reader: &Reader, io: &Transport) -> bool {
        matches!(self, Self::Length(left) if *left >= splice::WORTH) && reader.buf.is_empty() && io.socket().is_some()
    }

    /// Moves what has arrived into `pipe`, where [`Self::is_pipeable`] says that it should.
    pub(crate) fn poll_pipe(
        &mut self,
        io: &Transport,
        pipe: &mut Pipe,
        cx: &mut Context<'_>,
    ) -> Poll<Result<usize, BodyError>> {
        let (Self::Length(left), Some(socket)) = (&mut *self, io.socket()) else {
            return Poll::Ready(Err(BodyError::Truncated));
        };
        match ready!(pipe.poll_fill(socket, *left, cx))? {
            0 => Poll::Ready(Err(BodyError::Truncated)),
            count => {
                *left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
                if *left == 0 {
                    *self = Self::Ended;
                }
                Poll::Ready(Ok(count))
            }
        }
    }

    pub(crate) fn poll_frame(
        &mut self,
        reader: &mut Reader,
        io: &mut Transport,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            match self.frame(&mut reader.buf) {
                Ok(Some(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(None) if self.ended() => return Poll::Ready(None),
                Ok(None) => {}
                Err(reason) => {
                    *self = Self::Broken(reason);
                    return Poll::Ready(Some(Err(BodyError::Framing(reason))));
                }
            }
            let most = if matches!(self, Self::Chunked(_)) { reader.most.min(SHORT_READ) } else { reader.most };
            match ready!(reader.poll_fill_up_to(most, io, cx)) {
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
                Ok(0) if matches!(self, Self::UntilClose) => {
                    *self = Self::Ended;
                    return Poll::Ready(None);
                }
                Ok(0) => return Poll::Ready(Some(Err(BodyError::Truncated))),
                Ok(_) => {}
            }
        }
    }

    /// The next frame, as far as it is in `buf`.
    fn frame(&mut self, buf: &mut BytesMut) -> Result<Option<Frame<Bytes>>, &'static str> {
        match self {
            Self::Ended => Ok(None),
            Self::Broken(reason) => Err(reason),
            _ if buf.is_empty() => Ok(None),
            Self::Length(left) => {
                let part = usize::try_from(*left).unwrap_or(usize::MAX).min(buf.len());
                *left -= u64::try_from(part).unwrap_or(u64::MAX);
                if *left == 0 {
                    *self = Self::Ended;
                }
                Ok(Some(Frame::data(take(buf, part).freeze())))
            }
            Self::Chunked(decoder) => match decoder.decode(buf)? {
                Decoded::Data(data) => {
                    if decoder.take_plain_end(buf) {
                        *self = Self::Ended;
                    }
                    Ok(Some(Frame::data(data)))
                }
                Decoded::End(trailers) => {
                    *self = Self::Ended;
                    Ok(trailers.map(Frame::trailers))
                }
                Decoded::NeedMore => Ok(None),
            },
            Self::UntilClose => Ok(Some(Frame::data(std::mem::take(buf).freeze()))),
        }
    }
}

/// Takes bytes from the front. What is taken whole keeps nothing behind, so that its memory goes when it was written;
/// but little is copied on its way, and leaves the buffer for the next read.
fn take(buf: &mut BytesMut, count: usize) -> BytesMut {
    if count == buf.len() && count > COPY_UP_TO { std::mem::take(buf) } else { buf.split_to(count) }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use tokio::io;

    use super::*;

    /// Reads once from a peer that has sent `count` bytes.
    fn fill(reader: &mut Reader, count: usize) -> usize {
        let sent = io::repeat(b'x').take(count.try_into().unwrap());
        let mut io = Transport::other(io::join(sent, io::sink()));
        match reader.poll_fill(&mut io, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(count)) => count,
            other => panic!("{other:?}"),
        }
    }

    fn with_room(room: usize) -> Reader {
        Reader { most: MIN_READ, ..Reader::new(BytesMut::with_capacity(room)) }
    }

    #[test]
    fn a_reader_that_has_room_for_half_a_read_reads_into_it() {
        let mut reader = with_room(MIN_READ);
        assert_eq!(fill(&mut reader, MIN_READ / 2), MIN_READ / 2);
        let start = reader.buf.as_ptr();
        assert_eq!(fill(&mut reader, MIN_READ), MIN_READ / 2);
        assert_eq!((reader.buf.as_ptr(), reader.buf.len()), (start, MIN_READ));
    }

    #[test]
    fn a_reader_without_room_gets_what_one_read_needs_and_keeps_what_it_has() {
        let mut reader = with_room(MIN_READ);
        for reads in 1..=3 {
            assert_eq!(fill(&mut reader, MIN_READ), MIN_READ);
            assert_eq!((reader.buf.len(), reader.buf.capacity()), (reads * MIN_READ, reads * MIN_READ));
        }
    }

    #[test]
    fn a_reader_takes_back_what_was_used_of_its_buffer() {
        let mut reader = with_room(2 * MIN_READ);
        let start = reader.buf.as_ptr();
        assert_eq!(fill(&mut reader, 2 * MIN_READ), 2 * MIN_READ);
        drop(reader.buf.split_to(2 * MIN_READ - 100));
        assert_eq!(fill(&mut reader, MIN_READ), MIN_READ);
        assert_eq!((reader.buf.as_ptr(), reader.buf.len()), (start, MIN_READ + 100));
    }

    #[test]
    fn a_reader_that_rests_lets_others_have_its_buffer_unless_it_reads_much() {
        for (size, shared) in [(MIN_READ, true), (2 * MIN_READ, false)] {
            let mut reader = with_room(2 * MIN_READ);
            reader.size = size;
            reader.release();
            assert_eq!(reader.buf.capacity(), 0);
            assert_eq!(buffers::take(MIN_READ).capacity() == 2 * MIN_READ, shared, "{size}");
        }
        let mut reader = with_room(MIN_READ);
        fill(&mut reader, 1);
        reader.release();
        assert_eq!(reader.buf.len(), 1, "what was not used stays");
    }

    #[test]
    fn only_what_is_large_and_taken_whole_leaves_nothing_behind() {
        for (held, count, left) in [
            (COPY_UP_TO + 1, COPY_UP_TO + 1, false),
            (COPY_UP_TO, COPY_UP_TO, true),
            (10, 10, true),
            (COPY_UP_TO + 2, COPY_UP_TO + 1, true),
            (10, 9, true),
        ] {
            let mut buf = BytesMut::with_capacity(2 * COPY_UP_TO);
            buf.resize(held, b'x');
            assert_eq!(take(&mut buf, count).len(), count);
            assert_eq!((buf.len(), buf.capacity() > 0), (held - count, left), "{count} of {held}");
        }
    }
}
