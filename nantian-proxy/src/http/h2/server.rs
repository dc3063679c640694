//! A server connection: one task that owns the socket, and one for each stream.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::BytesMut;

use super::connection::{Core, Shared, halves};
use super::driver::{Driver, End};
use super::error::ConnectionError;
use super::exchange::{self, Served};
use super::keeper::Keeper;
use crate::http::buffered::Held;
use crate::http::deadline::Deadline;
use crate::http::{ConnectionEnd, ConnectionInfo, Drain, Exchange, Fate, Handler, HttpSettings, Interim, Transport};

/// Requests that one connection lets in at a time: what others ask does not wait behind all that one client may ask at once.
const MOST_LET_IN: usize = 32;

/// Serves HTTP/2 on `io` until it ends.
pub async fn serve<H: Handler>(
    io: Transport,
    info: Rc<ConnectionInfo>,
    settings: Rc<HttpSettings>,
    handler: Rc<H>,
    drain: Drain,
) -> ConnectionEnd {
    let mut deadline = Deadline::default();
    deadline.set_in(settings.request_head_timeout);
    serve_read(io, BytesMut::new(), deadline, info, settings, handler, drain).await
}

/// The same, where some bytes were read already and the time for the first request runs.
pub(crate) async fn serve_read<H: Handler>(
    io: Transport,
    read: BytesMut,
    deadline: Deadline,
    info: Rc<ConnectionInfo>,
    settings: Rc<HttpSettings>,
    handler: Rc<H>,
    drain: Drain,
) -> ConnectionEnd {
    let core = Rc::new(RefCell::new(Core::server(&settings)));
    let held = Held::new(&info.account);
    let mut connection = Connection {
        driver: Driver::new(io, read, Rc::clone(&core)),
        core,
        keeper: Keeper::new(deadline, drain, Rc::clone(&settings)),
        served: Rc::new(Served { info, settings, handler }),
        read_before: true,
        held,
    };
    let end = poll_fn(|cx| connection.poll(cx)).await;
    connection.tell_unseen();
    let flood = matches!(end, ConnectionEnd::Flood(_));
    poll_fn(|cx| connection.driver.poll_close(flood, cx)).await;
    end
}

struct Connection<H> {
    driver: Driver,
    core: Shared,
    keeper: Keeper,
    served: Rc<Served<H>>,
    read_before: bool,
    /// What waits in either direction.
    held: Held,
}

impl<H: Handler> Connection<H> {
    /// Reads, lets requests in, keeps watch, and writes, in this order: what the first three have to say goes out with
    /// what the streams said since the last time.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ConnectionEnd> {
        self.core.borrow_mut().register(cx);
        let read = self.read(cx);
        for reset in self.core.borrow_mut().take_blamed() {
            self.served.handler.stream_reset(&self.served.info, reset);
        }
        self.tell_unseen();
        if let Err(end) = read {
            return Poll::Ready(self.ended(end));
        }
        self.let_in(cx);
        let cut = self.keeper.poll(&mut self.core.borrow_mut(), cx);
        if let Some(end) = cut {
            return Poll::Ready(self.cut(end));
        }
        let written = self.driver.poll_write(cx);
        self.held.set(self.driver.held());
        match written {
            Poll::Ready(Err(end)) => return Poll::Ready(self.ended(end)),
            Poll::Ready(Ok(())) if self.keeper.is_finished() && self.core.borrow().held_streams() == 0 => {
                let end = self.keeper.end();
                return Poll::Ready(self.cut(end));
            }
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        Poll::Pending
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        if std::mem::take(&mut self.read_before) {
            self.driver.receive()?;
        }
        self.driver.read(cx)
    }

    fn tell_unseen(&self) {
        for (request, error) in self.core.borrow_mut().take_unseen() {
            let fate = Fate::default();
            exchange::blame(&fate, error);
            let exchange = Exchange { connection: Rc::clone(&self.served.info), interim: Interim::default(), fate };
            self.served.handler.unseen(request, exchange);
        }
    }

    /// Lets requests in, but no more than some before other connections have their turn.
    fn let_in(&mut self, cx: &Context<'_>) {
        let mut core = self.core.borrow_mut();
        for _ in 0..MOST_LET_IN {
            let Some(incoming) = core.next_incoming() else { return };
            self.keeper.opened();
            if !incoming.ended {
                core.count_unread(incoming.stream, &self.served.info.account);
            }
            let (send, receive) = halves(&self.core, incoming.stream);
            let served = Rc::clone(&self.served);
            let exchange = exchange::serve(served, incoming.request, incoming.ended, send, receive);
            // In a box: a task moves what it runs again and again.
            tokio::task::spawn_local(Box::pin(exchange));
        }
        if core.leave_incoming() {
            cx.waker().wake_by_ref();
        }
    }

    /// Begins the end for a reason of our own.
    fn cut(&mut self, end: ConnectionEnd) -> ConnectionEnd {
        self.driver.close_within(self.served.settings.linger, None);
        end
    }

    /// Begins the end that the peer or the network has made.
    fn ended(&mut self, end: End) -> ConnectionEnd {
        let busy = self.core.borrow().open_streams() > 0;
        // Whoever floods is told so, and then read for a while.
        let linger = self.served.settings.linger;
        let linger = if matches!(end, End::Failed(_)) { linger.saturating_mul(2) } else { linger };
        self.driver.close_within(linger, Some(&end));
        match end {
            End::Eof if busy && !self.keeper.is_finished() => ConnectionEnd::ClientGone,
            End::Eof => self.keeper.end(),
            End::Failed(ConnectionError::Flood(flood)) => ConnectionEnd::Flood(flood),
            End::Failed(error) => ConnectionEnd::Http2(error),
            End::Io(error) => ConnectionEnd::Io(error),
        }
    }
}
