//! Connections to backends: made, kept, used again, and counted. One [`Pools`] for each worker.

mod connect;
mod error;
mod gate;
mod multiplexed;
mod origin_tls;
mod pool;
mod stats;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use nantian_ir::model::BackendProtocol;
use serde::{Deserialize, Serialize};

use crate::engine::duration;
use crate::http::buffered::Account;
use crate::http::h1::LONG_READ;
use crate::http::{Body, ByteStream, Response};

pub(crate) use error::Unanswered;
pub use error::{SendError, SendErrorKind};
pub use origin_tls::OriginTls;
pub(crate) use origin_tls::{OverTls, roots, system_roots};
pub use pool::Pools;
pub use stats::ConnectionStats;
pub(crate) use stats::Counted;

/// Where a request goes, and how.
#[derive(Debug, Clone)]
pub struct Upstream {
    /// Address of the endpoint.
    pub address: SocketAddr,
    /// What it speaks.
    pub protocol: BackendProtocol,
    /// Time for a connection to be made.
    pub connect_timeout: Duration,
    /// Most bytes of an answer that are read at once (HTTP/1.1).
    pub read_size: usize,
    /// Where its connections are counted.
    pub stats: Option<Arc<ConnectionStats>>,
    /// TLS towards it.
    pub tls: Option<Arc<OriginTls>>,
    /// Where what waits for it, and what it sends, is counted: the account of the client.
    pub(crate) account: Option<Rc<Account>>,
}

/// Connections to one place can be used for one another: the address, and the id of their TLS or 0.
pub(crate) type Place = (SocketAddr, u64);

impl Upstream {
    /// An endpoint with the default connect timeout of 5 s and reads of 32 KiB, in cleartext, whose connections nobody
    /// counts.
    pub fn new(address: SocketAddr, protocol: BackendProtocol) -> Self {
        Self {
            address,
            protocol,
            connect_timeout: Duration::from_secs(5),
            read_size: LONG_READ,
            stats: None,
            tls: None,
            account: None,
        }
    }
}

impl Upstream {
    pub(crate) fn place(&self) -> Place {
        (self.address, self.tls.as_ref().map_or(0, |tls| tls.id()))
    }
}

/// What a backend answered.
pub struct UpstreamResponse {
    /// The final answer. Hop-by-hop fields are still there, except `Transfer-Encoding`.
    pub response: Response<Body>,
    /// The connection, where the answer switched it to another protocol (101, or 2xx to CONNECT).
    pub tunnel: Option<Box<dyn ByteStream>>,
    /// Whether the connection had served another request before.
    pub reused: bool,
}

/// How many connections to backends there may be, what is kept of those that rest, and how fast requests on them may be
/// given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PoolSettings {
    /// Resting HTTP/1.1 connections for each endpoint and worker. Default 1,024: as many as requests come at once over a few
    /// HTTP/2 connections. The one that rested last is taken first, so that those beyond what is needed come to
    /// [`idle_timeout`](Self::idle_timeout) and are closed.
    pub max_idle: usize,
    /// Time that a connection may rest; shorter than what backends allow. Default `30s`.
    #[serde(with = "duration")]
    pub idle_timeout: Duration,
    /// HTTP/2 connections for each endpoint and worker; a further one is made when the streams of the others are used
    /// up. Default 8.
    pub max_http2_connections: usize,
    /// HTTP/1.1 connections in use for each endpoint and worker, those that are being made included; tunnels are not.
    /// Further requests wait for one to be free, as long as for a connection to be made; then 503. Default 8,000.
    pub max_http1_connections: usize,
    /// Streams at once on an HTTP/2 connection, beside the backend's own `SETTINGS_MAX_CONCURRENT_STREAMS`. Further
    /// requests wait likewise. Default 1,000.
    pub max_http2_streams: usize,
    /// `RST_STREAM` frames that an HTTP/2 connection may carry at once for requests that were given up (CVE-2023-44487:
    /// clients that reset theirs must not make us attack the backend). Each answer that ended gives one back. Beyond it
    /// a request stays open, and counts for the bounds above, until its answer ends or it is its turn. Default 20.
    pub reset_burst: u32,
    /// Time after which one more may be sent. Default `200ms`.
    #[serde(with = "duration")]
    pub reset_interval: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            max_idle: 1_024,
            idle_timeout: Duration::from_secs(30),
            max_http2_connections: 8,
            max_http1_connections: 8_000,
            max_http2_streams: 1_000,
            reset_burst: 20,
            reset_interval: Duration::from_millis(200),
        }
    }
}
