//! JSON values as block-style YAML, for people to read.

use std::fmt::Write as _;

use serde_json::Value;

/// Writes the value as a YAML document (without `---`), keys in the order of the value.
///
/// ```
/// let yaml = nantian_crds::yaml::to_string(&serde_json::json!({"a": [1, "x: y"], "b": {}}));
/// assert_eq!(yaml, "a:\n- 1\n- \"x: y\"\nb: {}\n");
/// ```
pub fn to_string(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(map) if !map.is_empty() => block(value, 0, &mut out),
        Value::Array(list) if !list.is_empty() => block(value, 0, &mut out),
        scalar => inline(scalar, &mut out),
    }
    out
}

/// Writes a value that has children; each line starts at `indent` but the first, where the caller stands already.
fn block(value: &Value, indent: usize, out: &mut String) {
    let mut first = true;
    let mut start = |out: &mut String| {
        if !std::mem::take(&mut first) {
            let _ = write!(out, "{:indent$}", "");
        }
    };
    match value {
        Value::Object(map) => {
            for (key, child) in map {
                start(out);
                scalar_text(key, out);
                out.push(':');
                match child {
                    Value::Object(inner) if !inner.is_empty() => {
                        let _ = write!(out, "\n{:width$}", "", width = indent + 2);
                        block(child, indent + 2, out);
                    }
                    Value::Array(inner) if !inner.is_empty() => {
                        let _ = write!(out, "\n{:indent$}", "");
                        block(child, indent, out);
                    }
                    scalar => {
                        out.push(' ');
                        inline(scalar, out);
                    }
                }
            }
        }
        Value::Array(list) => {
            for child in list {
                start(out);
                out.push_str("- ");
                match child {
                    Value::Object(inner) if !inner.is_empty() => block(child, indent + 2, out),
                    Value::Array(inner) if !inner.is_empty() => block(child, indent + 2, out),
                    scalar => inline(scalar, out),
                }
            }
        }
        scalar => inline(scalar, out),
    }
}

fn inline(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => scalar_text(text, out),
        // Schemas have whole numbers in fields that are floating point.
        Value::Number(number) if number.as_f64().is_some_and(|float| number.is_f64() && float.fract() == 0.0) => {
            let _ = write!(out, "{:.0}", number.as_f64().unwrap_or_default());
        }
        // JSON scalars and empty collections are YAML.
        other => {
            let _ = write!(out, "{other}");
        }
    }
    out.push('\n');
}

/// A string, plain if no reader could take it for something else. JSON strings are YAML double-quoted scalars.
fn scalar_text(text: &str, out: &mut String) {
    let plain_start = text.starts_with(|char: char| char.is_ascii_alphabetic() || matches!(char, '$' | '.' | '/'));
    let plain = text.chars().all(|char| char.is_ascii_alphanumeric() || " -_./,()$;'`".contains(char))
        && !text.ends_with(' ')
        && !text.contains(" #");
    let word = text.to_ascii_lowercase();
    let reserved = matches!(word.as_str(), "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n")
        || word.trim_start_matches('.').parse::<f64>().is_ok()
        || matches!(word.as_str(), ".nan" | ".inf");
    if plain_start && plain && !reserved {
        out.push_str(text);
    } else {
        let _ = write!(out, "{}", Value::from(text));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_lists_and_maps_are_indented_and_ambiguous_strings_quoted() {
        let value = json!({
            "list": [{"a": 1, "b": [true, null]}, ["x"], "true", "1.5", "", "a: b", "- c", "plain text"],
            "map": {"k": {"deep": "v"}, "empty": []},
        });
        let expected = "list:\n- a: 1\n  b:\n  - true\n  - null\n- - x\n- \"true\"\n- \"1.5\"\n- \"\"\n- \"a: b\"\n\
                        - \"- c\"\n- plain text\nmap:\n  empty: []\n  k:\n    deep: v\n";
        assert_eq!(to_string(&value), expected);
    }
}
