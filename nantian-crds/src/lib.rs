#![doc = include_str!("../README.md")]
#![allow(
    clippy::doc_markdown,
    clippy::duplicated_attributes,
    clippy::struct_field_names,
    reason = "docs of fields are what kubectl explains, names are those of the API, printer columns have the same types"
)]

#[allow(unreachable_pub, reason = "kube's KubeSchema derive repeats the struct inside a function")]
pub mod ai_service;
#[allow(unreachable_pub, reason = "kube's KubeSchema derive repeats the struct inside a function")]
pub mod backend_lb_policy;
pub mod core;
#[allow(unreachable_pub, reason = "kube's KubeSchema derive repeats the struct inside a function")]
pub mod direct_response;
pub mod duration;
pub mod gateway_api;
pub mod meta;
mod open_enum;
pub mod policy_status;
#[allow(unreachable_pub, reason = "kube's KubeSchema derive repeats the struct inside a function")]
pub mod reference;
#[allow(unreachable_pub, reason = "kube's KubeSchema derive repeats the struct inside a function")]
pub mod route_policy;
pub mod schema;
#[allow(unreachable_pub, reason = "kube's KubeSchema derive repeats the struct inside a function")]
pub mod security_policy;
mod syntax;
pub mod target_ref;
#[allow(unreachable_pub, reason = "kube's KubeSchema derive repeats the struct inside a function")]
pub mod token_policy;
#[allow(unreachable_pub, reason = "kube's KubeSchema derive repeats the struct inside a function")]
pub mod wasm_plugin;
pub mod yaml;

pub use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;
use serde_json::Value;
/// What names and other short texts of objects are held in.
pub use smol_str::SmolStr;

/// API group of this project's own kinds.
pub const GROUP: &str = "nantian.dev";

/// The CRDs of this project's own kinds, in alphabetical order of their names.
pub fn all_crds() -> Vec<CustomResourceDefinition> {
    let crds = [
        ai_service::AiServiceResource::crd(),
        backend_lb_policy::BackendLbPolicyResource::crd(),
        direct_response::DirectResponseResource::crd(),
        route_policy::RoutePolicyResource::crd(),
        security_policy::SecurityPolicyResource::crd(),
        token_policy::TokenPolicyResource::crd(),
        wasm_plugin::WasmPluginResource::crd(),
    ];
    crds.into_iter().map(as_an_api_server_reads).collect()
}

/// What the derives make, as an API server takes it.
fn as_an_api_server_reads(crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let adapted = serde_json::to_value(&crd).and_then(|mut json| {
        adapt(&mut json);
        serde_json::from_value(json)
    });
    adapted.unwrap_or(crd)
}

fn adapt(value: &mut Value) {
    match value {
        Value::Object(map) => {
            // An absent field and `null` shall mean the same, so that `has(self.field)` in a rule is enough: without
            // `nullable`, the API server drops nulls.
            if map.get("nullable").is_some_and(Value::is_boolean) {
                map.remove("nullable");
            }
            // Formats of Rust's unsigned integers are none that it knows.
            let format = match map.get("format").and_then(Value::as_str) {
                Some("uint16") => Some("int32"),
                Some("uint32" | "uint64") => Some("int64"),
                _ => None,
            };
            map.extend(format.map(|format| ("format".to_owned(), format.into())));
            // A schema with alternatives of different types is not structural; those of an enumeration are one type.
            if let Some(values) = map.get("anyOf").and_then(enumeration) {
                map.remove("anyOf");
                map.insert("type".to_owned(), "string".into());
                map.insert("enum".to_owned(), values);
            }
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            map.values_mut().for_each(adapt);
        }
        Value::Array(list) => list.iter_mut().for_each(adapt),
        _ => {}
    }
}

/// The values of alternatives that each allow some values.
fn enumeration(alternatives: &Value) -> Option<Value> {
    let values = alternatives.as_array()?.iter().map(|schema| schema.get("enum")?.as_array().cloned());
    Some(values.collect::<Option<Vec<_>>>()?.concat().into())
}

/// The file name (within `crds/`) and the YAML text of each of [`all_crds`].
pub fn crd_files() -> Vec<(String, String)> {
    let file = |crd: CustomResourceDefinition| {
        let name = format!("{}_{}.yaml", crd.spec.group, crd.spec.names.plural);
        let json = serde_json::to_value(crd).unwrap_or_default();
        (name, yaml::to_string(&json))
    };
    all_crds().into_iter().map(file).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// `cargo run -p nantian-crds --example write_crds` makes this pass again.
    #[test]
    fn the_checked_in_crds_are_those_of_the_types() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
        let files = super::crd_files();
        for (name, yaml) in &files {
            let checked_in = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
            assert_eq!(&checked_in, yaml, "crds/{name}: run `cargo run -p nantian-crds --example write_crds`");
        }
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), files.len(), "a file in crds/ belongs to no type");
    }
}
