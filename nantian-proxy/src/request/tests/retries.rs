//! Other endpoints and other tries (GEP-1731).

use std::cell::Cell;
use std::time::Duration;

use nantian_ir::{Endpoint, EndpointHost, EndpointSet, Hostname, Retry};

use super::*;
use crate::http::testing::raw_backend;
use crate::runtime::tests::backend_key;

fn retry(codes: &[u16], attempts: u32) -> Retry {
    Retry { codes: codes.to_vec(), attempts, backoff: Some(Duration::from_millis(1)) }
}

/// A backend that answers 503 `failures` times, then echoes; and how often it was asked.
async fn failing(failures: usize) -> (SocketAddr, Rc<Cell<usize>>) {
    let asked = Rc::new(Cell::new(0));
    let count = Rc::clone(&asked);
    let server = server(move |request, _| {
        let number = count.get();
        count.set(number + 1);
        async move {
            let mut response = echoed("a", request).await;
            if number < failures {
                *response.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
            }
            response.into()
        }
    })
    .await;
    (server.address, asked)
}

async fn one_rule(backend: SocketAddr, policy: Option<Retry>, settings: Settings) -> Gateway {
    let builder = Builder::new().backend("a", BackendProtocol::Http1, &[backend]).rule(0, "/", |rule| {
        rule.targets = vec![to("a", 1)];
        rule.retry = policy;
    });
    gateway_with(builder, settings).await
}

#[test]
fn configured_codes_are_tried_again_with_the_whole_body() {
    local(async {
        let (backend, asked) = failing(2).await;
        let gateway = one_rule(backend, Some(retry(&[503], 3)), Settings::default()).await;
        let seen = gateway.send("POST", "/", &[], "hello").await;
        assert_eq!((seen.status, line(&seen, "body")), (200, Some("hello")));
        assert_eq!(asked.get(), 3);
        assert_eq!(gateway.metric("nantian_gateway_dataplane_http_retries_total"), 2);
        assert_eq!(gateway.flags("URX"), 0);
    });
}

#[test]
fn other_codes_and_requests_without_a_policy_are_not() {
    local(async {
        for policy in [Some(retry(&[500, 502], 3)), Some(retry(&[503], 0)), None] {
            let (backend, asked) = failing(1).await;
            let gateway = one_rule(backend, policy, Settings::default()).await;
            assert_eq!((gateway.get("/").await.status, asked.get()), (503, 1));
        }
    });
}

/// "If the maximum number of retries has been attempted without a successful response from the backend, the Gateway MUST
/// return an error."
#[test]
fn the_last_failure_is_answered_when_tries_are_used_up() {
    local(async {
        let (backend, asked) = failing(usize::MAX).await;
        let gateway = one_rule(backend, Some(retry(&[503], 2)), Settings::default()).await;
        assert_eq!((gateway.get("/").await.status, asked.get()), (503, 3));
        assert_eq!(gateway.flags("URX"), 1);
    });
}

#[test]
fn a_body_larger_than_the_buffer_is_sent_once() {
    local(async {
        let (backend, asked) = failing(1).await;
        let settings = Settings { retry_buffer: 3, ..Settings::default() };
        let gateway = one_rule(backend, Some(retry(&[503], 3)), settings).await;
        let seen = gateway.send("POST", "/", &[], "hello").await;
        assert_eq!((seen.status, line(&seen, "body"), asked.get()), (503, Some("hello"), 1));
    });
}

#[test]
fn a_refused_connection_is_followed_by_another_endpoint_without_any_policy() {
    local(async {
        let endpoints = [refusing().await, echo("up").await, refusing().await];
        let builder = Builder::new().backend("a", BackendProtocol::Http1, &endpoints);
        let gateway = gateway(builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)])).await;
        for _ in 0..6 {
            let seen = gateway.send("POST", "/", &[], "hello").await;
            assert_eq!((seen.status, line(&seen, "body")), (200, Some("hello")));
        }
        assert_eq!(gateway.flags("UF"), 0);
    });
}

/// `localhost` may be an IPv6 address too, which nobody listens on.
#[test]
fn a_name_is_resolved_and_all_its_addresses_are_tried() {
    local(async {
        let port = echo("named").await.port();
        let mut builder = Builder::new().backend("a", BackendProtocol::Http1, &[]);
        let key = backend_key("a", BackendProtocol::Http1);
        let host = EndpointHost::Dns(Hostname::new("localhost").unwrap());
        let set = EndpointSet { key: key.clone(), endpoints: vec![Endpoint { host, port }] };
        builder.0.endpoints.insert(Arc::new(set));
        let gateway = gateway(builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)])).await;
        for _ in 0..10 {
            assert_eq!(gateway.get("/").await.header("x-backend"), Some("named"));
        }
    });
}

#[test]
fn when_no_endpoint_can_be_reached_the_answer_is_503() {
    local(async {
        let endpoints = [refusing().await, refusing().await];
        let builder = Builder::new().backend("a", BackendProtocol::Http1, &endpoints);
        let gateway = gateway(builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)])).await;
        let seen = gateway.get("/").await;
        assert_eq!((seen.status, seen.body.as_str()), (503, "no endpoint could be reached\n"));
        assert_eq!(gateway.flags("UF"), 1);
    });
}

/// A backend that closes its first connection after reading a request, and answers on the others.
pub(super) async fn closing_once() -> SocketAddr {
    let first = Rc::new(Cell::new(true));
    raw_backend(move |mut raw| {
        let close = first.replace(false);
        async move {
            raw.until("\r\n\r\n").await;
            if !close {
                raw.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
                raw.rest().await;
            }
        }
    })
    .await
}

#[test]
fn a_connection_that_breaks_before_an_answer_is_tried_again_by_policy_only() {
    local(async {
        let gateway = one_rule(closing_once().await, Some(retry(&[], 1)), Settings::default()).await;
        assert_eq!(gateway.send("POST", "/", &[], "").await.body, "ok");
        let gateway = one_rule(closing_once().await, None, Settings::default()).await;
        assert_eq!(gateway.send("POST", "/", &[], "").await.status, 502);
    });
}

/// GEP-1731: a try that reaches `backendRequest` is cancelled and may be tried again.
#[test]
fn a_try_that_takes_too_long_is_tried_again() {
    local(async {
        let first = Rc::new(Cell::new(true));
        let backend = raw_backend(move |mut raw| {
            let hang = first.replace(false);
            async move {
                raw.until("\r\n\r\n").await;
                if !hang {
                    raw.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
                }
                raw.rest().await;
            }
        })
        .await;
        let builder = Builder::new().backend("a", BackendProtocol::Http1, &[backend]).rule(0, "/", |rule| {
            rule.targets = vec![to("a", 1)];
            rule.retry = Some(retry(&[], 2));
            rule.timeouts.backend_request = Some(Duration::from_millis(50));
        });
        let gateway = gateway(builder).await;
        let seen = gateway.get("/").await;
        assert_eq!((seen.status, seen.body.as_str()), (200, "ok"));
    });
}

/// "The entire duration of the initial request and any retry attempts MUST not exceed the Request timeout duration."
#[test]
fn the_request_limit_ends_all_tries() {
    local(async {
        let (backend, _) = failing(usize::MAX).await;
        let builder = Builder::new().backend("a", BackendProtocol::Http1, &[backend]).rule(0, "/", |rule| {
            rule.targets = vec![to("a", 1)];
            rule.retry = Some(Retry { codes: vec![503], attempts: 1000, backoff: Some(Duration::from_secs(60)) });
            rule.timeouts.request = Some(Duration::from_millis(50));
        });
        let gateway = gateway(builder).await;
        assert_eq!(gateway.get("/").await.status, 504);
    });
}
