//! The node: containerd, the kubelet and kube-proxy.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::address::{DNS_SERVICE, NODE, NODE_PODS, PODS};
use crate::control_plane::{flag, kubectl};
use crate::images::PAUSE;
use crate::namespace::Namespace;
use crate::process::{Daemon, line, read, run, wait_until};
use crate::programs::CNI_PLUGINS;
use crate::state::State;
use crate::{ClusterError, Programs};

/// Names of the parts, in the order in which they start.
pub(crate) const PARTS: &[&str] = &["containerd", "kubelet", "proxy"];

const PATIENCE: Duration = Duration::from_secs(120);

/// The containers of Kubernetes, in containerd's own terms.
const CONTAINERS: &str = "k8s.io";

pub(crate) fn start_containerd(state: &State, programs: &Programs) -> Result<(), ClusterError> {
    state.write("cni/10-bridge.conflist", &pod_network(&state.at("addresses")))?;
    let config = state.write("containerd.toml", &containerd_config(state))?;
    let containerd = Daemon::of(state, "containerd");
    containerd.start(&programs.path("containerd"), |command| {
        command.arg("--config").arg(config).env("PATH", programs.search_path());
    })?;
    wait_until("containerd", state, PATIENCE, || {
        containerd.check()?;
        Ok(ctr(state, programs).args(["version"]).output().is_ok_and(|output| output.status.success()))
    })
}

/// `addresses` is where those that are taken are noted: by default all clusters would share one place, which fills up with what
/// ended clusters had.
fn pod_network(addresses: &Path) -> String {
    let addresses = addresses.display();
    format!(
        r#"{{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [
    {{
      "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": false, "hairpinMode": true, "promiscMode": false,
      "ipam": {{
        "type": "host-local", "dataDir": "{addresses}", "ranges": [[{{"subnet": "{NODE_PODS}"}}]], "routes": [{{"dst": "0.0.0.0/0"}}]
      }}
    }},
    {{"type": "portmap", "capabilities": {{"portMappings": true}}}}
  ]
}}
"#
    )
}

fn containerd_config(state: &State) -> String {
    let folder = state.at("containerd");
    let (folder, socket) = (folder.display(), state.containerd_socket());
    format!(
        "version = 3
root = \"{folder}/root\"
state = \"{folder}/state\"

[grpc]
address = \"{socket}\"

[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = \"{PAUSE}\"

[plugins.'io.containerd.cri.v1.runtime']
# Without CAP_SYS_RESOURCE nobody may lower the score.
restrict_oom_score_adj = true

[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = [\"{plugins}\"]
conf_dir = \"{networks}\"

[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = \"io.containerd.runc.v2\"
",
        socket = socket.display(),
        plugins = CNI_PLUGINS.0,
        networks = state.at("cni").display(),
    )
}

pub(crate) fn start_kubelet(state: &State, programs: &Programs) -> Result<(), ClusterError> {
    let config = state.write("kubelet.yaml", &kubelet_config(state))?;
    Daemon::of(state, "kubelet").start(&programs.path("kubelet"), |kubelet| {
        kubelet.env("PATH", programs.search_path());
        kubelet.arg(flag("config", &config));
        kubelet.arg(flag("kubeconfig", &state.kubeconfig("node")));
        kubelet.arg(flag("root-dir", &state.at("kubelet")));
        kubelet.args(["--hostname-override=node1", &format!("--node-ip={NODE}"), "--v=2"]);
    })
}

fn kubelet_config(state: &State) -> String {
    let pki = state.pki();
    let (pki, socket) = (pki.display(), state.containerd_socket());
    format!(
        "apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {{enabled: false}}
  webhook: {{enabled: true}}
  x509: {{clientCAFile: {pki}/ca.crt}}
authorization: {{mode: Webhook}}
tlsCertFile: {pki}/kubelet-server.crt
tlsPrivateKeyFile: {pki}/kubelet-server.key
containerRuntimeEndpoint: unix://{socket}
clusterDNS: [{DNS_SERVICE}]
clusterDomain: cluster.local
# Pods have a Secret that changed within that, and not within a minute.
syncFrequency: 10s
cgroupDriver: cgroupfs
cgroupRoot: /{root}
enforceNodeAllocatable: []
failCgroupV1: false
failSwapOn: false
evictionHard: {{memory.available: 100Mi, nodefs.available: 100Mi, imagefs.available: 100Mi}}
imageGCHighThresholdPercent: 100
",
        socket = socket.display(),
        root = state.namespace(),
    )
}

/// Starts what serves the addresses of Services.
pub(crate) fn start_proxy(state: &State, programs: &Programs) -> Result<(), ClusterError> {
    run(kubectl(state, programs).args([
        "create",
        "clusterrolebinding",
        "kube-proxy",
        "--clusterrole=system:node-proxier",
        "--user=system:kube-proxy",
    ]))?;
    Daemon::of(state, "proxy").start(&programs.path("kube-proxy"), |proxy| {
        proxy.arg(flag("kubeconfig", &state.kubeconfig("proxy")));
        proxy.args(["--proxy-mode=nftables", "--hostname-override=node1", "--conntrack-max-per-core=0"]);
        proxy.arg(format!("--cluster-cidr={PODS}"));
    })
}

/// Waits until the node takes Pods.
pub(crate) fn wait_until_ready(state: &State, programs: &Programs) -> Result<(), ClusterError> {
    const READY: &str = "jsonpath={.status.conditions[?(@.type==\"Ready\")].status}";
    wait_until("the node", state, PATIENCE, || {
        for part in PARTS {
            Daemon::of(state, part).check()?;
        }
        let node = kubectl(state, programs).args(["get", "node", "node1", "--output", READY]).output();
        Ok(node.is_ok_and(|output| output.stdout == b"True"))
    })
}

/// Gives the node the image in an archive.
pub(crate) fn import(state: &State, programs: &Programs, archive: &Path) -> Result<(), ClusterError> {
    run(ctr(state, programs).args(["images", "import"]).arg(archive))
}

/// The network namespaces of Pods. The plugins that made them forget them when the kubelet is gone.
pub(crate) fn pod_namespaces(state: &State, programs: &Programs) -> Result<Vec<Namespace>, ClusterError> {
    let containers = read(ctr(state, programs).args(["containers", "list", "--quiet"]))?;
    let mut paths = BTreeSet::new();
    for container in containers.split_whitespace() {
        let mut ask = ctr(state, programs);
        ask.args(["containers", "info", "--spec", container]);
        let spec: serde_json::Value = serde_json::from_str(&read(&mut ask)?)
            .map_err(|source| ClusterError::Answer { line: line(&ask), source })?;
        let namespaces = spec.pointer("/linux/namespaces").and_then(serde_json::Value::as_array);
        let network = namespaces.into_iter().flatten().find(|namespace| namespace["type"] == "network");
        paths.extend(network.and_then(|network| network["path"].as_str()).map(str::to_owned));
    }
    Ok(paths.iter().filter_map(|path| Namespace::at(path)).collect())
}

/// Ends all containers, so that containerd's helpers end too.
pub(crate) fn end_containers(state: &State, programs: &Programs) -> Result<(), ClusterError> {
    let tasks = read(ctr(state, programs).args(["tasks", "list", "--quiet"]))?;
    for task in tasks.split_whitespace() {
        // One that ended meanwhile is what was wanted; what is left is found by its cgroup.
        let _ended = run(ctr(state, programs).args(["tasks", "delete", "--force", task]));
    }
    Ok(())
}

pub(crate) fn ctr(state: &State, programs: &Programs) -> Command {
    let mut command = Command::new(programs.path("ctr"));
    command.arg("--address").arg(state.containerd_socket()).args(["--namespace", CONTAINERS]);
    command
}
