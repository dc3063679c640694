//! What is refused, by the control plane or by a data plane, is said wherever somebody may look.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::seen::until;
use crate::{Live, burst, said};

/// A Gateway with two listeners, and a route to a Service that is not there.
const OBJECTS: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: ours}
spec: {controllerName: nantian.dev/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web, namespace: default}
spec:
  gatewayClassName: ours
  listeners:
  - {name: taken, protocol: HTTP, port: 8081}
  - {name: free, protocol: HTTP, port: 8082}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: broken, namespace: default}
spec:
  parentRefs: [{name: web}]
  rules: [{backendRefs: [{name: absent, port: 80}]}]
";

const CONTROL_PLANE: &str = "
identity: control-plane
xds: {address: '127.0.0.1:18080', tls: {enabled: false}}
";
const DATA_PLANE: &str = "
node: {id: data-plane, cluster: shared}
controlPlane: {address: '127.0.0.1:18080', tls: {enabled: false}}
engine: {workers: 1}
";

/// Holds a port until its standard input ends.
const HOLDER: &str = "
import socket, sys
held = socket.create_server(('::', int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
print('held', flush=True)
sys.stdin.read()
";

const LIMIT: Duration = Duration::from_secs(60);

/// A program that runs in the namespace of the cluster, ended when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        let _ended = self.0.kill();
        let _waited = self.0.wait();
    }
}

fn run(live: &Live, folder: &TempDir, plane: &str, config: &str) -> Running {
    let file = folder.path().join(format!("{plane}.yaml"));
    std::fs::write(&file, config).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_nantian-cluster")).with_file_name(format!("nantian-{plane}"));
    let mut command = live.cluster().command(&program.to_string_lossy());
    let log = std::fs::File::create(live.cluster().logs().join(plane)).unwrap();
    Running(command.arg("--config").arg(file).stdout(Stdio::null()).stderr(log).spawn().unwrap())
}

/// Until it is dropped, nobody else has the port.
fn hold(live: &Live, port: u64) -> Running {
    let mut command = live.cluster().command("python3");
    command.args(["-c", HOLDER, &port.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut said = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert_eq!(said, "held\n");
    Running(child)
}

/// What the admin API of the control plane says; null while it says nothing.
pub(crate) fn admin(live: &Live, path: &str) -> Value {
    let url = format!("http://127.0.0.1:18081{path}");
    let output = live.cluster().command("curl").args(["--silent", "--fail", &url]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

fn json<const N: usize>(live: &Live, words: [&str; N]) -> Value {
    let text = said(live.cluster().kubectl().args(words).args(["--output", "json"]));
    serde_json::from_str(&text).unwrap()
}

/// `Programmed` of a listener of the Gateway: its status and message.
fn programmed(live: &Live, listener: &str) -> (String, String) {
    let gateway = json(live, ["get", "gateway", "web"]);
    let listeners = gateway["status"]["listeners"].as_array().cloned().unwrap_or_default();
    let it = listeners.iter().find(|one| one["name"] == listener).cloned().unwrap_or_default();
    let conditions = it["conditions"].as_array().cloned().unwrap_or_default();
    let it = conditions.iter().find(|one| one["type"] == "Programmed").cloned().unwrap_or_default();
    let text = |field: &str| it[field].as_str().unwrap_or_default().to_owned();
    (text("status"), text("message"))
}

/// The notes of the Events about an object, with this reason.
fn notes(live: &Live, kind: &str, reason: &str) -> Vec<String> {
    let events = json(live, ["get", "events.v1.events.k8s.io"]);
    let events = events["items"].as_array().unwrap().clone();
    let is_it = |event: &&Value| event["regarding"]["kind"] == kind && event["reason"] == reason;
    let note = |event: &Value| event["note"].as_str().unwrap_or_default().to_owned();
    events.iter().filter(is_it).map(note).collect()
}

#[test]
fn what_is_refused_is_in_the_lease_the_admin_api_the_status_and_events_and_the_rest_is_served() {
    let live = Live::with_crds("test-refused", "standard");
    let folder = tempfile::tempdir().unwrap();
    let objects = folder.path().join("objects.yaml");
    std::fs::write(&objects, OBJECTS).unwrap();
    live.kubectl(["create", "namespace", "nantian-gw"]);
    live.kubectl(["apply", "--filename", &objects.to_string_lossy()]);
    let _control_plane = run(&live, &folder, "controlplane", CONTROL_PLANE);

    // Which port a data plane opens for a listener is for the control plane to say.
    let mut port = None;
    until("a snapshot is published", LIMIT, || {
        let snapshot = admin(&live, "/v1/snapshot");
        let listeners = snapshot["listeners"].as_array().cloned().unwrap_or_default();
        let taken = listeners.iter().find(|one| one["key"]["listener"] == "taken");
        port = taken.and_then(|taken| taken["bind"]["port"].as_u64());
        port.is_some()
    });
    let holder = hold(&live, port.unwrap());
    let _data_plane = run(&live, &folder, "dataplane", DATA_PLANE);
    until("a data plane serves what it can", LIMIT, || programmed(&live, "free").0 == "True");
    until("the status says what it refuses", LIMIT, || {
        programmed(&live, "taken").1.starts_with("data plane data-plane")
    });

    let (status, message) = programmed(&live, "taken");
    assert_eq!(status, "False", "{message}");
    assert!(message.contains(&port.unwrap().to_string()), "{message}");
    the_lease_and_the_admin_api_name_it(&live);
    let expected = [format!("listener taken: {message}")];
    until("there is an Event", LIMIT, || notes(&live, "Gateway", "Invalid") == expected);
    until("there is one of the route", LIMIT, || notes(&live, "HTTPRoute", "BackendNotFound").len() == 1);
    let described = live.kubectl(["describe", "gateway", "web"]);
    assert!(described.contains("Events:") && described.contains(&expected[0]), "{described}");

    drop(holder);
    until("the port is had", LIMIT, || programmed(&live, "taken").0 == "True");
    assert_eq!(notes(&live, "Gateway", "Invalid"), expected, "it is said once");
    burst::of_deletions_costs_few_compilations(&live);
    live.down();
}

fn the_lease_and_the_admin_api_name_it(live: &Live) {
    let listener = "Listener default/web/taken";
    let selector = "--selector=nantian.dev/component=node-status";
    until("the Lease says what is refused", LIMIT, || {
        let leases = json(live, ["--namespace=nantian-gw", "get", "leases", selector]);
        let text = leases["items"][0]["metadata"]["annotations"]["nantian.dev/node-status"].as_str();
        let node: Value = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        node["id"] == "data-plane" && node["refused"][0]["resource"] == listener
    });
    let sync = admin(live, "/v1/snapshot-sync");
    assert_eq!((&sync["refusingNodeCount"], &sync["currentNodeCount"]), (&1.into(), &0.into()), "{sync}");
    assert_eq!(sync["nodes"][0]["refused"][0]["resource"], listener, "{sync}");
}
