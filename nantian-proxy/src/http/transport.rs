//! The byte stream under a connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::ByteStream;
use super::buffered::Held;

/// A byte stream in both directions: a socket, a TLS session, or anything else.
#[derive(Default)]
pub enum Transport {
    /// A cleartext socket.
    Tcp(TcpStream),
    /// A TLS session that we serve.
    Tls(Box<TlsStream<TcpStream>>),
    /// Anything else.
    Other(Box<dyn ByteStream>),
    /// Nothing: reads end, writes fail.
    #[default]
    Closed,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tcp(_) => "Tcp",
            Self::Tls(_) => "Tls",
            Self::Other(_) => "Other",
            Self::Closed => "Closed",
        })
    }
}

impl From<TcpStream> for Transport {
    fn from(stream: TcpStream) -> Self {
        Self::Tcp(stream)
    }
}

impl From<TlsStream<TcpStream>> for Transport {
    fn from(stream: TlsStream<TcpStream>) -> Self {
        Self::Tls(Box::new(stream))
    }
}

impl Transport {
    /// The socket, where what goes through it is not changed on the way.
    pub(crate) fn socket(&self) -> Option<&TcpStream> {
        if let Self::Tcp(io) = self { Some(io) } else { None }
    }

    /// Whether nothing waits to be read, neither bytes nor an end, as far as is known without waiting. What waits may be
    /// lost: whoever asks has no use for it.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        if let Self::Tcp(io) = self {
            return matches!(io.try_read(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        }
        let mut cx = Context::from_waker(Waker::noop());
        Pin::new(self).poll_read(&mut cx, &mut ReadBuf::new(&mut byte)).is_pending()
    }

    /// Encrypted bytes that the system has not taken yet.
    pub(crate) fn unsent(&mut self) -> usize {
        let Self::Tls(io) = self else { return 0 };
        let session = io.get_mut().1;
        if !session.wants_write() {
            return 0;
        }
        // It reads nothing; a session that failed fails again where it is read.
        session.process_new_packets().map_or(0, |state| state.tls_bytes_to_write())
    }

    /// Any other byte stream.
    pub fn other(stream: impl ByteStream) -> Self {
        Self::Other(Box::new(stream))
    }

    /// Resets the connection when it is dropped. A close in good order would leave what was written to the kernel, which
    /// offers it for minutes to a peer that takes nothing.
    pub(crate) fn reset_on_drop(&self) {
        let socket = match self {
            Self::Tcp(io) => io,
            Self::Tls(io) => io.get_ref().0,
            Self::Other(_) | Self::Closed => return,
        };
        // It fails only for a socket that has ended already.
        let _ended = socket.set_zero_linger();
    }
}

/// Writes what is encrypted already. Without this a session would encrypt one more record for a client that has not taken
/// the last one.
fn poll_unsent(io: &mut TlsStream<TcpStream>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    if io.get_ref().1.wants_write() { Pin::new(io).poll_flush(cx) } else { Poll::Ready(Ok(())) }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(io) => Pin::new(io).poll_read(cx, buf),
            Self::Tls(io) => match Pin::new(io.as_mut()).poll_read(cx, buf) {
                // HTTP messages carry their own end (RFC 9112 section 9.8), so a session that ends without close_notify
                // is no more than an end.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
                other => other,
            },
            Self::Other(io) => Pin::new(io.as_mut()).poll_read(cx, buf),
            Self::Closed => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(io) => Pin::new(io).poll_write(cx, buf),
            Self::Tls(io) => {
                ready!(poll_unsent(io, cx))?;
                Pin::new(io.as_mut()).poll_write(cx, buf)
            }
            Self::Other(io) => Pin::new(io.as_mut()).poll_write(cx, buf),
            Self::Closed => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            // Writes to a socket have nothing behind them that could be flushed.
            Self::Tcp(_) | Self::Closed => Poll::Ready(Ok(())),
            Self::Tls(io) => Pin::new(io.as_mut()).poll_flush(cx),
            Self::Other(io) => Pin::new(io.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(io) => Pin::new(io).poll_shutdown(cx),
            Self::Tls(io) => Pin::new(io.as_mut()).poll_shutdown(cx),
            Self::Other(io) => Pin::new(io.as_mut()).poll_shutdown(cx),
            Self::Closed => Poll::Ready(Ok(())),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            Self::Tls(io) => {
                ready!(poll_unsent(io, cx))?;
                Pin::new(io.as_mut()).poll_write_vectored(cx, bufs)
            }
            Self::Other(io) => Pin::new(io.as_mut()).poll_write_vectored(cx, bufs),
            Self::Closed => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(io) => io.is_write_vectored(),
            Self::Tls(io) => io.is_write_vectored(),
            Self::Other(io) => io.is_write_vectored(),
            Self::Closed => false,
        }
    }
}

/// A transport of which some bytes were read already: they come first.
#[derive(Debug)]
pub(crate) struct Prefixed {
    prefix: Bytes,
    io: Transport,
    held: Held,
}

impl Prefixed {
    pub(crate) fn new(prefix: Bytes, io: Transport) -> Self {
        Self { prefix, io, held: Held::default() }
    }

    /// Counts what was read and not yet taken.
    pub(crate) fn counted(mut self, held: Held) -> Self {
        self.held = held;
        self.held.set(self.prefix.len());
        self
    }
}

impl AsyncRead for Prefixed {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.prefix.is_empty() {
            return Pin::new(&mut this.io).poll_read(cx, buf);
        }
        let part = this.prefix.split_to(this.prefix.len().min(buf.remaining()));
        buf.put_slice(part.chunk());
        this.held.set(this.prefix.len());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Prefixed {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
