//! A control plane that does nothing but talk.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use nantian_ir::Snapshot;
use nantian_xds::Catalog;
use nantian_xds::transport::{DataPlanes, Denied, DiscoveryServer, Observation, Peer, Security, ServerSettings};
use nantian_xds::wire::Node;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// Generous: what is waited for takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a future comes to, which is not far away.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap()
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
