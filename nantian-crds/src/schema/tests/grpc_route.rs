//! `GRPCRoute`: the rules of its CRD (<https://gateway-api.sigs.k8s.io/reference/spec/#grpcroute>).

use serde_json::{Value, json};

use super::check;

const METHOD: &str = "spec.rules[0].matches[0].method";
const FILTER: &str = "spec.rules[0].filters[0]";

fn route(spec: &Value) -> Value {
    json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GRPCRoute", "metadata": {"name": "r"}, "spec": spec})
}

fn rule(rule: &Value) -> Value {
    route(&json!({"rules": [rule]}))
}

#[test]
fn a_method_match_names_a_service_or_a_method() {
    let with = |method: Value| rule(&json!({"matches": [{"method": method}]}));
    for valid in [
        json!({"service": "helloworld.Greeter"}),
        json!({"method": "SayHello"}),
        json!({"type": "Exact", "service": "a.b_1.C", "method": "D_2"}),
        json!({"service": ".foo.bar"}),
        json!({"type": "RegularExpression", "service": "^foo.*$", "method": "(a|b)"}),
        json!({"service": "FOO.Bar"}),
    ] {
        check(&valid.to_string(), &with(valid.clone()), &[]);
    }
    check(
        "neither",
        &with(json!({"type": "Exact"})),
        &[(METHOD, "One or both of 'service' or 'method' must be specified")],
    );
    for service in ["/hello", "a..b", "1a", "a.1b", "a b", "foo."] {
        check(service, &with(json!({"service": service})), &[(METHOD, "service must only contain valid characters")]);
    }
    for method in ["Say-Hello", "Say/Hello", "1", "a.b"] {
        check(method, &with(json!({"method": method})), &[(METHOD, "method must only contain valid characters")]);
    }
    check(
        "a wrong type",
        &with(json!({"type": "Prefix", "service": "a"})),
        &[(&format!("{METHOD}.type"), "\"Prefix\" is not supported")],
    );
}

#[test]
fn headers_are_unique() {
    let headers = json!([{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]);
    check(
        "twice",
        &rule(&json!({"matches": [{"headers": headers}]})),
        &[("spec.rules[0].matches[0].headers[1]", "duplicates an earlier element")],
    );
}

#[test]
fn filters_have_the_field_of_their_type() {
    let with = |filter: Value| rule(&json!({"filters": [filter]}));
    let modifier = json!({"remove": ["a"]});
    let mirror = json!({"backendRef": {"name": "s", "port": 80}});
    let extension = json!({"group": "nantian.dev", "kind": "DirectResponse", "name": "d"});
    for (r#type, field, value) in [
        ("RequestHeaderModifier", "requestHeaderModifier", modifier.clone()),
        ("ResponseHeaderModifier", "responseHeaderModifier", modifier),
        ("RequestMirror", "requestMirror", mirror),
        ("ExtensionRef", "extensionRef", extension),
    ] {
        check(r#type, &with(json!({"type": r#type, field: value})), &[]);
        check(r#type, &with(json!({"type": r#type})), &[(FILTER, &format!("filter.{field} must be specified"))]);
        let other = if r#type == "ExtensionRef" { "RequestMirror" } else { "ExtensionRef" };
        let missing = if other == "ExtensionRef" {
            "filter.extensionRef must be specified"
        } else {
            "filter.requestMirror must be specified"
        };
        let object = with(json!({"type": other, field: value}));
        let mut expected = [(FILTER, missing.to_owned()), (FILTER, format!("filter.{field} must be nil"))];
        if position(field) < position(if other == "ExtensionRef" { "extensionRef" } else { "requestMirror" }) {
            expected.swap(0, 1);
        }
        let expected: Vec<(&str, &str)> = expected.iter().map(|(field, message)| (*field, message.as_str())).collect();
        check(field, &object, &expected);
    }
}

/// Rules are evaluated in the order of the CRD.
fn position(field: &str) -> usize {
    ["requestHeaderModifier", "responseHeaderModifier", "requestMirror", "extensionRef"]
        .iter()
        .position(|name| *name == field)
        .unwrap()
}

#[test]
fn header_modifiers_occur_once() {
    for (r#type, field) in
        [("RequestHeaderModifier", "requestHeaderModifier"), ("ResponseHeaderModifier", "responseHeaderModifier")]
    {
        let filter = json!({"type": r#type, field: {"remove": ["a"]}});
        check(
            r#type,
            &rule(&json!({"filters": [filter, filter]})),
            &[("spec.rules[0].filters", &format!("{type} filter cannot be repeated"))],
        );
        let backend = json!({"name": "s", "port": 80, "filters": [filter, filter]});
        check(
            r#type,
            &rule(&json!({"backendRefs": [backend]})),
            &[("spec.rules[0].backendRefs[0].filters", &format!("{type} filter cannot be repeated"))],
        );
    }
}

#[test]
fn all_rules_together_have_at_most_128_matches() {
    let with = |counts: &[usize]| {
        let rules: Vec<Value> = counts.iter().map(|count| json!({"matches": vec![json!({}); *count]})).collect();
        route(&json!({"rules": rules}))
    };
    check("128", &with(&[64, 64]), &[]);
    check(
        "129",
        &with(&[64, 64, 1]),
        &[("spec.rules", "the total number of matches across all rules in a route must be less than 128")],
    );
    check("rules without matches", &route(&json!({"rules": [{}, {}]})), &[]);
}

#[test]
fn references_and_names_are_as_in_http_routes() {
    check(
        "identical parents",
        &route(&json!({"parentRefs": [{"name": "a"}, {"name": "a"}]})),
        &[("spec.parentRefs", "sectionName or port must be unique")],
    );
    check(
        "names of rules",
        &route(&json!({"rules": [{"name": "a"}, {"name": "a"}]})),
        &[("spec.rules", "Rule name must be unique within the route")],
    );
    check(
        "no port",
        &rule(&json!({"backendRefs": [{"name": "s"}]})),
        &[("spec.rules[0].backendRefs[0]", "Must have port for Service reference")],
    );
    check(
        "cookie",
        &rule(&json!({"sessionPersistence": {"type": "Header", "cookieConfig": {}}})),
        &[("spec.rules[0].sessionPersistence", "cookieConfig can only be set with type Cookie")],
    );
}
