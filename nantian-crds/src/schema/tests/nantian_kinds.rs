//! This project's own kinds, by examples: what is admitted, what is filled in, what is refused and why.

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{admitted, check};
use crate::ai_service::AiServiceSpec;
use crate::backend_lb_policy::BackendLbPolicySpec;
use crate::route_policy::RoutePolicySpec;
use crate::security_policy::SecurityPolicySpec;
use crate::token_policy::TokenPolicySpec;
use crate::wasm_plugin::WasmPluginSpec;

/// The examples of a kind, and what its `spec` is after it went through the Rust type.
struct Examples {
    kind: &'static str,
    json: &'static str,
    through_type: fn(&Value) -> Value,
}

fn through<T: DeserializeOwned + Serialize>(spec: &Value) -> Value {
    let typed: T = serde_json::from_value(spec.clone()).unwrap_or_else(|error| panic!("{error}: {spec}"));
    serde_json::to_value(typed).unwrap()
}

macro_rules! examples {
    ($($kind:literal: $spec:ty,)*) => {
        [$(Examples { kind: $kind, json: include_str!(concat!("examples/", $kind, ".json")), through_type: through::<$spec> }),*]
    };
}

const EXAMPLES: [Examples; 6] = examples! {
    "AIService": AiServiceSpec,
    "BackendLBPolicy": BackendLbPolicySpec,
    "RoutePolicy": RoutePolicySpec,
    "SecurityPolicy": SecurityPolicySpec,
    "TokenPolicy": TokenPolicySpec,
    "WasmPlugin": WasmPluginSpec,
};

impl Examples {
    fn read(&self) -> Value {
        serde_json::from_str(self.json).unwrap_or_else(|error| panic!("{}: {error}", self.kind))
    }

    fn valid(&self) -> Vec<Value> {
        self.read()["valid"].as_array().unwrap().clone()
    }

    fn refused(&self) -> Vec<Value> {
        self.read()["refused"].as_array().unwrap().clone()
    }

    fn object(&self, spec: &Value) -> Value {
        json!({"apiVersion": "nantian.dev/v1alpha1", "kind": self.kind, "metadata": {"name": "o"}, "spec": spec})
    }

    /// The schema of `spec`.
    fn schema(&self) -> Value {
        let crds = crate::all_crds();
        let crd = crds.iter().find(|crd| crd.spec.names.kind == self.kind).unwrap();
        let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
        schema["openAPIV3Schema"]["properties"]["spec"].clone()
    }
}

#[test]
fn what_is_valid_is_stored_as_it_is_written() {
    for examples in EXAMPLES {
        for spec in examples.valid() {
            assert_eq!(admitted(&examples.object(&spec), "/spec"), spec, "{}", examples.kind);
        }
    }
}

#[test]
fn the_fields_have_the_defaults_of_their_descriptions() {
    for examples in EXAMPLES {
        let defaults = &examples.read()["defaults"];
        assert_eq!(admitted(&examples.object(&defaults["given"]), "/spec"), defaults["stored"], "{}", examples.kind);
    }
}

#[test]
fn what_breaks_a_rule_is_refused_with_its_message() {
    for examples in EXAMPLES {
        for refused in examples.refused() {
            let (field, message) = (refused["field"].as_str().unwrap(), refused["message"].as_str().unwrap());
            let name = format!("{} {}", examples.kind, refused["spec"]);
            check(&name, &examples.object(&refused["spec"]), &[(field, message)]);
        }
    }
}

#[test]
fn every_rule_is_broken_by_an_example() {
    fn messages(schema: &Value, found: &mut BTreeSet<String>) {
        match schema {
            Value::Object(map) => {
                let rules = map.get("x-kubernetes-validations").and_then(Value::as_array).into_iter().flatten();
                found.extend(rules.map(|rule| rule["message"].as_str().unwrap().to_owned()));
                map.values().for_each(|below| messages(below, found));
            }
            Value::Array(list) => list.iter().for_each(|below| messages(below, found)),
            _ => {}
        }
    }
    for examples in EXAMPLES {
        let mut unbroken = BTreeSet::new();
        messages(&examples.schema(), &mut unbroken);
        for refused in examples.refused() {
            unbroken.remove(refused["message"].as_str().unwrap());
        }
        assert_eq!(unbroken, BTreeSet::new(), "{}", examples.kind);
    }
}

/// A field that the type does not know would be dropped by the compiler in silence.
#[test]
fn the_types_keep_every_field_of_the_schemas() {
    for examples in EXAMPLES {
        for spec in examples.valid() {
            assert_eq!((examples.through_type)(&spec), spec, "{}", examples.kind);
        }
        let given = &examples.read()["defaults"]["given"];
        assert_eq!((examples.through_type)(given), examples.read()["defaults"]["stored"], "{}", examples.kind);
    }
}

#[test]
fn every_field_is_in_a_valid_example() {
    fn fields(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
        for (name, below) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            fields(below, &path, found);
            found.insert(path);
        }
        for (keyword, step) in [("items", "[]"), ("additionalProperties", ".*")] {
            if let Some(below) = schema.get(keyword) {
                fields(below, &format!("{path}{step}"), found);
            }
        }
    }
    fn strike(schema: &Value, value: &Value, path: &str, missing: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                for (name, below) in map {
                    let (schema, path) = match schema["properties"].get(name) {
                        Some(property) => (property, format!("{path}.{name}")),
                        None => (&schema["additionalProperties"], format!("{path}.*")),
                    };
                    missing.remove(&path);
                    strike(schema, below, &path, missing);
                }
            }
            Value::Array(list) => {
                for below in list {
                    strike(&schema["items"], below, &format!("{path}[]"), missing);
                }
            }
            _ => {}
        }
    }
    for examples in EXAMPLES {
        let (schema, mut missing) = (examples.schema(), BTreeSet::new());
        fields(&schema, "spec", &mut missing);
        assert!(missing.len() >= 10, "{}", examples.kind);
        for spec in examples.valid() {
            strike(&schema, &spec, "spec", &mut missing);
        }
        assert_eq!(missing, BTreeSet::new(), "{}", examples.kind);
    }
}

/// People read them with `kubectl explain`; fields of upstream's own types are described there.
#[test]
fn every_field_has_a_description() {
    fn undescribed(schema: &Value, path: &str, found: &mut Vec<String>) {
        for (name, below) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            if below["description"].as_str().is_none_or(str::is_empty) {
                found.push(path.clone());
            }
            undescribed(below, &path, found);
        }
        for keyword in ["items", "additionalProperties"] {
            if let Some(below) = schema.get(keyword) {
                undescribed(below, path, found);
            }
        }
    }
    let upstream = ["spec.cors.", "spec.sessionPersistence.", "spec.authz.external.backendRef."];
    for examples in EXAMPLES {
        let mut found = Vec::new();
        undescribed(&examples.schema(), "spec", &mut found);
        found.retain(|path| !upstream.iter().any(|prefix| path.starts_with(prefix)));
        assert_eq!(found, Vec::<String>::new(), "{}", examples.kind);
    }
}
