//! What a Gateway is given: a Service in its namespace, with an address.

use nantian_ir::ObjectRef;
use nantian_ir::compile::Object;
use nantian_ir::compile::status::GatewayAddress;
use serde_json::Value;

use crate::watch::Observed;

/// The Service of a Gateway.
pub(crate) fn service_of(gateway: &ObjectRef) -> ObjectRef {
    let name = format!("{}-nantian-gw", gateway.name);
    ObjectRef { group: "".into(), kind: "Service".into(), namespace: gateway.namespace.clone(), name: name.into() }
}

/// The label of everything that we make.
const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "nantian-gw");

/// Whether a Service is one that we made.
pub(crate) fn is_ours(object: &Object) -> bool {
    let labels = object.value().pointer("/metadata/labels");
    object.id().kind == "Service"
        && labels.and_then(|labels| labels.get(MANAGED_BY.0)).is_some_and(|by| by == MANAGED_BY.1)
}

/// The addresses that the Service of a Gateway was given.
pub(crate) fn addresses_of(gateway: &ObjectRef, observed: &Observed) -> Vec<GatewayAddress> {
    observed.get(&service_of(gateway)).map(|service| load_balancer(&service.status)).unwrap_or_default()
}

fn load_balancer(status: &Value) -> Vec<GatewayAddress> {
    let ingress = status.pointer("/loadBalancer/ingress").and_then(Value::as_array).map(Vec::as_slice);
    let address = |entry: &Value| {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        let ip = text("ip").map(|value| ("IPAddress", value));
        let (kind, value) = ip.or_else(|| text("hostname").map(|value| ("Hostname", value)))?;
        Some(GatewayAddress { kind, value: value.to_owned() })
    };
    // "maxItems: 16".
    ingress.unwrap_or_default().iter().filter_map(address).take(16).collect()
}
