//! `cargo xtask test`: every test there is.

pub(crate) mod cluster;
mod counts;
pub(crate) mod end_to_end;
pub(crate) mod examples;
pub(crate) mod fuzz;
mod instructions;
pub(crate) mod mutants;
mod peers;

use crate::arguments::Arguments;
use crate::process::{Failure, Took, timed};
use crate::workspace::Workspace;

pub(crate) use counts::Counts;

/// What the flags of `cargo xtask test` say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// How long each fuzz target runs, if not a minute.
    pub(crate) fuzz_seconds: Option<u64>,
}

/// One suite. A suite that cannot run returns an error: that is a failure, never a skip.
struct Suite {
    name: &'static str,
    purpose: &'static str,
    run: fn(&Workspace, Settings) -> Result<Counts, Failure>,
}

/// All suites, in the order in which they run.
const SUITES: &[Suite] = &[
    Suite { name: "workspace", purpose: "unit, property, golden and doc tests of every crate", run: workspace_tests },
    Suite { name: "properties", purpose: "the compiler's properties, 2,000 cases each", run: properties },
    Suite { name: "examples", purpose: "each program in examples/ ends well", run: examples::run },
    Suite { name: "instructions", purpose: "the hot paths take no more than they did", run: instructions::run },
    Suite { name: "e2e", purpose: "the real binary and real clients", run: end_to_end::run },
    Suite { name: "cluster", purpose: "a real Kubernetes in a network namespace", run: cluster::test },
    Suite { name: "fuzz", purpose: "each fuzz target for a minute", run: fuzz::run },
];

/// Runs all suites, or the one that `--suite` names, and ends with the sum of all counts on a line of its own.
pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let only: Option<String> = arguments.option("--suite")?;
    let settings = Settings { fuzz_seconds: arguments.option("--fuzz-seconds")? };
    arguments.finish()?;
    let chosen: Vec<&Suite> =
        SUITES.iter().filter(|suite| only.as_deref().is_none_or(|name| name == suite.name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = SUITES.iter().map(|suite| suite.name).collect();
        return Err(Failure::Usage(format!("--suite takes one of: {}", names.join(", "))));
    }
    let mut total = Counts::default();
    let mut rows = Vec::new();
    for suite in chosen {
        let (result, took) =
            timed(&format!("suite {}: {}", suite.name, suite.purpose), || (suite.run)(workspace, settings));
        let counts = result.unwrap_or_else(|failure| {
            eprintln!("suite {}: {failure}", suite.name);
            Counts { passed: 0, failed: 1 }
        });
        // A suite that ran nothing has not passed.
        let counts = if counts.passed + counts.failed == 0 { Counts { passed: 0, failed: 1 } } else { counts };
        rows.push(row(suite, counts, &took));
        total = total + counts;
    }
    println!("\n{:<12} {:>7} {:>7} {:>14}  what\n{}\n", "suite", "passed", "failed", "time", rows.join("\n"));
    println!("{} passed, {} failed", total.passed, total.failed);
    if total.failed == 0 { Ok(()) } else { Err(Failure::Found("tests failed".to_owned())) }
}

fn row(suite: &Suite, counts: Counts, took: &Took) -> String {
    let (name, purpose) = (suite.name, suite.purpose);
    format!("{name:<12} {:>7} {:>7} {:>14}  {purpose}", counts.passed, counts.failed, took.to_string())
}

/// `cargo test --workspace`: what needs only Rust.
fn workspace_tests(workspace: &Workspace, _settings: Settings) -> Result<Counts, Failure> {
    Counts::of_run(workspace.cargo(["test", "--locked", "--workspace", "--no-fail-fast"]))
}

/// What `cargo test` tries 256 times, often enough to meet what is rare.
fn properties(workspace: &Workspace, _settings: Settings) -> Result<Counts, Failure> {
    let test = ["test", "--locked", "--package", "nantian-ir", "--test", "properties"];
    Counts::of_run(workspace.cargo(test).env("PROPTEST_CASES", "2000"))
}

/// `cargo xtask bench`.
pub(crate) fn bench(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    if arguments.flag("--peers") {
        return peers::compare(workspace, arguments);
    }
    if arguments.flag("--hostile") {
        return peers::beside_hostile_clients(workspace, arguments);
    }
    let filter = arguments.word();
    arguments.finish()?;
    workspace.cargo(["bench", "--locked", "--package", "nantian-proxy", "--bench", "router", "--"]).args(filter).run()
}

/// `cargo xtask golden`.
pub(crate) fn rewrite_golden(workspace: &Workspace, arguments: Arguments) -> Result<(), Failure> {
    arguments.finish()?;
    workspace
        .cargo(["test", "--locked", "--package", "nantian-ir", "--test", "golden", "--test", "upstream_examples"])
        .env("UPDATE_GOLDEN", "1")
        .run()?;
    workspace
        .cargo(["test", "--locked", "--package", "nantian", "--test", "cli", "policies_are_told"])
        .env("UPDATE_GOLDEN", "1")
        .run()?;
    let golden = ["status", "--short", "nantian-ir/tests", "bins/nantian/tests"];
    crate::Step::new("git").args(["-C"]).args([&workspace.root]).args(golden).run()
}

/// `cargo xtask reference`.
pub(crate) fn rewrite_reference(workspace: &Workspace, arguments: Arguments) -> Result<(), Failure> {
    arguments.finish()?;
    for package in ["nantian-crds", "nantian-ir", "nantian-proxy", "nantian-controller"] {
        workspace.cargo(["test", "--locked", "--package", package, "docs_"]).env("NANTIAN_WRITE_DOCS", "1").run()?;
    }
    Ok(())
}

/// `cargo xtask crds`.
pub(crate) fn rewrite_crds(workspace: &Workspace, arguments: Arguments) -> Result<(), Failure> {
    arguments.finish()?;
    workspace.cargo(["run", "--locked", "--package", "nantian-crds", "--example", "write_crds"]).run()
}

/// `cargo xtask proto`.
pub(crate) fn rewrite_proto(workspace: &Workspace, arguments: Arguments) -> Result<(), Failure> {
    arguments.finish()?;
    workspace
        .cargo(["test", "--locked", "--package", "nantian-xds", "--test", "codegen"])
        .env("NANTIAN_WRITE_PROTO", "1")
        .run()
}
