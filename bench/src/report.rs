//! The tables.

use std::fmt::Write;

use crate::peer::{PEERS, Peer, Running};
use crate::sample::{Sample, Spread, float};
use crate::workload::{WORKLOADS, Workload};

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
}

/// The report as Markdown.
pub(crate) fn markdown(conditions: &Conditions, samples: &[Sample], running: &[Running]) -> String {
    let mut text = String::from(
        "# nantian beside nginx and HAProxy\n\nWritten by `cargo xtask bench --peers`. One core for the proxy, another \
         for h2load and the backends; rounds are interleaved (each proxy once, then again); every status, protocol and \
         count of body bytes is checked. CPU is user and system time of the proxy's process for each request. Ratios \
         are the median over rounds of nantian's CPU by the peer's CPU in the same round, with the least and the \
         most: below 1, nantian needs less. Durations are what h2load saw at full load, not at a fixed rate.\n\n",
    );
    let [before, after] = &conditions.load;
    let (rounds, machine, binary) = (conditions.rounds, &conditions.machine, &conditions.binary);
    let _infallible = write!(
        text,
        "- Rounds: {rounds}\n- Machine: {machine}\n- Load average (1, 5, 15 min) before: {before}; after: {after}. \
         Beyond 2, other programs competed for the cores.\n- nantian's binary: `{binary}`\n",
    );
    for one in running {
        let _infallible = writeln!(text, "- {}: `{}`", one.peer.name(), one.version);
    }
    text.push_str("- Configurations: [`configs/`](configs)\n\n");
    text.push_str("| workload | proxy | CPU µs/request: median (min-max) | nantian / proxy (min-max) ");
    text.push_str("| p50 µs | p99 µs | requests/s |\n| --- | --- | --- | --- | --- | --- | --- |\n");
    for workload in WORKLOADS {
        for peer in PEERS {
            text.push_str(&row(workload, peer, samples));
        }
    }
    text.push_str("\n| workload | what |\n| --- | --- |\n");
    for Workload { name, what, .. } in WORKLOADS {
        let _infallible = writeln!(text, "| {name} | {what} |");
    }
    text.push_str("\n| proxy | MiB resident idle | after all rounds |\n| --- | --- | --- |\n");
    for one in running {
        let mib = |kib: u64| float(kib) / 1024.0;
        let after = one.server.resident_kib().unwrap_or_default();
        let _infallible = writeln!(text, "| {} | {:.1} | {:.1} |", one.peer.name(), mib(one.idle_kib), mib(after));
    }
    text
}

fn row(workload: &Workload, peer: Peer, samples: &[Sample]) -> String {
    let of = |peer: Peer| samples.iter().filter(move |one| one.workload == workload.name && one.peer == peer);
    if of(peer).next().is_none() {
        return String::new();
    }
    let cpu = Spread::of(of(peer).map(|one| one.cpu));
    let ratio = Spread::of(of(Peer::Nantian).zip(of(peer)).map(|(ours, theirs)| ours.cpu / theirs.cpu));
    let ratio = match peer {
        Peer::Nantian => "-".to_owned(),
        _ => format!("{:.2} ({:.2}-{:.2})", ratio.median, ratio.min, ratio.max),
    };
    let middle = |value: fn(&Sample) -> f64| Spread::of(of(peer).map(value)).median;
    format!(
        "| {} | {} | {:.1} ({:.1}-{:.1}) | {ratio} | {:.0} | {:.0} | {:.0} |\n",
        workload.name,
        peer.name(),
        cpu.median,
        cpu.min,
        cpu.max,
        middle(|one| one.p50),
        middle(|one| one.p99),
        middle(|one| one.rate),
    )
}
