//! The model survives the wire, and what cannot be read is refused by name and field.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests panic when they fail")]

mod snapshots;

use nantian_ir::{Backend, Certificate, EndpointSet, Listener, RouteRule, Snapshot};
use nantian_xds::{Resource, Unreadable, wire::ir};
use proptest::prelude::*;
use prost::Message;

/// Every resource of a type, sent and read.
fn survive<T: Resource>(snapshot: &Snapshot, again: &mut Snapshot) {
    for resource in T::of(snapshot).values() {
        T::of_mut(again).insert(T::decode(&resource.encode()).unwrap());
    }
}

fn sent_and_read(snapshot: &Snapshot) -> Snapshot {
    let mut again = Snapshot::default();
    survive::<Listener>(snapshot, &mut again);
    survive::<RouteRule>(snapshot, &mut again);
    survive::<nantian_ir::StreamRule>(snapshot, &mut again);
    survive::<Backend>(snapshot, &mut again);
    survive::<EndpointSet>(snapshot, &mut again);
    survive::<Certificate>(snapshot, &mut again);
    survive::<nantian_ir::CaBundle>(snapshot, &mut again);
    again
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn the_model_survives_the_wire(snapshot in snapshots::any::snapshot()) {
        prop_assert_eq!(sent_and_read(&snapshot), snapshot);
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Listener::decode(&bytes);
        let _ = RouteRule::decode(&bytes);
        let _ = Backend::decode(&bytes);
    }
}

#[test]
fn lists_of_a_resource_that_was_read_have_no_more_room_than_they_need() {
    let read = RouteRule::decode(&snapshots::rule(7, "/cart", &["cart"]).encode()).unwrap();
    let room = (read.attachments.capacity(), read.attachments[0].hostnames.capacity());
    assert_eq!((room, read.matches.capacity(), read.targets.capacity()), ((1, 1), 1, 1));
}

/// A rule as a message, to break.
fn rule() -> ir::RouteRule {
    ir::RouteRule::decode(&*snapshots::rule(7, "/cart", &["cart", "basket"]).encode()).unwrap()
}

fn problem(message: &ir::RouteRule) -> String {
    RouteRule::decode(&message.encode_to_vec()).unwrap_err().to_string()
}

#[test]
fn a_missing_message_is_named_by_its_path() {
    let mut message = rule();
    message.targets[1].target.as_mut().unwrap().target = None;
    assert_eq!(
        problem(&message),
        "targets[1].target: has no choice that this build knows: update this side to the other's version"
    );
    let mut message = rule();
    message.key.as_mut().unwrap().route = None;
    assert_eq!(problem(&message), "key.route: is missing");
}

#[test]
fn a_value_of_an_enum_that_a_newer_peer_knows_is_named_by_its_path() {
    let mut message = rule();
    message.key.as_mut().unwrap().route.as_mut().unwrap().kind = 99;
    assert_eq!(
        problem(&message),
        "key.route.kind: has the value 99, which this build does not know: update this side to the other's version"
    );
    message.key.as_mut().unwrap().route.as_mut().unwrap().kind = 0;
    assert!(problem(&message).starts_with("key.route.kind: has the value 0"));
}

#[test]
fn values_that_no_model_can_hold_are_named_by_their_path() {
    let mut message = rule();
    message.attachments[0].hostnames = vec!["a.example.com".to_owned(), "no host".to_owned()];
    assert!(problem(&message).starts_with("attachments[0].hostnames[1]: \"no host\" is not a DNS name"));

    let mut message = rule();
    let request = Some(ir::Duration { seconds: u64::MAX, nanos: 1_000_000_000 });
    message.timeouts = Some(ir::Timeouts { request, backend_request: None });
    assert_eq!(problem(&message), "timeouts.request.nanos: 1000000000 nanoseconds are a second or more");

    let listener = snapshots::listener("http", 80, &[]);
    let mut message = ir::Listener::decode(&*listener.encode()).unwrap();
    message.public_port = 65_536;
    let error = Listener::decode(&message.encode_to_vec()).unwrap_err().to_string();
    assert_eq!(error, "public_port: 65536 is more than 65535");
    message.public_port = 1;
    message.bind.as_mut().unwrap().address = Some("localhost".to_owned());
    let error = Listener::decode(&message.encode_to_vec()).unwrap_err().to_string();
    assert_eq!(error, "bind.address: \"localhost\" is not an IP address");
}

#[test]
fn fields_that_a_newer_peer_knows_are_not_dropped_in_silence() {
    // Field 100, length-delimited, "new": at the top, and within the key.
    let unknown = [0xa2, 0x06, 0x03, b'n', b'e', b'w'];
    let mut bytes = snapshots::rule(7, "/cart", &["cart"]).encode();
    bytes.extend(unknown);
    let error = RouteRule::decode(&bytes).unwrap_err();
    assert!(matches!(error, Unreadable::UnknownFields { bytes: 6 }), "{error}");

    let backend = snapshots::backend("cart", None).encode();
    // A backend without TLS is its key alone: tag, length, key.
    let mut key = backend[2..].to_vec();
    key.extend(unknown);
    let mut longer = vec![backend[0], u8::try_from(key.len()).unwrap()];
    longer.extend(key);
    let error = Backend::decode(&longer).unwrap_err();
    assert!(matches!(error, Unreadable::UnknownFields { bytes: 6 }), "{error}");
}

#[test]
fn what_is_no_message_is_told() {
    let error = Listener::decode(b"\xff\xff\xff").unwrap_err().to_string();
    assert!(error.starts_with("is not a Listener: "), "{error}");
}

#[test]
fn no_message_prints_a_private_key() {
    let certificate = snapshots::certificate("shop", "a chain");
    let body = certificate.encode();
    let message = ir::Certificate::decode(&*body).unwrap();
    let any = nantian_xds::wire::Any { type_url: "a".to_owned(), value: body.into() };
    let printed = format!("{certificate:?} {message:?} {any:?}");
    let key = String::from_utf8(certificate.private_key.expose().to_vec()).unwrap();
    assert!(!printed.contains(&key) && !printed.contains(&format!("{:?}", key.as_bytes())), "{printed}");
    assert!(printed.contains("redacted; 15 bytes"), "{printed}");
}
