//! The compiler alone: Kubernetes objects in; snapshot, statuses and diagnostics out. A pure function.
//!
//! Needs `nantian-ir` with its default feature `compile`.

use std::error::Error;

use nantian_ir::compile::{Objects, Options, Severity, compile, yaml};

const OBJECTS: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web, namespace: shop}
spec:
  gatewayClassName: nantian-gw
  listeners: [{name: http, protocol: HTTP, port: 8080}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: cart, namespace: shop}
spec:
  parentRefs: [{name: web}]
  rules:
    - backendRefs: [{name: cart, port: 80}]
";

const SERVICE: &str = "
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec:
  ports: [{port: 80}]
";

fn main() -> Result<(), Box<dyn Error>> {
    // From YAML with positions; `Object::new` takes JSON values instead, for example from a watch.
    let mut objects = Objects::new();
    objects.extend(yaml::parse("shop.yaml", OBJECTS).objects);

    // The Service is missing: the route is served all the same, answers 500, and the diagnostic says where and why.
    let compiled = compile(&objects, &Options::standalone());
    for diagnostic in &compiled.diagnostics {
        println!("{diagnostic}\n  help: {}", diagnostic.remedy);
    }
    let error = compiled.diagnostics.iter().find(|found| found.severity == Severity::Error);
    let error = error.ok_or("the missing Service is an error")?;
    assert_eq!(error.source.as_ref().map(|source| &*source.file), Some("shop.yaml"));

    // With it, everything is accepted. The same objects give the same bytes, in whatever order they came.
    objects.extend(yaml::parse("service.yaml", SERVICE).objects);
    let mended = compile(&objects, &Options::standalone());
    let shuffled: Objects = objects.iter().cloned().collect::<Vec<_>>().into_iter().rev().collect();
    let again = compile(&shuffled, &Options::standalone());
    assert!(mended.diagnostics.iter().all(|found| found.severity != Severity::Error));
    assert_eq!(mended.snapshot.version(), again.snapshot.version());
    assert_ne!(mended.snapshot.version(), compiled.snapshot.version());

    // A status serialises to what Kubernetes would hold.
    let told: Vec<String> = mended.statuses.iter().map(|status| status.object.to_string()).collect();
    assert_eq!(told, ["Gateway/shop/web", "HTTPRoute/shop/cart"]);
    println!("snapshot {} with {} rule(s)", mended.snapshot.version(), mended.snapshot.rules.len());
    assert_eq!(mended.snapshot.rules.len(), 1);
    Ok(())
}
