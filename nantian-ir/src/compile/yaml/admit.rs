//! Which objects are read, and whether an API server would take them.

use nantian_crds::core::CustomResourceDefinition;
use nantian_crds::schema::{Reason, SchemaError, Schemas};
use serde_json::{Map, Value, json};

use super::Parsed;
use crate::compile::decode::is_of;
use crate::compile::diagnostic::{self, Diagnostic};
use crate::compile::objects::{Object, ObjectError, Source};
use crate::key::ObjectRef;

/// Kinds that the compiler reads.
const READ: [(&str, &str); 23] = [
    ("gateway.networking.k8s.io", "GatewayClass"),
    ("gateway.networking.k8s.io", "Gateway"),
    ("gateway.networking.k8s.io", "HTTPRoute"),
    ("gateway.networking.k8s.io", "GRPCRoute"),
    ("gateway.networking.k8s.io", "ListenerSet"),
    ("gateway.networking.k8s.io", "TLSRoute"),
    ("gateway.networking.k8s.io", "TCPRoute"),
    ("gateway.networking.k8s.io", "UDPRoute"),
    ("gateway.networking.k8s.io", "BackendTLSPolicy"),
    ("gateway.networking.k8s.io", "ReferenceGrant"),
    ("", "Service"),
    ("", "Secret"),
    ("", "ConfigMap"),
    ("", "Namespace"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ("nantian.dev", "DirectResponse"),
    ("nantian.dev", "AIService"),
    ("nantian.dev", "BackendLBPolicy"),
    ("nantian.dev", "RoutePolicy"),
    ("nantian.dev", "SecurityPolicy"),
    ("nantian.dev", "TokenPolicy"),
    ("nantian.dev", "WasmPlugin"),
];

fn is_read(id: &ObjectRef) -> bool {
    READ.contains(&(id.group.as_str(), id.kind.as_str()))
}

/// Adds the object, which has this value, if it is of a kind that the compiler reads and valid, and says so otherwise.
pub(super) fn admit(object: &Object, value: Value, parsed: &mut Parsed) {
    if !is_read(object.id()) {
        parsed.diagnostics.push(not_read(object, &value));
        return;
    }
    if is_of::<CustomResourceDefinition>(object.id()) {
        parsed.objects.extend(object.with_value(&head(&value)));
        return;
    }
    match Schemas::builtin().admit(value) {
        Ok(admission) => {
            for warning in admission.warnings {
                parsed.diagnostics.push(Diagnostic::of(
                    &diagnostic::UNKNOWN_FIELD,
                    object,
                    warning.field,
                    warning.message,
                ));
            }
            parsed.objects.extend(object.with_value(&admission.object));
        }
        Err(errors) => {
            parsed.diagnostics.extend(errors.into_iter().map(|error| invalid(object, error)));
        }
    }
}

/// What is read of the definition of a kind: whether it is right otherwise is not for a gateway to say.
fn head(value: &Value) -> Value {
    let text = |pointer: &str| value.pointer(pointer).filter(|value| value.is_string()).cloned();
    let annotations = value.pointer("/metadata/annotations").and_then(Value::as_object).into_iter().flatten();
    let annotations: Map<_, _> =
        annotations.filter(|(_, value)| value.is_string()).map(|(name, value)| (name.clone(), value.clone())).collect();
    json!({
        "apiVersion": text("/apiVersion"), "kind": text("/kind"),
        "metadata": {"name": text("/metadata/name"), "annotations": annotations},
    })
}

fn invalid(object: &Object, error: SchemaError) -> Diagnostic {
    let unquoted = error.reason == Reason::Type && error.message.starts_with("must be a string");
    let found = Diagnostic::of(&diagnostic::INVALID_OBJECT, object, error.field, error.message);
    if unquoted {
        found.remedy(
            "put the value in quotes: YAML reads plain y, n, yes, no, on and off as booleans, and digits as numbers",
        )
    } else {
        found
    }
}

/// What to say of an object without a name: kinds that are not read may have none (`generateName`).
pub(super) fn unnamed(value: &Value, place: Source, error: &ObjectError) -> Diagnostic {
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
    let kind = text("kind");
    let group = text("apiVersion").split_once('/').map_or("", |(group, _)| group);
    if *error == ObjectError::Missing("metadata.name") && !Schemas::builtin().knows(group, kind) {
        Diagnostic::at(&diagnostic::IGNORED_KIND, place, format!("{kind} is not a kind that a gateway reads"))
    } else {
        Diagnostic::at(&diagnostic::NOT_AN_OBJECT, place, error.to_string())
    }
}

fn not_read(object: &Object, value: &Value) -> Diagnostic {
    let ObjectRef { group, kind, .. } = object.id();
    let api_version = value.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let same_kind = READ.iter().find(|(_, known)| known.eq_ignore_ascii_case(kind));
    match same_kind {
        Some((group, known)) => {
            let message = format!("kind {kind} of apiVersion {api_version} is not known");
            let group = if *group == "nantian.dev" {
                "nantian.dev/v1alpha1".to_owned()
            } else if group.is_empty() {
                "v1".to_owned()
            } else {
                format!("{group}/v1")
            };
            Diagnostic::of(&diagnostic::UNSUPPORTED_KIND, object, "apiVersion", message)
                .remedy(format!("write apiVersion {group} and kind {known}, or remove the object"))
        }
        None if group.ends_with("gateway.networking.k8s.io")
            || group.ends_with("gateway.networking.x-k8s.io")
            || group == "nantian.dev" =>
        {
            let message = format!("{kind} of {group} is not supported, so this object has no effect");
            Diagnostic::of(&diagnostic::UNSUPPORTED_KIND, object, "kind", message)
        }
        None => {
            let message = format!("{kind} is not a kind that a gateway reads");
            Diagnostic::of(&diagnostic::IGNORED_KIND, object, "kind", message)
        }
    }
}
