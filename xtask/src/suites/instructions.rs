//! What the hot paths take, in instructions: counts that a busy machine does not change.

use super::{Counts, Settings};
use crate::process::Failure;
use crate::tools;
use crate::workspace::Workspace;

/// Counts them below valgrind, in the profile `ci`: as fast as a release but for the link.
pub(super) fn run(workspace: &Workspace, _settings: Settings) -> Result<Counts, Failure> {
    tools::install_valgrind()?;
    let bench = ["bench", "--locked", "--profile", "ci", "--package", "nantian-proxy", "--bench", "instructions"];
    Counts::of_run(workspace.cargo(bench))
}
