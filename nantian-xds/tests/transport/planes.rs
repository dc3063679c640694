//! A control plane and a data plane that do nothing but talk.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper_util::rt::{TokioExecutor, TokioIo};
use nantian_ir::Snapshot;
use nantian_xds::Catalog;
use nantian_xds::delta::{Rejection, Update};
use nantian_xds::transport::{
    Apply, ClientSettings, Connection, Credentials, DataPlanes, Denied, DiscoveryClient, DiscoveryServer, Observation,
    Peer, Security, ServerSettings,
};
use nantian_xds::wire::Node;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedMutexGuard, mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Generous: what is waited for takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap()
}

/// A certificate authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// What a plane of this name shows, and trust in this authority.
    pub(crate) fn credentials(&self, name: &str) -> Credentials {
        self.trusted_by(self, name)
    }

    /// A certificate of `issuer`, and trust in this authority.
    pub(crate) fn trusted_by(&self, issuer: &Self, name: &str) -> Credentials {
        let key = KeyPair::generate().unwrap();
        let chain = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer.0).unwrap();
        let (chain, key) = (chain.pem(), key.serialize_pem());
        Credentials::from_pem(chain.as_bytes(), key.as_bytes(), self.0.pem().as_bytes()).unwrap()
    }

    pub(crate) fn rotating(&self, name: &str) -> (watch::Sender<Credentials>, Security) {
        let (sender, receiver) = watch::channel(self.credentials(name));
        (sender, Security::Mutual(receiver))
    }

    pub(crate) fn security(&self, name: &str) -> Security {
        self.rotating(name).1
    }

    /// A client that trusts this authority and shows nothing.
    pub(crate) fn without_certificate(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }
}

struct Directory {
    feed: watch::Sender<Option<Arc<Catalog>>>,
    observations: mpsc::UnboundedSender<Observation>,
}

impl DataPlanes for Directory {
    fn admit(&self, peer: &Peer, node: &Node) -> Result<watch::Receiver<Option<Arc<Catalog>>>, Denied> {
        assert_eq!(node.id, "node-1");
        let shows =
            |name: &[u8]| peer.certificates.iter().any(|leaf| leaf.windows(name.len()).any(|part| part == name));
        if shows(b"intruder") {
            Err(Denied("this certificate is for nobody here".to_owned()))
        } else {
            Ok(self.feed.subscribe())
        }
    }

    fn observe(&self, _peer: &Peer, _node: &Node, observation: Observation) {
        let _ = self.observations.send(observation);
    }
}

pub(crate) struct ControlPlane {
    address: SocketAddr,
    feed: watch::Sender<Option<Arc<Catalog>>>,
    observations: mpsc::UnboundedReceiver<Observation>,
    stop: oneshot::Sender<()>,
    over: JoinHandle<()>,
}

impl ControlPlane {
    pub(crate) async fn start(security: Security, settings: ServerSettings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (feed, _) = watch::channel(None);
        let (sender, observations) = mpsc::unbounded_channel();
        let directory = Directory { feed: feed.clone(), observations: sender };
        let (stop, stopped) = oneshot::channel();
        let server = DiscoveryServer::new(Arc::new(directory), settings, security);
        let over = tokio::spawn(server.serve(listener, async {
            // Dropped: as if told to stop.
            let _ = stopped.await;
        }));
        Self { address, feed, observations, stop, over }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn publish(&self, snapshot: &Snapshot) {
        let snapshot = Arc::new(snapshot.clone());
        let before = self.feed.borrow().clone();
        let catalog =
            before.map_or_else(|| Catalog::new(Arc::clone(&snapshot)), |before| before.advanced(snapshot.clone()));
        self.feed.send_replace(Some(Arc::new(catalog)));
    }

    pub(crate) async fn observed(&mut self) -> Observation {
        soon(self.observations.recv()).await.unwrap()
    }

    /// The next observation of this kind.
    pub(crate) async fn observed_that(&mut self, wanted: impl Fn(&Observation) -> bool) -> Observation {
        loop {
            let observation = self.observed().await;
            if wanted(&observation) {
                return observation;
            }
        }
    }

    /// Stops it; returns when every connection is over.
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        soon(self.over).await.unwrap();
    }
}

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
        let connection = client.connection();
        let applied = engine.clone();
        let task = tokio::spawn(async move { client.run(&applied).await }).abort_handle();
        Self { engine, updates, connection, task }
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

    pub(crate) fn connection(&self) -> Connection {
        self.connection.borrow().clone()
    }

    /// Why it is without a control plane.
    pub(crate) async fn waiting(&self) -> String {
        let mut connection = self.connection.clone();
        let waiting =
            soon(connection.wait_for(|connection| matches!(connection, Connection::Waiting(_)))).await.unwrap();
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
