//! Where connections are accepted.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::key::{CaBundleKey, CertificateKey, ListenerKey};
use crate::name::HostnameMatch;
use crate::secret::SecretBytes;

/// One listener of a Gateway. Several listeners may share a bind address; the most specific hostname gets a request
/// (listener isolation, Gateway API `Listener`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ListenerResource"))]
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
    /// Hosts that it serves: of requests, or server names for `TLS`. Every host for `TCP` and `UDP`.
    pub hostname: HostnameMatch,
    /// TLS termination: always for `HTTPS`; for `TLS`, where it is absent, sessions pass through to the backend.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tls: Option<ListenerTls>,
    /// What backends with TLS are shown, if they ask for a certificate (`Gateway.spec.tls.backend`).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_certificate: Option<CertificateKey>,
}

/// A local socket address to bind. Without an address: all addresses of the machine, both families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum ListenerProtocol {
    /// HTTP/1.1 and HTTP/2 with prior knowledge or upgrade-free detection (h2c), cleartext.
    Http,
    /// The same over TLS, HTTP/2 by ALPN.
    Https,
    /// TLS sessions, told apart by server name: ended here or passed through.
    Tls,
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

impl ListenerProtocol {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Http, Self::Https, Self::Tls, Self::Tcp, Self::Udp];

    /// The protocol as a Gateway spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Https => "HTTPS",
            Self::Tls => "TLS",
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }

    /// What carries it.
    pub const fn transport(self) -> Transport {
        match self {
            Self::Http | Self::Https | Self::Tls | Self::Tcp => Transport::Tcp,
            Self::Udp => Transport::Udp,
        }
    }

    /// Whether a client begins with a `ClientHello`, so that listeners of one socket are told apart by server name.
    pub const fn begins_with_tls(self) -> bool {
        matches!(self, Self::Https | Self::Tls)
    }

    /// Whether it carries HTTP requests.
    pub const fn has_requests(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
}

impl fmt::Display for ListenerProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A transport protocol. Sockets of both may have the same address and port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

impl Transport {
    /// As Kubernetes spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }
}

/// TLS termination on a listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ListenerTlsResource"))]
#[serde(rename_all = "camelCase")]
pub struct ListenerTls {
    /// Certificates to choose from by SNI; the first is the default. Never empty.
    pub certificates: Vec<CertificateKey>,
    /// How certificates of clients are checked; not at all when absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub client_validation: Option<ClientValidation>,
}

/// How certificates of clients are checked (`FrontendTLSValidation`, GEP-91).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ClientValidation {
    /// Authorities that are trusted. Never empty.
    pub ca_bundles: Vec<CaBundleKey>,
    /// What happens to clients without a valid certificate.
    pub mode: ClientValidationMode,
}

/// What happens to clients without a valid certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum ClientValidationMode {
    /// The handshake fails (`AllowValidOnly`).
    AllowValidOnly,
    /// They are served (`AllowInsecureFallback`).
    AllowInsecureFallback,
}

/// Certificates of authorities, checked to be readable by the compiler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CaBundle {
    /// The ConfigMap that they come from.
    pub key: CaBundleKey,
    /// `ca.crt`: PEM.
    pub certificates: String,
}

/// A certificate chain and its key, checked to fit each other by the compiler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The Secret that it comes from.
    pub key: CertificateKey,
    /// `tls.crt`: PEM, leaf first.
    pub chain: String,
    /// `tls.key`: PEM.
    pub private_key: SecretBytes,
}

impl Certificate {
    /// The same with its private key replaced by nothing: what may be shown.
    #[must_use]
    pub fn redacted(&self) -> Self {
        let (key, chain) = (self.key.clone(), self.chain.clone());
        Self { key, chain, private_key: SecretBytes::new(Vec::new()) }
    }
}
