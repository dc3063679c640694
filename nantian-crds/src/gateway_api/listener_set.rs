//! `ListenerSet`: more listeners for a Gateway, from whoever the Gateway allows (GEP-1713).

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::gateway::{Listener, ListenerStatus};
use super::shared::default;
use crate::meta::{Condition, ObjectMeta, resource};

/// Listeners that are added to a Gateway's own (`gateway.networking.k8s.io/v1`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerSet {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: ListenerSetSpec,
    /// What the controller says.
    #[serde(default)]
    pub status: ListenerSetStatus,
}

resource!(ListenerSet, "gateway.networking.k8s.io", "v1", "ListenerSet", "listenersets");

/// `ListenerSet.spec`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerSetSpec {
    /// The Gateway.
    pub parent_ref: ParentGatewayReference,
    /// The listeners (`ListenerEntry`). Names are unique within the set, and may be those of other sets or the Gateway.
    #[serde(default)]
    pub listeners: Vec<Listener>,
}

/// The Gateway that a set belongs to (`ParentGatewayReference`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentGatewayReference {
    /// API group; `gateway.networking.k8s.io` by default.
    #[serde(default = "default::gateway_group")]
    pub group: SmolStr,
    /// Kind; `Gateway` by default.
    #[serde(default = "default::gateway_kind")]
    pub kind: SmolStr,
    /// Name.
    pub name: SmolStr,
    /// Namespace; the set's own when absent. No `ReferenceGrant` is needed: the Gateway's `allowedListeners` decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<SmolStr>,
}

/// `ListenerSet.status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerSetStatus {
    /// `Accepted`, `Programmed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// One entry for each listener (`ListenerEntryStatus`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<ListenerStatus>,
}
