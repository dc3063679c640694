//! A cluster of many tenants: each has a namespace with a Gateway, four Services and twenty routes.

use nantian_ir::compile::{Object, Objects};
use serde_json::{Value, json};

/// Routes of one tenant.
pub(crate) const ROUTES: usize = 20;
/// Services of one tenant, each with an EndpointSlice.
const SERVICES: usize = 4;

/// The objects of so many tenants.
pub(crate) fn objects(tenants: usize) -> Objects {
    (0..tenants).flat_map(tenant).collect()
}

fn tenant(tenant: usize) -> impl Iterator<Item = Object> {
    let services = (0..SERVICES).flat_map(move |service| [self::service(tenant, service), slice(tenant, service)]);
    let routes = (0..ROUTES).map(move |number| route(tenant, number, "/cart"));
    [namespace(tenant), gateway(tenant)].into_iter().chain(services).chain(routes).map(object)
}

fn object(value: Value) -> Object {
    Object::new(value).unwrap_or_else(|error| panic!("the benchmark's objects are well-formed: {error}"))
}

/// One Gateway with so many routes of one host: HTTPRoutes at one listener, and as many GRPCRoutes at the other.
pub(crate) fn one_gateway(routes: usize) -> Objects {
    let shared = (0..SERVICES).flat_map(|service| [self::service(0, service), slice(0, service)]);
    let first = [namespace(0), gateway(0)].into_iter().chain(shared).map(object);
    first.chain((0..routes).map(|number| one_of_many(number, "Get"))).collect()
}

/// The route of that number at the one Gateway, for calls of a method or a path that ends in it.
pub(crate) fn one_of_many(number: usize, method: &str) -> Object {
    let is_grpc = number % 2 == 1;
    let matches = if is_grpc {
        json!({"method": {"type": "Exact", "service": format!("shop.Service{number}"), "method": method}})
    } else {
        json!({"path": {"type": "PathPrefix", "value": format!("/{number}/{method}")}})
    };
    let (kind, listener, domain) = if is_grpc { ("GRPCRoute", "admin", "org") } else { ("HTTPRoute", "web", "com") };
    object(json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "metadata": meta(0, &format!("route-{number:05}")),
        "spec": {
            "parentRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public",
                "sectionName": listener}],
            "hostnames": [format!("api.{}.example.{domain}", name(0))],
            "rules": [{"matches": [matches], "backendRefs": [
                {"group": "", "kind": "Service", "name": format!("app-{}", number % SERVICES), "port": 8080, "weight": 1},
            ]}],
        },
    }))
}

/// The route of that number of a tenant, for requests of one path.
pub(crate) fn changed_route(tenant: usize, number: usize, path: &str) -> Object {
    object(route(tenant, number, path))
}

fn namespace(tenant: usize) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name(tenant), "labels": {"team": name(tenant)}}})
}

fn name(tenant: usize) -> String {
    format!("tenant-{tenant:03}")
}

fn meta(tenant: usize, name: &str) -> Value {
    json!({
        "namespace": self::name(tenant), "name": name, "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z",
        "uid": "7d0a8f5e-3f0c-4e7b-9d57-0a4d8e1c2b3a", "resourceVersion": "123456",
    })
}

fn gateway(tenant: usize) -> Value {
    let from = json!({"namespaces": {"from": "Same"}});
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": meta(tenant, "public"),
        "spec": {"gatewayClassName": "nantian-gw", "listeners": [
            {"name": "web", "port": 80, "protocol": "HTTP", "hostname": format!("*.{}.example.com", name(tenant)),
             "allowedRoutes": from},
            {"name": "admin", "port": 8080, "protocol": "HTTP", "hostname": format!("*.{}.example.org", name(tenant)),
             "allowedRoutes": from},
        ]},
    })
}

fn service(tenant: usize, service: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": meta(tenant, &format!("app-{service}")),
        "spec": {"clusterIP": "10.96.1.2", "selector": {"app": "app"},
            "ports": [{"name": "http", "port": 8080, "targetPort": "http", "protocol": "TCP"}]},
    })
}

fn slice(tenant: usize, service: usize) -> Value {
    let mut metadata = meta(tenant, &format!("app-{service}-x2k9f"));
    if let Some(fields) = metadata.as_object_mut() {
        fields.insert("labels".to_owned(), json!({"kubernetes.io/service-name": format!("app-{service}")}));
    }
    let endpoint = |last: usize| {
        json!({
            "addresses": [format!("10.{}.{service}.{last}", tenant % 250)], "nodeName": format!("node-{last}"),
            "conditions": {"ready": true, "serving": true, "terminating": false},
            "targetRef": {"kind": "Pod", "namespace": name(tenant), "name": format!("app-{service}-{last}")},
        })
    };
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata, "addressType": "IPv4",
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": (1..4).map(endpoint).collect::<Vec<_>>(),
    })
}

fn route(tenant: usize, number: usize, path: &str) -> Value {
    let backend = |service: usize, weight: u32| {
        json!({"group": "", "kind": "Service", "name": format!("app-{}", service % SERVICES), "port": 8080,
            "weight": weight})
    };
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": meta(tenant, &format!("route-{number:02}")),
        "spec": {
            "parentRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "public",
                "sectionName": "web"}],
            "hostnames": [format!("shop-{number}.{}.example.com", name(tenant))],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": path}, "method": "GET"}],
                    "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {
                        "set": [{"name": "x-shop", "value": "1"}]}}],
                    "backendRefs": [backend(number, 9), backend(number + 1, 1)],
                },
                {"backendRefs": [backend(number + 2, 1)]},
            ],
        },
    })
}
