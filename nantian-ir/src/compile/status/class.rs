//! Status of a GatewayClass.

use nantian_crds::gateway_api::GatewayClass;

use super::{Condition, GatewayClassStatus, ObjectStatus, Status, SupportedFeature};
use crate::compile::Options;
use crate::compile::attach::Fault;
use crate::compile::attach::version::Version;
use crate::compile::decode::Entry;
use crate::model::ListenerProtocol;

/// What is supported, by the names of the upstream `features` package (GEP-2162), sorted.
const FEATURES: [&str; 38] = [
    "BackendTLSPolicy",
    "BackendTLSPolicySANValidation",
    "GRPCRoute",
    "GRPCRouteNamedRouteRule",
    "Gateway",
    "GatewayBackendClientCertificate",
    "GatewayFrontendClientCertificateValidation",
    "GatewayFrontendClientCertificateValidationInsecureFallback",
    "GatewayHTTPListenerIsolation",
    "GatewayHTTPSListenerDetectMisdirectedRequests",
    "GatewayPort8080",
    "GatewayStaticAddresses",
    "HTTPRoute",
    "HTTPRoute303RedirectStatusCode",
    "HTTPRoute307RedirectStatusCode",
    "HTTPRoute308RedirectStatusCode",
    "HTTPRouteBackendProtocolH2C",
    "HTTPRouteBackendProtocolWebSocket",
    "HTTPRouteBackendRequestHeaderModification",
    "HTTPRouteBackendTimeout",
    "HTTPRouteCORS",
    "HTTPRouteDestinationPortMatching",
    "HTTPRouteHostRewrite",
    "HTTPRouteMethodMatching",
    "HTTPRouteNamedRouteRule",
    "HTTPRouteParentRefPort",
    "HTTPRoutePathRedirect",
    "HTTPRoutePathRewrite",
    "HTTPRoutePortRedirect",
    "HTTPRouteQueryParamMatching",
    "HTTPRouteRequestMirror",
    "HTTPRouteRequestMultipleMirrors",
    "HTTPRouteRequestPercentageMirror",
    "HTTPRouteRequestTimeout",
    "HTTPRouteResponseHeaderModification",
    "HTTPRouteSchemeRedirect",
    "ListenerSet",
    "ReferenceGrant",
];

/// Features that take a protocol which not every data plane serves.
const OF_PROTOCOLS: [(&str, ListenerProtocol); 5] = [
    ("TCPRoute", ListenerProtocol::Tcp),
    ("TLSRoute", ListenerProtocol::Tls),
    ("TLSRouteModeMixed", ListenerProtocol::Tls),
    ("TLSRouteModeTerminate", ListenerProtocol::Tls),
    ("UDPRoute", ListenerProtocol::Udp),
];

/// The status of a class of ours.
pub(crate) fn status(
    entry: &Entry<GatewayClass>,
    fault: Option<&Fault>,
    version: &Version,
    options: &Options,
) -> ObjectStatus {
    let generation = entry.value.metadata.generation;
    let accepted = match fault {
        None => Condition::new("Accepted", true, "Accepted", "Gateways of this class are served", generation),
        Some(fault) => Condition::new("Accepted", false, fault.reason, &fault.message, generation),
    };
    let message = match version {
        Version::Unknown => "the supported version of the Gateway API is v1.5.1",
        Version::Supported => "the CRDs of the Gateway API are of a version that is supported",
        Version::Unsupported(fault) => &fault.message,
    };
    let (is_supported, reason) = match version {
        Version::Unknown | Version::Supported => (true, "SupportedVersion"),
        Version::Unsupported(fault) => (false, fault.reason),
    };
    let version = Condition::new("SupportedVersion", is_supported, reason, message, generation);
    let of_protocols = OF_PROTOCOLS.iter().filter(|(_, protocol)| options.protocols.contains(protocol));
    let mut features: Vec<&str> = FEATURES.into_iter().chain(of_protocols.map(|(name, _)| *name)).collect();
    // "the names of the features that the controller supports, in alphabetical order".
    features.sort_unstable();
    let supported_features = features.into_iter().map(|name| SupportedFeature { name }).collect();
    ObjectStatus {
        object: entry.object.id().clone(),
        status: Status::GatewayClass(GatewayClassStatus { conditions: vec![accepted, version], supported_features }),
    }
}

#[cfg(test)]
mod tests {
    use super::FEATURES;

    #[test]
    fn features_are_sorted_by_name_and_distinct() {
        assert!(FEATURES.is_sorted_by(|a, b| a < b));
    }
}
