//! The gateway beside nginx and `HAProxy`, on the same job: `cargo xtask bench --peers`.

mod failure;
mod load;
mod peer;
mod report;
mod sample;
mod server;
mod site;
mod workload;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use crate::failure::Failure;
use crate::peer::{PEERS, Running};
use crate::report::Conditions;
use crate::sample::{Sample, float, percentile};
use crate::site::Site;
use crate::workload::{WORKLOADS, Workload};

/// Rounds of each job, with `--quick` and without.
const ROUNDS: [usize; 2] = [3, 9];

struct Settings {
    nantian: PathBuf,
    results: Option<PathBuf>,
    rounds: usize,
}

fn main() -> ExitCode {
    match settings(std::env::args().skip(1)).and_then(|settings| compare(&settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("nantian-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn settings(mut arguments: impl Iterator<Item = String>) -> Result<Settings, Failure> {
    let [quick, full] = ROUNDS;
    let mut nantian = None;
    let mut results = None;
    let mut rounds = full;
    while let Some(flag) = arguments.next() {
        match flag.as_str() {
            "--quick" => rounds = quick,
            "--nantian" => nantian = arguments.next().map(PathBuf::from),
            "--results" => results = arguments.next().map(PathBuf::from),
            other => return Err(Failure::Usage(format!("`{other}` is not understood"))),
        }
    }
    let nantian = nantian.ok_or_else(|| Failure::Usage("--nantian is missing".to_owned()))?;
    let nantian = std::fs::canonicalize(&nantian).map_err(|error| Failure::file(&nantian, error))?;
    Ok(Settings { nantian, results, rounds })
}

fn compare(settings: &Settings) -> Result<(), Failure> {
    let site = Site::new(std::env::temp_dir().join(format!("nantian-bench-{}", std::process::id())))?;
    let before = load_average();
    let backends = site.backends()?;
    let mut running = Vec::new();
    for peer in PEERS {
        running.push(peer.start(&site, &settings.nantian)?);
    }
    let mut samples = Vec::new();
    for workload in WORKLOADS {
        println!("{}. {}", workload.name, workload.what);
        // The first answers open the pools and warm the caches; they are checked but not counted.
        for one in &running {
            measure(workload, one, &site)?;
        }
        for round in 0..settings.rounds {
            // The order turns, so that none always follows the same other.
            for turn in 0..running.len() {
                if let Some(one) = running.get((round + turn) % running.len()) {
                    let sample = measure(workload, one, &site)?;
                    println!("  round {} {:<8} {:>6.1} µs/request", round + 1, one.peer.name(), sample.cpu);
                    samples.push(sample);
                }
            }
        }
    }
    let conditions = Conditions {
        rounds: settings.rounds,
        binary: settings.nantian.display().to_string(),
        load: [before, load_average()],
        machine: machine(),
    };
    let text = report::markdown(&conditions, &samples, &running);
    println!("\n{text}");
    if let Some(path) = &settings.results {
        site::write(path, &text)?;
    }
    drop((running, backends));
    std::fs::remove_dir_all(&site.folder).map_err(|error| Failure::file(&site.folder, error))
}

/// One job on one proxy.
fn measure(workload: &Workload, one: &Running, site: &Site) -> Result<Sample, Failure> {
    let mut durations = Vec::new();
    let (cpu, began) = (one.server.cpu_micros()?, Instant::now());
    for _ in 0..workload.runs {
        durations.extend(load::run(workload, one.ports.of(workload.door), &site.folder).map_err(|failure| {
            let said = std::fs::read_to_string(site.folder.join(format!("{}.out", one.peer.name())));
            Failure::Program(format!("{}: {failure}\n{}", one.peer.name(), said.unwrap_or_default()))
        })?);
    }
    let (cpu, seconds) = (one.server.cpu_micros()? - cpu, began.elapsed().as_secs_f64());
    durations.sort_unstable();
    let requests = float(workload.requests * workload.runs);
    Ok(Sample {
        workload: workload.name,
        peer: one.peer,
        cpu: float(cpu) / requests,
        p50: percentile(&durations, 50),
        p99: percentile(&durations, 99),
        rate: requests / seconds,
    })
}

fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} cores of {}", name.unwrap_or("an unknown processor"))
}
