//! What is served, and what changes of it.

use serde_json::{Value, json};

use crate::Outcome;
use crate::wire::Api;

pub(crate) const ROUTES: &str = "/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes";
pub(crate) const GATEWAY: &str = "/apis/gateway.networking.k8s.io/v1/namespaces/default/gateways/web";

/// A Gateway and a backend.
pub(crate) fn create() -> Outcome<()> {
    let labels = json!({"app": "backend"});
    let container = json!({"name": "backend", "image": "nantian.local/backend:1", "imagePullPolicy": "Never"});
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [container]}});
    let deployment = json!({
        "metadata": {"name": "backend"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    });
    let service = json!({
        "metadata": {"name": "backend"},
        "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
    });
    let gateway = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "web"},
        "spec": {"gatewayClassName": "nantian-gw", "listeners": [{"name": "http", "protocol": "HTTP", "port": 80}]},
    });
    Api::send("POST", "/apis/apps/v1/namespaces/default/deployments", &deployment.to_string())?;
    Api::send("POST", "/api/v1/namespaces/default/services", &service.to_string())?;
    let gateways = GATEWAY.trim_end_matches("/web");
    Api::send("POST", gateways, &gateway.to_string()).map(drop)
}

/// Where the Gateway is reached, once its status says so.
pub(crate) fn address() -> Outcome<Option<String>> {
    let gateway = Api::send("GET", GATEWAY, "")?;
    let address = gateway.pointer("/status/addresses/0/value").and_then(Value::as_str);
    Ok(address.map(|address| format!("{address}:80")))
}

/// A route of a host of its own, whose answers have the header `x-version`.
pub(crate) fn route(name: &str, version: usize) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": name},
        "spec": {"parentRefs": [{"name": "web"}], "hostnames": [host(name)], "rules": [rule(version)]},
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
