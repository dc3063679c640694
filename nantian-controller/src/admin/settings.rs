//! What the admin interface can be told, and its bounds.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Settings of the admin interface: the `admin` part of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct AdminSettings {
    /// Where the admin API is served. Give it a token before it is reached from other machines. `127.0.0.1:18081`.
    pub address: SocketAddr,
    /// The file with the token that requests need; its content may change at any time. None: no request needs one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// Where metrics are served, to everybody. `0.0.0.0:18082`.
    pub metrics_address: SocketAddr,
    /// Where health is served, to everybody. `0.0.0.0:18083`.
    pub health_address: SocketAddr,
}

impl Default for AdminSettings {
    fn default() -> Self {
        Self {
            address: (Ipv4Addr::LOCALHOST, 18081).into(),
            token_file: None,
            metrics_address: (Ipv4Addr::UNSPECIFIED, 18082).into(),
            health_address: (Ipv4Addr::UNSPECIFIED, 18083).into(),
        }
    }
}

/// Bounds of one port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at one time; others wait to be accepted. 64.
    pub max_connections: usize,
    /// Time for the head of a request, and that a connection may rest. 30 s.
    pub header_timeout: Duration,
    /// The longest life of a connection, be it in use or not. 10 min.
    pub max_connection_age: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 64,
            header_timeout: Duration::from_secs(30),
            max_connection_age: Duration::from_secs(10 * 60),
        }
    }
}
