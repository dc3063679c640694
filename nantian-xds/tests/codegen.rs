//! The checked-in code of the messages is what their `.proto` files say. `cargo xtask proto` writes it anew.

#![allow(clippy::unwrap_used, reason = "tests panic when they fail")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn proto_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            proto_files(&path, found);
        } else {
            found.push(path);
        }
    }
    found.sort();
}

fn rust_files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()))
        .collect()
}

/// What `protoc` and its plugins would write.
fn compiled() -> BTreeMap<String, String> {
    let root = folder("proto");
    let mut files = Vec::new();
    proto_files(&root, &mut files);
    let descriptors = protox::compile(&files, [&root]).unwrap();
    let out = tempfile::tempdir().unwrap();
    let mut messages = tonic_prost_build::Config::new();
    // Keys are in these: none of them prints what it carries.
    messages.skip_debug(["nantian.ir.v1.Certificate", "google.protobuf.Any"]);
    messages.bytes(["google.protobuf.Any.value"]);
    messages.btree_map(["."]);
    tonic_prost_build::configure()
        .compile_well_known_types(true)
        .build_transport(false)
        .out_dir(out.path())
        .compile_fds_with_config(descriptors, messages)
        .unwrap();
    rust_files(out.path())
}

#[test]
fn the_code_of_the_messages_is_what_the_proto_files_say() {
    let (compiled, checked_in) = (compiled(), folder("src/wire/codegen"));
    if std::env::var_os("NANTIAN_WRITE_PROTO").is_some() {
        for file in rust_files(&checked_in).keys() {
            fs::remove_file(checked_in.join(file)).unwrap();
        }
        for (file, text) in &compiled {
            fs::write(checked_in.join(file), text).unwrap();
        }
    }
    let held = rust_files(&checked_in);
    let names: Vec<_> = compiled.keys().collect();
    assert_eq!(held.keys().collect::<Vec<_>>(), names, "run `cargo xtask proto`");
    for (file, text) in &compiled {
        assert!(held[file] == *text, "{file} is not what the .proto files say: run `cargo xtask proto`");
    }
}
