//! Resident memory of each proxy, and of this project's data plane alone: with one route, and with very many.

use std::fmt::Write;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use crate::dataplane::DataPlane;
use crate::failure::Failure;
use crate::load;
use crate::peer::{Peer, Programs, Setup};
use crate::reload::see_path;
use crate::routes::Routes;
use crate::sample::{Spread, float};
use crate::server::{Memory, Server};
use crate::site::{Ports, Site};
use crate::workload::{self, Workload};

/// What they route.
const ROUTES: [Routes; 3] = [Routes::One, Routes::Paths(10_000), Routes::Hosts(10_000)];
/// Requests between the two looks at the memory: an hour of them is the part `endurance`.
const REQUESTS: u64 = 8_000;
/// Before each look. An allocator gives back what is needed no more, a second or two later.
const REST: Duration = Duration::from_secs(3);

/// Whose memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Process {
    /// A proxy; of this project, control plane and data plane in one process.
    Proxy(Peer),
    /// This project's data plane, with its control plane elsewhere.
    DataPlane,
}

impl Process {
    fn name(self) -> &'static str {
        match self {
            Self::Proxy(Peer::Nantian) => "nantian run",
            Self::Proxy(peer) => peer.name(),
            Self::DataPlane => "nantian-dataplane",
        }
    }
}

/// One process with one set of routes.
struct Sample {
    round: usize,
    routes: Routes,
    process: Process,
    /// While it serves the last route, before all other requests.
    served: Memory,
    /// After them.
    after: Memory,
}

/// Measures each process, started anew for each round, and returns the table.
pub(crate) fn compare(site: &Site, programs: &Programs, rounds: usize) -> Result<String, Failure> {
    println!("\nmemory: with one route and with 10,000");
    let mut processes: Vec<_> = programs.peers().into_iter().map(Process::Proxy).collect();
    if programs.dataplane.is_some() {
        processes.insert(1, Process::DataPlane);
    }
    let mut samples = Vec::new();
    for round in 1..=rounds {
        for routes in ROUTES {
            let setup = Setup { routes, ..Setup::PLAIN };
            for process in processes.iter().copied().filter(|process| takes(*process, setup)) {
                let sample = measure(process, round, setup, site, programs)?;
                let [served, after] = [sample.served, sample.after].map(|memory| mib(memory.resident));
                println!("  round {round} {:<12} {:<17} {served:>6.1} {after:>6.1} MiB", routes.name(), process.name());
                samples.push(sample);
            }
        }
    }
    Ok(table(&processes, &samples))
}

fn takes(process: Process, setup: Setup) -> bool {
    match process {
        Process::Proxy(peer) => peer.takes(setup, &workload::http1()),
        Process::DataPlane => true,
    }
}

fn measure(process: Process, round: usize, setup: Setup, site: &Site, programs: &Programs) -> Result<Sample, Failure> {
    let look = |server: &Server, ports| {
        looks(process.name(), server, ports, setup.routes, site).map(|[served, after]| Sample {
            round,
            routes: setup.routes,
            process,
            served,
            after,
        })
    };
    match process {
        Process::Proxy(peer) => {
            let running = peer.start(site, programs, setup, &[])?;
            look(&running.server, running.ports)
        }
        Process::DataPlane => {
            let program: PathBuf = programs.dataplane.clone().unwrap_or_default();
            let running = DataPlane::start(site, &program, setup)?;
            look(&running.server, running.ports)
        }
    }
}

/// Its memory before the requests and after them.
fn looks(name: &str, server: &Server, ports: Ports, routes: Routes, site: &Site) -> Result<[Memory; 2], Failure> {
    let (path, host) = routes.last();
    see_path(name, ports, host.as_deref(), &path)?;
    sleep(REST);
    let before = server.memory()?;
    let job = Workload { path, host, requests: REQUESTS, ..workload::http1() };
    load::run(&job, ports.of(job.door), load::Pace::Unlimited, &site.folder)?;
    sleep(REST);
    Ok([before, server.memory()?])
}

/// Who memory is held against: nginx has the least where there is one route, and Envoy is fed as we are where there are many.
fn held_against(routes: Routes) -> Peer {
    if routes == Routes::One { Peer::Nginx } else { Peer::Envoy }
}

fn table(processes: &[Process], samples: &[Sample]) -> String {
    let mut text = format!(
        "\n## memory\n\nResident memory of one worker in MiB once it serves the last of its routes, and after {REQUESTS} requests \
         of job a for it; started anew for each round. Anonymous is heap, stacks and relocated data; files are the program \
         and its libraries. `nantian run` is control plane and data plane in one process; `nantian-dataplane` is fed by a \
         control plane elsewhere, as in a cluster. Ratios are by nginx's memory where there is one route, by Envoy's where \
         there are many.\n\n\
         | routes | proxy | MiB (min-max) | anonymous | files | by nginx's or Envoy's | MiB after (min-max) | anonymous \
         | files | by nginx's or Envoy's |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
    );
    for routes in ROUTES {
        for process in processes {
            text.push_str(&row(routes, *process, samples));
        }
    }
    text
}

fn row(routes: Routes, process: Process, samples: &[Sample]) -> String {
    let of = |process| samples.iter().filter(move |one| one.routes == routes && one.process == process);
    if of(process).next().is_none() {
        return String::new();
    }
    let other = Process::Proxy(held_against(routes));
    let mut text = format!("| {} | {} |", routes.name(), process.name());
    for memory in [|one: &Sample| one.served, |one: &Sample| one.after] {
        let middle = |kib: fn(Memory) -> u64| Spread::of(of(process).map(|one| mib(kib(memory(one)))));
        let resident = middle(|memory| memory.resident);
        let ratios = of(process).filter_map(|one| {
            let same_round = of(other).find(|another| another.round == one.round)?;
            Some(float(memory(one).resident) / float(memory(same_round).resident))
        });
        let ratio = match of(other).next() {
            Some(_) => format!("{:.2}", Spread::of(ratios).median),
            None => "-".to_owned(),
        };
        let _infallible = write!(
            text,
            " {:.1} ({:.1}-{:.1}) | {:.1} | {:.1} | {ratio} |",
            resident.median,
            resident.min,
            resident.max,
            middle(|memory| memory.anonymous).median,
            middle(|memory| memory.files).median,
        );
    }
    text + "\n"
}

fn mib(kib: u64) -> f64 {
    float(kib) / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_route_is_held_against_nginx_and_many_against_envoy() {
        let sample = |routes, process, mib: u64| {
            let memory = Memory { resident: mib * 1024, anonymous: mib * 512, files: mib * 256 };
            let after = Memory { resident: mib * 2048, ..memory };
            Sample { round: 1, routes, process, served: memory, after }
        };
        let [data, nginx, envoy] = [Process::DataPlane, Process::Proxy(Peer::Nginx), Process::Proxy(Peer::Envoy)];
        let many = Routes::Paths(10_000);
        let samples = [
            sample(Routes::One, data, 12),
            sample(Routes::One, nginx, 16),
            sample(Routes::One, envoy, 64),
            sample(many, data, 30),
            sample(many, envoy, 120),
        ];
        let text = table(&[data, nginx, envoy], &samples);
        let rows: Vec<_> = text.lines().filter(|line| line.contains("nantian-dataplane |")).collect();
        assert_eq!(
            rows,
            [
                "| one | nantian-dataplane | 12.0 (12.0-12.0) | 6.0 | 3.0 | 0.75 | 24.0 (24.0-24.0) | 6.0 | 3.0 | 0.75 |",
                "| 10000 paths | nantian-dataplane | 30.0 (30.0-30.0) | 15.0 | 7.5 | 0.25 | 60.0 (60.0-60.0) | 15.0 | 7.5 | 0.25 |",
            ]
        );
        assert!(
            row(Routes::One, data, samples.get(..1).unwrap_or_default()).contains("| - |"),
            "nobody to compare with"
        );
    }
}
