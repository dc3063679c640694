//! What a route costs in memory: `cargo bench -p nantian-ir --bench memory`. An argument is a number of times to compile 10,000
//! routes for a profiler, and nothing else.

#![allow(missing_docs, reason = "a benchmark has no documentation")]

mod cluster;

use std::hint::black_box;

use allocation_counter::measure;
use nantian_ir::compile::{Change, Compiler, Object, Objects, Options, compile};

fn main() {
    let times = std::env::args().skip(1).find_map(|argument| argument.parse::<usize>().ok());
    if let Some(times) = times {
        let objects = cluster::objects(500);
        for _ in 0..times {
            black_box(compile(&objects, &Options::standalone()));
        }
        return;
    }
    for tenants in [50, 250, 500] {
        let change = cluster::changed_route(tenants / 2, 7, "/other");
        tell("routes", tenants * cluster::ROUTES, || cluster::objects(tenants), change);
    }
    for routes in [1_000, 5_000, 10_000] {
        let change = cluster::one_of_many(routes / 2, "Other");
        tell("routes at one Gateway", routes, || cluster::one_gateway(routes), change);
    }
}

/// Bytes that are held, as they were asked for: what the allocator adds is not counted.
fn tell(what: &str, routes: usize, make: impl Fn() -> Objects, change: Object) {
    let routes = i64::try_from(routes).unwrap_or(i64::MAX);
    let mut objects = None;
    let of_objects = measure(|| objects = Some(make())).bytes_current;
    let objects = objects.unwrap_or_default();
    let mut results = None;
    let of_compile = measure(|| results = Some(compile(&objects, &Options::standalone())));
    let mut snapshot = None;
    let of_rest = measure(|| snapshot = results.take().map(|results| results.snapshot)).bytes_current;
    let (of_snapshot, of_results) = (of_compile.bytes_current + of_rest, of_compile.bytes_current);
    let at_most = i64::try_from(of_compile.bytes_max).unwrap_or(i64::MAX);
    drop(snapshot);
    let mut compiler = Compiler::new(Options::standalone());
    let of_compiler = measure(|| drop(compiler.replace(objects))).bytes_current;
    let before = compiler.snapshot().clone();
    let of_change = measure(|| drop(compiler.apply([Change::Insert(change)]))).bytes_current;
    drop(before);
    println!(
        "{routes} {what}: objects {} bytes for a route, snapshot {}, with statuses {}, compile() {} at most ({} allocations), \
         compiler with its results {}; {of_change} bytes more while the snapshot before a change of one route is held",
        of_objects / routes,
        of_snapshot / routes,
        of_results / routes,
        at_most / routes,
        of_compile.count_total / u64::try_from(routes).unwrap_or(1),
        of_compiler / routes,
    );
}
