//! What goes on while the API server is slow, gone, or refuses, while the network between the planes is cut, and while a data
//! plane is killed; and how soon all is well again.

use std::time::{Duration, Instant};

use nantian_cluster::{Container, Parts};

use crate::load::{self, Load, ROUTES, Served};
use crate::seen::{
    Writes, accepted, all_current, answer, asked, control_planes, current, data_planes, is_ready, one_writer, pods,
    served, until,
};
use crate::{Live, said};

/// How long the API server is gone: longer than a Lease lasts, and than the longest wait between two tries. By hand:
/// `NANTIAN_WITHOUT_API_SERVER=300`.
const WITHOUT_API_SERVER: Duration = Duration::from_secs(30);
/// How often its clients lose their connections while it refuses.
const CUTS: usize = 5;
/// How long the network between the planes is cut.
const CUT: Duration = Duration::from_secs(45);
/// A PING is sent after 20 s of silence and must be answered within 10 s; the rest is for a busy machine.
const NOTICED: Duration = Duration::from_secs(40);
/// The longest waits between tries are 5 s, for a connection and for a watch; the rest is for a busy machine.
const RECOVERED: Duration = Duration::from_secs(60);

/// Makes the API server answer 429 to what control planes ask while it answers another question of theirs.
const REFUSAL: &str = "
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: PriorityLevelConfiguration
metadata: {name: refused}
spec:
  type: Limited
  limited: {nominalConcurrencyShares: 0, lendablePercent: 0, borrowingLimitPercent: 0, limitResponse: {type: Reject}}
---
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: FlowSchema
metadata: {name: refused}
spec:
  priorityLevelConfiguration: {name: refused}
  matchingPrecedence: 2
  rules:
  - subjects: [{kind: ServiceAccount, serviceAccount: {namespace: nantian-gw, name: nantian-gw-controlplane}}]
    resourceRules: [{verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true}]
    nonResourceRules: [{verbs: ['*'], nonResourceURLs: ['*']}]
";

/// Drops what one plane sends to the other where it arrives, so that nobody is told: at control planes what is for their port, at
/// data planes what comes from it to a port of a connection that they made. The node gives clients of data planes any port as their own
/// (kube-proxy masquerades with `fully-random`), that of control planes, too: once in 64,512 connections.
const DROP: &str = "table inet cut { chain arriving { type filter hook input priority 0; tcp dport 18080 drop; \
                    tcp sport 18080 tcp dport 32768-60999 drop; }; }";

#[test]
fn requests_are_answered_whatever_becomes_of_api_server_and_network_and_changes_meanwhile_are_served_soon_after() {
    let live = Live::up("test-faults", Parts::Node);
    live.install();
    let url = load::routed(&live);
    load::many_routes(&live);
    until("both data planes are current", RECOVERED, || all_current(&live));
    let before = ["nantian-controlplane", "nantian-dataplane"].map(|app| pods(&live, app));
    let load = Load::start(&live, &url);
    slow_api_server(&live, &url);
    no_api_server(&live, &url);
    refusing_api_server(&live, &url);
    no_network_between_the_planes(&live, &url);
    let Served { answers, unrouted, failures, .. } = load.end();
    println!("{answers} answers meanwhile, {unrouted} times no route");
    assert!(answers > 1_000, "{answers} answers are not enough to tell");
    assert_eq!((failures, unrouted), (Vec::<String>::new(), 0));
    assert_eq!(["nantian-controlplane", "nantian-dataplane"].map(|app| pods(&live, app)), before, "nothing restarts");
    let Writes { statuses, leaders } = one_writer(&live);
    println!("{statuses} statuses, each written by the one of {leaders} that led then");
    assert!(statuses > ROUTES);
    killed_data_planes(&live, &url);
    live.down();
}

/// It does not answer for longer than a leader may go without renewing its Lease; then it runs for a tenth of the time.
fn slow_api_server(live: &Live, url: &str) {
    let stopped = |time: Duration| {
        live.cluster().pause("apiserver").unwrap();
        std::thread::sleep(time);
        live.cluster().resume("apiserver").unwrap();
    };
    stopped(Duration::from_secs(12));
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| {
            for _ in 0..10 {
                std::thread::sleep(Duration::from_millis(100));
                stopped(Duration::from_millis(900));
            }
        });
        live.apply(&load::route("slow"));
        let took = until("a route of a slow API server is served", RECOVERED, || served(live, url, "slow"));
        println!("served {took:?} after an API server took it that runs for a tenth of the time");
        slow.join().unwrap();
    });
    until("it has a status", RECOVERED, || accepted(live, "slow"));
}

/// When it is back it knows nothing of what was before its start: whoever watched from then on is too late (410 Gone), and lists.
fn no_api_server(live: &Live, url: &str) {
    let away = std::env::var("NANTIAN_WITHOUT_API_SERVER").ok().and_then(|seconds| seconds.parse().ok());
    let away = away.map_or(WITHOUT_API_SERVER, Duration::from_secs);
    let lists = || asked(live).iter().filter(|asked| asked.verb == "list" && asked.code == 200).count();
    let before = lists();
    live.cluster().kill_kubernetes().unwrap();
    std::thread::sleep(away);
    live.cluster().start_kubernetes().unwrap();
    live.apply(&load::route("back"));
    let took = until("a new route is served", RECOVERED, || served(live, url, "back"));
    let status = took + until("it has a status", RECOVERED, || accepted(live, "back"));
    let again = lists() - before;
    println!(
        "an API server that was away for {away:?} took a route: served {took:?} later, its status written {status:?} later; {again} \
         lists because of 410"
    );
    assert!(again > 0);
}

/// Control planes lose their connections again and again, and most of what they ask for then is answered 429.
fn refusing_api_server(live: &Live, url: &str) {
    live.apply(&load::route("goes"));
    until("a route is served", RECOVERED, || served(live, url, "goes"));
    let refused = || asked(live).iter().filter(|asked| asked.code == 429 && asked.verb == "watch").count();
    let before = refused();
    live.apply(REFUSAL);
    for _ in 0..CUTS {
        for plane in control_planes(live) {
            said(plane.command("ss").args(["--kill", "--tcp", "state", "established", "dport = :443"]));
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    live.kubectl(["delete", "httproute", "goes"]);
    live.apply(&load::route("comes"));
    let comes = until("what came meanwhile is served", RECOVERED, || served(live, url, "comes"));
    let goes = comes + until("what went meanwhile is not", RECOVERED, || !served(live, url, "goes"));
    let status = goes + until("it has a status", RECOVERED, || accepted(live, "comes"));
    live.kubectl(["delete", "flowschema/refused", "prioritylevelconfiguration/refused"]);
    let refused = refused() - before;
    println!(
        "an API server that answered 429 to {refused} watches took a route and the deletion of another: the one is served {comes:?} \
         later, the other no more after {goes:?}, a status is written after {status:?}"
    );
    assert!(refused > 10, "{refused} watches were answered 429");
}

/// Packets between the planes are lost: no connection is closed, and none can be made.
fn no_network_between_the_planes(live: &Live, url: &str) {
    let planes = [control_planes(live), data_planes(live)].concat();
    let connected = |container: &Container| {
        answer(container, "http://localhost:19080/v1/node").is_some_and(|node| node["source"]["connected"] == true)
    };
    until("both data planes are current", RECOVERED, || all_current(live));
    for plane in &planes {
        said(plane.command("nft").arg(DROP));
    }
    let began = Instant::now();
    live.apply(&load::route("beyond-the-cut"));
    until("the data planes notice", NOTICED, || !data_planes(live).iter().any(connected));
    let data = began.elapsed();
    until("the control planes notice", NOTICED, || current(live) == [Some(0), Some(0)]);
    let control = began.elapsed();
    std::thread::sleep(CUT.saturating_sub(began.elapsed()));
    assert!(!served(live, url, "beyond-the-cut"), "nothing goes through the cut");
    for plane in &planes {
        said(plane.command("nft").args(["delete", "table", "inet", "cut"]));
    }
    let began = Instant::now();
    until("both data planes are current again", RECOVERED, || all_current(live));
    let took = began.elapsed();
    assert!(served(live, url, "beyond-the-cut"));
    println!(
        "cut for {CUT:?}: noticed by the data planes after {data:?}, by the control planes after {control:?}; {took:?} after it both \
         data planes serve what changed meanwhile"
    );
}

/// Its connections are lost by nature, and until it is back the node refuses new ones that are led to it. Nobody gets an answer
/// that is wrong, and all is well once it is back.
fn killed_data_planes(live: &Live, url: &str) {
    killed(live, url, "SIGKILL", Container::kill);
    killed(live, url, "kubectl delete pod --force", |container| {
        live.kubectl(["-n", "nantian-gw", "delete", "pod", container.pod(), "--force", "--grace-period=0"]);
    });
}

fn killed(live: &Live, url: &str, how: &str, kill: impl Fn(&Container)) {
    const LOST: [&str; 4] = ["ConnectionRefused", "ConnectionReset", "RemoteDisconnected", "IncompleteRead"];
    let planes = data_planes(live);
    let victim = planes.first().expect("two data planes run");
    let load = Load::start(live, url);
    let began = Instant::now();
    kill(victim);
    let others = || data_planes(live).into_iter().filter(|container| container.process() != victim.process());
    until("another takes its place", RECOVERED, || others().filter(is_ready).count() == 2);
    let took = began.elapsed();
    let Served { answers, unrouted, failed, failures } = load.end();
    println!(
        "{how}: ready again after {took:?}; {answers} answers meanwhile, {failed} connections lost or refused, {unrouted} times no route"
    );
    assert!(
        answers > 0 && failures.iter().all(|failure| LOST.iter().any(|lost| failure.starts_with(lost))),
        "{failures:?}"
    );
    live.kubectl(["-n", "nantian-gw", "rollout", "status", "deployment/nantian-gw-dataplane", "--timeout=60s"]);
    let load = Load::start(live, url);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(load.end().failures, Vec::<String>::new(), "{how}: it is back");
}
