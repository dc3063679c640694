//! What is seen of a cluster and of the planes in it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nantian_cluster::{Asked, Container};
use serde_json::Value;

use crate::{Live, said};

/// Waits until something is so; returns how long that took.
pub(crate) fn until(what: &str, limit: Duration, mut is: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    began.elapsed()
}

/// The Pods of a plane, with how often each was started.
pub(crate) fn pods(live: &Live, app: &str) -> BTreeSet<String> {
    const FIELDS: &str =
        r#"jsonpath={range .items[*]}{.metadata.name} {.status.containerStatuses[*].restartCount}{"\n"}{end}"#;
    let selector = format!("app={app}");
    let printed = live.kubectl(["-n", "nantian-gw", "get", "pods", "--selector", &selector, "--output", FIELDS]);
    printed.lines().map(str::to_owned).collect()
}

pub(crate) fn control_planes(live: &Live) -> Vec<Container> {
    live.cluster().containers("controlplane").unwrap()
}

pub(crate) fn data_planes(live: &Live) -> Vec<Container> {
    live.cluster().containers("dataplane").unwrap()
}

/// Whether a data plane says so itself.
pub(crate) fn is_ready(container: &Container) -> bool {
    let mut curl = container.command("curl");
    curl.args(["--silent", "--fail", "--max-time", "1", "--output", "/dev/null", "http://localhost:19080/readyz"]);
    curl.output().unwrap().status.success()
}

/// What a container answers on its own loopback address, if it answers.
pub(crate) fn answer(container: &Container, url: &str) -> Option<Value> {
    let output = container.command("curl").args(["--silent", "--fail", "--max-time", "5", url]).output().ok()?;
    serde_json::from_slice(&output.stdout).ok()
}

/// How many data planes each control plane says serve what is published.
pub(crate) fn current(live: &Live) -> Vec<Option<u64>> {
    let count = |container: &Container| {
        answer(container, "http://localhost:18081/v1/snapshot-sync")?["currentNodeCount"].as_u64()
    };
    control_planes(live).iter().map(count).collect()
}

/// Whether both control planes say so of both data planes.
pub(crate) fn all_current(live: &Live) -> bool {
    current(live) == [Some(2), Some(2)]
}

/// Whether a route has a status that says so.
pub(crate) fn accepted(live: &Live, name: &str) -> bool {
    let status = "jsonpath={.status.parents[0].conditions[?(@.type==\"Accepted\")].status}";
    live.kubectl(["get", "httproute", name, "--output", status]) == "True"
}

/// Whether a data plane answers a request for the host of a route by that route, and not by the one for all hosts.
pub(crate) fn served(live: &Live, url: &str, route: &str) -> bool {
    let host = format!("Host: {route}.example.com");
    let mut curl = live.cluster().command("curl");
    curl.args(["--silent", "--max-time", "5", "--output", "/dev/null", "--write-out", "%{http_code} %header{x-route}"]);
    said(curl.args(["--header", &host, url])) == format!("200 {route}")
}

/// Statuses that were written, and by whom.
pub(crate) struct Writes {
    pub(crate) statuses: usize,
    /// Those that had the leader's Lease some time.
    pub(crate) leaders: usize,
}

/// What control planes asked the API server so far.
pub(crate) fn asked(live: &Live) -> Vec<Asked> {
    live.cluster().asked().unwrap()
}

/// Checks that whoever writes a status is the one who wrote the leader's Lease last.
pub(crate) fn one_writer(live: &Live) -> Writes {
    let asked = asked(live);
    let written = asked.iter().filter(|asked| asked.writes());
    let is_lease = |asked: &&Asked| asked.name == "nantian-controlplane-leader" && asked.code < 300;
    let mut leases: Vec<_> = written.clone().filter(is_lease).map(|asked| (&asked.answered, &asked.pod)).collect();
    leases.sort();
    let holders: BTreeSet<&String> = leases.iter().map(|(_, pod)| *pod).collect();
    let statuses: Vec<&Asked> = written.filter(|asked| asked.resource.ends_with("/status")).collect();
    for Asked { received, pod, .. } in &statuses {
        let holder = leases.iter().rfind(|(since, _)| *since <= received).map(|(_, holder)| *holder);
        assert_eq!(holder, Some(pod), "who writes a status at {received}");
    }
    Writes { statuses: statuses.len(), leaders: holders.len() }
}
