//! `docs/admin-api.md`, generated from the table of routes and the OpenAPI document.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::Limits;
use super::openapi::{document, problems};
use super::page::{HOSTNAME, PARAMETERS, PROTOCOL};
use super::query::MAX_QUERY;
use super::routes::{Content, ROUTES, Route};
use super::server::{MAX_FIELDS, MAX_HEAD};
use super::views::MAX_WARNINGS;

const INTRODUCTION: &str = "# The admin API of the control plane

Read-only HTTP on the admin port (18081), as JSON. `/openapi.json` is the same as an OpenAPI 3.1 document.
This page is generated from `nantian-controller/src/admin`; a test compares the two.

```sh
kubectl exec -n nantian-gw deployment/nantian-gw-controlplane -- \\
  curl -s http://localhost:18081/v1/summary | jq .
kubectl exec -n nantian-gw deployment/nantian-gw-controlplane -- \\
  curl -s http://localhost:18081/v1/listeners | jq '.[] | select(.namespace == \"shop\")'
```

- Once a token is configured (`admin.tokenFile`, whose content may change at any time), requests need
  `Authorization: Bearer TOKEN`, but for `/livez` and `/readyz`; the others are answered with 401. The admin port is bound to
  the loopback address unless `admin.address` says otherwise. The metrics port (18082) has `/metrics` alone and the health port
  (18083) `/livez` and `/readyz` alone, both without a token.
- Lists are bare JSON arrays; `X-Nantian-Total-Count` tells how many elements there are on all pages together. Every element
  has a `namespace` and a `name` of its own.
- Errors are `application/problem+json` (RFC 9457): 400 for parameters that are not there or have a wrong value, 404 for what
  does not exist, 405 with `Allow` for methods other than GET and HEAD, 503 until the first snapshot was published (text, of `/readyz`).
- An answer is made from one snapshot. No answer has secrets in it: private keys are left out.
- Data planes are those of the replica that answers. The Leases in the namespace of the control plane tell of all of them.

";

/// `docs/admin-api.md`. Writing to a String cannot fail.
pub fn admin_reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    let document = document();
    page.push_str("## Paths\n\n| path | tells | is | errors |\n| --- | --- | --- | --- |\n");
    for route in ROUTES {
        let errors: Vec<String> = problems(route).iter().map(ToString::to_string).collect();
        let (path, about, errors) = (route.path, route.about, errors.join(", "));
        let _ = writeln!(page, "| `{path}` | {about} | {} | {errors} |", content(route, &document));
    }
    page.push_str("\n## Parameters of lists\n\n| parameter | meaning |\n| --- | --- |\n");
    for (name, meaning) in PARAMETERS.into_iter().chain([HOSTNAME, PROTOCOL]) {
        let _ = writeln!(page, "| `{name}` | {meaning} |");
    }
    page.push_str("\n| list | `sort` | has |\n| --- | --- | --- |\n");
    for route in ROUTES {
        let Content::List { parameters, columns, .. } = route.content else { continue };
        let columns: Vec<String> = columns().into_iter().map(|column| format!("`{column}`")).collect();
        let more =
            parameters().into_iter().map(|(name, _)| name).filter(|name| ["hostname", "protocol"].contains(name));
        let more: Vec<String> = more.map(|name| format!("`{name}`")).collect();
        let _ = writeln!(page, "| `{}` | {} | {} |", route.path, columns.join(", "), more.join(", "));
    }
    write_bounds(&mut page);
    page.push_str("\n## What is in the answers\n");
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object);
    for (name, schema) in schemas.into_iter().flatten() {
        write_schema(&mut page, name, schema);
    }
    page
}

/// What those who ask can cost.
fn write_bounds(page: &mut String) {
    let Limits { max_connections, header_timeout, max_connection_age } = Limits::default();
    let (timeout, age) = (header_timeout.as_secs(), max_connection_age.as_secs());
    page.push_str("\n## Bounds\n\n| bound | is | beyond it |\n| --- | --- | --- |\n");
    for (bound, is, beyond) in [
        ("connections to one port", max_connections.to_string(), "they wait to be accepted"),
        ("time for the head of a request, and that a connection may rest", format!("{timeout} s"), "closed"),
        ("life of a connection, also one whose client does not read", format!("{age} s"), "closed"),
        ("bytes of the head of a request", MAX_HEAD.to_string(), "431"),
        ("fields of it", MAX_FIELDS.to_string(), "431"),
        ("bytes of a query", MAX_QUERY.to_string(), "400"),
        ("warnings of the summary", MAX_WARNINGS.to_string(), "left out; `warningCount` counts all"),
    ] {
        let _ = writeln!(page, "| {bound} | {is} | {beyond} |");
    }
}

/// What an answer has, as a link to where that is described.
fn content(route: &Route, document: &Value) -> String {
    let operation = document.get("paths").and_then(|paths| paths.get(route.path));
    let json = operation.and_then(|path| path.pointer("/get/responses/200/content/application~1json/schema"));
    json.map_or_else(|| "text".to_owned(), kind)
}

/// What a schema says that a value is.
fn kind(schema: &Value) -> String {
    let text = |name: &str| schema.get(name).and_then(Value::as_str);
    if let Some(name) = text("$ref").and_then(|reference| reference.rsplit('/').next()) {
        return format!("[{name}](#{})", name.to_ascii_lowercase());
    }
    let alternatives = ["anyOf", "oneOf"].into_iter().find_map(|name| schema.get(name)?.as_array());
    if let Some(alternatives) = alternatives {
        let kinds = alternatives.iter().map(kind).filter(|kind| kind != "null");
        return kinds.collect::<Vec<_>>().join(" or ");
    }
    match schema.get("type") {
        Some(Value::String(name)) if name == "array" => {
            format!("list of {}", schema.get("items").map_or_else(|| "anything".to_owned(), kind))
        }
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => {
            let names = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            names.collect::<Vec<_>>().join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

/// One of several forms: a word, or an object with one field.
fn variant_name(variant: &Value) -> String {
    if let Some(word) = variant.get("const").and_then(Value::as_str) {
        return format!("`{word}`");
    }
    let fields = variant.get("properties").and_then(Value::as_object).into_iter().flatten();
    let fields: Vec<String> = fields.map(|(field, schema)| format!("`{field}` ({})", kind(schema))).collect();
    fields.join(", ")
}

fn write_schema(page: &mut String, name: &str, schema: &Value) {
    let text = |schema: &Value| {
        let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let _ = writeln!(page, "\n### {name}\n\n{}\n", text(schema));
    for variant in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        let _ = writeln!(page, "- {}: {}", variant_name(variant), text(variant));
    }
    if let Some(schemas) = schema.get("anyOf").and_then(Value::as_array) {
        let _ = writeln!(page, "One of: {}.", schemas.iter().map(kind).collect::<Vec<_>>().join(", "));
    }
    let values: Vec<&str> =
        schema.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    for value in values {
        let _ = writeln!(page, "- `{value}`");
    }
    let no_fields = Map::new();
    let fields = schema.get("properties").and_then(Value::as_object).unwrap_or(&no_fields);
    if fields.is_empty() {
        return;
    }
    let required: Vec<&str> =
        schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    page.push_str("| field | is | meaning |\n| --- | --- | --- |\n");
    for (field, schema) in fields {
        let may_be_absent = if required.contains(&field.as_str()) { "" } else { ", may be absent" };
        let _ = writeln!(page, "| `{field}` | {}{may_be_absent} | {} |", kind(schema), text(schema));
    }
}
