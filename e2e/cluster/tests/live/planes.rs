//! Nantian Gateway as its users have it: the chart, both planes in Pods, and traffic that no restart interrupts.

use std::path::Path;
use std::time::Duration;

use nantian_cluster::Parts;
use serde_json::Value;

use crate::load::{self, Load, Served};
use crate::seen::{data_planes, is_ready, pods, until};
use crate::{Live, said, two_controllers};

const SECRETS: [&str; 3] = ["nantian-gw-ca", "nantian-gw-controlplane-tls", "nantian-gw-dataplane-tls"];

/// Far more than a Pod takes to start.
const LIMIT: Duration = Duration::from_secs(60);

/// A Gateway with the port of another, in another namespace, and its route.
const NEIGHBOUR: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web, namespace: kube-public}
spec:
  gatewayClassName: nantian-gw
  listeners:
  - {name: http, protocol: HTTP, port: 80}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: away, namespace: kube-public}
spec:
  parentRefs: [{name: web}]
  rules:
  - filters: [{type: RequestRedirect, requestRedirect: {hostname: example.com}}]
";

/// Each Gateway has an address of its own, and answers by its own routes.
fn add_neighbour(live: &Live, url: &str) {
    live.apply(NEIGHBOUR);
    let neighbour = load::url_of(live, "kube-public");
    assert_ne!(url, neighbour);
    let ask = |url: &str| {
        let mut curl = live.cluster().command("curl");
        let wanted = ["--silent", "--output", "/dev/null", "--write-out", "%{http_code} %{redirect_url}"];
        said(curl.args(wanted).args(["--max-time", "10", "--retry", "20", "--retry-all-errors", url]))
    };
    assert_eq!(ask(url), "200 ");
    // The port behind the Service is nobody's business.
    assert_eq!(ask(&neighbour), "302 http://example.com/");
}

#[test]
fn the_chart_installs_both_planes_and_restarts_of_planes_and_backends_and_an_upgrade_fail_no_request() {
    let live = Live::up("test-planes", Parts::Node);
    live.install();
    let url = load::routed(&live);
    add_neighbour(&live, &url);
    two_controllers::leave_each_other_alone(&live);

    let inside = ["exec", "deployment/nantian-gw-controlplane", "--"];
    let summary = ["curl", "-s", "http://localhost:18081/v1/summary"];
    let summary = said(live.cluster().kubectl().args(["--namespace=nantian-gw"]).args(inside).args(summary));
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert_eq!((&summary["listenerCount"], &summary["httpRouteCount"]), (&2.into(), &2.into()), "{summary}");

    let secrets =
        || SECRETS.map(|name| live.kubectl(["-n", "nantian-gw", "get", "secret", name, "-o", "jsonpath={.data}"]));
    let before = secrets();
    let load = Load::start(&live, &url);
    for plane in ["controlplane", "dataplane"] {
        let deployment = format!("deployment/nantian-gw-{plane}");
        live.kubectl(["--namespace=nantian-gw", "rollout", "restart", &deployment]);
        live.kubectl(["--namespace=nantian-gw", "rollout", "status", "--timeout=180s", &deployment]);
    }
    for change in [
        ["rollout", "restart", "deployment/backend"],
        ["scale", "deployment/backend", "--replicas=5"],
        ["scale", "deployment/backend", "--replicas=1"],
        ["scale", "deployment/backend", "--replicas=5"],
        ["scale", "deployment/backend", "--replicas=2"],
    ] {
        live.kubectl(change);
        live.kubectl(["rollout", "status", "--timeout=60s", "deployment/backend"]);
    }
    live.install();
    let Served { answers, unrouted, failures, .. } = load.end();
    println!(
        "{answers} answers while planes and backends restarted and the chart was upgraded, {unrouted} times no route"
    );
    assert!(answers > 100, "{answers} answers are not enough to tell");
    assert_eq!(failures, Vec::<String>::new());
    assert!(unrouted * 1_000 <= answers, "{unrouted} times no route for {answers} answers");
    assert_eq!(secrets(), before, "an upgrade keeps the certificates");
    an_upgrade_that_fails_takes_no_data_plane_away(&live);
    live.down();
}

/// What an upgrade sets, its own data planes do not know, as those from before it do not know what a newer build brings. A Pod reads
/// the settings that it was made with, whenever it starts.
fn an_upgrade_that_fails_takes_no_data_plane_away(live: &Live) {
    let before = data_planes(live);
    let [killed, deleted] = &before[..] else { panic!("{before:?}") };
    let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts/nantian-gw");
    let settings = ["--namespace=nantian-gw", "--reuse-values", "--set=dataPlane.config.engine.unknown=1"];
    said(live.cluster().command("helm").args(["upgrade", "nantian-gw"]).arg(chart).args(settings));
    until("a new data plane does not start", LIMIT, || {
        pods(live, "nantian-dataplane").iter().any(|pod| !pod.ends_with(" 0"))
    });
    killed.kill();
    live.kubectl(["--namespace=nantian-gw", "delete", "pod", deleted.pod(), "--force", "--grace-period=0"]);
    until("as many as before are ready", LIMIT, || {
        let now = data_planes(live);
        let is_new = |process: i32| before.iter().all(|container| container.process() != process);
        now.iter().filter(|container| is_new(container.process()) && is_ready(container)).count() == before.len()
    });
    live.install();
}
