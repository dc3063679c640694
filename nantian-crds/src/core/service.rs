//! `Service`: what routes name as a backend.

use std::fmt;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use smol_str::SmolStr;

use crate::meta::{ObjectMeta, resource};
use crate::open_enum::open_enum;

/// A service (`v1`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default)]
    pub spec: ServiceSpec,
}

resource!(Service, "", "v1", "Service", "services");

/// `Service.spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceSpec {
    /// Type.
    #[serde(default)]
    pub r#type: ServiceType,
    /// Virtual address, or `None` for a headless service.
    #[serde(default, rename = "clusterIP", skip_serializing_if = "Option::is_none")]
    pub cluster_ip: Option<SmolStr>,
    /// Virtual addresses of all families.
    #[serde(default, rename = "clusterIPs", skip_serializing_if = "Vec::is_empty")]
    pub cluster_ips: Vec<SmolStr>,
    /// Host name that stands for the service, for the type `ExternalName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_name: Option<SmolStr>,
    /// Ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<ServicePort>,
    /// Whether endpoints that are not ready count as ready.
    #[serde(default)]
    pub publish_not_ready_addresses: bool,
    /// Preference among endpoints, for example `PreferClose`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic_distribution: Option<SmolStr>,
}

/// Type of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ServiceType {
    /// Reachable within the cluster.
    #[default]
    ClusterIp,
    /// Reachable on a port of every node.
    NodePort,
    /// Reachable through a load balancer.
    LoadBalancer,
    /// An alias for a host name.
    ExternalName,
    /// A type that this version does not know.
    Unknown(String),
}

open_enum!(ServiceType {
    ClusterIp = "ClusterIP",
    NodePort = "NodePort",
    LoadBalancer = "LoadBalancer",
    ExternalName = "ExternalName",
});

/// One port of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePort {
    /// Name; required when there are several ports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SmolStr>,
    /// `TCP` (default), `UDP` or `SCTP`.
    #[serde(default = "tcp")]
    pub protocol: SmolStr,
    /// Port of the service.
    pub port: u16,
    /// Port of the Pods, by number or name; `port` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_port: Option<IntOrString>,
    /// Port of the nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_port: Option<u16>,
    /// Application protocol, for example `kubernetes.io/h2c` (GEP-1911).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_protocol: Option<SmolStr>,
}

pub(super) fn tcp() -> SmolStr {
    SmolStr::new_static("TCP")
}

/// A number or a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum IntOrString {
    /// A number.
    Int(i32),
    /// A name.
    String(SmolStr),
}

impl<'de> Deserialize<'de> for IntOrString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IntOrStringVisitor)
    }
}

struct IntOrStringVisitor;

impl Visitor<'_> for IntOrStringVisitor {
    type Value = IntOrString;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of 32 bits or a string")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<IntOrString, E> {
        let fits = i32::try_from(number).map(IntOrString::Int);
        fits.map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<IntOrString, E> {
        let fits = i32::try_from(number).map(IntOrString::Int);
        fits.map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<IntOrString, E> {
        Ok(IntOrString::String(text.into()))
    }
}
