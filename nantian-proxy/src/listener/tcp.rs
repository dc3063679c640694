//! TCP: the accept loop of one bind address on one worker.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::net::{TcpListener, TcpStream};

use super::Connections;
use super::socket::is_file_limit;
use crate::engine::overload::{Budget, Refusal};
use crate::http::buffered::{Account, Buffers};
use crate::http::{self, ConnectionInfo, Drain, Handler, HttpSettings, Transport};
use crate::telemetry::{AcceptError, BindStats, CutReason, HandshakeError, PanicPlace, Recorder, ResponseFlag};
use crate::tls::{self, BindTls};

/// Waits between accepts while the process has no file descriptor left.
const FIRST_BACKOFF: Duration = Duration::from_millis(5);
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);

/// What the connections of one bind address on one worker share.
pub(crate) struct Bind<H> {
    pub(crate) handler: Rc<H>,
    pub(crate) settings: Rc<HttpSettings>,
    pub(crate) handshake_timeout: Duration,
    /// TLS of new connections; `None`: cleartext.
    pub(crate) tls: RefCell<Option<Arc<BindTls>>>,
    pub(crate) budget: Budget,
    pub(crate) buffers: Buffers,
    pub(crate) stats: Arc<BindStats>,
    pub(crate) recorder: Recorder,
    /// Ends the accept loop.
    pub(crate) stop: Drain,
    /// Tells connections to finish.
    pub(crate) drain: Drain,
    pub(crate) connections: Connections,
}

impl<H: Handler> Bind<H> {
    /// Accepts until told to stop. Then takes what the kernel has accepted already (closing the socket would reset it)
    /// and closes the socket.
    pub(crate) async fn accept_loop(self: Rc<Self>, listener: TcpListener) {
        let mut backoff = FIRST_BACKOFF;
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.stop.wait() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    backoff = FIRST_BACKOFF;
                    self.admit(stream, peer);
                }
                Err(error) => {
                    if self.failed(&error) {
                        tokio::select! {
                            () = self.stop.wait() => break,
                            () = tokio::time::sleep(backoff) => backoff = (backoff * 2).min(LONGEST_BACKOFF),
                        }
                    }
                }
            }
        }
        self.accept_rest(listener);
    }

    fn accept_rest(self: &Rc<Self>, listener: TcpListener) {
        let Ok(listener) = listener.into_std() else { return };
        loop {
            match listener.accept() {
                Ok((stream, peer)) => {
                    if stream.set_nonblocking(true).is_ok()
                        && let Ok(stream) = TcpStream::from_std(stream)
                    {
                        self.admit(stream, peer);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    if self.failed(&error) {
                        return;
                    }
                }
            }
        }
    }

    /// Counts a failed accept; says whether trying again at once would fail again.
    fn failed(&self, error: &io::Error) -> bool {
        let reason = if is_file_limit(error) { AcceptError::Files } else { AcceptError::Other };
        // A client that was gone before we took its connection is no error of ours, and the next accept may succeed.
        let gone = matches!(
            error.kind(),
            io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
        );
        if !gone {
            self.stats.accept_failed(reason);
        }
        !gone
    }

    /// Starts a connection's task, or closes the connection where a limit is reached.
    fn admit(self: &Rc<Self>, stream: TcpStream, peer: SocketAddr) {
        let permit = match self.budget.admit(&self.stats, peer.ip()) {
            Ok(permit) => permit,
            Err(refusal) => return self.refused(refusal, peer),
        };
        let bind = Rc::clone(self);
        let account = self.buffers.open();
        let opened = Rc::clone(&account);
        let task = self.connections.spawn(async move {
            let recorder = bind.recorder.clone();
            let served = AssertUnwindSafe(bind.serve(stream, peer, account)).catch_unwind().await;
            drop(permit);
            if served.is_err() {
                recorder.panicked(PanicPlace::Connection);
            }
        });
        opened.set_task(task);
    }

    fn refused(&self, refusal: Refusal, peer: SocketAddr) {
        self.stats.refused(refusal);
        let flag = match refusal {
            Refusal::Client => ResponseFlag::ClientLimit,
            Refusal::Listener | Refusal::Total => ResponseFlag::Overload,
        };
        self.recorder.connection_ended(canonical(peer), flag);
    }

    async fn serve(self: Rc<Self>, stream: TcpStream, peer: SocketAddr, account: Rc<Account>) {
        // Both fail only where the client is gone already.
        let (Ok(local), Ok(())) = (stream.local_addr(), stream.set_nodelay(true)) else { return };
        let peer = canonical(peer);
        let tls = self.tls.borrow().clone();
        let (io, tls) = if let Some(tls) = tls {
            // Boxed, so that the connection does not keep the room of its handshake.
            match Box::pin(self.handshake(&tls, stream, peer)).await {
                Some((io, tls)) => (io, Some(tls)),
                None => return,
            }
        } else {
            (Transport::from(stream), None)
        };
        let info = {
            let mut info = ConnectionInfo::new(peer, canonical(local));
            (info.tls, info.account) = (tls, account);
            Rc::new(info)
        };
        let (settings, handler, drain) = (Rc::clone(&self.settings), Rc::clone(&self.handler), self.drain.clone());
        let end = if info.tls.is_some() {
            http::serve(io, info, settings, handler, drain).await
        } else {
            http::serve_auto(io, info, settings, handler, drain).await
        };
        // What it means for requests has been told to the handler, one by one.
        if let Some(reason) = CutReason::of(&end) {
            self.stats.cut(reason);
            if let Some(flag) = reason.connection_flag() {
                self.recorder.connection_ended(peer, flag);
            }
        }
    }

    async fn handshake(
        &self,
        tls: &BindTls,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> Option<(Transport, http::TlsInfo)> {
        // Boxed: it is short, and its room would be the connection's until the end.
        let accepted = tokio::time::timeout(self.handshake_timeout, Box::pin(tls::accept(tls, stream))).await;
        match accepted.unwrap_or(Err(HandshakeError::Timeout)) {
            Ok(accepted) => {
                let kind = if accepted.resumed { &self.stats.handshakes_resumed } else { &self.stats.handshakes_full };
                kind.add(1);
                Some((Transport::from(accepted.stream), accepted.info))
            }
            Err(reason) => {
                self.stats.handshake_failed(reason);
                if reason == HandshakeError::Timeout {
                    self.recorder.connection_ended(peer, ResponseFlag::ClientTimeout);
                }
                None
            }
        }
    }
}

/// IPv4 clients of a dual-stack socket are IPv4 clients (RFC 4291 section 2.5.5.2).
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
