//! What tests of this crate share: a handler made of a closure, a server on a port of its own, and raw clients.

use std::cell::Cell;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{LocalSet, spawn_local};

use super::buffered::{Account, Buffers};
use super::{Body, ConnectionEnd, ConnectionInfo, Drain, Exchange, Handler, HttpSettings, Reply, serve_auto};
use crate::engine::LimitsConfig;
use crate::http::{Request, Response};
use crate::telemetry::Telemetry;

/// A guard against tests that would hang; no test waits for it.
const GUARD: Duration = Duration::from_secs(30);

/// Runs a test as a worker runs: one thread, tasks that need not be `Send`.
pub(crate) fn local<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async { tokio::time::timeout(GUARD, test).await.expect("the test hangs") })
}

pub(crate) struct HandleFn<F>(pub(crate) F);

impl<F, R> Handler for HandleFn<F>
where
    F: Fn(Request<Body>, Exchange) -> R + 'static,
    R: Future<Output = Reply> + 'static,
{
    fn handle(
        self: Rc<Self>,
        request: Request<Body>,
        exchange: Exchange,
    ) -> Pin<Box<impl Future<Output = Reply> + 'static>> {
        Box::pin((self.0)(request, exchange))
    }
}

/// A server, and how its connections end.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) drain: Drain,
    pub(crate) ends: mpsc::UnboundedReceiver<ConnectionEnd>,
}

pub(crate) async fn server<F, R>(handle: F) -> Server
where
    F: Fn(Request<Body>, Exchange) -> R + 'static,
    R: Future<Output = Reply> + 'static,
{
    server_with(HttpSettings { linger: Duration::from_millis(200), ..HttpSettings::default() }, handle).await
}

pub(crate) async fn server_with<F, R>(settings: HttpSettings, handle: F) -> Server
where
    F: Fn(Request<Body>, Exchange) -> R + 'static,
    R: Future<Output = Reply> + 'static,
{
    server_of(settings, Rc::new(HandleFn(handle))).await
}

pub(crate) async fn server_of(settings: HttpSettings, handler: Rc<impl Handler>) -> Server {
    server_that_counts(settings, handler, Rc::default).await
}

/// A server whose connections have these accounts.
pub(crate) async fn server_that_counts(
    settings: HttpSettings,
    handler: Rc<impl Handler>,
    account: impl Fn() -> Rc<Account> + 'static,
) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (drain, settings) = (Drain::new(), Rc::new(settings));
    let (ended, ends) = mpsc::unbounded_channel();
    let signal = drain.clone();
    spawn_local(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let info = Rc::new(ConnectionInfo { account: account(), ..ConnectionInfo::new(peer, address) });
            let serving = serve_auto(stream.into(), info, Rc::clone(&settings), Rc::clone(&handler), signal.clone());
            let ended = ended.clone();
            spawn_local(async move {
                let _ = ended.send(serving.await);
            });
        }
    });
    Server { address, drain, ends }
}

/// Accounts with these bounds, and where they are counted.
pub(crate) fn buffers(per_connection: usize, total: usize) -> (Telemetry, Buffers) {
    let defaults = LimitsConfig::default();
    let limits = LimitsConfig { buffered_bytes_per_connection: per_connection, buffered_bytes: total, ..defaults };
    let telemetry = Telemetry::new("test", 1);
    (telemetry.clone(), Buffers::new(&limits, telemetry.clone(), telemetry.recorder(0)))
}

/// Waits until so much is held.
pub(crate) async fn until_held(telemetry: &Telemetry, expected: impl Fn(u64) -> bool) {
    while !expected(telemetry.buffered()) {
        tokio::task::yield_now().await;
    }
}

/// Counts the requests that a server has.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) open: Cell<usize>,
    pub(crate) most: Cell<usize>,
    pub(crate) total: Cell<usize>,
}

/// A request that a server has, until dropped.
pub(crate) struct Place(Rc<Asked>);

impl Place {
    pub(crate) fn new(asked: &Rc<Asked>) -> Self {
        asked.open.set(asked.open.get() + 1);
        asked.most.set(asked.most.get().max(asked.open.get()));
        asked.total.set(asked.total.get() + 1);
        Self(Rc::clone(asked))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
    }
}

pub(crate) fn reply(body: impl Into<Bytes>) -> Reply {
    Response::new(Body::full(body)).into()
}

/// Two ends of a connection.
pub(crate) async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (near, listener.accept().await.unwrap().0)
}

pub(crate) async fn text(body: Body) -> String {
    String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// A client that writes and reads raw bytes.
pub(crate) struct Raw {
    pub(crate) io: TcpStream,
    pub(crate) read: BytesMut,
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let io = TcpStream::connect(address).await.unwrap();
        io.set_nodelay(true).unwrap();
        Self { io, read: BytesMut::new() }
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.io.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads up to and including `end`.
    pub(crate) async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = memchr::memmem::find(&self.read, end.as_bytes()) {
                return String::from_utf8(self.read.split_to(at + end.len()).to_vec()).unwrap();
            }
            let count = self.io.read_buf(&mut self.read).await.unwrap();
            assert!(count > 0, "the peer closed; so far: {:?}", String::from_utf8_lossy(&self.read));
        }
    }

    /// Reads to the end.
    pub(crate) async fn rest(&mut self) -> String {
        while self.io.read_buf(&mut self.read).await.is_ok_and(|count| count > 0) {}
        String::from_utf8(self.read.split().to_vec()).unwrap()
    }
}

/// A backend that is handed each accepted connection.
pub(crate) async fn raw_backend<F, R>(serve: F) -> SocketAddr
where
    F: Fn(Raw) -> R + 'static,
    R: Future<Output = ()> + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    spawn_local(async move {
        while let Ok((io, _)) = listener.accept().await {
            spawn_local(serve(Raw { io, read: BytesMut::new() }));
        }
    });
    address
}
