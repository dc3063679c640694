//! Statuses, as the Gateway API specifies them. They carry no times: whoever writes them to Kubernetes knows which
//! conditions changed, and sets `lastTransitionTime`.

pub(crate) mod class;
pub(crate) mod gateway;
pub(crate) mod listener_set;
mod part;
pub(crate) mod policy;
mod reference;
pub(crate) mod route;

use serde::Serialize;
use smol_str::SmolStr;

use crate::compile::attach::{Fault, messages};
use crate::key::ObjectRef;
pub use part::StatusPart;
pub use reference::WrittenReference;

/// The status of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectStatus {
    /// The object.
    pub object: ObjectRef,
    /// Its status.
    pub status: Status,
}

/// The `status` of a kind; serialises to the JSON that Kubernetes holds (without `lastTransitionTime`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Status {
    /// Of a GatewayClass.
    GatewayClass(GatewayClassStatus),
    /// Of a Gateway.
    Gateway(GatewayStatus),
    /// Of a ListenerSet.
    ListenerSet(ListenerSetStatus),
    /// Of a route, whatever its kind.
    Route(RouteStatus),
    /// Of a policy.
    Policy(PolicyStatus),
    /// Of an AIService.
    AiService(AiServiceStatus),
}

/// Whether a condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It cannot be told yet.
    Unknown,
}

/// A condition (`metav1.Condition` without its time).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Type, for example `Accepted`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// `metadata.generation` of the object that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Reason, a word of the specification.
    pub reason: &'static str,
    /// What that means here.
    pub message: SmolStr,
}

impl Condition {
    pub(crate) fn new(
        kind: &'static str,
        holds: bool,
        reason: &'static str,
        message: impl Into<SmolStr>,
        generation: Option<i64>,
    ) -> Self {
        let status = if holds { ConditionStatus::True } else { ConditionStatus::False };
        Self { kind, status, observed_generation: generation, reason, message: shorten(message.into()) }
    }
}

/// `ResolvedRefs`, of whatever has references.
pub(crate) fn resolved_refs(unresolved: &[Fault], generation: Option<i64>) -> Condition {
    let Some(first) = unresolved.first() else {
        let message = SmolStr::new_static("all references are resolved");
        return Condition::new("ResolvedRefs", true, "ResolvedRefs", message, generation);
    };
    Condition::new("ResolvedRefs", false, first.reason, messages(unresolved), generation)
}

/// `metav1.Condition.message` has at most 32,768 characters.
fn shorten(message: SmolStr) -> SmolStr {
    const MOST: usize = 32_768;
    if message.len() <= MOST || message.chars().count() <= MOST {
        return message;
    }
    (message.chars().take(MOST - 3).collect::<String>() + "...").into()
}

/// `GatewayClassStatus`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayClassStatus {
    /// Conditions: `Accepted`, `SupportedVersion`.
    pub conditions: Vec<Condition>,
    /// What this implementation supports, sorted by name (GEP-2162).
    pub supported_features: Vec<SupportedFeature>,
}

/// A supported feature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SupportedFeature {
    /// Its name.
    pub name: &'static str,
}

/// `GatewayStatus`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayStatus {
    /// Addresses that listeners are bound to.
    pub addresses: Vec<GatewayAddress>,
    /// Conditions: `Accepted`, `Programmed`, `ResolvedRefs`; where they hold, `InsecureFrontendValidationMode` and
    /// `DefaultGateway`.
    pub conditions: Vec<Condition>,
    /// A status for each of its own listeners, in the order of the specification.
    pub listeners: Vec<ListenerStatus>,
    /// How many ListenerSets are accepted, if it says which it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attached_listener_sets: Option<u32>,
}

/// `ListenerSetStatus`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerSetStatus {
    /// Conditions: `Accepted`, `Programmed`.
    pub conditions: Vec<Condition>,
    /// A status for each listener, in the order of the specification; none if the Gateway does not take the set.
    pub listeners: Vec<ListenerStatus>,
}

/// `GatewayStatusAddress`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GatewayAddress {
    /// `IPAddress` or `Hostname`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The address.
    pub value: String,
}

/// `ListenerStatus`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerStatus {
    /// Name of the listener.
    pub name: SmolStr,
    /// Kinds of routes that it takes.
    pub supported_kinds: Vec<RouteGroupKind>,
    /// Number of accepted routes.
    pub attached_routes: u32,
    /// Conditions: `Accepted`, `Programmed`, `ResolvedRefs`, `Conflicted`, `OverlappingTLSConfig`.
    pub conditions: Vec<Condition>,
}

/// `RouteGroupKind`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RouteGroupKind {
    /// Group.
    pub group: SmolStr,
    /// Kind.
    pub kind: SmolStr,
}

/// `RouteStatus`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteStatus {
    /// One entry for each parent that is ours, in the order of `spec.parentRefs`.
    pub parents: Vec<ParentStatus>,
}

/// `RouteParentStatus`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentStatus {
    /// The reference, as the route has it.
    pub parent_ref: WrittenReference,
    /// Our controller name.
    pub controller_name: SmolStr,
    /// Conditions: `Accepted`, `ResolvedRefs`, `PartiallyInvalid`.
    pub conditions: Vec<Condition>,
}

/// `PolicyStatus`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyStatus {
    /// One entry for each Gateway that a BackendTLSPolicy has an effect for, sorted; for each target of a policy of our own,
    /// in their order.
    pub ancestors: Vec<AncestorStatus>,
}

/// `PolicyAncestorStatus`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AncestorStatus {
    /// The Gateway, or the target.
    pub ancestor_ref: AncestorRef,
    /// Our controller name.
    pub controller_name: SmolStr,
    /// Conditions: `Accepted`, `ResolvedRefs`, `PartiallyInvalid`.
    pub conditions: Vec<Condition>,
}

/// What a policy has an effect for (`ParentReference`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AncestorRef {
    /// Group.
    pub group: SmolStr,
    /// Kind.
    pub kind: SmolStr,
    /// Namespace; empty for what is in none.
    #[serde(skip_serializing_if = "SmolStr::is_empty")]
    pub namespace: SmolStr,
    /// Name.
    pub name: SmolStr,
    /// The part that the policy is for, if it is for one.
    #[serde(rename = "sectionName", skip_serializing_if = "Option::is_none")]
    pub section_name: Option<SmolStr>,
}

/// `AIService.status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AiServiceStatus {
    /// Conditions: `Accepted`, `ResolvedRefs`.
    pub conditions: Vec<Condition>,
}
