//! The reference of this project's own kinds is what their CRDs say.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

/// `docs/kinds.md`.
fn reference() -> String {
    let mut page = "# Kinds\n\n\
        The kinds of the group `nantian.dev/v1alpha1`. `nantian crds` prints their CRDs, `kubectl explain` the same as is\n\
        here. This page is generated from the types in `nantian-crds/src`; a test compares the two.\n\n\
        `[]` stands for an element of a list, `*` for a key that you choose. A duration is written as in Gateway API: `1h30m`,\n\
        `500ms`. A reference to another namespace needs a ReferenceGrant there.\n"
        .to_owned();
    for crd in crate::all_crds() {
        let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
        let schema = &schema["openAPIV3Schema"];
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {}\n\n{}\n\n", crd.spec.names.kind, text(schema));
        page.push_str("| field | type | default | meaning |\n| --- | --- | --- | --- |\n");
        let mut rules = Vec::new();
        fields(&schema["properties"]["spec"], "", &mut page, &mut rules);
        page.push_str("\nRules, besides types and bounds:\n\n");
        for (path, message) in rules {
            let place = if path.is_empty() { "the object".to_owned() } else { format!("`{path}`") };
            let _ = writeln!(page, "- {place}: {message}");
        }
    }
    page
}

/// A row for each field below `schema`, and the rules there.
fn fields(schema: &Value, path: &str, page: &mut String, rules: &mut Vec<(String, String)>) {
    let of_schema = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
    rules.extend(of_schema.map(|rule| (path.to_owned(), rule["message"].as_str().unwrap().to_owned())));
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (name, below) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let default = match &below["default"] {
            Value::Null if required.contains(&name.as_str().into()) => "required".to_owned(),
            Value::Null => String::new(),
            value => format!("`{value}`"),
        };
        let _ = writeln!(page, "| `{path}` | {} | {default} | {} |", type_of(below), text(below).replace('|', "\\|"));
        fields(below, &path, page, rules);
    }
    for (keyword, step) in [("items", "[]"), ("additionalProperties", ".*")] {
        if let Some(below) = schema.get(keyword) {
            fields(below, &format!("{path}{step}"), page, rules);
        }
    }
}

fn text(schema: &Value) -> &str {
    schema["description"].as_str().unwrap_or_default()
}

fn type_of(schema: &Value) -> String {
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(|value| format!("`{}`", value.as_str().unwrap())).collect::<Vec<_>>().join(", ");
    }
    let is_duration = schema["pattern"].as_str().is_some_and(|pattern| pattern.contains("(h|m|s|ms)"));
    match schema["type"].as_str().unwrap() {
        "string" if is_duration => "duration".to_owned(),
        "array" => format!("list of {}", type_of(&schema["items"])),
        "object" if schema.get("additionalProperties").is_some() => {
            format!("map to {}", type_of(&schema["additionalProperties"]))
        }
        number @ ("integer" | "number") => match (schema["minimum"].as_f64(), schema["maximum"].as_f64()) {
            (Some(least), Some(most)) => format!("{number}, {least} to {most}"),
            _ => number.to_owned(),
        },
        other => other.to_owned(),
    }
}

#[test]
fn docs_kinds_md_is_what_the_types_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/kinds.md");
    if std::env::var_os("NANTIAN_WRITE_DOCS").is_some() {
        std::fs::write(&path, reference()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written, reference(), "docs/kinds.md is out of date: cargo xtask reference");
}
