//! Backend references of routes.

use nantian_crds::core::Service;
use nantian_crds::core::service::{ServicePort, ServiceType};
use nantian_crds::gateway_api::shared::{BackendObjectReference, BackendRef};
use smol_str::SmolStr;

use super::endpoints;
use super::grant::{self, To, remedy};
use crate::compile::decode::{Entry, Name};
use crate::compile::diagnostic::{self, Code, Diagnostic};
use crate::compile::memo::Reader;
use crate::compile::policy::ai_service;
use crate::key::{BackendKey, BackendKind, ObjectRef, RouteKind};
use crate::model::{Backend, BackendProtocol, BackendTls, EndpointSet, Refusal, Transport};

/// Why a reference cannot be used.
#[derive(Debug, Clone)]
pub(crate) struct Unresolved {
    pub(crate) refusal: Refusal,
    pub(crate) code: &'static Code,
    pub(crate) message: String,
    pub(crate) remedy: Option<String>,
}

/// What a route refers to, with or without a weight.
#[derive(Clone, Copy)]
pub(crate) struct Reference<'r> {
    pub(crate) group: &'r str,
    pub(crate) kind: &'r str,
    /// `None`: the route's own.
    pub(crate) namespace: Option<&'r SmolStr>,
    pub(crate) name: &'r SmolStr,
    pub(crate) port: Option<u16>,
}

macro_rules! reference {
    ($type:ty) => {
        impl<'r> From<&'r $type> for Reference<'r> {
            fn from(reference: &'r $type) -> Self {
                Self {
                    group: &reference.group,
                    kind: &reference.kind,
                    namespace: reference.namespace.as_ref().filter(|namespace| !namespace.is_empty()),
                    name: &reference.name,
                    port: reference.port,
                }
            }
        }
    };
}

reference!(BackendRef);
reference!(BackendObjectReference);

/// The backend that a route of `kind` means.
pub(crate) fn resolve(
    reader: &Reader<'_>,
    from: &ObjectRef,
    kind: RouteKind,
    reference: Reference<'_>,
) -> Result<BackendKey, Unresolved> {
    let fail = |refusal, code, message| Err(Unresolved { refusal, code, message, remedy: None });
    if ai_service::is_meant(reference) {
        return Err(ai_service::unresolved(reader, from, kind, reference));
    }
    if !reference.group.is_empty() || reference.kind != "Service" {
        let kind = if reference.group.is_empty() {
            reference.kind.to_owned()
        } else {
            format!("{}/{}", reference.group, reference.kind)
        };
        let message = format!("backends of kind {kind} are not supported: use a Service");
        return fail(Refusal::InvalidKind, &diagnostic::INVALID_KIND, message);
    }
    let namespace = reference.namespace.unwrap_or(&from.namespace);
    let to = To { group: "", kind: "Service", namespace, name: reference.name };
    // BackendRef: a ReferenceGrant is required "when a namespace different than the local namespace is specified".
    if !grant::allow(reader, from, &to) {
        let message = format!("Service {namespace}/{} may not be referred to from here", reference.name);
        let (refusal, code) = (Refusal::RefNotPermitted, &diagnostic::REF_NOT_PERMITTED);
        return Err(Unresolved { refusal, code, message, remedy: Some(remedy(from, &to)) });
    }
    let Some(port) = reference.port.filter(|port| *port != 0) else {
        let message = format!("the reference to Service {namespace}/{} has no port", reference.name);
        return fail(Refusal::UnsupportedValue, &diagnostic::BACKEND_NOT_FOUND, message);
    };
    let name = (namespace.clone(), reference.name.clone());
    let Some(service) = reader.get::<Service>(&name) else {
        let message = format!("Service {namespace}/{} does not exist", reference.name);
        return fail(Refusal::BackendNotFound, &diagnostic::BACKEND_NOT_FOUND, message);
    };
    let protocol = protocol(service, port, kind, tls(reader, &name, service, port, kind.transport()).is_some())?;
    Ok(BackendKey { kind: BackendKind::Service, namespace: name.0, name: name.1, port, protocol })
}

/// TLS towards a Service port.
fn tls<'s>(
    reader: &Reader<'s>,
    name: &Name,
    service: &Entry<Service>,
    number: u16,
    transport: Transport,
) -> Option<&'s BackendTls> {
    if transport != Transport::Tcp {
        return None;
    }
    reader.policies_of(name)?.tls(port_name(service, number, transport))
}

/// A backend with its endpoints.
pub(crate) fn backend(
    reader: &Reader<'_>,
    key: &BackendKey,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Backend, EndpointSet) {
    let endpoints = endpoints::endpoints(reader, key, diagnostics);
    let name = (key.namespace.clone(), key.name.clone());
    let service = reader.get::<Service>(&name);
    let tls = service.and_then(|service| tls(reader, &name, service, key.port, key.protocol.transport())).cloned();
    (Backend { key: key.clone(), tls }, EndpointSet { key: key.clone(), endpoints })
}

/// The name of a port of the Service, if that has it and it has one.
pub(crate) fn port_name(service: &Entry<Service>, number: u16, transport: Transport) -> Option<&str> {
    port(&service.value, number, transport).and_then(|port| port.name.as_deref())
}

/// The port of the Service, if it has it.
pub(crate) fn port(service: &Service, number: u16, transport: Transport) -> Option<&ServicePort> {
    service.spec.ports.iter().find(|port| port.port == number && port.protocol == transport.as_str())
}

/// GEP-1911: the protocol is the Service port's `appProtocol`, or what the route's kind implies.
fn protocol(
    service: &Entry<Service>,
    number: u16,
    kind: RouteKind,
    has_tls: bool,
) -> Result<BackendProtocol, Unresolved> {
    let id = service.object.id();
    let fail = |refusal, code, message| Err(Unresolved { refusal, code, message, remedy: None });
    let default = match kind {
        RouteKind::Http => BackendProtocol::Http1,
        RouteKind::Grpc => BackendProtocol::H2c,
        RouteKind::Tls | RouteKind::Tcp => BackendProtocol::Tcp,
        RouteKind::Udp => BackendProtocol::Udp,
    };
    let transport = default.transport();
    let Some(port) = port(&service.value, number, transport) else {
        let ports = &service.value.spec.ports;
        if service.value.spec.r#type == ServiceType::ExternalName && ports.is_empty() {
            return Ok(default);
        }
        if ports.iter().any(|port| port.port == number) {
            let transport = transport.as_str();
            let message = format!("port {number} of Service {}/{} is not a {transport} port", id.namespace, id.name);
            let (refusal, code) = (Refusal::UnsupportedProtocol, &diagnostic::UNSUPPORTED_BACKEND_PROTOCOL);
            let remedy = Some(format!("use a {transport} port of the Service"));
            return Err(Unresolved { refusal, code, message, remedy });
        }
        let ports = ports.iter().map(|port| port.port.to_string()).collect::<Vec<_>>().join(", ");
        let message = format!("Service {}/{} has no port {number}; it has: {ports}", id.namespace, id.name);
        return fail(Refusal::BackendNotFound, &diagnostic::BACKEND_NOT_FOUND, message);
    };
    let app_protocol = port.app_protocol.as_deref().unwrap_or_default();
    // What is said over connections and datagrams is the endpoints' own business.
    if app_protocol.is_empty() || !kind.has_requests() {
        return Ok(default);
    }
    // IANA service names, such as `https`, are written in any case (RFC 6335 section 5.1).
    match (app_protocol.to_ascii_lowercase().as_str(), kind) {
        ("kubernetes.io/h2c" | "http2" | "grpc", _) => Ok(BackendProtocol::H2c),
        ("http", RouteKind::Http) => Ok(BackendProtocol::Http1),
        ("kubernetes.io/ws", RouteKind::Http) => Ok(BackendProtocol::WebSocket),
        ("https", _) if has_tls => Ok(default),
        ("kubernetes.io/wss", RouteKind::Http) if has_tls => Ok(BackendProtocol::WebSocket),
        ("https", _) | ("kubernetes.io/wss", RouteKind::Http) => {
            let message = format!(
                "port {number} of Service {}/{} has the appProtocol {app_protocol}, but no BackendTLSPolicy says whom to \
                 trust",
                id.namespace, id.name
            );
            let (refusal, code) = (Refusal::UnsupportedProtocol, &diagnostic::UNSUPPORTED_BACKEND_PROTOCOL);
            let remedy = "create a BackendTLSPolicy for the Service, or remove appProtocol".to_owned();
            Err(Unresolved { refusal, code, message, remedy: Some(remedy) })
        }
        _ => {
            let message = format!(
                "{kind} cannot send to port {number} of Service {}/{}, whose appProtocol is {app_protocol}",
                id.namespace, id.name
            );
            fail(Refusal::UnsupportedProtocol, &diagnostic::UNSUPPORTED_BACKEND_PROTOCOL, message)
        }
    }
}
