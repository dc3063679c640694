//! etcd, the API server, and what makes its objects live: the controller manager and the scheduler.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::address::{API_PORT, NODE, PODS, SERVICES};
use crate::pki::ADMIN;
use crate::process::{Daemon, wait_until};
use crate::state::State;
use crate::{ClusterError, Programs};

/// Names of the parts, in the order in which they start.
pub(crate) const PARTS: &[&str] = &["etcd", "apiserver", "controller-manager"];
/// Those that only a cluster with a node has.
pub(crate) const OF_NODE: &[&str] = &["scheduler"];

/// etcd's program: Go names it after the last part of its module's path.
const ETCD: &str = "server";

/// How long the API server may take. Seconds on a machine that does nothing else.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the log of requests keeps: who wrote what, without the objects; and what the control plane asked for.
const AUDIT_POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  verbs: [create, update, patch, delete, deletecollection]
- level: Metadata
  users: ['system:serviceaccount:nantian-gw:nantian-gw-controlplane']
- level: None
";

/// Starts where the API server keeps its objects.
pub(crate) fn start_etcd(state: &State, programs: &Programs) -> Result<(), ClusterError> {
    Daemon::of(state, "etcd").start(&programs.path(ETCD), |etcd| {
        etcd.arg(flag("data-dir", &state.at("etcd")));
        etcd.args([
            "--listen-client-urls=http://127.0.0.1:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--initial-advertise-peer-urls=http://127.0.0.1:2380",
            "--initial-cluster=default=http://127.0.0.1:2380",
            // Nothing of it outlives the cluster, so nothing need reach the disk.
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]);
    })
}

/// Starts the API server, and waits until it is ready.
pub(crate) fn start_api_server(state: &State, programs: &Programs) -> Result<(), ClusterError> {
    let policy = state.write("audit-policy.yaml", AUDIT_POLICY)?;
    let apiserver = Daemon::of(state, "apiserver");
    apiserver.start(&programs.path("kube-apiserver"), |server| {
        api_server(server, &state.pki());
        server.arg(flag("audit-policy-file", &policy));
        server.arg(flag("audit-log-path", &state.logs().join("audit.log")));
    })?;
    wait_until("the API server", state, PATIENCE, || {
        apiserver.check()?;
        Daemon::of(state, "etcd").check()?;
        let mut ready = kubectl(state, programs);
        ready.args(["get", "--raw", "/readyz"]);
        Ok(ready.output().is_ok_and(|output| output.status.success()))
    })
}

fn api_server(command: &mut Command, pki: &Path) {
    command.args([
        "--etcd-servers=http://127.0.0.1:2379",
        "--bind-address=0.0.0.0",
        &format!("--advertise-address={NODE}"),
        &format!("--secure-port={API_PORT}"),
        &format!("--service-cluster-ip-range={SERVICES}"),
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged=true",
        "--enable-aggregator-routing=true",
        "--kubelet-preferred-address-types=InternalIP",
        "--requestheader-allowed-names=front-proxy-client",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-username-headers=X-Remote-User",
    ]);
    for (name, file) in [
        ("tls-cert-file", "apiserver.crt"),
        ("tls-private-key-file", "apiserver.key"),
        ("client-ca-file", "ca.crt"),
        ("kubelet-client-certificate", "kubelet-client.crt"),
        ("kubelet-client-key", "kubelet-client.key"),
        ("requestheader-client-ca-file", "ca.crt"),
        ("proxy-client-cert-file", "front-proxy.crt"),
        ("proxy-client-key-file", "front-proxy.key"),
        ("service-account-key-file", "service-accounts.pub"),
        ("service-account-signing-key-file", "service-accounts.key"),
    ] {
        command.arg(flag(name, &pki.join(file)));
    }
}

/// Starts what gives namespaces their accounts and deletes them, and keeps Deployments and `EndpointSlices`.
pub(crate) fn start_controller_manager(state: &State, programs: &Programs) -> Result<(), ClusterError> {
    let pki = state.pki();
    Daemon::of(state, "controller-manager").start(&programs.path("kube-controller-manager"), |manager| {
        as_user(manager, state, "controller-manager");
        manager.arg(flag("service-account-private-key-file", &pki.join("service-accounts.key")));
        manager.arg(flag("root-ca-file", &pki.join("ca.crt")));
        manager.args([
            "--use-service-account-credentials=true",
            "--allocate-node-cidrs=true",
            &format!("--cluster-cidr={PODS}"),
        ]);
    })
}

/// Starts what gives Pods a node.
pub(crate) fn start_scheduler(state: &State, programs: &Programs) -> Result<(), ClusterError> {
    Daemon::of(state, "scheduler").start(&programs.path("kube-scheduler"), |scheduler| {
        as_user(scheduler, state, "scheduler");
    })
}

fn as_user(command: &mut Command, state: &State, user: &str) {
    let kubeconfig = state.kubeconfig(user);
    for name in ["kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig"] {
        command.arg(flag(name, &kubeconfig));
    }
    // There is one of each, so nobody to elect.
    command.args(["--leader-elect=false", "--bind-address=127.0.0.1"]);
}

pub(crate) fn flag(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}

/// `kubectl` as administrator, inside the namespace.
pub(crate) fn kubectl(state: &State, programs: &Programs) -> Command {
    let inside = crate::namespace::Namespace::of(state);
    let mut command = inside.command(&programs.path("kubectl").to_string_lossy());
    command.arg(flag("kubeconfig", &state.kubeconfig(ADMIN)));
    command
}
