//! The network namespace of a cluster.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ClusterError;
use crate::address::NODE;
use crate::process::run;
use crate::state::State;

/// Where `ip netns` keeps its handles.
const HANDLES: &str = "/run/netns";

/// A network namespace.
#[derive(Debug, Clone)]
pub(crate) struct Namespace(String);

impl Namespace {
    pub(crate) fn of(state: &State) -> Self {
        Self(state.namespace())
    }

    /// The one with this handle.
    pub(crate) fn at(handle: &str) -> Option<Self> {
        Path::new(handle).file_name().map(|name| Self(name.to_string_lossy().into_owned()))
    }

    fn handle(&self) -> PathBuf {
        PathBuf::from(HANDLES).join(&self.0)
    }

    pub(crate) fn exists(&self) -> bool {
        self.handle().exists()
    }

    /// Makes it, with a bridge that has the node's address and is the way to everywhere.
    pub(crate) fn create(&self) -> Result<(), ClusterError> {
        ip(&["netns", "add", &self.0])?;
        let inside = |line: &[&str]| ip(&[&["-n", &self.0], line].concat());
        inside(&["link", "set", "lo", "up"])?;
        inside(&["link", "add", "node0", "type", "bridge"])?;
        inside(&["addr", "add", &format!("{NODE}/24"), "dev", "node0"])?;
        inside(&["link", "set", "node0", "up"])?;
        // Packets to Services and to load balancers need a route before kube-proxy rewrites them.
        inside(&["route", "add", "default", "via", NODE, "dev", "node0"])?;
        run(self.command("sysctl").args(["-qw", "net.ipv4.ip_forward=1"]))
    }

    /// Takes its handle away. It goes when its last process has ended.
    pub(crate) fn delete(&self) -> Result<(), ClusterError> {
        let deleted = if self.exists() { ip(&["netns", "delete", &self.0]) } else { Ok(()) };
        // Another may have been quicker.
        if self.exists() { deleted } else { Ok(()) }
    }

    /// The ids of the processes in it.
    pub(crate) fn processes(&self) -> Result<Vec<i32>, ClusterError> {
        if !self.exists() {
            return Ok(Vec::new());
        }
        let printed = crate::process::read(Command::new("ip").args(["netns", "pids", &self.0]))?;
        Ok(printed.lines().filter_map(|line| line.trim().parse().ok()).collect())
    }

    /// `program` inside, and otherwise as outside: `ip netns exec` would mount a /sys without cgroups.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.handle().display())).arg("--").arg(program);
        command
    }
}

fn ip(line: &[&str]) -> Result<(), ClusterError> {
    run(Command::new("ip").args(line))
}
