//! What is held for as long as a file is followed: bytes are the same on every machine, so that a guard can be exact.

#![cfg(feature = "compile")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests panic when they fail")]

use std::fmt::Write as _;

use allocation_counter::measure;
use nantian_ir::compile::yaml::TextReader;
use nantian_ir::compile::{Compiler, Options};

/// Enough for what is there once to be nothing beside them.
const ROUTES: u32 = 1_000;
/// Most bytes for each of them. Who makes them fewer lowers these.
const MOST_READ: i64 = 960;
const MOST_FOLLOWED: i64 = 4_100;

const AROUND: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web, namespace: shop}
spec: {gatewayClassName: nantian-gw, listeners: [{name: http, protocol: HTTP, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: cart-1, namespace: shop, labels: {kubernetes.io/service-name: cart}}
addressType: IPv4
ports: [{port: 8080}]
endpoints: [{addresses: [127.0.0.1]}]
";

fn text(routes: u32) -> String {
    let mut text = AROUND.to_owned();
    for route in 0..routes {
        write!(
            text,
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: r{route:04}, namespace: shop}}\n\
             spec:\n  parentRefs: [{{name: web}}]\n  hostnames: [h{route:04}.example]\n  rules:\n    - matches: [{{path: \
             {{value: /}}}}]\n      backendRefs: [{{name: cart, port: 80}}]\n"
        )
        .unwrap();
    }
    text
}

#[test]
fn a_route_of_a_file_takes_so_much_and_no_more() {
    // Schemas are made by whoever asks first.
    drop(TextReader::new("a.yaml").read(&text(1)));
    let text = text(ROUTES);
    let mut reader = TextReader::new("a.yaml");
    let mut parsed = None;
    let read = measure(|| parsed = Some(reader.read(&text))).bytes_current / i64::from(ROUTES);
    let parsed = parsed.unwrap();
    assert_eq!(parsed.diagnostics, []);

    let objects = parsed.objects.into_iter().collect();
    let mut compiler = Compiler::new(Options::standalone());
    let followed = measure(|| drop(compiler.replace(objects))).bytes_current / i64::from(ROUTES);
    assert_eq!(compiler.snapshot().rules.len(), usize::try_from(ROUTES).unwrap());

    println!("{read} bytes of a route that was read, {followed} more of one whose changes are followed");
    assert!(read <= MOST_READ, "{read} bytes of a route that was read");
    assert!(followed <= MOST_FOLLOWED, "{followed} bytes of a route whose changes are followed");
}
