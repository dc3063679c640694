//! Both ends on real sockets, with real certificates.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests panic when they fail")]

mod authority;
mod control_plane;
mod data_plane;
mod network;
#[path = "../snapshots/mod.rs"]
mod snapshots;

use std::sync::Arc;
use std::time::Duration;

use nantian_ir::Snapshot;
use nantian_xds::Catalog;
use nantian_xds::delta::{Event, Rejection};
use nantian_xds::transport::{Connection, FollowedCredentials, Observation, Security, ServerSettings, StreamEnd};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;

use authority::Authority;
use control_plane::ControlPlane;
use data_plane::DataPlane;
use network::Wire;

/// The version of a snapshot, as the planes name it.
fn version(snapshot: &Snapshot) -> String {
    Catalog::new(snapshots::shared(snapshot)).version()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_plane_serves_what_the_control_plane_publishes() {
    let authority = Authority::new();
    let mut control = ControlPlane::start(authority.security("control"), ServerSettings::default()).await;
    let mut data = DataPlane::start(&control.address(), authority.security("data"));
    assert_eq!(control.observed().await, Observation::Connected);
    let mut snapshot = snapshots::shop(3);
    for step in 0..3 {
        snapshot.rules.insert(snapshots::rule(step, "/changed", &["cart"]));
        control.publish(&snapshot);
        let update = data.update().await;
        assert_eq!(*update.snapshot, snapshot);
        let version = version(&snapshot);
        assert_eq!(control.observed().await, Observation::Sending(version.clone()));
        let applied = Event::Applied { version, rejected: Vec::new() };
        assert_eq!(control.observed().await, Observation::Said(applied));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_shows_no_certificate_or_that_of_another_authority_gets_nothing() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let mut control = ControlPlane::start(authority.security("control"), ServerSettings::default()).await;
    control.publish(&snapshots::shop(1));

    let with_another = Security::Mutual(watch::channel(authority.trusted_by(&stranger, "data")).1);
    let other = DataPlane::start(&control.address(), with_another);
    other.waiting().await;

    let socket = TcpStream::connect(control.address()).await.unwrap();
    let name = "control".try_into().unwrap();
    // With TLS 1.3 a client learns that its certificate is missing when it reads.
    let mut session = authority.without_certificate().connect(name, socket).await.unwrap();
    let error = session.read_u8().await.unwrap_err().to_string();
    assert!(error.contains("CertificateRequired"), "{error}");

    let in_clear = DataPlane::start(&control.address(), Security::Plaintext);
    in_clear.waiting().await;

    let mut data = DataPlane::start(&control.address(), authority.security("data"));
    data.update().await;
    assert_eq!(control.observed().await, Observation::Connected, "nobody was admitted before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_plane_does_not_talk_to_a_control_plane_of_another_authority_or_name() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let control = ControlPlane::start(stranger.security("control"), ServerSettings::default()).await;
    let reason = DataPlane::start(&control.address(), authority.security("data")).waiting().await;
    assert!(reason.contains("invalid peer certificate"), "{reason}");

    let control = ControlPlane::start(authority.security("elsewhere"), ServerSettings::default()).await;
    let reason = DataPlane::start(&control.address(), authority.security("data")).waiting().await;
    assert!(reason.contains("certificate not valid for name"), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_admitted_hears_why_and_gets_nothing() {
    let authority = Authority::new();
    let control = ControlPlane::start(authority.security("control"), ServerSettings::default()).await;
    control.publish(&snapshots::shop(1));
    let data = DataPlane::start(&control.address(), authority.security("intruder"));
    let reason = data.waiting().await;
    assert_eq!(reason, "the control plane ended the stream: this certificate is for nobody here");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_and_authorities_rotate_without_a_restart() {
    let (old, new) = (Authority::new(), Authority::new());
    let (control_credentials, control_security) = old.rotating("control");
    let (data_credentials, data_security) = old.rotating("data");
    let mut control = ControlPlane::start(control_security, ServerSettings::default()).await;
    let mut data = DataPlane::start(&control.address(), data_security);
    let mut snapshot = snapshots::shop(2);
    control.publish(&snapshot);
    data.update().await;

    control_credentials.send_replace(new.credentials("control"));
    data_credentials.send_replace(new.credentials("data"));
    control.observed_that(|observation| *observation == Observation::Connected).await;
    control.observed_that(|observation| matches!(observation, Observation::Disconnected { .. })).await;
    control.observed_that(|observation| *observation == Observation::Connected).await;
    snapshot.rules.insert(snapshots::rule(0, "/changed", &["cart"]));
    control.publish(&snapshot);
    assert_eq!(*data.update().await.snapshot, snapshot);

    // The old authority is not trusted any more.
    DataPlane::start(&control.address(), old.security("data")).waiting().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_in_files_are_renewed_as_a_whole_or_stay_as_they_were() {
    let (old, new) = (Authority::new(), Authority::new());
    let folder = tempfile::tempdir().unwrap();
    let files = old.write(folder.path(), "data");
    let mut followed = FollowedCredentials::open(files.clone()).unwrap();
    let control = ControlPlane::start(old.security("control"), ServerSettings::default()).await;
    let data = DataPlane::start(&control.address(), followed.security());
    data.connected().await;
    assert!(!followed.refresh().unwrap(), "nothing is new");

    // Half of a renewal: a certificate with the key of another.
    let key = std::fs::read(&files.key).unwrap();
    new.write(folder.path(), "data");
    let new_key = std::fs::read(&files.key).unwrap();
    std::fs::write(&files.key, key).unwrap();
    let error = followed.refresh().unwrap_err().to_string();
    assert!(error.contains("tls.crt and what is beside it: certificate and key cannot be used"), "{error}");
    assert_eq!(data.connection(), Connection::Connected);

    std::fs::write(&files.key, new_key).unwrap();
    assert!(followed.refresh().unwrap());
    // Their authority is not that of the control plane.
    let reason = data.waiting().await;
    assert!(reason.contains("invalid peer certificate"), "{reason}");

    std::fs::remove_file(&files.authority).unwrap();
    let error = followed.refresh().unwrap_err().to_string();
    assert!(error.contains("ca.crt: No such file") && error.contains("mount the Secret"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_plane_that_reconnects_gets_no_resource_again() {
    let mut control = ControlPlane::start(Security::Plaintext, ServerSettings::default()).await;
    let wire = Wire::start(control.address()).await;
    let mut data = DataPlane::start(&wire.address(), Security::Plaintext);
    let mut snapshot = snapshots::shop(2_000);
    control.publish(&snapshot);
    data.update().await;
    control.observed_that(|observation| matches!(observation, Observation::Said(_))).await;
    let first = wire.received();

    wire.cut();
    control.observed_that(|observation| *observation == Observation::Connected).await;
    let before = wire.received();
    // What comes after the cut is this change, and nothing else.
    snapshot.rules.insert(snapshots::rule(7, "/changed", &["cart"]));
    control.publish(&snapshot);
    assert_eq!(*data.update().await.snapshot, snapshot);
    let again = wire.received() - before;
    println!("{first} bytes for 2,000 rules; {again} bytes for one change after the cut, handshake included");
    assert!(first > 20_000, "{first} bytes for 2,000 rules, compressed");
    assert!(again < 1_500, "{again} bytes after the cut");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_rule_of_five_thousand_costs_as_many_bytes_as_one_rule() {
    let control = ControlPlane::start(Security::Plaintext, ServerSettings::default()).await;
    let wire = Wire::start(control.address()).await;
    let mut data = DataPlane::start(&wire.address(), Security::Plaintext);
    let mut snapshot = snapshots::shop(5_000);
    control.publish(&snapshot);
    data.update().await;
    let before = wire.received();
    snapshot.rules.insert(snapshots::rule(2_500, "/changed", &["cart"]));
    control.publish(&snapshot);
    assert_eq!(*data.update().await.snapshot, snapshot);
    let bytes = wire.received() - before;
    println!("{before} bytes for 5,000 rules; {bytes} bytes for one changed rule and the manifest");
    assert!(bytes < 1_200, "{bytes} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_plane_serves_on_without_a_control_plane_and_finds_the_next_one() {
    let authority = Authority::new();
    let control = ControlPlane::start(authority.security("control"), ServerSettings::default()).await;
    let wire = Wire::start(control.address()).await;
    let mut data = DataPlane::start(&wire.address(), authority.security("data"));
    let mut snapshot = snapshots::shop(2);
    control.publish(&snapshot);
    data.update().await;
    control.stop().await;
    data.waiting().await;

    let mut next = ControlPlane::start(authority.security("control"), ServerSettings::default()).await;
    wire.lead_to(&next.address());
    assert_eq!(next.observed().await, Observation::Connected);
    // It has compiled nothing yet, and takes nothing away.
    assert!(data.no_update());
    snapshot.rules.insert(snapshots::rule(1, "/changed", &["cart"]));
    next.publish(&snapshot);
    assert_eq!(*data.update().await.snapshot, snapshot);
    assert_eq!(data.connection(), Connection::Connected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_plane_that_is_slow_to_apply_gets_the_newest_and_no_backlog() {
    let mut control = ControlPlane::start(Security::Plaintext, ServerSettings::default()).await;
    let mut data = DataPlane::start(&control.address(), Security::Plaintext);
    let mut snapshot = snapshots::shop(1);
    let gate = data.hold().await;
    control.publish(&snapshot);
    data.update().await;
    for step in 0..50 {
        snapshot.rules.insert(snapshots::rule(0, &format!("/{step}"), &["cart"]));
        control.publish(&snapshot);
    }
    drop(gate);
    let mut update = data.update().await;
    if *update.snapshot != snapshot {
        // One may have been on its way already.
        update = data.update().await;
    }
    assert_eq!(*update.snapshot, snapshot, "of the other versions only the last");
    let applied = Event::Applied { version: version(&snapshot), rejected: Vec::new() };
    control.observed_that(|observation| *observation == Observation::Said(applied.clone())).await;
    assert!(data.no_update());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_data_plane_refuses_is_known_to_the_control_plane() {
    let mut control = ControlPlane::start(Security::Plaintext, ServerSettings::default()).await;
    let mut data = DataPlane::start(&control.address(), Security::Plaintext);
    let rejection = Rejection {
        type_url: nantian_xds::ResourceType::Listener.url().to_owned(),
        name: "infra/gateway/http".to_owned(),
        version: "v".to_owned(),
        message: "port 8080 is taken".to_owned(),
    };
    data.refuse(vec![rejection.clone()]);
    let snapshot = snapshots::shop(1);
    control.publish(&snapshot);
    data.update().await;
    let applied = Event::Applied { version: version(&snapshot), rejected: vec![rejection] };
    control.observed_that(|observation| *observation == Observation::Said(applied.clone())).await;

    // The port is free now.
    data.refuse(Vec::new());
    data.resync();
    assert_eq!(*data.update().await.snapshot, snapshot);
    let applied = Event::Applied { version: version(&snapshot), rejected: Vec::new() };
    control.observed_that(|observation| *observation == Observation::Said(applied.clone())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_stream_ends_and_the_next_one_carries_on() {
    let settings = ServerSettings { max_stream_age: Duration::from_millis(100), ..ServerSettings::default() };
    let mut control = ControlPlane::start(Security::Plaintext, settings).await;
    let mut data = DataPlane::start(&control.address(), Security::Plaintext);
    let reason = control.observed_that(|observation| matches!(observation, Observation::Disconnected { .. })).await;
    let expected =
        Observation::Disconnected { end: StreamEnd::Age, reason: "the stream is old: connect again".to_owned() };
    assert_eq!(reason, expected);
    let snapshot = Arc::new(snapshots::shop(1));
    control.publish(&snapshot);
    assert_eq!(data.update().await.snapshot, snapshot);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_lost_is_told_from_one_that_the_client_ends() {
    let mut control = ControlPlane::start(Security::Plaintext, ServerSettings::default()).await;
    let wire = Wire::start(control.address()).await;
    let data = DataPlane::start(&wire.address(), Security::Plaintext);
    control.observed_that(|observation| *observation == Observation::Connected).await;
    wire.cut();
    let lost = |observation: &Observation| matches!(observation, Observation::Disconnected { end, .. } if *end == StreamEnd::Connection);
    control.observed_that(lost).await;
    drop(data);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_says_nothing_does_not_keep_its_stream() {
    let settings = ServerSettings { first_request_timeout: Duration::from_millis(50), ..ServerSettings::default() };
    let control = ControlPlane::start(Security::Plaintext, settings).await;
    assert_eq!(data_plane::say_nothing(&control.address()).await, "no%20request%20came%20in%20time");
}
