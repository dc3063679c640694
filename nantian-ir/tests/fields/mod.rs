//! `docs/gateway-api.md` has a row for every field of every kind, and each row is true: the file exists, the golden
//! directory sets the field, and what is compiled from that directory is another when the field is.

mod change;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use nantian_ir::compile::{Compiled, Object, Objects, Options, compile, yaml};
use regex::Regex;
use serde_json::{Value, json};

use super::options;

/// What a row says of a field.
#[derive(Debug)]
struct Row {
    supported: String,
    file: String,
    golden: String,
}

/// A support that promises nothing: the value is for people.
const FOR_PEOPLE: &str = "for people only";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The rows of the page by kind and field.
fn page() -> BTreeMap<(String, String), Row> {
    let text = fs::read_to_string(root().join("docs/gateway-api.md")).unwrap();
    let mut rows = BTreeMap::new();
    let mut kind = String::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            heading.clone_into(&mut kind);
        }
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`')).collect();
        let [field, supported, file, golden] = cells[..] else { continue };
        if !field.starts_with("spec") {
            continue;
        }
        let row = Row { supported: supported.to_owned(), file: file.to_owned(), golden: golden.to_owned() };
        let before = rows.insert((kind.clone(), field.to_owned()), row);
        assert!(before.is_none(), "two rows for {field} of {kind}");
    }
    rows
}

/// Every kind of the Gateway API and of ours, with the newest version's schema.
fn schemas() -> Vec<(String, Value)> {
    let upstream = fs::read_dir(root().join("nantian-crds/upstream/gateway-api-v1.5.1")).unwrap();
    let upstream =
        upstream.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|ext| ext == "json"));
    let upstream = upstream.map(|path| serde_json::from_str::<Value>(&fs::read_to_string(path).unwrap()).unwrap());
    let ours = nantian_crds::all_crds().into_iter().map(|crd| json!(crd));
    let kinds = upstream.chain(ours).map(|crd| {
        let versions = crd["spec"]["versions"].as_array().unwrap();
        let newest = versions.iter().find(|version| version["name"] == "v1").unwrap_or(&versions[0]);
        let schema = newest["schema"]["openAPIV3Schema"]["properties"]["spec"].clone();
        (crd["spec"]["names"]["kind"].as_str().unwrap().to_owned(), schema)
    });
    kinds.collect()
}

/// The fields that hold values, `[]` for the items of a list.
fn leaves(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Some(properties) = schema["properties"].as_object() {
        for (name, property) in properties {
            leaves(property, &format!("{path}.{name}"), found);
        }
    } else if schema["items"].get("properties").is_some() || schema["items"].get("items").is_some() {
        leaves(&schema["items"], &format!("{path}[]"), found);
    } else {
        found.insert(path.to_owned());
    }
}

#[test]
fn docs_gateway_api_md_has_a_row_for_every_field_and_no_other() {
    let written: BTreeSet<(String, String)> = page().into_keys().collect();
    let mut fields = BTreeSet::new();
    for (kind, schema) in schemas() {
        let mut found = BTreeSet::new();
        leaves(&schema, "spec", &mut found);
        fields.extend(found.into_iter().map(|field| (kind.clone(), field)));
    }
    let missing: Vec<_> = fields.difference(&written).collect();
    let unknown: Vec<_> = written.difference(&fields).collect();
    assert!(missing.is_empty(), "docs/gateway-api.md has no row for {missing:#?}");
    assert!(unknown.is_empty(), "docs/gateway-api.md has rows for fields that no kind has: {unknown:#?}");
}

#[test]
fn every_row_names_a_file_and_a_golden_directory_that_notices_the_field() {
    let known = change::Values::of_golden_directories();
    let mut wrong = Vec::new();
    for ((kind, field), row) in page() {
        let Row { supported, file, golden } = row;
        if !root().join("nantian-ir/src/compile").join(&file).is_file() {
            wrong.push(format!("{kind} {field}: there is no nantian-ir/src/compile/{file}"));
        }
        let directory = root().join("nantian-ir/tests/golden").join(&golden);
        let Ok(text) = fs::read_to_string(directory.join("in.yaml")) else {
            wrong.push(format!("{kind} {field}: there is no nantian-ir/tests/golden/{golden}"));
            continue;
        };
        let admitted: Vec<Value> = yaml::parse("in.yaml", &text).objects.iter().map(Object::value).collect();
        let options = options(&directory);
        let before = compiled(&admitted, &options).unwrap();
        let changes = change::changes(&admitted, &kind, &field, &known);
        if changes.is_empty() {
            wrong.push(format!("{kind} {field}: golden/{golden} does not set it"));
        } else if supported.starts_with("no") {
            let whole = supported.split_once("part of `").map_or(&*field, |(_, whole)| whole.trim_end_matches('`'));
            if !is_named(&before, &kind, whole) {
                wrong.push(format!("{kind} {field} ({supported}): no diagnostic of golden/{golden} names it"));
            }
        } else {
            let mut admitted = changes.iter().filter_map(|changed| compiled(changed, &options)).peekable();
            // Where every other value is refused, as that of a union's type is, the schema is the proof.
            let refused = admitted.peek().is_none();
            let noticed = refused || admitted.any(|after| after != before);
            if noticed == (supported == FOR_PEOPLE) {
                let what = if noticed { "changes" } else { "does not change" };
                wrong.push(format!(
                    "{kind} {field} ({supported}): another value {what} what golden/{golden} compiles to"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "rows of docs/gateway-api.md that are not true:\n{}", wrong.join("\n"));
}

/// Whether a diagnostic names the field, or what encloses it.
fn is_named([_, _, diagnostics]: &[Value; 3], kind: &str, field: &str) -> bool {
    let index = Regex::new(r"\[[0-9]+\]").unwrap();
    let of_kind = diagnostics.as_array().unwrap().iter().filter(|diagnostic| diagnostic["object"]["kind"] == kind);
    let named = of_kind.filter_map(|diagnostic| diagnostic["field"].as_str());
    named.map(|named| index.replace_all(named, "[]")).any(|named| {
        let rest = field.strip_prefix(&*named);
        named.contains('.') && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    })
}

/// What the objects compile to, without the places of diagnostics; `None` where an API server would refuse an object.
fn compiled(objects: &[Value], options: &Options) -> Option<[Value; 3]> {
    let text = objects.iter().map(Value::to_string).collect::<Vec<_>>().join("\n---\n");
    let parsed = yaml::parse("in.yaml", &text);
    if parsed.objects.len() != objects.len() {
        return None;
    }
    let objects: Objects = parsed.objects.into_iter().collect();
    let Compiled { snapshot, statuses, services, mut diagnostics, .. } = compile(&objects, options);
    for diagnostic in &mut diagnostics {
        diagnostic.source = None;
    }
    Some([json!([snapshot.redacted(), services]), json!(statuses), json!(diagnostics)])
}
