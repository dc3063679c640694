//! What goes on while control planes are away, and what comes after.

use std::time::{Duration, Instant};

use nantian_cluster::{Container, Parts};

use crate::load::{self, Load, ROUTES, Served};
use crate::seen::{Writes, accepted, all_current, control_planes, one_writer, pods, until};
use crate::{Live, said};

/// How long both control planes are away.
const WITHOUT_CONTROL_PLANE: Duration = Duration::from_secs(60);
/// A Lease that is not renewed lasts 15 s; the rest is for a busy machine.
const TAKEOVER: Duration = Duration::from_secs(30);
/// Shorter than a Lease that is not given up lasts: 13 s, if it was renewed 2 s before.
const HANDOVER: Duration = Duration::from_secs(12);

#[test]
fn data_planes_serve_on_without_control_planes_and_one_control_plane_alone_writes() {
    let live = Live::up("test-recovery", Parts::Node);
    live.install();
    let url = load::routed(&live);
    load::many_routes(&live);
    let planes = pods(&live, "nantian-dataplane");
    let load = Load::start(&live, &url);
    killed_and_back(&live);
    the_other_leads(&live);
    a_leader_that_ends_hands_over(&live);
    let Served { answers, unrouted, failures, .. } = load.end();
    println!("{answers} answers meanwhile, {unrouted} times no route");
    assert!(answers > 1_000, "{answers} answers are not enough to tell");
    assert_eq!((failures, unrouted), (Vec::<String>::new(), 0));
    assert_eq!(pods(&live, "nantian-dataplane"), planes, "no data plane restarts");
    let Writes { statuses, leaders } = one_writer(&live);
    println!("{statuses} statuses, each written by the one of {leaders} that led then");
    assert!(leaders >= 3 && statuses > ROUTES);
    live.down();
}

fn killed_and_back(live: &Live) {
    const DEPLOYMENT: &str = "deployment/nantian-gw-controlplane";
    until("both data planes are current", Duration::from_secs(60), || all_current(live));
    let sent = || live.cluster().sent_to_data_planes().unwrap();
    let first = sent();
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
    let again = sent();
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

fn the_other_leads(live: &Live) {
    until("one leads", Duration::from_secs(60), || {
        let leader = leader(live);
        control_planes(live).iter().any(|container| container.pod() == leader)
    });
    let first = leader(live);
    control_planes(live).iter().filter(|container| container.pod() == first).for_each(Container::kill);
    // Another of its name would lead on.
    live.kubectl(["-n", "nantian-gw", "delete", "pod", &first, "--force", "--grace-period=0"]);
    live.apply(&load::route("after-the-leader"));
    let took = until("another writes statuses", TAKEOVER, || accepted(live, "after-the-leader"));
    println!("a status is written {took:?} after the leader was killed");
    assert_ne!(leader(live), first);
    live.kubectl(["-n", "nantian-gw", "rollout", "status", "deployment/nantian-gw-controlplane", "--timeout=120s"]);
}

fn a_leader_that_ends_hands_over(live: &Live) {
    let first = leader(live);
    live.kubectl(["-n", "nantian-gw", "delete", "pod", &first, "--wait=false"]);
    live.apply(&load::route("after-the-handover"));
    let took =
        until("another writes statuses", HANDOVER, || accepted(live, "after-the-handover") && leader(live) != first);
    println!("a status is written {took:?} after the leader was told to end");
    live.kubectl(["-n", "nantian-gw", "rollout", "status", "deployment/nantian-gw-controlplane", "--timeout=120s"]);
}
