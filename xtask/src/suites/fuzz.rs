//! The fuzz targets in `fuzz/`, on the stable toolchain.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Counts, Settings};
use crate::arguments::Arguments;
use crate::process::{Failure, Step};
use crate::tools;
use crate::workspace::Workspace;

/// How long each target runs in a suite.
const SECONDS: u64 = 60;

/// How many targets run at once in a suite: one for each core of the smallest machine.
const AT_ONCE: usize = 2;

/// Each target for a minute: a suite of `cargo xtask test`.
pub(crate) fn run(workspace: &Workspace, settings: Settings) -> Result<Counts, Failure> {
    tools::install_system_programs()?;
    call(workspace, "build", &[])?.run()?;
    let targets = workspace.programs("fuzz/fuzz_targets")?;
    let next = AtomicUsize::new(0);
    let outcomes: Vec<(&String, Result<(), Failure>)> = std::thread::scope(|scope| {
        let work = || {
            let mut done = Vec::new();
            while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
                done.push((target, fuzz(workspace, target, settings.fuzz_seconds.unwrap_or(SECONDS))));
            }
            done
        };
        let running: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    let mut counts = Counts { passed: 0, failed: targets.len() };
    for (target, outcome) in outcomes {
        match outcome {
            Ok(()) => counts = Counts { passed: counts.passed + 1, failed: counts.failed - 1 },
            Err(failure) => eprintln!("fuzz target {target}: {failure}"),
        }
    }
    Ok(counts)
}

/// `cargo xtask fuzz`.
pub(crate) fn run_by_hand(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let seconds = arguments.option("--seconds")?.unwrap_or(SECONDS);
    let chosen = arguments.word();
    arguments.finish()?;
    let all = workspace.programs("fuzz/fuzz_targets")?;
    if let Some(target) = &chosen
        && !all.contains(target)
    {
        return Err(Failure::Usage(format!("there is no target `{target}`; these exist: {}", all.join(", "))));
    }
    for target in all.iter().filter(|target| chosen.as_ref().is_none_or(|name| name == *target)) {
        fuzz(workspace, target, seconds)?;
    }
    Ok(())
}

/// Runs one target. What it learns goes to the cache folder; the seeds in the repository are read only.
fn fuzz(workspace: &Workspace, target: &str, seconds: u64) -> Result<(), Failure> {
    let learned = workspace.cache.join("fuzz").join(target);
    std::fs::create_dir_all(&learned).map_err(Failure::file(&learned))?;
    let folder = workspace.root.join("fuzz");
    let seeds = folder.join("seeds").join(target);
    let dictionary = folder.join("dictionaries").join(format!("{target}.dict"));
    let mut step = call(workspace, "run", &[target])?
        .args([&learned])
        .args(if seeds.is_dir() { vec![seeds] } else { Vec::new() })
        .args(["--"])
        .args([format!("-max_total_time={seconds}"), "-timeout=10".to_owned(), "-rss_limit_mb=2048".to_owned()])
        .args(["-print_final_stats=1", "-verbosity=0"]);
    if Path::new(&dictionary).is_file() {
        step = step.args([format!("-dict={}", dictionary.display())]);
    }
    step.run()
}

fn call(workspace: &Workspace, command: &str, targets: &[&str]) -> Result<Step, Failure> {
    let step = Step::new(tools::CARGO_FUZZ.install(workspace)?)
        // libFuzzer's instrumentation flags are unstable; the compiler is the stable one.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", workspace.target.join("fuzz"))
        .args([command, "--fuzz-dir"])
        .args([workspace.root.join("fuzz")])
        // No sanitizer: `unsafe` is forbidden in our crates, and without one a run does several times the work.
        .args(["--sanitizer", "none"])
        .args(targets);
    Ok(step)
}
