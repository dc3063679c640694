//! A cluster as a whole: up, down, and what can be done with it between.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::container::{self, Container};
use crate::namespace::Namespace;
use crate::process::{AFTER_KILL, Daemon, Process, run};
use crate::state::{ClusterName, Home, State};
use crate::{ClusterError, Programs, cgroup, control_plane, images, node, pki};

/// How much of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    /// The API server and the controllers that its objects need: nothing runs. Enough for CRDs, statuses, watches.
    ObjectsOnly,
    /// A node too: Pods, Services, load balancers, DNS.
    Node,
}

/// The part that gives Services of type `LoadBalancer` their addresses.
const LOAD_BALANCER: &str = "load-balancer";

/// What ends together, if the API server does.
const KUBERNETES: [&str; 2] = ["apiserver", "controller-manager"];

/// What is mounted, as the kernel tells it.
const MOUNTS: &str = "/proc/self/mounts";

/// In which file the parts of a running cluster are noted.
const NOTE: &str = "parts";

/// How long a part may take to end before it is killed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running cluster. It goes on when this is dropped; [`down`](Self::down) ends it.
#[derive(Debug, Clone)]
pub struct Cluster {
    state: State,
    programs: Programs,
}

impl Cluster {
    /// Makes a cluster. One of this name that runs is taken as it is; what is left of one that does not is removed.
    ///
    /// `load_balancer` is the program that is started with the arguments `load-balancer --name NAME`: see
    /// [`give_addresses`](crate::give_addresses).
    ///
    /// # Errors
    /// If a program is missing or does not become ready; what was started is ended, and its logs stay.
    pub fn up(home: &Home, name: &ClusterName, parts: Parts, load_balancer: &Path) -> Result<Self, ClusterError> {
        let programs = Programs::install(home, parts == Parts::ObjectsOnly)?;
        let cluster = Self { state: State::of(home, name), programs };
        if cluster.state.exists() {
            if cluster.runs(parts) {
                return Ok(cluster);
            }
            cluster.clone().down()?;
        }
        let started = cluster.start(home, parts, load_balancer);
        if started.is_err() {
            cluster.stop()?;
        }
        started.map(|()| cluster)
    }

    /// One that was made before.
    ///
    /// # Errors
    /// [`ClusterError::Absent`].
    pub fn find(home: &Home, name: &ClusterName) -> Result<Self, ClusterError> {
        let state = State::of(home, name);
        if !state.exists() {
            return Err(ClusterError::Absent(name.to_string()));
        }
        Ok(Self { state, programs: Programs::installed(home) })
    }

    fn start(&self, home: &Home, parts: Parts, load_balancer: &Path) -> Result<(), ClusterError> {
        let (state, programs) = (&self.state, &self.programs);
        state.create()?;
        Namespace::of(state).create()?;
        pki::write(state)?;
        state.write(NOTE, if parts == Parts::Node { "node" } else { "objects" })?;
        control_plane::start_etcd(state, programs)?;
        control_plane::start_api_server(state, programs)?;
        control_plane::start_controller_manager(state, programs)?;
        if parts == Parts::ObjectsOnly {
            return Ok(());
        }
        control_plane::start_scheduler(state, programs)?;
        cgroup::create(state)?;
        node::start_containerd(state, programs)?;
        for archive in images::build(home, programs)? {
            node::import(state, programs, &archive)?;
        }
        node::start_kubelet(state, programs)?;
        node::start_proxy(state, programs)?;
        Daemon::of(state, LOAD_BALANCER).start(load_balancer, |command| {
            command.args([LOAD_BALANCER, "--name", &state.name.to_string()]);
        })?;
        node::wait_until_ready(state, programs)?;
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/coredns.yaml");
        run(self.kubectl().args(["apply", "--server-side", "--filename"]).arg(manifest))?;
        run(self.kubectl().args([
            "--namespace=kube-system",
            "rollout",
            "status",
            "--timeout=120s",
            "deployment/coredns",
        ]))
    }

    fn runs(&self, parts: Parts) -> bool {
        let enough = self.has_node() || parts == Parts::ObjectsOnly;
        enough && self.parts().all(|(_, runs)| runs)
    }

    fn has_node(&self) -> bool {
        std::fs::read_to_string(self.state.at(NOTE)).is_ok_and(|note| note == "node")
    }

    /// Its parts, and whether each runs.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let of_node = control_plane::OF_NODE.iter().chain(node::PARTS).copied().chain([LOAD_BALANCER]);
        let of_node = of_node.filter(|_| self.has_node());
        control_plane::PARTS
            .iter()
            .copied()
            .chain(of_node)
            .map(|part| (part, Daemon::of(&self.state, part).process().is_some()))
    }

    /// Where to look when something does not work.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.state.logs()
    }

    /// The administrator's. Its address exists in the cluster's network namespace only: see [`command`](Self::command).
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.state.kubeconfig(pki::ADMIN)
    }

    /// A program in the network namespace of the cluster, where the addresses of its API server, Pods, Services and load
    /// balancers are, with `KUBECONFIG` set and `kubectl` and `helm` on its `PATH`.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Namespace::of(&self.state).command(program);
        command.env("KUBECONFIG", self.kubeconfig()).env("PATH", self.programs.search_path());
        command
    }

    /// `kubectl` as administrator.
    #[must_use]
    pub fn kubectl(&self) -> Command {
        control_plane::kubectl(&self.state, &self.programs)
    }

    /// The running containers that have this name in their Pods.
    ///
    /// # Errors
    /// If the cluster has no node.
    pub fn containers(&self, name: &str) -> Result<Vec<Container>, ClusterError> {
        container::named(&self.state, &self.programs, name)
    }

    /// Stops a part, such as `apiserver`: it is there, and does nothing until it is [resumed](Self::resume).
    ///
    /// # Errors
    /// If it does not run.
    pub fn pause(&self, part: &str) -> Result<(), ClusterError> {
        self.signal(part, Signal::STOP)
    }

    /// Lets a part go on that was [paused](Self::pause).
    ///
    /// # Errors
    /// If it does not run.
    pub fn resume(&self, part: &str) -> Result<(), ClusterError> {
        self.signal(part, Signal::CONT)
    }

    /// Ends the API server by SIGKILL, and with it the controllers of Kubernetes: they end when they cannot renew their Leases,
    /// where there are several to elect one of. Both are gone until [`start_kubernetes`](Self::start_kubernetes).
    ///
    /// # Errors
    /// If they do not run.
    pub fn kill_kubernetes(&self) -> Result<(), ClusterError> {
        for part in KUBERNETES {
            self.signal(part, Signal::KILL)?;
            if let Some(process) = Daemon::of(&self.state, part).process() {
                process.ends_within(AFTER_KILL);
            }
        }
        Ok(())
    }

    /// Starts what [`kill_kubernetes`](Self::kill_kubernetes) has ended; returns when the API server is ready.
    ///
    /// # Errors
    /// If it does not become so.
    pub fn start_kubernetes(&self) -> Result<(), ClusterError> {
        control_plane::start_api_server(&self.state, &self.programs)?;
        control_plane::start_controller_manager(&self.state, &self.programs)
    }

    fn signal(&self, part: &str, signal: Signal) -> Result<(), ClusterError> {
        let daemon = Daemon::of(&self.state, part);
        daemon.check()?;
        if let Some(process) = daemon.process() {
            process.signal(signal);
        }
        Ok(())
    }

    /// Gives the node the image in an archive of Docker's or of the OCI.
    ///
    /// # Errors
    /// If it is no such archive, or the cluster has no node.
    pub fn import(&self, archive: &Path) -> Result<(), ClusterError> {
        node::import(&self.state, &self.programs, archive)
    }

    /// Ends it and removes all that it was.
    ///
    /// # Errors
    /// If something cannot be removed.
    pub fn down(self) -> Result<(), ClusterError> {
        self.stop()?;
        std::fs::remove_dir_all(&self.state.folder).map_err(ClusterError::file(&self.state.folder))
    }

    /// Ends everything; the folder with the logs stays until the next [`up`](Self::up).
    ///
    /// # Errors
    /// If something cannot be removed.
    pub fn stop(&self) -> Result<(), ClusterError> {
        let state = &self.state;
        let end = |part| {
            if let Some(process) = Daemon::of(state, part).process() {
                process.end(PATIENCE);
            }
        };
        // Whoever would start containers again goes first.
        [LOAD_BALANCER, "kubelet", "proxy"].into_iter().for_each(end);
        let mut pod_namespaces = Vec::new();
        if Daemon::of(state, "containerd").process().is_some() {
            pod_namespaces = node::pod_namespaces(state, &self.programs)?;
            node::end_containers(state, &self.programs)?;
        }
        end("containerd");
        let namespace = Namespace::of(state);
        let control_plane: Vec<Process> = control_plane::PARTS
            .iter()
            .chain(control_plane::OF_NODE)
            .filter_map(|part| Daemon::of(state, part).process())
            .collect();
        // containerd's helpers, which do not end when they are asked to, and whoever watches the API server, which waits
        // for them.
        for process in namespace.processes()?.into_iter().filter_map(Process::with_id) {
            if !control_plane.contains(&process) {
                process.end(Duration::ZERO);
            }
        }
        control_plane.iter().rev().for_each(|process| process.end(PATIENCE));
        cgroup::remove(state)?;
        unmount_below(&state.folder)?;
        pod_namespaces.iter().try_for_each(Namespace::delete)?;
        namespace.delete()
    }
}

/// Volumes and root file systems of Pods.
fn unmount_below(folder: &Path) -> Result<(), ClusterError> {
    let mounts = std::fs::read_to_string(MOUNTS).map_err(ClusterError::file(Path::new(MOUNTS)))?;
    let points =
        mounts.lines().filter_map(|line| line.split(' ').nth(1)).filter(|point| Path::new(point).starts_with(folder));
    let mut points: Vec<&str> = points.collect();
    // What is mounted below another goes first.
    points.sort_unstable_by_key(|point| std::cmp::Reverse(point.len()));
    points.into_iter().try_for_each(|point| run(Command::new("umount").arg(point)))
}
