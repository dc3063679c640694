//! Rewrites `upstream/gateway-api-v1.5.1/*.json` from the CRDs of the Gateway API's Go module.
//!
//! ```sh
//! go mod download sigs.k8s.io/gateway-api@v1.5.1 sigs.k8s.io/gateway-api@v1.6.1
//! cargo run -p nantian-crds --example import_upstream_crds -- \
//!     "$(go env GOMODCACHE)/sigs.k8s.io/gateway-api@v1.5.1/config/crd/experimental" \
//!     "$(go env GOMODCACHE)/sigs.k8s.io/gateway-api@v1.6.1/config/crd/experimental"
//! ```
//!
//! Of the second folder only the version `v1` of kinds that have none in the first is taken, so that manifests of either read.
//!
//! What a reader needs and admission does not (descriptions, printer columns, status) is left out; schemas, defaults,
//! rules, names and versions stay as they are.

#![allow(clippy::indexing_slicing, reason = "indexing JSON gives null for what is absent")]

use std::error::Error;
use std::path::{Path, PathBuf};

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value, json};

const KINDS: [&str; 10] = [
    "backendtlspolicies",
    "gatewayclasses",
    "gateways",
    "grpcroutes",
    "httproutes",
    "listenersets",
    "referencegrants",
    "tcproutes",
    "tlsroutes",
    "udproutes",
];

fn main() -> Result<(), Box<dyn Error>> {
    let folder =
        |index| std::env::args_os().nth(index).map(PathBuf::from).ok_or("usage: import_upstream_crds FOLDER LATER");
    let (source, later) = (folder(1)?, folder(2)?);
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("upstream/gateway-api-v1.5.1");
    for kind in KINDS {
        let file = format!("gateway.networking.k8s.io_{kind}.yaml");
        let read = |folder: &Path| trim(&yaml_to_json(&std::fs::read_to_string(folder.join(&file))?)?);
        let mut crd = read(&source)?;
        let is_v1 = |version: &Value| version["name"] == "v1";
        if let Some(versions) = crd["spec"]["versions"].as_array_mut().filter(|versions| !versions.iter().any(is_v1)) {
            let mut later = read(&later)?;
            let added = later["spec"]["versions"].as_array_mut().map(std::mem::take).unwrap_or_default();
            versions.extend(added.into_iter().filter(is_v1));
        }
        let compact = serde_json::to_string(&crd)?;
        std::fs::write(target.join(format!("{kind}.json")), compact + "\n")?;
        println!("{kind}.json");
    }
    Ok(())
}

/// Keeps what admission needs of a CRD.
fn trim(crd: &Value) -> Result<Value, Box<dyn Error>> {
    let spec = &crd["spec"];
    let mut versions = Vec::new();
    for version in spec["versions"].as_array().ok_or("a CRD without versions")? {
        let mut schema = version["schema"]["openAPIV3Schema"].clone();
        drop_descriptions(&mut schema);
        let mut kept = json!({
            "name": version["name"],
            "served": version["served"],
            "storage": version["storage"],
            "schema": {"openAPIV3Schema": schema},
        });
        for optional in ["deprecated", "deprecationWarning", "subresources"] {
            if let Some(value) = version.get(optional) {
                kept[optional] = value.clone();
            }
        }
        versions.push(kept);
    }
    Ok(json!({
        "apiVersion": crd["apiVersion"],
        "kind": crd["kind"],
        "metadata": {"name": crd["metadata"]["name"]},
        "spec": {"group": spec["group"], "names": spec["names"], "scope": spec["scope"], "versions": versions},
    }))
}

/// Drops `description` where it is a keyword, not where it is the name of a property.
fn drop_descriptions(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    object.remove("description");
    for (keyword, value) in object {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(drop_descriptions),
            ("items" | "additionalProperties" | "not", value) => drop_descriptions(value),
            ("allOf" | "anyOf" | "oneOf", Value::Array(list)) => list.iter_mut().for_each(drop_descriptions),
            _ => {}
        }
    }
}

/// Reads one YAML document of the plain kind that CRD generators write.
fn yaml_to_json(text: &str) -> Result<Value, Box<dyn Error>> {
    enum Open {
        Object(Map<String, Value>, Option<String>),
        Array(Vec<Value>),
    }
    let mut stack: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let finished = match event?.0 {
            Event::MappingStart(..) => {
                stack.push(Open::Object(Map::new(), None));
                continue;
            }
            Event::SequenceStart(..) => {
                stack.push(Open::Array(Vec::new()));
                continue;
            }
            Event::Scalar(text, style, ..) => scalar(&text, style),
            Event::MappingEnd | Event::SequenceEnd => match stack.pop().ok_or("unbalanced")? {
                Open::Object(map, _) => Value::Object(map),
                Open::Array(list) => Value::Array(list),
            },
            _ => continue,
        };
        match stack.last_mut() {
            None => return Ok(finished),
            Some(Open::Array(list)) => list.push(finished),
            Some(Open::Object(map, key)) => match (key.take(), finished) {
                (Some(name), value) => drop(map.insert(name, value)),
                (None, Value::String(name)) => *key = Some(name),
                (None, other) => return Err(format!("the key {other} is not a string").into()),
            },
        }
    }
    Err("an empty document".into())
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::from(text);
    }
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from),
    }
}
