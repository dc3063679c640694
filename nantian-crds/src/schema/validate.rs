//! Structural validation: types, required fields, bounds, patterns, formats, uniqueness.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::path::Path;
use super::tree::{Kind, ListType, Schema};
use super::{Errors, Reason};

/// Validates the value against everything but rules.
pub(crate) fn value(schema: &Schema, json: &Value, path: &Path<'_>, errors: &mut Errors) {
    if errors.is_full() {
        return;
    }
    if json.is_null() && schema.nullable {
        return;
    }
    if let Some(want) = type_mismatch(schema, json) {
        errors.push(
            Reason::Type,
            path.to_string(),
            format!("must be {want}, not {}", if schema.secret { type_noun(json).to_owned() } else { describe(json) }),
        );
        return;
    }
    if !schema.allowed.is_empty() && !schema.allowed.contains(json) {
        let allowed: Vec<String> = schema.allowed.iter().map(show).collect();
        errors.push(
            Reason::Value,
            path.to_string(),
            format!("{} is not supported: use one of {}", show(json), allowed.join(", ")),
        );
    }
    if let Some(want) = schema.format.and_then(|format| format.violation(json)) {
        errors.push(
            Reason::Value,
            path.to_string(),
            format!("{} is not {want}", if schema.secret { "the value".to_owned() } else { show(json) }),
        );
    }
    match json {
        Value::String(text) => string(schema, text, path, errors),
        Value::Number(number) => {
            if let Some(float) = number.as_f64() {
                self::number(schema, float, path, errors);
            }
        }
        Value::Array(list) => array(schema, list, path, errors),
        Value::Object(object) => self::object(schema, object, path, errors),
        Value::Null | Value::Bool(_) => {}
    }
    combinations(schema, json, path, errors);
}

fn type_mismatch(schema: &Schema, json: &Value) -> Option<&'static str> {
    if schema.int_or_string {
        return (!json.is_string() && !is_integer(json)).then_some("an integer or a string");
    }
    let kind = schema.kind?;
    let fits = match kind {
        Kind::Object => json.is_object(),
        Kind::Array => json.is_array(),
        Kind::String => json.is_string(),
        Kind::Integer => is_integer(json),
        Kind::Number => json.is_number(),
        Kind::Boolean => json.is_boolean(),
    };
    (!fits).then(|| kind.noun())
}

fn is_integer(json: &Value) -> bool {
    json.is_i64() || json.is_u64()
}

/// What the value is, for messages.
fn describe(json: &Value) -> String {
    match json {
        Value::String(text) => format!("the string {}", show_text(text)),
        Value::Bool(_) | Value::Number(_) => json.to_string(),
        other => type_noun(other).to_owned(),
    }
}

/// The type of the value, for messages that must not show it.
fn type_noun(json: &Value) -> &'static str {
    match json {
        Value::Null => "null",
        Value::Bool(_) => Kind::Boolean.noun(),
        Value::Number(_) => Kind::Number.noun(),
        Value::String(_) => Kind::String.noun(),
        Value::Array(_) => Kind::Array.noun(),
        Value::Object(_) => Kind::Object.noun(),
    }
}

/// The value itself, for messages, shortened.
fn show(json: &Value) -> String {
    match json {
        Value::String(text) => show_text(text),
        Value::Array(_) | Value::Object(_) => describe(json),
        scalar => scalar.to_string(),
    }
}

fn show_text(text: &str) -> String {
    const LIMIT: usize = 80;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{:?}...", text.get(..end).unwrap_or_default()),
        None => format!("{text:?}"),
    }
}

fn string(schema: &Schema, text: &str, path: &Path<'_>, errors: &mut Errors) {
    let limits = &schema.size;
    if limits.min_length.is_some() || limits.max_length.is_some() {
        let length = count(text.chars().count());
        if limits.min_length.is_some_and(|minimum| length < minimum) {
            let minimum = limits.min_length.unwrap_or_default();
            let message = match length {
                0 => "must not be empty".to_owned(),
                _ => format!("must have at least {minimum} characters, not {length}"),
            };
            errors.push(Reason::Value, path.to_string(), message);
            if length == 0 {
                return;
            }
        }
        if let Some(maximum) = limits.max_length.filter(|maximum| length > *maximum) {
            let message = format!("must have at most {maximum} characters, not {length}");
            errors.push(Reason::Value, path.to_string(), message);
        }
    }
    if let Some(pattern) = &schema.pattern {
        let message = match pattern.is_match(text) {
            Ok(true) => return,
            Ok(false) => format!("{} must match the pattern {}", show_text(text), pattern.source()),
            Err(error) => format!("the pattern {} does not compile: {error}", pattern.source()),
        };
        errors.push(Reason::Value, path.to_string(), message);
    }
}

fn number(schema: &Schema, number: f64, path: &Path<'_>, errors: &mut Errors) {
    let limits = &schema.number;
    if let Some(minimum) = limits.minimum {
        let (bad, word) =
            if limits.exclusive_minimum { (number <= minimum, "greater than") } else { (number < minimum, "at least") };
        if bad {
            errors.push(Reason::Value, path.to_string(), format!("must be {word} {minimum}, not {number}"));
        }
    }
    if let Some(maximum) = limits.maximum {
        let (bad, word) =
            if limits.exclusive_maximum { (number >= maximum, "less than") } else { (number > maximum, "at most") };
        if bad {
            errors.push(Reason::Value, path.to_string(), format!("must be {word} {maximum}, not {number}"));
        }
    }
    if let Some(factor) = limits.multiple_of.filter(|factor| *factor > 0.0 && (number / factor).fract() != 0.0) {
        errors.push(Reason::Value, path.to_string(), format!("must be a multiple of {factor}, not {number}"));
    }
}

fn array(schema: &Schema, list: &[Value], path: &Path<'_>, errors: &mut Errors) {
    bounds(schema.size.min_items, schema.size.max_items, list.len(), "elements", path, errors);
    if let Some(items) = &schema.items {
        for (index, element) in list.iter().enumerate() {
            value(items, element, &Path::Index(path, index), errors);
        }
    }
    if list.len() < 2 {
        return;
    }
    let mut seen = HashSet::with_capacity(list.len());
    for (index, element) in list.iter().enumerate() {
        let (identity, shown) = match &schema.list {
            ListType::Atomic => return,
            ListType::Set => (element.to_string(), show(element)),
            ListType::Map(_) if !element.is_object() => continue,
            ListType::Map(keys) => {
                let fields: Vec<_> = keys.iter().map(|key| (key, element.get(key))).collect();
                let text: Vec<_> = fields
                    .iter()
                    .map(|(key, field)| format!("{key}={}", field.map_or("none".to_owned(), show)))
                    .collect();
                (format!("{fields:?}"), text.join(", "))
            }
        };
        if !seen.insert(identity) {
            let message = format!("duplicates an earlier element: {shown}");
            errors.push(Reason::Value, Path::Index(path, index).to_string(), message);
        }
    }
}

fn object(schema: &Schema, object: &Map<String, Value>, path: &Path<'_>, errors: &mut Errors) {
    bounds(schema.size.min_properties, schema.size.max_properties, object.len(), "entries", path, errors);
    for name in &schema.required {
        if !object.contains_key(name) {
            errors.push(Reason::Required, Path::Field(path, name).to_string(), "is required".to_owned());
        }
    }
    for (name, field) in object {
        if let Some(property) = schema.properties.get(name) {
            value(&property.schema, field, &Path::Field(path, name), errors);
        } else if let Some(additional) = &schema.additional {
            value(additional, field, &Path::Key(path, name), errors);
        }
    }
}

fn bounds(minimum: Option<u64>, maximum: Option<u64>, length: usize, what: &str, path: &Path<'_>, errors: &mut Errors) {
    let length = count(length);
    if let Some(minimum) = minimum.filter(|minimum| length < *minimum) {
        let message = format!("must have at least {minimum} {what}, not {length}");
        errors.push(Reason::Value, path.to_string(), message);
    }
    if let Some(maximum) = maximum.filter(|maximum| length > *maximum) {
        let message = format!("must have at most {maximum} {what}, not {length}");
        errors.push(Reason::Value, path.to_string(), message);
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// `allOf`, `anyOf`, `oneOf` and `not`.
fn combinations(schema: &Schema, json: &Value, path: &Path<'_>, errors: &mut Errors) {
    for part in &schema.all_of {
        value(part, json, path, errors);
    }
    if schema.any_of.is_empty() && schema.one_of.is_empty() && schema.not.is_none() {
        return;
    }
    let failures = |schemas: &[Schema]| -> Vec<Option<String>> {
        schemas
            .iter()
            .map(|alternative| {
                let mut own = Errors::default();
                value(alternative, json, path, &mut own);
                own.first_message()
            })
            .collect()
    };
    for (alternatives, only_one) in [(&schema.any_of, false), (&schema.one_of, true)] {
        let results = failures(alternatives);
        let fitting = results.iter().filter(|failure| failure.is_none()).count();
        if !results.is_empty() && fitting == 0 {
            let reasons: Vec<String> = results.into_iter().flatten().collect();
            let message = format!("fits none of the alternatives: {}", reasons.join("; "));
            errors.push(Reason::Value, path.to_string(), message);
        } else if only_one && fitting > 1 {
            let message = format!("fits {fitting} alternatives, but must fit exactly one");
            errors.push(Reason::Value, path.to_string(), message);
        }
    }
    if let Some(not) = &schema.not
        && failures(std::slice::from_ref(not)) == [None]
    {
        errors.push(Reason::Value, path.to_string(), format!("{} is not allowed here", show(json)));
    }
}
