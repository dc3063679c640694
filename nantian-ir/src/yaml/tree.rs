//! One document: events to a JSON value and the place of every field.

use std::borrow::Cow;
use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};
use serde_json::{Map, Value};

use super::{Positions, SyntaxError, scalar};

/// Deepest nesting. Real objects have less than 20 levels.
const MAX_DEPTH: usize = 100;
/// Values that aliases and merges of one document may stand for, so that a few lines cannot become gigabytes.
const MAX_ALIASED: usize = 100_000;

/// A value with the places of its fields.
pub(crate) struct Tree {
    pub(crate) value: Value,
    #[cfg_attr(not(feature = "compile"), expect(dead_code, reason = "the compiler tells places"))]
    pub(crate) positions: Positions,
}

/// Reads a text of one document (or of several, if their boundaries were not on lines of their own). Lines are counted
/// from `lines_before`.
pub(crate) fn read(text: &str, lines_before: u32) -> Result<Vec<Tree>, SyntaxError> {
    let mut builder = Builder { lines_before, ..Builder::default() };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| builder.scan_error(&error))?;
        builder.event(event, span)?;
    }
    Ok(builder.done)
}

#[derive(Default)]
struct Builder {
    lines_before: u32,
    stack: Vec<Frame>,
    anchors: BTreeMap<usize, Value>,
    aliased: usize,
    positions: Positions,
    done: Vec<Tree>,
}

struct Frame {
    path: String,
    anchor: usize,
    kind: Kind,
}

enum Kind {
    Sequence(Vec<Value>),
    Mapping {
        fields: Map<String, Value>,
        /// The key whose value comes next.
        key: Option<Key>,
        merges: Vec<Value>,
    },
}

#[derive(Clone)]
enum Key {
    Field(String),
    Merge,
}

impl Builder {
    fn place(&self, marker: Marker) -> (u32, u32) {
        let line = u32::try_from(marker.line()).unwrap_or(u32::MAX);
        let column = u32::try_from(marker.col()).unwrap_or(u32::MAX);
        (self.lines_before.saturating_add(line.max(1)), column.saturating_add(1))
    }

    fn error(&self, marker: Marker, message: impl Into<String>) -> SyntaxError {
        let (line, column) = self.place(marker);
        SyntaxError { line, column, message: message.into() }
    }

    fn scan_error(&self, error: &ScanError) -> SyntaxError {
        let message = match error.info() {
            "recursion limit exceeded" => format!("values are nested more than {MAX_DEPTH} deep"),
            info => info.to_owned(),
        };
        self.error(*error.marker(), message)
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), SyntaxError> {
        let start = span.start;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                if plain && text == "<<" && self.expects_key() {
                    self.merge_key();
                    return Ok(());
                }
                let value = self.scalar(&text, style, tag.as_deref(), start)?;
                self.value(value, anchor, start)
            }
            Event::SequenceStart(anchor, _) => self.open(anchor, start, Kind::Sequence(Vec::new())),
            Event::MappingStart(anchor, _) => {
                self.open(anchor, start, Kind::Mapping { fields: Map::new(), key: None, merges: Vec::new() })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(start),
            Event::Alias(anchor) => self.alias(anchor, start),
            Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => Ok(()),
        }
    }

    fn expects_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { kind: Kind::Mapping { key: None, .. }, .. }))
    }

    fn merge_key(&mut self) {
        if let Some(Frame { kind: Kind::Mapping { key, .. }, .. }) = self.stack.last_mut() {
            *key = Some(Key::Merge);
        }
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>, start: Marker) -> Result<Value, SyntaxError> {
        let core = tag.filter(|tag| tag.is_yaml_core_schema()).map(|tag| tag.suffix.as_str());
        match (tag, core) {
            (None, _) if style != ScalarStyle::Plain => Ok(Value::from(text)),
            (None, _) => self.resolve(text, start),
            (Some(_), Some(kind @ ("int" | "float" | "bool" | "null"))) => {
                let value = self.resolve(text, start)?;
                let fits = match kind {
                    "int" => value.is_i64() || value.is_u64(),
                    "float" => value.is_number(),
                    "bool" => value.is_boolean(),
                    _ => value.is_null(),
                };
                if fits {
                    Ok(value)
                } else {
                    Err(self.error(start, format!("{text:?} is not a value of the tag !!{kind}")))
                }
            }
            _ => Ok(Value::from(text)),
        }
    }

    fn resolve(&self, text: &str, start: Marker) -> Result<Value, SyntaxError> {
        scalar::resolve(text)
            .map_err(|what| self.error(start, format!("{what} is not a value that Kubernetes can hold: quote it")))
    }

    fn open(&mut self, anchor: usize, start: Marker, kind: Kind) -> Result<(), SyntaxError> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(self.error(start, format!("values are nested more than {MAX_DEPTH} deep")));
        }
        if self.expects_key() {
            return Err(self.error(start, "a mapping or list is used as a key: keys are words"));
        }
        let path = self.next_path();
        self.mark(&path, start);
        self.stack.push(Frame { path, anchor, kind });
        Ok(())
    }

    fn close(&mut self, at: Marker) -> Result<(), SyntaxError> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let value = match frame.kind {
            Kind::Sequence(items) => Value::Array(items),
            Kind::Mapping { mut fields, merges, .. } => {
                self.merge(&mut fields, merges, at)?;
                Value::Object(fields)
            }
        };
        self.attach(value, frame.anchor, at)
    }

    /// Earlier merges win over later ones, and the mapping's own keys over all (YAML merge key draft).
    fn merge(&mut self, fields: &mut Map<String, Value>, merges: Vec<Value>, at: Marker) -> Result<(), SyntaxError> {
        for merged in merges {
            let parts = if let Value::Array(parts) = merged { parts } else { vec![merged] };
            for part in parts {
                let Value::Object(part) = part else {
                    return Err(self.error(at, "the value of << is not a mapping or a list of mappings"));
                };
                self.count(part.len(), at)?;
                for (name, value) in part {
                    fields.entry(name).or_insert(value);
                }
            }
        }
        Ok(())
    }

    fn alias(&mut self, anchor: usize, start: Marker) -> Result<(), SyntaxError> {
        let Some(value) = self.anchors.get(&anchor) else {
            return Err(self.error(start, "the alias refers to a value that contains it"));
        };
        let size = count(value);
        let value = value.clone();
        self.count(size, start)?;
        if self.stack.len() + depth(&value) > MAX_DEPTH {
            return Err(self.error(start, format!("values are nested more than {MAX_DEPTH} deep")));
        }
        self.value(value, 0, start)
    }

    fn count(&mut self, size: usize, at: Marker) -> Result<(), SyntaxError> {
        self.aliased = self.aliased.saturating_add(size);
        if self.aliased > MAX_ALIASED {
            return Err(self.error(at, format!("aliases of this document stand for more than {MAX_ALIASED} values")));
        }
        Ok(())
    }

    /// A value that is whole: a scalar or an alias. As a key, it becomes the key.
    fn value(&mut self, value: Value, anchor: usize, start: Marker) -> Result<(), SyntaxError> {
        if self.expects_key() {
            return self.key(&value, start);
        }
        let path = self.next_path();
        self.mark(&path, start);
        self.attach(value, anchor, start)
    }

    fn key(&mut self, value: &Value, start: Marker) -> Result<(), SyntaxError> {
        let name = match value {
            Value::String(name) => name.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null => return Err(self.error(start, "a key is empty")),
            Value::Array(_) | Value::Object(_) => {
                return Err(self.error(start, "a mapping or list is used as a key: keys are words"));
            }
        };
        let repeated = match self.stack.last() {
            Some(Frame { kind: Kind::Mapping { fields, .. }, .. }) => fields.contains_key(&name),
            _ => false,
        };
        if repeated {
            return Err(
                self.error(start, format!("the key {name:?} is given twice in one mapping: remove one of them"))
            );
        }
        if let Some(Frame { kind: Kind::Mapping { key, .. }, .. }) = self.stack.last_mut() {
            *key = Some(Key::Field(name));
        }
        Ok(())
    }

    fn attach(&mut self, value: Value, anchor: usize, at: Marker) -> Result<(), SyntaxError> {
        if anchor > 0 {
            self.count(0, at)?;
            self.anchors.insert(anchor, value.clone());
        }
        match self.stack.last_mut().map(|frame| &mut frame.kind) {
            None => {
                let positions = std::mem::take(&mut self.positions);
                self.done.push(Tree { value, positions });
            }
            Some(Kind::Sequence(items)) => items.push(value),
            Some(Kind::Mapping { fields, key, merges }) => match key.take() {
                Some(Key::Field(name)) => {
                    fields.insert(name, value);
                }
                Some(Key::Merge) => merges.push(value),
                None => return Err(self.error(at, "a value has no key")),
            },
        }
        Ok(())
    }

    /// Path of the value that comes next.
    fn next_path(&self) -> String {
        match self.stack.last() {
            None => String::new(),
            Some(Frame { path, kind: Kind::Sequence(items), .. }) => format!("{path}[{}]", items.len()),
            Some(Frame { path, kind: Kind::Mapping { key, .. }, .. }) => match key {
                Some(Key::Field(name)) if name.contains(['.', '[', ']', '/']) => format!("{path}[{name}]"),
                Some(Key::Field(name)) if path.is_empty() => name.clone(),
                Some(Key::Field(name)) => format!("{path}.{name}"),
                Some(Key::Merge) | None => format!("{path}[<<]"),
            },
        }
    }

    fn mark(&mut self, path: &str, start: Marker) {
        let place = self.place(start);
        self.positions.entry(Cow::from(path).into_owned()).or_insert(place);
    }
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum::<usize>(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
