//! No input makes admission panic, and what it admits, it admits again.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{MAX_DEPTH, Reason, Schemas};

/// Names that occur in schemas, so that random objects get below the surface, and some that do not.
const NAMES: [&str; 32] = [
    "spec",
    "rules",
    "matches",
    "path",
    "type",
    "value",
    "filters",
    "backendRefs",
    "parentRefs",
    "name",
    "namespace",
    "port",
    "listeners",
    "tls",
    "mode",
    "hostname",
    "hostnames",
    "headers",
    "statusCode",
    "ports",
    "metadata",
    "labels",
    "data",
    "stringData",
    "endpoints",
    "addresses",
    "addressType",
    "protocol",
    "timeouts",
    "request",
    "",
    "é.-/__",
];

const WORDS: [&str; 16] = [
    "",
    "/",
    "Exact",
    "PathPrefix",
    "CORS",
    "HTTP",
    "HTTPS",
    "Terminate",
    "a",
    "*.a",
    "10s",
    "é",
    "\u{0}",
    "[a",
    "1.2.3.4",
    "x y",
];

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_u64..100_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(&WORDS[..]).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 96, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((proptest::sample::select(&NAMES[..]), inner), 0..6).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_admitted_or_refused(
        kind in proptest::sample::select(vec![
            ("gateway.networking.k8s.io/v1", "HTTPRoute"), ("gateway.networking.k8s.io/v1", "Gateway"),
            ("gateway.networking.k8s.io/v1", "GRPCRoute"), ("gateway.networking.k8s.io/v1", "ReferenceGrant"),
            ("gateway.networking.k8s.io/v1", "BackendTLSPolicy"), ("nantian.dev/v1alpha1", "DirectResponse"),
            ("nantian.dev/v1alpha1", "AIService"), ("nantian.dev/v1alpha1", "BackendLBPolicy"),
            ("nantian.dev/v1alpha1", "RoutePolicy"), ("nantian.dev/v1alpha1", "SecurityPolicy"),
            ("nantian.dev/v1alpha1", "TokenPolicy"), ("nantian.dev/v1alpha1", "WasmPlugin"),
            ("v1", "Service"), ("v1", "Secret"), ("v1", "Namespace"), ("discovery.k8s.io/v1", "EndpointSlice"),
        ]),
        body in json_value(),
        spec in json_value(),
        metadata in json_value(),
        named in any::<bool>(),
    ) {
        let _ = Schemas::builtin().admit(body.clone());
        let mut object = match body { Value::Object(map) => map, _ => Map::new() };
        object.insert("apiVersion".to_owned(), Value::from(kind.0));
        object.insert("kind".to_owned(), Value::from(kind.1));
        object.insert("spec".to_owned(), spec);
        object.insert("metadata".to_owned(), if named { json!({"name": "o"}) } else { metadata });
        match Schemas::builtin().admit(Value::Object(object)) {
            Ok(admission) => {
                let again = Schemas::builtin().admit(admission.object.clone());
                prop_assert_eq!(again.map(|admission| admission.object), Ok(admission.object));
            }
            Err(errors) => prop_assert!(!errors.is_empty()),
        }
    }
}

#[test]
fn an_object_that_is_nested_deeply_is_refused_without_recursion() {
    let nested = |depth: usize| (0..depth).fold(json!(1), |value, _| Value::Array(vec![value]));
    let mut object =
        json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "r"}});
    object["spec"] = nested(200_000);
    let errors = Schemas::builtin().admit(object).unwrap_err();
    assert_eq!(errors[0].reason, Reason::TooDeep);

    let mut object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}});
    object["spec"] = nested(MAX_DEPTH - 2);
    assert!(Schemas::builtin().admit(object).is_ok());
}
