//! A real API server takes the CRDs, and says of objects what `nantian_crds::schema` says without one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nantian_cluster::{Parts, gateway_api_crds};
use nantian_crds::schema::Schemas;
use serde_json::{Value, json};

use crate::Live;
use crate::proxied::Proxied;

fn ours() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../nantian-crds")
}

impl Live {
    /// An API server with the CRDs of a channel and ours, established.
    pub(crate) fn with_crds(name: &str, channel: &str) -> Self {
        let live = Self::up(name, Parts::ObjectsOnly);
        for folder in [gateway_api_crds(channel).unwrap(), ours().join("crds")] {
            for entry in std::fs::read_dir(&folder).unwrap() {
                let file = entry.unwrap().path();
                if !file.ends_with("kustomization.yaml") {
                    live.kubectl(["apply", "--server-side", "--filename", &file.to_string_lossy()]);
                }
            }
        }
        live.kubectl(["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]);
        live
    }
}

/// Where objects of a kind are created, by `apiVersion` and kind.
fn collections(api: &Proxied) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    for group in api.get("/apis")["groups"].as_array().unwrap() {
        for version in group["versions"].as_array().unwrap() {
            let version = version["groupVersion"].as_str().unwrap();
            for resource in api.get(&format!("/apis/{version}"))["resources"].as_array().unwrap() {
                let (name, kind) = (resource["name"].as_str().unwrap(), resource["kind"].as_str().unwrap());
                let namespace = if resource["namespaced"] == true { "namespaces/default/" } else { "" };
                if !name.contains('/') {
                    let path = format!("/apis/{version}/{namespace}{name}?dryRun=All&fieldValidation=Ignore");
                    found.insert((version.to_owned(), kind.to_owned()), path);
                }
            }
        }
    }
    found
}

/// The objects of the tests of `nantian_crds::schema`: mutated ones, and for each kind of ours those that have every field,
/// lack those with defaults, or break a rule.
fn objects() -> Vec<Value> {
    let tests = ours().join("src/schema/tests");
    let verdicts = std::fs::read_to_string(tests.join("verdicts.jsonl")).unwrap();
    let mut objects: Vec<Value> =
        verdicts.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["object"].take()).collect();
    for entry in std::fs::read_dir(tests.join("examples")).unwrap() {
        let file = entry.unwrap().path();
        let kind = file.file_stem().unwrap().to_string_lossy().into_owned();
        let examples: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let refused = examples["refused"].as_array().unwrap().iter().map(|refused| &refused["spec"]);
        let valid = examples["valid"].as_array().unwrap().iter();
        for spec in valid.chain(refused).chain([&examples["defaults"]["given"]]) {
            let metadata = json!({"name": "o"});
            objects
                .push(json!({"apiVersion": "nantian.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}));
        }
    }
    objects
}

/// Whether two values are equal; the API server writes 1.0 as 1.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(name).is_some_and(|other| same(one, other)))
        }
        _ => one == other,
    }
}

#[test]
fn the_api_server_admits_refuses_and_completes_what_the_offline_schema_does() {
    let live = Live::with_crds("test-crds", "experimental");
    let api = Proxied::start(live.cluster().kubectl());
    let collections = collections(&api);
    let (mut admitted, mut refused, mut differ) = (0, 0, Vec::new());
    for object in objects() {
        let field = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
        let Some(path) = collections.get(&(field("apiVersion"), field("kind"))) else {
            assert!(Schemas::builtin().admit(object.clone()).is_err(), "no such kind: {object}");
            refused += 1;
            continue;
        };
        let (status, answer) = api.post(path, &object);
        match (status, Schemas::builtin().admit(object.clone())) {
            (201, Ok(admission)) if same(&admission.object["spec"], &answer["spec"]) => admitted += 1,
            (400 | 422, Err(_)) => refused += 1,
            (_, ours) => differ.push(format!("{object}\n  API server: {status} {answer}\n  offline: {ours:?}")),
        }
    }
    differ.truncate(5);
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    println!("{admitted} admitted, {refused} refused, by both");
    assert!(admitted > 150 && refused > 300, "{admitted} {refused}");
    drop(api);
    live.down();
}

#[test]
fn the_api_server_takes_the_crds_of_the_standard_channel_and_says_what_rule_an_object_breaks() {
    let live = Live::with_crds("test-standard", "standard");
    let broken = r#"{
      "apiVersion": "nantian.dev/v1alpha1", "kind": "RoutePolicy", "metadata": {"name": "o"},
      "spec": {"default": {"timeout": {"request": "1s", "backendRequest": "2s"}}}
    }"#;
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("broken.json");
    std::fs::write(&manifest, broken).unwrap();
    let output = live.cluster().kubectl().args(["create", "--filename"]).arg(&manifest).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("backendRequest timeout cannot be longer than request timeout"),
        "{said}"
    );
    live.down();
}
