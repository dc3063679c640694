//! What it costs to admit an object: `cargo bench -p nantian-crds`.

#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use nantian_crds::schema::Schemas;
use serde_json::{Value, json};

/// Two rules, as people write them.
fn usual_route() -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "shop", "namespace": "apps", "labels": {"app": "shop"}},
        "spec": {
            "parentRefs": [{"name": "public", "namespace": "infra"}],
            "hostnames": ["shop.example.com"],
            "rules": [
                {
                    "matches": [{"path": {"type": "PathPrefix", "value": "/cart"}, "method": "GET"}],
                    "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {
                        "set": [{"name": "x-shop", "value": "1"}]}}],
                    "backendRefs": [{"name": "cart", "port": 8080, "weight": 9}, {"name": "cart-next", "port": 8080}],
                },
                {"backendRefs": [{"name": "front", "port": 8080}]},
            ],
        },
    })
}

fn admit(criterion: &mut Criterion) {
    let schemas = Schemas::builtin();
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "cart"},
        "spec": {"selector": {"app": "cart"}, "ports": [{"name": "http", "port": 8080, "targetPort": "http"}]},
    });
    for (name, object) in [("an HTTPRoute of two rules", usual_route()), ("a Service", service)] {
        criterion.bench_function(name, |bencher| {
            bencher.iter_batched(|| object.clone(), |object| black_box(schemas.admit(object)), BatchSize::SmallInput);
        });
    }
}

criterion_group!(benches, admit);
criterion_main!(benches);
