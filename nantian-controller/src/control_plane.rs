//! All parts of the control plane, put together.

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
use tokio::task::JoinSet;

use crate::admin::{AdminError, Interfaces, Limits, State};
use crate::data_planes::Shared;
use crate::lease::{Candidate, follow_nodes};
use crate::notice::Listener;
use crate::publish::{self, Outlets};
use crate::status::Writer;
use crate::watch::inbox::Inbox;
use crate::watch::{self as watches, Observed, Sink};
use crate::{Metrics, Nodes, Publications, Settings};

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
    /// The admin interface.
    #[error(transparent)]
    Admin(#[from] AdminError),
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
    interfaces: Interfaces,
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
    /// A socket cannot be had, or a certificate or token is no use.
    pub async fn new(settings: Settings, client: Client, listener: Listener) -> Result<Self, ControlPlaneError> {
        let address = settings.xds.address;
        let xds = TcpListener::bind(address).await.map_err(|source| ControlPlaneError::Listen {
            address,
            what: "xds.address",
            source,
        })?;
        Ok(Self {
            interfaces: Interfaces::bind(&settings.admin).await?,
            credentials: settings.xds.tls.files().map(FollowedCredentials::open).transpose()?,
            settings,
            client,
            listener,
            xds,
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
    ///
    /// # Errors
    ///
    /// The system does not say.
    pub fn xds_address(&self) -> io::Result<SocketAddr> {
        self.xds.local_addr()
    }

    /// Runs until `stop` is over.
    ///
    /// # Errors
    ///
    /// It cannot go on.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), ControlPlaneError> {
        let Self { settings, client, listener, xds, interfaces, credentials, publications, nodes, leader } = self;
        let metrics = Metrics::new();
        let (inbox, observed) = (Arc::new(Inbox::default()), Arc::new(Observed::default()));
        let (catalogs, catalog) = watch::channel(None);
        let (stopped, stopping) = watch::channel(false);
        let outlets = Outlets {
            publications: Arc::clone(&publications),
            catalogs,
            metrics: metrics.clone(),
            listener: listener.clone(),
        };
        let compiler =
            publish::start(Arc::clone(&inbox), options(&settings), outlets).map_err(ControlPlaneError::Thread)?;

        // These end when they are told to, and are waited for.
        let mut serving = JoinSet::new();
        let state = State {
            published: publications.newest(),
            nodes: nodes.clone(),
            leader: leader.subscribe(),
            metrics: metrics.clone(),
            namespace: settings.namespace.clone(),
            token: interfaces.token(),
            limits: Limits::default(),
        };
        serving.spawn(interfaces.serve(state, stopping.clone()));
        let security = credentials.as_ref().map_or(Security::Plaintext, FollowedCredentials::security);
        let data_planes = Shared {
            catalogs: catalog,
            nodes: nodes.clone(),
            metrics,
            publications: Arc::clone(&publications),
            listener: listener.clone(),
        };
        let server = DiscoveryServer::new(Arc::new(data_planes), ServerSettings::default(), security);
        serving.spawn(server.serve(xds, until(stopping.clone())));
        let candidate = Candidate::new(client.clone(), &settings, leader.clone(), listener.clone());
        serving.spawn(candidate.run(stopping));

        // These end when they are dropped.
        let mut working = JoinSet::new();
        let known_nodes = nodes.clone();
        let writer = Writer {
            client: client.clone(),
            settings: settings.clone(),
            publications,
            observed: Arc::clone(&observed),
            nodes,
            leader: leader.subscribe(),
            listener: listener.clone(),
        };
        working.spawn(writer.run());
        working.spawn(follow_nodes(client.clone(), settings.namespace.clone(), known_nodes, listener.clone()));
        let sink = Sink { inbox: Arc::clone(&inbox), observed, listener };
        working.spawn(watches::run(client, settings.watch.clone(), sink));
        working.spawn(tick(Arc::clone(&inbox), settings.watch.resync_period));
        working.spawn(renew(credentials));

        let ended = tokio::select! {
            () = stop => Ok(()),
            _ = compiler => Err(ControlPlaneError::Compiler),
        };
        stopped.send_replace(true);
        while serving.join_next().await.is_some() {}
        inbox.stop();
        ended
    }
}

/// Until it is told to stop, or nobody is left to tell.
async fn until(mut stopping: watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await;
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
    let mut looks = tokio::time::interval(FollowedCredentials::LOOK);
    loop {
        looks.tick().await;
        if let Some(credentials) = &mut credentials {
            let _ = credentials.refresh();
        }
    }
}
