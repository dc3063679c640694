//! The real binary, against a control plane of `nantian-xds`: what it serves, what it says, how it ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests panic when they fail"
)]

#[path = "../../../../nantian-xds/tests/transport/authority.rs"]
#[allow(dead_code, reason = "made for other tests too")]
mod authority;
mod backend;
#[path = "../../../../nantian-xds/tests/transport/control_plane.rs"]
mod control_plane;
mod http;
#[path = "../../../../nantian-xds/tests/transport/network.rs"]
#[allow(dead_code, reason = "made for other tests too")]
mod network;
mod running;
#[path = "../../../../nantian-xds/tests/snapshots/mod.rs"]
mod snapshots;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use nantian_ir::{BindAddress, ContentHash, Endpoint, EndpointHost, Listener, Snapshot};
use nantian_xds::delta::{Event, Rejection};
use nantian_xds::transport::{Observation, Security, ServerSettings};
use nantian_xds::{Catalog, ResourceType};

use authority::Authority;
use backend::Backend;
use control_plane::{ControlPlane, soon};
use http::get;
use network::Wire;
use running::{Running, Settings};

/// The version of a snapshot, as the planes name it.
fn version(snapshot: &Snapshot) -> String {
    Catalog::new(snapshots::shared(snapshot)).version()
}

/// On a port that the kernel chooses, or on this one.
fn listener(name: &str, port: u16) -> Listener {
    Listener {
        bind: BindAddress { address: Some(Ipv4Addr::LOCALHOST.into()), port },
        ..snapshots::listener(name, port, &[])
    }
}

/// So many rules for a backend.
fn shop(rules: u32, backend: &Backend) -> Snapshot {
    let mut snapshot = snapshots::shop(rules);
    snapshot.listeners.insert(listener("http", 0));
    let mut endpoints = snapshots::endpoints("cart", &[]);
    endpoints.endpoints =
        vec![Endpoint { host: EndpointHost::Ip(Ipv4Addr::LOCALHOST.into()), port: backend.address.port() }];
    snapshot.endpoints.insert(endpoints);
    snapshot
}

fn applied(snapshot: &Snapshot) -> Observation {
    Observation::Said(Event::Applied { version: version(snapshot), rejected: Vec::new() })
}

async fn plain() -> ControlPlane {
    ControlPlane::start(Security::Plaintext, ServerSettings::default()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_not_ready_and_says_why_until_it_serves_the_first_snapshot() {
    let backend = Backend::start().await;
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let wire = Wire::start(nobody.local_addr().unwrap().to_string()).await;
    drop(nobody);
    let mut running = Running::start(&Settings::plaintext(&wire.address())).await;
    let reason = running.told("disconnected").await["message"].as_str().unwrap().to_owned();
    let (status, body) = running.admin("/readyz").await;
    assert_eq!(status, 503);
    assert!(body.starts_with("not ready: waiting for the first configuration: "), "{body}");
    assert!(body.contains(&reason) || body.contains("connect"), "{body} does not say {reason}");
    assert_eq!(running.admin("/livez").await.0, 200);

    // One that has compiled nothing yet says nothing.
    let mut control = plain().await;
    wire.lead_to(&control.address());
    assert_eq!(control.observed().await, Observation::Connected);
    running.readiness(503, "not ready: waiting for the first configuration: connected to ").await;

    let snapshot = shop(2, &backend);
    control.publish(&snapshot);
    control.observed_that(|observation| *observation == applied(&snapshot)).await;
    running.readiness(200, "ready\n").await;
    assert_eq!(running.json("/v1/summary").await["snapshotVersion"], version(&snapshot).as_str());
    let node = running.json("/v1/node").await;
    assert_eq!((node["name"].as_str(), &node["source"]["connected"]), (Some("node-1"), &true.into()));
    assert_eq!(get(running.listener("http").await, "/1").await.unwrap().0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_served_by_the_time_that_it_is_acknowledged() {
    let backend = Backend::start().await;
    let mut control = plain().await;
    let mut snapshot = shop(1, &backend);
    control.publish(&snapshot);
    let running = Running::start(&Settings::plaintext(&control.address())).await;
    control.observed_that(|observation| *observation == applied(&snapshot)).await;
    let address = running.listener("http").await;
    assert_eq!(get(address, "/new").await.unwrap().0, 404);
    snapshot.rules.insert(snapshots::rule(1, "/new", &["cart"]));
    control.publish(&snapshot);
    control.observed_that(|observation| *observation == applied(&snapshot)).await;
    assert_eq!(get(address, "/new").await.unwrap().0, 200);
    assert_eq!(running.listener("http").await, address, "its socket is the same");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_serves_on_without_a_control_plane_and_the_next_one_sends_nothing_again() {
    let authority = Authority::new();
    let backend = Backend::start().await;
    let mut control = ControlPlane::start(authority.security("control"), ServerSettings::default()).await;
    let wire = Wire::start(control.address()).await;
    let mut snapshot = shop(2_000, &backend);
    control.publish(&snapshot);
    let folder = tempfile::tempdir().unwrap();
    let mut running = Running::start(&Settings::mutual(&wire.address(), &authority.write(folder.path(), "data"))).await;
    control.observed_that(|observation| *observation == applied(&snapshot)).await;
    let first = wire.received();
    let address = running.listener("http").await;

    control.stop().await;
    running.told("disconnected").await;
    assert_eq!(get(address, "/1999").await.unwrap().0, 200);
    assert_eq!(running.admin("/readyz").await.0, 200);
    assert_eq!(running.json("/v1/node").await["source"]["connected"], false);

    let mut next = ControlPlane::start(authority.security("control"), ServerSettings::default()).await;
    next.publish(&snapshot);
    let before = wire.received();
    wire.lead_to(&next.address());
    next.observed_that(|observation| *observation == Observation::Connected).await;
    // What is sent is this change, and nothing else.
    snapshot.rules.insert(snapshots::rule(7, "/changed", &["cart"]));
    next.publish(&snapshot);
    next.observed_that(|observation| *observation == applied(&snapshot)).await;
    let again = wire.received() - before;
    println!("{first} bytes for 2,000 rules; {again} bytes from the next control plane, handshakes included");
    assert!(first > 20_000, "{first} bytes for 2,000 rules, compressed");
    assert!(again < 5_000, "{again} bytes from the next control plane");
    assert_eq!(get(address, "/changed").await.unwrap().0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_is_taken_is_refused_by_name_and_served_once_it_is_free() {
    let backend = Backend::start().await;
    let mut control = plain().await;
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let taken = holder.local_addr().unwrap();
    let mut snapshot = shop(1, &backend);
    let refused = listener("taken", taken.port());
    let hash = ContentHash::of(&refused).as_str().to_owned();
    snapshot.listeners.insert(refused);
    let mut rule = snapshots::rule(0, "/0", &["cart"]);
    let elsewhere = snapshots::listener_key("taken");
    rule.attachments.extend(rule.attachments.clone());
    rule.attachments[1].listener = elsewhere;
    snapshot.rules.insert(rule);
    control.publish(&snapshot);
    let mut running = Running::start(&Settings::plaintext(&control.address())).await;

    let said = control.observed_that(|observation| matches!(observation, Observation::Said(_))).await;
    let Observation::Said(Event::Applied { version: acknowledged, rejected }) = said else { panic!("{said:?}") };
    assert_eq!(acknowledged, version(&snapshot));
    let [Rejection { type_url, name, version: rejected_version, message }] = &rejected[..] else {
        panic!("{rejected:?}")
    };
    assert_eq!((type_url.as_str(), name.as_str()), (ResourceType::Listener.url(), "infra/gateway/taken"));
    assert_eq!(*rejected_version, hash);
    assert!(message.contains("in use") && message.contains(&taken.port().to_string()), "{message}");
    assert_eq!(running.told("refused").await["resource"], "listener infra/gateway/taken");
    assert_eq!(running.admin("/readyz").await.0, 200);
    assert_eq!(get(running.listener("http").await, "/0").await.unwrap().0, 200, "the other one serves");

    drop(holder);
    control.observed_that(|observation| *observation == applied(&snapshot)).await;
    assert_eq!(get(taken, "/0").await.unwrap().0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_certificates_are_taken_on_sighup() {
    let (old, new) = (Authority::new(), Authority::new());
    let (credentials, security) = old.rotating("control");
    let mut control = ControlPlane::start(security, ServerSettings::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let files = old.write(folder.path(), "data");
    let mut running = Running::start(&Settings::mutual(&control.address(), &files)).await;
    assert_eq!(control.observed().await, Observation::Connected);

    credentials.send_replace(new.credentials("control"));
    new.write(folder.path(), "data");
    running.signal("HUP");
    running.told("credentialsRenewed").await;
    control.observed_that(|observation| *observation == Observation::Connected).await;

    std::fs::write(&files.key, "no key").unwrap();
    running.signal("HUP");
    let kept = running.told("credentialsKept").await;
    assert!(kept["message"].as_str().unwrap().contains("the key cannot be read"), "{kept}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sigterm_under_load_drops_nothing() {
    let backend = Backend::start().await;
    let mut control = plain().await;
    let snapshot = shop(1, &backend);
    control.publish(&snapshot);
    let mut running = Running::start(&Settings::plaintext(&control.address())).await;
    control.observed_that(|observation| *observation == applied(&snapshot)).await;
    let address = running.listener("http").await;

    let held = tokio::spawn(get(address, "/0/held"));
    soon(backend.held()).await;
    let counts = Arc::new(Counts::default());
    let load: Vec<_> = (0..4).map(|_| tokio::spawn(load(address, Arc::clone(&counts)))).collect();
    counts.reach(100).await;

    running.signal("TERM");
    running.told("draining").await;
    running.readiness(503, "not ready: draining, about to stop\n").await;
    // Whoever has not heard of it yet is served.
    counts.reach(counts.answered.load(Ordering::SeqCst) + 100).await;
    for client in load {
        soon(client).await.unwrap();
    }
    assert!(counts.refused.load(Ordering::SeqCst), "nobody listens any more");
    backend.release();
    assert_eq!(soon(held).await.unwrap().unwrap(), (200, "ok".to_owned()));
    assert_eq!(running.told("stopped").await["cut"], 0);
    assert_eq!(running.end().await, Some(0));
    println!("{} answers, all of them 200", counts.answered.load(Ordering::SeqCst));
}

#[tokio::test]
async fn nothing_lies_in_huge_pages() {
    let setting = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").unwrap_or_default();
    let running = Running::start(&Settings::plaintext("127.0.0.1:1")).await;
    // A kernel that gives them to whoever does not refuse has done so before `main`.
    if !setting.contains("[always]") {
        assert_eq!(running.kib("AnonHugePages"), 0);
    }
}

#[derive(Default)]
struct Counts {
    answered: AtomicUsize,
    refused: AtomicBool,
    changed: tokio::sync::Notify,
}

impl Counts {
    async fn reach(&self, count: usize) {
        let reached = async {
            while self.answered.load(Ordering::SeqCst) < count {
                self.changed.notified().await;
            }
        };
        soon(reached).await;
    }
}

/// A new connection for each request, until nobody accepts them. Whatever was accepted must be answered.
async fn load(address: SocketAddr, counts: Arc<Counts>) {
    loop {
        match get(address, "/0").await {
            Ok(answer) => assert_eq!(answer, (200, "ok".to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                counts.refused.store(true, Ordering::SeqCst);
                return;
            }
            Err(error) => panic!("a request was dropped: {error}"),
        }
        counts.answered.fetch_add(1, Ordering::SeqCst);
        counts.changed.notify_one();
    }
}

#[tokio::test]
async fn settings_that_are_wrong_end_it_with_their_place_and_2() {
    let (code, errors) = running::refused("engine: {drian: {}}\n").await;
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("config.yaml: unknown field `drian`"), "{errors}");
    let (code, errors) = running::refused("node: {id: node-1}\ncontrolPlane: {address: 'there:1'}\n").await;
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("/etc/nantian-gw/tls/tls.crt: ") && errors.contains("mount the Secret"), "{errors}");
}
