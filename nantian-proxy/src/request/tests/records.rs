//! Every request is recorded once, however it ends.

use super::*;
use crate::http::testing::raw_backend;
use crate::http::{ConnectionInfo, Interim};

const REQUESTS: &str = "nantian_gateway_dataplane_http_requests_total";

#[test]
fn a_request_is_recorded_once_with_its_bytes() {
    local(async {
        let gateway = with_echo(|builder| builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)])).await;
        let seen = gateway.send("POST", "/", &[], "hello").await;
        assert_eq!(gateway.metric(REQUESTS), 1);
        assert_eq!(gateway.metric("nantian_gateway_dataplane_http_received_bytes_total"), 5);
        let sent = u64::try_from(seen.body.len()).unwrap();
        assert_eq!(gateway.metric("nantian_gateway_dataplane_http_sent_bytes_total"), sent);
        assert_eq!(gateway.metric("nantian_gateway_dataplane_http_response_flags_total"), 0);
        assert_eq!(gateway.get("/").await.status, 200);
        assert_eq!(gateway.send("HEAD", "/", &[], "").await.status, 200);
        assert_eq!(gateway.metric(REQUESTS), 3);
        assert_eq!(gateway.metric("nantian_gateway_dataplane_http_response_flags_total"), 0);
    });
}

/// A backend that tells when it has a request, and never answers.
async fn hanging() -> (SocketAddr, tokio::sync::mpsc::UnboundedReceiver<()>) {
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    let address = raw_backend(move |mut raw| {
        let tell = tell.clone();
        async move {
            raw.until("\r\n\r\n").await;
            tell.send(()).unwrap();
            raw.rest().await;
        }
    })
    .await;
    (address, told)
}

#[test]
fn a_client_that_goes_away_before_the_answer_is_recorded_as_gone() {
    local(async {
        let (backend, mut told) = hanging().await;
        let builder = Builder::new().backend("a", BackendProtocol::Http1, &[backend]);
        let gateway = gateway(builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)])).await;
        let mut client = Raw::connect(gateway.address).await;
        client.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        told.recv().await.unwrap();
        drop(client);
        while gateway.metric(REQUESTS) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!((gateway.metric(REQUESTS), gateway.flags("DC")), (1, 1));
    });
}

#[test]
fn an_answer_that_is_dropped_before_its_end_is_recorded_as_gone() {
    local(async {
        let gateway = with_echo(|builder| builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)])).await;
        let request = Request::builder().uri("/").header("host", "a").body(Body::empty()).unwrap();
        let address = "127.0.0.1:1".parse().unwrap();
        let exchange =
            Exchange { connection: Rc::new(ConnectionInfo::new(address, address)), interim: Interim::default() };
        let reply = Rc::clone(&gateway.pipeline).handle(request, exchange).await;
        assert_eq!(gateway.metric(REQUESTS), 0);
        drop(reply);
        assert_eq!((gateway.metric(REQUESTS), gateway.flags("DC")), (1, 1));
    });
}
