//! `ReferenceGrant` (<https://gateway-api.sigs.k8s.io/reference/spec/#referencegrant>).

use serde_json::{Value, json};

use super::check;

fn grant(spec: &Value) -> Value {
    json!({"apiVersion": "gateway.networking.k8s.io/v1beta1", "kind": "ReferenceGrant", "metadata": {"name": "g"}, "spec": spec})
}

#[test]
fn a_grant_names_both_sides() {
    let from = json!([{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "apps"}]);
    let to = json!([{"group": "", "kind": "Service"}]);
    check("all of a kind", &grant(&json!({"from": from, "to": to})), &[]);
    check("one", &grant(&json!({"from": from, "to": [{"group": "", "kind": "Service", "name": "s"}]})), &[]);
    check("no from", &grant(&json!({"to": to})), &[("spec.from", "is required")]);
    check("no to", &grant(&json!({"from": from})), &[("spec.to", "is required")]);
    check("empty", &grant(&json!({"from": [], "to": to})), &[("spec.from", "must have at least 1 elements, not 0")]);
    check(
        "no namespace",
        &grant(&json!({"from": [{"group": "", "kind": "Secret"}], "to": to})),
        &[("spec.from[0].namespace", "is required")],
    );
    check(
        "no group",
        &grant(&json!({"from": from, "to": [{"kind": "Service"}]})),
        &[("spec.to[0].group", "is required")],
    );
    check(
        "a wrong kind",
        &grant(&json!({"from": from, "to": [{"group": "", "kind": "-"}]})),
        &[("spec.to[0].kind", "must match the pattern")],
    );
    let many = vec![json!({"group": "", "kind": "Service"}); 17];
    check("17", &grant(&json!({"from": from, "to": many})), &[("spec.to", "must have at most 16 elements, not 17")]);
}
