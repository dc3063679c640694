//! What is answered where no backend can be: 404, 421, 500, 503; and how shares are given.

use nantian_ir::{HostnameMatch, ListenerProtocol, Refusal, RouteKind, Target, WeightedTarget};

use super::*;
use crate::http::{ConnectionInfo, Fate, Interim, TlsInfo};

fn refused(weight: u32) -> WeightedTarget {
    WeightedTarget { weight, target: Target::Refused(Refusal::BackendNotFound), filters: Vec::new() }
}

#[test]
fn without_a_matching_rule_the_answer_is_404() {
    local(async {
        let gateway = with_echo(|builder| builder.rule(0, "/a", |rule| rule.targets = vec![to("a", 1)])).await;
        let seen = gateway.get("/b").await;
        assert_eq!((seen.status, seen.body.as_str()), (404, "no route matches this request\n"));
        assert_eq!(gateway.flags("NR"), 1);
        assert_eq!(gateway.get("/a").await.status, 200);
        let head = gateway.send("HEAD", "/b", &[], "").await;
        assert_eq!((head.status, head.body.as_str(), head.header("content-length")), (404, "", Some("30")));
    });
}

/// HTTPRoute `backendRefs`: "If *all* entries in `BackendRefs` are invalid [...] MUST receive a 500 status code", "the
/// proportion of requests that would otherwise have been routed to an invalid backend MUST receive a 500".
#[test]
fn the_share_of_an_unresolved_backend_gets_500() {
    local(async {
        let gateway = with_echo(|builder| {
            builder
                .rule(0, "/all", |rule| rule.targets = vec![refused(1)])
                .rule(1, "/half", |rule| rule.targets = vec![to("a", 1), refused(1)])
                .rule(2, "/none", |_| {})
                .rule(3, "/zero", |rule| rule.targets = vec![to("a", 0)])
        })
        .await;
        for path in ["/all", "/none", "/zero"] {
            assert_eq!(gateway.get(path).await.status, 500, "{path}");
        }
        let mut statuses = Vec::new();
        for _ in 0..10 {
            statuses.push(gateway.get("/half").await.status);
        }
        assert_eq!(statuses.iter().filter(|status| **status == 500).count(), 5, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 5);
        assert_eq!(gateway.flags("NC"), 8);
    });
}

#[test]
fn a_backend_without_endpoints_gets_503() {
    local(async {
        let builder = Builder::new().backend("empty", BackendProtocol::Http1, &[]);
        let gateway = gateway(builder.rule(0, "/", |rule| rule.targets = vec![to("empty", 1)])).await;
        assert_eq!(gateway.get("/").await.status, 503);
        assert_eq!(gateway.flags("UH"), 1);
    });
}

/// Conformance test `HTTPRouteWeight`: 70 / 30 / 0.
#[test]
fn requests_are_shared_by_weight() {
    local(async {
        let [a, b, c] = [echo("a").await, echo("b").await, echo("c").await];
        let builder = Builder::new()
            .backend("a", BackendProtocol::Http1, &[a])
            .backend("b", BackendProtocol::Http1, &[b])
            .backend("c", BackendProtocol::Http1, &[c])
            .rule(0, "/", |rule| rule.targets = vec![to("a", 70), to("b", 30), to("c", 0)]);
        let gateway = gateway(builder).await;
        let mut counts = std::collections::BTreeMap::<String, usize>::new();
        for _ in 0..100 {
            *counts.entry(gateway.get("/").await.header("x-backend").unwrap().to_owned()).or_default() += 1;
        }
        assert_eq!(counts, [("a".to_owned(), 70), ("b".to_owned(), 30)].into());
    });
}

#[test]
fn endpoints_take_turns() {
    local(async {
        let endpoints = [echo("1").await, echo("2").await, echo("3").await];
        let builder = Builder::new().backend("a", BackendProtocol::Http1, &endpoints);
        let gateway = gateway(builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)])).await;
        let mut counts = std::collections::BTreeMap::<String, usize>::new();
        for _ in 0..9 {
            *counts.entry(gateway.get("/").await.header("x-backend").unwrap().to_owned()).or_default() += 1;
        }
        assert!(counts.len() == 3 && counts.values().all(|count| *count == 3), "{counts:?}");
    });
}

async fn over_tls(gateway: &Gateway, server_name: Option<&str>, host: &str) -> u16 {
    let mut connection = ConnectionInfo::new("192.0.2.1:1".parse().unwrap(), "192.0.2.2:443".parse().unwrap());
    connection.tls = Some(TlsInfo { server_name: server_name.map(str::to_owned), ..TlsInfo::default() });
    let exchange = Exchange { connection: Rc::new(connection), interim: Interim::default(), fate: Fate::default() };
    let request = http::Request::builder().uri("/x").header("host", host).body(Body::empty()).unwrap().into();
    Rc::clone(&gateway.pipeline).handle(request, exchange).await.response.status().as_u16()
}

/// The table of the conformance test `HTTPRouteHTTPSListenerDetectMisdirectedRequests`; GEP-3567.
#[test]
fn a_host_of_another_listener_than_the_server_name_is_misdirected() {
    local(async {
        let a = echo("a").await;
        let mut builder = Builder::new().backend("a", BackendProtocol::Http1, &[a]);
        builder.0.listeners.clear();
        for (number, (name, listener_host, route_host)) in [
            ("https", "*", "example.org"),
            ("https-with-hostname", "second-example.org", "second-example.org"),
            ("https-with-wildcard", "*.wildcard.org", "*.wildcard.org"),
            ("https-matching-wildcard", "fourth-example.wildcard.org", "fourth-example.wildcard.org"),
        ]
        .into_iter()
        .enumerate()
        {
            builder = builder.listener(name, listener_host, ListenerProtocol::Https, 443).rule(
                u32::try_from(number).unwrap(),
                "/",
                |rule| {
                    rule.targets = vec![to("a", 1)];
                    rule.attachments[0].listener = listener_key(name);
                    rule.attachments[0].hostnames = vec![HostnameMatch::parse(route_host).unwrap()];
                },
            );
        }
        let gateway = gateway(builder).await;
        for (server_name, host, status) in [
            ("example.org", "example.org", 200),
            ("example.org", "second-example.org", 421),
            ("example.org", "unknown-example.org", 404),
            ("second-example.org", "second-example.org", 200),
            ("second-example.org", "example.org", 421),
            ("second-example.org", "unknown-example.org", 421),
            ("third-example.wildcard.org", "third-example.wildcard.org", 200),
            ("third-example.wildcard.org", "fith-example.wildcard.org", 200),
            ("third-example.wildcard.org", "fourth-example.wildcard.org", 421),
            ("third-example.wildcard.org", "second-example.org", 421),
            ("third-example.wildcard.org", "unknown-example.org", 421),
            ("fourth-example.wildcard.org", "fourth-example.wildcard.org", 200),
            ("fourth-example.wildcard.org", "fith-example.wildcard.org", 421),
            ("unknown-example.org", "example.org", 200),
            ("unknown-example.org", "unknown-example.org", 404),
        ] {
            assert_eq!(over_tls(&gateway, Some(server_name), host).await, status, "{server_name} {host}");
        }
        assert_eq!(over_tls(&gateway, None, "second-example.org").await, 200);
    });
}

/// GRPCRoute: `UNIMPLEMENTED` without a match, `UNAVAILABLE` without a backend.
#[test]
fn grpc_requests_get_grpc_statuses() {
    local(async {
        let gateway = with_echo(|builder| {
            builder
                .rule(0, "/pkg.Broken/", |rule| {
                    rule.key.route.kind = RouteKind::Grpc;
                    rule.targets = vec![refused(1)];
                })
                .backend("empty", BackendProtocol::H2c, &[])
        })
        .await;
        for (path, code) in [("/pkg.Other/Method", "12"), ("/pkg.Broken/Method", "14")] {
            let seen = gateway.send("POST", path, &[("content-type", "application/grpc+proto")], "x").await;
            assert_eq!((seen.status, seen.header("grpc-status")), (200, Some(code)), "{path}");
            assert_eq!(seen.header("content-type"), Some("application/grpc"));
        }
        assert_eq!(gateway.send("POST", "/pkg.Other/Method", &[("content-type", "text/plain")], "x").await.status, 404);
    });
}

#[test]
fn a_new_runtime_serves_new_requests() {
    local(async {
        let [a, b] = [echo("a").await, echo("b").await];
        let snapshot = |address| {
            Builder::new()
                .backend("x", BackendProtocol::Http1, &[address])
                .rule(0, "/", |rule| rule.targets = vec![to("x", 1)])
        };
        let gateway = gateway(snapshot(a)).await;
        assert_eq!(gateway.get("/").await.header("x-backend"), Some("a"));
        let next = Runtime::build(snapshot(b).build(), Some(&gateway.worker.runtime()));
        gateway.worker.apply(Arc::new(next));
        assert_eq!(gateway.get("/").await.header("x-backend"), Some("b"));
    });
}

#[test]
fn resting_connections_to_endpoints_that_are_gone_are_closed_and_no_others() {
    local(async {
        let [a, b] = [echo("a").await, echo("b").await];
        let snapshot = |endpoints: &[SocketAddr]| {
            Builder::new()
                .backend("x", BackendProtocol::Http1, endpoints)
                .rule(0, "/", |rule| rule.targets = vec![to("x", 1)])
        };
        let gateway = gateway(snapshot(&[a, b])).await;
        for _ in 0..2 {
            assert_eq!(gateway.get("/").await.status, 200);
        }
        assert_eq!(gateway.worker.pools.idle_count(), 2);
        let apply = |endpoints: &[SocketAddr]| {
            let next = Runtime::build(snapshot(endpoints).build(), Some(&gateway.worker.runtime()));
            gateway.worker.apply(Arc::new(next));
        };
        apply(&[b, a]);
        assert_eq!(gateway.worker.pools.idle_count(), 2);
        apply(&[b]);
        assert_eq!(gateway.worker.pools.idle_count(), 1);
        assert_eq!(gateway.get("/").await.header("x-backend"), Some("b"));
        assert_eq!(gateway.worker.pools.idle_count(), 1);
    });
}

#[test]
fn a_request_in_flight_to_an_endpoint_that_is_gone_ends_well_and_its_connection_does_not_rest() {
    local(async {
        let (begun, go) = (Rc::new(tokio::sync::Notify::new()), Rc::new(tokio::sync::Notify::new()));
        let (tell, wait) = (Rc::clone(&begun), Rc::clone(&go));
        let slow = server(move |request, _| {
            let (tell, wait) = (Rc::clone(&tell), Rc::clone(&wait));
            async move {
                tell.notify_one();
                wait.notified().await;
                echoed("slow", request).await.into()
            }
        });
        let slow = slow.await.address;
        let snapshot = |endpoints: &[SocketAddr]| {
            Builder::new()
                .backend("x", BackendProtocol::Http1, endpoints)
                .rule(0, "/", |rule| rule.targets = vec![to("x", 1)])
        };
        let gateway = gateway(snapshot(&[slow])).await;
        let reload = async {
            begun.notified().await;
            let next = Runtime::build(snapshot(&[]).build(), Some(&gateway.worker.runtime()));
            gateway.worker.apply(Arc::new(next));
            go.notify_one();
        };
        let (seen, ()) = tokio::join!(gateway.get("/"), reload);
        assert_eq!((seen.status, seen.header("x-backend")), (200, Some("slow")));
        assert_eq!(gateway.worker.pools.idle_count(), 0);
    });
}

/// Design, decision 5: "A reload drops nothing."
#[test]
fn no_request_fails_while_configurations_change() {
    local(async {
        let [a, b] = [echo("a").await, echo("b").await];
        let snapshot = move |round: u32| {
            let endpoints = if round.is_multiple_of(3) { vec![a, b] } else { vec![b] };
            Builder::new()
                .backend("x", BackendProtocol::Http1, &endpoints)
                .backend("y", BackendProtocol::Http1, &[a])
                .rule(round % 2, "/", |rule| rule.targets = vec![to("x", 1 + round % 5), to("y", 1)])
        };
        let gateway = Rc::new(gateway(snapshot(0)).await);
        let done = Rc::new(Cell::new(false));
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let (gateway, done) = (Rc::clone(&gateway), Rc::clone(&done));
                tokio::task::spawn_local(async move {
                    let mut client = Raw::connect(gateway.address).await;
                    let mut answered = 0;
                    while !done.get() {
                        client.write("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi").await;
                        let head = client.until("\r\n\r\n").await;
                        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
                        client.until("body: hi\n").await;
                        answered += 1;
                    }
                    answered
                })
            })
            .collect();
        for round in 1..=200 {
            let next = Runtime::build(snapshot(round).build(), Some(&gateway.worker.runtime()));
            gateway.worker.apply(Arc::new(next));
            // A request of our own after each, so that the clients run too.
            assert_eq!(gateway.get("/").await.status, 200);
        }
        done.set(true);
        let mut answered = 0;
        for client in clients {
            answered += client.await.unwrap();
        }
        assert!(answered > 200, "{answered}");
        assert_eq!(gateway.metric("nantian_gateway_dataplane_http_requests_total"), answered + 200);
    });
}
