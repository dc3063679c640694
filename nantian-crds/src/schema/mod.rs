//! What a real API server does with an object on create, offline: unknown fields, defaults, validation, rules.
//!
//! [`Schemas::builtin`] knows the Gateway API (v1.5.1, experimental channel), this project's own kinds and the core
//! kinds that a gateway reads. Everything is parsed and compiled when it is first needed, and only once.
//!
//! In the order of [`Schemas::admit`]:
//!
//! 1. `apiVersion` and `kind` name a schema; an unknown kind, an unknown version and one that is not served are told
//!    apart.
//! 2. Unknown fields are dropped and reported as warnings; nulls count as absent; defaults are filled in.
//! 3. Metadata is checked. An object of a namespaced kind without a namespace is in `default`, as with `kubectl`.
//! 4. The structure is validated: types, required fields, bounds, patterns, formats, uniqueness.
//! 5. If all of that holds, the CEL rules (`x-kubernetes-validations`) are evaluated, as on create: rules that compare
//!    with the old object are left out.
//!
//! Where the kind has a status subresource, `status` is dropped, as the API server does on create.
//!
//! ```
//! use nantian_crds::schema::Schemas;
//! use serde_json::json;
//!
//! let admission = Schemas::builtin().admit(json!({
//!     "apiVersion": "gateway.networking.k8s.io/v1",
//!     "kind": "HTTPRoute",
//!     "metadata": {"name": "shop"},
//!     "spec": {"rules": [{"backendRefs": [{"name": "cart", "port": 8080}]}]},
//! }))?;
//! assert_eq!(admission.object["spec"]["rules"][0]["backendRefs"][0]["weight"], 1);
//!
//! let errors = Schemas::builtin().admit(json!({
//!     "apiVersion": "gateway.networking.k8s.io/v1",
//!     "kind": "HTTPRoute",
//!     "metadata": {"name": "shop"},
//!     "spec": {"rules": [{"matches": [{"path": {"value": "cart"}}]}]},
//! })).unwrap_err();
//! assert_eq!(errors[0].field, "spec.rules[0].matches[0].path");
//! # Ok::<(), Vec<nantian_crds::schema::SchemaError>>(())
//! ```

mod cel;
mod format;
mod kinds;
mod metadata;
mod path;
mod pattern;
mod prepare;
#[cfg(test)]
mod tests;
mod tree;
mod validate;

use std::sync::OnceLock;

use serde_json::Value;

use self::kinds::Kinds;
use self::path::Path;

/// The deepest nesting of an object that is looked at; deeper ones are refused.
const MAX_DEPTH: usize = 100;

/// No more errors than this are reported for one object.
const MAX_ERRORS: usize = 100;

/// The schemas of all kinds that are known.
#[derive(Debug)]
pub struct Schemas {
    kinds: Kinds,
}

/// An object as it would be stored.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Admission {
    /// The object with defaults, without unknown fields.
    pub object: Value,
    /// What `kubectl` would warn of: unknown fields, deprecated versions.
    pub warnings: Vec<SchemaWarning>,
}

/// Something that is probably a mistake, but does not keep the object from being stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaWarning {
    /// Path of the field, for example `spec.rules[0].filter`.
    pub field: String,
    /// What is wrong, and what to do.
    pub message: String,
}

/// Why an object is not stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
#[non_exhaustive]
pub struct SchemaError {
    /// Path of the field, for example `spec.rules[0].matches[1].path.value`; empty for the object as a whole.
    pub field: String,
    /// What is wrong, and what to do.
    pub message: String,
    /// What sort of error it is.
    pub reason: Reason,
}

/// Sorts of [`SchemaError`]s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The object is not an object, or lacks `apiVersion` or `kind`.
    NotAnObject,
    /// No such kind.
    UnknownKind,
    /// The kind has no such version.
    UnknownVersion,
    /// The kind has the version, but it is not served.
    VersionNotServed,
    /// The object is nested too deeply.
    TooDeep,
    /// The metadata are wrong.
    Metadata,
    /// A required field is absent.
    Required,
    /// A value has the wrong type.
    Type,
    /// A value has the right type, but is out of bounds.
    Value,
    /// A rule of the schema (`x-kubernetes-validations`) does not hold.
    Rule,
}

impl Schemas {
    /// The schemas of the Gateway API, of this project's own kinds, and of the core kinds that a gateway reads.
    pub fn builtin() -> &'static Self {
        static BUILTIN: OnceLock<Schemas> = OnceLock::new();
        BUILTIN.get_or_init(|| Self { kinds: Kinds::builtin() })
    }

    /// Whether objects of this group (empty for the core group) and kind are known, in whatever version.
    pub fn knows(&self, group: &str, kind: &str) -> bool {
        self.kinds.find(group, kind).is_some()
    }

    /// Does what an API server does with an object on create (see the [module](self)). Errors are in the order of the
    /// schema's fields; there is at least one and at most 100 of them.
    pub fn admit(&self, object: Value) -> Result<Admission, Vec<SchemaError>> {
        let mut errors = Errors::default();
        if depth_exceeds(&object, MAX_DEPTH) {
            drop_iteratively(object);
            let message = format!("is nested deeper than {MAX_DEPTH} levels: no kind needs that");
            errors.push(Reason::TooDeep, String::new(), message);
            return Err(errors.list);
        }
        let Value::Object(mut object) = object else {
            let message = "is not a Kubernetes object: write a mapping with apiVersion, kind and metadata".to_owned();
            errors.push(Reason::NotAnObject, String::new(), message);
            return Err(errors.list);
        };
        let mut warnings = Vec::new();
        let (kind, version) = self.kinds.resolve(&object, &mut warnings).map_err(|error| vec![error])?;
        if version.has_status {
            object.remove("status");
        }
        prepare::object(&version.schema, &mut object, &mut warnings);
        metadata::admit(kind, &mut object, &mut warnings, &mut errors);
        kinds::complete(kind, &mut object);
        let object = Value::Object(object);
        validate::value(&version.schema, &object, &Path::Root, &mut errors);
        if errors.list.is_empty() {
            cel::evaluate(&version.schema, &object, &mut errors);
        }
        if errors.list.is_empty() { Ok(Admission { object, warnings }) } else { Err(errors.list) }
    }
}

/// Collects errors, up to a bound.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    list: Vec<SchemaError>,
}

impl Errors {
    fn push(&mut self, reason: Reason, field: String, message: String) {
        if !self.is_full() {
            self.list.push(SchemaError { field, message, reason });
        }
    }

    fn is_full(&self) -> bool {
        self.list.len() >= MAX_ERRORS
    }

    fn len(&self) -> usize {
        self.list.len()
    }

    fn split_off(&mut self, at: usize) -> Vec<SchemaError> {
        self.list.split_off(at)
    }

    fn extend(&mut self, more: Vec<SchemaError>) {
        let room = MAX_ERRORS.saturating_sub(self.list.len());
        self.list.extend(more.into_iter().take(room));
    }

    fn first_message(self) -> Option<String> {
        self.list.into_iter().next().map(|error| error.message)
    }
}

fn depth_exceeds(value: &Value, limit: usize) -> bool {
    let mut level: Vec<&Value> = vec![value];
    for _ in 0..limit {
        let mut below = Vec::new();
        for value in level {
            match value {
                Value::Array(list) => below.extend(list.iter().filter(|value| value.is_array() || value.is_object())),
                Value::Object(map) => below.extend(map.values().filter(|value| value.is_array() || value.is_object())),
                _ => {}
            }
        }
        if below.is_empty() {
            return false;
        }
        level = below;
    }
    true
}

/// Dropping a value recurses; one that is nested deeply enough would overflow the stack.
fn drop_iteratively(value: Value) {
    let mut rest = vec![value];
    while let Some(value) = rest.pop() {
        match value {
            Value::Array(list) => rest.extend(list),
            Value::Object(map) => rest.extend(map.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
}
