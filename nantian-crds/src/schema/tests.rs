//! Admission against the CRDs that the crate holds.

use super::*;

mod core_kinds;
mod defaults;
mod direct_response;
mod gateway;
mod grpc_route;
mod http_route;
mod http_route_filters;
mod machinery;
mod nantian_kinds;
mod never_panics;
mod reference_grant;
mod reference_page;
mod verdicts;

/// Every rule of every CRD must compile in this crate's engine: one that does not would refuse all objects.
#[test]
fn every_rule_of_every_kind_compiles() {
    fn defects(schema: &tree::Schema, count: &mut usize, out: &mut Vec<String>) {
        for rule in &schema.rules {
            *count += 1;
            out.extend(rule.expression.defect());
            out.extend(rule.message_expression.as_ref().and_then(|expression| expression.defect()));
        }
        let below = schema.properties.values().map(|property| &property.schema);
        below
            .chain(schema.items.as_deref())
            .chain(schema.additional.as_deref())
            .for_each(|schema| defects(schema, count, out));
    }
    let (mut count, mut found) = (0, Vec::new());
    for (_, _, schema) in Schemas::builtin().kinds.all() {
        defects(schema, &mut count, &mut found);
    }
    assert!(found.is_empty(), "{found:#?}");
    let crate_folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let written: usize = ["upstream/gateway-api-v1.5.1", "core-schemas", "crds"]
        .iter()
        .flat_map(|folder| std::fs::read_dir(crate_folder.join(folder)).unwrap())
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .map(|text| text.matches("\"rule\":").count() + text.matches(" rule: ").count())
        .sum();
    assert_eq!(count, written, "each rule in the files must be read");
}

/// Admits the object and compares the errors, each by its field and a part of its message. None means admitted.
#[track_caller]
fn check(name: &str, object: &Value, expected: &[(&str, &str)]) {
    let errors = Schemas::builtin().admit(object.clone()).err().unwrap_or_default();
    let fits = errors.len() == expected.len()
        && errors
            .iter()
            .zip(expected)
            .all(|(error, (field, part))| error.field == *field && error.message.contains(part));
    assert!(fits, "{name}: expected {expected:#?}, got {errors:#?}");
}

/// Admits the object, which must be valid, and gives the value at a JSON pointer.
#[track_caller]
fn admitted(object: &Value, pointer: &str) -> Value {
    match Schemas::builtin().admit(object.clone()) {
        Ok(admission) => admission.object.pointer(pointer).cloned().unwrap_or_default(),
        Err(errors) => panic!("refused: {errors:#?}"),
    }
}
