//! What is refused, by the control plane or by a data plane, is said wherever somebody may look.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::seen::until;
use crate::{Live, burst, said};

/// A Gateway with two listeners; a route to a Service that is not there, one to a Service whose certificate an authority of the
/// data plane's machine must have signed, and one that needs nobody.
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
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: secured, namespace: default}
spec:
  parentRefs: [{name: web}]
  hostnames: [secured.example.com]
  rules: [{backendRefs: [{name: secured, port: 443}]}]
---
apiVersion: v1
kind: Service
metadata: {name: secured, namespace: default}
spec: {ports: [{port: 443}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: secured, namespace: default}
spec:
  targetRefs: [{group: '', kind: Service, name: secured}]
  validation: {hostname: secured.example.com, wellKnownCACertificates: System}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: good, namespace: default}
spec:
  parentRefs: [{name: web}]
  hostnames: [good.example.com]
  rules: [{filters: [{type: RequestRedirect, requestRedirect: {hostname: elsewhere.example.com}}]}]
";

/// What a data plane refuses of them, if it does not get the port of the one and knows no authority for the other.
const LISTENER: &str = "Listener default/web/taken";
const BACKEND: &str = "Backend Service/default/secured:443";
/// Tells a data plane of no authorities, as in an image without them.
const NO_AUTHORITIES: (&str, &str) = ("SSL_CERT_FILE", "/dev/null");

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

fn run(live: &Live, folder: &TempDir, plane: &str, config: &str, environment: &[(&str, &str)]) -> Running {
    let file = folder.path().join(format!("{plane}.yaml"));
    std::fs::write(&file, config).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_nantian-cluster")).with_file_name(format!("nantian-{plane}"));
    let mut command = live.cluster().command(&program.to_string_lossy());
    let log = std::fs::File::create(live.cluster().logs().join(plane)).unwrap();
    command.envs(environment.iter().copied());
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
    let [status, _, message] = condition(&it, "Programmed");
    (status, message)
}

/// Status, reason and message of a condition; empty while it is not there.
fn condition(holder: &Value, kind: &str) -> [String; 3] {
    let conditions = holder["conditions"].as_array().cloned().unwrap_or_default();
    let it = conditions.iter().find(|one| one["type"] == kind).cloned().unwrap_or_default();
    ["status", "reason", "message"].map(|field| it[field].as_str().unwrap_or_default().to_owned())
}

/// `ResolvedRefs` of a route.
fn resolved(live: &Live, route: &str) -> [String; 3] {
    condition(&json(live, ["get", "httproute", route])["status"]["parents"][0], "ResolvedRefs")
}

/// What a data plane answers at this port to a request for a host: its status, and where it sends to.
fn answer(live: &Live, port: u64, host: &str) -> String {
    let mut curl = live.cluster().command("curl");
    curl.args(["--silent", "--max-time", "5", "--output", "/dev/null", "--write-out", "%{http_code} %{redirect_url}"]);
    said(curl.args(["--header", &format!("Host: {host}"), &format!("http://127.0.0.1:{port}/")]))
}

/// Which port a data plane opens for a listener, as the control plane has it; `None`: nothing is published yet.
fn bind_port(live: &Live, listener: &str) -> Option<u64> {
    let snapshot = admin(live, "/v1/snapshot");
    let listeners = snapshot["listeners"].as_array().cloned().unwrap_or_default();
    listeners.iter().find(|one| one["key"]["listener"] == listener)?["bind"]["port"].as_u64()
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
    let _control_plane = run(&live, &folder, "controlplane", CONTROL_PLANE, &[]);
    until("a snapshot is published", LIMIT, || bind_port(&live, "taken").is_some());
    let port = bind_port(&live, "taken").unwrap();
    let holder = hold(&live, port);
    let _data_plane = run(&live, &folder, "dataplane", DATA_PLANE, &[NO_AUTHORITIES]);
    until("a data plane serves what it can", LIMIT, || programmed(&live, "free").0 == "True");
    until("the status says what it refuses", LIMIT, || {
        programmed(&live, "taken").1.starts_with("data plane data-plane")
    });

    let (status, message) = programmed(&live, "taken");
    assert_eq!(status, "False", "{message}");
    assert!(message.contains(&port.to_string()), "{message}");
    the_lease_and_the_admin_api_name(&live, &[BACKEND, LISTENER]);
    let expected = [format!("listener taken: {message}")];
    until("there is an Event", LIMIT, || notes(&live, "Gateway", "Invalid") == expected);
    until("there is one of the route", LIMIT, || notes(&live, "HTTPRoute", "BackendNotFound").len() == 1);
    let described = live.kubectl(["describe", "gateway", "web"]);
    assert!(described.contains("Events:") && described.contains(&expected[0]), "{described}");

    the_route_says_that_a_backend_is_refused_and_the_rest_is_served(&live);

    drop(holder);
    until("the port is had", LIMIT, || programmed(&live, "taken").0 == "True");
    assert_eq!(notes(&live, "Gateway", "Invalid"), expected, "it is said once");
    the_lease_and_the_admin_api_name(&live, &[BACKEND]);
    live.kubectl(["delete", "backendtlspolicy", "secured"]);
    until("the backend is taken", LIMIT, || resolved(&live, "secured")[0] == "True");
    until("nothing is refused", LIMIT, || admin(&live, "/v1/snapshot-sync")["refusingNodeCount"] == 0);
    burst::of_deletions_costs_few_compilations(&live);
    live.down();
}

/// `resources`: all that the data plane refuses, sorted.
fn the_lease_and_the_admin_api_name(live: &Live, resources: &[&str]) {
    let refused = |node: &Value| {
        let refused = node["refused"].as_array().cloned().unwrap_or_default();
        let mut names: Vec<_> = refused.iter().map(|one| one["resource"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    let selector = "--selector=nantian.dev/component=node-status";
    until("the Lease says what is refused", LIMIT, || {
        let leases = json(live, ["--namespace=nantian-gw", "get", "leases", selector]);
        let text = leases["items"][0]["metadata"]["annotations"]["nantian.dev/node-status"].as_str();
        let node: Value = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        node["id"] == "data-plane" && refused(&node) == resources
    });
    let sync = admin(live, "/v1/snapshot-sync");
    assert_eq!((&sync["refusingNodeCount"], &sync["currentNodeCount"]), (&1.into(), &0.into()), "{sync}");
    assert_eq!(refused(&sync["nodes"][0]), resources, "{sync}");
}

fn the_route_says_that_a_backend_is_refused_and_the_rest_is_served(live: &Live) {
    const SAID: &str =
        "backend Service/default/secured:443: data plane data-plane refuses it: TLS to the backend cannot";
    until("the status says so", LIMIT, || resolved(live, "secured")[1] == "BackendRefused");
    let [status, _, message] = resolved(live, "secured");
    assert_eq!(status, "False", "{message}");
    assert!(message.starts_with(SAID), "{message}");
    until("there is an Event of it", LIMIT, || notes(live, "HTTPRoute", "BackendRefused").len() == 1);
    assert_eq!(resolved(live, "good")[0], "True");
    let port = bind_port(live, "free").unwrap();
    assert_eq!(answer(live, port, "good.example.com"), "302 http://elsewhere.example.com:8082/");
    assert_eq!(answer(live, port, "secured.example.com"), "500 ", "no connection is made without TLS");
}
