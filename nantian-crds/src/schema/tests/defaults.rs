//! Defaults of the CRDs, and of the API server for core kinds.

use serde_json::{Value, json};

use super::{Schemas, admitted};

fn object(kind: &str, spec: &Value) -> Value {
    json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "metadata": {"name": "o"}, "spec": spec})
}

#[test]
fn the_fields_of_an_http_route_have_the_defaults_of_the_specification() {
    let route = object(
        "HTTPRoute",
        &json!({
            "parentRefs": [{"name": "gw"}],
            "rules": [
                {"backendRefs": [{"name": "s", "port": 80}]},
                {"matches": [{"headers": [{"name": "h", "value": "v"}], "queryParams": [{"name": "q", "value": "v"}]}, {"path": {"type": "Exact"}}]},
                {"filters": [{"type": "RequestRedirect", "requestRedirect": {}}]},
                {"filters": [{"type": "CORS", "cors": {}},
                    {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "m", "port": 1}, "fraction": {"numerator": 1}}}],
                 "sessionPersistence": {"cookieConfig": {}}},
            ],
        }),
    );
    for (pointer, expected) in [
        ("/spec/parentRefs/0", json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "gw"})),
        ("/spec/rules/0/matches", json!([{"path": {"type": "PathPrefix", "value": "/"}}])),
        ("/spec/rules/0/backendRefs/0", json!({"group": "", "kind": "Service", "name": "s", "port": 80, "weight": 1})),
        ("/spec/rules/1/matches/0/path", json!({"type": "PathPrefix", "value": "/"})),
        ("/spec/rules/1/matches/0/headers/0/type", json!("Exact")),
        ("/spec/rules/1/matches/0/queryParams/0/type", json!("Exact")),
        ("/spec/rules/1/matches/1/path/value", json!("/")),
        ("/spec/rules/2/filters/0/requestRedirect", json!({"statusCode": 302})),
        ("/spec/rules/3/filters/0/cors/maxAge", json!(5)),
        ("/spec/rules/3/filters/1/requestMirror/fraction/denominator", json!(100)),
        ("/spec/rules/3/filters/1/requestMirror/backendRef/kind", json!("Service")),
        ("/spec/rules/3/sessionPersistence", json!({"type": "Cookie", "cookieConfig": {"lifetimeType": "Session"}})),
        ("/metadata/namespace", json!("default")),
    ] {
        assert_eq!(admitted(&route, pointer), expected, "{pointer}");
    }
    assert_eq!(
        admitted(&object("HTTPRoute", &json!({})), "/spec/rules"),
        json!([{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}])
    );
    assert_eq!(
        admitted(&object("HTTPRoute", &json!({"rules": [{"matches": []}]})), "/spec/rules/0/matches"),
        json!([])
    );
}

#[test]
fn the_fields_of_a_grpc_route_have_the_defaults_of_the_specification() {
    let route = object(
        "GRPCRoute",
        &json!({
            "parentRefs": [{"name": "gw"}],
            "rules": [{
                "matches": [{"method": {"service": "a.B"}, "headers": [{"name": "h", "value": "v"}]}],
                "backendRefs": [{"name": "s", "port": 80}],
            }],
        }),
    );
    for (pointer, expected) in [
        ("/spec/parentRefs/0/kind", json!("Gateway")),
        ("/spec/rules/0/matches/0/method/type", json!("Exact")),
        ("/spec/rules/0/matches/0/headers/0/type", json!("Exact")),
        ("/spec/rules/0/backendRefs/0/weight", json!(1)),
    ] {
        assert_eq!(admitted(&route, pointer), expected, "{pointer}");
    }
}

#[test]
fn the_fields_of_a_gateway_have_the_defaults_of_the_specification() {
    let gateway = object(
        "Gateway",
        &json!({
            "gatewayClassName": "c",
            "listeners": [
                {"name": "a", "port": 80, "protocol": "HTTP"},
                {"name": "b", "port": 443, "protocol": "HTTPS", "allowedRoutes": {"kinds": [{"kind": "HTTPRoute"}]},
                 "tls": {"certificateRefs": [{"name": "s"}]}},
            ],
            "addresses": [{"value": "192.0.2.1"}],
            "allowedListeners": {},
            "tls": {"frontend": {"default": {"validation": {"caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "c"}]}}}},
        }),
    );
    for (pointer, expected) in [
        ("/spec/listeners/0/allowedRoutes", json!({"namespaces": {"from": "Same"}})),
        ("/spec/listeners/1/allowedRoutes/namespaces", json!({"from": "Same"})),
        ("/spec/listeners/1/allowedRoutes/kinds/0/group", json!("gateway.networking.k8s.io")),
        ("/spec/listeners/1/tls/mode", json!("Terminate")),
        ("/spec/listeners/1/tls/certificateRefs/0", json!({"group": "", "kind": "Secret", "name": "s"})),
        ("/spec/addresses/0/type", json!("IPAddress")),
        ("/spec/allowedListeners/namespaces/from", json!("None")),
        ("/spec/tls/frontend/default/validation/mode", json!("AllowValidOnly")),
        ("/status/conditions/0/reason", json!("Pending")),
    ] {
        assert_eq!(admitted(&gateway, pointer), expected, "{pointer}");
    }
}

/// An API server takes the status of an object only through its subresource.
#[test]
fn a_written_status_is_dropped() {
    let mut route = object("HTTPRoute", &json!({}));
    route["status"] = json!({"parents": "nonsense"});
    assert_eq!(admitted(&route, "/status"), Value::Null);
}

/// `pruning nulls`: <https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting-and-nullable>
#[test]
fn nulls_count_as_absent_and_get_the_default() {
    let route = object(
        "HTTPRoute",
        &json!({
            "hostnames": null,
            "rules": [{"matches": null, "filters": null, "backendRefs": [{"name": "s", "port": 80, "weight": null}]}],
        }),
    );
    assert_eq!(admitted(&route, "/spec/hostnames"), Value::Null);
    assert_eq!(admitted(&route, "/spec/rules/0/backendRefs/0/weight"), 1);
    assert_eq!(admitted(&route, "/spec/rules/0/matches/0/path/value"), "/");
}

#[test]
fn what_is_admitted_reads_into_the_types_and_admits_again_unchanged() {
    let route = object(
        "HTTPRoute",
        &json!({"parentRefs": [{"name": "gw"}], "rules": [{"backendRefs": [{"name": "s", "port": 80}]}]}),
    );
    let once = Schemas::builtin().admit(route).unwrap().object;
    let typed: crate::gateway_api::HttpRoute = serde_json::from_value(once.clone()).unwrap();
    assert_eq!(typed.spec.rules[0].backend_refs[0].backend.weight, 1);
    let twice = Schemas::builtin().admit(once.clone()).unwrap();
    assert_eq!((twice.object, twice.warnings), (once, Vec::new()));
}
