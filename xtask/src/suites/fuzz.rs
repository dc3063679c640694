//! The fuzz targets in `fuzz/`, on the stable toolchain.

use std::path::Path;

use super::{Counts, Settings};
use crate::arguments::Arguments;
use crate::process::{Failure, Step};
use crate::tools;
use crate::workspace::Workspace;

/// Each target for some seconds: a suite of `cargo xtask test`.
pub(crate) fn run(workspace: &Workspace, settings: Settings) -> Result<Counts, Failure> {
    tools::install_system_programs()?;
    let mut counts = Counts::default();
    for target in workspace.programs("fuzz/fuzz_targets")? {
        match fuzz(workspace, &target, settings.fuzz_seconds) {
            Ok(()) => counts.passed += 1,
            Err(failure) => {
                eprintln!("fuzz target {target}: {failure}");
                counts.failed += 1;
            }
        }
    }
    Ok(counts)
}

/// `cargo xtask fuzz`.
pub(crate) fn run_by_hand(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let seconds = arguments.option("--seconds")?.unwrap_or(60);
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
    let cargo_fuzz = tools::CARGO_FUZZ.install(workspace)?;
    let learned = workspace.cache.join("fuzz").join(target);
    std::fs::create_dir_all(&learned).map_err(|error| Failure::File { path: learned.display().to_string(), error })?;
    let folder = workspace.root.join("fuzz");
    let seeds = folder.join("seeds").join(target);
    let dictionary = folder.join("dictionaries").join(format!("{target}.dict"));
    let mut step = Step::new(cargo_fuzz)
        // libFuzzer's instrumentation flags are unstable; the compiler is the stable one.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", workspace.target.join("fuzz"))
        .args(["run", "--fuzz-dir"])
        .args([&folder])
        // No sanitizer: `unsafe` is forbidden in our crates, and without one a run does several times the work.
        .args(["--sanitizer", "none", target])
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
