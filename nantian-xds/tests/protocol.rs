//! The transport protocol, message by message, as the public xDS specification has it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests panic when they fail")]

mod snapshots;

use std::sync::Arc;

use nantian_ir::Snapshot;
use nantian_xds::delta::{Client, Event, ProtocolError, Rejection, Server, ServerLimits};
use nantian_xds::wire::discovery::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use nantian_xds::wire::{Node, Status};
use nantian_xds::{Catalog, MANIFEST_NAME, MANIFEST_URL, ResourceType};

const RULES: &str = ResourceType::RouteRule.url();

fn catalog(snapshot: &Snapshot) -> Arc<Catalog> {
    Arc::new(Catalog::new(snapshots::shared(snapshot)))
}

fn server(snapshot: &Snapshot) -> Server {
    let mut server = Server::new(ServerLimits::default());
    server.publish(catalog(snapshot));
    server
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn subscribe(type_url: &str, subscribed: &[&str]) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest {
        type_url: type_url.to_owned(),
        resource_names_subscribe: names(subscribed),
        ..DeltaDiscoveryRequest::default()
    }
}

fn unsubscribe(type_url: &str, unsubscribed: &[&str]) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest {
        type_url: type_url.to_owned(),
        resource_names_unsubscribe: names(unsubscribed),
        ..DeltaDiscoveryRequest::default()
    }
}

fn ack(response: &DeltaDiscoveryResponse) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest {
        type_url: response.type_url.clone(),
        response_nonce: response.nonce.clone(),
        ..DeltaDiscoveryRequest::default()
    }
}

fn nack(response: &DeltaDiscoveryResponse, message: &str) -> DeltaDiscoveryRequest {
    let error = Status { code: 3, message: message.to_owned(), details: Vec::new() };
    DeltaDiscoveryRequest { error_detail: Some(error), ..ack(response) }
}

/// All that the server has to say, each answered with an ACK, as `type: names` and `type: -removed`.
fn told(server: &mut Server) -> Vec<String> {
    let mut told = Vec::new();
    while let Some(response) = server.poll_response() {
        let kind = response.type_url.rsplit('.').next().unwrap();
        let sent = response.resources.iter().map(|resource| resource.name.clone());
        let removed = response.removed_resources.iter().map(|name| format!("-{name}"));
        told.push(format!("{kind}: {}", sent.chain(removed).collect::<Vec<_>>().join(" ")));
        server.handle_request(&ack(&response)).unwrap();
    }
    told
}

/// A client's requests, answered until both sides have nothing to say; the number of resources that came.
fn converse(client: &mut Client, server: &mut Server) -> usize {
    let mut resources = 0;
    loop {
        let mut quiet = true;
        while let Some(request) = client.poll_request() {
            server.handle_request(&request).unwrap();
            quiet = false;
        }
        while let Some(response) = server.poll_response() {
            resources += response.resources.len();
            client.handle_response(response).unwrap();
            quiet = false;
        }
        if quiet {
            return resources;
        }
    }
}

fn client() -> Client {
    Client::new(Node { id: "node-1".to_owned(), ..Node::default() })
}

#[test]
fn what_is_named_is_sent_before_what_names_it_and_removed_after_it() {
    let mut full = snapshots::shop(1);
    full.certificates.insert(snapshots::certificate("tls", "chain"));
    full.listeners.insert(snapshots::listener("https", 8443, &["tls"]));
    full.ca_bundles.insert(snapshots::ca_bundle("ca", "pem"));
    full.backends.insert(snapshots::backend("secure", Some("ca")));
    full.endpoints.insert(snapshots::endpoints("secure", &[443]));
    let mut server = server(&full);
    let mut client = client();
    client.connected();
    let first = client.poll_request().unwrap();
    assert_eq!(first.node.as_ref().unwrap().id, "node-1");
    server.handle_request(&first).unwrap();
    while let Some(request) = client.poll_request() {
        server.handle_request(&request).unwrap();
    }
    assert_eq!(
        told(&mut server),
        [
            "Certificate: infra/tls",
            "CaBundle: shop/ca",
            "EndpointSet: Service/shop/cart:80 Service/shop/secure:80",
            "Backend: Service/shop/cart:80 Service/shop/secure:80",
            "RouteRule: HTTPRoute/shop/route-0/0",
            "Listener: infra/gateway/http infra/gateway/https",
            "Manifest: snapshot",
        ]
    );
    server.publish(catalog(&Snapshot::default()));
    assert_eq!(
        told(&mut server),
        [
            "Listener: -infra/gateway/http -infra/gateway/https",
            "RouteRule: -HTTPRoute/shop/route-0/0",
            "Backend: -Service/shop/cart:80 -Service/shop/secure:80",
            "EndpointSet: -Service/shop/cart:80 -Service/shop/secure:80",
            "CaBundle: -shop/ca",
            "Certificate: -infra/tls",
            "Manifest: snapshot",
        ]
    );
}

#[test]
fn a_change_of_one_rule_of_five_thousand_sends_that_rule() {
    let mut snapshot = snapshots::shop(5_000);
    let mut server = server(&snapshot);
    let mut client = client();
    client.connected();
    assert_eq!(converse(&mut client, &mut server), 5_000 + 3 + 1);
    let update = client.poll_update().unwrap();
    client.applied(&update, Vec::new());
    converse(&mut client, &mut server);
    snapshot.rules.insert(snapshots::rule(2_500, "/changed", &["cart"]));
    server.publish(catalog(&snapshot));
    let response = server.poll_response().unwrap();
    assert_eq!(response.resources.len(), 1);
    assert_eq!(response.resources[0].name, "HTTPRoute/shop/route-2500/0");
    let bytes = prost::Message::encoded_len(&response);
    assert!(bytes < 400, "{bytes} bytes for one rule");
    server.handle_request(&ack(&response)).unwrap();
    assert_eq!(told(&mut server), ["Manifest: snapshot"]);
}

#[test]
fn a_client_that_names_what_it_has_gets_nothing_again_from_a_server_that_was_restarted() {
    let snapshot = snapshots::shop(20);
    let mut client = client();
    client.connected();
    converse(&mut client, &mut server(&snapshot));
    let update = client.poll_update().unwrap();
    client.applied(&update, Vec::new());

    client.connected();
    let mut restarted = server(&snapshot);
    assert_eq!(converse(&mut client, &mut restarted), 0);
    assert_eq!(client.poll_update(), None);

    // What it got and did not apply yet it has, too; only the word to apply it comes again.
    let mut newer = snapshot.clone();
    newer.rules.insert(snapshots::rule(3, "/changed", &["cart"]));
    restarted.publish(catalog(&newer));
    assert_eq!(converse(&mut client, &mut restarted), 2);
    client.connected();
    assert_eq!(converse(&mut client, &mut server(&newer)), 1);
    assert_eq!(client.poll_update().unwrap().snapshot, snapshots::shared(&newer));
}

#[test]
fn a_server_without_a_snapshot_takes_nothing_from_a_client() {
    let snapshot = snapshots::shop(1);
    let mut client = client();
    client.connected();
    converse(&mut client, &mut server(&snapshot));
    client.poll_update().unwrap();
    client.connected();
    let mut starting = Server::new(ServerLimits::default());
    assert_eq!(converse(&mut client, &mut starting), 0);
    assert_eq!(client.poll_update(), None);
}

#[test]
fn a_slow_client_gets_one_snapshot_to_its_end_and_then_the_newest() {
    let mut snapshot = snapshots::shop(1);
    let mut server = server(&snapshot);
    let mut client = client();
    client.connected();
    converse(&mut client, &mut server);
    for version in 0..100 {
        snapshot.rules.insert(snapshots::rule(0, &format!("/{version}"), &["cart"]));
        server.publish(catalog(&snapshot));
    }
    assert_eq!(converse(&mut client, &mut server), 0, "the first one is not applied yet");
    let update = client.poll_update().unwrap();
    client.applied(&update, Vec::new());
    assert_eq!(converse(&mut client, &mut server), 2, "one rule and the manifest, for a hundred versions");
    assert_eq!(client.poll_update().unwrap().snapshot, snapshots::shared(&snapshot));
}

#[test]
fn no_more_responses_are_under_way_than_the_limit_and_none_is_larger() {
    let limits = ServerLimits { response_bytes: 2_000, unanswered_responses: 3, ..ServerLimits::default() };
    let mut server = Server::new(limits);
    server.publish(catalog(&snapshots::shop(200)));
    server.handle_request(&subscribe(RULES, &["*"])).unwrap();
    let responses: Vec<_> = std::iter::from_fn(|| server.poll_response()).collect();
    assert_eq!(responses.len(), 3);
    for response in &responses {
        let bodies: usize =
            response.resources.iter().map(|resource| resource.resource.as_ref().unwrap().value.len()).sum();
        assert!(bodies <= 2_000, "{bodies}");
    }
    server.handle_request(&ack(&responses[0])).unwrap();
    assert!(server.poll_response().is_some());
    assert_eq!(server.poll_response(), None);
}

#[test]
fn a_resource_beyond_the_size_of_a_response_goes_alone() {
    let limits = ServerLimits { response_bytes: 10, ..ServerLimits::default() };
    let mut server = Server::new(limits);
    server.publish(catalog(&snapshots::shop(2)));
    server.handle_request(&subscribe(RULES, &["*"])).unwrap();
    assert_eq!(told(&mut server), ["RouteRule: HTTPRoute/shop/route-0/0", "RouteRule: HTTPRoute/shop/route-1/0"]);
}

#[test]
fn a_nack_without_a_list_refuses_all_of_its_response_and_is_not_answered_with_the_same() {
    let mut snapshot = snapshots::shop(2);
    let mut server = server(&snapshot);
    server.handle_request(&subscribe(RULES, &[])).unwrap();
    let response = server.poll_response().unwrap();
    server.handle_request(&nack(&response, "no")).unwrap();
    let rejection = |index: usize| Rejection {
        type_url: RULES.to_owned(),
        name: response.resources[index].name.clone(),
        version: response.resources[index].version.clone(),
        message: "no".to_owned(),
    };
    assert_eq!(server.poll_event(), Some(Event::Rejected(vec![rejection(0), rejection(1)])));
    assert_eq!(server.poll_response(), None);
    snapshot.rules.insert(snapshots::rule(1, "/mended", &["cart"]));
    server.publish(catalog(&snapshot));
    assert_eq!(told(&mut server), ["RouteRule: HTTPRoute/shop/route-1/0"]);
}

#[test]
fn an_answer_to_what_was_never_sent_says_nothing() {
    let mut server = server(&snapshots::shop(1));
    server.handle_request(&subscribe(RULES, &["*"])).unwrap();
    let response = server.poll_response().unwrap();
    for nonce in ["", "99", "x"] {
        let stray = DeltaDiscoveryRequest { response_nonce: nonce.to_owned(), ..nack(&response, "no") };
        server.handle_request(&stray).unwrap();
        assert_eq!(server.poll_event(), None);
    }
}

#[test]
fn names_are_subscribed_to_one_by_one() {
    let mut snapshot = snapshots::shop(3);
    let mut server = server(&snapshot);
    server.handle_request(&subscribe(RULES, &["HTTPRoute/shop/route-1/0", "HTTPRoute/shop/none/0"])).unwrap();
    // "removed_resources" also tells of names that do not exist.
    let expected = ["RouteRule: HTTPRoute/shop/route-1/0", "RouteRule: -HTTPRoute/shop/none/0"];
    assert_eq!(told(&mut server), expected);
    snapshot.rules.insert(snapshots::rule(2, "/other", &["cart"]));
    server.publish(catalog(&snapshot));
    assert_eq!(told(&mut server), [""; 0]);
    // Who subscribes again may have forgotten it.
    server.handle_request(&subscribe(RULES, &["HTTPRoute/shop/route-1/0"])).unwrap();
    assert_eq!(told(&mut server), ["RouteRule: HTTPRoute/shop/route-1/0"]);
    server.handle_request(&unsubscribe(RULES, &["HTTPRoute/shop/route-1/0"])).unwrap();
    snapshot.rules.insert(snapshots::rule(1, "/other", &["cart"]));
    server.publish(catalog(&snapshot));
    assert_eq!(told(&mut server), [""; 0]);
    server.handle_request(&subscribe(RULES, &["*"])).unwrap();
    let all = "RouteRule: HTTPRoute/shop/route-0/0 HTTPRoute/shop/route-1/0 HTTPRoute/shop/route-2/0";
    assert_eq!(told(&mut server), [all]);
}

#[test]
fn a_name_and_the_wildcard_are_two_subscriptions() {
    let mut server = server(&snapshots::shop(2));
    server.handle_request(&subscribe(RULES, &["*", "HTTPRoute/shop/route-0/0"])).unwrap();
    assert_eq!(told(&mut server), ["RouteRule: HTTPRoute/shop/route-0/0 HTTPRoute/shop/route-1/0"]);
    // The client forgets the name, and the wildcard has it still.
    server.handle_request(&unsubscribe(RULES, &["HTTPRoute/shop/route-0/0"])).unwrap();
    assert_eq!(told(&mut server), ["RouteRule: HTTPRoute/shop/route-0/0"]);
    server.handle_request(&subscribe(RULES, &["HTTPRoute/shop/route-1/0"])).unwrap();
    assert_eq!(told(&mut server), ["RouteRule: HTTPRoute/shop/route-1/0"]);
    server.handle_request(&unsubscribe(RULES, &["*"])).unwrap();
    server.publish(catalog(&Snapshot::default()));
    assert_eq!(told(&mut server), ["RouteRule: -HTTPRoute/shop/route-1/0"]);
}

#[test]
fn an_empty_request_is_a_wildcard_only_when_it_is_the_first_of_its_type() {
    let mut server = server(&snapshots::shop(2));
    server.handle_request(&subscribe(RULES, &["HTTPRoute/shop/route-0/0"])).unwrap();
    server.handle_request(&subscribe(RULES, &[])).unwrap();
    assert_eq!(told(&mut server), ["RouteRule: HTTPRoute/shop/route-0/0"]);
}

#[test]
fn types_of_another_build_are_let_be() {
    let mut server = server(&snapshots::shop(0));
    server.handle_request(&subscribe("type.nantian.dev/nantian.ir.v9.Novelty", &["*"])).unwrap();
    assert_eq!(told(&mut server), [""; 0]);
    let mut client = client();
    client.connected();
    while client.poll_request().is_some() {}
    let novelty = DeltaDiscoveryResponse {
        type_url: "type.nantian.dev/nantian.ir.v9.Novelty".to_owned(),
        nonce: "1".to_owned(),
        ..DeltaDiscoveryResponse::default()
    };
    client.handle_response(novelty).unwrap();
    let answer = client.poll_request().unwrap();
    assert!(answer.error_detail.unwrap().message.contains("was not subscribed to"));
}

#[test]
fn a_client_subscribes_to_no_more_names_than_the_limit() {
    let mut server = Server::new(ServerLimits { subscribed_names: 2, ..ServerLimits::default() });
    server.handle_request(&subscribe(RULES, &["a", "b"])).unwrap();
    let third = server.handle_request(&subscribe(ResourceType::Backend.url(), &["c"]));
    assert_eq!(third, Err(ProtocolError::TooManyNames { limit: 2 }));
}

/// A client that serves `before`, and the server behind it.
fn serving(before: &Snapshot) -> (Client, Server) {
    let (mut client, mut server) = (client(), server(before));
    client.connected();
    converse(&mut client, &mut server);
    let update = client.poll_update().unwrap();
    client.applied(&update, Vec::new());
    converse(&mut client, &mut server);
    assert_eq!(std::iter::from_fn(|| server.poll_event()).count(), 1);
    (client, server)
}

/// The same conversation, by a client that is too old for the backend `new`.
fn converse_with_an_old_client(client: &mut Client, server: &mut Server) {
    loop {
        let Some(mut response) = server.poll_response() else { break };
        for resource in &mut response.resources {
            if response.type_url == ResourceType::Backend.url() && resource.name.contains("/new:") {
                let any = resource.resource.as_mut().unwrap();
                any.value = [&any.value[..], b"\xa2\x06\x00"].concat().into();
            }
        }
        client.handle_response(response).unwrap();
        while let Some(request) = client.poll_request() {
            server.handle_request(&request).unwrap();
        }
    }
}

#[test]
fn what_cannot_be_read_leaves_the_old_one_serving_with_all_that_it_names() {
    let mut before = snapshots::shop(2);
    before.backends.insert(snapshots::backend("old", None));
    before.endpoints.insert(snapshots::endpoints("old", &[1]));
    before.rules.insert(snapshots::rule(0, "/", &["old"]));
    let (mut client, mut server) = serving(&before);

    // Rule 0 moves from a backend that goes to one that the client cannot read; rule 1 changes, too.
    let mut after = snapshots::shop(2);
    after.backends.insert(snapshots::backend("new", None));
    after.endpoints.insert(snapshots::endpoints("new", &[2]));
    after.rules.insert(snapshots::rule(0, "/", &["new"]));
    after.rules.insert(snapshots::rule(1, "/other", &["cart"]));
    server.publish(catalog(&after));
    converse_with_an_old_client(&mut client, &mut server);

    let update = client.poll_update().unwrap();
    assert_eq!(snapshots::dangling(&update.snapshot), [""; 0]);
    let rule = |snapshot: &Snapshot, index: usize| Arc::clone(snapshot.rules.values().nth(index).unwrap());
    assert_eq!(rule(&update.snapshot, 0), rule(&before, 0));
    assert_eq!(rule(&update.snapshot, 1), rule(&after, 1));
    let reasons: Vec<String> =
        update.rejected.iter().map(|rejection| format!("{}: {}", rejection.name, rejection.message)).collect();
    assert_eq!(
        reasons,
        [
            "Service/shop/new:80: has 3 bytes of fields that this build does not know: update this side to the other's version",
            "HTTPRoute/shop/route-0/0: names the backend Service/shop/new:80, which is not there",
        ]
    );
    client.applied(&update, Vec::new());
    converse(&mut client, &mut server);
    let unread = Event::Rejected(update.rejected[..1].to_vec());
    let applied = Event::Applied { version: update.version.clone(), rejected: update.rejected.clone() };
    assert_eq!(std::iter::from_fn(|| server.poll_event()).collect::<Vec<_>>(), [unread, applied]);

    // What the client can read heals it, and what was kept for it goes.
    after.backends.insert(snapshots::backend("new", Some("ca")));
    after.ca_bundles.insert(snapshots::ca_bundle("ca", "pem"));
    server.publish(catalog(&after));
    converse(&mut client, &mut server);
    let update = client.poll_update().unwrap();
    assert_eq!((update.snapshot, update.rejected), (snapshots::shared(&after), Vec::new()));
}

#[test]
fn what_the_data_plane_refuses_is_told_with_the_snapshot_and_tried_again_on_the_next_stream() {
    let snapshot = snapshots::shop(1);
    let (mut client, mut server_) = serving(&Snapshot::default());
    server_.publish(catalog(&snapshot));
    converse(&mut client, &mut server_);
    let update = client.poll_update().unwrap();
    let refused = Rejection {
        type_url: ResourceType::Listener.url().to_owned(),
        name: "infra/gateway/http".to_owned(),
        version: "v".to_owned(),
        message: "port 8080 is taken".to_owned(),
    };
    client.applied(&update, vec![refused.clone()]);
    converse(&mut client, &mut server_);
    let applied = Event::Applied { version: catalog(&snapshot).version(), rejected: vec![refused] };
    assert_eq!(server_.poll_event(), Some(applied));
    client.connected();
    assert_eq!(converse(&mut client, &mut server(&snapshot)), 1, "the manifest");
    assert_eq!(client.poll_update().unwrap(), update);
}

#[test]
fn a_client_that_has_something_else_than_the_server_means_begins_anew() {
    let snapshot = snapshots::shop(3);
    let (mut client, mut server_) = serving(&snapshot);
    let mut after = snapshot.clone();
    after.rules.insert(snapshots::rule(1, "/changed", &["cart"]));
    after.rules.insert(snapshots::rule(2, "/changed", &["cart"]));
    server_.publish(catalog(&after));
    let mut response = server_.poll_response().unwrap();
    response.resources.pop();
    client.handle_response(response).unwrap();
    server_.handle_request(&client.poll_request().unwrap()).unwrap();
    let manifest = server_.poll_response().unwrap();
    assert_eq!((manifest.type_url.as_str(), manifest.resources[0].name.as_str()), (MANIFEST_URL, MANIFEST_NAME));
    let diverged = client.handle_response(manifest).unwrap_err();
    assert_eq!(diverged.difference, "a RouteRule has another version than the server's");
    server_.handle_request(&client.poll_request().unwrap()).unwrap();
    assert!(matches!(server_.poll_event(), Some(Event::Diverged { .. })));
    assert_eq!(client.poll_update(), None);
    client.connected();
    assert_eq!(converse(&mut client, &mut server(&after)), 3 + 3 + 1);
    assert_eq!(client.poll_update().unwrap().snapshot, snapshots::shared(&after));
}
