//! The gRPC service: one [`delta::Server`] for each stream.

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use tokio::sync::{mpsc, watch};
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::server::ServerSettings;
use crate::catalog::Catalog;
use crate::delta::{self, Event};
use crate::wire::Node;
use crate::wire::discovery::aggregated_discovery_service_server::AggregatedDiscoveryService;
use crate::wire::discovery::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};

/// Who is at the other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// The certificates that it proved to have, leaf first; none without TLS.
    pub certificates: Arc<[CertificateDer<'static>]>,
}

/// A client that may not read what it asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied(
    /// Why. The client is told.
    pub String,
);

/// Something that happened on the stream of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// The stream began.
    Connected,
    /// This version of the snapshot is being sent.
    Sending(String),
    /// The client said this.
    Said(Event),
    /// The stream ended.
    Disconnected {
        /// Why.
        end: StreamEnd,
        /// The same for people.
        reason: String,
    },
}

/// Why a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StreamEnd {
    /// The client ended it.
    Client,
    /// It was as old as streams may become.
    Age,
    /// The server stops, or has no snapshots any more.
    Shutdown,
    /// The client went beyond a bound.
    Protocol,
    /// The connection was lost.
    Connection,
}

impl StreamEnd {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Client, Self::Age, Self::Shutdown, Self::Protocol, Self::Connection];

    /// One word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Age => "age",
            Self::Shutdown => "shutdown",
            Self::Protocol => "protocol",
            Self::Connection => "connection",
        }
    }
}

/// The control plane, as streams need it.
pub trait DataPlanes: Send + Sync + 'static {
    /// What a client may read: the channel of its snapshots, which is empty until there is one. A name in `node` is what
    /// the client says; `peer` is what it proved.
    ///
    /// # Errors
    ///
    /// The client may read nothing.
    fn admit(&self, peer: &Peer, node: &Node) -> Result<watch::Receiver<Option<Arc<Catalog>>>, Denied>;

    /// Told of everything that happens on the streams of admitted clients. Must not block.
    fn observe(&self, peer: &Peer, node: &Node, observation: Observation);
}

/// `AggregatedDiscoveryService`. [`DiscoveryServer`](super::DiscoveryServer) serves it; within another server the
/// requests need a [`Peer`] among their extensions.
pub struct DiscoveryService<D> {
    data_planes: Arc<D>,
    settings: Arc<ServerSettings>,
    stopping: watch::Receiver<bool>,
}

impl<D> Clone for DiscoveryService<D> {
    fn clone(&self) -> Self {
        let (data_planes, settings) = (Arc::clone(&self.data_planes), Arc::clone(&self.settings));
        Self { data_planes, settings, stopping: self.stopping.clone() }
    }
}

impl<D> fmt::Debug for DiscoveryService<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiscoveryService").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl<D: DataPlanes> DiscoveryService<D> {
    /// A service whose streams end once `stopping` is true, so that clients go to another replica.
    pub fn new(data_planes: Arc<D>, settings: ServerSettings, stopping: watch::Receiver<bool>) -> Self {
        Self { data_planes, settings: Arc::new(settings), stopping }
    }
}

#[tonic::async_trait]
impl<D: DataPlanes> AggregatedDiscoveryService for DiscoveryService<D> {
    type DeltaAggregatedResourcesStream = ReceiverStream<Result<DeltaDiscoveryResponse, Status>>;

    async fn delta_aggregated_resources(
        &self,
        request: Request<Streaming<DeltaDiscoveryRequest>>,
    ) -> Result<Response<Self::DeltaAggregatedResourcesStream>, Status> {
        let peer = request.extensions().get::<Peer>().cloned();
        let peer = peer.ok_or_else(|| Status::internal("nobody told this service who its peer is"))?;
        // One: what waits in it was made of a snapshot that may be out of date when it is written.
        let (responses, outbound) = mpsc::channel(1);
        let stream = Stream { service: self.clone(), peer, requests: request.into_inner(), responses };
        tokio::spawn(stream.serve());
        Ok(Response::new(ReceiverStream::new(outbound)))
    }
}

struct Stream<D> {
    service: DiscoveryService<D>,
    peer: Peer,
    requests: Streaming<DeltaDiscoveryRequest>,
    responses: mpsc::Sender<Result<DeltaDiscoveryResponse, Status>>,
}

impl<D: DataPlanes> Stream<D> {
    async fn serve(mut self) {
        let ended = match self.begin().await {
            Ok((node, first, feed)) => {
                let data_planes = Arc::clone(&self.service.data_planes);
                data_planes.observe(&self.peer, &node, Observation::Connected);
                let ended = self.converse(&node, &first, feed).await;
                let (end, reason) = match &ended {
                    Ok(()) => (StreamEnd::Client, "the client ended it"),
                    Err((end, status)) => (*end, status.message()),
                };
                let reason = reason.to_owned();
                data_planes.observe(&self.peer, &node, Observation::Disconnected { end, reason });
                ended.map_err(|(_, status)| status)
            }
            Err(refused) => Err(refused),
        };
        if let Err(status) = ended {
            // A client that is gone does not read why.
            let _ = self.responses.send(Err(status)).await;
        }
    }

    /// The first request says who the client is.
    async fn begin(&mut self) -> Result<(Node, DeltaDiscoveryRequest, watch::Receiver<Option<Arc<Catalog>>>), Status> {
        let first = tokio::time::timeout(self.service.settings.first_request_timeout, self.requests.message()).await;
        let first = first.map_err(|_| Status::deadline_exceeded("no request came in time"))??;
        let mut first =
            first.ok_or_else(|| Status::cancelled("the client ended the stream before its first request"))?;
        let node =
            first.node.take().ok_or_else(|| Status::invalid_argument("node: is missing in the first request"))?;
        let admitted = self.service.data_planes.admit(&self.peer, &node);
        let feed = admitted.map_err(|Denied(reason)| Status::permission_denied(reason))?;
        Ok((node, first, feed))
    }

    async fn converse(
        &mut self,
        node: &Node,
        first: &DeltaDiscoveryRequest,
        mut feed: watch::Receiver<Option<Arc<Catalog>>>,
    ) -> Result<(), (StreamEnd, Status)> {
        let DiscoveryService { data_planes, settings, stopping } = self.service.clone();
        let mut stopping = stopping;
        let mut server = delta::Server::new(settings.limits.clone());
        let handle = |server: &mut delta::Server, request: &DeltaDiscoveryRequest| {
            let handled = server.handle_request(request);
            handled.map_err(|error| (StreamEnd::Protocol, Status::resource_exhausted(error.to_string())))
        };
        handle(&mut server, first)?;
        feed.mark_changed();
        let old_age = tokio::time::sleep(jittered(settings.max_stream_age));
        tokio::pin!(old_age);
        let mut sending = None;
        let mut next = None;
        loop {
            while let Some(event) = server.poll_event() {
                data_planes.observe(&self.peer, node, Observation::Said(event));
            }
            next = next.or_else(|| server.poll_response());
            if next.is_some() && sending != server.sending() {
                sending = server.sending();
                data_planes.observe(&self.peer, node, Observation::Sending(sending.clone().unwrap_or_default()));
            }
            tokio::select! {
                request = self.requests.message() => match request.map_err(|lost| (StreamEnd::Connection, lost))? {
                    Some(request) => handle(&mut server, &request)?,
                    None => return Ok(()),
                },
                room = self.responses.reserve(), if next.is_some() => match (room, next.take()) {
                    (Ok(room), Some(response)) => room.send(Ok(response)),
                    _ => return Ok(()),
                },
                changed = feed.changed() => {
                    let over = |_| (StreamEnd::Shutdown, Status::unavailable("there are no snapshots here any more"));
                    changed.map_err(over)?;
                    if let Some(catalog) = feed.borrow_and_update().clone() {
                        server.publish(catalog);
                    }
                }
                () = &mut old_age => {
                    return Err((StreamEnd::Age, Status::unavailable("the stream is old: connect again")));
                }
                () = stopped(&mut stopping) => {
                    let status = Status::unavailable("this control plane stops: connect to another");
                    return Err((StreamEnd::Shutdown, status));
                }
            }
        }
    }
}

/// Until the server stops.
pub(super) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // Without a sender it is gone.
    let _ = stopping.wait_for(|stopping| *stopping).await;
}

/// Up to a tenth less, so that streams that began together do not end together.
fn jittered(whole: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() % 1_024;
    whole.saturating_sub(whole / 10 * u32::try_from(random).unwrap_or_default() / 1_024)
}
