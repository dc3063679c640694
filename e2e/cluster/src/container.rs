//! Containers of Pods, as the node runs them.

use std::collections::BTreeMap;
use std::process::Command;

use rustix::process::Signal;

use crate::process::{AFTER_KILL, Process, line, read};
use crate::state::State;
use crate::{ClusterError, Programs, node};

/// A container that runs.
#[derive(Debug, Clone)]
pub struct Container {
    pod: String,
    process: Process,
}

impl Container {
    /// The name of its Pod.
    #[must_use]
    pub fn pod(&self) -> &str {
        &self.pod
    }

    /// The id of its first process, as the machine has it.
    #[must_use]
    pub fn process(&self) -> i32 {
        self.process.id()
    }

    /// Ends it by SIGKILL, of which it is not told. The kubelet starts another in its place, unless its Pod goes too.
    pub fn kill(&self) {
        self.process.signal(Signal::KILL);
        self.process.ends_within(AFTER_KILL);
    }

    /// A program of the machine in the network namespace of the Pod.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.process())).args(["--net", "--", program]);
        command
    }
}

/// Those that have this name in their Pods.
pub(crate) fn named(state: &State, programs: &Programs, name: &str) -> Result<Vec<Container>, ClusterError> {
    // A line for each: id, process id, state.
    let tasks = read(node::ctr(state, programs).args(["tasks", "list"]))?;
    let running: BTreeMap<&str, i32> = tasks
        .lines()
        .map(|task| task.split_whitespace().collect::<Vec<_>>())
        .filter_map(|task| match task[..] {
            [id, process, "RUNNING"] => Some((id, process.parse().ok()?)),
            _ => None,
        })
        .collect();
    let filter = format!("labels.\"io.kubernetes.container.name\"=={name}");
    let ids = read(node::ctr(state, programs).args(["containers", "list", "--quiet", &filter]))?;
    let mut found = Vec::new();
    for id in ids.split_whitespace() {
        let Some(process) = running.get(id).copied().and_then(Process::with_id) else { continue };
        let mut ask = node::ctr(state, programs);
        ask.args(["containers", "info", id]);
        let info: serde_json::Value = serde_json::from_str(&read(&mut ask)?)
            .map_err(|source| ClusterError::Answer { line: line(&ask), source })?;
        let pod = info.pointer("/Labels/io.kubernetes.pod.name").and_then(serde_json::Value::as_str);
        found.push(Container { pod: pod.unwrap_or_default().to_owned(), process });
    }
    Ok(found)
}
