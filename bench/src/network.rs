//! The network that everything runs in: one of its own, with a congestion control that does not pace.
//!
//! BBR models the way to a peer and sends by a clock. On loopback its model of a connection is a matter of luck, and pools
//! keep connections: with it, the same binary took 380 to 1,126 ms for a GiB. Which congestion control
//! a namespace begins with is the system's; one of its own may choose.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::Failure;

/// Says that this process is in a namespace of its own.
const OWN: &str = "NANTIAN_BENCH_OWN_NETWORK";

/// What sends as much as the peer takes. Every kernel has it, and any namespace may choose it.
const CONTROL: &str = "reno";

const CONTROL_FILE: &str = "/proc/sys/net/ipv4/tcp_congestion_control";

/// Starts this program again in a namespace of its own, or prepares it. Where none can be made, for want of privileges, the
/// host's network has to do: [`control`] tells.
pub(crate) fn enter() -> Result<(), Failure> {
    if std::env::var_os(OWN).is_some() {
        let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
        if !up.map_err(|error| Failure::start("ip", error))?.success() {
            return Err(Failure::Program("loopback does not come up".to_owned()));
        }
        return std::fs::write(CONTROL_FILE, CONTROL).map_err(|error| Failure::file(Path::new(CONTROL_FILE), error));
    }
    let possible = Command::new("unshare").args(["--net", "true"]).stderr(Stdio::null()).status();
    if !possible.is_ok_and(|status| status.success()) {
        eprintln!("no network namespace of its own (root may make one): large bodies and durations vary more");
        return Ok(());
    }
    let program = std::env::current_exe().map_err(|error| Failure::start("nantian-bench", error))?;
    let mut again = Command::new("unshare");
    again.arg("--net").arg(program).args(std::env::args_os().skip(1)).env(OWN, "1");
    Err(Failure::start("unshare", again.exec()))
}

/// The congestion control that connections have here.
pub(crate) fn control() -> String {
    let said = std::fs::read_to_string(CONTROL_FILE).unwrap_or_default();
    let whose =
        if std::env::var_os(OWN).is_some() { "a network namespace of its own" } else { "the network of the host" };
    format!("{} in {whose}", said.trim())
}
