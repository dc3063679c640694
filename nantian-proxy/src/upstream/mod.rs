//! Connections to backends: made, kept, used again, and counted. One [`Pools`] for each worker.

mod connect;
mod error;
mod multiplexed;
mod origin_tls;
mod pool;
mod stats;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use nantian_ir::model::BackendProtocol;
use serde::{Deserialize, Serialize};

use crate::engine::duration;
use crate::http::h1::LONG_READ;
use crate::http::{Body, ByteStream};

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

/// What is kept of connections that rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PoolSettings {
    /// Resting HTTP/1.1 connections for each endpoint and worker. Default 64.
    pub max_idle: usize,
    /// Time that a connection may rest; shorter than what backends allow. Default `30s`.
    #[serde(with = "duration")]
    pub idle_timeout: Duration,
    /// HTTP/2 connections for each endpoint and worker; a further one is made when the streams of the others are used
    /// up. Default 8.
    pub max_http2_connections: usize,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self { max_idle: 64, idle_timeout: Duration::from_secs(30), max_http2_connections: 8 }
    }
}
