//! Nantian Gateway as its users have it: the chart, both planes in Pods, and traffic that no restart interrupts.

use nantian_cluster::Parts;
use serde_json::Value;

use crate::load::{self, Load, Served};
use crate::{Live, said};

const SECRETS: [&str; 3] = ["nantian-gw-ca", "nantian-gw-controlplane-tls", "nantian-gw-dataplane-tls"];

#[test]
fn the_chart_installs_both_planes_and_restarts_of_planes_and_backends_and_an_upgrade_fail_no_request() {
    let live = Live::up("test-planes", Parts::Node);
    live.install();
    let url = load::routed(&live);

    let inside = ["exec", "deployment/nantian-gw-controlplane", "--"];
    let summary = ["curl", "-s", "http://localhost:18081/v1/summary"];
    let summary = said(live.cluster().kubectl().args(["--namespace=nantian-gw"]).args(inside).args(summary));
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert_eq!((&summary["listenerCount"], &summary["httpRouteCount"]), (&1.into(), &1.into()), "{summary}");

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
    let Served { answers, unrouted, failures } = load.end();
    println!(
        "{answers} answers while planes and backends restarted and the chart was upgraded, {unrouted} times no route"
    );
    assert!(answers > 100, "{answers} answers are not enough to tell");
    assert_eq!(failures, Vec::<String>::new());
    assert!(unrouted * 1_000 <= answers, "{unrouted} times no route for {answers} answers");
    assert_eq!(secrets(), before, "an upgrade keeps the certificates");
    live.down();
}
