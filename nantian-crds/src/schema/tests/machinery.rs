//! What is the same for all kinds: resolution, unknown fields, metadata, types.

use serde_json::{Value, json};

use super::{Reason, Schemas, check};

fn route(metadata: &Value, spec: &Value) -> Value {
    json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": metadata, "spec": spec})
}

#[test]
fn kinds_versions_and_groups_that_are_not_there_are_told_apart() {
    for (object, reason, field, part) in [
        (json!([]), Reason::NotAnObject, "", "write a mapping"),
        (json!({}), Reason::NotAnObject, "apiVersion", "is required, for example"),
        (json!({"apiVersion": 1, "kind": "Service"}), Reason::NotAnObject, "apiVersion", "must be a string"),
        (json!({"apiVersion": "v1"}), Reason::NotAnObject, "kind", "is required, for example HTTPRoute"),
        (
            json!({"apiVersion": "v1", "kind": "Pod"}),
            Reason::UnknownKind,
            "kind",
            "this group has Service, Secret, ConfigMap, Namespace",
        ),
        (
            json!({"apiVersion": "v1", "kind": "HTTPRoute"}),
            Reason::UnknownKind,
            "kind",
            "did you mean HTTPRoute of gateway.networking.k8s.io/v1 or",
        ),
        (
            json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HttpRoute"}),
            Reason::UnknownKind,
            "kind",
            "did you mean HTTPRoute",
        ),
        (
            json!({"apiVersion": "example.com/v1", "kind": "X"}),
            Reason::UnknownKind,
            "kind",
            "no kind of this group is known",
        ),
        (
            json!({"apiVersion": "gateway.networking.k8s.io/v2", "kind": "GRPCRoute"}),
            Reason::UnknownVersion,
            "apiVersion",
            "use gateway.networking.k8s.io/v1",
        ),
    ] {
        let errors = Schemas::builtin().admit(object.clone()).unwrap_err();
        assert_eq!((errors.len(), errors[0].reason, errors[0].field.as_str()), (1, reason, field), "{object}");
        assert!(errors[0].message.contains(part), "{object}: {}", errors[0].message);
    }
}

#[test]
fn every_served_version_of_every_kind_is_found() {
    let mut found: Vec<String> =
        Schemas::builtin().kinds.all().map(|(kind, version, _)| format!("{kind}/{version}")).collect();
    found.sort();
    assert_eq!(
        found,
        [
            "AIService/v1alpha1",
            "BackendLBPolicy/v1alpha1",
            "BackendTLSPolicy/v1",
            "BackendTLSPolicy/v1alpha3",
            "ConfigMap/v1",
            "DirectResponse/v1alpha1",
            "EndpointSlice/v1",
            "GRPCRoute/v1",
            "Gateway/v1",
            "Gateway/v1beta1",
            "GatewayClass/v1",
            "GatewayClass/v1beta1",
            "HTTPRoute/v1",
            "HTTPRoute/v1beta1",
            "ListenerSet/v1",
            "Namespace/v1",
            "ReferenceGrant/v1",
            "ReferenceGrant/v1beta1",
            "RoutePolicy/v1alpha1",
            "Secret/v1",
            "SecurityPolicy/v1alpha1",
            "Service/v1",
            "TCPRoute/v1",
            "TCPRoute/v1alpha2",
            "TLSRoute/v1",
            "TLSRoute/v1alpha2",
            "TLSRoute/v1alpha3",
            "TokenPolicy/v1alpha1",
            "UDPRoute/v1",
            "UDPRoute/v1alpha2",
            "WasmPlugin/v1alpha1",
        ]
    );
    assert!(Schemas::builtin().knows("", "Service") && !Schemas::builtin().knows("apps", "Deployment"));
}

#[test]
fn a_version_that_is_not_served_is_an_error_and_a_deprecated_one_a_warning() {
    let crd = json!({"spec": {"group": "g", "names": {"kind": "K"}, "scope": "Namespaced", "versions": [
        {"name": "v1", "served": true, "schema": {"openAPIV3Schema": {"type": "object"}}},
        {"name": "v1beta1", "served": true, "deprecated": true, "schema": {"openAPIV3Schema": {"type": "object"}}},
        {"name": "v1alpha1", "served": false, "schema": {"openAPIV3Schema": {"type": "object"}}},
    ]}});
    let schemas = Schemas { kinds: super::kinds::Kinds::of_crd("g", "K", crd) };
    let object = |version: &str| json!({"apiVersion": format!("g/{version}"), "kind": "K", "metadata": {"name": "o"}});
    assert_eq!(schemas.admit(object("v1")).unwrap().warnings, []);
    let warnings = schemas.admit(object("v1beta1")).unwrap().warnings;
    assert_eq!(warnings[0].message, "version v1beta1 of K is deprecated");
    let errors = schemas.admit(object("v1alpha1")).unwrap_err();
    assert_eq!(errors[0].reason, Reason::VersionNotServed);
    assert!(errors[0].message.contains("use g/v1 or g/v1beta1"), "{}", errors[0].message);
}

#[test]
fn unknown_fields_are_dropped_and_reported_with_their_path() {
    let admission = Schemas::builtin()
        .admit(route(
            &json!({"name": "r", "lables": {}}),
            &json!({"rules": [{"filter": [], "matches": [{"paht": {}}]}], "host": "a"}),
        ))
        .unwrap();
    let fields: Vec<&str> = admission.warnings.iter().map(|warning| warning.field.as_str()).collect();
    assert_eq!(fields, ["spec.host", "spec.rules[0].filter", "spec.rules[0].matches[0].paht", "metadata.lables"]);
    assert_eq!(admission.object["spec"]["rules"][0].get("filter"), None);
}

#[test]
fn names_labels_and_annotations_are_checked() {
    let with = |metadata: Value| route(&metadata, &json!({}));
    check(
        "all",
        &with(json!({
            "name": "a.b-1", "namespace": "n-1", "labels": {"example.com/a_B.c": "", "b": "x_Y.1"}, "annotations": {"Example.com/A": "any thing"},
            "creationTimestamp": null, "uid": "u", "ownerReferences": [{"any": "thing"}],
        })),
        &[],
    );
    check("no name", &with(json!({})), &[("metadata.name", "is required")]);
    check(
        "generateName",
        &with(json!({"generateName": "a-"})),
        &[("metadata.name", "only an API server generates names")],
    );
    for name in ["A", "a_b", "-a", "a-", "a..b", "", "é"] {
        check(name, &with(json!({"name": name})), &[("metadata.name", "is not a valid name")]);
    }
    check("254", &with(json!({"name": "x".repeat(254)})), &[("metadata.name", "is not a valid name")]);
    check(
        "namespace",
        &with(json!({"name": "a", "namespace": "a.b"})),
        &[("metadata.namespace", "is not a valid namespace")],
    );
    check(
        "label key",
        &with(json!({"name": "a", "labels": {"a b": "c"}})),
        &[("metadata.labels[a b]", "is not a valid key")],
    );
    check(
        "label prefix",
        &with(json!({"name": "a", "labels": {"A/b": "c"}})),
        &[("metadata.labels[A/b]", "must be a DNS name")],
    );
    check(
        "label value",
        &with(json!({"name": "a", "labels": {"a": "b c"}})),
        &[("metadata.labels[a]", "is not a valid label value")],
    );
    check(
        "label type",
        &with(json!({"name": "a", "labels": {"a": true}})),
        &[("metadata.labels[a]", "must be a string, not true")],
    );
    check(
        "annotation",
        &with(json!({"name": "a", "annotations": {"/": ""}})),
        &[("metadata.annotations[/]", "is not a valid key")],
    );
    check(
        "annotations",
        &with(json!({"name": "a", "annotations": {"a": "x".repeat(262_144)}})),
        &[("metadata.annotations", "have 262145 bytes")],
    );
    check(
        "time",
        &with(json!({"name": "a", "creationTimestamp": "yesterday"})),
        &[("metadata.creationTimestamp", "a time as in RFC 3339")],
    );
    check("metadata", &route(&json!("r"), &json!({})), &[("metadata", "must be an object, not the string \"r\"")]);
    let service = |name: &str| json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"clusterIP": "None"}});
    check("a digit first", &service("1a"), &[("metadata.name", "is not a valid name")]);
    check("a dot", &service("a.b"), &[("metadata.name", "is not a valid name")]);
}

#[test]
fn a_namespace_of_a_cluster_scoped_object_is_ignored_with_a_warning() {
    let class = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "c", "namespace": "n"},
        "spec": {"controllerName": "a.b/c"},
    });
    let admission = Schemas::builtin().admit(class).unwrap();
    assert_eq!(admission.warnings[0].field, "metadata.namespace");
    assert_eq!(admission.object["metadata"].get("namespace"), None);
}

#[test]
fn wrong_types_are_named_with_what_was_wanted() {
    let with = |spec: Value| route(&json!({"name": "r"}), &spec);
    check("spec", &with(json!([])), &[("spec", "must be an object, not a list")]);
    check("a list", &with(json!({"rules": {}})), &[("spec.rules", "must be a list, not an object")]);
    check("a string", &with(json!({"hostnames": [1]})), &[("spec.hostnames[0]", "must be a string, not 1")]);
    check(
        "null in a list",
        &with(json!({"hostnames": [null]})),
        &[("spec.hostnames[0]", "must be a string, not null")],
    );
    check(
        "a fraction",
        &with(json!({"rules": [{"retry": {"attempts": 1.5}}]})),
        &[("spec.rules[0].retry.attempts", "must be an integer, not 1.5")],
    );
    check("a whole fraction", &with(json!({"rules": [{"retry": {"attempts": 2.0}}]})), &[]);
    check(
        "too large",
        &with(json!({"parentRefs": [{"name": "g", "port": 4_294_967_376_u64}]})),
        &[("spec.parentRefs[0].port", "is not a 32-bit integer"), ("spec.parentRefs[0].port", "must be at most 65535")],
    );
}

#[test]
fn errors_are_bounded() {
    let hostnames = vec![json!(1); 1000];
    let errors = Schemas::builtin().admit(route(&json!({"name": "r"}), &json!({"hostnames": hostnames}))).unwrap_err();
    assert_eq!(errors.len(), super::MAX_ERRORS);
}

#[test]
fn rules_are_evaluated_only_when_the_structure_is_valid() {
    check(
        "both wrong",
        &route(&json!({"name": "r"}), &json!({"hostnames": [1], "rules": [{"matches": [{"path": {"value": "x"}}]}]})),
        &[("spec.hostnames[0]", "must be a string")],
    );
}

/// Keywords and functions that upstream's CRDs do not use.
fn other_keywords() -> Value {
    json!({"spec": {"group": "g", "names": {"kind": "K"}, "scope": "Cluster", "versions": [
        {"name": "v1", "served": true, "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": {
            "type": "object",
            "properties": {
                "nullable": {"type": "string", "nullable": true, "default": "d"},
                "exclusive": {"type": "number", "minimum": 0, "exclusiveMinimum": true, "maximum": 1, "exclusiveMaximum": true},
                "steps": {"type": "integer", "multipleOf": 5},
                "one": {"type": "string", "oneOf": [{"pattern": "^a"}, {"pattern": "z$"}]},
                "all": {"type": "string", "allOf": [{"minLength": 2}, {"maxLength": 3}]},
                "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"n": {"type": "integer"}}},
                "unique": {"type": "array", "uniqueItems": true, "items": {"type": "integer"}},
                "date": {"type": "string", "format": "date"},
                "uuid": {"type": "string", "format": "uuid"},
                "min": {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1},
                "message": {"type": "integer", "x-kubernetes-validations": [
                    {"rule": "self < 5", "messageExpression": "'must be below 5, is ' + string(self)", "message": "unused"}]},
                "path": {"type": "object", "properties": {"in": {"type": "string"}, "a-b": {"type": "string"}},
                    "x-kubernetes-validations": [
                        {"rule": "self.__in__ == self.a__dash__b", "message": "differ", "fieldPath": ".in"},
                        {"rule": "oldSelf.__in__ == self.__in__", "message": "immutable"}]},
                "find": {"type": "string", "x-kubernetes-validations": [
                    {"rule": "self.find('[0-9]+') == '42'", "message": "no 42"}]},
                "sorted": {"type": "array", "items": {"type": "integer"}, "x-kubernetes-validations": [
                    {"rule": "self.isSorted()", "message": "not sorted"}]},
                "cidr": {"type": "string", "x-kubernetes-validations": [{"rule": "isCIDR(self)", "message": "no CIDR"}]},
                "ip": {"type": "string", "x-kubernetes-validations": [{"rule": "isIP(self)", "message": "no IP"}]},
            },
        }}}}},
    ]}})
}

#[test]
fn the_other_keywords_of_schemas_hold_too() {
    let schemas = Schemas { kinds: super::kinds::Kinds::of_crd("g", "K", other_keywords()) };
    let admit = |spec: Value| {
        schemas.admit(json!({"apiVersion": "g/v1", "kind": "K", "metadata": {"name": "o"}, "spec": spec}))
    };
    for valid in [
        json!({"nullable": null}),
        json!({"exclusive": 0.5}),
        json!({"steps": 10}),
        json!({"one": "ab"}),
        json!({"all": "abc"}),
        json!({"open": {"n": 1, "other": {"deep": []}}}),
        json!({"unique": [1, 2]}),
        json!({"date": "2026-01-31"}),
        json!({"uuid": "123e4567-e89b-12d3-a456-426614174000"}),
        json!({"min": {"a": "b"}}),
        json!({"message": 4}),
        json!({"path": {"in": "x", "a-b": "x"}}),
        json!({"find": "a42b"}),
        json!({"sorted": [1, 1, 2]}),
        json!({"cidr": "10.0.0.0/8"}),
        json!({"cidr": "fd00::/8"}),
        json!({"ip": "::1"}),
    ] {
        let admission = admit(valid.clone()).unwrap_or_else(|errors| panic!("{valid}: {errors:?}"));
        assert_eq!(admission.warnings, [], "{valid}");
        assert_eq!(
            admission.object["spec"].get("nullable").is_some_and(Value::is_null),
            valid.get("nullable").is_some()
        );
    }
    for (wrong, field, part) in [
        (json!({"exclusive": 0}), "spec.exclusive", "must be greater than 0, not 0"),
        (json!({"exclusive": 1}), "spec.exclusive", "must be less than 1, not 1"),
        (json!({"steps": 7}), "spec.steps", "must be a multiple of 5, not 7"),
        (json!({"one": "az"}), "spec.one", "fits 2 alternatives, but must fit exactly one"),
        (json!({"one": "x"}), "spec.one", "fits none of the alternatives"),
        (json!({"all": "abcd"}), "spec.all", "must have at most 3 characters, not 4"),
        (json!({"open": {"n": "1"}}), "spec.open.n", "must be an integer"),
        (json!({"unique": [1, 1]}), "spec.unique[1]", "duplicates an earlier element: 1"),
        (json!({"date": "2026-02-30"}), "spec.date", "is not a date as in RFC 3339"),
        (json!({"uuid": "1"}), "spec.uuid", "is not a UUID"),
        (json!({"min": {}}), "spec.min", "must have at least 1 entries, not 0"),
        (json!({"message": 7}), "spec.message", "must be below 5, is 7"),
        (json!({"path": {"in": "x", "a-b": "y"}}), "spec.path.in", "differ"),
        (json!({"path": {"in": "x"}}), "spec.path.in", "evaluating the rule: differ"),
        (json!({"find": "a43b"}), "spec.find", "no 42"),
        (json!({"sorted": [2, 1]}), "spec.sorted", "not sorted"),
        (json!({"cidr": "10.0.0.0/33"}), "spec.cidr", "no CIDR"),
        (json!({"cidr": "10.0.0.0"}), "spec.cidr", "no CIDR"),
        (json!({"ip": "::ffff:1.2.3.4"}), "spec.ip", "no IP"),
        (json!({"ip": "01.2.3.4"}), "spec.ip", "no IP"),
    ] {
        let errors = admit(wrong.clone()).unwrap_err();
        assert_eq!((errors.len(), errors[0].field.as_str()), (1, field), "{wrong}: {errors:?}");
        assert!(errors[0].message.contains(part), "{wrong}: {}", errors[0].message);
    }
}
