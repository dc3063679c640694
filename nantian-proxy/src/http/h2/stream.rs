//! An HTTP/2 stream as a byte stream, for tunnels.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::{Reason, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::part::Part;

/// The two halves of a stream. Dropping it before both ended resets it.
pub(crate) struct StreamIo {
    send: SendStream<Part>,
    recv: RecvStream,
    read: Bytes,
    shut: bool,
}

impl StreamIo {
    pub(crate) fn new(send: SendStream<Part>, recv: RecvStream) -> Self {
        Self { send, recv, read: Bytes::new(), shut: false }
    }
}

fn io_error(error: h2::Error) -> io::Error {
    // RFC 8441 section 5: a stream that is reset is a TCP connection that is.
    if error.is_io() {
        error.into_io().unwrap_or_else(|| io::ErrorKind::ConnectionReset.into())
    } else {
        io::Error::new(io::ErrorKind::ConnectionReset, error)
    }
}

impl AsyncRead for StreamIo {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.read.is_empty() {
            match ready!(this.recv.poll_data(cx)) {
                Some(Ok(data)) => {
                    let _ = this.recv.flow_control().release_capacity(data.len());
                    this.read = data;
                }
                Some(Err(error)) if error.reason() == Some(Reason::NO_ERROR) => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(io_error(error))),
                None => return Poll::Ready(Ok(())),
            }
        }
        let part = this.read.split_to(this.read.len().min(buf.remaining()));
        buf.put_slice(part.chunk());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for StreamIo {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        this.send.reserve_capacity(buf.len());
        while this.send.capacity() == 0 {
            match ready!(this.send.poll_capacity(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(io_error(error))),
                None => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
            }
        }
        let part = buf.get(..buf.len().min(this.send.capacity())).unwrap_or_default();
        this.send.send_data(Bytes::copy_from_slice(part).into(), false).map_err(io_error)?;
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !std::mem::replace(&mut this.shut, true) {
            this.send.send_data(Part::default(), true).map_err(io_error)?;
        }
        Poll::Ready(Ok(()))
    }
}
