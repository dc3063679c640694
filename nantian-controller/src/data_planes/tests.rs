//! Who gets what, over real TLS: each test names what could not be read.

mod world;

use std::collections::BTreeSet;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use world::{Authority, ControlPlane, Leaf, Outcome, names_of};

const SHARED: &str = "spiffe://nantian.dev/ns/nantian-gw/dataplane";
const OWN: &str = "spiffe://nantian.dev/ns/shop/gateway/own";
const OTHER: &str = "spiffe://nantian.dev/ns/shop/gateway/other";

/// Whoever has nothing of this can do nothing in the name of `shop/own`.
const OF_OWN: [&str; 6] = [
    "Backend Service/shop/own:80",
    "Certificate shop/own-tls",
    "EndpointSet Service/shop/own:80",
    "Listener shop/own/https",
    "RouteRule HTTPRoute/shop/both/0",
    "RouteRule HTTPRoute/shop/own/0",
];

/// What the outcome lacks of all that there is.
fn unread(control: &ControlPlane, outcome: &Outcome) -> BTreeSet<String> {
    let read = outcome.as_ref().map(names_of).unwrap_or_default();
    control.names().difference(&read).cloned().collect()
}

/// Nothing could be read, and the client heard this.
#[track_caller]
fn got_nothing(control: &ControlPlane, outcome: &Outcome, heard: &str) {
    let reason = outcome.as_ref().expect_err("it was refused");
    assert!(reason.contains(heard), "{reason}");
    let unread = unread(control, outcome);
    assert_eq!(unread, control.names());
    println!("{reason}\n  could not read {unread:?}");
    // Nor does what it heard tell of anything that there is.
    let told: Vec<_> = unread.iter().filter(|name| reason.contains(name.split(' ').nth(1).unwrap())).collect();
    assert!(told.is_empty(), "{reason} tells of {told:?}");
}

#[tokio::test]
async fn a_client_without_a_certificate_or_with_one_of_another_authority_or_out_of_date_gets_nothing() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let control = ControlPlane::start(&authority).await;

    let socket = TcpStream::connect(&control.address).await.unwrap();
    let mut session = authority.without_certificate().connect("control".try_into().unwrap(), socket).await.unwrap();
    // With TLS 1.3 a client learns that its certificate is missing when it reads.
    let mut bytes = Vec::new();
    let error = session.read_to_end(&mut bytes).await.unwrap_err().to_string();
    assert!(error.contains("CertificateRequired") && bytes.is_empty(), "{error}");
    println!("{error}\n  could not read {:?}", control.names());

    let of_stranger = authority.trusted_by(&stranger, &Leaf::uri(OWN));
    got_nothing(&control, &control.read(of_stranger).await, "");
    let expired = authority.credentials(&Leaf::uri(OWN).expired());
    got_nothing(&control, &control.read(expired).await, "");
    assert_eq!(control.denials(), [""; 0], "nobody came as far as that");
}

#[tokio::test]
async fn a_certificate_that_is_for_no_data_plane_gets_nothing_and_hears_what_was_expected() {
    let authority = Authority::new();
    let control = ControlPlane::start(&authority).await;
    let of_chart = ["nantian-gw-controlplane", "nantian-gw-controlplane.nantian-gw.svc", "control"];
    for (leaf, heard) in [
        (Leaf::dns(&of_chart), "the certificate names no data plane"),
        (Leaf::dns(&["nantian-gw-dataplane.elsewhere.svc"]), "the certificate names no data plane"),
        (Leaf::uri("spiffe://nantian.dev/ns/elsewhere/dataplane"), "which is no data plane here"),
        (Leaf::uri("spiffe://nantian.dev/ns/shop/gateway/"), "which is no data plane here"),
    ] {
        let outcome = control.read(authority.credentials(&leaf)).await;
        got_nothing(&control, &outcome, heard);
        let reason = outcome.unwrap_err();
        assert!(reason.contains(SHARED) && reason.contains("gateway/NAME"), "{reason}");
    }
    // Of a Gateway that shares its data planes, and of one that is none.
    for gateway in ["infra/gateway/everyone", "shop/gateway/nowhere"] {
        let leaf = Leaf::uri(&format!("spiffe://nantian.dev/ns/{gateway}"));
        got_nothing(&control, &control.read(authority.credentials(&leaf)).await, "has none here");
    }
    let denials = control.denials();
    assert!(denials.len() >= 6, "each is told to those who run it: {denials:?}");
}

#[tokio::test]
async fn a_data_plane_of_a_gateways_own_reads_what_that_gateway_comes_to_and_nothing_else() {
    let authority = Authority::new();
    let control = ControlPlane::start(&authority).await;
    let own = control.read(authority.credentials(&Leaf::uri(OWN))).await;
    assert_eq!(names_of(own.as_ref().unwrap()), OF_OWN.map(str::to_owned).into());
    // Of a rule that is attached to others too, it does not hear so.
    let snapshot = own.unwrap();
    let attached = snapshot.rules.values().flat_map(|rule| &rule.attachments);
    assert!(attached.map(|attachment| attachment.listener.to_string()).all(|listener| listener == "shop/own/https"));

    let other = control.read(authority.credentials(&Leaf::uri(OTHER))).await;
    let unread_by_other = unread(&control, &other);
    println!("with the certificate of shop/other:\n  could not read {unread_by_other:?}");
    assert!(OF_OWN.iter().all(|name| unread_by_other.contains(*name)), "{unread_by_other:?}");
    assert!(!unread_by_other.contains("Certificate shop/other-tls"));
}

#[tokio::test]
async fn shared_data_planes_read_nothing_of_gateways_that_have_their_own() {
    let authority = Authority::new();
    let control = ControlPlane::start(&authority).await;
    let by_dns = ["nantian-gw-dataplane", "nantian-gw-dataplane.nantian-gw.svc"];
    for leaf in [Leaf::uri(SHARED), Leaf::dns(&by_dns)] {
        let outcome = control.read(authority.credentials(&leaf)).await;
        let unread = unread(&control, &outcome);
        assert!(unread.contains("Certificate shop/own-tls") && unread.contains("Certificate shop/other-tls"));
        let read = names_of(&outcome.unwrap());
        assert!(read.contains("Certificate infra/everyone-tls") && read.contains("RouteRule HTTPRoute/shop/both/0"));
        assert!(read.iter().all(|name| !name.contains("/own") && !name.contains("/other")), "{read:?}");
    }
}

#[tokio::test]
async fn a_data_plane_of_a_gateways_own_cannot_take_the_name_of_another() {
    let authority = Authority::new();
    let control = ControlPlane::start(&authority).await;
    control.read(authority.credentials(&Leaf::uri(SHARED))).await.unwrap();
    control.read(authority.credentials(&Leaf::uri(OWN))).await.unwrap();
    // Both call themselves `node-1`.
    assert_eq!(control.nodes(), ["node-1", "shop/own/node-1"]);
}

#[tokio::test]
async fn a_gateway_that_shares_its_data_planes_again_ends_those_of_its_own() {
    let authority = Authority::new();
    let control = ControlPlane::start(&authority).await;
    let mut own = control.connect(authority.credentials(&Leaf::uri(OWN)));
    own.outcome().await.unwrap();
    control.publish(&[]);
    let reason = own.refused().await;
    assert!(reason.contains("has none here"), "{reason}");
    let shared = control.read(authority.credentials(&Leaf::uri(SHARED))).await;
    assert_eq!(names_of(&shared.unwrap()), control.names());
}
