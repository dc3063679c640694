//! How answers share writes.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::task::spawn_local;

use super::frame;
use crate::http::h2::frame::kind::{HEADERS, SETTINGS};
use crate::http::h2::frame::{HEAD, PREFACE};
use crate::http::testing::{HandleFn, local, reply};
use crate::http::{ConnectionInfo, Drain, Transport, h2};

/// Counts writes.
struct Counting {
    io: DuplexStream,
    writes: Rc<Cell<usize>>,
}

impl AsyncRead for Counting {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Counting {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.writes.set(self.writes.get() + 1);
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writes.set(self.writes.get() + 1);
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// The kind and the flags of the next frame.
async fn next(io: &mut DuplexStream) -> (u8, u8) {
    let mut head = [0; HEAD];
    io.read_exact(&mut head).await.unwrap();
    io.read_exact(&mut vec![0; usize::from(head[1]) * 256 + usize::from(head[2])]).await.unwrap();
    (head[3], head[4])
}

/// 32 of 1 KiB are more than may wait to be written. Where the peer takes it, none waits for the turn of another.
#[test]
fn answers_that_are_ready_together_take_as_many_writes_as_they_fill() {
    local(async {
        let (mut client, server) = tokio::io::duplex(1 << 20);
        let writes = Rc::<Cell<usize>>::default();
        let io = Transport::other(Counting { io: server, writes: Rc::clone(&writes) });
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let info = Rc::new(ConnectionInfo::new(address, address));
        let handler = Rc::new(HandleFn(|_, _| async { reply(vec![b'x'; 1_024]) }));
        spawn_local(h2::serve(io, info, Rc::default(), handler, Drain::new()));
        client.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, b"")].concat()).await.unwrap();
        while next(&mut client).await != (SETTINGS, 1) {}
        let before = writes.get();
        let get = |stream| frame(HEADERS, 0x5, stream, b"\x82\x86\x84\x41\x01a");
        client.write_all(&(1..).step_by(2).take(32).flat_map(get).collect::<Vec<u8>>()).await.unwrap();
        let mut ended = 0;
        while ended < 32 {
            ended += i32::from(next(&mut client).await.1 & 1);
        }
        assert_eq!(writes.get() - before, 3);
    });
}
