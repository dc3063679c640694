//! Checks of `metadata`, which are the same for all kinds
//! (<https://kubernetes.io/docs/concepts/overview/working-with-objects/names/> and `.../labels/`).

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::kinds::Loaded;
use super::path::Path;
use super::tree::{Reader, Schema};
use super::{Errors, Reason, SchemaWarning, prepare, validate};

/// The API server's bound for all annotations of an object together, in bytes.
const MAX_ANNOTATIONS: usize = 256 * 1024;

fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        let json = serde_json::from_str(include_str!("../../core-schemas/metadata.json")).unwrap_or_default();
        Reader::default().read(&json)
    })
}

/// Prunes, defaults and checks the metadata of an object.
pub(crate) fn admit(
    kind: &Loaded,
    object: &mut Map<String, Value>,
    warnings: &mut Vec<SchemaWarning>,
    errors: &mut Errors,
) {
    let path = Path::Field(&Path::Root, "metadata");
    let metadata = object.entry("metadata").or_insert_with(|| json!({}));
    prepare::value(schema(), metadata, &path, warnings);
    validate::value(schema(), metadata, &path, errors);
    let Some(metadata) = metadata.as_object_mut() else { return };
    name(kind, metadata, errors);
    namespace(kind, metadata, warnings, errors);
    labels(metadata, errors);
    annotations(metadata, errors);
}

fn push(errors: &mut Errors, field: &str, message: String) {
    errors.push(Reason::Metadata, format!("metadata.{field}"), message);
}

fn name(kind: &Loaded, metadata: &Map<String, Value>, errors: &mut Errors) {
    let Some(name) = metadata.get("name") else {
        let message = if metadata.contains_key("generateName") {
            "is required: only an API server generates names"
        } else {
            "is required"
        };
        return push(errors, "name", message.to_owned());
    };
    let Some(name) = name.as_str() else { return };
    let (valid, want) = match kind.kind.as_str() {
        "Service" => (
            is_label(name) && !name.starts_with(|char: char| char.is_ascii_digit()),
            "at most 63 small letters, digits and dashes, starting with a letter and ending with a letter or digit",
        ),
        "Namespace" => {
            (is_label(name), "at most 63 small letters, digits and dashes, starting and ending with a letter or digit")
        }
        _ => (
            is_subdomain(name),
            "at most 253 small letters, digits, dashes and dots, each part starting and ending with a letter or digit",
        ),
    };
    if !valid {
        push(errors, "name", format!("{name:?} is not a valid name: use {want}"));
    }
}

fn namespace(kind: &Loaded, metadata: &mut Map<String, Value>, warnings: &mut Vec<SchemaWarning>, errors: &mut Errors) {
    if !kind.namespaced {
        if metadata.remove("namespace").is_some() {
            let message = format!("ignored: {} objects are in no namespace", kind.kind);
            warnings.push(SchemaWarning { field: "metadata.namespace".to_owned(), message });
        }
        return;
    }
    match metadata.get("namespace") {
        Some(Value::String(name)) if !name.is_empty() => {
            if !is_label(name) {
                let want = "at most 63 small letters, digits and dashes, starting and ending with a letter or digit";
                push(errors, "namespace", format!("{name:?} is not a valid namespace: use {want}"));
            }
        }
        Some(Value::String(_)) | None => {
            metadata.insert("namespace".to_owned(), Value::from("default"));
        }
        // The schema has reported the wrong type.
        Some(_) => {}
    }
}

fn labels(metadata: &Map<String, Value>, errors: &mut Errors) {
    for (key, value) in metadata.get("labels").and_then(Value::as_object).into_iter().flatten() {
        if let Some(problem) = key_problem(key) {
            push(errors, &format!("labels[{key}]"), problem);
        }
        if let Some(value) = value.as_str()
            && !value.is_empty()
            && !is_qualified_part(value)
        {
            let message = format!(
                "{value:?} is not a valid label value: use at most 63 letters, digits, dashes, underscores and dots, \
                 starting and ending with a letter or digit"
            );
            push(errors, &format!("labels[{key}]"), message);
        }
    }
}

fn annotations(metadata: &Map<String, Value>, errors: &mut Errors) {
    let mut bytes = 0;
    for (key, value) in metadata.get("annotations").and_then(Value::as_object).into_iter().flatten() {
        if let Some(problem) = key_problem(&key.to_ascii_lowercase()) {
            push(errors, &format!("annotations[{key}]"), problem);
        }
        bytes += key.len() + value.as_str().map_or(0, str::len);
    }
    if bytes > MAX_ANNOTATIONS {
        push(errors, "annotations", format!("have {bytes} bytes, but may have {MAX_ANNOTATIONS}"));
    }
}

/// Why a label or annotation key is not one.
fn key_problem(key: &str) -> Option<String> {
    let (prefix, name) = match key.rsplit_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if prefix.is_some_and(|prefix| !is_subdomain(prefix)) {
        return Some(format!("{key:?} is not a valid key: the part before the slash must be a DNS name"));
    }
    (!is_qualified_part(name)).then(|| {
        format!(
            "{key:?} is not a valid key: use at most 63 letters, digits, dashes, underscores and dots, starting and \
             ending with a letter or digit, after an optional DNS name and slash"
        )
    })
}

/// RFC 1123 label.
fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_plain_label(text)
}

/// RFC 1123 subdomain, as Kubernetes sees it: the parts have no bound of their own.
fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_plain_label)
}

fn is_plain_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    bounded_by(text, inner, |byte| inner(byte) || byte == b'-')
}

fn is_qualified_part(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric();
    text.len() <= 63 && bounded_by(text, inner, |byte| inner(byte) || matches!(byte, b'-' | b'_' | b'.'))
}

fn bounded_by(text: &str, end: impl Fn(u8) -> bool, middle: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(|byte| end(*byte))
        && bytes.last().is_some_and(|byte| end(*byte))
        && bytes.iter().all(|byte| middle(*byte))
}
