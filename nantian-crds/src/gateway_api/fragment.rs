//! Parts of upstream's schemas that this project's own kinds have too: the same field means the same, with the same rules.

use std::sync::OnceLock;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// `HTTPCORSFilter`.
pub(crate) fn cors(_: &mut SchemaGenerator) -> Schema {
    of_http_rule("/filters/items/properties/cors")
}

/// `SessionPersistence`.
pub(crate) fn session_persistence(_: &mut SchemaGenerator) -> Schema {
    of_http_rule("/sessionPersistence")
}

/// `BackendObjectReference`.
pub(crate) fn backend_object_reference(_: &mut SchemaGenerator) -> Schema {
    of_http_rule("/filters/items/properties/requestMirror/properties/backendRef")
}

fn of_http_rule(pointer: &str) -> Schema {
    static RULE: OnceLock<Value> = OnceLock::new();
    let rule = RULE.get_or_init(|| {
        const HTTP_ROUTES: &str = include_str!("../../upstream/gateway-api-v1.5.1/httproutes.json");
        const RULE: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/rules/items/properties";
        let crd: Value = serde_json::from_str(HTTP_ROUTES).unwrap_or_default();
        crd.pointer(RULE).cloned().unwrap_or_default()
    });
    let fragment = rule.pointer(pointer).cloned().unwrap_or_else(|| json!({}));
    Schema::try_from(fragment).unwrap_or_else(|_| json_schema!({}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fragment_is_an_object_with_fields() {
        let mut generator = SchemaGenerator::default();
        for fragment in [cors, session_persistence, backend_object_reference] {
            let schema = fragment(&mut generator);
            assert!(schema.get("properties").and_then(Value::as_object).is_some_and(|fields| fields.len() >= 5));
        }
    }
}
