//! Where requests go.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::listener::Transport;
use crate::key::{BackendKey, CaBundleKey};
use crate::name::{Hostname, HostnameMatch};

/// One Service port, as one protocol; the protocol is in the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "BackendResource"))]
#[serde(rename_all = "camelCase")]
pub struct Backend {
    /// Its name.
    pub key: BackendKey,
    /// TLS towards it (`BackendTLSPolicy`, GEP-1897): for requests, and for connections of TLS listeners that end the
    /// client's session. What a listener of the protocol `TCP` takes, or passes through unread, goes there as it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tls: Option<BackendTls>,
}

/// How connections to a backend are secured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum BackendTls {
    /// By TLS sessions with who proves to be this.
    Verify(BackendIdentity),
    /// There is no way to tell who the backend is, as the policy is not valid: no connection is made, and requests get
    /// 5xx ("Connections using an invalid `CACertificateRef` MUST fail").
    Refuse,
}

/// Who a backend has to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BackendIdentity {
    /// The server name that is asked for. Without `subject_alt_names` the certificate must have it.
    pub server_name: Hostname,
    /// Names of which the certificate must have one, in place of `server_name`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub subject_alt_names: Vec<SubjectAltName>,
    /// Who may have signed the certificate.
    pub trust: Trust,
}

/// A name in a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum SubjectAltName {
    /// A DNS name, or the wildcard itself (`*.example.com`).
    Hostname(HostnameMatch),
    /// A URI, compared as it stands.
    Uri(String),
}

/// Who may have signed a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Trust {
    /// The authorities that the data plane's machine trusts.
    System,
    /// These authorities. Never empty.
    CaBundles(Vec<CaBundleKey>),
}

/// What a backend speaks, from the Service port's `appProtocol` (GEP-1911) or the route's kind; within TLS where
/// [`Backend::tls`] says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum BackendProtocol {
    /// HTTP/1.1; upgrades pass. The default for HTTPRoute.
    Http1,
    /// HTTP/2 with prior knowledge, or by ALPN within TLS: `kubernetes.io/h2c`, and the default for GRPCRoute.
    H2c,
    /// WebSocket over HTTP/1.1: `kubernetes.io/ws`, `kubernetes.io/wss`.
    WebSocket,
    /// Bytes as they come: of TCPRoute and TLSRoute.
    Tcp,
    /// Datagrams: of UDPRoute.
    Udp,
}

impl BackendProtocol {
    /// What carries it.
    pub const fn transport(self) -> Transport {
        match self {
            Self::Http1 | Self::H2c | Self::WebSocket | Self::Tcp => Transport::Tcp,
            Self::Udp => Transport::Udp,
        }
    }
}

/// The endpoints of a backend that may get requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EndpointSet {
    /// The backend's name.
    pub key: BackendKey,
    /// Ready endpoints, sorted and without duplicates. Empty: requests get 503.
    pub endpoints: Vec<Endpoint>,
}

/// One endpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Address or DNS name.
    pub host: EndpointHost,
    /// Port on that host.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            EndpointHost::Ip(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            EndpointHost::Ip(IpAddr::V4(address)) => write!(f, "{address}:{}", self.port),
            EndpointHost::Dns(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

/// How an endpoint is named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum EndpointHost {
    /// An address, from an EndpointSlice.
    Ip(IpAddr),
    /// A DNS name that the data plane resolves and refreshes: a Service of type `ExternalName`, or an FQDN slice.
    Dns(Hostname),
}
