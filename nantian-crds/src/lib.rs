#![doc = include_str!("../README.md")]

pub mod core;
#[allow(unreachable_pub, reason = "kube's KubeSchema derive repeats the struct inside a function")]
pub mod direct_response;
pub mod gateway_api;
pub mod meta;
pub mod policy_status;
pub mod schema;
pub mod yaml;

pub use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt as _;

/// The CRDs of this project's own kinds, in alphabetical order of their names.
pub fn all_crds() -> Vec<CustomResourceDefinition> {
    vec![without_nullable(direct_response::DirectResponseResource::crd())]
}

/// An absent field and `null` shall mean the same, so that `has(self.field)` in a rule is enough: without `nullable`, the
/// API server drops nulls.
fn without_nullable(crd: CustomResourceDefinition) -> CustomResourceDefinition {
    fn strip(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(map) => {
                if map.get("nullable").is_some_and(serde_json::Value::is_boolean) {
                    map.remove("nullable");
                }
                map.values_mut().for_each(strip);
            }
            serde_json::Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let stripped = serde_json::to_value(&crd).and_then(|mut json| {
        strip(&mut json);
        serde_json::from_value(json)
    });
    stripped.unwrap_or(crd)
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
