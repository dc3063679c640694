//! The kinds that the compiler reads, and how each is asked for.

use kube::core::{ApiResource, GroupVersionKind};

/// Where the objects of a kind are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// In no namespace.
    Cluster,
    /// In namespaces.
    Namespaced,
}

/// A kind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) group: &'static str,
    /// Those that can be read, the best first.
    pub(crate) versions: &'static [&'static str],
    pub(crate) name: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) scope: Scope,
    /// What the API server leaves out.
    pub(crate) field_selector: Option<&'static str>,
}

/// The group of the Gateway API.
pub(crate) const GATEWAY_API: &str = "gateway.networking.k8s.io";
/// The group of our own kinds.
pub(crate) const OURS: &str = "nantian.dev";

/// Groups whose kinds are there once somebody installs them.
pub(crate) const INSTALLED: [&str; 2] = [GATEWAY_API, OURS];

const fn namespaced(
    group: &'static str,
    versions: &'static [&'static str],
    name: &'static str,
    plural: &'static str,
) -> Kind {
    Kind { group, versions, name, plural, scope: Scope::Namespaced, field_selector: None }
}

const V1: &[&str] = &["v1"];
const V1ALPHA1: &[&str] = &["v1alpha1"];

/// Every kind but `CustomResourceDefinition`, of which the metadata is enough (`definitions.rs`).
pub(crate) static KINDS: [Kind; 22] = [
    Kind { scope: Scope::Cluster, ..namespaced("", V1, "Namespace", "namespaces") },
    namespaced("", V1, "Service", "services"),
    namespaced("discovery.k8s.io", V1, "EndpointSlice", "endpointslices"),
    Kind {
        // Releases of Helm may be a megabyte each, and there are many.
        field_selector: Some("type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token"),
        ..namespaced("", V1, "Secret", "secrets")
    },
    namespaced("", V1, "ConfigMap", "configmaps"),
    Kind { scope: Scope::Cluster, ..namespaced(GATEWAY_API, V1, "GatewayClass", "gatewayclasses") },
    namespaced(GATEWAY_API, V1, "Gateway", "gateways"),
    namespaced(GATEWAY_API, V1, "ListenerSet", "listenersets"),
    namespaced(GATEWAY_API, V1, "HTTPRoute", "httproutes"),
    namespaced(GATEWAY_API, V1, "GRPCRoute", "grpcroutes"),
    namespaced(GATEWAY_API, &["v1", "v1alpha3", "v1alpha2"], "TLSRoute", "tlsroutes"),
    namespaced(GATEWAY_API, &["v1", "v1alpha2"], "TCPRoute", "tcproutes"),
    namespaced(GATEWAY_API, &["v1", "v1alpha2"], "UDPRoute", "udproutes"),
    namespaced(GATEWAY_API, &["v1", "v1beta1"], "ReferenceGrant", "referencegrants"),
    namespaced(GATEWAY_API, &["v1", "v1alpha3"], "BackendTLSPolicy", "backendtlspolicies"),
    namespaced(OURS, V1ALPHA1, "AIService", "aiservices"),
    namespaced(OURS, V1ALPHA1, "BackendLBPolicy", "backendlbpolicies"),
    namespaced(OURS, V1ALPHA1, "DirectResponse", "directresponses"),
    namespaced(OURS, V1ALPHA1, "RoutePolicy", "routepolicies"),
    namespaced(OURS, V1ALPHA1, "SecurityPolicy", "securitypolicies"),
    namespaced(OURS, V1ALPHA1, "TokenPolicy", "tokenpolicies"),
    namespaced(OURS, V1ALPHA1, "WasmPlugin", "wasmplugins"),
];

impl Kind {
    /// As the paths of the API server name it.
    pub(crate) fn resource(&self, version: &str) -> ApiResource {
        ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(self.group, version, self.name), self.plural)
    }

    /// The name of its `CustomResourceDefinition`.
    pub(crate) fn definition(&self) -> String {
        format!("{}.{}", self.plural, self.group)
    }

    /// Whether somebody has to install it.
    pub(crate) fn is_installed(&self) -> bool {
        INSTALLED.contains(&self.group)
    }

    /// Whether we may have to write the status of an object: where there is one to compare with, it is kept.
    pub(crate) fn has_status(&self) -> bool {
        self.is_installed() && !matches!(self.name, "ReferenceGrant" | "DirectResponse")
    }

    /// Whether its objects are for the gateway alone, so that they can be told by a label.
    pub(crate) fn is_selected(&self) -> bool {
        self.is_installed() && self.scope == Scope::Namespaced && self.name != "ReferenceGrant"
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn kinds_are_those_of_the_types_that_the_compiler_reads() {
        use nantian_crds::meta::Resource;
        use nantian_crds::{core, gateway_api};

        fn row<T: Resource>() -> (&'static str, (&'static str, &'static str, &'static str)) {
            (T::KIND, (T::GROUP, T::VERSION, T::PLURAL))
        }
        let types = BTreeMap::from([
            row::<core::Namespace>(),
            row::<core::Service>(),
            row::<core::EndpointSlice>(),
            row::<core::Secret>(),
            row::<core::ConfigMap>(),
            row::<gateway_api::GatewayClass>(),
            row::<gateway_api::Gateway>(),
            row::<gateway_api::ListenerSet>(),
            row::<gateway_api::HttpRoute>(),
            row::<gateway_api::GrpcRoute>(),
            row::<gateway_api::TlsRoute>(),
            row::<gateway_api::TcpRoute>(),
            row::<gateway_api::UdpRoute>(),
            row::<gateway_api::ReferenceGrant>(),
            row::<gateway_api::BackendTlsPolicy>(),
            row::<nantian_crds::ai_service::AiService>(),
            row::<nantian_crds::backend_lb_policy::BackendLbPolicy>(),
            row::<nantian_crds::direct_response::DirectResponse>(),
            row::<nantian_crds::route_policy::RoutePolicy>(),
            row::<nantian_crds::security_policy::SecurityPolicy>(),
            row::<nantian_crds::token_policy::TokenPolicy>(),
            row::<nantian_crds::wasm_plugin::WasmPlugin>(),
        ]);
        assert_eq!(types.len(), KINDS.len());
        for kind in &KINDS {
            let (group, version, plural) = types[kind.name];
            assert_eq!((group, plural), (kind.group, kind.plural), "{}", kind.name);
            assert!(kind.versions.contains(&version), "{} {version}", kind.name);
        }
    }
}
