//! What goes on while a control plane, the one that leads, or the API server is away, and what comes after.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nantian_cluster::{Container, Parts};
use serde_json::Value;

use crate::load::{self, Load, Served};
use crate::{Live, said};

/// How long both control planes are away.
const WITHOUT_CONTROL_PLANE: Duration = Duration::from_secs(60);
/// How long the API server is: longer than a Lease lasts, and not so long that the controllers of Kubernetes take the node for
/// lost (50 s). By hand: `NANTIAN_WITHOUT_API_SERVER=300`.
const WITHOUT_API_SERVER: Duration = Duration::from_secs(30);
/// A Lease that is not renewed lasts 15 s, and others look at it every 2 s; the rest is for a busy machine.
const TAKEOVER: Duration = Duration::from_secs(30);
/// Rules that data planes hold beside that of the load.
const ROUTES: usize = 300;

#[test]
fn data_planes_serve_on_without_control_plane_and_api_server_and_one_control_plane_alone_writes() {
    let live = Live::up("test-recovery", Parts::Node);
    live.install();
    let url = load::routed(&live);
    many_routes(&live);
    let planes = pods(&live, "nantian-dataplane");
    let load = Load::start(&live, &url);
    killed_and_back(&live);
    the_other_leads(&live);
    without_api_server(&live);
    let Served { answers, unrouted, failures } = load.end();
    println!("{answers} answers meanwhile, {unrouted} times no route");
    assert!(answers > 1_000, "{answers} answers are not enough to tell");
    assert_eq!((failures, unrouted), (Vec::<String>::new(), 0));
    assert_eq!(pods(&live, "nantian-dataplane"), planes, "no data plane restarts");
    one_writer(&live);
    live.down();
}

fn many_routes(live: &Live) {
    let routes: Vec<String> = (0..ROUTES).map(|index| route(&format!("route-{index}"))).collect();
    apply(live, &routes.join("---\n"));
    let last = format!("httproute/route-{}", ROUTES - 1);
    let accepted = "--for=jsonpath={.status.parents[0].conditions[?(@.type==\"Accepted\")].status}=True";
    live.kubectl(["wait", &last, "--timeout=60s", accepted]);
}

/// A route to what answers the load, by another host.
fn route(name: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: {name}, namespace: default}}
spec:
  parentRefs: [{{name: web}}]
  hostnames: [{name}.example.com]
  rules: [{{backendRefs: [{{name: backend, port: 80}}]}}]
"
    )
}

fn apply(live: &Live, manifest: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("objects.yaml");
    std::fs::write(&file, manifest).unwrap();
    live.kubectl(["apply", "--server-side", "--filename", &file.to_string_lossy()]);
}

/// The Pods of a plane, with how often each was started.
fn pods(live: &Live, app: &str) -> BTreeSet<String> {
    const FIELDS: &str =
        r#"jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[*].restartCount}{"\n"}{end}"#;
    let selector = format!("app={app}");
    let printed = live.kubectl(["-n", "nantian-gw", "get", "pods", "--selector", &selector, "--output", FIELDS]);
    printed.lines().map(str::to_owned).collect()
}

fn control_planes(live: &Live) -> Vec<Container> {
    live.cluster().containers("controlplane").unwrap()
}

/// Waits until something is so; returns how long that took.
pub(crate) fn until(what: &str, limit: Duration, mut is: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    began.elapsed()
}

/// What control planes have sent over the connections that data planes have to them now.
fn sent(live: &Live) -> u64 {
    let of = |container: &Container| {
        let mut sockets = container.command("ss");
        let printed = said(sockets.args(["-Htin", "state", "established", "( sport = :18080 )"]));
        let fields = printed.split_whitespace().filter_map(|field| field.strip_prefix("bytes_sent:"));
        fields.map(|count| count.parse::<u64>().unwrap()).sum::<u64>()
    };
    control_planes(live).iter().map(of).sum()
}

/// Whether both control planes say of both data planes that they serve what is published.
fn all_current(live: &Live) -> bool {
    let count = |container: &Container| {
        let output = container.command("curl").args(["-s", "http://localhost:18081/v1/snapshot-sync"]).output().ok()?;
        let sync: Value = serde_json::from_slice(&output.stdout).ok()?;
        sync["currentNodeCount"].as_u64()
    };
    control_planes(live).iter().map(count).collect::<Vec<_>>() == [Some(2), Some(2)]
}

fn killed_and_back(live: &Live) {
    const DEPLOYMENT: &str = "deployment/nantian-gw-controlplane";
    until("both data planes are current", Duration::from_secs(60), || all_current(live));
    let first = sent(live);
    control_planes(live).iter().for_each(Container::kill);
    live.kubectl(["-n", "nantian-gw", "scale", DEPLOYMENT, "--replicas=0"]);
    until("no control plane runs", Duration::from_secs(60), || control_planes(live).is_empty());
    std::thread::sleep(WITHOUT_CONTROL_PLANE);
    assert!(control_planes(live).is_empty());
    live.kubectl(["-n", "nantian-gw", "scale", DEPLOYMENT, "--replicas=2"]);
    let began = Instant::now();
    live.kubectl(["-n", "nantian-gw", "rollout", "status", DEPLOYMENT, "--timeout=120s"]);
    let ready = began.elapsed();
    until("both data planes are current again", Duration::from_secs(60), || all_current(live));
    let again = sent(live);
    println!(
        "{first} bytes sent to both data planes for {ROUTES} routes; {again} after {WITHOUT_CONTROL_PLANE:?} without a control \
         plane, handshakes included; ready after {ready:?}, current after {:?}",
        began.elapsed()
    );
    assert!(first > 20_000 && again < 10_000, "{first} bytes, and {again} again");
}

/// The Pod that leads.
fn leader(live: &Live) -> String {
    let holder = ["get", "lease", "nantian-controlplane-leader", "--output", "jsonpath={.spec.holderIdentity}"];
    said(live.cluster().kubectl().args(["-n", "nantian-gw"]).args(holder))
}

fn accepted(live: &Live, name: &str) -> bool {
    let status = "jsonpath={.status.parents[0].conditions[?(@.type==\"Accepted\")].status}";
    live.kubectl(["get", "httproute", name, "--output", status]) == "True"
}

fn the_other_leads(live: &Live) {
    until("one leads", Duration::from_secs(60), || {
        let leader = leader(live);
        control_planes(live).iter().any(|container| container.pod() == leader)
    });
    let first = leader(live);
    control_planes(live).iter().filter(|container| container.pod() == first).for_each(Container::kill);
    // Another of its name would lead on.
    live.kubectl(["-n", "nantian-gw", "delete", "pod", &first, "--force", "--grace-period=0"]);
    apply(live, &route("after-the-leader"));
    let took = until("another writes statuses", TAKEOVER, || accepted(live, "after-the-leader"));
    println!("a status is written {took:?} after the leader was killed");
    assert_ne!(leader(live), first);
    live.kubectl(["-n", "nantian-gw", "rollout", "status", "deployment/nantian-gw-controlplane", "--timeout=120s"]);
}

fn without_api_server(live: &Live) {
    let before = pods(live, "nantian-controlplane");
    let away = std::env::var("NANTIAN_WITHOUT_API_SERVER").ok().and_then(|seconds| seconds.parse().ok());
    let away = away.map_or(WITHOUT_API_SERVER, Duration::from_secs);
    live.cluster().pause("apiserver").unwrap();
    std::thread::sleep(away);
    live.cluster().resume("apiserver").unwrap();
    apply(live, &route("after-the-api-server"));
    let took = until("statuses are written again", Duration::from_secs(60), || accepted(live, "after-the-api-server"));
    println!("a status is written {took:?} after an API server that was away for {away:?} took an object");
    assert_eq!(pods(live, "nantian-controlplane"), before, "no control plane restarts");
}

/// Whoever writes a status is the one who wrote the leader's Lease last.
fn one_writer(live: &Live) {
    const ACCOUNT: &str = "system:serviceaccount:nantian-gw:nantian-gw-controlplane";
    let log = std::fs::read_to_string(live.cluster().logs().join("audit.log")).unwrap();
    let events = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let time = |event: &Value, field: &str| event[field].as_str().unwrap().to_owned();
    let (mut leases, mut statuses) = (Vec::new(), Vec::new());
    for event in events.filter(|event| event["user"]["username"] == ACCOUNT) {
        let pod = event["user"]["extra"]["authentication.kubernetes.io/pod-name"][0].as_str().unwrap().to_owned();
        let written = event["responseStatus"]["code"].as_u64().is_some_and(|code| code < 300);
        if event["objectRef"]["name"] == "nantian-controlplane-leader" && written {
            leases.push((time(&event, "stageTimestamp"), pod));
        } else if event["objectRef"]["subresource"] == "status" {
            statuses.push((time(&event, "requestReceivedTimestamp"), pod));
        }
    }
    leases.sort();
    let holders: BTreeSet<&String> = leases.iter().map(|(_, pod)| pod).collect();
    assert!(holders.len() >= 3 && statuses.len() > ROUTES, "{holders:?} led, {} statuses", statuses.len());
    for (at, pod) in &statuses {
        let holder = leases.iter().rfind(|(since, _)| since <= at).map(|(_, holder)| holder);
        assert_eq!(holder, Some(pod), "who writes a status at {at}");
    }
    println!("{} statuses, each written by the one of {} that led then", statuses.len(), holders.len());
}
