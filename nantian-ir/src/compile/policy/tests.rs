//! What the table of features covers, and what bounds the status.

use serde_json::{Value, json};

use super::features::FIELDS;
use crate::compile::{Compiled, Object, Objects, Options, Status, compile};

/// Fields that say how something is meant that a field of the table asks for.
const PARTS: &[(&str, &[&str])] = &[
    ("BackendLBPolicy", &["targetRefs", "loadBalancing.consistentHash"]),
    ("RoutePolicy", &["targetRefs"]),
    ("SecurityPolicy", &["targetRefs"]),
    ("TokenPolicy", &["targetRefs", "scope", "burst", "onLimit", "fallback"]),
    ("WasmPlugin", &["targetRefs", "hooks", "config", "priority", "failurePolicy", "sandbox"]),
];

/// A field that nobody asks a data plane for would be accepted and ignored.
#[test]
fn every_field_of_our_kinds_is_in_the_table_or_part_of_one_that_is() {
    fn uncovered(kind: &str, schema: &Value, path: &str, found: &mut Vec<String>) {
        for (name, below) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            let parts = PARTS.iter().filter(|(of, _)| *of == kind).flat_map(|(_, parts)| *parts);
            if parts.map(|part| format!("spec.{part}")).any(|part| part == path)
                || FIELDS.iter().any(|field| field.kind == kind && field.path == path)
            {
                continue;
            }
            if FIELDS.iter().any(|field| field.kind == kind && field.path.starts_with(&format!("{path}."))) {
                uncovered(kind, below, &path, found);
            } else {
                found.push(format!("{kind} {path}"));
            }
        }
    }
    let mut found = Vec::new();
    for crd in nantian_crds::all_crds().into_iter().filter(|crd| crd.spec.names.kind != "DirectResponse") {
        let schema = json!(crd.spec.versions[0].schema);
        uncovered(&crd.spec.names.kind, &schema["openAPIV3Schema"]["properties"]["spec"], "spec", &mut found);
    }
    assert_eq!(found, Vec::<String>::new());
}

fn compiled(policy: Value, options: &Options) -> Compiled {
    let values = [
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"namespace": "a", "name": "g"},
            "spec": {"gatewayClassName": "nantian-gw", "listeners": [{"name": "l", "port": 80, "protocol": "HTTP",
                "allowedRoutes": {"namespaces": {"from": "Same"}}}]},
        }),
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"namespace": "a", "name": "r"},
            "spec": {"parentRefs": [{"name": "g"}], "rules": [{}]},
        }),
        policy,
    ];
    compile(&values.into_iter().map(|value| Object::new(value).unwrap()).collect::<Objects>(), options)
}

fn route_policy(targets: &[Value]) -> Value {
    json!({
        "apiVersion": "nantian.dev/v1alpha1", "kind": "RoutePolicy", "metadata": {"namespace": "a", "name": "p"},
        "spec": {"targetRefs": targets, "default": {"timeout": {"request": "1s"}}},
    })
}

/// `PolicyStatus.ancestors`: "A maximum of 16 ancestors will be represented in this list."
#[test]
fn a_status_has_at_most_sixteen_ancestors_and_a_diagnostic_tells_of_more() {
    let gateway = |name: String| json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": name});
    for (targets, told) in [(16, false), (17, true)] {
        let targets: Vec<Value> = (0..targets).map(|number| gateway(format!("g{number}"))).collect();
        let compiled = compiled(route_policy(&targets), &Options::standalone());
        let ancestors = compiled.statuses.iter().find_map(|status| match &status.status {
            Status::Policy(policy) => Some(policy.ancestors.len()),
            _ => None,
        });
        assert_eq!(ancestors, Some(16));
        assert_eq!(compiled.diagnostics.iter().any(|found| found.code.name() == "too-many-ancestors"), told);
    }
}

#[test]
fn what_the_data_plane_has_no_part_for_is_not_served() {
    let target = json!({"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "r"});
    let limit = |options: &Options| {
        let compiled = compiled(route_policy(std::slice::from_ref(&target)), options);
        compiled.snapshot.rules.values().find_map(|rule| rule.timeouts.request)
    };
    let mut options = Options::standalone();
    assert_eq!(limit(&options), Some(std::time::Duration::from_secs(1)));
    options.policy_features.clear();
    assert_eq!(limit(&options), None);
}

fn gateway_api(kind: &str, name: &str) -> Value {
    json!({"group": "gateway.networking.k8s.io", "kind": kind, "name": name})
}

/// `Compiled.wants`: what a plugin names by URL, if it is for something that is there.
#[test]
fn a_module_by_url_is_asked_for_once_where_its_plugin_is_for_something_that_is_there() {
    let wants = |wasm: Value, targets: &[Value]| {
        let plugin = json!({
            "apiVersion": "nantian.dev/v1alpha1", "kind": "WasmPlugin", "metadata": {"namespace": "a", "name": "p"},
            "spec": {"targetRefs": targets, "wasm": wasm},
        });
        compiled(plugin, &Options::standalone()).wants
    };
    let url = json!({"url": "https://example.com/a.wasm", "sha256": "aa"});
    let found = wants(url.clone(), &[gateway_api("Gateway", "g"), gateway_api("HTTPRoute", "r")]);
    let told: Vec<_> = found.iter().map(|want| (want.url.as_str(), want.sha256.as_deref(), want.field)).collect();
    assert_eq!(told, [("https://example.com/a.wasm", Some("aa"), "spec.wasm.url")]);
    assert_eq!(wants(url, &[gateway_api("Gateway", "absent")]), []);
    assert_eq!(wants(json!({"configMap": {"name": "m", "key": "k"}}), &[gateway_api("Gateway", "g")]), []);
}
