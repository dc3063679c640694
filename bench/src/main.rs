//! The gateway beside other proxies, on the same job: `cargo xtask bench --peers`. What hostile clients cost another one:
//! `cargo xtask bench --hostile`. And the work that guided builds learn from: `cargo xtask pgo`.

mod client;
mod configure;
mod dataplane;
mod endurance;
mod failure;
mod floor;
mod hostile;
mod idle;
mod load;
mod measure;
mod memory;
mod network;
mod part;
mod peer;
mod record;
mod reload;
mod report;
mod routes;
mod sample;
mod server;
mod site;
mod streams;
mod train;
mod workload;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::failure::Failure;
use crate::measure::Found;
use crate::part::Part;
use crate::peer::{Peer, Programs};
use crate::record::Record;
use crate::report::Conditions;
use crate::sample::Spread;
use crate::site::Site;
use crate::workload::Workload;

/// Rounds of each job, with `--quick` and where `--rounds` does not say.
const ROUNDS: [usize; 2] = [3, 9];

/// How long `endurance` takes: ten minutes and more. With `--quick` a fifth of it.
const ENDURANCE: Duration = Duration::from_secs(630);

/// What is done.
#[derive(Debug, Clone, Copy)]
enum Task {
    /// The proxies are compared.
    Compare,
    /// A client is measured beside hostile ones.
    Hostile,
    /// The gateway alone does all of its jobs, and ends well.
    Train,
}

struct Settings {
    task: Task,
    programs: Programs,
    results: Option<PathBuf>,
    rounds: usize,
    /// Whether each round is a fifth as long.
    quick: bool,
    /// The only part that runs.
    part: Option<String>,
    /// The only jobs that run.
    jobs: Option<String>,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let done = match words.split_first() {
        Some((first, ports)) if first == "--floor" => floor::run(ports),
        _ => settings(words.into_iter()).and_then(|settings| run(&settings)),
    };
    match done {
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
    let programs = Programs::default();
    let mut settings =
        Settings { task: Task::Compare, programs, results: None, rounds: full, quick: false, part: None, jobs: None };
    let mut rounds = None;
    while let Some(flag) = arguments.next() {
        match flag.as_str() {
            "--quick" => (settings.quick, settings.rounds) = (true, quick),
            "--rounds" => rounds = Some(arguments.next().unwrap_or_default()),
            "--hostile" => settings.task = Task::Hostile,
            "--train" => settings.task = Task::Train,
            "--nantian" => nantian = arguments.next(),
            "--envoy" => settings.programs.envoy = arguments.next().map(absolute).transpose()?,
            "--dataplane" => settings.programs.dataplane = arguments.next().map(absolute).transpose()?,
            "--pingora" => settings.programs.pingora = arguments.next().map(absolute).transpose()?,
            "--results" => settings.results = arguments.next().map(PathBuf::from),
            "--part" => settings.part = arguments.next(),
            "--jobs" => settings.jobs = arguments.next(),
            other => return Err(Failure::Usage(format!("`{other}` is not understood"))),
        }
    }
    if let Some(rounds) = rounds {
        let number = rounds.parse().ok().filter(|rounds| *rounds > 0);
        settings.rounds = number.ok_or_else(|| Failure::Usage(format!("`{rounds}` is no number of rounds")))?;
    }
    if settings.quick && settings.part.is_none() {
        settings.part = Some("jobs".to_owned());
    }
    let nantian = nantian.ok_or_else(|| Failure::Usage("--nantian is missing".to_owned()))?;
    settings.programs.nantian = absolute(nantian)?;
    Ok(settings)
}

fn absolute(path: String) -> Result<PathBuf, Failure> {
    std::fs::canonicalize(&path).map_err(|error| Failure::File(path, error))
}

fn run(settings: &Settings) -> Result<(), Failure> {
    network::enter()?;
    raise_file_limit()?;
    let site = Site::new(std::env::temp_dir().join(format!("nantian-bench-{}", std::process::id())))?;
    match settings.task {
        Task::Compare => compare(settings, &site)?,
        Task::Hostile => hostile::compare(&site, &settings.programs, settings.rounds)?,
        Task::Train => train::work(&site, &settings.programs)?,
    }
    std::fs::remove_dir_all(&site.folder).map_err(|error| Failure::file(&site.folder, error))
}

fn compare(settings: &Settings, site: &Site) -> Result<(), Failure> {
    load::stay_on_core()?;
    let backends = site.backends()?;
    let conditions = Conditions {
        rounds: settings.rounds,
        binary: settings.programs.nantian.display().to_string(),
        load: [load_average(), String::new()],
        machine: machine(),
        versions: Vec::new(),
    };
    let mut record = Record::new(conditions, settings.results.clone());
    let mut run = |part: &Part| -> Result<Found, Failure> {
        let shorter = settings.quick.then(|| part.shorter());
        let part = shorter.as_ref().unwrap_or(part);
        let found = measure::part(part, site, &settings.programs, settings.rounds)?;
        record.name(found.running.iter().map(|one| (one.peer.name(), one.version.clone())));
        record.add(&report::part(part, &found), load_average())?;
        Ok(found)
    };
    let wanted = |name: &str| settings.part.as_deref().is_none_or(|only| only == name);
    // Rates for the durations come from the jobs.
    if wanted("jobs") || wanted("durations") {
        let jobs = jobs(settings);
        let rates = rates(&jobs, &run(&jobs)?);
        if wanted("durations") {
            run(&part::durations(&rates))?;
        }
    }
    for part in [part::growth(), part::access_log(), part::workers(), part::streams(), part::reloads()] {
        if wanted(part.name) {
            run(&part)?;
        }
    }
    // Memory varies little.
    let rounds = settings.rounds.div_ceil(3);
    if wanted("idle") {
        record.add(&idle::compare(site, &settings.programs, rounds)?, load_average())?;
    }
    if wanted("memory") {
        record.add(&memory::compare(site, &settings.programs, rounds)?, load_average())?;
    }
    if wanted("endurance") {
        let length = if settings.quick { ENDURANCE / 5 } else { ENDURANCE };
        record.add(&endurance::watch(site, &settings.programs, length)?, load_average())?;
    }
    record.end()?;
    drop(backends);
    Ok(())
}

/// The jobs whose letters were asked for.
fn jobs(settings: &Settings) -> Part {
    let mut jobs = part::jobs();
    if let Some(letters) = &settings.jobs {
        jobs.cells.retain(|cell| letters.contains(cell.workload.name));
    }
    jobs
}

/// For the jobs of many requests on kept connections: 70 % of what the slowest proxy did.
fn rates(jobs: &Part, found: &Found) -> Vec<(Workload, u64)> {
    let kept = |workload: &Workload| ["a", "b", "c"].contains(&workload.name);
    let cells = jobs.cells.iter().enumerate().filter(|(_, cell)| kept(&cell.workload));
    cells
        .map(|(place, cell)| {
            let median = |peer| {
                let of = found.samples.iter().filter(|one| one.cell == place && one.peer == peer);
                Spread::of(of.map(|one| one.rate)).median
            };
            let proxies = found.running.iter().map(|one| one.peer).filter(|peer| *peer != Peer::Floor);
            let slowest = proxies.map(median).fold(f64::INFINITY, f64::min);
            // Whole thousands: the rate is a name in the report.
            (cell.workload.clone(), thousands(slowest * 0.7))
        })
        .collect()
}

fn thousands(rate: f64) -> u64 {
    (1..=1_000).map(|count| count * 1_000).take_while(|whole| sample::float(*whole) <= rate).last().unwrap_or(500)
}

/// Each connection is an open file of this process and of a proxy, which inherits the limit.
fn raise_file_limit() -> Result<(), Failure> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).map_err(|error| Failure::start("setrlimit", error.into()))
}

fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    // All of them: this process keeps to one.
    let cores = text.lines().filter(|line| line.starts_with("processor")).count();
    format!("{cores} cores of {}", name.unwrap_or("an unknown processor"))
}

#[cfg(test)]
mod tests {
    use super::{settings, thousands};

    fn given(flags: &str) -> Option<(usize, bool, Option<String>)> {
        let flags = format!("--nantian / {flags}");
        let given = settings(flags.split_whitespace().map(str::to_owned)).ok()?;
        Some((given.rounds, given.quick, given.part))
    }

    #[test]
    fn a_quick_run_is_of_the_jobs_unless_a_part_is_named() {
        assert_eq!(given(""), Some((9, false, None)));
        assert_eq!(given("--rounds 3"), Some((3, false, None)));
        assert_eq!(given("--quick"), Some((3, true, Some("jobs".to_owned()))));
        assert_eq!(given("--rounds 1 --quick --part log"), Some((1, true, Some("log".to_owned()))));
        assert_eq!(given("--rounds 0"), None);
        assert_eq!(given("--rounds"), None);
    }

    #[test]
    fn a_rate_is_rounded_down_to_whole_thousands() {
        assert_eq!(thousands(23_456.0), 23_000);
        assert_eq!(thousands(999.0), 500);
        assert_eq!(thousands(f64::INFINITY), 1_000_000);
    }
}
