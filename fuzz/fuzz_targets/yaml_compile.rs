//! Any text may be a manifest: reading and compiling it never panics, and depends on nothing but the objects.

#![no_main]

use libfuzzer_sys::fuzz_target;
use nantian_ir::compile::{Objects, Options, compile, yaml};

fuzz_target!(|text: &str| {
    let parsed = yaml::parse("fuzz.yaml", text);
    let mut forward = Objects::new();
    let mut backward = Objects::new();
    for object in &parsed.objects {
        forward.insert(object.clone());
    }
    // Of two objects of one name the later counts: only the first of the reversed list may be kept.
    for object in parsed.objects.iter().rev() {
        if backward.get(object.id()).is_none() {
            backward.insert(object.clone());
        }
    }
    let options = Options::standalone();
    let (first, second) = (compile(&forward, &options), compile(&backward, &options));
    assert_eq!(first.snapshot.version(), second.snapshot.version(), "the order of objects changed the snapshot");
    assert_eq!(first.statuses, second.statuses, "the order of objects changed a status");
    assert_eq!(first.snapshot, compile(&forward, &options).snapshot, "compiling twice gave two results");
});
