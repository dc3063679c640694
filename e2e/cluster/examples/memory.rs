//! What both planes hold of so many HTTPRoutes: their resident memory at rest, on an API server without a node.
//!
//! ```console
//! $ cargo build --profile ci -p nantian-controlplane -p nantian-dataplane && cargo build -p nantian-cluster
//! $ cargo run -p nantian-cluster --example memory -- target/ci 5000
//! ```

use std::error::Error;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nantian_cluster::{Cluster, Home, Parts, gateway_api_crds};
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// As long as it takes the control plane to write the statuses, and both planes to give back what they needed on the way.
const SETTLED: Duration = Duration::from_secs(60);

const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";
const NAMESPACE: &str = "nantian-gw";
const XDS: &str = "127.0.0.1:18080";

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: memory FOLDER ROUTES; the folder has both planes";
    let (folder, routes) = (arguments.next().ok_or(usage)?, arguments.next().ok_or(usage)?.parse()?);
    let home = Home::find()?;
    let cluster = Cluster::up(&home, &"memory".parse()?, Parts::ObjectsOnly, Path::new("none"))?;
    let measured = measure(&cluster, Path::new(&folder), routes);
    cluster.down()?;
    measured
}

fn measure(cluster: &Cluster, programs: &Path, routes: usize) -> Outcome<()> {
    let folder = cluster.logs();
    define(cluster)?;
    create(cluster, &folder, routes)?;
    let plaintext = json!({"enabled": false});
    let settings = json!({
        "namespace": NAMESPACE, "identity": "memory", "xds": {"address": XDS, "tls": plaintext},
    });
    let control_plane = Plane::start(cluster, programs, "nantian-controlplane", &folder, &settings)?;
    let settings = json!({
        "node": {"id": "memory"}, "controlPlane": {"address": XDS, "tls": plaintext},
        "engine": {"accessLog": {"format": "off"}},
    });
    let data_plane = Plane::start(cluster, programs, "nantian-dataplane", &folder, &settings)?;
    std::thread::sleep(SETTLED);
    for plane in [control_plane, data_plane] {
        println!("{routes} routes: {} {}", plane.name, plane.memory()?);
    }
    Ok(())
}

/// The kinds, the namespace of the control plane, and a class.
fn define(cluster: &Cluster) -> Outcome<()> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../nantian-crds/crds");
    succeed(cluster.kubectl().args(["apply", "--server-side", "--kustomize"]).arg(gateway_api_crds("experimental")?))?;
    succeed(cluster.kubectl().args(["apply", "--server-side", "--filename"]).arg(ours))?;
    succeed(cluster.kubectl().args(["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"]))?;
    succeed(cluster.kubectl().args(["create", "namespace", NAMESPACE]))
}

/// A Gateway and its routes: each has a host of its own, a filter, and a backend that all share.
fn create(cluster: &Cluster, folder: &Path, routes: usize) -> Outcome<()> {
    let class = json!({
        "apiVersion": GATEWAY_API, "kind": "GatewayClass", "metadata": {"name": NAMESPACE},
        "spec": {"controllerName": "nantian.dev/gateway-controller"},
    });
    let gateway = json!({
        "apiVersion": GATEWAY_API, "kind": "Gateway", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"gatewayClassName": NAMESPACE, "listeners": [{"name": "http", "protocol": "HTTP", "port": 8080}]},
    });
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "backend", "namespace": "default"},
        "spec": {"ports": [{"port": 80, "targetPort": 8080}]},
    });
    let mut objects = String::new();
    for object in [class, gateway, service].into_iter().chain((0..routes).map(route)) {
        writeln!(objects, "{object}")?;
    }
    let file = folder.join("memory-objects.json");
    std::fs::write(&file, objects)?;
    succeed(cluster.kubectl().args(["create", "--filename"]).arg(&file).stdout(Stdio::null()))?;
    Ok(std::fs::remove_file(file)?)
}

fn route(number: usize) -> Value {
    let header = json!({"name": "x-version", "value": "1"});
    json!({
        "apiVersion": GATEWAY_API, "kind": "HTTPRoute",
        "metadata": {"name": format!("route-{number}"), "namespace": "default"},
        "spec": {
            "parentRefs": [{"name": "web"}], "hostnames": [format!("route-{number}.example.com")],
            "rules": [{
                "filters": [{"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [header]}}],
                "backendRefs": [{"name": "backend", "port": 80}],
            }],
        },
    })
}

fn succeed(command: &mut Command) -> Outcome<()> {
    if command.status()?.success() { Ok(()) } else { Err(format!("{command:?} failed").into()) }
}

/// A plane as a process beside the cluster; ended when dropped.
struct Plane {
    name: &'static str,
    process: Child,
    settings: PathBuf,
}

impl Plane {
    /// Starts one; returns when it serves a snapshot.
    fn start(cluster: &Cluster, programs: &Path, name: &'static str, folder: &Path, settings: &Value) -> Outcome<Self> {
        let file = folder.join(format!("{name}.json"));
        std::fs::write(&file, settings.to_string())?;
        let mut command = cluster.command(&programs.join(name).to_string_lossy());
        command.arg("--config").arg(&file).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut plane = Self { name, process: command.spawn()?, settings: file };
        let events = plane.process.stderr.take().ok_or("its standard error was asked for")?;
        let mut events = BufReader::new(events).lines();
        let served = |event: &Value| matches!(event["event"].as_str(), Some("published" | "applied"));
        loop {
            let line = events.next().ok_or_else(|| format!("{name} has ended"))??;
            if serde_json::from_str(&line).is_ok_and(|event| served(&event)) {
                break;
            }
            eprintln!("{line}");
        }
        // It must not wait for somebody who reads.
        std::thread::spawn(move || events.for_each(drop));
        Ok(plane)
    }

    /// What the kernel says of its memory.
    fn memory(&self) -> Outcome<String> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let told = ["VmRSS:", "RssAnon:", "RssFile:", "VmHWM:", "Threads:"];
        let lines = status.lines().filter(|line| told.iter().any(|name| line.starts_with(name)));
        Ok(lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join(", "))
    }
}

impl Drop for Plane {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.process.kill();
        let _waited = self.process.wait();
        let _removed = std::fs::remove_file(&self.settings);
    }
}
