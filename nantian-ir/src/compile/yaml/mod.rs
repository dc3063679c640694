//! YAML text to objects, with the place of every field.
//!
//! Values are read by [`crate::yaml`].

mod admit;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use serde::de::IgnoredAny;
use serde_json::Value;

use super::diagnostic::{self, Diagnostic};
use super::objects::{Object, Positions, Source};
use crate::yaml::{self, Tree};

/// What [`parse`] finds in a text.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parsed {
    /// The objects of all well-formed documents, in order.
    pub objects: Vec<Object>,
    /// What is wrong with the others.
    pub diagnostics: Vec<Diagnostic>,
}

/// Largest document, in bytes: an API server takes 3 MiB in one request; a `List` may hold many objects.
const MAX_DOCUMENT: usize = 64 << 20;

/// Reads the objects of a YAML (or JSON) text of any number of documents. `source` is what diagnostics call the text.
///
/// A document that cannot be read does not take the others along. Objects of kinds that the compiler reads are checked
/// and completed with defaults as an API server would; others are left out, and a diagnostic says so.
///
/// ```
/// let parsed = nantian_ir::compile::yaml::parse("app.yaml", "kind: ConfigMap\napiVersion: v1\nmetadata: {name: app}\n");
/// assert_eq!(parsed.objects[0].id().to_string(), "ConfigMap/default/app");
/// assert_eq!(parsed.objects[0].source("metadata.name").unwrap().to_string(), "app.yaml:3:18");
/// ```
#[must_use]
pub fn parse(source: &str, text: &str) -> Parsed {
    TextReader::new(source).read(text)
}

/// Reads versions of one text, at a cost that depends on what changed: a document that stands as it was, on the line where it
/// was, is not read again, and its objects are the same ones.
#[derive(Debug)]
pub struct TextReader {
    file: Arc<str>,
    hasher: RandomState,
    /// Documents of the last version, by line and hash.
    known: HashMap<(u32, u64), Parsed>,
}

impl TextReader {
    /// `source` is what diagnostics call the text.
    #[must_use]
    pub fn new(source: &str) -> Self {
        Self { file: source.into(), hasher: RandomState::new(), known: HashMap::new() }
    }

    /// The same as [`parse`] of this version alone.
    pub fn read(&mut self, text: &str) -> Parsed {
        let mut before = std::mem::take(&mut self.known);
        let mut all = Parsed::default();
        for document in documents(text.trim_start_matches('\u{feff}')) {
            let key = (document.line, self.hasher.hash_one(document.text));
            let parsed = before.remove(&key).unwrap_or_else(|| read_document(&self.file, &document));
            all.objects.extend(parsed.objects.iter().cloned());
            all.diagnostics.extend(parsed.diagnostics.iter().cloned());
            self.known.insert(key, parsed);
        }
        all
    }
}

fn read_document(file: &Arc<str>, document: &Document<'_>) -> Parsed {
    let mut parsed = Parsed::default();
    if document.text.len() > MAX_DOCUMENT {
        let place = Source { file: file.clone(), line: document.line, column: 1 };
        let message = format!("the document has {} bytes, more than {MAX_DOCUMENT}", document.text.len());
        parsed.diagnostics.push(Diagnostic::at(&diagnostic::YAML_SYNTAX, place, message));
        return parsed;
    }
    match yaml::read(document.text, document.line - 1) {
        Ok(trees) => trees.into_iter().for_each(|tree| take(file, tree, &mut parsed)),
        Err(error) => {
            let place = Source { file: file.clone(), line: error.line, column: error.column };
            let tab = error.message.contains("tab");
            let mut found = Diagnostic::at(&diagnostic::YAML_SYNTAX, place, error.message);
            if tab {
                found = found.remedy("replace the tab by spaces: YAML indents with spaces only");
            }
            parsed.diagnostics.push(found);
        }
    }
    parsed
}

struct Document<'t> {
    /// Line of its first line, from 1.
    line: u32,
    text: &'t str,
}

/// Cuts the text at the lines that start a document, so that each can be read alone (YAML 1.2 section 9.1: within a
/// document no line starts with `---` or `...`).
fn documents(text: &str) -> Vec<Document<'_>> {
    let mut found = Vec::new();
    let (mut start, mut start_line, mut at, mut line) = (0, 1, 0, 1);
    let mut directives_only = true;
    for content in text.split_inclusive('\n') {
        let marker = |mark: &str| {
            content.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
        };
        if marker("---") && at > start && !directives_only {
            found.push(Document { line: start_line, text: text.get(start..at).unwrap_or_default() });
            (start, start_line) = (at, line);
        }
        let bare = content.trim();
        directives_only =
            (directives_only && (bare.is_empty() || bare.starts_with(['#', '%']))) || (marker("...") && bare == "...");
        at += content.len();
        line += 1;
        if marker("...") && bare == "..." {
            found.push(Document { line: start_line, text: text.get(start..at).unwrap_or_default() });
            (start, start_line) = (at, line);
        }
    }
    found.push(Document { line: start_line, text: text.get(start..).unwrap_or_default() });
    found.retain(|document| !document.text.trim().is_empty());
    found.into_iter().flat_map(json_values).collect()
}

/// Cuts a document that is JSON values one after the other, as `jq` writes them and `kubectl apply` takes them. Any
/// other stays whole.
fn json_values(document: Document<'_>) -> Vec<Document<'_>> {
    if !document.text.trim_start().starts_with('{') {
        return vec![document];
    }
    let mut values = serde_json::Deserializer::from_str(document.text).into_iter::<IgnoredAny>();
    let (mut found, mut start, mut line) = (Vec::new(), 0, document.line);
    while let Some(value) = values.next() {
        let text = document.text.get(start..values.byte_offset()).unwrap_or_default();
        if value.is_err() {
            return vec![document];
        }
        found.push(Document { line, text });
        start = values.byte_offset();
        let lines = text.bytes().filter(|byte| *byte == b'\n').count();
        line = line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
    }
    if found.len() < 2 { vec![document] } else { found }
}

/// Takes the object of a tree, or the objects of a `List`.
fn take(file: &Arc<str>, tree: Tree, parsed: &mut Parsed) {
    if tree.value.is_null() {
        return;
    }
    let text = |field: &str| tree.value.get(field).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion").to_owned(), text("kind").to_owned());
    match tree.value.get("items").and_then(Value::as_array) {
        Some(items) if kind.ends_with("List") => {
            let item_kind = if kind == "List" { "" } else { kind.trim_end_matches("List") };
            for (index, item) in items.iter().enumerate() {
                let mut item = item.clone();
                // Items of a typed list may leave out what the list says.
                if let Value::Object(fields) = &mut item
                    && !item_kind.is_empty()
                {
                    fields.entry("apiVersion").or_insert_with(|| Value::from(api_version.clone()));
                    fields.entry("kind").or_insert_with(|| Value::from(item_kind));
                }
                let positions = below(&tree.positions, &format!("items[{index}]"));
                take_one(file, Tree { value: item, positions }, parsed);
            }
        }
        _ => take_one(file, tree, parsed),
    }
}

/// The positions of what is below a path, relative to it.
fn below(positions: &Positions, path: &str) -> Positions {
    let relative = |(full, place): (&String, &(u32, u32))| {
        let rest = full.strip_prefix(path)?;
        match rest.chars().next() {
            None | Some('[') => Some((rest.to_owned(), *place)),
            Some('.') => Some((rest.trim_start_matches('.').to_owned(), *place)),
            Some(_) => None,
        }
    };
    positions.range(path.to_owned()..).take_while(|(full, _)| full.starts_with(path)).filter_map(relative).collect()
}

fn take_one(file: &Arc<str>, tree: Tree, parsed: &mut Parsed) {
    let (line, column) = tree.positions.get("").copied().unwrap_or((1, 1));
    let place = Source { file: file.clone(), line, column };
    match Object::located(&tree.value, Some(file.clone()), &tree.positions) {
        Ok(object) => admit::admit(&object, tree.value, parsed),
        Err(error) => parsed.diagnostics.push(admit::unnamed(&tree.value, place, &error)),
    }
}
