//! Golden directories: `golden/NAME/in.yaml` is compiled and compared with `snapshot.yaml`, `status.yaml` and
//! `diagnostics.yaml` beside it, and so is the same set of objects in other orders.
//!
//! `UPDATE_GOLDEN=1 cargo test -p nantian-ir --test golden` writes the expectations anew: review what changed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests panic when they fail")]

mod fields;
mod reasons;
mod yaml_text;

use std::fs;
use std::path::{Path, PathBuf};

use nantian_ir::compile::{BindPorts, Compiled, Diagnostic, Object, Objects, Options, compile, yaml};
use serde_json::{Value, json};

fn directories() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut found: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// 2030-01-01T00:00:00Z.
const NOW: i64 = 1_893_456_000;

/// Those of a directory: what is `shared` is for data planes that serve many Gateways.
fn options(directory: &Path) -> Options {
    let mut options = Options::standalone();
    // As in a cluster: a class without an object is nobody's.
    options.adopt_unclaimed_classes = false;
    options.now = Some(NOW);
    let is_shared = directory.file_name().is_some_and(|name| name.to_string_lossy().starts_with("shared-"));
    options.bind_ports = if is_shared { BindPorts::Assigned } else { BindPorts::AsDeclared };
    options
}

fn results(compiled: &Compiled, parsing: &[Diagnostic]) -> [(&'static str, String); 4] {
    let text = |value: Value| yaml_text::write(&value);
    let diagnostics: Vec<&Diagnostic> = parsing.iter().chain(&compiled.diagnostics).collect();
    [
        ("services.yaml", text(json!(compiled.services))),
        ("snapshot.yaml", text(json!(compiled.snapshot.redacted()))),
        ("status.yaml", text(json!(compiled.statuses))),
        ("diagnostics.yaml", text(json!(diagnostics))),
    ]
}

/// Other orders of the same objects: backwards, and from the middle.
fn orders(objects: &[Object]) -> [Vec<Object>; 2] {
    let mut backwards = objects.to_vec();
    backwards.reverse();
    let mut rotated = objects.to_vec();
    rotated.rotate_left(objects.len() / 2);
    [backwards, rotated]
}

#[test]
fn objects_compile_to_what_is_expected_whatever_their_order() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = Vec::new();
    for directory in directories() {
        let text = fs::read_to_string(directory.join("in.yaml")).unwrap();
        let parsed = yaml::parse("in.yaml", &text);
        let objects: Objects = parsed.objects.iter().cloned().collect();
        let options = options(&directory);
        let compiled = compile(&objects, &options);
        for order in orders(&parsed.objects) {
            let again = compile(&order.into_iter().collect(), &options);
            assert_eq!(again, compiled, "the order of objects matters in {}", directory.display());
        }
        for (file, found) in results(&compiled, &parsed.diagnostics) {
            let path = directory.join(file);
            // Only Gateways whose data planes serve many have Services.
            if file == "services.yaml" && options.bind_ports == BindPorts::AsDeclared {
                assert!(compiled.services.is_empty(), "{}", directory.display());
                continue;
            }
            if update {
                fs::write(&path, found).unwrap();
            } else if fs::read_to_string(&path).unwrap_or_default() != found {
                wrong.push(format!("{}\n{found}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "not as expected (UPDATE_GOLDEN=1 writes anew):\n{}", wrong.join("\n"));
}

#[test]
fn there_are_golden_directories() {
    assert!(directories().len() >= 150);
}
