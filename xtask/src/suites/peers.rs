//! `cargo xtask bench --peers`: the gateway beside nginx and `HAProxy`.

use crate::arguments::Arguments;
use crate::process::Failure;
use crate::tools;
use crate::workspace::Workspace;

use super::end_to_end;

/// Installs the peers, builds the gateway and the comparison, and runs it.
pub(super) fn compare(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let quick = arguments.flag("--quick");
    let profile: String = arguments.option("--profile")?.unwrap_or_else(|| "release".to_owned());
    arguments.finish()?;
    tools::install_peers()?;
    let gateway = end_to_end::build(workspace, &profile)?;
    let results = workspace.root.join("bench/RESULTS.md");
    workspace
        .cargo(["run", "--locked", "--quiet", "--package", "nantian-bench", "--", "--nantian"])
        .args([&gateway])
        .args(["--results"])
        .args([&results])
        .args(quick.then_some("--quick"))
        .run()
}
