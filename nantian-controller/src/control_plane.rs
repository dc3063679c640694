//! All parts of the control plane, put together.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use nantian_ir::ListenerProtocol;
use nantian_ir::compile::{BindPorts, Options};
use nantian_xds::transport::{
    CertificateNames, CredentialFilesError, DiscoveryServer, FollowedCredentials, Security, ServerSettings,
};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use crate::admin::{AdminError, Interfaces, Limits, State};
use crate::data_planes::ByCertificate;
use crate::dedicated::{self, Own};
use crate::feeds::Feeds;
use crate::infra::{self, Made};
use crate::lease::{Candidate, follow_nodes};
use crate::notice::Listener;
use crate::publish::{self, Outlets};
use crate::renewal::{Renewals, Renewed};
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
    parts: Parts,
    sockets: Sockets,
}

/// What it takes from the system.
struct Sockets {
    xds: TcpListener,
    interfaces: Interfaces,
    credentials: Option<FollowedCredentials>,
}

/// What its tasks share.
struct Parts {
    settings: Settings,
    client: Client,
    listener: Listener,
    metrics: Metrics,
    inbox: Arc<Inbox>,
    observed: Arc<Observed>,
    feeds: Arc<Feeds>,
    publications: Arc<Publications>,
    nodes: Nodes,
    leader: watch::Sender<bool>,
    dedicated: watch::Sender<Option<Vec<Own>>>,
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
        let sockets = Sockets {
            xds,
            interfaces: Interfaces::bind(&settings.admin).await?,
            credentials: settings.xds.tls.files().map(FollowedCredentials::open).transpose()?,
        };
        let parts = Parts {
            nodes: Nodes::remembering(settings.data_planes.forget_after),
            settings,
            client,
            listener,
            metrics: Metrics::new(),
            inbox: Arc::default(),
            observed: Arc::default(),
            feeds: Arc::default(),
            publications: Arc::default(),
            leader: watch::Sender::new(false),
            dedicated: watch::Sender::new(None),
        };
        Ok(Self { parts, sockets })
    }

    /// What is published.
    pub fn publications(&self) -> &Arc<Publications> {
        &self.parts.publications
    }

    /// The data planes.
    pub fn nodes(&self) -> &Nodes {
        &self.parts.nodes
    }

    /// Whether this replica writes.
    pub fn leader(&self) -> watch::Receiver<bool> {
        self.parts.leader.subscribe()
    }

    /// Where xDS is served.
    ///
    /// # Errors
    ///
    /// The system does not say.
    pub fn xds_address(&self) -> io::Result<SocketAddr> {
        self.sockets.xds.local_addr()
    }

    /// Runs until `stop` is over.
    ///
    /// # Errors
    ///
    /// It cannot go on.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), ControlPlaneError> {
        let Self { parts, sockets } = self;
        let (stopped, stopping) = watch::channel(false);
        let compiler = parts.compile().map_err(ControlPlaneError::Thread)?;
        let mut serving = parts.serve(sockets, &stopping);
        // These end when they are dropped.
        let _working = parts.work();
        let ended = tokio::select! {
            () = stop => Ok(()),
            _ = compiler => Err(ControlPlaneError::Compiler),
        };
        stopped.send_replace(true);
        while serving.join_next().await.is_some() {}
        parts.inbox.stop();
        ended
    }
}

impl Parts {
    /// From changed objects to snapshots. The channel says when that has ended.
    fn compile(&self) -> io::Result<oneshot::Receiver<()>> {
        let outlets = Outlets {
            publications: Arc::clone(&self.publications),
            feeds: Arc::clone(&self.feeds),
            dedicated: self.dedicated.clone(),
            metrics: self.metrics.clone(),
            listener: self.listener.clone(),
        };
        publish::start(Arc::clone(&self.inbox), options(&self.settings), outlets)
    }

    /// What others talk to, and the Lease: tasks that end when they are told to, and are waited for.
    fn serve(&self, sockets: Sockets, stopping: &watch::Receiver<bool>) -> JoinSet<()> {
        let Sockets { xds, interfaces, credentials } = sockets;
        let mut serving = JoinSet::new();
        let state = State {
            published: self.publications.newest(),
            nodes: self.nodes.clone(),
            leader: self.leader.subscribe(),
            metrics: self.metrics.clone(),
            namespace: self.settings.namespace.clone(),
            token: interfaces.token(),
            limits: Limits::default(),
        };
        serving.spawn(interfaces.serve(state, self.listener.clone(), stopping.clone()));

        let Settings { namespace, xds: settings, .. } = &self.settings;
        let names = CertificateNames { namespace: namespace.clone(), data_plane: settings.data_plane.clone() };
        let data_planes = ByCertificate {
            names: credentials.is_some().then_some(names),
            feeds: Arc::clone(&self.feeds),
            nodes: self.nodes.clone(),
            metrics: self.metrics.clone(),
            publications: Arc::clone(&self.publications),
            listener: self.listener.clone(),
        };
        let security = credentials.as_ref().map_or(Security::Plaintext, FollowedCredentials::security);
        let server = DiscoveryServer::new(Arc::new(data_planes), ServerSettings::default(), security);
        let renewals = Renewals { listener: self.listener.clone(), metrics: self.metrics.clone() };
        let until_stop = until(stopping.clone());
        serving.spawn(async move {
            tokio::select! {
                () = server.serve(xds, until_stop) => {}
                () = renew(credentials, renewals) => {}
            }
        });

        let leader = self.leader.clone();
        let candidate = Candidate::new(self.client.clone(), &self.settings, leader, self.listener.clone());
        serving.spawn(candidate.run(stopping.clone()));
        serving
    }

    /// What reads from the API server, and writes statuses: tasks that end when they are dropped.
    fn work(&self) -> JoinSet<()> {
        let mut working = JoinSet::new();
        let is_made = self.settings.infrastructure.enabled;
        let made = is_made.then(|| self.make(&mut working));
        let writer = Writer {
            client: self.client.clone(),
            settings: self.settings.clone(),
            publications: Arc::clone(&self.publications),
            observed: Arc::clone(&self.observed),
            nodes: self.nodes.clone(),
            metrics: self.metrics.clone(),
            made,
            leader: self.leader.subscribe(),
            listener: self.listener.clone(),
        };
        working.spawn(writer.run());
        let namespace = self.settings.namespace.clone();
        let (client, nodes, leads) = (self.client.clone(), self.nodes.clone(), self.leader.subscribe());
        working.spawn(follow_nodes(client, namespace, nodes, leads, self.listener.clone()));
        let (inbox, observed) = (Arc::clone(&self.inbox), Arc::clone(&self.observed));
        let sink = Sink { inbox, observed, listener: self.listener.clone() };
        working.spawn(watches::run(self.client.clone(), self.settings.watch.clone(), sink));
        let data_planes = dedicated::Writer {
            client: self.client.clone(),
            settings: self.settings.clone(),
            wanted: self.dedicated.subscribe(),
            leader: self.leader.subscribe(),
            listener: self.listener.clone(),
        };
        working.spawn(data_planes.run());
        working.spawn(tick(Arc::clone(&self.inbox), self.settings.watch.resync_period));
        working
    }

    /// Begins to make what Gateways are to have; gives what there is of it.
    fn make(&self, working: &mut JoinSet<()>) -> Arc<Made> {
        let (made, follow) = infra::follow(&self.client, &self.settings, &self.listener);
        let writer = infra::Writer {
            client: self.client.clone(),
            settings: self.settings.clone(),
            publications: Arc::clone(&self.publications),
            observed: Arc::clone(&self.observed),
            made: Arc::clone(&made),
            leader: self.leader.subscribe(),
            listener: self.listener.clone(),
        };
        working.spawn(follow);
        working.spawn(writer.run());
        made
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
    if settings.infrastructure.enabled {
        options.bind_ports = BindPorts::Assigned;
    }
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

/// Takes new certificates as they come, if there are any.
async fn renew(credentials: Option<FollowedCredentials>, renewals: Renewals) {
    match credentials {
        Some(mut credentials) => match renewals.follow(Renewed::Credentials, || credentials.refresh()).await {},
        None => std::future::pending().await,
    }
}
