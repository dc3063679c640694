//! A control plane as far as data planes see it, an authority, and who asks.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nantian_ir::compile::{Options, compile, yaml};
use nantian_ir::{GatewayKey, Snapshot};
use nantian_xds::delta::{Rejection, Update};
use nantian_xds::transport::{
    Apply, CertificateNames, ClientSettings, Connection, Credentials, DiscoveryClient, DiscoveryServer, Security,
    ServerSettings,
};
use nantian_xds::wire::Node;
use nantian_xds::{Catalog, ResourceType, Views};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType, date_time_ymd};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::data_planes::ByCertificate;
use crate::feeds::Feeds;
use crate::notice::{Listener, Notice};
use crate::{Metrics, Nodes, Publications};

/// Generous: what is waited for takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a client read, or why it read nothing.
pub(super) type Outcome = Result<Arc<Snapshot>, String>;

/// Type and name of every resource.
pub(super) fn names_of(snapshot: &Arc<Snapshot>) -> BTreeSet<String> {
    let catalog = Catalog::new(Arc::clone(snapshot));
    let of = |resource_type| {
        let names = catalog.entries(resource_type).keys().map(move |name| format!("{resource_type} {name}"));
        names.collect::<Vec<_>>()
    };
    ResourceType::ALL.into_iter().flat_map(of).collect()
}

/// What a certificate is for.
pub(super) struct Leaf(CertificateParams);

impl Leaf {
    pub(super) fn uri(uri: &str) -> Self {
        let mut params = CertificateParams::default();
        params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap()));
        Self(params)
    }

    pub(super) fn dns(names: &[&str]) -> Self {
        Self(CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap())
    }

    pub(super) fn expired(mut self) -> Self {
        self.0.not_after = date_time_ymd(2020, 1, 1);
        self
    }
}

/// A certificate authority.
pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn credentials(&self, leaf: &Leaf) -> Credentials {
        self.trusted_by(self, leaf)
    }

    /// A certificate of `issuer`, and trust in this authority.
    pub(super) fn trusted_by(&self, issuer: &Self, leaf: &Leaf) -> Credentials {
        let key = KeyPair::generate().unwrap();
        let chain = leaf.0.signed_by(&key, &issuer.0).unwrap().pem();
        Credentials::from_pem(chain.as_bytes(), key.serialize_pem().as_bytes(), self.0.pem().as_bytes()).unwrap()
    }

    /// A client that trusts this authority and shows nothing.
    pub(super) fn without_certificate(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        TlsConnector::from(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
    }
}

/// Three Gateways, each with a certificate and a route of its own, and a route that two of them have.
fn snapshot() -> Arc<Snapshot> {
    let gateways = [("shop", "own"), ("shop", "other"), ("infra", "everyone")];
    let mut text = include_str!("world.yaml").to_owned();
    for (namespace, name) in gateways {
        let key = KeyPair::generate().unwrap();
        let chain = CertificateParams::new(vec![format!("{name}.example.com")]).unwrap().self_signed(&key).unwrap();
        let quoted = |text: &str| serde_json::to_string(text).unwrap();
        let of_gateway = include_str!("gateway.yaml")
            .replace("@NAMESPACE@", namespace)
            .replace("@NAME@", name)
            .replace("@CHAIN@", &quoted(&chain.pem()))
            .replace("@KEY@", &quoted(&key.serialize_pem()));
        text.push_str(&of_gateway);
    }
    let parsed = yaml::parse("world.yaml", &text);
    assert_eq!(parsed.diagnostics, Vec::new());
    let compiled = compile(&parsed.objects.into_iter().collect(), &Options::default());
    assert_eq!(compiled.snapshot.listeners.len(), gateways.len(), "{:?}", compiled.diagnostics);
    compiled.snapshot
}

pub(super) struct ControlPlane {
    pub(super) address: String,
    snapshot: Arc<Snapshot>,
    views: Mutex<Views>,
    feeds: Arc<Feeds>,
    nodes: Nodes,
    denials: Arc<Mutex<Vec<String>>>,
    task: AbortHandle,
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl ControlPlane {
    /// One in which `shop/own` and `shop/other` have data planes of their own.
    pub(super) async fn start(authority: &Authority) -> Self {
        let (feeds, nodes, denials) = (Arc::<Feeds>::default(), Nodes::new(), Arc::<Mutex<Vec<String>>>::default());
        let told = Arc::clone(&denials);
        let listener = Listener::new(move |notice| {
            if let Notice::Denied { message, .. } = notice {
                told.lock().unwrap().push(message.clone());
            }
        });
        let names =
            CertificateNames { namespace: "nantian-gw".to_owned(), data_plane: "nantian-gw-dataplane".to_owned() };
        let data_planes = ByCertificate {
            names: Some(names),
            feeds: Arc::clone(&feeds),
            nodes: nodes.clone(),
            metrics: Metrics::new(),
            publications: Arc::new(Publications::new()),
            listener,
        };
        let security = Security::Mutual(watch::channel(authority.credentials(&Leaf::dns(&["control"]))).1);
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap().to_string();
        let server = DiscoveryServer::new(Arc::new(data_planes), ServerSettings::default(), security);
        let task = tokio::spawn(server.serve(socket, std::future::pending())).abort_handle();
        let control = Self { address, snapshot: snapshot(), views: Mutex::default(), feeds, nodes, denials, task };
        control.publish(&["own", "other"]);
        control
    }

    /// Publishes the snapshot; these Gateways of `shop` have data planes of their own.
    pub(super) fn publish(&self, dedicated: &[&str]) {
        let gateway = |name: &&str| GatewayKey { namespace: "shop".into(), name: (*name).into() };
        let mut views = self.views.lock().unwrap();
        views.advance(Arc::clone(&self.snapshot), &dedicated.iter().map(gateway).collect());
        self.feeds.publish(&views);
    }

    /// Of all resources.
    pub(super) fn names(&self) -> BTreeSet<String> {
        names_of(&self.snapshot)
    }

    /// What those who run it were told of clients that it denied.
    pub(super) fn denials(&self) -> Vec<String> {
        self.denials.lock().unwrap().clone()
    }

    pub(super) fn nodes(&self) -> Vec<String> {
        self.nodes.list().into_iter().map(|node| node.id).collect()
    }

    pub(super) fn connect(&self, credentials: Credentials) -> Client {
        let (updates, received) = mpsc::unbounded_channel();
        let node = Node { id: "node-1".to_owned(), ..Node::default() };
        let mut settings = ClientSettings::new(self.address.clone(), "control", node);
        settings.least_backoff = Duration::from_millis(5);
        settings.most_backoff = Duration::from_millis(50);
        let client = DiscoveryClient::new(settings, Security::Mutual(watch::channel(credentials).1));
        let connection = client.connection();
        let task = tokio::spawn(async move { client.run(&Reader(updates)).await }).abort_handle();
        Client { received, connection, task }
    }

    /// What a client with these credentials reads.
    pub(super) async fn read(&self, credentials: Credentials) -> Outcome {
        self.connect(credentials).outcome().await
    }
}

/// Serves nothing: it reads.
struct Reader(mpsc::UnboundedSender<Arc<Snapshot>>);

impl Apply for Reader {
    async fn apply(&self, update: &Update) -> Vec<Rejection> {
        let _ = self.0.send(Arc::clone(&update.snapshot));
        Vec::new()
    }
}

/// Whoever has credentials.
pub(super) struct Client {
    received: mpsc::UnboundedReceiver<Arc<Snapshot>>,
    connection: watch::Receiver<Connection>,
    task: AbortHandle,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Client {
    /// What it reads, or why it does not.
    pub(super) async fn outcome(&mut self) -> Outcome {
        let mut connection = self.connection.clone();
        let outcome = async {
            tokio::select! {
                biased;
                snapshot = self.received.recv() => Ok(snapshot.unwrap()),
                reason = refusal(&mut connection) => Err(reason),
            }
        };
        tokio::time::timeout(PATIENCE, outcome).await.unwrap()
    }

    /// Why it is not admitted, be it after all went well.
    pub(super) async fn refused(&self) -> String {
        let mut connection = self.connection.clone();
        let refused =
            |connection: &Connection| matches!(connection, Connection::Waiting(why) if why.contains("has none here"));
        let waiting = tokio::time::timeout(PATIENCE, connection.wait_for(refused)).await.unwrap().unwrap().clone();
        let Connection::Waiting(reason) = waiting else { panic!("{waiting:?}") };
        reason
    }
}

async fn refusal(connection: &mut watch::Receiver<Connection>) -> String {
    let waiting = connection.wait_for(|connection| matches!(connection, Connection::Waiting(_))).await.unwrap().clone();
    let Connection::Waiting(reason) = waiting else { panic!("{waiting:?}") };
    reason
}
