//! The store: objects by kind and namespaced name, whatever the order in which they came.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use nantian_crds::gateway_api;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use smol_str::SmolStr;
use thiserror::Error;

use super::json_text::JsonText;
use super::places::Places;
use crate::key::ObjectRef;

/// A place in a text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Source {
    /// File name, as given to [`yaml::parse`](super::yaml::parse).
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in characters.
    pub column: u32,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Line and column of every field of an object, by path (`spec.rules[0].name`; the object itself is the empty path).
pub use crate::yaml::Positions;

/// Why a JSON value is not a Kubernetes object.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ObjectError {
    /// Not a mapping.
    #[error("a Kubernetes object is a mapping with apiVersion, kind and metadata; this is {0}")]
    NotAMapping(&'static str),
    /// A field that every object needs is absent or not a string.
    #[error("{0} is missing or not a string: every object needs apiVersion, kind and metadata.name")]
    Missing(&'static str),
}

/// A Kubernetes object with the place that it comes from. Cloning is cheap.
#[derive(Clone, PartialEq, Eq)]
pub struct Object(Arc<Parts>);

// `Eq` makes objects that are one and the same equal without a look at them.
#[derive(PartialEq, Eq)]
struct Parts {
    id: ObjectRef,
    json: JsonText,
    file: Option<Arc<str>>,
    places: Places,
}

/// Its name and place, never its content: it may be a Secret.
impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Object").field("id", self.id()).field("source", &self.source("")).finish_non_exhaustive()
    }
}

/// Kinds without a namespace, of those that we read.
const CLUSTER_SCOPED: [&str; 3] = ["GatewayClass", "Namespace", "CustomResourceDefinition"];

impl Object {
    /// Takes the JSON form of an object, as an API server would hand it out. Without a namespace, it is in `default`.
    #[expect(clippy::needless_pass_by_value, reason = "it is of no use to who has the object")]
    pub fn new(value: Value) -> Result<Self, ObjectError> {
        Self::with_places(&value, None, Places::default())
    }

    /// The same with the places of its fields in `file`.
    pub fn located(value: &Value, file: Option<Arc<str>>, positions: &Positions) -> Result<Self, ObjectError> {
        Self::with_places(value, file, Places::of(positions))
    }

    fn with_places(value: &Value, file: Option<Arc<str>>, places: Places) -> Result<Self, ObjectError> {
        if !value.is_object() {
            return Err(ObjectError::NotAMapping(type_name(value)));
        }
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        let api_version = text("/apiVersion").ok_or(ObjectError::Missing("apiVersion"))?;
        let kind = text("/kind").ok_or(ObjectError::Missing("kind"))?;
        let name = text("/metadata/name").ok_or(ObjectError::Missing("metadata.name"))?;
        let namespace = match text("/metadata/namespace") {
            _ if CLUSTER_SCOPED.contains(&kind) => "",
            Some(namespace) => namespace,
            None => "default",
        };
        let id = ObjectRef {
            group: group_of(api_version),
            kind: kind.into(),
            namespace: namespace.into(),
            name: name.into(),
        };
        Ok(Self(Arc::new(Parts { id, json: JsonText::of(value), file, places })))
    }

    /// The same object with another value, for example with defaults filled in. The places of fields stay.
    pub fn with_value(&self, value: &Value) -> Result<Self, ObjectError> {
        Self::with_places(value, self.0.file.clone(), self.0.places.clone())
    }

    /// Its group, kind, namespace and name.
    pub fn id(&self) -> &ObjectRef {
        &self.0.id
    }

    /// The whole object as JSON text. To look for a word in it is cheaper than to read it.
    pub fn json(&self) -> &str {
        self.0.json.as_str()
    }

    /// The whole object as JSON, read anew from its text.
    pub fn value(&self) -> Value {
        self.0.json.value()
    }

    /// The whole object as a type of its kind.
    pub(crate) fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        self.0.json.decode()
    }

    /// The place of a field: of the nearest enclosing field that has one, or of the object. `None` for objects that
    /// came from no text.
    pub fn source(&self, field: &str) -> Option<Source> {
        let file = self.0.file.clone()?;
        let (line, column) = self.0.places.nearest(field).unwrap_or((1, 1));
        Some(Source { file, line, column })
    }
}

/// The group of most objects has no room within a `SmolStr`, so all share one text of it.
fn group_of(api_version: &str) -> SmolStr {
    match api_version.split_once('/') {
        Some((gateway_api::GROUP, _)) => SmolStr::new_static(gateway_api::GROUP),
        Some((group, _)) => group.into(),
        None => SmolStr::default(),
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

/// An object in the order of names.
#[derive(Debug, Clone)]
struct ById(Object);

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id() == other.0.id()
    }
}

impl Eq for ById {}

impl PartialOrd for ById {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ById {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.id().cmp(other.0.id())
    }
}

impl Borrow<ObjectRef> for ById {
    fn borrow(&self) -> &ObjectRef {
        self.0.id()
    }
}

/// Objects by group, kind, namespace and name. The order of insertion does not matter. Cloning is cheap; of two clones, the
/// first that changes is copied.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    by_id: Arc<BTreeSet<ById>>,
    refused: BTreeMap<(ObjectRef, Option<Source>), Object>,
}

impl Objects {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an object. An object of the same name from the same place is replaced. Of two from different places, the one
    /// that comes first (by file name, then line) stays, and [`compile`](super::compile) reports the other.
    pub fn insert(&mut self, object: Object) {
        let place = |object: &Object| object.source("");
        match self.get(object.id()) {
            Some(held) if place(held) < place(&object) => {
                self.refused.insert((object.id().clone(), place(&object)), object);
                return;
            }
            Some(held) if place(held) > place(&object) => {
                let held = held.clone();
                self.refused.insert((held.id().clone(), place(&held)), held);
            }
            _ => {}
        }
        Arc::make_mut(&mut self.by_id).replace(ById(object));
    }

    /// Removes the object that has this name, and whatever was refused in its favour.
    pub fn remove(&mut self, id: &ObjectRef) -> Option<Object> {
        self.refused.retain(|(refused, _), _| refused != id);
        Arc::make_mut(&mut self.by_id).take(id).map(|held| held.0)
    }

    /// The object of this name.
    pub fn get(&self, id: &ObjectRef) -> Option<&Object> {
        self.by_id.get(id).map(|held| &held.0)
    }

    /// All objects, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Object> {
        self.by_id.iter().map(|held| &held.0)
    }

    /// Objects that another one of the same name displaced.
    pub fn refused(&self) -> impl Iterator<Item = &Object> {
        self.refused.values()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

impl PartialEq for Objects {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter()) && self.refused == other.refused
    }
}

impl Extend<Object> for Objects {
    fn extend<T: IntoIterator<Item = Object>>(&mut self, objects: T) {
        for object in objects {
            self.insert(object);
        }
    }
}

impl FromIterator<Object> for Objects {
    fn from_iter<T: IntoIterator<Item = Object>>(objects: T) -> Self {
        let mut store = Self::new();
        store.extend(objects);
        store
    }
}
