//! Backend references of routes.

use std::collections::BTreeMap;
use std::sync::Arc;

use nantian_crds::core::Service;
use nantian_crds::core::service::{ServicePort, ServiceType};
use nantian_crds::gateway_api::shared::BackendObjectReference;

use super::endpoints;
use super::grant::{Grants, To, remedy};
use crate::compile::decode::{Entry, Typed};
use crate::compile::diagnostic::{self, Code, Diagnostic};
use crate::key::{BackendKey, BackendKind, ObjectRef, RouteKind};
use crate::model::{Backend, BackendProtocol, EndpointSet, Refusal};

/// Why a reference cannot be used.
#[derive(Debug, Clone)]
pub(crate) struct Unresolved {
    pub(crate) refusal: Refusal,
    pub(crate) code: &'static Code,
    pub(crate) message: String,
    pub(crate) remedy: Option<String>,
}

/// Resolves references and collects the backends that are in use.
pub(crate) struct Backends<'t, 'o> {
    typed: &'t Typed<'o>,
    grants: &'t Grants<'t>,
    pub(crate) used: BTreeMap<BackendKey, Arc<Backend>>,
    pub(crate) endpoints: BTreeMap<BackendKey, Arc<EndpointSet>>,
}

impl<'t, 'o> Backends<'t, 'o> {
    pub(crate) fn new(typed: &'t Typed<'o>, grants: &'t Grants<'t>) -> Self {
        Self { typed, grants, used: BTreeMap::new(), endpoints: BTreeMap::new() }
    }

    /// The backend that a route of `kind` means.
    pub(crate) fn resolve(
        &self,
        from: &ObjectRef,
        kind: RouteKind,
        reference: &BackendObjectReference,
    ) -> Result<BackendKey, Unresolved> {
        let fail = |refusal, code, message| Err(Unresolved { refusal, code, message, remedy: None });
        if !reference.group.is_empty() || reference.kind != "Service" {
            let kind = if reference.group.is_empty() {
                reference.kind.clone()
            } else {
                format!("{}/{}", reference.group, reference.kind)
            };
            let message = format!("backends of kind {kind} are not supported: use a Service");
            return fail(Refusal::InvalidKind, &diagnostic::INVALID_KIND, message);
        }
        let namespace = reference.namespace.as_deref().filter(|n| !n.is_empty()).unwrap_or(&from.namespace);
        let to = To { group: "", kind: "Service", namespace, name: &reference.name };
        // BackendRef: a ReferenceGrant is required "when a namespace different than the local namespace is specified".
        if !self.grants.allow(from, &to) {
            let message = format!("Service {namespace}/{} may not be referred to from here", reference.name);
            let (refusal, code) = (Refusal::RefNotPermitted, &diagnostic::REF_NOT_PERMITTED);
            return Err(Unresolved { refusal, code, message, remedy: Some(remedy(from, &to)) });
        }
        let Some(port) = reference.port.filter(|port| *port != 0) else {
            let message = format!("the reference to Service {namespace}/{} has no port", reference.name);
            return fail(Refusal::UnsupportedValue, &diagnostic::BACKEND_NOT_FOUND, message);
        };
        let service = self.typed.services.get(&(namespace.to_owned(), reference.name.clone()));
        let Some(service) = service else {
            let message = format!("Service {namespace}/{} does not exist", reference.name);
            return fail(Refusal::BackendNotFound, &diagnostic::BACKEND_NOT_FOUND, message);
        };
        let protocol = protocol(service, port, kind)?;
        Ok(BackendKey {
            kind: BackendKind::Service,
            namespace: namespace.to_owned(),
            name: reference.name.clone(),
            port,
            protocol,
        })
    }

    /// Notes that rules use the backend, with its endpoints.
    pub(crate) fn add(&mut self, key: &BackendKey, diagnostics: &mut Vec<Diagnostic>) {
        if self.used.contains_key(key) {
            return;
        }
        let endpoints = endpoints::endpoints(self.typed, key, diagnostics);
        self.used.insert(key.clone(), Arc::new(Backend { key: key.clone() }));
        self.endpoints.insert(key.clone(), Arc::new(EndpointSet { key: key.clone(), endpoints }));
    }
}

/// The port of the Service, if it has it.
pub(crate) fn port(service: &Service, number: u16) -> Option<&ServicePort> {
    service.spec.ports.iter().find(|port| port.port == number && port.protocol == "TCP")
}

/// GEP-1911: the protocol is the Service port's `appProtocol`, or what the route's kind implies.
fn protocol(service: &Entry<'_, Service>, number: u16, kind: RouteKind) -> Result<BackendProtocol, Unresolved> {
    let id = service.object.id();
    let fail = |refusal, code, message| Err(Unresolved { refusal, code, message, remedy: None });
    let default = match kind {
        RouteKind::Http => BackendProtocol::Http1,
        RouteKind::Grpc => BackendProtocol::H2c,
    };
    let Some(port) = port(&service.value, number) else {
        if service.value.spec.r#type == ServiceType::ExternalName && service.value.spec.ports.is_empty() {
            return Ok(default);
        }
        if service.value.spec.ports.iter().any(|port| port.port == number) {
            let message = format!("port {number} of Service {}/{} is not a TCP port", id.namespace, id.name);
            return fail(Refusal::UnsupportedProtocol, &diagnostic::UNSUPPORTED_BACKEND_PROTOCOL, message);
        }
        let ports = service.value.spec.ports.iter().map(|port| port.port.to_string()).collect::<Vec<_>>().join(", ");
        let message = format!("Service {}/{} has no port {number}; it has: {ports}", id.namespace, id.name);
        return fail(Refusal::BackendNotFound, &diagnostic::BACKEND_NOT_FOUND, message);
    };
    match (port.app_protocol.as_deref().unwrap_or_default(), kind) {
        ("", _) => Ok(default),
        ("kubernetes.io/h2c" | "http2" | "grpc", _) => Ok(BackendProtocol::H2c),
        ("http", RouteKind::Http) => Ok(BackendProtocol::Http1),
        ("kubernetes.io/ws", RouteKind::Http) => Ok(BackendProtocol::WebSocket),
        (other, _) => {
            let message = format!(
                "{kind} cannot send to port {number} of Service {}/{}, whose appProtocol is {other}",
                id.namespace, id.name
            );
            fail(Refusal::UnsupportedProtocol, &diagnostic::UNSUPPORTED_BACKEND_PROTOCOL, message)
        }
    }
}
