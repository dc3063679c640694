//! Accepting the connections of data planes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tonic::codec::CompressionEncoding;
use tonic::codegen::Service as _;

use super::accept::accept;
use super::security::Security;
use super::stream::{DataPlanes, DiscoveryService, Peer, stopped};
use crate::delta::ServerLimits;
use crate::wire::discovery::aggregated_discovery_service_server::AggregatedDiscoveryServiceServer;

/// Bounds and times of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// Bounds of each stream.
    pub limits: ServerLimits,
    /// Connections at one time; others wait to be accepted. 10,000.
    pub max_connections: usize,
    /// The largest request, in bytes after decompression: the first ones name everything that the client has. 16 MiB.
    pub max_request_bytes: usize,
    /// Time for a TLS handshake. 10 s.
    pub handshake_timeout: Duration,
    /// Time from the beginning of a stream to its first request. 10 s.
    pub first_request_timeout: Duration,
    /// Time between PINGs that tell whether a client is there. 20 s.
    pub keep_alive_interval: Duration,
    /// Time for their answers. 10 s.
    pub keep_alive_timeout: Duration,
    /// The longest life of a stream, less up to a tenth: then the client connects again, with its newest certificate and
    /// perhaps to another replica, and gets nothing again. 1 h.
    pub max_stream_age: Duration,
    /// Whether responses are compressed (gzip) for clients that take that. `true`.
    pub compression: bool,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            limits: ServerLimits::default(),
            max_connections: 10_000,
            max_request_bytes: 16 * 1024 * 1024,
            handshake_timeout: Duration::from_secs(10),
            first_request_timeout: Duration::from_secs(10),
            keep_alive_interval: Duration::from_secs(20),
            keep_alive_timeout: Duration::from_secs(10),
            max_stream_age: Duration::from_secs(60 * 60),
            compression: true,
        }
    }
}

/// Streams of one connection: a client has one, and a second while it begins anew.
const MAX_STREAMS: u32 = 4;

/// Bytes of a response that HTTP/2 takes ahead of a client that does not read.
const SEND_BUFFER: usize = 64 * 1024;

/// Serves snapshots to data planes.
#[derive(Debug)]
pub struct DiscoveryServer<D> {
    service: DiscoveryService<D>,
    settings: ServerSettings,
    security: Security,
    stop: watch::Sender<bool>,
}

impl<D: DataPlanes> DiscoveryServer<D> {
    /// A server that is not listening yet.
    pub fn new(data_planes: Arc<D>, settings: ServerSettings, security: Security) -> Self {
        let (stop, stopping) = watch::channel(false);
        let service = DiscoveryService::new(data_planes, settings.clone(), stopping);
        Self { service, settings, security, stop }
    }

    /// Serves the connections of a socket until `stop` is over; then every stream ends, and its client goes elsewhere.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let serve = |socket, address| {
            let connection = self.connection();
            async move {
                // A client that went wrong hears so itself, or is gone.
                let _ = connection.serve(socket, address).await;
            }
        };
        let open = accept(listener, self.settings.max_connections, stop, serve).await;
        self.stop.send_replace(true);
        open.ended().await;
    }

    fn connection(&self) -> Connection<D> {
        let mut service = AggregatedDiscoveryServiceServer::new(self.service.clone())
            .accept_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(self.settings.max_request_bytes);
        if self.settings.compression {
            service = service.send_compressed(CompressionEncoding::Gzip);
        }
        let (settings, security) = (self.settings.clone(), self.security.clone());
        Connection { service, settings, security, stopping: self.stop.subscribe() }
    }
}

struct Connection<D> {
    service: AggregatedDiscoveryServiceServer<DiscoveryService<D>>,
    settings: ServerSettings,
    security: Security,
    stopping: watch::Receiver<bool>,
}

impl<D: DataPlanes> Connection<D> {
    async fn serve(self, socket: TcpStream, address: SocketAddr) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let Security::Mutual(credentials) = &self.security else {
            return self.serve_http(socket, Peer { address, certificates: Arc::default() }).await;
        };
        let acceptor = TlsAcceptor::from(Arc::clone(&credentials.borrow().server));
        let handshake = tokio::time::timeout(self.settings.handshake_timeout, acceptor.accept(socket));
        let session = handshake.await.map_err(|_| io::ErrorKind::TimedOut)??;
        let certificates = session.get_ref().1.peer_certificates().unwrap_or_default();
        let certificates = certificates.iter().map(|certificate| certificate.clone().into_owned()).collect();
        self.serve_http(session, Peer { address, certificates }).await
    }

    async fn serve_http<S>(self, session: S, peer: Peer) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Self { service, settings, mut stopping, .. } = self;
        let service = hyper::service::service_fn(move |mut request: http::Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            service.clone().call(request)
        });
        let mut http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .max_send_buf_size(SEND_BUFFER)
            .keep_alive_interval(settings.keep_alive_interval)
            .keep_alive_timeout(settings.keep_alive_timeout);
        let connection = http2.serve_connection(TokioIo::new(session), service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped(&mut stopping) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        ended.map_err(io::Error::other)
    }
}
