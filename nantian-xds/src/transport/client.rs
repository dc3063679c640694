//! The data plane's end: it connects, applies, and connects again.

use std::convert::Infallible;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::Uri;
use http::uri::Scheme;
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::{BoxFuture, Service};
use tonic::{Status, Streaming};

use super::backoff::Backoff;
use super::security::Security;
use crate::delta::{Client, Diverged, Rejection, Update};
use crate::wire::Node;
use crate::wire::discovery::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use crate::wire::discovery::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};

/// Where the control plane is, and how long things may take.
#[derive(Debug, Clone)]
pub struct ClientSettings {
    /// `host:port` of the control plane. The name is looked up for every connection.
    pub address: String,
    /// The name that the control plane's certificate must have.
    pub server_name: String,
    /// Who this data plane is.
    pub node: Node,
    /// The largest response, in bytes after decompression. 64 MiB.
    pub max_response_bytes: usize,
    /// Time for a connection, handshake included. 5 s.
    pub connect_timeout: Duration,
    /// Time between PINGs that tell whether the control plane is there. 20 s.
    pub keep_alive_interval: Duration,
    /// Time for their answers. 10 s.
    pub keep_alive_timeout: Duration,
    /// The wait after the first failure; it doubles with each. 100 ms.
    pub least_backoff: Duration,
    /// The longest wait. 5 s.
    pub most_backoff: Duration,
}

impl ClientSettings {
    /// The defaults.
    pub fn new(address: impl Into<String>, server_name: impl Into<String>, node: Node) -> Self {
        Self {
            address: address.into(),
            server_name: server_name.into(),
            node,
            max_response_bytes: 64 * 1024 * 1024,
            connect_timeout: Duration::from_secs(5),
            keep_alive_interval: Duration::from_secs(20),
            keep_alive_timeout: Duration::from_secs(10),
            least_backoff: Duration::from_millis(100),
            most_backoff: Duration::from_secs(5),
        }
    }
}

/// The data plane, as the client needs it.
pub trait Apply: Send + Sync {
    /// Serves a snapshot; gives back what of it cannot be served. Never called for two at a time, and never dropped
    /// half-way by a connection that ends.
    fn apply(&self, update: &Update) -> impl Future<Output = Vec<Rejection>> + Send;
}

/// Whether there is a control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// There was none yet.
    Connecting,
    /// It talks to us.
    Connected,
    /// It does not, for this reason. What is served is served on.
    Waiting(String),
}

/// Why a stream ended.
#[derive(Debug, Error)]
enum StreamError {
    #[error("{0:?} is not a name that a certificate can have: {1}")]
    ServerName(String, InvalidDnsNameError),
    #[error("no connection to {address}: {source}")]
    Connect { address: String, source: io::Error },
    #[error("{0}: give the name of the control plane's certificate as the server name")]
    Origin(#[from] http::Error),
    #[error("no HTTP/2 with the control plane: {0}")]
    Http(#[from] hyper::Error),
    #[error("the control plane ended the stream: {}", .0.message())]
    Status(#[from] Status),
    #[error("the control plane ended the stream")]
    Ended,
    #[error(transparent)]
    Diverged(#[from] Diverged),
    #[error("the certificates were renewed")]
    Renewed,
    #[error("what is served of the snapshot has changed")]
    Resync,
}

/// Follows the snapshots of a control plane.
#[derive(Debug)]
pub struct DiscoveryClient {
    client: Client,
    settings: ClientSettings,
    security: Security,
    connection: watch::Sender<Connection>,
    resync: Resync,
}

/// Tells a control plane anew what is served of its snapshot: [`Apply::apply`] is called for it again, over a new stream, on
/// which no resource comes again.
#[derive(Debug, Clone, Default)]
pub struct Resync(Arc<Notify>);

impl Resync {
    /// Asks for it. To be called once what was refused can be served, or the other way round.
    pub fn ask(&self) {
        self.0.notify_one();
    }
}

impl DiscoveryClient {
    /// A client that has nothing and is not connected.
    pub fn new(settings: ClientSettings, security: Security) -> Self {
        let client = Client::new(settings.node.clone());
        let connection = watch::Sender::new(Connection::Connecting);
        Self { client, settings, security, connection, resync: Resync::default() }
    }

    /// For a data plane whose refusals change while the snapshot stays.
    pub fn resync(&self) -> Resync {
        self.resync.clone()
    }

    /// Whether there is a control plane, now and from now on.
    pub fn connection(&self) -> watch::Receiver<Connection> {
        self.connection.subscribe()
    }

    /// Connects, and connects again, for as long as it is not dropped.
    pub async fn run(mut self, data_plane: &impl Apply) -> Infallible {
        let mut backoff = Backoff::new(self.settings.least_backoff, self.settings.most_backoff);
        loop {
            let began = Instant::now();
            let Err(ended) = self.stream(data_plane).await;
            self.client.disconnected();
            self.connection.send_replace(Connection::Waiting(ended.to_string()));
            if began.elapsed() > self.settings.most_backoff {
                backoff.reset();
            }
            if !matches!(ended, StreamError::Renewed | StreamError::Resync) {
                tokio::time::sleep(backoff.next(RandomState::new().build_hasher().finish())).await;
            }
        }
    }

    /// One stream, from connecting to its end.
    async fn stream(&mut self, data_plane: &impl Apply) -> Result<Infallible, StreamError> {
        let open = tokio::time::timeout(self.settings.connect_timeout, self.open()).await;
        let timed_out = |_| self.no_connection(io::ErrorKind::TimedOut.into());
        let stream = open.map_err(timed_out)??;
        self.connection.send_replace(Connection::Connected);
        self.client.connected();
        Err(self.converse(data_plane, stream).await)
    }

    fn no_connection(&self, source: io::Error) -> StreamError {
        StreamError::Connect { address: self.settings.address.clone(), source }
    }

    async fn open(&mut self) -> Result<Stream, StreamError> {
        let socket = TcpStream::connect(&self.settings.address).await.map_err(|error| self.no_connection(error))?;
        socket.set_nodelay(true).map_err(|error| self.no_connection(error))?;
        let Security::Mutual(credentials) = &mut self.security else {
            return self.call(socket, Scheme::HTTP).await;
        };
        let connector = TlsConnector::from(Arc::clone(&credentials.borrow_and_update().client));
        let name = self.settings.server_name.clone();
        let name = ServerName::try_from(name.clone()).map_err(|error| StreamError::ServerName(name, error))?;
        let session = connector.connect(name, socket).await.map_err(|error| self.no_connection(error))?;
        self.call(session, Scheme::HTTPS).await
    }

    async fn call<S>(&self, session: S, scheme: Scheme) -> Result<Stream, StreamError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let settings = &self.settings;
        let origin = Uri::builder().scheme(scheme).authority(&*settings.server_name).path_and_query("/").build()?;
        let (http2, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(settings.keep_alive_interval)
            .keep_alive_timeout(settings.keep_alive_timeout)
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(session))
            .await?;
        // Why it ended is told to the stream on it.
        let connection = tokio::spawn(async move { connection.await.unwrap_or_default() });
        let connection = OwnedConnection(connection.abort_handle());
        // One: what waits in it is out of the client's hands.
        let (requests, outbound) = mpsc::channel(1);
        let responses = AggregatedDiscoveryServiceClient::with_origin(Http2(http2), origin)
            .send_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(settings.max_response_bytes)
            .delta_aggregated_resources(ReceiverStream::new(outbound))
            .await?
            .into_inner();
        Ok(Stream { requests, responses, _connection: connection })
    }

    async fn converse(&mut self, data_plane: &impl Apply, mut stream: Stream) -> StreamError {
        let Self { client, security, resync, .. } = self;
        let Stream { requests, responses, .. } = &mut stream;
        let mut applying = None;
        let mut next = None;
        let ended = loop {
            next = next.or_else(|| client.poll_request());
            if applying.is_none()
                && let Some(update) = client.poll_update()
            {
                applying = Some(Box::pin(apply(data_plane, update)));
            }
            tokio::select! {
                response = responses.message() => match response {
                    Ok(Some(response)) => {
                        if let Err(diverged) = client.handle_response(response) {
                            break diverged.into();
                        }
                    }
                    Ok(None) => break StreamError::Ended,
                    Err(status) => break status.into(),
                },
                room = requests.reserve(), if next.is_some() => match (room, next.take()) {
                    (Ok(room), Some(request)) => room.send(request),
                    _ => break StreamError::Ended,
                },
                (update, rejected) = pending(&mut applying) => {
                    applying = None;
                    client.applied(&update, rejected);
                }
                () = renewed(security) => break StreamError::Renewed,
                () = resync.0.notified() => break StreamError::Resync,
            }
        };
        if let Some(applying) = applying {
            let (update, rejected) = applying.await;
            client.applied(&update, rejected);
        }
        if matches!(ended, StreamError::Diverged(_) | StreamError::Renewed | StreamError::Resync) {
            let _ = tokio::time::timeout(FAREWELL, stream.end(next, client)).await;
        }
        ended
    }
}

/// Time to say what is left to say on a stream that the client ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// One call, and the connection that carries it.
struct Stream {
    requests: mpsc::Sender<DeltaDiscoveryRequest>,
    responses: Streaming<DeltaDiscoveryResponse>,
    _connection: OwnedConnection,
}

impl Stream {
    /// Sends what is left, and waits until the server has read it.
    async fn end(self, next: Option<DeltaDiscoveryRequest>, client: &mut Client) {
        let Self { requests, mut responses, _connection } = self;
        for request in next.into_iter().chain(std::iter::from_fn(|| client.poll_request())) {
            if requests.send(request).await.is_err() {
                return;
            }
        }
        drop(requests);
        while let Ok(Some(_)) = responses.message().await {}
    }
}

/// Dropped, it closes the connection.
struct OwnedConnection(AbortHandle);

impl Drop for OwnedConnection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The connection, as a generated client wants it.
struct Http2(SendRequest<Body>);

impl Service<http::Request<Body>> for Http2 {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

/// An update and what of it is refused.
async fn apply(data_plane: &impl Apply, update: Update) -> (Update, Vec<Rejection>) {
    let rejected = data_plane.apply(&update).await;
    (update, rejected)
}

/// What the future comes to, if there is one.
async fn pending<F: Future + Unpin>(future: &mut Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

/// Until there are other credentials than those of the connection.
async fn renewed(security: &mut Security) {
    if let Security::Mutual(credentials) = security
        && credentials.changed().await.is_ok()
    {
        return;
    }
    std::future::pending::<()>().await;
}
