//! Where a Gateway is reached, as its Service says.

use k8s_openapi::api::core::v1::Service;
use nantian_ir::compile::GatewayService;
use nantian_ir::compile::status::GatewayAddress;
use nantian_ir::{ObjectRef, SmolStr};

use super::made::Made;

/// `GatewayStatus.addresses` has no more.
const MOST: usize = 16;

/// Where a Gateway is reached.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) addresses: Vec<GatewayAddress>,
    /// Why that is not as it was asked for: reason and message of `Programmed`.
    pub(crate) fault: Option<(&'static str, SmolStr)>,
}

impl Placed {
    /// Of a Gateway that is to have the Service `wanted`.
    pub(crate) fn of(gateway: &ObjectRef, wanted: Option<&GatewayService>, made: &Made) -> Self {
        let services = made.services_of(gateway);
        let is_wanted = |service: &Service| {
            wanted.is_none_or(|wanted| service.metadata.name.as_deref() == Some(wanted.name.as_str()))
        };
        let addresses = services.iter().find(|service| is_wanted(service)).map(|service| addresses(service));
        let addresses = addresses.unwrap_or_default();
        let fault = wanted.and_then(|wanted| fault(wanted, &addresses, made.failure(gateway)));
        Self { addresses, fault }
    }
}

/// What is wrong with these addresses.
fn fault(
    wanted: &GatewayService,
    addresses: &[GatewayAddress],
    failure: Option<String>,
) -> Option<(&'static str, SmolStr)> {
    if addresses.is_empty() {
        let (namespace, name) = (&wanted.gateway.namespace, &wanted.name);
        let waiting =
            || format!("the Service {namespace}/{name} has no address yet: a load balancer has to give it one");
        return Some(("AddressNotAssigned", failure.unwrap_or_else(waiting).into()));
    }
    let asked = wanted.fields.get("loadBalancerIP").and_then(|asked| asked.as_str())?;
    if addresses.iter().any(|address| address.value == asked) {
        return None;
    }
    let given = addresses.iter().map(|address| address.value.as_str()).collect::<Vec<_>>().join(", ");
    Some(("AddressNotUsable", format!("the load balancer gave {given} in place of {asked}").into()))
}

/// The addresses of a Service: those of its load balancer; within the cluster, its own.
fn addresses(service: &Service) -> Vec<GatewayAddress> {
    let address = |kind, value: &String| GatewayAddress { kind, value: value.clone() };
    let spec = service.spec.as_ref();
    if spec.and_then(|spec| spec.type_.as_deref()) == Some("LoadBalancer") {
        let balancer = service.status.as_ref().and_then(|status| status.load_balancer.as_ref());
        let ingress = balancer.and_then(|balancer| balancer.ingress.as_ref()).into_iter().flatten();
        let given = ingress.filter_map(|ingress| match (&ingress.ip, &ingress.hostname) {
            (Some(ip), _) => Some(address("IPAddress", ip)),
            (None, Some(hostname)) => Some(address("Hostname", hostname)),
            (None, None) => None,
        });
        return given.take(MOST).collect();
    }
    let own = spec.and_then(|spec| spec.cluster_ips.as_ref()).into_iter().flatten();
    own.filter(|ip| *ip != "None").take(MOST).map(|ip| address("IPAddress", ip)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;

    fn of(service: &Value) -> Vec<(&'static str, String)> {
        let service = serde_json::from_value(service.clone()).unwrap();
        addresses(&service).into_iter().map(|address| (address.kind, address.value)).collect()
    }

    #[test]
    fn a_load_balancer_gives_addresses_and_host_names_and_other_services_have_their_own() {
        let status = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}, {"hostname": "lb.example.com"}, {}]}});
        let balanced = json!({"spec": {"type": "LoadBalancer", "clusterIPs": ["10.0.0.1"]}, "status": status});
        assert_eq!(of(&balanced), [("IPAddress", "192.0.2.1".to_owned()), ("Hostname", "lb.example.com".to_owned())]);
        assert_eq!(of(&json!({"spec": {"type": "LoadBalancer", "clusterIPs": ["10.0.0.1"]}})), []);
        let inner = json!({"spec": {"type": "ClusterIP", "clusterIPs": ["10.0.0.1", "fd00::1"]}});
        assert_eq!(of(&inner).len(), 2);
        assert_eq!(of(&json!({"spec": {"type": "ClusterIP", "clusterIPs": ["None"]}})), []);
    }

    #[test]
    fn an_address_that_is_not_there_or_another_than_was_asked_for_is_a_fault() {
        let wanted = |fields| GatewayService {
            gateway: ObjectRef { group: "g".into(), kind: "Gateway".into(), namespace: "n".into(), name: "gw".into() },
            name: "gw-c".into(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            is_dedicated: false,
            fields,
            ports: Vec::new(),
        };
        let asked = wanted([("loadBalancerIP", json!("192.0.2.7"))].into());
        let given = |value: &str| vec![GatewayAddress { kind: "IPAddress", value: value.to_owned() }];
        let reason = |wanted, addresses: &[GatewayAddress]| fault(wanted, addresses, None).map(|(reason, _)| reason);
        assert_eq!(reason(&asked, &[]), Some("AddressNotAssigned"));
        assert_eq!(reason(&asked, &given("192.0.2.8")), Some("AddressNotUsable"));
        assert_eq!(reason(&asked, &given("192.0.2.7")), None);
        assert_eq!(reason(&wanted([].into()), &given("192.0.2.8")), None);
        let (_, message) = fault(&asked, &[], Some("Service n/gw-c: forbidden".to_owned())).unwrap();
        assert!(message.contains("forbidden"), "{message}");
    }
}
