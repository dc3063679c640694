//! Bytes in both directions, after an upgrade or CONNECT.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::buffered::{Account, Held};
use super::deadline::Deadline;
use super::{ByteStream, ConnectionEnd, Cut, Fate, HttpSettings};

/// Copies both ways until both sides have ended; the end of one direction is passed on at once. A tunnel that carries
/// nothing for too long is cut: after the end of one direction much sooner, since few protocols go on half-open, and a
/// client that does not answer a backend's end would hold its connection for ever.
pub(crate) async fn copy(
    near: impl ByteStream,
    far: Box<dyn ByteStream>,
    settings: &HttpSettings,
    account: &Rc<Account>,
    fate: &Fate,
) -> ConnectionEnd {
    let idle = settings.tunnel_idle_timeout;
    let activity = Activity::of(Held::aside(account));
    copy_within(near, far, activity, (idle, settings.body_idle_timeout.min(idle)), fate).await
}

async fn copy_within(
    near: impl ByteStream,
    far: Box<dyn ByteStream>,
    activity: Activity,
    (idle, half_closed): (Duration, Duration),
    fate: &Fate,
) -> ConnectionEnd {
    let (mut near, mut far) = (Watched { io: near, activity: &activity }, Watched { io: far, activity: &activity });
    let mut copying = pin!(tokio::io::copy_bidirectional(&mut near, &mut far));
    let mut deadline = Deadline::default();
    deadline.set_in(idle);
    poll_fn(|cx| {
        match copying.as_mut().poll(cx) {
            Poll::Ready(Ok(_)) => return Poll::Ready(ConnectionEnd::Tunnel),
            Poll::Ready(Err(error)) => return Poll::Ready(ConnectionEnd::Io(error)),
            Poll::Pending => {}
        }
        if activity.moved.take() {
            deadline.set_in(if activity.ended.get() { half_closed } else { idle });
        }
        if !deadline.poll(cx) {
            return Poll::Pending;
        }
        fate.cut(Cut::Idle);
        Poll::Ready(ConnectionEnd::TunnelIdle)
    })
    .await
}

/// What happened since somebody looked.
#[derive(Debug, Default)]
struct Activity {
    moved: Cell<bool>,
    /// Whether a side has ended.
    ended: Cell<bool>,
    /// What was read from one side and not yet written to the other.
    held: RefCell<Held>,
}

impl Activity {
    fn of(held: Held) -> Self {
        Self { held: RefCell::new(held), ..Self::default() }
    }
}

struct Watched<'a, S> {
    io: S,
    activity: &'a Activity,
}

impl<S: ByteStream> AsyncRead for Watched<'_, S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let polled = Pin::new(&mut this.io).poll_read(cx, buf);
        if polled.is_ready() {
            this.activity.moved.set(true);
            let count = buf.filled().len().saturating_sub(before);
            this.activity.held.borrow_mut().add(count);
            if count == 0 {
                this.activity.ended.set(true);
            }
        }
        polled
    }
}

impl<S: ByteStream> AsyncWrite for Watched<'_, S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.io).poll_write(cx, buf);
        if let Poll::Ready(written) = &polled {
            this.activity.moved.set(true);
            this.activity.held.borrow_mut().subtract(written.as_ref().map_or(0, |count| *count));
        }
        polled
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::Instant;

    use super::*;

    const IDLE: Duration = Duration::from_secs(3_600);
    const HALF_CLOSED: Duration = Duration::from_secs(60);

    fn tunnel() -> (DuplexStream, DuplexStream, impl Future<Output = ConnectionEnd>) {
        let (client, near) = duplex(64);
        let (far, backend) = duplex(64);
        let copy = async {
            copy_within(near, Box::new(far), Activity::default(), (IDLE, HALF_CLOSED), &Fate::default()).await
        };
        (client, backend, copy)
    }

    #[tokio::test(start_paused = true)]
    async fn a_tunnel_that_carries_nothing_is_cut_and_each_byte_gives_it_the_whole_time_again() {
        let (mut client, mut backend, copy) = tunnel();
        let start = Instant::now();
        let use_it = async {
            tokio::time::sleep(IDLE / 2).await;
            client.write_all(b"x").await.unwrap();
            assert_eq!(backend.read_u8().await.unwrap(), b'x');
        };
        let (end, ()) = tokio::join!(copy, use_it);
        assert!(matches!(end, ConnectionEnd::TunnelIdle), "{end}");
        assert_eq!(start.elapsed().as_secs(), (IDLE + IDLE / 2).as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_backends_end_is_passed_on_and_bounds_what_the_client_may_wait() {
        let (mut client, backend, copy) = tunnel();
        drop(backend);
        let start = Instant::now();
        let hear = async {
            assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
            // Keeps its side open.
            client
        };
        let (end, _client) = tokio::join!(copy, hear);
        assert!(matches!(end, ConnectionEnd::TunnelIdle), "{end}");
        assert_eq!(start.elapsed().as_secs(), HALF_CLOSED.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_half_closed_tunnel_goes_on_while_it_carries_bytes() {
        let (mut client, mut backend, copy) = tunnel();
        let exchange = async {
            client.shutdown().await.unwrap();
            assert_eq!(backend.read(&mut [0]).await.unwrap(), 0);
            for byte in 0..5_u8 {
                tokio::time::sleep(HALF_CLOSED / 2).await;
                backend.write_all(&[byte]).await.unwrap();
                assert_eq!(client.read_u8().await.unwrap(), byte);
            }
            drop(backend);
        };
        let (end, ()) = tokio::join!(copy, exchange);
        assert!(matches!(end, ConnectionEnd::Tunnel), "{end}");
    }

    #[test]
    fn what_one_side_has_sent_and_the_other_has_not_taken_is_counted() {
        crate::http::testing::local(async {
            let (telemetry, buffers) = crate::http::testing::buffers(1, 1);
            let (mut client, near) = duplex(1_000);
            let (far, mut backend) = duplex(64);
            let activity = Activity::of(Held::aside(&buffers.open()));
            let exchange = async {
                client.write_all(&[b'x'; 1_000]).await.unwrap();
                client.shutdown().await.unwrap();
                crate::http::testing::until_held(&telemetry, |bytes| bytes == 1_000 - 64).await;
                assert_eq!(backend.read_to_end(&mut Vec::new()).await.unwrap(), 1_000);
                assert_eq!(telemetry.buffered(), 0);
                drop(backend);
            };
            let fate = Fate::default();
            let copy = copy_within(near, Box::new(far), activity, (IDLE, HALF_CLOSED), &fate);
            let (end, ()) = tokio::join!(copy, exchange);
            assert!(matches!(end, ConnectionEnd::Tunnel), "{end}");
        });
    }
}
