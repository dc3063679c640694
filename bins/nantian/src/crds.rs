//! `nantian crds`.

use std::process::ExitCode;

/// Runs the command.
pub(crate) fn crds() -> ExitCode {
    ExitCode::SUCCESS
}
