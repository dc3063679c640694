//! Names of resources. A key is unique within a [`Snapshot`](crate::Snapshot), orders deterministically and prints as
//! the path that an operator would type.

use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::model::{BackendProtocol, Transport};

/// A Kubernetes object, as diagnostics and statuses name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ObjectRef {
    /// API group; empty for the core group.
    pub group: SmolStr,
    /// Kind, for example `HTTPRoute`.
    pub kind: SmolStr,
    /// Namespace; empty for cluster-scoped kinds.
    pub namespace: SmolStr,
    /// Name.
    pub name: SmolStr,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{}/{}", self.kind, self.name)
        } else {
            write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// One Gateway.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GatewayKey {
    /// Namespace of the Gateway.
    pub namespace: SmolStr,
    /// Name of the Gateway.
    pub name: SmolStr,
}

impl fmt::Display for GatewayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// One listener of one Gateway, be it the Gateway's own or of a ListenerSet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ListenerKey {
    /// Namespace of the Gateway.
    pub namespace: SmolStr,
    /// Name of the Gateway.
    pub gateway: SmolStr,
    /// The ListenerSet that adds it; `None`: one of the Gateway's own. Names of listeners are unique in each only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub set: Option<ListenerSetKey>,
    /// `listeners[].name`.
    pub listener: SmolStr,
}

impl ListenerKey {
    /// The Gateway that the listener belongs to.
    pub fn gateway_key(&self) -> GatewayKey {
        GatewayKey { namespace: self.namespace.clone(), name: self.gateway.clone() }
    }
}

/// `namespace/gateway/listener`, or `namespace/gateway/namespace/set/listener`.
impl fmt::Display for ListenerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.gateway)?;
        if let Some(set) = &self.set {
            write!(f, "/{set}")?;
        }
        write!(f, "/{}", self.listener)
    }
}

/// One ListenerSet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ListenerSetKey {
    /// Namespace of the set.
    pub namespace: SmolStr,
    /// Name of the set.
    pub name: SmolStr,
}

impl fmt::Display for ListenerSetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The kinds of route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum RouteKind {
    /// `gateway.networking.k8s.io` HTTPRoute.
    #[serde(rename = "HTTPRoute")]
    Http,
    /// `gateway.networking.k8s.io` GRPCRoute.
    #[serde(rename = "GRPCRoute")]
    Grpc,
    /// `gateway.networking.k8s.io` TLSRoute.
    #[serde(rename = "TLSRoute")]
    Tls,
    /// `gateway.networking.k8s.io` TCPRoute.
    #[serde(rename = "TCPRoute")]
    Tcp,
    /// `gateway.networking.k8s.io` UDPRoute.
    #[serde(rename = "UDPRoute")]
    Udp,
}

impl RouteKind {
    /// The kind as Kubernetes spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "HTTPRoute",
            Self::Grpc => "GRPCRoute",
            Self::Tls => "TLSRoute",
            Self::Tcp => "TCPRoute",
            Self::Udp => "UDPRoute",
        }
    }

    /// What carries the traffic that it is for.
    pub const fn transport(self) -> Transport {
        match self {
            Self::Http | Self::Grpc | Self::Tls | Self::Tcp => Transport::Tcp,
            Self::Udp => Transport::Udp,
        }
    }

    /// Whether its rules look at requests ([`RouteRule`](crate::RouteRule)), not at connections
    /// ([`StreamRule`](crate::StreamRule)).
    pub const fn has_requests(self) -> bool {
        matches!(self, Self::Http | Self::Grpc)
    }
}

impl fmt::Display for RouteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One route object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RouteKey {
    /// Kind of the route.
    pub kind: RouteKind,
    /// Namespace of the route.
    pub namespace: SmolStr,
    /// Name of the route.
    pub name: SmolStr,
}

impl fmt::Display for RouteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
    }
}

/// One rule of one route: the unit of change on the wire.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RuleKey {
    /// The route that the rule belongs to.
    #[serde(flatten)]
    pub route: RouteKey,
    /// Position in `spec.rules`, from 0.
    pub rule: u32,
    /// Where policies say different things about a rule at different listeners, there is a variant of it for each: which one
    /// this is, from 0.
    #[serde(skip_serializing_if = "is_first", default)]
    pub variant: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_first(variant: &u32) -> bool {
    *variant == 0
}

impl fmt::Display for RuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.route, self.rule)?;
        if self.variant > 0 { write!(f, "#{}", self.variant) } else { Ok(()) }
    }
}

/// What a backend is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum BackendKind {
    /// A Kubernetes Service (core group).
    Service,
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service => f.write_str("Service"),
        }
    }
}

/// One port of one backend object. The endpoint set of a backend has the same key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BackendKey {
    /// Kind of the object.
    pub kind: BackendKind,
    /// Namespace of the object.
    pub namespace: SmolStr,
    /// Name of the object.
    pub name: SmolStr,
    /// The Service port (not the target port).
    pub port: u16,
    /// What it speaks. Part of the key, since an HTTPRoute and a GRPCRoute may use one port with different protocols,
    /// and each then needs its own connections.
    pub protocol: BackendProtocol,
}

impl fmt::Display for BackendKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}:{}", self.kind, self.namespace, self.name, self.port)?;
        match self.protocol {
            BackendProtocol::Http1 => Ok(()),
            BackendProtocol::H2c => f.write_str("/h2c"),
            BackendProtocol::WebSocket => f.write_str("/ws"),
            BackendProtocol::Tcp => f.write_str("/tcp"),
            BackendProtocol::Udp => f.write_str("/udp"),
        }
    }
}

/// The Secret that a certificate and its key come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CertificateKey {
    /// Namespace of the Secret.
    pub namespace: SmolStr,
    /// Name of the Secret.
    pub name: SmolStr,
}

impl fmt::Display for CertificateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The ConfigMap that certificates of authorities come from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CaBundleKey {
    /// Namespace of the ConfigMap.
    pub namespace: SmolStr,
    /// Name of the ConfigMap.
    pub name: SmolStr,
}

impl fmt::Display for CaBundleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
