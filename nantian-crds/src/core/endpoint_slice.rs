//! `EndpointSlice`: addresses behind a service.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::service::tcp;
use crate::meta::{ObjectMeta, resource};
use crate::open_enum::open_enum;

/// Some of the endpoints of a service (`discovery.k8s.io/v1`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSlice {
    /// Metadata; the label [`SERVICE_NAME_LABEL`] names the service.
    pub metadata: ObjectMeta,
    /// What the addresses are.
    pub address_type: AddressType,
    /// The endpoints.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// The ports that each endpoint has.
    #[serde(default)]
    pub ports: Vec<EndpointPort>,
}

resource!(EndpointSlice, "discovery.k8s.io", "v1", "EndpointSlice", "endpointslices");

/// The label that names the service of a slice.
pub const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";

/// What the addresses of a slice are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressType {
    /// IPv4 addresses.
    Ipv4,
    /// IPv6 addresses.
    Ipv6,
    /// Host names (deprecated by Kubernetes).
    Fqdn,
    /// A type that this version does not know.
    Unknown(String),
}

open_enum!(AddressType { Ipv4 = "IPv4", Ipv6 = "IPv6", Fqdn = "FQDN" });

/// One endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// Its addresses, which are interchangeable; clients use the first.
    #[serde(default)]
    pub addresses: Vec<SmolStr>,
    /// Whether it can be used.
    #[serde(default)]
    pub conditions: EndpointConditions,
    /// Its host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<SmolStr>,
    /// The zone that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<SmolStr>,
    /// Which zones and nodes should use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hints: Option<EndpointHints>,
}

/// Whether an endpoint can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointConditions {
    /// Ready for requests; unknown, when absent, means ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<bool>,
    /// Able to serve, be it terminating or not; like `ready` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serving: Option<bool>,
    /// On its way out; not, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminating: Option<bool>,
}

/// Which zones and nodes should use an endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointHints {
    /// Zones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub for_zones: Vec<NamedHint>,
    /// Nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub for_nodes: Vec<NamedHint>,
}

/// A zone or node that should use an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NamedHint {
    /// Its name.
    pub name: SmolStr,
}

/// One port of a slice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointPort {
    /// Name of the service port; empty for an unnamed one.
    #[serde(default)]
    pub name: SmolStr,
    /// `TCP` (default), `UDP` or `SCTP`.
    #[serde(default = "tcp")]
    pub protocol: SmolStr,
    /// Port number; every port when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Application protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_protocol: Option<SmolStr>,
}
