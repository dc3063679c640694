//! Resources that were added, changed or removed, field by field. Keys of certificates are never told.

use std::collections::BTreeSet;
use std::fmt::Display;

use nantian_ir::{Certificate, Keyed, ResourceChange, ResourceMap, Snapshot};
use serde::Serialize;
use serde_json::Value;

/// What differs between two snapshots.
#[derive(Debug, Default, Serialize)]
pub(super) struct Resources {
    /// Only in the new one.
    pub(super) added: Vec<Resource>,
    /// In both, but not the same.
    pub(super) changed: Vec<ChangedResource>,
    /// Only in the old one.
    pub(super) removed: Vec<Resource>,
}

/// The name of a resource.
#[derive(Debug, Serialize)]
pub(super) struct Resource {
    /// What it is.
    pub(super) kind: &'static str,
    /// Its key.
    pub(super) key: String,
}

/// A resource with other fields.
#[derive(Debug, Serialize)]
pub(super) struct ChangedResource {
    #[serde(flatten)]
    pub(super) resource: Resource,
    /// The fields.
    pub(super) fields: Vec<FieldChange>,
}

/// A field with another value; `null`: absent.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct FieldChange {
    /// Its path.
    pub(super) field: String,
    /// Before.
    pub(super) old: Value,
    /// Now.
    pub(super) new: Value,
}

impl Resources {
    pub(super) fn between(old: &Snapshot, new: &Snapshot) -> Self {
        let mut found = Self::default();
        found.compare("listener", &old.listeners, &new.listeners);
        found.compare("route rule", &old.rules, &new.rules);
        found.compare("stream rule", &old.stream_rules, &new.stream_rules);
        found.compare("backend", &old.backends, &new.backends);
        found.compare("endpoint set", &old.endpoints, &new.endpoints);
        found.compare_by("certificate", &old.certificates, &new.certificates, certificate);
        found.compare("CA bundle", &old.ca_bundles, &new.ca_bundles);
        found
    }

    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }

    fn compare<T>(&mut self, kind: &'static str, old: &ResourceMap<T>, new: &ResourceMap<T>)
    where
        T: Keyed<Key: Display> + PartialEq + Serialize,
    {
        self.compare_by(kind, old, new, fields);
    }

    fn compare_by<T>(
        &mut self,
        kind: &'static str,
        old: &ResourceMap<T>,
        new: &ResourceMap<T>,
        fields: impl Fn(&T, &T) -> Vec<FieldChange>,
    ) where
        T: Keyed<Key: Display> + PartialEq,
    {
        let name = |resource: &T| Resource { kind, key: resource.key().to_string() };
        for change in new.changes(old) {
            match change {
                ResourceChange::Added(new) => self.added.push(name(new)),
                ResourceChange::Removed(old) => self.removed.push(name(old)),
                ResourceChange::Changed { old, new } => {
                    self.changed.push(ChangedResource { resource: name(new), fields: fields(old, new) });
                }
            }
        }
    }
}

fn fields<T: Serialize>(old: &T, new: &T) -> Vec<FieldChange> {
    let mut found = Vec::new();
    compare(&json(old), &json(new), "", &mut found);
    found
}

/// What a certificate is known by is told: its chain. Its private key is told to have changed, not what it is.
fn certificate(old: &Certificate, new: &Certificate) -> Vec<FieldChange> {
    let mut found = fields(&old.redacted(), &new.redacted());
    if old.private_key != new.private_key {
        let hidden = || Value::String("(not shown)".to_owned());
        found.push(FieldChange { field: "privateKey".to_owned(), old: hidden(), new: hidden() });
    }
    found
}

fn json(value: &impl Serialize) -> Value {
    // Values here have string keys and no failing serialisers.
    serde_json::to_value(value).unwrap_or_default()
}

/// The deepest fields that differ. Lists of one length are compared item by item, others as a whole.
fn compare(old: &Value, new: &Value, path: &str, found: &mut Vec<FieldChange>) {
    match (old, new) {
        (old, new) if old == new => {}
        (Value::Object(before), Value::Object(now)) => {
            let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
            for name in names {
                let deeper = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let of = |fields: &serde_json::Map<String, Value>| fields.get(name).cloned().unwrap_or_default();
                compare(&of(before), &of(now), &deeper, found);
            }
        }
        (Value::Array(before), Value::Array(now)) if before.len() == now.len() => {
            for (index, (before, now)) in before.iter().zip(now).enumerate() {
                compare(before, now, &format!("{path}[{index}]"), found);
            }
        }
        (old, new) => found.push(FieldChange { field: path.to_owned(), old: old.clone(), new: new.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_deepest_fields_that_differ_are_told() {
        let mut found = Vec::new();
        let old = json!({"a": {"b": [1, 2]}, "gone": true, "same": 1, "list": [1]});
        let new = json!({"a": {"b": [1, 3]}, "came": {"x": 1}, "same": 1, "list": [1, 2]});
        compare(&old, &new, "", &mut found);
        let told: Vec<_> = found.iter().map(|change| (&*change.field, &change.old, &change.new)).collect();
        assert_eq!(
            told,
            [
                ("a.b[1]", &json!(2), &json!(3)),
                ("came", &json!(null), &json!({"x": 1})),
                ("gone", &json!(true), &json!(null)),
                ("list", &json!([1]), &json!([1, 2])),
            ]
        );
    }
}
