//! Exit codes: the table in `nantian --help`.

use std::fmt::Display;
use std::process::ExitCode;

/// Something is not accepted, no route takes the request, or the gateway cannot start.
pub(crate) const NOT_ACCEPTED: u8 = 1;
/// Wrong usage.
pub(crate) const USAGE: u8 = 2;
/// A second interrupt: 128 and the number of SIGINT, as shells have it.
pub(crate) const INTERRUPTED: u8 = 130;

/// Tells an error of usage and gives its code.
pub(crate) fn usage(error: &dyn Display) -> ExitCode {
    eprintln!("error: {error}");
    USAGE.into()
}

/// Tells why it cannot go on and gives the code for that.
pub(crate) fn failure(error: &dyn Display) -> ExitCode {
    eprintln!("error: {error}");
    NOT_ACCEPTED.into()
}
