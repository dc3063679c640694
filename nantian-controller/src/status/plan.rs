//! What to write, if anything: a function of what is wanted and what is there.
//!
//! Lists with an entry for each controller (`parents`, `ancestors`) are one value to the API server, so ours go in among
//! those of others, and the write holds for the version that was looked at only. Everything else in a status of ours has a
//! single owner.

use jiff::Timestamp;
use nantian_ir::ObjectRef;
use nantian_ir::compile::Status;
use serde_json::{Map, Value, json};

use crate::watch::ObservedStatus;

/// Types of conditions that we write. Others, of others, are not looked at.
const CONDITIONS: [&str; 9] = [
    "Accepted",
    "Conflicted",
    "DefaultGateway",
    "InsecureFrontendValidationMode",
    "OverlappingTLSConfig",
    "PartiallyInvalid",
    "Programmed",
    "ResolvedRefs",
    "SupportedVersion",
];

/// The object to apply, for the status of `id` to be what is wanted. `None`: it is. Without anything wanted, ours is taken
/// out.
pub(crate) fn plan(
    id: &ObjectRef,
    wanted: Option<&Status>,
    observed: &ObservedStatus,
    controller: &str,
    now: Timestamp,
) -> Option<Value> {
    let field = match (wanted, id.kind.as_str()) {
        (Some(Status::Route(_)), _) => "parents",
        (Some(Status::Policy(_)), _) => "ancestors",
        (None, kind) if kind.ends_with("Route") => "parents",
        (None, kind) if kind.ends_with("Policy") || kind == "WasmPlugin" => "ancestors",
        _ => return wanted.and_then(|wanted| own_status(id, wanted, observed, now)),
    };
    let entries = match wanted.map(serde_json::to_value) {
        Some(Ok(mut status)) => status.get_mut(field).and_then(Value::as_array_mut).map(std::mem::take)?,
        Some(Err(_)) => return None,
        None => Vec::new(),
    };
    let there = observed.status.value();
    let there = array(&there, field);
    let merged = merge(entries, there, controller, now);
    if merged == there {
        return None;
    }
    // Another controller may have written meanwhile: then this is refused, and planned again.
    let version = Some(observed.resource_version.as_str());
    Some(object(id, observed, version, &json!({field: merged})))
}

/// The object to apply, for all that is ours in its status to go.
pub(crate) fn release(id: &ObjectRef, observed: &ObservedStatus) -> Value {
    object(id, observed, None, &json!({}))
}

fn object(id: &ObjectRef, observed: &ObservedStatus, version: Option<&str>, status: &Value) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), id.name.as_str().into());
    if !id.namespace.is_empty() {
        metadata.insert("namespace".to_owned(), id.namespace.as_str().into());
    }
    // One that was made anew is another one.
    metadata.insert("uid".to_owned(), observed.uid.as_str().into());
    if let Some(version) = version {
        metadata.insert("resourceVersion".to_owned(), version.into());
    }
    let (api_version, kind) = (observed.api_version(id), id.kind.as_str());
    json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "status": status})
}

fn array<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Our entries in the places where they were, new ones at the end; those of others as they are.
fn merge(mut wanted: Vec<Value>, there: &[Value], controller: &str, now: Timestamp) -> Vec<Value> {
    let mut merged = Vec::with_capacity(there.len() + wanted.len());
    for entry in there {
        if entry.get("controllerName").and_then(Value::as_str) != Some(controller) {
            merged.push(entry.clone());
            continue;
        }
        let is_same = |one: &Value| reference(one).is_some() && reference(one) == reference(entry);
        if let Some(place) = wanted.iter().position(is_same) {
            let mut entry_wanted = wanted.remove(place);
            set_times(&mut entry_wanted, Some(entry), now);
            merged.push(entry_wanted);
        }
    }
    for mut entry in wanted {
        set_times(&mut entry, None, now);
        merged.push(entry);
    }
    merged
}

fn reference(entry: &Value) -> Option<&Value> {
    entry.get("parentRef").or_else(|| entry.get("ancestorRef"))
}

/// Gives each condition the time at which its status became what it is.
fn set_times(part: &mut Value, there: Option<&Value>, now: Timestamp) {
    let there = there.map(|there| array(there, "conditions")).unwrap_or_default();
    let Some(conditions) = part.get_mut("conditions").and_then(Value::as_array_mut) else { return };
    for condition in conditions.iter_mut().filter_map(Value::as_object_mut) {
        let same = |held: &&Value| ["type", "status"].iter().all(|field| held.get(field) == condition.get(*field));
        let since = there.iter().find(same).and_then(|held| held.get("lastTransitionTime")).cloned();
        // RFC 3339 in whole seconds, as `metav1.Time` has it.
        let since = since.unwrap_or_else(|| format!("{now:.0}").into());
        condition.insert("lastTransitionTime".to_owned(), since);
    }
}

/// Of an object whose whole status is ours.
fn own_status(id: &ObjectRef, wanted: &Status, observed: &ObservedStatus, now: Timestamp) -> Option<Value> {
    let mut status = serde_json::to_value(wanted).ok()?;
    let there = observed.status.value();
    set_times(&mut status, Some(&there), now);
    if let Some(listeners) = status.get_mut("listeners").and_then(Value::as_array_mut) {
        let listeners_there = array(&there, "listeners");
        for listener in listeners {
            let held = listeners_there.iter().find(|held| held.get("name") == listener.get("name"));
            set_times(listener, held, now);
        }
    }
    if is_there(&status, &there) {
        return None;
    }
    Some(object(id, observed, None, &status))
}

/// Whether each field of a part is there as it is wanted.
fn is_there(wanted: &Value, there: &Value) -> bool {
    let Some(fields) = wanted.as_object() else { return wanted == there };
    fields.iter().all(|(field, value)| match (field.as_str(), value.as_array()) {
        ("conditions", Some(wanted)) => {
            let ours =
                |held: &&Value| held.get("type").and_then(Value::as_str).is_some_and(|kind| CONDITIONS.contains(&kind));
            same_by("type", wanted, array(there, field).iter().filter(ours))
        }
        ("listeners" | "supportedFeatures", Some(wanted)) => same_by("name", wanted, array(there, field).iter()),
        (_, Some(wanted)) => array(there, field) == wanted.as_slice(),
        (_, None) => there.get(field) == Some(value),
    })
}

/// Whether two lists have the same elements, by name. The API server has an order of its own.
fn same_by<'v>(key: &str, wanted: &[Value], there: impl Iterator<Item = &'v Value>) -> bool {
    let there: Vec<&Value> = there.collect();
    there.len() == wanted.len()
        && wanted
            .iter()
            .all(|element| there.iter().any(|held| held.get(key) == element.get(key) && is_there(element, held)))
}
