//! Endpoints of a Service port.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use nantian_crds::core::endpoint_slice::{AddressType, EndpointSlice};
use nantian_crds::core::service::{IntOrString, ServiceType};
use nantian_crds::core::{Service, endpoint_slice};

use super::backend::port;
use crate::compile::decode::Entry;
use crate::compile::diagnostic::{self, Diagnostic};
use crate::compile::memo::Reader;
use crate::key::BackendKey;
use crate::model::{BackendProtocol, Endpoint, EndpointHost};
use crate::name::Hostname;

/// The endpoints that may get requests, sorted. Where none is ready, those that still serve while they terminate, as
/// kube-proxy does (KEP-1669).
pub(crate) fn endpoints(reader: &Reader<'_>, key: &BackendKey, diagnostics: &mut Vec<Diagnostic>) -> Vec<Endpoint> {
    let name = (key.namespace.clone(), key.name.clone());
    let Some(service) = reader.get::<Service>(&name) else { return Vec::new() };
    if service.value.spec.r#type == ServiceType::ExternalName {
        return external(service, key, diagnostics);
    }
    let (mut ready, mut terminating) = (BTreeSet::new(), BTreeSet::new());
    let slices: Vec<_> = reader.slices_of(&name).collect();
    let primary = primary_family(&service.value, &slices);
    for slice in &slices {
        if primary.as_ref().is_some_and(|primary| is_other_family(primary, &slice.value.address_type)) {
            continue;
        }
        let Some(target) = target_port(&service.value, &slice.value, key) else { continue };
        for (index, endpoint) in slice.value.endpoints.iter().enumerate() {
            let conditions = endpoint.conditions;
            let is_ready = conditions.ready.unwrap_or(true);
            let lingers = conditions.serving.unwrap_or(is_ready) && conditions.terminating.unwrap_or(false);
            if !is_ready && !lingers {
                continue;
            }
            match host(&slice.value, endpoint) {
                Ok(host) if is_ready => _ = ready.insert(Endpoint { host, port: target }),
                Ok(host) => _ = terminating.insert(Endpoint { host, port: target }),
                Err(message) => {
                    let field = format!("endpoints[{index}].addresses");
                    diagnostics.push(Diagnostic::of(&diagnostic::ENDPOINTS_UNUSABLE, &slice.object, field, message));
                }
            }
        }
    }
    let chosen = if ready.is_empty() { terminating } else { ready };
    if chosen.is_empty() {
        let message = format!(
            "port {} has no ready endpoints{}: {}",
            key.port,
            hint(&slices, &service.value, key),
            consequence(key)
        );
        diagnostics.push(Diagnostic::of(&diagnostic::NO_ENDPOINTS, &service.object, "", message));
    }
    chosen.into_iter().collect()
}

fn consequence(key: &BackendKey) -> &'static str {
    match key.protocol {
        BackendProtocol::Tcp => "connections are rejected",
        BackendProtocol::Udp => "datagrams are dropped",
        BackendProtocol::Http1 | BackendProtocol::H2c | BackendProtocol::WebSocket => "requests get 503",
    }
}

/// A dual-stack Service has slices of both families for the same Pods. Clients reach it by the family of its first
/// address, and so do we: the other one may not be routed here.
fn primary_family(service: &Service, slices: &[&Arc<Entry<EndpointSlice>>]) -> Option<AddressType> {
    let address = service.spec.cluster_ip.as_deref()?.parse::<IpAddr>().ok()?;
    let family = if address.is_ipv4() { AddressType::Ipv4 } else { AddressType::Ipv6 };
    slices.iter().any(|slice| slice.value.address_type == family).then_some(family)
}

fn is_other_family(primary: &AddressType, family: &AddressType) -> bool {
    primary != family && matches!(family, AddressType::Ipv4 | AddressType::Ipv6)
}

/// What is probably wrong where slices are there, but not for the port: slices name it as the Service does.
fn hint(slices: &[&Arc<Entry<EndpointSlice>>], service: &Service, key: &BackendKey) -> String {
    if slices.is_empty() || slices.iter().any(|slice| target_port(service, &slice.value, key).is_some()) {
        return String::new();
    }
    let name =
        port(service, key.port, key.protocol.transport()).and_then(|port| port.name.as_deref()).unwrap_or_default();
    match name {
        "" => ", and no EndpointSlice of the Service has a port without a name".to_owned(),
        name => format!(", and no EndpointSlice of the Service has a port named {name}"),
    }
}

/// Port of the endpoints of a slice: the one with the name of the Service port. A slice port without a number stands
/// for every port, hence for the Service's target port.
fn target_port(service: &Service, slice: &EndpointSlice, key: &BackendKey) -> Option<u16> {
    let port = port(service, key.port, key.protocol.transport())?;
    let name = port.name.as_deref().unwrap_or_default();
    let found = slice.ports.iter().find(|entry| entry.name == name && entry.protocol == port.protocol)?;
    found.port.or_else(|| match &port.target_port {
        Some(IntOrString::Int(target)) => u16::try_from(*target).ok(),
        Some(IntOrString::String(_)) => None,
        None => Some(key.port),
    })
}

/// EndpointSlice `addresses`: "No semantics are defined for additional addresses beyond the first".
fn host(slice: &EndpointSlice, endpoint: &endpoint_slice::Endpoint) -> Result<EndpointHost, String> {
    let Some(address) = endpoint.addresses.first() else { return Err("the endpoint has no address".to_owned()) };
    match &slice.address_type {
        AddressType::Fqdn => Hostname::new(address).map(EndpointHost::Dns).map_err(|error| error.to_string()),
        AddressType::Ipv4 | AddressType::Ipv6 => match address.parse::<IpAddr>() {
            Ok(ip) if ip.is_ipv4() == (slice.address_type == AddressType::Ipv4) => Ok(EndpointHost::Ip(ip)),
            _ => Err(format!("{address:?} is not an address of the slice's addressType")),
        },
        AddressType::Unknown(other) => Err(format!("the addressType {other} is not known")),
    }
}

fn external(service: &Entry<Service>, key: &BackendKey, diagnostics: &mut Vec<Diagnostic>) -> Vec<Endpoint> {
    let name = service.value.spec.external_name.as_deref().unwrap_or_default();
    let target = port(&service.value, key.port, key.protocol.transport()).and_then(|port| match &port.target_port {
        Some(IntOrString::Int(target)) => u16::try_from(*target).ok().filter(|target| *target != 0),
        _ => None,
    });
    let host = match name.parse::<IpAddr>() {
        Ok(ip) => Ok(EndpointHost::Ip(ip)),
        Err(_) => Hostname::new(name.trim_end_matches('.')).map(EndpointHost::Dns),
    };
    match host {
        Ok(host) => vec![Endpoint { host, port: target.unwrap_or(key.port) }],
        Err(error) => {
            let code = &diagnostic::ENDPOINTS_UNUSABLE;
            diagnostics.push(Diagnostic::of(code, &service.object, "spec.externalName", error.to_string()));
            Vec::new()
        }
    }
}
