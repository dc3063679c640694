//! What it costs to compile a cluster from nothing, and to follow a change of it: `cargo bench -p nantian-ir`.
//!
//! Times are those of the processor, so that other processes of the machine do not count.

#![allow(missing_docs, reason = "criterion's macros make public items")]

mod cluster;

use std::hint::black_box;
use std::time::Duration;

use criterion::measurement::{Measurement, ValueFormatter, WallTime};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mimalloc::MiMalloc;
use nantian_ir::compile::{Change, Compiler, Options, compile};
use rustix::time::{ClockId, clock_gettime};

/// What the gateway's binaries use.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// 1,000, 5,000 and 10,000 routes.
const TENANTS: [usize; 3] = [50, 250, 500];

/// The same numbers, for one Gateway.
const ROUTES: [usize; 3] = [1_000, 5_000, 10_000];

/// Time that this thread had a processor.
struct CpuTime;

impl CpuTime {
    fn now() -> Duration {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        let (seconds, nanoseconds) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
        Duration::new(seconds.unwrap_or_default(), nanoseconds.unwrap_or_default())
    }
}

impl Measurement for CpuTime {
    type Intermediate = Duration;
    type Value = Duration;

    fn start(&self) -> Duration {
        Self::now()
    }

    fn end(&self, start: Duration) -> Duration {
        Self::now().saturating_sub(start)
    }

    fn add(&self, one: &Duration, other: &Duration) -> Duration {
        WallTime.add(one, other)
    }

    fn zero(&self) -> Duration {
        WallTime.zero()
    }

    fn to_f64(&self, value: &Duration) -> f64 {
        WallTime.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        WallTime.formatter()
    }
}

/// From objects as JSON values to snapshot, statuses and diagnostics. Reading the values into types is in the time, and
/// so is giving back what the compiler needed on the way; dropping the results is not.
fn from_nothing(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("from nothing");
    group.sample_size(20);
    for tenants in TENANTS {
        let objects = cluster::objects(tenants);
        let compiled = compile(&objects, &Options::standalone());
        assert_eq!(compiled.snapshot.rules.len(), tenants * cluster::ROUTES * 2, "every rule is served");
        assert!(compiled.diagnostics.is_empty(), "nothing is wrong: {:?}", compiled.diagnostics.first());
        let routes = tenants * cluster::ROUTES;
        group.throughput(Throughput::Elements(routes as u64));
        group.bench_with_input(BenchmarkId::from_parameter(routes), &objects, |bencher, objects| {
            bencher.iter_with_large_drop(|| black_box(compile(objects, &Options::standalone())));
        });
    }
    group.finish();
}

/// A compiler that will follow changes gets all objects at once.
fn to_follow(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("from nothing, to follow changes");
    group.sample_size(20);
    for tenants in TENANTS {
        let objects = cluster::objects(tenants);
        let routes = tenants * cluster::ROUTES;
        group.throughput(Throughput::Elements(routes as u64));
        group.bench_with_input(BenchmarkId::from_parameter(routes), &objects, |bencher, objects| {
            bencher.iter_with_large_drop(|| {
                let mut compiler = Compiler::new(Options::standalone());
                let changed = compiler.replace(objects.clone());
                (compiler, changed)
            });
        });
    }
    group.finish();
}

/// All routes at one Gateway, of both kinds that share a host only where they are at different listeners.
fn one_gateway(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("one gateway");
    group.sample_size(20);
    for routes in ROUTES {
        let objects = cluster::one_gateway(routes);
        let results = compile(&objects, &Options::standalone());
        assert_eq!(results.snapshot.rules.len(), routes, "every rule is served");
        assert!(results.diagnostics.is_empty(), "nothing is wrong: {:?}", results.diagnostics.first());
        group.bench_with_input(BenchmarkId::new("from nothing", routes), &objects, |bencher, objects| {
            bencher.iter_with_large_drop(|| black_box(compile(objects, &Options::standalone())));
        });
        let mut compiler = Compiler::new(Options::standalone());
        compiler.replace(objects);
        let mut number = 0;
        group.bench_function(BenchmarkId::new("one route changes", routes), |bencher| {
            let next = || {
                number += 1;
                Change::Insert(cluster::one_of_many(number * 7 % routes, &format!("Get{number}")))
            };
            let apply = |change| assert_eq!(compiler.apply([change]).statuses.len(), 0, "its status stays as it is");
            bencher.iter_batched(next, apply, BatchSize::PerIteration);
        });
        group.bench_function(BenchmarkId::new("one route goes and comes back", routes), |bencher| {
            let next = || {
                number += 1;
                let route = cluster::one_of_many(number * 7 % routes, "Get");
                (Change::Remove(route.id().clone()), Change::Insert(route))
            };
            let apply = |(remove, insert)| (compiler.apply([remove]), compiler.apply([insert]));
            bencher.iter_batched(next, apply, BatchSize::PerIteration);
        });
    }
    group.finish();
}

/// The snapshot before stays alive, as it does in a data plane that is about to apply the next one.
fn one_route(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("one route changes");
    for tenants in TENANTS {
        let mut compiler = Compiler::new(Options::standalone());
        let mut served = compiler.replace(cluster::objects(tenants)).snapshot;
        let mut number = 0;
        let routes = tenants * cluster::ROUTES;
        group.bench_function(BenchmarkId::from_parameter(routes), |bencher| {
            let next = || {
                number += 1;
                let (tenant, path) = (number * 7 % tenants, format!("/cart-{number}"));
                Change::Insert(cluster::changed_route(tenant, number % cluster::ROUTES, &path))
            };
            let apply = |change| {
                let changed = compiler.apply([change]);
                assert_eq!(changed.statuses.len(), 0, "the route's status stays as it is");
                served = changed.snapshot;
            };
            bencher.iter_batched(next, apply, BatchSize::PerIteration);
        });
        assert_eq!(served.rules.len(), routes * 2);
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().with_measurement(CpuTime);
    targets = from_nothing, to_follow, one_route, one_gateway
}
criterion_main!(benches);
