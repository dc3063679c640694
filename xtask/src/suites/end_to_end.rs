//! The end-to-end tests: the real binary and real clients.

use std::path::PathBuf;

use super::{Counts, Settings};
use crate::arguments::Arguments;
use crate::pgo;
use crate::process::Failure;
use crate::tools;
use crate::workspace::Workspace;

/// Runs `e2e/` against the binary of the profile `ci`: release speed without the slow link.
pub(crate) fn run(workspace: &Workspace, _settings: Settings) -> Result<Counts, Failure> {
    tools::install_system_programs()?;
    let python = tools::python(workspace)?;
    let h2spec = tools::h2spec(workspace)?;
    let gateway = build(workspace, "ci")?;
    let test = ["test", "--locked", "--package", "nantian-e2e", "--features", "clients", "--test", "e2e"];
    let step = workspace
        .cargo(test)
        .args(["--", "--test-threads", "2"])
        .env("NANTIAN_BIN", gateway)
        .env("NANTIAN_PYTHON", python)
        .env("NANTIAN_H2SPEC", h2spec);
    Counts::of_run(step)
}

/// `cargo xtask soak`: the memory figures, of the binary that users run.
pub(crate) fn soak(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let requests: u64 = arguments.option("--requests")?.unwrap_or(1_000_000);
    let reloads: u64 = arguments.option("--reloads")?.unwrap_or(1_000);
    arguments.finish()?;
    tools::install_system_programs()?;
    let python = tools::python(workspace)?;
    let gateway = build(workspace, "release")?;
    workspace
        .cargo(["test", "--locked", "--package", "nantian-e2e", "--features", "clients", "--test", "e2e"])
        .args(["memory", "--", "--nocapture", "--test-threads", "1"])
        .env("NANTIAN_BIN", gateway)
        .env("NANTIAN_PYTHON", python)
        .env("NANTIAN_SOAK_REQUESTS", requests.to_string())
        .env("NANTIAN_SOAK_RELOADS", reloads.to_string())
        .run()
}

/// Builds the gateway and returns the path of its binary. `pgo` is the release that is guided by a profile.
pub(super) fn build(workspace: &Workspace, profile: &str) -> Result<PathBuf, Failure> {
    build_program(workspace, profile, "nantian")
}

/// The same for a program whose package has its name.
pub(super) fn build_program(workspace: &Workspace, profile: &str, name: &str) -> Result<PathBuf, Failure> {
    if profile == "pgo" {
        return Ok(pgo::build(workspace)?.join(name));
    }
    workspace.cargo(["build", "--locked", "--profile", profile, "--package", name, "--bin", name]).run()?;
    Ok(workspace.target.join(profile).join(name))
}
