//! The core kinds: what the API server defaults and refuses of what a gateway reads.

use serde_json::{Value, json};

use super::{Schemas, admitted, check};

fn service(spec: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec})
}

fn slice(fields: &Value) -> Value {
    let mut slice = json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": {"name": "s"}});
    slice.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    slice
}

#[test]
fn service_ports_have_the_api_servers_defaults() {
    let service = service(&json!({"ports": [{"port": 80}]}));
    assert_eq!(admitted(&service, "/spec/type"), "ClusterIP");
    assert_eq!(admitted(&service, "/spec/ports"), json!([{"port": 80, "protocol": "TCP", "targetPort": 80}]));
}

#[test]
fn services_have_ports_that_are_told_apart() {
    let with = |ports: Value| service(&json!({"ports": ports}));
    check("named", &with(json!([{"name": "a", "port": 80, "targetPort": "http"}, {"name": "b", "port": 81}])), &[]);
    check("headless", &service(&json!({"clusterIP": "None"})), &[]);
    check("an alias", &service(&json!({"type": "ExternalName", "externalName": "a.example"})), &[]);
    check("an alias of nothing", &service(&json!({"type": "ExternalName"})), &[("spec", "needs externalName")]);
    check("no port", &service(&json!({})), &[("spec", "needs at least one port")]);
    check("unnamed", &with(json!([{"port": 80}, {"port": 81}])), &[("spec.ports", "each port needs a name")]);
    check(
        "one name",
        &with(json!([{"name": "a", "port": 80}, {"name": "a", "port": 81}])),
        &[("spec.ports", "must be different")],
    );
    check(
        "port twice",
        &with(json!([{"name": "a", "port": 80}, {"name": "b", "port": 80}])),
        &[("spec.ports[1]", "duplicates an earlier element: port=80, protocol=\"TCP\"")],
    );
    check(
        "target",
        &with(json!([{"port": 80, "targetPort": 0}])),
        &[("spec.ports[0].targetPort", "must be a port number")],
    );
    check(
        "target name",
        &with(json!([{"port": 80, "targetPort": "HTTP"}])),
        &[("spec.ports[0].targetPort", "must be a port number")],
    );
    check(
        "target list",
        &with(json!([{"port": 80, "targetPort": []}])),
        &[("spec.ports[0].targetPort", "must be an integer or a string, not a list")],
    );
    check(
        "text",
        &with(json!([{"port": "80"}])),
        &[("spec.ports[0].port", "must be an integer, not the string \"80\"")],
    );
    check(
        "protocol",
        &with(json!([{"port": 80, "protocol": "HTTP"}])),
        &[("spec.ports[0].protocol", "\"HTTP\" is not supported")],
    );
    check(
        "type",
        &service(&json!({"type": "Clusterip", "ports": [{"port": 80}]})),
        &[("spec.type", "is not supported")],
    );
}

#[test]
fn a_field_of_a_service_that_nobody_reads_is_no_warning() {
    let admission = Schemas::builtin()
        .admit(service(
            &json!({"ports": [{"port": 80}], "ipFamilies": ["IPv4"], "loadBalancerIP": "192.0.2.1", "porst": []}),
        ))
        .unwrap();
    let fields: Vec<&str> = admission.warnings.iter().map(|warning| warning.field.as_str()).collect();
    assert_eq!(fields, ["spec.porst"]);
}

#[test]
fn endpoint_slices_have_addresses_of_their_type() {
    let valid = slice(&json!({
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": true}}],
        "ports": [{"port": 8080}],
    }));
    assert_eq!(admitted(&valid, "/ports/0"), json!({"name": "", "port": 8080, "protocol": "TCP"}));
    check("IPv6", &slice(&json!({"addressType": "IPv6", "endpoints": [{"addresses": ["::1"]}]})), &[]);
    check("no type", &slice(&json!({"endpoints": []})), &[("addressType", "is required")]);
    check(
        "mixed",
        &slice(&json!({"addressType": "IPv4", "endpoints": [{"addresses": ["::1"]}]})),
        &[("", "every address must be an IPv4 address")],
    );
    check(
        "mixed",
        &slice(&json!({"addressType": "IPv6", "endpoints": [{"addresses": ["127.0.0.1"]}]})),
        &[("", "every address must be an IPv6 address")],
    );
    check(
        "no address",
        &slice(&json!({"addressType": "IPv4", "endpoints": [{"addresses": []}]})),
        &[("endpoints[0].addresses", "must have at least 1 elements, not 0")],
    );
    check(
        "no list",
        &slice(&json!({"addressType": "IPv4", "endpoints": [{"addresses": "127.0.0.1"}]})),
        &[("endpoints[0].addresses", "must be a list, not the string \"127.0.0.1\"")],
    );
}

#[test]
fn messages_about_secrets_do_not_show_their_values() {
    let secret = |fields: Value| {
        let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}});
        secret.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        secret
    };
    check(
        "a TLS secret",
        &secret(json!({"type": "kubernetes.io/tls", "stringData": {"tls.crt": "c", "tls.key": "k"}})),
        &[],
    );
    check(
        "no key",
        &secret(json!({"type": "kubernetes.io/tls", "data": {"tls.crt": "Yw=="}})),
        &[("", "needs the keys tls.crt and tls.key")],
    );
    for wrong in
        [json!({"data": {"k": "TOP SECRET"}}), json!({"data": {"k": 481_516}}), json!({"stringData": {"k": 481_516}})]
    {
        let errors = Schemas::builtin().admit(secret(wrong.clone())).unwrap_err();
        let text = format!("{errors:?}");
        assert!(!text.contains("TOP") && !text.contains("481516") && text.contains("[k]"), "{wrong}: {text}");
    }
    check("a key with a slash", &secret(json!({"stringData": {"a/b": "c"}})), &[("stringData", "keys consist of")]);
    assert_eq!(admitted(&secret(json!({})), "/type"), "Opaque");
}

#[test]
fn config_maps_hold_text() {
    let map = |data: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data});
    check("text", &map(json!({"ca.crt": "x"})), &[]);
    check("a number", &map(json!({"a": 1})), &[("data[a]", "must be a string, not 1")]);
}

/// <https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name>
#[test]
fn a_namespace_has_its_name_as_a_label() {
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps", "labels": {"a": "b"}}});
    assert_eq!(admitted(&namespace, "/metadata/labels"), json!({"a": "b", "kubernetes.io/metadata.name": "apps"}));
    assert_eq!(admitted(&namespace, "/metadata/namespace"), Value::Null);
}
