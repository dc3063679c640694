//! The cgroup of a cluster's Pods: one for each cluster, so that the kubelet of one does not clean up after another's.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::ClusterError;
use crate::process::{Process, run};
use crate::state::State;

const MOUNT: &str = "/sys/fs/cgroup";

/// How long a process may take to end before it is killed.
const PATIENCE: Duration = Duration::from_secs(1);

/// Makes it, in each hierarchy.
pub(crate) fn create(state: &State) -> Result<(), ClusterError> {
    for hierarchy in hierarchies() {
        let folder = hierarchy.join(state.namespace());
        std::fs::create_dir_all(&folder).map_err(ClusterError::file(&folder))?;
        if hierarchy.ends_with("cpuset") {
            // In version 1, a new one may use no core and no memory until it is told otherwise.
            for name in ["cpuset.cpus", "cpuset.mems"] {
                let all = std::fs::read(hierarchy.join(name)).map_err(ClusterError::file(&hierarchy.join(name)))?;
                std::fs::write(folder.join(name), all).map_err(ClusterError::file(&folder.join(name)))?;
            }
        }
    }
    Ok(())
}

/// Ends the processes that are left in it, and removes it.
pub(crate) fn remove(state: &State) -> Result<(), ClusterError> {
    for hierarchy in hierarchies() {
        let folder = hierarchy.join(state.namespace());
        if folder.is_dir() {
            remove_below(&folder)?;
        }
    }
    Ok(())
}

fn remove_below(folder: &Path) -> Result<(), ClusterError> {
    for child in children(folder) {
        remove_below(&child)?;
    }
    let processes = std::fs::read_to_string(folder.join("cgroup.procs")).unwrap_or_default();
    for process in processes.lines().filter_map(|id| Process::with_id(id.parse().ok()?)) {
        process.end(PATIENCE);
    }
    // The files in it are the kernel's; only `rmdir` removes it.
    run(Command::new("rmdir").arg(folder))
}

/// `/sys/fs/cgroup` itself in version 2; a folder for each controller in version 1.
fn hierarchies() -> Vec<PathBuf> {
    let root = PathBuf::from(MOUNT);
    if root.join("cgroup.controllers").exists() { vec![root] } else { children(&root) }
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}
