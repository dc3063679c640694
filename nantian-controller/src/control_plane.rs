//! All parts of the control plane, put together.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use nantian_ir::ListenerProtocol;
use nantian_ir::compile::Options;
use nantian_xds::transport::{CredentialFilesError, DiscoveryServer, FollowedCredentials, Security, ServerSettings};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::data_planes::Shared;
use crate::notice::Listener;
use crate::publish::{self, Outlets};
use crate::status::Writer;
use crate::watch::inbox::Inbox;
use crate::watch::{self as watches, Observed, Sink};
use crate::{Nodes, Publications, Settings};

/// How often the files with the certificates are looked at. The kubelet is about a minute behind with them.
const LOOK: Duration = Duration::from_secs(10);

/// Why a control plane does not run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ControlPlaneError {
    /// An address cannot be listened on.
    #[error("{address}: {source}; choose another address for {what}")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// The setting.
        what: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The certificate files.
    #[error(transparent)]
    Credentials(#[from] CredentialFilesError),
    /// There is no thread to be had.
    #[error("the system refuses a thread: {0}; raise the limit of threads")]
    Thread(#[source] io::Error),
    /// The compiler failed, which is a bug.
    #[error("the compiler ended; the last lines before this say why. Please report it with the objects that it read")]
    Compiler,
}

/// A control plane that has its sockets.
pub struct ControlPlane {
    settings: Settings,
    client: Client,
    listener: Listener,
    xds: TcpListener,
    credentials: Option<FollowedCredentials>,
    publications: Arc<Publications>,
    nodes: Nodes,
    leader: watch::Sender<bool>,
}

impl ControlPlane {
    /// Takes the sockets and reads the certificates. `client` talks to the API server.
    ///
    /// # Errors
    ///
    /// A socket cannot be had, or a certificate is no use.
    pub async fn new(settings: Settings, client: Client, listener: Listener) -> Result<Self, ControlPlaneError> {
        let address = settings.xds.address;
        let xds = TcpListener::bind(address).await.map_err(|source| ControlPlaneError::Listen {
            address,
            what: "xds.address",
            source,
        })?;
        let credentials = settings.xds.tls.files().map(FollowedCredentials::open).transpose()?;
        Ok(Self {
            settings,
            client,
            listener,
            xds,
            credentials,
            publications: Arc::new(Publications::new()),
            nodes: Nodes::new(),
            leader: watch::Sender::new(false),
        })
    }

    /// What is published.
    pub fn publications(&self) -> &Arc<Publications> {
        &self.publications
    }

    /// The data planes.
    pub fn nodes(&self) -> &Nodes {
        &self.nodes
    }

    /// Whether this replica writes.
    pub fn leader(&self) -> watch::Receiver<bool> {
        self.leader.subscribe()
    }

    /// Where xDS is served.
    pub fn xds_address(&self) -> io::Result<SocketAddr> {
        self.xds.local_addr()
    }

    /// Runs until `stop` is over.
    ///
    /// # Errors
    ///
    /// It cannot go on.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), ControlPlaneError> {
        let Self { settings, client, listener, xds, credentials, publications, nodes, leader } = self;
        let (inbox, observed) = (Arc::new(Inbox::default()), Arc::new(Observed::default()));
        let (catalogs, catalog) = watch::channel(None);
        let outlets = Outlets { publications: Arc::clone(&publications), catalogs, listener: listener.clone() };
        let compiler =
            publish::start(Arc::clone(&inbox), options(&settings), outlets).map_err(ControlPlaneError::Thread)?;
        let writer = Writer {
            client: client.clone(),
            settings: settings.clone(),
            publications,
            observed: Arc::clone(&observed),
            nodes: nodes.clone(),
            leader: leader.subscribe(),
            listener: listener.clone(),
        };
        if !settings.leader_election.enabled {
            leader.send_replace(true);
        }
        let writing = tokio::spawn(writer.run());
        let sink = Sink { inbox: Arc::clone(&inbox), observed, listener: listener.clone() };
        let watching = tokio::spawn(watches::run(client, settings.watch.clone(), sink));
        let ticking = tokio::spawn(tick(Arc::clone(&inbox), settings.watch.resync_period));
        let security = credentials.as_ref().map_or(Security::Plaintext, FollowedCredentials::security);
        let renewing = tokio::spawn(renew(credentials));
        let data_planes = Arc::new(Shared { catalogs: catalog, nodes, listener });
        let server = DiscoveryServer::new(data_planes, ServerSettings::default(), security);
        let (stopped, stopping) = watch::channel(false);
        let serving = tokio::spawn(server.serve(xds, async move {
            let mut stopping = stopping;
            // Without a sender it is over too.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }));
        let ended = tokio::select! {
            () = stop => Ok(()),
            _ = compiler => Err(ControlPlaneError::Compiler),
        };
        stopped.send_replace(true);
        // It ends by itself now.
        let _ = serving.await;
        for task in [watching, writing, ticking, renewing] {
            task.abort();
        }
        inbox.stop();
        ended
    }
}

/// What the data planes of this build serve.
fn options(settings: &Settings) -> Options {
    let mut options = Options::default();
    options.controller_name = settings.controller_name.as_str().into();
    options.protocols = vec![ListenerProtocol::Http, ListenerProtocol::Https];
    options
}

/// Has the time looked at.
async fn tick(inbox: Arc<Inbox>, period: Duration) {
    let mut ticks = tokio::time::interval(period.max(Duration::from_secs(1)));
    loop {
        ticks.tick().await;
        inbox.ask();
    }
}

/// Takes new certificates as they come. Those that are no use are passed over: the old ones serve on.
async fn renew(mut credentials: Option<FollowedCredentials>) {
    let mut looks = tokio::time::interval(LOOK);
    loop {
        looks.tick().await;
        if let Some(credentials) = &mut credentials {
            let _ = credentials.refresh();
        }
    }
}
