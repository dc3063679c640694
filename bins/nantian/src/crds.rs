//! `nantian crds`: the custom resource definitions, for `kubectl apply`.

use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::exit;

/// Runs the command.
pub(crate) fn crds() -> ExitCode {
    let documents: Vec<String> =
        nantian_crds::crd_files().into_iter().map(|(_, yaml)| format!("---\n{yaml}")).collect();
    match io::stdout().lock().write_all(documents.concat().as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => exit::failure(&format!("standard output cannot be written: {error}")),
    }
}
