//! `Gateway` and `GatewayClass`: the rules of their CRDs (<https://gateway-api.sigs.k8s.io/reference/spec/#gateway>).

use serde_json::{Value, json};

use super::check;

fn gateway(spec: &Value) -> Value {
    let mut spec = spec.clone();
    for (field, value) in [("gatewayClassName", json!("c")), ("listeners", json!([listener("l", 80, "HTTP")]))] {
        spec.as_object_mut().unwrap().entry(field).or_insert(value);
    }
    json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "g"}, "spec": spec})
}

fn listener(name: &str, port: u16, protocol: &str) -> Value {
    json!({"name": name, "port": port, "protocol": protocol})
}

fn with_fields(mut base: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else { panic!("not an object") };
    base.as_object_mut().unwrap().extend(fields);
    base
}

fn one(protocol: &str, fields: Value) -> Value {
    gateway(&json!({"listeners": [with_fields(listener("l", 443, protocol), fields)]}))
}

#[test]
fn tls_fits_the_protocol_of_a_listener() {
    const ALL: &str = "spec.listeners";
    let certificate = json!({"certificateRefs": [{"name": "s"}]});
    for protocol in ["HTTP", "TCP", "UDP"] {
        check(protocol, &one(protocol, json!({})), &[]);
        check(
            protocol,
            &one(protocol, json!({"tls": certificate})),
            &[(ALL, "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']")],
        );
    }
    check("HTTPS", &one("HTTPS", json!({"tls": certificate})), &[]);
    check(
        "HTTPS that passes through",
        &one("HTTPS", json!({"tls": {"mode": "Passthrough"}})),
        &[(ALL, "tls mode must be Terminate for protocol HTTPS")],
    );
    check("TLS without", &one("TLS", json!({})), &[(ALL, "tls mode must be set for protocol TLS")]);
    check("TLS that passes through", &one("TLS", json!({"tls": {"mode": "Passthrough"}})), &[]);
    check("an own protocol", &one("example.com/SCTP", json!({"tls": certificate})), &[]);
    check("no protocol at all", &one("a b", json!({})), &[("spec.listeners[0].protocol", "must match the pattern")]);
}

#[test]
fn termination_needs_a_certificate_or_an_option() {
    let message = "certificateRefs or options must be specified when mode is Terminate";
    for tls in [json!({}), json!({"mode": "Terminate"}), json!({"certificateRefs": []}), json!({"options": {}})] {
        check(&tls.to_string(), &one("HTTPS", json!({"tls": tls})), &[("spec.listeners[0].tls", message)]);
    }
    check("an option", &one("HTTPS", json!({"tls": {"options": {"example.com/cert": "x"}}})), &[]);
    let many: Vec<Value> = (0..65).map(|number| json!({"name": format!("s{number}")})).collect();
    check(
        "65 certificates",
        &one("HTTPS", json!({"tls": {"certificateRefs": many}})),
        &[("spec.listeners[0].tls.certificateRefs", "must have at most 64 elements, not 65")],
    );
}

#[test]
fn hostnames_are_for_protocols_that_have_them() {
    for protocol in ["TCP", "UDP"] {
        check(
            protocol,
            &one(protocol, json!({"hostname": "a.example"})),
            &[("spec.listeners", "hostname must not be specified for protocols ['TCP', 'UDP']")],
        );
    }
    check("a wildcard", &one("HTTP", json!({"hostname": "*.example.com"})), &[]);
    check(
        "an inner wildcard",
        &one("HTTP", json!({"hostname": "a.*.com"})),
        &[("spec.listeners[0].hostname", "must match the pattern")],
    );
}

#[test]
fn listeners_are_told_apart() {
    let with = |listeners: Value| gateway(&json!({"listeners": listeners}));
    let combination = "Combination of port, protocol and hostname must be unique for each listener";
    let host = |name: &str, host: &str| with_fields(listener(name, 80, "HTTP"), json!({"hostname": host}));
    check("ports", &with(json!([listener("a", 80, "HTTP"), listener("b", 81, "HTTP")])), &[]);
    check("protocols", &with(json!([listener("a", 53, "TCP"), listener("b", 53, "UDP")])), &[]);
    check("hosts", &with(json!([host("a", "a.example"), host("b", "b.example"), listener("c", 80, "HTTP")])), &[]);
    check(
        "nothing",
        &with(json!([listener("a", 80, "HTTP"), listener("b", 80, "HTTP")])),
        &[("spec.listeners", combination)],
    );
    check(
        "the same host",
        &with(json!([host("a", "a.example"), host("b", "a.example")])),
        &[("spec.listeners", combination)],
    );
    // The list's map keys are checked with the structure, so that the rule of the same meaning is not reached.
    check(
        "the same name",
        &with(json!([listener("a", 80, "HTTP"), listener("a", 81, "HTTP")])),
        &[("spec.listeners[1]", "duplicates an earlier element: name=\"a\"")],
    );
    check("none", &with(json!([])), &[("spec.listeners", "must have at least 1 elements, not 0")]);
    check("no name", &with(json!([{"port": 80, "protocol": "HTTP"}])), &[("spec.listeners[0].name", "is required")]);
    check("no port", &with(json!([{"name": "a", "protocol": "HTTP"}])), &[("spec.listeners[0].port", "is required")]);
    let many: Vec<Value> = (0..65).map(|number| listener(&format!("l{number}"), 1000 + number, "HTTP")).collect();
    check("65", &with(json!(many)), &[("spec.listeners", "must have at most 64 elements, not 65")]);
}

#[test]
fn addresses_fit_their_type_and_are_unique() {
    let with = |addresses: Value| gateway(&json!({"addresses": addresses}));
    for valid in [
        json!([{"value": "192.0.2.1"}, {"value": "2001:db8::1"}]),
        json!([{"type": "Hostname", "value": "a.example"}, {"type": "Hostname", "value": "*.b.example"}]),
        json!([{"type": "example.com/pool", "value": "anything at all"}, {"type": "NamedAddress", "value": "n"}]),
        json!([{"type": "IPAddress"}, {"type": "Hostname"}]),
    ] {
        check(&valid.to_string(), &with(valid.clone()), &[]);
    }
    check(
        "not an address",
        &with(json!([{"value": "a.example"}])),
        &[("spec.addresses[0]", "fits none of the alternatives")],
    );
    check(
        "not a host",
        &with(json!([{"type": "Hostname", "value": "a b"}])),
        &[("spec.addresses[0]", "Hostname value must be empty or contain only valid characters")],
    );
    check(
        "twice",
        &with(json!([{"value": "192.0.2.1"}, {"value": "192.0.2.1"}])),
        &[("spec.addresses", "IPAddress values must be unique")],
    );
    check(
        "twice",
        &with(json!([{"type": "Hostname", "value": "a"}, {"type": "Hostname", "value": "a"}])),
        &[("spec.addresses", "Hostname values must be unique")],
    );
    check(
        "twice of an own type",
        &with(json!([{"type": "a.b/c", "value": "a"}, {"type": "a.b/c", "value": "a"}])),
        &[],
    );
    let many: Vec<Value> = (0..17).map(|number| json!({"value": format!("192.0.2.{number}")})).collect();
    check("17", &with(json!(many)), &[("spec.addresses", "must have at most 16 elements, not 17")]);
}

#[test]
fn labels_and_annotations_of_infrastructure_are_those_of_kubernetes() {
    for field in ["labels", "annotations"] {
        let with = |key: &str| gateway(&json!({"infrastructure": {field: {key: "v"}}}));
        let at = format!("spec.infrastructure.{field}");
        for key in ["a", "example.com/a", "a_b.C-1", "A"] {
            check(key, &with(key), &[]);
        }
        for key in ["", "a b", "-a", "a-", "/a", "EXAMPLE.com/a", "a/b/c"] {
            check(key, &with(key), &[(&at, "keys must be in the form of an optional DNS subdomain prefix")]);
        }
        check(
            "a long prefix",
            &with(&format!("{}/a", "x".repeat(253))),
            &[(&at, "key's prefix must be a DNS subdomain not longer than 253 characters")],
        );
        let many: serde_json::Map<String, Value> = (0..9).map(|number| (format!("k{number}"), json!("v"))).collect();
        check("9", &gateway(&json!({"infrastructure": {field: many}})), &[(&at, "must have at most 8 entries, not 9")]);
    }
    check(
        "a wrong value",
        &gateway(&json!({"infrastructure": {"labels": {"a": "b c"}}})),
        &[("spec.infrastructure.labels[a]", "must match the pattern")],
    );
    check(
        "parameters",
        &gateway(&json!({"infrastructure": {"parametersRef": {"kind": "K", "name": "n"}}})),
        &[("spec.infrastructure.parametersRef.group", "is required")],
    );
}

#[test]
fn allowed_routes_come_from_known_places() {
    let with = |allowed: Value| one("HTTP", json!({"allowedRoutes": allowed}));
    check(
        "a selector",
        &with(json!({"namespaces": {"from": "Selector", "selector": {
        "matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "Exists"}]}}})),
        &[],
    );
    check("kinds", &with(json!({"kinds": [{"kind": "HTTPRoute"}, {"group": "example.com", "kind": "Other"}]})), &[]);
    check(
        "a wrong place",
        &with(json!({"namespaces": {"from": "None"}})),
        &[(
            "spec.listeners[0].allowedRoutes.namespaces.from",
            "\"None\" is not supported: use one of \"All\", \"Selector\", \"Same\"",
        )],
    );
    check(
        "no operator",
        &with(json!({"namespaces": {"selector": {"matchExpressions": [{"key": "c"}]}}})),
        &[("spec.listeners[0].allowedRoutes.namespaces.selector.matchExpressions[0].operator", "is required")],
    );
    check("listener sets", &gateway(&json!({"allowedListeners": {"namespaces": {"from": "None"}}})), &[]);
}

/// GEP-91.
#[test]
fn client_validation_has_authorities_and_one_entry_for_each_port() {
    let with = |frontend: Value| gateway(&json!({"tls": {"frontend": frontend}}));
    let ca = json!({"validation": {"caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}]}});
    check("both", &with(json!({"default": ca, "perPort": [{"port": 443, "tls": ca}, {"port": 8443, "tls": ca}]})), &[]);
    check(
        "no default",
        &with(json!({"perPort": [{"port": 443, "tls": ca}]})),
        &[("spec.tls.frontend.default", "is required")],
    );
    check(
        "the same port",
        &with(json!({"default": {}, "perPort": [{"port": 443, "tls": ca}, {"port": 443, "tls": {}}]})),
        &[("spec.tls.frontend.perPort[1]", "duplicates an earlier element: port=443")],
    );
    check(
        "no authority",
        &with(json!({"default": {"validation": {"caCertificateRefs": []}}})),
        &[("spec.tls.frontend.default.validation.caCertificateRefs", "must have at least 1 elements, not 0")],
    );
    check("a client certificate", &gateway(&json!({"tls": {"backend": {"clientCertificateRef": {"name": "s"}}}})), &[]);
}

#[test]
fn a_class_names_its_controller_with_a_domain() {
    let class = |controller: &str| {
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "c"},
            "spec": {"controllerName": controller},
        })
    };
    check("ours", &class("nantian.dev/gateway-controller"), &[]);
    check("no path", &class("nantian.dev"), &[("spec.controllerName", "must match the pattern")]);
    check(
        "no class",
        &json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "g"},
            "spec": {"listeners": [listener("l", 80, "HTTP")]},
        }),
        &[("spec.gatewayClassName", "is required")],
    );
}
