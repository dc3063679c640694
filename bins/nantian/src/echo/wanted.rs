//! Which echo backends the objects ask for.
//!
//! An EndpointSlice with the annotation `nantian.dev/echo: "true"` asks for one on each of its addresses and ports. Only
//! loopback addresses are honoured: objects from a file must not make this machine serve others.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use nantian_ir::compile::{Object, Objects, Severity};
use serde_json::Value;

use crate::finding::Finding;

/// The annotation.
pub(crate) const ANNOTATION: &str = "nantian.dev/echo";
/// More backends than this are not started.
const MAX_BACKENDS: usize = 64;

/// Who an echo backend says it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    /// `namespace/name` of the Service.
    pub(crate) service: String,
    /// Name of the Pod that the endpoint stands for, if it names one.
    pub(crate) pod: Option<String>,
}

/// Backends by address, and what is wrong with the others.
pub(crate) fn wanted(objects: &Objects) -> (BTreeMap<SocketAddr, Identity>, Vec<Finding>) {
    let mut backends = BTreeMap::new();
    let mut findings = Vec::new();
    for slice in objects.iter().filter(|object| asks(object)) {
        of_slice(slice, &mut backends, &mut findings);
    }
    (backends, findings)
}

fn asks(object: &Object) -> bool {
    // Few of thousands have it.
    if object.id().kind != "EndpointSlice" || !object.json().contains(ANNOTATION) {
        return false;
    }
    let value = object.value();
    let annotation = || value.get("metadata")?.get("annotations")?.get(ANNOTATION)?.as_str();
    annotation() == Some("true")
}

fn of_slice(slice: &Object, backends: &mut BTreeMap<SocketAddr, Identity>, findings: &mut Vec<Finding>) {
    let value = slice.value();
    let service =
        value.get("metadata").and_then(|meta| meta.get("labels")?.get("kubernetes.io/service-name")?.as_str());
    let service = format!("{}/{}", slice.id().namespace, service.unwrap_or(&slice.id().name));
    let ports: Vec<u16> =
        list(&value, "ports").filter_map(|port| port.get("port")?.as_u64()?.try_into().ok()).collect();
    for (index, endpoint) in list(&value, "endpoints").enumerate() {
        let pod = endpoint.get("targetRef").and_then(|target| target.get("name")).or_else(|| endpoint.get("hostname"));
        let pod = pod.and_then(Value::as_str).map(ToOwned::to_owned);
        for address in list(endpoint, "addresses").filter_map(Value::as_str) {
            let field = format!("endpoints[{index}].addresses");
            match address.parse::<IpAddr>() {
                Ok(address) if address.is_loopback() => {
                    for port in &ports {
                        if backends.len() < MAX_BACKENDS {
                            let identity = Identity { service: service.clone(), pod: pod.clone() };
                            backends.entry(SocketAddr::new(address, *port)).or_insert(identity);
                        }
                    }
                }
                _ => findings.push(Finding {
                    severity: Severity::Warning,
                    code: "echo-not-loopback",
                    object: Some(slice.id().clone()),
                    message: format!("no echo backend is started on {address}: it is not a loopback address"),
                    remedy: format!("write 127.0.0.1 or ::1, or remove the annotation {ANNOTATION}"),
                    source: slice.source(&field),
                    field,
                }),
            }
        }
    }
}

fn list<'v>(value: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn slice(annotation: &str, address: &str) -> Objects {
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {
                "name": "a-1", "namespace": "demo", "labels": {"kubernetes.io/service-name": "a"},
                "annotations": {"nantian.dev/echo": annotation}
            },
            "ports": [{"port": 9001}, {"port": 70000}],
            "endpoints": [{"addresses": [address], "targetRef": {"kind": "Pod", "name": "a-0"}}]
        });
        std::iter::once(Object::new(slice).expect("an object")).collect()
    }

    #[test]
    fn an_annotated_slice_asks_for_a_backend_on_each_address_and_port() {
        let (backends, findings) = wanted(&slice("true", "127.0.0.1"));
        let identity = Identity { service: "demo/a".into(), pod: Some("a-0".into()) };
        assert_eq!(backends.into_iter().collect::<Vec<_>>(), [(([127, 0, 0, 1], 9001).into(), identity)]);
        assert!(findings.is_empty());
    }

    #[test]
    fn only_loopback_addresses_are_honoured() {
        for address in ["0.0.0.0", "10.0.0.1", "example.com"] {
            let (backends, findings) = wanted(&slice("true", address));
            assert!(backends.is_empty());
            assert_eq!(findings.len(), 1, "{address}");
        }
    }

    #[test]
    fn without_the_annotation_nothing_is_started() {
        assert!(wanted(&slice("false", "127.0.0.1")).0.is_empty());
    }
}
