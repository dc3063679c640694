//! Where connections are accepted.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::key::{CertificateKey, ListenerKey};
use crate::name::HostnameMatch;
use crate::secret::SecretBytes;

/// One listener of a Gateway. Several listeners may share a bind address; the most specific hostname gets a request
/// (listener isolation, Gateway API `Listener`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// Its name.
    pub key: ListenerKey,
    /// The socket that it is served on.
    pub bind: BindAddress,
    /// The port that clients use: `listeners[].port`. Redirects and `Host` ports speak of this one.
    pub public_port: u16,
    /// Protocol.
    pub protocol: ListenerProtocol,
    /// Hosts that it serves.
    pub hostname: HostnameMatch,
    /// TLS settings, for HTTPS.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tls: Option<ListenerTls>,
}

/// A local socket address to bind. Without an address: all addresses of the machine, both families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BindAddress {
    /// A usable static address of the Gateway (`spec.addresses`), if it has one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<IpAddr>,
    /// Port, never 0.
    pub port: u16,
}

impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            Some(IpAddr::V4(address)) => write!(f, "{address}:{}", self.port),
            None => write!(f, "*:{}", self.port),
        }
    }
}

/// What is spoken on a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ListenerProtocol {
    /// HTTP/1.1 and HTTP/2 with prior knowledge or upgrade-free detection (h2c), cleartext.
    Http,
    /// The same over TLS, HTTP/2 by ALPN.
    Https,
}

/// TLS termination on a listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerTls {
    /// Certificates to choose from by SNI; the first is the default. Never empty.
    pub certificates: Vec<CertificateKey>,
}

/// A certificate chain and its key, checked to fit each other by the compiler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The Secret that it comes from.
    pub key: CertificateKey,
    /// `tls.crt`: PEM, leaf first.
    pub chain: String,
    /// `tls.key`: PEM.
    pub private_key: SecretBytes,
}
