//! What is served, and what changes of it.

use serde_json::{Value, json};

use crate::Outcome;
use crate::wire::{Api, Trust};

pub(crate) const ROUTES: &str = "/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes";
pub(crate) const GATEWAYS: &str = "/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways";
pub(crate) const SERVICES: &str = "/api/v1/namespaces/default/services";
pub(crate) const SECRETS: &str = "/api/v1/namespaces/default/secrets";

/// The Gateway `web` and a backend.
pub(crate) fn create(trust: &Trust) -> Outcome<()> {
    let labels = json!({"app": "backend"});
    let container = json!({"name": "backend", "image": "nantian.local/backend:1", "imagePullPolicy": "Never"});
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [container]}});
    let deployment = json!({
        "metadata": {"name": "backend"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    });
    let https = json!({
        "name": "https", "protocol": "HTTPS", "port": 443, "tls": {"certificateRefs": [{"name": Trust::NAME}]},
    });
    let web = gateway("web", &[http_listener(), https]);
    Api::send("POST", "/apis/apps/v1/namespaces/default/deployments", &deployment.to_string())?;
    Api::send("POST", SERVICES, &service("backend").to_string())?;
    Api::send("POST", SECRETS, &trust.secret().to_string())?;
    Api::send("POST", GATEWAYS, &web.to_string()).map(drop)
}

/// A Service of the backend.
pub(crate) fn service(name: &str) -> Value {
    json!({
        "metadata": {"name": name},
        "spec": {"selector": {"app": "backend"}, "ports": [{"port": 80, "targetPort": 8080}]},
    })
}

pub(crate) fn gateway(name: &str, listeners: &[Value]) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": name},
        "spec": {"gatewayClassName": "nantian-gw", "listeners": listeners},
    })
}

pub(crate) fn http_listener() -> Value {
    json!({"name": "http", "protocol": "HTTP", "port": 80})
}

/// Where a Gateway is reached, once its status says so.
pub(crate) fn address(gateway: &str) -> Outcome<Option<String>> {
    let gateway = Api::send("GET", &format!("{GATEWAYS}/{gateway}"), "")?;
    let address = gateway.pointer("/status/addresses/0/value").and_then(Value::as_str);
    Ok(address.map(|address| format!("{address}:80")))
}

/// A route of a host of its own, whose answers have the header `x-version`.
pub(crate) fn route(name: &str, version: usize) -> Value {
    route_of("web", name, &rule(version))
}

/// A route of a Gateway that sends everything to a Service.
pub(crate) fn route_to(gateway: &str, name: &str, service: &str) -> Value {
    route_of(gateway, name, &json!({"backendRefs": [{"name": service, "port": 80}]}))
}

fn route_of(gateway: &str, name: &str, rule: &Value) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": name},
        "spec": {"parentRefs": [{"name": gateway}], "hostnames": [host(name)], "rules": [rule]},
    })
}

/// A route with other rules.
pub(crate) fn change(name: &str, version: usize) -> Outcome<()> {
    let patch = json!({"spec": {"rules": [rule(version)]}});
    Api::send("PATCH", &format!("{ROUTES}/{name}"), &patch.to_string()).map(drop)
}

pub(crate) fn host(name: &str) -> String {
    format!("{name}.example.com")
}

fn rule(version: usize) -> Value {
    let header = json!({"name": "x-version", "value": version.to_string()});
    json!({
        "filters": [{"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [header]}}],
        "backendRefs": [{"name": "backend", "port": 80}],
    })
}

/// Creates routes, by eight clients at once.
pub(crate) fn create_routes(prefix: &str, count: usize) -> Outcome<()> {
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|client| {
                scope.spawn(move || {
                    (client..count).step_by(8).try_for_each(|index| {
                        Api::send("POST", ROUTES, &route(&format!("{prefix}-{index}"), 0).to_string()).map(drop)
                    })
                })
            })
            .collect();
        clients.into_iter().try_for_each(|client| client.join().map_err(|_| "a client panicked")?)
    })
}
