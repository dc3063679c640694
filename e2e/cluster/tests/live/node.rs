//! A node: Pods, Services and load balancers are real, and nothing of them stays.

use std::net::IpAddr;
use std::process::Command;

use nantian_cluster::Parts;

use crate::{Live, said};

const BALANCED: &str = r#"{
  "apiVersion": "v1", "kind": "Service", "metadata": {"name": "balanced", "namespace": "kube-system"},
  "spec": {
    "type": "LoadBalancer", "selector": {"k8s-app": "kube-dns"},
    "ports": [{"name": "ready", "port": 80, "targetPort": 8181}]
  }
}"#;

/// What a load balancer gave a Service.
const ADDRESS: &str = "jsonpath={.status.loadBalancer.ingress[0].ip}";

#[test]
fn pods_are_reached_by_their_service_its_load_balancer_and_its_name_and_all_goes_without_a_trace() {
    let live = Live::up("test-node", Parts::Node);
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("balanced.json");
    std::fs::write(&manifest, BALANCED).unwrap();
    live.kubectl(["apply", "--filename", &manifest.to_string_lossy()]);
    let given = ["--namespace=kube-system", "wait", "service/balanced", "--timeout=60s"];
    said(live.cluster().kubectl().args(given).args(["--for", ADDRESS]));
    let get = |field| live.kubectl(["--namespace=kube-system", "get", "service", "balanced", "--output", field]);
    let (balancer, service) = (get(ADDRESS), get("jsonpath={.spec.clusterIP}"));
    assert!(balancer.starts_with("10.93."), "{balancer}");
    for address in [&balancer, &service] {
        let url = format!("http://{address}/ready");
        let mut curl = live.cluster().command("curl");
        assert_eq!(
            said(curl.args(["--silent", "--fail", "--max-time", "10", "--retry", "20", "--retry-all-errors", &url])),
            "OK"
        );
    }
    let mut resolver = live.cluster().command("python3");
    let answer = said(resolver.args(["-c", RESOLVE, "balanced.kube-system.svc.cluster.local"]));
    assert_eq!(answer.trim().parse::<IpAddr>().ok(), service.parse().ok());

    // The addresses are the cluster's alone.
    assert!(!said(Command::new("ip").args(["address"])).contains("10.91.0.1"));

    live.down();
    let left = said(Command::new("ip").args(["netns", "list"]));
    assert!(!left.contains("nantian-test-node"), "{left}");
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains("clusters/test-node"), "{mounts}");
}

/// Asks the DNS of the cluster for an address (RFC 1035): the machine's own resolver knows nothing of it.
const RESOLVE: &str = "
import socket, sys
name = b''.join(bytes([len(label)]) + label for label in sys.argv[1].encode().split(b'.'))
asks = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asks.settimeout(5)
asks.sendto(b'\\x12\\x34\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00' + name + b'\\x00\\x00\\x01\\x00\\x01', ('10.96.0.10', 53))
print(socket.inet_ntoa(asks.recv(512)[-4:]))
";
