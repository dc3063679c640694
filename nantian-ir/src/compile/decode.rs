//! The first pass: JSON values to typed objects.

use std::collections::BTreeMap;

use nantian_crds::core::endpoint_slice::SERVICE_NAME_LABEL;
use nantian_crds::core::{ConfigMap, EndpointSlice, Namespace, ObjectMeta, Secret, Service};
use nantian_crds::direct_response::DirectResponse;
use nantian_crds::gateway_api::GROUP;
use nantian_crds::gateway_api::{
    BackendTlsPolicy, Gateway, GatewayClass, GrpcRoute, HttpRoute, ListenerSet, ReferenceGrant, TcpRoute, TlsRoute,
    UdpRoute,
};
use serde::de::DeserializeOwned;

use super::diagnostic::{self, Diagnostic};
use super::objects::{Object, Objects};
use crate::precedence::Age;

/// Namespace and name.
pub(crate) type Name = (String, String);

/// An object with its typed form.
pub(crate) struct Entry<'o, T> {
    pub(crate) object: &'o Object,
    pub(crate) value: T,
}

/// All objects that the compiler reads, by kind.
#[derive(Default)]
pub(crate) struct Typed<'o> {
    pub(crate) classes: BTreeMap<String, Entry<'o, GatewayClass>>,
    pub(crate) gateways: BTreeMap<Name, Entry<'o, Gateway>>,
    pub(crate) listener_sets: BTreeMap<Name, Entry<'o, ListenerSet>>,
    pub(crate) http_routes: BTreeMap<Name, Entry<'o, HttpRoute>>,
    pub(crate) grpc_routes: BTreeMap<Name, Entry<'o, GrpcRoute>>,
    pub(crate) tls_routes: BTreeMap<Name, Entry<'o, TlsRoute>>,
    pub(crate) tcp_routes: BTreeMap<Name, Entry<'o, TcpRoute>>,
    pub(crate) udp_routes: BTreeMap<Name, Entry<'o, UdpRoute>>,
    pub(crate) backend_tls_policies: BTreeMap<Name, Entry<'o, BackendTlsPolicy>>,
    pub(crate) grants: BTreeMap<Name, Entry<'o, ReferenceGrant>>,
    pub(crate) services: BTreeMap<Name, Entry<'o, Service>>,
    /// By namespace and name of the Service, then by name of the slice.
    pub(crate) slices: BTreeMap<Name, BTreeMap<String, Entry<'o, EndpointSlice>>>,
    pub(crate) secrets: BTreeMap<Name, Entry<'o, Secret>>,
    pub(crate) namespaces: BTreeMap<String, Entry<'o, Namespace>>,
    pub(crate) config_maps: BTreeMap<Name, Entry<'o, ConfigMap>>,
    pub(crate) direct_responses: BTreeMap<Name, Entry<'o, DirectResponse>>,
}

/// Decodes every object; one that does not fit its kind is reported and left out.
pub(crate) fn decode<'o>(objects: &'o Objects, diagnostics: &mut Vec<Diagnostic>) -> Typed<'o> {
    let mut typed = Typed::default();
    for object in objects.iter() {
        let id = object.id();
        let name = (id.namespace.clone(), id.name.clone());
        match (id.group.as_str(), id.kind.as_str()) {
            (GROUP, kind) => put_gateway_api(&mut typed, kind, name, object, diagnostics),
            ("", "Service") => put(&mut typed.services, name, object, diagnostics),
            ("", "Secret") => put(&mut typed.secrets, name, object, diagnostics),
            ("", "ConfigMap") => put(&mut typed.config_maps, name, object, diagnostics),
            ("", "Namespace") => put(&mut typed.namespaces, id.name.clone(), object, diagnostics),
            ("nantian.dev", "DirectResponse") => put(&mut typed.direct_responses, name, object, diagnostics),
            ("discovery.k8s.io", "EndpointSlice") => put_slice(&mut typed, object, diagnostics),
            _ => {}
        }
    }
    typed
}

fn put_gateway_api<'o>(
    typed: &mut Typed<'o>,
    kind: &str,
    name: Name,
    object: &'o Object,
    diagnostics: &mut Vec<Diagnostic>,
) {
    match kind {
        "GatewayClass" => put(&mut typed.classes, name.1, object, diagnostics),
        "Gateway" => put(&mut typed.gateways, name, object, diagnostics),
        "ListenerSet" => put(&mut typed.listener_sets, name, object, diagnostics),
        "HTTPRoute" => put(&mut typed.http_routes, name, object, diagnostics),
        "GRPCRoute" => put(&mut typed.grpc_routes, name, object, diagnostics),
        "TLSRoute" => put(&mut typed.tls_routes, name, object, diagnostics),
        "TCPRoute" => put(&mut typed.tcp_routes, name, object, diagnostics),
        "UDPRoute" => put(&mut typed.udp_routes, name, object, diagnostics),
        "BackendTLSPolicy" => put(&mut typed.backend_tls_policies, name, object, diagnostics),
        "ReferenceGrant" => put(&mut typed.grants, name, object, diagnostics),
        _ => {}
    }
}

fn typed_value<T: DeserializeOwned>(object: &Object, diagnostics: &mut Vec<Diagnostic>) -> Option<T> {
    match T::deserialize(object.value()) {
        Ok(value) => Some(value),
        Err(error) => {
            diagnostics.push(Diagnostic::of(&diagnostic::INVALID_OBJECT, object, "", error.to_string()));
            None
        }
    }
}

fn put<'o, K: Ord, T: DeserializeOwned>(
    map: &mut BTreeMap<K, Entry<'o, T>>,
    key: K,
    object: &'o Object,
    diagnostics: &mut Vec<Diagnostic>,
) {
    if let Some(value) = typed_value(object, diagnostics) {
        map.insert(key, Entry { object, value });
    }
}

fn put_slice<'o>(typed: &mut Typed<'o>, object: &'o Object, diagnostics: &mut Vec<Diagnostic>) {
    let Some(value) = typed_value::<EndpointSlice>(object, diagnostics) else { return };
    let id = object.id();
    let Some(service) = value.metadata.labels.get(SERVICE_NAME_LABEL) else {
        let message = format!("the label {SERVICE_NAME_LABEL} is missing, so no Service has these endpoints");
        diagnostics.push(Diagnostic::of(&diagnostic::ENDPOINTS_UNUSABLE, object, "metadata.labels", message));
        return;
    };
    let slices = typed.slices.entry((id.namespace.clone(), service.clone())).or_default();
    slices.insert(id.name.clone(), Entry { object, value });
}

/// When the object was created, for ties.
pub(crate) fn age(metadata: &ObjectMeta) -> Age {
    let created = metadata.creation_timestamp.as_deref().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    Age { created: created.map(jiff::Timestamp::as_second) }
}
