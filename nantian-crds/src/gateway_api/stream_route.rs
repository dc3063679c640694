//! `TLSRoute`, `TCPRoute` and `UDPRoute`: which connections and datagrams go to which backends, unread.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::shared::{BackendRef, GatewayDefaultScope, ParentReference, RouteStatus};
use crate::meta::{ObjectMeta, resource};

/// A route for TLS connections, by the server name of their `ClientHello` (`gateway.networking.k8s.io/v1`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsRoute {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default)]
    pub spec: TlsRouteSpec,
    /// What controllers say.
    #[serde(default)]
    pub status: RouteStatus,
}

resource!(TlsRoute, "gateway.networking.k8s.io", "v1", "TLSRoute", "tlsroutes");

/// `TLSRoute.spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsRouteSpec {
    /// What the route attaches to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parent_refs: Vec<ParentReference>,
    /// Default Gateways to attach to, besides the parents (GEP-3793).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_default_gateways: Option<GatewayDefaultScope>,
    /// Server names, possibly with a leading wildcard label. Required since v1; before, all names of the listener when
    /// empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hostnames: Vec<SmolStr>,
    /// The rules; v1 allows one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<StreamRouteRule>,
}

/// A route for TCP connections (`gateway.networking.k8s.io/v1alpha2`, and `v1` since Gateway API v1.6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TcpRoute {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default)]
    pub spec: StreamRouteSpec,
    /// What controllers say.
    #[serde(default)]
    pub status: RouteStatus,
}

resource!(TcpRoute, "gateway.networking.k8s.io", "v1alpha2", "TCPRoute", "tcproutes");

/// A route for UDP datagrams (`gateway.networking.k8s.io/v1alpha2`, and `v1` since Gateway API v1.6).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UdpRoute {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default)]
    pub spec: StreamRouteSpec,
    /// What controllers say.
    #[serde(default)]
    pub status: RouteStatus,
}

resource!(UdpRoute, "gateway.networking.k8s.io", "v1alpha2", "UDPRoute", "udproutes");

/// `TCPRoute.spec` and `UDPRoute.spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamRouteSpec {
    /// What the route attaches to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parent_refs: Vec<ParentReference>,
    /// Default Gateways to attach to, besides the parents (GEP-3793).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_default_gateways: Option<GatewayDefaultScope>,
    /// The rules. They have no matches, so that only the first can be reached; v1 allows one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<StreamRouteRule>,
}

/// Where connections or datagrams go (`TLSRouteRule`, `TCPRouteRule`, `UDPRouteRule`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StreamRouteRule {
    /// Name, unique within the route (GEP-995).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<SmolStr>,
    /// The backends. The share of one that cannot be used is rejected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backend_refs: Vec<BackendRef>,
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn a_tcp_route_reads_the_same_in_both_of_its_versions() {
        for version in ["v1alpha2", "v1"] {
            let route: TcpRoute = from_value(json!({
                "apiVersion": format!("gateway.networking.k8s.io/{version}"), "kind": "TCPRoute",
                "metadata": {"name": "r"},
                "spec": {"parentRefs": [{"name": "gw"}], "rules": [{"backendRefs": [{"name": "db", "port": 5432}]}]},
            }))
            .unwrap();
            let backend = &route.spec.rules[0].backend_refs[0];
            assert_eq!((backend.name.as_str(), backend.port, backend.weight), ("db", Some(5432), 1));
        }
    }
}
