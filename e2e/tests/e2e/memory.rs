//! Memory does not grow with requests and reloads, and how much there is of it.

use std::time::Instant;

use crate::backend::Backend;
use crate::gateway::{Gateway, eventually};
use crate::h2load::h2load;
use crate::manifest::{self, Listener};
use crate::{port, raw};

/// `cargo xtask soak` sets the numbers; without them, what CI has time for.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

/// The first quarter warms up: pools, buffers and the allocator's own pages fill. After it, memory may grow by a
/// quarter and 4 MiB: the allocator returns pages when it likes, a leak grows with the count.
fn bound(warm: u64) -> u64 {
    warm + warm / 4 + 4 * 1024
}

fn yaml(port: u16, backend: u16, version: u64) -> String {
    let mut text = manifest::gateway(&[Listener::http("web", port)]) + &manifest::service("a", backend, None);
    // Not a catch-all: a path of a version that is not live yet is 404.
    let served = "[{matches: [{path: {type: Exact, value: /x}}], backendRefs: [{name: a, port: 80}]}]";
    text += &manifest::http_route("served", &[], served);
    // Enough routes that one forgotten snapshot would show.
    for number in 0..50 {
        let rules = format!(
            "[{{matches: [{{path: {{value: /v{version}/r{number}}}}}], backendRefs: [{{name: a, port: 80}}]}}]"
        );
        text += &manifest::http_route(&format!("r{number}"), &[], &rules);
    }
    text
}

/// One step: some requests over HTTP/1.1 and HTTP/2, then some reloads.
fn step(gateway: &Gateway, backend: &Backend, port: u16, requests: u64, reloads: std::ops::Range<u64>) {
    let url = format!("http://127.0.0.1:{port}/x");
    let half = (requests / 2).max(16);
    assert!(h2load(half, &["--h1", "-c", "16", &url]).is_clean());
    assert!(h2load(half, &["-c", "4", "-m", "8", &url]).is_clean());
    for version in reloads {
        gateway.write("gateway.yaml", &yaml(port, backend.port, version));
        let marker = format!("/v{version}/r49");
        eventually("the reload is live", || raw::get(port, "a", &marker).filter(|answer| answer.status == 200));
    }
}

#[test]
fn memory_does_not_grow_with_requests_and_reloads() {
    let requests = setting("NANTIAN_SOAK_REQUESTS", 50_000);
    let reloads = setting("NANTIAN_SOAK_RELOADS", 50);
    let (backend, port) = (Backend::start("a"), port::free());
    let began = Instant::now();
    let gateway = Gateway::spawn(&yaml(port, backend.port, 0), &[]);
    eventually("the first request is answered", || raw::get(port, "a", "/x").filter(|answer| answer.status == 200));
    println!("start of the process to the first answer: {:?}", began.elapsed());
    println!("idle: {} KiB resident", gateway.resident_kib());
    let steps = 8;
    let mut warm = 0;
    for number in 0..steps {
        let range = reloads * number / steps + 1..reloads * (number + 1) / steps + 1;
        step(&gateway, &backend, port, requests / steps, range);
        let now = gateway.resident_kib();
        println!(
            "after {} requests and {} reloads: {now} KiB",
            requests * (number + 1) / steps,
            reloads * (number + 1) / steps
        );
        if number == steps / 4 - 1 {
            warm = now;
        }
    }
    let end = gateway.resident_kib();
    assert!(end <= bound(warm), "{warm} KiB when warm, {end} KiB at the end, allowed: {} KiB", bound(warm));
}
