//! Mirrors (GEP-3171).

use nantian_ir::{Filter, Fraction, HeaderModifier, RequestMirror};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::http::testing::reply;
use crate::runtime::tests::backend_key;

/// A backend that tells what it got, and answers with `status`.
async fn telling(status: u16) -> (SocketAddr, UnboundedReceiver<String>) {
    let (tell, told) = unbounded_channel();
    let server = server(move |request, _| {
        let tell = tell.clone();
        async move {
            let echoed = echoed("mirror", request).await;
            tell.send(text(echoed.into_body()).await).unwrap();
            let mut answer = reply("ignored");
            *answer.response.status_mut() = status.try_into().unwrap();
            answer
        }
    })
    .await;
    (server.address, told)
}

fn mirror(name: &str, numerator: u32, denominator: u32) -> Filter {
    let backend = backend_key(name, BackendProtocol::Http1);
    Filter::RequestMirror(RequestMirror { backend, fraction: Fraction { numerator, denominator } })
}

/// Conformance tests `HTTPRouteRequestMirror`, `HTTPRouteRequestMultipleMirrors`.
#[test]
fn every_mirror_gets_the_whole_request_and_its_answer_is_ignored() {
    local(async {
        let ((m1, mut told1), (m2, mut told2)) = (telling(500).await, telling(200).await);
        let gateway = with_echo(|builder| {
            builder.backend("m1", BackendProtocol::Http1, &[m1]).backend("m2", BackendProtocol::Http1, &[m2]).rule(
                0,
                "/mirror",
                |rule| {
                    let set = vec![nantian_ir::HeaderValue {
                        name: nantian_ir::HeaderName::new("x-set").unwrap(),
                        value: "1".into(),
                    }];
                    let edit = Filter::RequestHeaderModifier(HeaderModifier { set, ..HeaderModifier::default() });
                    rule.filters = vec![mirror("m1", 1, 1), edit, mirror("m2", 1, 1)];
                    rule.targets = vec![to("a", 1)];
                },
            )
        })
        .await;
        let seen = gateway.send("POST", "/mirror?q=1", &[], "hello").await;
        assert_eq!((seen.status, seen.header("x-backend")), (200, Some("a")));
        for told in [&mut told1, &mut told2] {
            let got = told.recv().await.unwrap();
            assert!(got.contains("POST /mirror?q=1\n") && got.contains("body: hello\n"), "{got}");
            assert!(got.contains("host: gateway.example\n") && got.contains("x-set: 1\n"), "{got}");
        }
    });
}

/// Conformance test `HTTPRouteRequestPercentageMirror`, exact here.
#[test]
fn a_fraction_of_the_requests_is_mirrored() {
    local(async {
        let (m, mut told) = telling(200).await;
        let gateway = with_echo(|builder| {
            builder.backend("m", BackendProtocol::Http1, &[m]).rule(0, "/", |rule| {
                rule.filters = vec![mirror("m", 20, 100)];
                rule.targets = vec![to("a", 1)];
            })
        })
        .await;
        for _ in 0..100 {
            assert_eq!(gateway.get("/").await.status, 200);
        }
        for _ in 0..20 {
            told.recv().await.unwrap();
        }
        // All copies have ended before the count is final.
        while gateway.worker.mirroring.get() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(gateway.metric("nantian_gateway_dataplane_http_mirrors_total"), 20);
        assert!(told.try_recv().is_err());
    });
}

#[test]
fn a_mirror_that_cannot_be_reached_harms_nothing_and_is_counted() {
    local(async {
        let down = refusing().await;
        let gateway = with_echo(|builder| {
            builder.backend("m", BackendProtocol::Http1, &[down]).rule(0, "/", |rule| {
                rule.filters = vec![mirror("m", 1, 1)];
                rule.targets = vec![to("a", 1)];
            })
        })
        .await;
        let seen = gateway.send("POST", "/", &[], "hello").await;
        assert_eq!((seen.status, line(&seen, "body")), (200, Some("hello")));
        while gateway.worker.mirroring.get() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(gateway.metric("nantian_gateway_dataplane_http_mirrors_total{outcome=\"failed\"}"), 1);
    });
}
