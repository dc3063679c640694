//! Upgrades: WebSocket and others (conformance test `HTTPRouteBackendProtocolWebSocket`; RFC 9110 section 7.8).

use super::*;
use crate::http::testing::raw_backend;
use crate::runtime::tests::to_protocol;

/// A backend that switches to a protocol in which it says back what it hears.
pub(super) async fn switching() -> SocketAddr {
    raw_backend(|mut raw| async move {
        let head = raw.until("\r\n\r\n").await.to_ascii_lowercase();
        assert!(head.contains("upgrade: websocket\r\n") && head.contains("connection: upgrade\r\n"), "{head}");
        raw.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n").await;
        raw.write("sec-websocket-accept: x\r\n\r\n").await;
        let said = raw.until("\n").await;
        raw.write(format!("echo {said}")).await;
    })
    .await
}

async fn with_websocket() -> Gateway {
    let backend = switching().await;
    let builder = Builder::new().backend("ws", BackendProtocol::WebSocket, &[backend]);
    gateway(builder.rule(0, "/", |rule| {
        rule.targets = vec![to_protocol("ws", BackendProtocol::WebSocket, 1)];
        rule.timeouts.request = Some(std::time::Duration::from_secs(20));
    }))
    .await
}

#[test]
fn an_upgraded_connection_carries_bytes_both_ways() {
    local(async {
        let gateway = with_websocket().await;
        let mut client = Raw::connect(gateway.address).await;
        client.write("GET /chat HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n").await;
        client.write("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").await;
        let head = client.until("\r\n\r\n").await.to_ascii_lowercase();
        assert!(head.starts_with("http/1.1 101"), "{head}");
        assert!(head.contains("upgrade: websocket\r\n") && head.contains("sec-websocket-accept: x\r\n"), "{head}");
        client.write("hello\n").await;
        assert_eq!(client.until("\n").await, "echo hello\n");
        assert_eq!(client.rest().await, "");
        drop(client);
        while gateway.metric("nantian_gateway_dataplane_http_requests_total") == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(gateway.metric("nantian_gateway_dataplane_http_sent_bytes_total"), 11);
        assert_eq!(gateway.metric("nantian_gateway_dataplane_http_received_bytes_total"), 6);
    });
}

#[test]
fn an_upgrade_that_the_backend_ignores_is_a_plain_answer() {
    local(async {
        let gateway = with_echo(|builder| builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)])).await;
        let mut client = Raw::connect(gateway.address).await;
        client.write("GET / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade, close\r\nupgrade: other\r\n\r\n").await;
        let seen = parse(&client.rest().await);
        assert_eq!((seen.status, seen.header("upgrade")), (200, None));
        assert_eq!(line(&seen, "upgrade"), Some("other"));
    });
}
