//! The tables.

use std::fmt::Write;

use crate::measure::Found;
use crate::network;
use crate::part::{Cell, Part};
use crate::peer::{PEERS, Peer};
use crate::sample::{Sample, Spread, float};

/// What a comparison was.
#[derive(Debug)]
pub(crate) struct Conditions {
    /// Rounds of each job.
    pub(crate) rounds: usize,
    /// The binary that was measured.
    pub(crate) binary: String,
    /// `/proc/loadavg` before the first round and after the last.
    pub(crate) load: [String; 2],
    /// The processor's name, and how many cores there are.
    pub(crate) machine: String,
    /// The proxies and their versions.
    pub(crate) versions: Vec<(&'static str, String)>,
}

/// What stands above the tables.
pub(crate) fn head(conditions: &Conditions) -> String {
    let mut text = String::from(
        "# nantian beside other proxies\n\nWritten by `cargo xtask bench --peers`. One core for the proxy, another for \
         h2load and the backends; rounds are interleaved (each proxy once, then again); every status, protocol and \
         count of body bytes is checked. CPU is user and system time of the proxy's process for each request. Ratios \
         are the median over rounds of nantian's CPU by the peer's CPU in the same round, with the least and the \
         most: below 1, nantian needs less. A proxy that takes more than 30 s for a round of a row is \
         measured once. Durations are what the client saw. The machine's `perf` counts no \
         instructions; `docs/performance.md` has those that valgrind counts.\n\n",
    );
    let [before, after] = &conditions.load;
    let (rounds, machine, binary) = (conditions.rounds, &conditions.machine, &conditions.binary);
    let control = network::control();
    let _infallible = write!(
        text,
        "- Rounds: {rounds}\n- Machine: {machine}\n- Congestion control of TCP: {control}\n- Load average (1, 5, 15 min) before: {before}; after: {after}. \
         Beyond 2, other programs competed for the cores.\n- nantian's binary: `{binary}`\n",
    );
    for (name, version) in &conditions.versions {
        let _infallible = writeln!(text, "- {name}: `{version}`");
    }
    text.push_str("- Configurations: [`configs/`](configs)\n");
    text
}

/// The table of one part.
pub(crate) fn part(part: &Part, found: &Found) -> String {
    let mut text = format!("\n## {}\n\n{}\n\n", part.name, part.what);
    text.push_str("| job | proxy | CPU µs/request: median (min-max) | nantian / proxy (min-max) ");
    text.push_str(if part.growth { "| against the first line " } else { "" });
    text.push_str("| p50 µs | p99 µs | p99.9 µs | requests/s | MiB idle | MiB after |\n");
    text.push_str(if part.growth { "| --- " } else { "" });
    text.push_str("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (place, cell) in part.cells.iter().enumerate() {
        for peer in PEERS {
            text.push_str(&row(part, place, cell, peer, found));
        }
    }
    text
}

fn row(part: &Part, place: usize, cell: &Cell, peer: Peer, found: &Found) -> String {
    let samples = &found.samples;
    let of = |cell: usize, peer: Peer| samples.iter().filter(move |one| one.cell == cell && one.peer == peer);
    let Some(running) = found.running.iter().find(|one| one.peer == peer && one.setup == cell.setup) else {
        return String::new();
    };
    if of(place, peer).next().is_none() {
        return String::new();
    }
    let against = |other: (usize, Peer)| {
        let pairs = of(place, peer).filter_map(|one| {
            let same_round = of(other.0, other.1).find(|another| another.round == one.round)?;
            Some(one.cpu / same_round.cpu)
        });
        Spread::of(pairs)
    };
    let ratio = if peer == Peer::Nantian {
        "-".to_owned()
    } else {
        let theirs = against((place, Peer::Nantian));
        // The other way round: nantian's by the peer's.
        format!("{:.2} ({:.2}-{:.2})", 1.0 / theirs.median, 1.0 / theirs.max, 1.0 / theirs.min)
    };
    let growth = if part.growth { format!("| {:.2} ", against((0, peer)).median) } else { String::new() };
    let cpu = Spread::of(of(place, peer).map(|one| one.cpu));
    let middle = |value: fn(&Sample) -> f64| Spread::of(of(place, peer).map(value)).median;
    let mib = |kib: u64| float(kib) / 1024.0;
    format!(
        "| {} | {} | {:.1} ({:.1}-{:.1}) | {ratio} {growth}| {:.0} | {:.0} | {:.0} | {:.0} | {:.1} | {:.1} |\n",
        cell.label,
        peer.name(),
        cpu.median,
        cpu.min,
        cpu.max,
        middle(|one| one.durations[0]),
        middle(|one| one.durations[1]),
        middle(|one| one.durations[2]),
        middle(|one| one.rate),
        mib(running.idle_kib),
        mib(running.server.resident_kib().unwrap_or_default()),
    )
}
