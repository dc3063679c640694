//! Whether a value is what a schema of the OpenAPI document says: strictly, so that a field which is not in the document is a
//! fault, and with a panic for every keyword that is not understood here.

use serde_json::{Map, Value};

/// Keywords that say nothing about a value.
const ANNOTATIONS: [&str; 5] = ["description", "title", "default", "format", "contentEncoding"];

/// What of `value` is not as `schema` says, each with its place.
pub(super) fn faults(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(document, schema, value, "$", &mut found);
    found
}

fn check(document: &Value, schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    let schema = match schema {
        Value::Object(schema) => schema,
        Value::Bool(true) => return,
        Value::Bool(false) => return found.push(format!("{place}: is not in the document")),
        other => panic!("{place}: {other} is no schema"),
    };
    for (keyword, argument) in schema {
        match keyword.as_str() {
            "$ref" => check(document, referred(document, argument), value, place, found),
            "type" => check_type(argument, value, place, found),
            "properties" => check_properties(document, schema, argument, value, place, found),
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(document, argument, item, &format!("{place}[{index}]"), found);
                }
            }
            "anyOf" | "oneOf" => check_alternatives(document, argument, value, place, found),
            "enum" if !array(argument).contains(value) => found.push(format!("{place}: {value} is not in {argument}")),
            "const" if argument != value => found.push(format!("{place}: {value} is not {argument}")),
            "minimum" if value.as_f64().is_some_and(|number| number < argument.as_f64().unwrap()) => {
                found.push(format!("{place}: {value} < {argument}"));
            }
            "maximum" if value.as_f64().is_some_and(|number| number > argument.as_f64().unwrap()) => {
                found.push(format!("{place}: {value} > {argument}"));
            }
            "required" => {
                let missing = array(argument).iter().filter(|name| value.get(name.as_str().unwrap()).is_none());
                found.extend(missing.map(|name| format!("{place}: {name} is missing")));
            }
            // Looked at with the properties.
            "additionalProperties" | "enum" | "const" | "minimum" | "maximum" => {}
            other => assert!(ANNOTATIONS.contains(&other), "{place}: what does {other} mean?"),
        }
    }
}

fn referred<'d>(document: &'d Value, reference: &Value) -> &'d Value {
    let path = reference.as_str().and_then(|reference| reference.strip_prefix('#')).unwrap();
    document.pointer(path).unwrap_or_else(|| panic!("{reference} leads nowhere"))
}

fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn check_type(argument: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    let is = |name: &Value| match name.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{place}: there is no type {other}"),
    };
    let fits = argument.as_array().map_or_else(|| is(argument), |names| names.iter().any(is));
    if !fits {
        found.push(format!("{place}: {value} is not {argument}"));
    }
}

fn check_properties(
    document: &Value,
    schema: &Map<String, Value>,
    properties: &Value,
    value: &Value,
    place: &str,
    found: &mut Vec<String>,
) {
    for (name, held) in value.as_object().into_iter().flatten() {
        let place = format!("{place}.{name}");
        match properties.get(name).or_else(|| schema.get("additionalProperties")) {
            Some(schema) => check(document, schema, held, &place, found),
            None => found.push(format!("{place}: is not in the document")),
        }
    }
}

fn check_alternatives(document: &Value, argument: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    let all: Vec<Vec<String>> = array(argument).iter().map(|schema| faults(document, schema, value)).collect();
    if all.iter().all(|faults| !faults.is_empty()) {
        found.push(format!("{place}: {value} is none of {argument}: {all:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_keyword_finds_its_fault() {
        let document = json!({"components": {"schemas": {"Name": {"type": "string"}}}});
        let schema = json!({
            "type": "object", "required": ["name"],
            "properties": {
                "name": {"$ref": "#/components/schemas/Name"},
                "count": {"type": ["integer", "null"], "minimum": 1, "maximum": 9},
                "list": {"type": "array", "items": {"enum": ["a", "b"]}},
                "one": {"oneOf": [{"const": "x"}, {"const": "y"}]},
            },
        });
        let good = json!({"name": "n", "count": null, "list": ["a"], "one": "y"});
        assert_eq!(faults(&document, &schema, &good), Vec::<String>::new());
        for bad in [
            json!([]),
            json!({}),
            json!({"name": 1}),
            json!({"name": "n", "count": 0}),
            json!({"name": "n", "count": 10}),
            json!({"name": "n", "count": "1"}),
            json!({"name": "n", "list": ["c"]}),
            json!({"name": "n", "one": "z"}),
            json!({"name": "n", "more": true}),
        ] {
            assert!(!faults(&document, &schema, &bad).is_empty(), "{bad}");
        }
    }
}
