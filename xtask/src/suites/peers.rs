//! `cargo xtask bench --peers`: the gateway beside nginx, `HAProxy`, Envoy and Pingora. And `--hostile`: a client beside
//! hostile ones.

use crate::arguments::Arguments;
use crate::process::Failure;
use crate::tools;
use crate::workspace::Workspace;

use super::end_to_end;

/// Installs the peers, builds the gateway and the comparison, and runs it.
pub(super) fn compare(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let quick = arguments.flag("--quick");
    let rounds: Option<String> = arguments.option("--rounds")?;
    let profile: String = arguments.option("--profile")?.unwrap_or_else(|| "release".to_owned());
    let part: Option<String> = arguments.option("--part")?;
    let jobs: Option<String> = arguments.option("--jobs")?;
    arguments.finish()?;
    tools::install_peers()?;
    let (envoy, pingora) = (tools::envoy(workspace)?, tools::pingora(workspace)?);
    let gateway = end_to_end::build(workspace, &profile)?;
    let data_plane = end_to_end::build_program(workspace, &profile, "nantian-dataplane")?;
    let results = workspace.root.join("bench/RESULTS.md");
    // A run of some parts is for its reader, not for the record.
    let whole = part.is_none() && jobs.is_none() && !quick;
    workspace
        .cargo(["run", "--locked", "--quiet", "--package", "nantian-bench", "--", "--nantian"])
        .args([&gateway])
        .args(["--dataplane"])
        .args([&data_plane])
        .args(["--envoy"])
        .args([&envoy])
        .args(["--pingora"])
        .args([&pingora])
        .args(whole.then_some("--results"))
        .args(whole.then_some(&results))
        .args(part.iter().flat_map(|part| ["--part", part]))
        .args(jobs.iter().flat_map(|jobs| ["--jobs", jobs]))
        .args(rounds.iter().flat_map(|rounds| ["--rounds", rounds]))
        .args(quick.then_some("--quick"))
        .run()
}

/// Builds the gateway, and measures what hostile clients cost another one.
pub(super) fn beside_hostile_clients(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let quick = arguments.flag("--quick");
    let profile: String = arguments.option("--profile")?.unwrap_or_else(|| "release".to_owned());
    arguments.finish()?;
    tools::install_peers()?;
    let gateway = end_to_end::build(workspace, &profile)?;
    workspace
        .cargo(["run", "--locked", "--quiet", "--package", "nantian-bench", "--", "--hostile", "--nantian"])
        .args([&gateway])
        .args(quick.then_some("--quick"))
        .run()
}
