//! `cargo xtask cluster`: a real Kubernetes for hands.

use super::{Counts, Settings};
use crate::arguments::Arguments;
use crate::process::Failure;
use crate::tools;
use crate::workspace::Workspace;

/// Makes clusters, and runs what needs them.
pub(super) fn test(workspace: &Workspace, _settings: Settings) -> Result<Counts, Failure> {
    tools::install_go()?;
    build_programs(workspace)?;
    let test = ["test", "--locked", "--package", "nantian-cluster", "--features", "live", "--test", "live"];
    Counts::of_run(workspace.cargo(test).args(["--", "--test-threads", "2"]))
}

/// The programs that are installed or run. Of the whole workspace, so that they are those that the other suites have built.
fn build_programs(workspace: &Workspace) -> Result<(), Failure> {
    let programs = ["--bin", "nantian-controlplane", "--bin", "nantian-dataplane", "--bin", "nantian"];
    workspace.cargo(["build", "--locked", "--quiet", "--workspace"]).args(programs).read().map(drop)
}

/// Builds the program and becomes it: what it reads, prints and returns is its own.
pub(crate) fn run(workspace: &Workspace, arguments: Arguments) -> Result<(), Failure> {
    tools::install_go()?;
    let arguments = arguments.words();
    if arguments.iter().any(|word| word == "--install") {
        build_programs(workspace)?;
    }
    workspace.cargo(["build", "--locked", "--quiet", "--package", "nantian-cluster"]).read()?;
    crate::Step::new(workspace.target.join("debug/nantian-cluster")).args(arguments).replace()
}
