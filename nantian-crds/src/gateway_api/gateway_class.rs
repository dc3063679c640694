//! `GatewayClass`: which controller runs the Gateways that name it.

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::meta::{Condition, ObjectMeta, resource};

/// A class of Gateways (`gateway.networking.k8s.io/v1`, cluster-scoped).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayClass {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: GatewayClassSpec,
    /// What the controller says.
    #[serde(default)]
    pub status: GatewayClassStatus,
}

resource!(GatewayClass, "gateway.networking.k8s.io", "v1", "GatewayClass", "gatewayclasses");

/// `GatewayClass.spec`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayClassSpec {
    /// The controller, a domain-prefixed path. Immutable.
    pub controller_name: SmolStr,
    /// An object with settings for all Gateways of this class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters_ref: Option<ParametersReference>,
    /// For people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<SmolStr>,
}

/// An object with settings (`ParametersReference`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParametersReference {
    /// API group; empty for the core group.
    pub group: SmolStr,
    /// Kind.
    pub kind: SmolStr,
    /// Name.
    pub name: SmolStr,
    /// Namespace; required for namespaced kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<SmolStr>,
}

/// `GatewayClass.status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayClassStatus {
    /// `Accepted`, `SupportedVersion`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Names of the features that the controller supports, in alphabetical order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supported_features: Vec<SupportedFeature>,
}

/// One supported feature.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SupportedFeature {
    /// Its name, for example `HTTPRouteRequestMirror`.
    pub name: SmolStr,
}
