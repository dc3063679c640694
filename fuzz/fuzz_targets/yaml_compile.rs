//! Any text may be a manifest: reading and compiling it never panics, and depends on nothing but the objects.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nantian_ir::compile::{Objects, Options, compile, yaml};

fuzz_target!(|text: &str| {
    let parsed = yaml::parse("fuzz.yaml", text);
    let forward: Objects = parsed.objects.iter().cloned().collect();
    let backward: Objects = parsed.objects.iter().rev().cloned().collect();
    let options = Options::standalone();
    let (first, second) = (compile(&forward, &options), compile(&backward, &options));
    assert_eq!(first.snapshot.version(), second.snapshot.version(), "the order of objects changed the snapshot");
    assert_eq!(first.statuses, second.statuses, "the order of objects changed a status");
    assert_eq!(first.diagnostics, second.diagnostics, "the order of objects changed a diagnostic");
    assert_eq!(first.snapshot, compile(&forward, &options).snapshot, "compiling twice gave two results");
});
