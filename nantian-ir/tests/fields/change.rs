//! Other values for a field of objects.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use nantian_ir::compile::yaml;
use serde_json::{Value, json};

/// Values that the golden directories have for each kind and field, as JSON texts.
pub(super) struct Values(BTreeMap<(String, String), BTreeSet<String>>);

impl Values {
    pub(super) fn of_golden_directories() -> Self {
        let mut known = Self(BTreeMap::new());
        for directory in crate::directories() {
            let text = fs::read_to_string(directory.join("in.yaml")).unwrap();
            for object in yaml::parse("in.yaml", &text).objects {
                known.add(&object.id().kind, "spec", &object.value()["spec"]);
            }
        }
        known
    }

    fn add(&mut self, kind: &str, path: &str, value: &Value) {
        self.0.entry((kind.to_owned(), path.to_owned())).or_default().insert(value.to_string());
        match value {
            Value::Object(fields) => {
                fields.iter().for_each(|(name, value)| self.add(kind, &format!("{path}.{name}"), value));
            }
            Value::Array(items) => items.iter().for_each(|item| self.add(kind, &format!("{path}[]"), item)),
            _ => {}
        }
    }

    fn of(&self, kind: &str, field: &str) -> impl Iterator<Item = Value> {
        let texts = self.0.get(&(kind.to_owned(), field.to_owned())).into_iter().flatten();
        texts.map(|text| serde_json::from_str(text).unwrap())
    }
}

/// The objects with another value at one place of the field, once for each place and value. Empty when no object of the
/// kind sets it.
pub(super) fn changes(objects: &[Value], kind: &str, field: &str, known: &Values) -> Vec<Vec<Value>> {
    let steps: Vec<&str> = field.split('.').collect();
    let each_place = |objects: &mut [Value], change: &mut dyn FnMut(&mut Value)| {
        let of_kind = objects.iter_mut().filter(|object| object["kind"] == kind);
        of_kind.for_each(|object| at(object, &steps, change));
    };
    let mut set = Vec::new();
    each_place(&mut objects.to_vec(), &mut |value| set.push(value.clone()));
    let mut found = Vec::new();
    for (place, value) in set.iter().enumerate() {
        let others = variants(value).into_iter().chain(known.of(kind, field)).chain([Value::Null]);
        let others: BTreeSet<String> = others.map(|other| other.to_string()).collect();
        for other in
            others.iter().map(|text| serde_json::from_str::<Value>(text).unwrap()).filter(|other| other != value)
        {
            let mut changed = objects.to_vec();
            let mut passed = 0;
            each_place(&mut changed, &mut |value| {
                if passed == place {
                    *value = other.clone();
                }
                passed += 1;
            });
            found.push(changed);
        }
    }
    found
}

/// Calls `change` with every place of the field that has a value; one that becomes `null` is absent.
fn at(value: &mut Value, steps: &[&str], change: &mut dyn FnMut(&mut Value)) {
    let Some((step, rest)) = steps.split_first() else { return change(value) };
    let (name, is_list) = step.strip_suffix("[]").map_or((*step, false), |name| (name, true));
    let Some(fields) = value.as_object_mut() else { return };
    let Some(inner) = fields.get_mut(name) else { return };
    match inner.as_array_mut().filter(|_| is_list) {
        Some(items) => items.iter_mut().for_each(|item| at(item, rest, change)),
        None => at(inner, rest, change),
    }
    if inner.is_null() {
        fields.remove(name);
    }
}

/// Values near this one.
fn variants(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(flag) => vec![json!(!flag)],
        Value::Number(number) => {
            number.as_i64().into_iter().flat_map(|number| [json!(number + 1), json!(number - 1)]).collect()
        }
        Value::String(text) => vec![json!(format!("{text}x")), json!(format!("x{text}")), json!("1s")],
        Value::Array(items) => (0..items.len())
            .map(|index| {
                let mut fewer = items.clone();
                fewer.remove(index);
                json!(fewer)
            })
            .collect(),
        Value::Object(fields) => fields
            .keys()
            .map(|key| {
                let mut fewer = fields.clone();
                fewer.remove(key);
                json!(fewer)
            })
            .collect(),
        Value::Null => Vec::new(),
    }
}
