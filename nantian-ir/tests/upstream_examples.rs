//! The example manifests of the Gateway API have the statuses that the specification gives them, here without the
//! Services and Secrets that they refer to. `upstream-examples/expected.txt` is the table: a line with files that go
//! together, then a line for each object, listener and parent with its conditions.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests panic when they fail")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use nantian_ir::compile::{Compiled, Condition, Object, Objects, Options, Severity, Status, compile, yaml};
use serde_json::json;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upstream-examples")
}

/// The manifests in a folder and below, by their paths from there.
fn manifests(root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(current) = folders.pop() {
        for entry in fs::read_dir(current).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                found.insert(path.strip_prefix(root).unwrap().display().to_string());
            }
        }
    }
    found
}

/// The controller that the examples' classes name, and the classes that have no object.
fn options() -> Options {
    let mut options = Options::default();
    options.controller_name = "acme.io/gateway-controller".into();
    let classes = [
        "acme-lb",
        "example",
        "example-gateway-class",
        "filter-lb",
        "foo-lb",
        "my-tcp-gateway-class",
        "my-udp-gateway-class",
        "prod",
        "shared-gateway-class",
    ];
    options.gateway_classes = classes.map(str::to_owned).to_vec();
    options
}

fn conditions(conditions: &[Condition]) -> String {
    let one = |c: &Condition| format!(" {}={:?}/{}", c.kind, c.status, c.reason);
    conditions.iter().map(one).collect()
}

fn summary(compiled: &Compiled) -> String {
    let mut out = String::new();
    for status in &compiled.statuses {
        let object = &status.object;
        match &status.status {
            Status::GatewayClass(class) => writeln!(out, "  {object}{}", conditions(&class.conditions)).unwrap(),
            Status::Gateway(gateway) => {
                writeln!(out, "  {object}{}", conditions(&gateway.conditions)).unwrap();
                for listener in &gateway.listeners {
                    let (name, attached) = (&listener.name, listener.attached_routes);
                    writeln!(out, "    {name}: {attached}{}", conditions(&listener.conditions)).unwrap();
                }
            }
            Status::ListenerSet(set) => {
                writeln!(out, "  {object}{}", conditions(&set.conditions)).unwrap();
                for listener in &set.listeners {
                    let (name, attached) = (&listener.name, listener.attached_routes);
                    writeln!(out, "    {name}: {attached}{}", conditions(&listener.conditions)).unwrap();
                }
            }
            Status::Policy(policy) => {
                for ancestor in &policy.ancestors {
                    let name = &ancestor.ancestor_ref.name;
                    writeln!(out, "  {object} for {name}:{}", conditions(&ancestor.conditions)).unwrap();
                }
            }
            Status::Route(route) => {
                for parent in &route.parents {
                    let reference = parent.parent_ref.value();
                    let section = reference.get("sectionName").and_then(|name| name.as_str()).unwrap_or("");
                    let name = reference.get("name").and_then(|name| name.as_str()).unwrap_or("");
                    let section = if section.is_empty() { String::new() } else { format!("/{section}") };
                    writeln!(out, "  {object} <- {name}{section}:{}", conditions(&parent.conditions)).unwrap();
                }
            }
            _ => unreachable!("no other kinds"),
        }
    }
    out
}

/// In a cluster each Gateway gets an address, so that those of one test are not in each other's way.
fn addressed(object: &Object) -> Object {
    let mut value = object.value();
    if object.id().kind == "Gateway" {
        let last = object.id().name.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        let address = Ipv4Addr::from_bits(0x0a00_0000 | last & 0x00ff_ffff).to_string();
        value["spec"]["addresses"] = json!([{"type": "IPAddress", "value": address}]);
    }
    Object::new(value).unwrap()
}

fn load(files: &str) -> Compiled {
    let mut objects = Objects::new();
    for file in files.split(" + ") {
        // The conformance suite fills in the class that it is told to test.
        let text = fs::read_to_string(folder().join(file)).unwrap().replace("{GATEWAY_CLASS_NAME}", "example");
        let parsed = yaml::parse(file, &text);
        let worst = parsed.diagnostics.iter().filter(|d| d.severity != Severity::Info).collect::<Vec<_>>();
        assert!(worst.is_empty(), "{file} does not load: {worst:?}");
        let own_addresses = file.starts_with("conformance");
        objects
            .extend(parsed.objects.into_iter().map(|object| if own_addresses { addressed(&object) } else { object }));
    }
    compile(&objects, &options())
}

#[test]
fn upstream_examples_have_the_statuses_of_the_specification() {
    let table = folder().join("expected.txt");
    let expected = fs::read_to_string(&table).unwrap();
    let mut found = String::new();
    for line in expected.lines() {
        if line.starts_with('#') || line.is_empty() {
            writeln!(found, "{line}").unwrap();
        } else if !line.starts_with(' ') {
            write!(found, "{line}\n{}", summary(&load(line))).unwrap();
        }
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(table, &found).unwrap();
    }
    assert_eq!(found, expected);
}

#[test]
fn every_example_is_in_the_table() {
    let table = fs::read_to_string(folder().join("expected.txt")).unwrap();
    let listed: BTreeSet<String> = table
        .lines()
        .filter(|line| !line.starts_with([' ', '#']) && !line.is_empty())
        .flat_map(|line| line.split(" + ").map(str::to_owned))
        .collect();
    let there = manifests(&folder());
    assert_eq!(listed, there);
}

/// `hack/invalid-examples`: "invalid manifests for testing the CRDs", which an API server must not take. The table has what is
/// said of each: the fields.
#[test]
fn every_invalid_example_is_refused_at_the_field_that_is_wrong() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upstream-invalid");
    let mut found = String::new();
    for path in manifests(&root) {
        let parsed = yaml::parse("example", &fs::read_to_string(root.join(&path)).unwrap());
        assert!(parsed.objects.is_empty(), "{path} is not refused");
        let fields = parsed.diagnostics.iter().map(|diagnostic| {
            assert_eq!(diagnostic.code.name(), "invalid-object", "{path}: {diagnostic:?}");
            &*diagnostic.field
        });
        writeln!(found, "{path}: {}", fields.collect::<Vec<_>>().join(", ")).unwrap();
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(root.join("expected.txt"), &found).unwrap();
    }
    assert_eq!(found, fs::read_to_string(root.join("expected.txt")).unwrap());
}
