//! What hostile clients cost another one: `cargo xtask bench --hostile`.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::idle::connect;
use crate::load::{self, Pace};
use crate::peer::{Peer, Programs, Running, Setup};
use crate::sample::{Spread, percentile};
use crate::server::Server;
use crate::site::{self, Site};
use crate::workload::{Door, client};

/// Connections that say nothing.
const SILENT: usize = 10_000;
/// Clients that ask for 10 MiB and read nothing.
const STALLED: usize = 200;

/// Requests a second of the other client. They do not keep the gateway busy: what is measured is what it waits.
const RATE: u64 = 1_000;

/// Longer than a measurement, so that none of the silent ones is cut meanwhile.
const CONFIGURATION: &str = "engine: {http: {requestHeadTimeout: 60s}}\n";

/// Measures the client alone and beside the hostile ones, in turn, on one gateway.
pub(crate) fn compare(site: &Site, programs: &Programs, rounds: usize) -> Result<(), Failure> {
    let folder = site.folder.join("config");
    std::fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, error))?;
    let configuration = folder.join("config.yaml");
    site::write(&configuration, CONFIGURATION)?;
    let _backends = site.backends()?;
    let gateway =
        Peer::Nantian.start(site, programs, Setup::PLAIN, &["--config", &configuration.display().to_string()])?;
    let idle = gateway.server.open_files()?;
    // Opens the pools and warms the caches.
    measure(&gateway, site)?;
    println!("{}, alone and beside {SILENT} silent connections and {STALLED} stalled readers", client().what);
    let mut ratios = Vec::new();
    for round in 0..rounds {
        // The order turns, so that neither always follows the other.
        let (alone, beside) = if round % 2 == 0 {
            let alone = measure(&gateway, site)?;
            (alone, beside(&gateway, site, idle)?)
        } else {
            let beside = beside(&gateway, site, idle)?;
            (measure(&gateway, site)?, beside)
        };
        let ratio = beside.p99 / alone.p99;
        println!(
            "  round {}: p50 {:>5.0} and {:>5.0} µs, p99 {:>5.0} and {:>5.0} µs, ratio of p99 {ratio:.2}",
            round + 1,
            alone.p50,
            beside.p50,
            alone.p99,
            beside.p99,
        );
        ratios.push(ratio);
    }
    let Spread { min, median, max } = Spread::of(ratios);
    println!("\np99 beside them by p99 alone: {median:.2} (median of {rounds} rounds; {min:.2} to {max:.2})");
    Ok(())
}

/// What the client waited, in µs.
struct Waited {
    p50: f64,
    p99: f64,
}

fn measure(gateway: &Running, site: &Site) -> Result<Waited, Failure> {
    let mut durations = load::run(&client(), gateway.ports.of(Door::Http), Pace::Even(RATE), &site.folder)?;
    durations.sort_unstable();
    Ok(Waited { p50: percentile(&durations, 500), p99: percentile(&durations, 990) })
}

/// Measures while the hostile clients are there: all of them, from the first request to the last.
fn beside(gateway: &Running, site: &Site, idle: usize) -> Result<Waited, Failure> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, gateway.ports.of(Door::Http)));
    let hostile: Vec<TcpStream> = (0..SILENT + STALLED)
        .map(|number| connect(address, u16::try_from(number).unwrap_or(u16::MAX)))
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::start("a hostile client", error))?;
    for mut stream in hostile.iter().take(STALLED) {
        stream
            .write_all(b"GET /10m HTTP/1.1\r\nHost: bench\r\n\r\n")
            .map_err(|error| Failure::start("a stalled reader", error))?;
    }
    // A stalled reader has a connection to the backend too.
    let held = idle + SILENT + STALLED * 2;
    wait(&gateway.server, "all hostile clients to be served", |files| files >= held)?;
    let waited = measure(gateway, site)?;
    let left = gateway.server.open_files()?;
    if left < held {
        return Err(Failure::Program(format!("{} connections ended while they were needed", held - left)));
    }
    drop(hostile);
    // Pooled connections to the backend may stay.
    wait(&gateway.server, "the hostile clients to be forgotten", |files| files < idle + STALLED)?;
    Ok(waited)
}

fn wait(server: &Server, what: &str, reached: impl Fn(usize) -> bool) -> Result<(), Failure> {
    let began = Instant::now();
    while !reached(server.open_files()?) {
        if began.elapsed() > Duration::from_secs(30) {
            return Err(Failure::Program(format!("waited 30 s in vain for {what}")));
        }
        sleep(Duration::from_millis(20));
    }
    Ok(())
}
