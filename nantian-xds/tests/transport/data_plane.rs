//! A data plane that does nothing but talk.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use nantian_xds::delta::{Rejection, Update};
use nantian_xds::transport::{Apply, ClientSettings, Connection, DiscoveryClient, Resync, Security};
use nantian_xds::wire::Node;
use tokio::net::TcpStream;
use tokio::sync::{OwnedMutexGuard, mpsc, watch};
use tokio::task::AbortHandle;

use crate::control_plane::soon;

#[derive(Clone)]
struct Engine {
    updates: mpsc::UnboundedSender<Update>,
    gate: Arc<tokio::sync::Mutex<()>>,
    refused: Arc<Mutex<Vec<Rejection>>>,
}

impl Apply for Engine {
    async fn apply(&self, update: &Update) -> Vec<Rejection> {
        let _ = self.updates.send(update.clone());
        drop(self.gate.lock().await);
        self.refused.lock().unwrap().clone()
    }
}

pub(crate) struct DataPlane {
    engine: Engine,
    updates: mpsc::UnboundedReceiver<Update>,
    connection: watch::Receiver<Connection>,
    resync: Resync,
    task: AbortHandle,
}

impl Drop for DataPlane {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn node() -> Node {
    Node { id: "node-1".to_owned(), ..Node::default() }
}

impl DataPlane {
    pub(crate) fn start(address: &str, security: Security) -> Self {
        let (sender, updates) = mpsc::unbounded_channel();
        let engine = Engine { updates: sender, gate: Arc::default(), refused: Arc::default() };
        let mut settings = ClientSettings::new(address, "control", node());
        settings.least_backoff = Duration::from_millis(5);
        settings.most_backoff = Duration::from_millis(50);
        let client = DiscoveryClient::new(settings, security);
        let (connection, resync) = (client.connection(), client.resync());
        let applied = engine.clone();
        let task = tokio::spawn(async move { client.run(&applied).await }).abort_handle();
        Self { engine, updates, connection, resync, task }
    }

    /// The next snapshot that it is to serve.
    pub(crate) async fn update(&mut self) -> Update {
        soon(self.updates.recv()).await.unwrap()
    }

    pub(crate) fn no_update(&mut self) -> bool {
        self.updates.try_recv().is_err()
    }

    /// While it is held, no snapshot is applied to its end.
    pub(crate) async fn hold(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.engine.gate).lock_owned().await
    }

    pub(crate) fn refuse(&self, rejections: Vec<Rejection>) {
        *self.engine.refused.lock().unwrap() = rejections;
    }

    /// Tells the control plane anew what it refuses.
    pub(crate) fn resync(&self) {
        self.resync.ask();
    }

    pub(crate) fn connection(&self) -> Connection {
        self.connection.borrow().clone()
    }

    pub(crate) async fn connected(&self) {
        let mut connection = self.connection.clone();
        soon(connection.wait_for(|connection| *connection == Connection::Connected)).await.unwrap();
    }

    /// Why it is without a control plane, for some reason of its own.
    pub(crate) async fn waiting(&self) -> String {
        let mut connection = self.connection.clone();
        // A stream that ends so that the next one has other credentials is not without.
        let waits =
            |connection: &Connection| matches!(connection, Connection::Waiting(reason) if !reason.contains("renewed"));
        let waiting = soon(connection.wait_for(waits)).await.unwrap();
        let Connection::Waiting(reason) = &*waiting else { panic!("{waiting:?}") };
        reason.clone()
    }
}

/// Opens a stream and sends nothing on it; what the server says when it ends it.
pub(crate) async fn say_nothing(address: &str) -> String {
    let socket = TcpStream::connect(address).await.unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket));
    let (mut http2, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let service = "envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources";
    let nothing = StreamBody::new(futures_util::stream::pending::<Result<Frame<Bytes>, Infallible>>());
    let request = http::Request::post(format!("http://{address}/{service}")).header("content-type", "application/grpc");
    let response = http2.send_request(request.body(nothing).unwrap()).await.unwrap();
    let trailers = soon(response.into_body().collect()).await.unwrap().trailers().cloned().unwrap();
    trailers["grpc-message"].to_str().unwrap().to_owned()
}
