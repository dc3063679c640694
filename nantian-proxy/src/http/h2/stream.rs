//! An HTTP/2 stream as a byte stream, for tunnels.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::{Receiver, Sender};
use super::error::StreamError;
use super::reason::Reason;
use crate::http::buffered::Held;

/// The two halves of a stream. Dropping it before both ended resets it.
pub(crate) struct StreamIo {
    send: Sender,
    receive: Receiver,
    read: Bytes,
    held: Held,
    shut: bool,
}

impl StreamIo {
    /// `held`: counts what was received and not yet read.
    pub(crate) fn new(send: Sender, receive: Receiver, held: Held) -> Self {
        Self { send, receive, read: Bytes::new(), held, shut: false }
    }
}

impl AsyncRead for StreamIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.read.is_empty() {
            match ready!(this.receive.poll_data(cx)) {
                Some(Ok(data)) => this.read = data,
                Some(Err(StreamError::Reset(Reason::NO_ERROR))) | None => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(error.into())),
            }
        }
        let part = this.read.split_to(this.read.len().min(buf.remaining()));
        buf.put_slice(part.chunk());
        this.held.set(this.read.len());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for StreamIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let room = ready!(this.send.poll_room(cx))?;
        let part = buf.get(..buf.len().min(room)).unwrap_or_default();
        this.send.send_data(Bytes::copy_from_slice(part), false)?;
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !std::mem::replace(&mut this.shut, true) {
            this.send.send_data(Bytes::new(), true)?;
        }
        Poll::Ready(Ok(()))
    }
}
