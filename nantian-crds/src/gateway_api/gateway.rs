//! `Gateway`: listeners, where they bind, and who may attach routes to them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::shared::{GatewayDefaultScope, LocalObjectReference, ObjectReference, SecretObjectReference, default};
use crate::meta::{Condition, LabelSelector, ObjectMeta, resource};
use crate::open_enum::open_enum;

/// A set of listeners (`gateway.networking.k8s.io/v1`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gateway {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: GatewaySpec,
    /// What the controller says.
    #[serde(default)]
    pub status: GatewayStatus,
}

resource!(Gateway, "gateway.networking.k8s.io", "v1", "Gateway", "gateways");

/// `Gateway.spec`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewaySpec {
    /// The `GatewayClass`.
    pub gateway_class_name: SmolStr,
    /// What it listens on.
    #[serde(default)]
    pub listeners: Vec<Listener>,
    /// Addresses that are asked for; the controller chooses when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<GatewaySpecAddress>,
    /// Settings of the objects that are made for this Gateway (GEP-1867, GEP-1762).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub infrastructure: Option<GatewayInfrastructure>,
    /// Which `ListenerSet`s may attach (GEP-1713).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_listeners: Option<AllowedListeners>,
    /// TLS towards clients and backends for the whole Gateway (GEP-91, GEP-3155).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<GatewayTlsConfig>,
    /// Which routes attach without naming this Gateway (GEP-3793).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_scope: Option<GatewayDefaultScope>,
}

/// Which `ListenerSet`s may attach to a Gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AllowedListeners {
    /// From which namespaces; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<ListenerNamespaces>,
}

/// Namespaces of `ListenerSet`s.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerNamespaces {
    /// `None` by default.
    #[serde(default = "FromNamespaces::none")]
    pub from: FromNamespaces,
    /// The namespaces, when `from` is `Selector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// One listener (`Listener`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// Name, unique within the Gateway.
    pub name: SmolStr,
    /// Host name that it serves, possibly with a leading wildcard label; every host when absent or empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<SmolStr>,
    /// Port.
    pub port: u16,
    /// `HTTP`, `HTTPS`, `TLS`, `TCP`, `UDP`, or a domain-prefixed protocol of an implementation.
    pub protocol: SmolStr,
    /// TLS towards clients; required for `HTTPS` and `TLS`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<ListenerTlsConfig>,
    /// Which routes may attach.
    #[serde(default)]
    pub allowed_routes: AllowedRoutes,
}

/// TLS of a listener (`ListenerTLSConfig`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerTlsConfig {
    /// Who ends the TLS session.
    #[serde(default)]
    pub mode: TlsMode,
    /// Certificates with their keys; for `Terminate`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificate_refs: Vec<SecretObjectReference>,
    /// Settings of implementations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// Who ends a TLS session (`TLSModeType`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TlsMode {
    /// The Gateway does.
    #[default]
    Terminate,
    /// The backend does; the Gateway passes the bytes on.
    Passthrough,
    /// A mode that this version does not know.
    Unknown(String),
}

open_enum!(TlsMode { Terminate = "Terminate", Passthrough = "Passthrough" });

/// TLS of a whole Gateway (`GatewayTLSConfig`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayTlsConfig {
    /// Towards backends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<GatewayBackendTls>,
    /// Towards clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frontend: Option<FrontendTlsConfig>,
}

/// TLS towards backends (`GatewayBackendTLS`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayBackendTls {
    /// The client certificate that the Gateway shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate_ref: Option<SecretObjectReference>,
}

/// TLS towards clients (`FrontendTLSConfig`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FrontendTlsConfig {
    /// For all HTTPS listeners without an entry in `per_port`.
    #[serde(default)]
    pub default: TlsConfig,
    /// For the listeners of one port.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub per_port: Vec<TlsPortConfig>,
}

/// Settings for the listeners of one port (`TLSPortConfig`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsPortConfig {
    /// The port.
    pub port: u16,
    /// Its settings.
    #[serde(default)]
    pub tls: TlsConfig,
}

/// `TLSConfig`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsConfig {
    /// How client certificates are checked; not at all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<FrontendTlsValidation>,
}

/// How client certificates are checked (`FrontendTLSValidation`, GEP-91).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FrontendTlsValidation {
    /// `ConfigMap`s or other objects with the key `ca.crt`.
    #[serde(default)]
    pub ca_certificate_refs: Vec<ObjectReference>,
    /// What happens to clients without a valid certificate.
    #[serde(default)]
    pub mode: FrontendValidationMode,
}

/// What happens to clients without a valid certificate (`FrontendValidationModeType`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FrontendValidationMode {
    /// They are refused.
    #[default]
    AllowValidOnly,
    /// They are served.
    AllowInsecureFallback,
    /// A mode that this version does not know; must be treated as the strict one.
    Unknown(String),
}

open_enum!(FrontendValidationMode {
    AllowValidOnly = "AllowValidOnly",
    AllowInsecureFallback = "AllowInsecureFallback",
});

/// Which routes may attach to a listener (`AllowedRoutes`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AllowedRoutes {
    /// From which namespaces.
    #[serde(default)]
    pub namespaces: RouteNamespaces,
    /// Of which kinds; all kinds that fit the protocol when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<RouteGroupKind>,
}

/// Namespaces of routes (`RouteNamespaces`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteNamespaces {
    /// `Same` by default.
    #[serde(default)]
    pub from: FromNamespaces,
    /// The namespaces, when `from` is `Selector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<LabelSelector>,
}

/// From which namespaces something may attach (`FromNamespaces`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FromNamespaces {
    /// From all.
    All,
    /// From those that a selector selects.
    Selector,
    /// From the Gateway's own.
    #[default]
    Same,
    /// From none.
    None,
    /// A value that this version does not know; treat as none.
    Unknown(String),
}

open_enum!(FromNamespaces { All = "All", Selector = "Selector", Same = "Same", None = "None" });

impl FromNamespaces {
    fn none() -> Self {
        Self::None
    }
}

/// A kind of routes (`RouteGroupKind`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteGroupKind {
    /// API group; `gateway.networking.k8s.io` by default.
    #[serde(default = "default::gateway_group")]
    pub group: SmolStr,
    /// Kind.
    pub kind: SmolStr,
}

/// An address that is asked for (`GatewaySpecAddress`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewaySpecAddress {
    /// `IPAddress` (default), `Hostname`, `NamedAddress`, or a domain-prefixed type of an implementation.
    #[serde(default = "ip_address")]
    pub r#type: SmolStr,
    /// The address; any of the type when empty.
    #[serde(default, skip_serializing_if = "SmolStr::is_empty")]
    pub value: SmolStr,
}

fn ip_address() -> SmolStr {
    SmolStr::new_static("IPAddress")
}

/// Settings of the objects that are made for a Gateway (`GatewayInfrastructure`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayInfrastructure {
    /// Labels that they get.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations that they get.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// An object with settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters_ref: Option<LocalObjectReference>,
}

/// `Gateway.status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayStatus {
    /// Addresses that are bound.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<GatewayStatusAddress>,
    /// `Accepted`, `Programmed`, ...
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// One entry for each listener.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listeners: Vec<ListenerStatus>,
    /// How many `ListenerSet`s are attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached_listener_sets: Option<u32>,
}

/// An address that is bound (`GatewayStatusAddress`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayStatusAddress {
    /// As in [`GatewaySpecAddress`].
    #[serde(default = "ip_address")]
    pub r#type: SmolStr,
    /// The address.
    pub value: SmolStr,
}

/// Status of one listener (`ListenerStatus`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerStatus {
    /// Name of the listener.
    pub name: SmolStr,
    /// The kinds of routes that it takes.
    #[serde(default)]
    pub supported_kinds: Vec<RouteGroupKind>,
    /// How many routes are attached.
    #[serde(default)]
    pub attached_routes: u32,
    /// `Accepted`, `Programmed`, `ResolvedRefs`, `Conflicted`.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}
