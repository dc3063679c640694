//! How long a lookup takes with 10, 1,000 and 10,000 routes: `cargo bench -p nantian-proxy --bench router`.
//!
//! Requests go round-robin to routes that are spread over all there are, so that caches are as warm as in a busy
//! gateway and no warmer.
#![allow(missing_docs, clippy::expect_used, reason = "criterion's macros make public items; a benchmark may panic")]

mod routes;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use nantian_ir::{Age, RouteRule};
use nantian_proxy::router::{RequestParts, Router};

use routes::{BIND, Shape};

const SIZES: [usize; 3] = [10, 1_000, 10_000];

fn lookups(c: &mut Criterion) {
    let shapes = [
        ("mixed", Shape::Mixed),
        ("one_host", Shape::OneHost),
        ("many_hosts", Shape::ManyHosts),
        ("header", Shape::Header),
        ("query", Shape::Query),
    ];
    for (name, shape) in shapes {
        let mut group = c.benchmark_group(format!("route/{name}"));
        for size in SIZES {
            let router = Router::new(&shape.snapshot(size));
            let requests = shape.requests(size);
            let parts: Vec<_> = requests
                .iter()
                .map(|(host, path, query, headers)| RequestParts {
                    bind: BIND,
                    host,
                    path,
                    query: Some(query),
                    method: "GET",
                    headers,
                })
                .collect();
            assert!(parts.iter().all(|parts| router.route(parts).is_ok()), "every request has a route");
            let mut next = parts.iter().cycle();
            group.bench_function(BenchmarkId::from_parameter(size), |b| {
                b.iter(|| next.next().map(|parts| router.route(black_box(parts)).is_ok()));
            });
        }
        group.finish();
    }
}

fn builds(c: &mut Criterion) {
    let mut group = c.benchmark_group("build/mixed");
    for size in SIZES {
        let snapshot = Shape::Mixed.snapshot(size);
        group.bench_function(BenchmarkId::from_parameter(size), |b| b.iter(|| Router::new(black_box(&snapshot))));
    }
    group.finish();
}

/// A router that follows snapshots, and one in which nothing is left as it was.
fn changes(c: &mut Criterion) {
    for (name, shape) in [("one_host", Shape::OneHost), ("many_hosts", Shape::ManyHosts), ("header", Shape::Header)] {
        for (what, changed) in [("one", 1), ("all", usize::MAX)] {
            let mut group = c.benchmark_group(format!("follow/{name}/{what}"));
            for size in SIZES {
                let before = shape.snapshot(size);
                let mut after = before.clone();
                for rule in before.rules.values().take(changed) {
                    after.rules.insert(RouteRule { age: Age { created: Some(1) }, ..RouteRule::clone(rule) });
                }
                let router = Router::new(&before);
                let follow = |b: &mut criterion::Bencher<'_>| b.iter(|| router.following(black_box(&after)));
                group.bench_function(BenchmarkId::from_parameter(size), follow);
            }
            group.finish();
        }
    }
}

criterion_group!(benches, lookups, builds, changes);
criterion_main!(benches);
