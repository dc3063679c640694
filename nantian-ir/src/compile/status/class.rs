//! Status of a GatewayClass.

use nantian_crds::gateway_api::GatewayClass;

use super::{Condition, GatewayClassStatus, ObjectStatus, Status, SupportedFeature};
use crate::compile::attach::Fault;
use crate::compile::decode::Entry;

/// What is supported, by the names of the upstream `features` package (GEP-2162), sorted.
const FEATURES: [&str; 32] = [
    "GRPCRoute",
    "GRPCRouteNamedRouteRule",
    "Gateway",
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
    "ReferenceGrant",
];

/// The status of a class of ours.
pub(crate) fn status(entry: &Entry<'_, GatewayClass>, fault: Option<&Fault>) -> ObjectStatus {
    let generation = entry.value.metadata.generation;
    let accepted = match fault {
        None => Condition::new("Accepted", true, "Accepted", "Gateways of this class are served", generation),
        Some(fault) => Condition::new("Accepted", false, fault.reason, &fault.message, generation),
    };
    let message = "the supported version of the Gateway API is v1.5.1";
    let version = Condition::new("SupportedVersion", true, "SupportedVersion", message, generation);
    let supported_features = FEATURES.iter().map(|name| SupportedFeature { name }).collect();
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
