//! Where requests go.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::key::BackendKey;
use crate::name::Hostname;

/// One Service port, as one protocol; the protocol is in the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backend {
    /// Its name.
    pub key: BackendKey,
}

/// What a backend speaks, from the Service port's `appProtocol` (GEP-1911) or the route's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BackendProtocol {
    /// HTTP/1.1, cleartext; upgrades pass. The default for HTTPRoute.
    Http1,
    /// HTTP/2 with prior knowledge, cleartext: `kubernetes.io/h2c`, and the default for GRPCRoute.
    H2c,
    /// WebSocket over HTTP/1.1, cleartext: `kubernetes.io/ws`.
    WebSocket,
}

/// The endpoints of a backend that may get requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSet {
    /// The backend's name.
    pub key: BackendKey,
    /// Ready endpoints, sorted and without duplicates. Empty: requests get 503.
    pub endpoints: Vec<Endpoint>,
}

/// One endpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[serde(rename_all = "camelCase")]
pub enum EndpointHost {
    /// An address, from an EndpointSlice.
    Ip(IpAddr),
    /// A DNS name that the data plane resolves and refreshes: a Service of type `ExternalName`, or an FQDN slice.
    Dns(Hostname),
}
