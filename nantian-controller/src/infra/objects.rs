//! The objects that are made for a Gateway, as they are to be.

use std::collections::BTreeMap;

use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use nantian_ir::ContentHash;
use nantian_ir::compile::{GatewayPort, GatewayService};
use serde_json::{Value, json};

/// The label of an EndpointSlice that names its Service.
pub(super) const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// The label of an EndpointSlice that says who keeps it, and what it says of ours.
const SLICE_MANAGER: (&str, &str) = ("endpointslice.kubernetes.io/managed-by", "gateway-controller.nantian.dev");
/// The annotation that says what was applied, so that what is not wanted any more is noticed.
const APPLIED: &str = "nantian.dev/applied";

/// An object that is to be as it is here.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) object: Value,
}

/// The Service of a Gateway.
pub(super) fn service(service: &GatewayService, uid: &str) -> Wanted {
    let ports = service.ports.iter().map(
        |port| json!({"name": port.name(), "port": port.port, "protocol": port.protocol, "targetPort": port.bind_port}),
    );
    let mut spec = json!({"ports": ports.collect::<Vec<_>>()});
    if let Some(spec) = spec.as_object_mut() {
        // Shared data planes are in another namespace, where no selector reaches: then the endpoints are ours to keep.
        if let Some((label, gateway)) = service.labels.get_key_value(GatewayService::GATEWAY_NAME)
            && service.is_dedicated
        {
            spec.insert("selector".to_owned(), json!({label.as_str(): gateway}));
        }
        spec.extend(service.fields.iter().map(|(field, value)| ((*field).to_owned(), value.clone())));
    }
    let object = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": metadata(service, &service.name, uid, &service.labels),
        "spec": spec,
    });
    wanted(&service.name, object)
}

/// The endpoints of a Gateway: for each slice of the data planes one with the ports of the Gateway. What is ready, serving or
/// about to end there is so here.
pub(super) fn slice(service: &GatewayService, uid: &str, data_planes: &EndpointSlice) -> Wanted {
    let of = data_planes.metadata.name.as_deref().unwrap_or_default();
    let digits: String = ContentHash::of(of).as_str().chars().take(10).collect();
    let name = format!("{}-{digits}", service.name);
    let mut labels = service.labels.clone();
    for (label, value) in [(SERVICE_NAME, &*service.name), SLICE_MANAGER] {
        labels.insert(label.to_owned(), value.to_owned());
    }
    let port = |port: &GatewayPort| json!({"name": port.name(), "port": port.bind_port, "protocol": port.protocol});
    let object = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": metadata(service, &name, uid, &labels),
        "addressType": data_planes.address_type,
        "endpoints": data_planes.endpoints.iter().flatten().map(endpoint).collect::<Vec<_>>(),
        "ports": service.ports.iter().map(port).collect::<Vec<_>>(),
    });
    wanted(&name, object)
}

/// The same endpoint of another Service: what depends on its Service is left out.
fn endpoint(endpoint: &Endpoint) -> Endpoint {
    Endpoint { deprecated_topology: None, hints: None, hostname: None, ..endpoint.clone() }
}

fn metadata(service: &GatewayService, name: &str, uid: &str, labels: &BTreeMap<String, String>) -> Value {
    let gateway = &service.gateway;
    // It goes with its Gateway. A copy of it in another cluster or namespace gets another owner at once, before it is missed.
    let owner = json!({
        "apiVersion": format!("{}/v1", gateway.group), "kind": gateway.kind.as_str(),
        "name": gateway.name.as_str(), "uid": uid,
    });
    json!({
        "name": name, "namespace": gateway.namespace.as_str(), "labels": labels, "annotations": service.annotations,
        "ownerReferences": [owner],
    })
}

fn wanted(name: &str, mut object: Value) -> Wanted {
    let hash = ContentHash::of(&object);
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
        && let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut)
    {
        annotations.insert(APPLIED.to_owned(), hash.as_str().into());
    }
    Wanted { name: name.to_owned(), object }
}
