//! JSON values as readable YAML.

use std::fmt::Write as _;

use serde_json::Value;

/// Block style, keys in order.
pub(crate) fn write(value: &Value) -> String {
    let mut out = String::new();
    node(&mut out, value, 0);
    out.trim_start_matches('\n').to_owned()
}

/// Writes what follows a key or a dash.
fn node(out: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            out.push('\n');
            for (key, value) in fields {
                pad(out, indent);
                write!(out, "{}:", scalar(key)).unwrap();
                node(out, value, indent + 2);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            out.push('\n');
            for item in items {
                pad(out, indent);
                out.push('-');
                let mut text = String::new();
                node(&mut text, item, indent + 2);
                // The first key of a mapping goes beside the dash.
                match text.strip_prefix('\n') {
                    Some(rest) => write!(out, " {}", rest.trim_start_matches(' ')).unwrap(),
                    None => out.push_str(&text),
                }
            }
        }
        Value::String(text) if text.contains('\n') => {
            out.push_str(" |\n");
            for line in text.lines() {
                pad(out, indent);
                out.push_str(line);
                out.push('\n');
            }
        }
        Value::String(text) => writeln!(out, " {}", scalar(text)).unwrap(),
        Value::Object(_) => out.push_str(" {}\n"),
        other => writeln!(out, " {other}").unwrap(),
    }
}

fn pad(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// Plain where nothing can be misread, quoted otherwise.
fn scalar(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.ends_with(':')
        && !["y", "n", "yes", "no", "on", "off", "true", "false", "null"].contains(&text.to_lowercase().as_str());
    if plain { text.to_owned() } else { Value::from(text).to_string() }
}
