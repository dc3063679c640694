//! What the API server does to an object before it validates it: pruning unknown fields, dropping nulls, defaulting.

use serde_json::{Map, Value};

use super::SchemaWarning;
use super::path::Path;
use super::tree::{Kind, Schema};

/// Fields of the root that no schema describes.
pub(crate) const ROOT_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Prunes and defaults a whole object.
pub(crate) fn object(schema: &Schema, object: &mut Map<String, Value>, warnings: &mut Vec<SchemaWarning>) {
    let kept: Vec<(String, Value)> = ROOT_FIELDS.iter().filter_map(|name| object.remove_entry(*name)).collect();
    fields(schema, object, &Path::Root, warnings);
    object.extend(kept);
}

/// Prunes and defaults one value.
pub(crate) fn value(schema: &Schema, json: &mut Value, path: &Path<'_>, warnings: &mut Vec<SchemaWarning>) {
    match json {
        Value::Object(object) if schema.kind.is_none_or(|kind| kind == Kind::Object) => {
            fields(schema, object, path, warnings);
        }
        Value::Array(list) => {
            if let Some(items) = &schema.items {
                for (index, element) in list.iter_mut().enumerate() {
                    value(items, element, &Path::Index(path, index), warnings);
                }
            }
        }
        // The API server takes `1.0` for an integer.
        Value::Number(number) if schema.kind == Some(Kind::Integer) && number.is_f64() => {
            let whole = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() < 9e15);
            if let Some(whole) = whole.and_then(|whole| format!("{whole:.0}").parse::<i64>().ok()) {
                *json = Value::from(whole);
            }
        }
        _ => {}
    }
}

fn fields(schema: &Schema, object: &mut Map<String, Value>, path: &Path<'_>, warnings: &mut Vec<SchemaWarning>) {
    object.retain(|name, field| {
        let known = schema.properties.get(name).map(|property| &property.schema).or(schema.additional.as_deref());
        match known {
            // A null where none may be is as good as an absent field; defaults apply.
            Some(known) => !field.is_null() || known.nullable,
            None if schema.preserve_unknown => true,
            None => {
                warnings.push(SchemaWarning {
                    field: Path::Field(path, name).to_string(),
                    message: "unknown field, ignored: check its spelling and where it stands".to_owned(),
                });
                false
            }
        }
    });
    for (name, property) in &schema.properties {
        if let Some(default) = &property.schema.default
            && !object.contains_key(name)
        {
            object.insert(name.clone(), default.clone());
        }
    }
    for (name, field) in object.iter_mut() {
        if let Some(property) = schema.properties.get(name) {
            value(&property.schema, field, &Path::Field(path, name), warnings);
        } else if let Some(additional) = &schema.additional {
            value(additional, field, &Path::Key(path, name), warnings);
        }
    }
}
