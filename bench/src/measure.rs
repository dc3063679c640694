//! Running a part: its proxies started, its rounds interleaved.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::client;
use crate::failure::Failure;
use crate::load;
use crate::part::{Cell, Part};
use crate::peer::{Peer, Programs, Running};
use crate::reload;
use crate::sample::{Sample, float, percentile};
use crate::site::Site;
use crate::workload::{Client, Unit, Workload};

/// A proxy that takes longer for a round of a row is measured in the first one only.
const LONG: Duration = Duration::from_secs(30);

/// What a part found.
#[derive(Debug)]
pub(crate) struct Found {
    /// Each proxy in each round of each cell.
    pub(crate) samples: Vec<Sample>,
    /// The proxies, still running.
    pub(crate) running: Vec<Running>,
}

/// Starts the proxies of a part and measures them.
pub(crate) fn part(part: &Part, site: &Site, programs: &Programs, rounds: usize) -> Result<Found, Failure> {
    println!("\n{}: {}", part.name, part.what);
    let mut running: Vec<Running> = Vec::new();
    for cell in &part.cells {
        for peer in programs.doing(cell.setup, &cell.workload) {
            if find(&running, peer, cell).is_none() {
                running.push(peer.start(site, programs, cell.setup, &[])?);
            }
        }
    }
    let (mut samples, mut slow) = (Vec::new(), HashSet::new());
    // The first round opens the pools and warms the caches: it is checked but not counted.
    for round in 0..=rounds {
        for (place, cell) in part.cells.iter().enumerate() {
            let mut peers: Vec<&Running> = programs
                .doing(cell.setup, &cell.workload)
                .into_iter()
                .filter_map(|peer| find(&running, peer, cell))
                .collect();
            // The order turns, so that none always follows the same other.
            let first = round.checked_rem(peers.len()).unwrap_or(0);
            peers.rotate_left(first);
            for one in peers {
                if slow.contains(&(place, one.peer.name())) {
                    continue;
                }
                let began = Instant::now();
                let sample = measure(cell, place, round, one, site)?;
                if round > 0 && began.elapsed() > LONG {
                    slow.insert((place, one.peer.name()));
                }
                if round > 0 {
                    println!("  round {round} {:<24} {:<8} {:>7.1}", cell.label, one.peer.name(), sample.cpu);
                    samples.push(sample);
                }
            }
        }
    }
    Ok(Found { samples, running })
}

fn find<'running>(running: &'running [Running], peer: Peer, cell: &Cell) -> Option<&'running Running> {
    running.iter().find(|one| one.peer == peer && one.setup == cell.setup)
}

/// One cell on one proxy.
fn measure(cell: &Cell, place: usize, round: usize, one: &Running, site: &Site) -> Result<Sample, Failure> {
    let workload = &cell.workload;
    let mut durations = Vec::new();
    let (cpu, began) = (one.server.cpu_micros()?, Instant::now());
    for _ in 0..workload.runs {
        durations.extend(load(cell, one, site).map_err(|failure| {
            let said = std::fs::read_to_string(site.folder.join(format!("{}.out", one.peer.name())));
            Failure::Program(format!("{}: {failure}\n{}", one.peer.name(), said.unwrap_or_default()))
        })?);
    }
    let (cpu, seconds) = (one.server.cpu_micros()? - cpu, began.elapsed().as_secs_f64());
    durations.sort_unstable();
    Ok(Sample {
        cell: place,
        round,
        peer: one.peer,
        cpu: float(cpu) / divisor(workload),
        durations: [500, 990, 999].map(|per_mille| percentile(&durations, per_mille)),
        rate: float(workload.requests * workload.runs) / seconds,
    })
}

/// One run of the cell's client, beside reloads if there are to be any.
fn load(cell: &Cell, one: &Running, site: &Site) -> Result<Vec<u64>, Failure> {
    let (workload, port) = (&cell.workload, one.ports.of(cell.workload.door));
    let run = || match workload.client {
        Client::H2load => load::run(workload, port, cell.pace, &site.folder),
        _ => client::run(workload, port, cell.pace.rate(), site),
    };
    if cell.reloads { reload::beside(one, site, run) } else { run() }
}

/// What µs of a round are divided by.
fn divisor(workload: &Workload) -> f64 {
    let requests = float(workload.requests * workload.runs);
    match workload.unit {
        Unit::Request => requests,
        Unit::Gibibyte => requests * float(workload.body) / float(1 << 30) * 1_000.0,
    }
}

#[cfg(test)]
mod tests {
    use super::divisor;
    use crate::workload;

    #[test]
    fn large_bodies_are_told_in_milliseconds_for_a_gibibyte() {
        let f = workload::all().into_iter().find(|workload| workload.name == "f").unwrap();
        // 200 bodies of 10 MiB are 1.953125 GiB: as many thousands of µs are 1 ms for each GiB.
        assert!((divisor(&f) - 1_953.125).abs() < 1e-9);
    }
}
