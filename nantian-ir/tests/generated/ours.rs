//! Objects of our own kinds.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{meta, name, namespace, rarely};

/// What a policy of ours may be for: mostly what there is.
fn target() -> impl Strategy<Value = Value> {
    let kinds = [
        ("gateway.networking.k8s.io", "Gateway"),
        ("gateway.networking.k8s.io", "Gateway"),
        ("gateway.networking.k8s.io", "Gateway"),
        ("gateway.networking.k8s.io", "HTTPRoute"),
        ("gateway.networking.k8s.io", "HTTPRoute"),
        ("gateway.networking.k8s.io", "HTTPRoute"),
        ("gateway.networking.k8s.io", "HTTPRoute"),
        ("gateway.networking.k8s.io", "GRPCRoute"),
        ("gateway.networking.k8s.io", "TCPRoute"),
        ("gateway.networking.k8s.io", "TLSRoute"),
        ("gateway.networking.k8s.io", "UDPRoute"),
        ("", "Service"),
        ("nantian.dev", "AIService"),
        ("", "Pod"),
    ];
    (prop::sample::select(kinds.to_vec()), name(), rarely(name())).prop_map(|((group, kind), name, section)| {
        let mut target = json!({"group": group, "kind": kind, "name": name});
        if let Some(section) = section {
            target["sectionName"] = json!(section);
        }
        target
    })
}

/// What policies of our kinds ask for, right and wrong, with and without a part of the data plane for it.
fn wish() -> impl Strategy<Value = (&'static str, Value)> {
    let duration = || prop::sample::select(&["0s", "1s", "5s", "5s", "1d"][..]);
    let secret = (name(), rarely(name())).prop_map(|(name, namespace)| match namespace {
        Some(namespace) => json!({"name": name, "namespace": namespace, "key": "tls.key"}),
        None => json!({"name": name, "key": "tls.key"}),
    });
    let balancing = prop::sample::select(&["RoundRobin", "RoundRobin", "Random", "Later"][..]);
    prop_oneof![
        2 => (rarely(duration()), duration()).prop_map(|(request, attempt)| {
            let mut timeout = json!({"backendRequest": attempt});
            if let Some(request) = request {
                timeout["request"] = json!(request);
            }
            ("RoutePolicy", json!({"default": {"timeout": timeout}}))
        }),
        4 => duration().prop_map(|length| ("RoutePolicy", json!({"default": {"timeout": {"request": length}}}))),
        1 => Just(("RoutePolicy", json!({"default": {"compression": {}}}))),
        1 => prop::sample::select(&["https://a.example.com", "https://*"][..])
            .prop_map(|origin| ("SecurityPolicy", json!({"cors": {"allowOrigins": [origin]}}))),
        1 => Just(("SecurityPolicy", json!({"ip": {"denyCIDRs": ["10.0.0.0/8"]}, "cors": {"allowOrigins": ["*"]}}))),
        1 => secret.prop_map(|entry| ("SecurityPolicy", json!({"authn": {"basicAuth": {"htpasswdRef": entry}}}))),
        1 => balancing.prop_map(|kind| ("BackendLBPolicy", json!({"loadBalancing": {"type": kind}}))),
        1 => name().prop_map(|to| {
            ("TokenPolicy", json!({"tokensPerMinute": 1, "onLimit": "fallback", "fallback": {"name": to}}))
        }),
        1 => name().prop_map(|map| ("WasmPlugin", json!({"wasm": {"configMap": {"name": map, "key": "ca.crt"}}}))),
        1 => name().prop_map(|path| ("WasmPlugin", json!({"wasm": {"url": format!("https://example.com/{path}")}}))),
    ]
}

fn own_policy() -> impl Strategy<Value = Value> {
    let targets = prop::collection::vec(target(), 0..5);
    (namespace(), name(), any::<Option<u8>>(), targets, wish()).prop_map(
        |(namespace, name, created, targets, (kind, mut spec))| {
            spec["targetRefs"] = json!(targets);
            json!({
                "apiVersion": "nantian.dev/v1alpha1", "kind": kind, "metadata": meta(namespace, name, created), "spec": spec,
            })
        },
    )
}

/// An object of one of our kinds.
pub(super) fn object() -> impl Strategy<Value = Value> {
    prop_oneof![4 => own_policy(), 1 => ai_service()]
}

fn ai_service() -> impl Strategy<Value = Value> {
    let pattern = prop::sample::select(&["a+", "(?=a)"][..]);
    (namespace(), name(), name(), rarely(pattern)).prop_map(|(namespace, name, backend, pattern)| {
        let mut spec = json!({"endpoint": {"service": {"name": backend, "port": 80}}, "auth": {"secret": {"name": backend}}});
        if let Some(pattern) = pattern {
            spec["promptGuard"] = json!({"customPatterns": [pattern]});
        }
        json!({
            "apiVersion": "nantian.dev/v1alpha1", "kind": "AIService", "metadata": meta(namespace, name, None), "spec": spec,
        })
    })
}
