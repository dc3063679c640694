//! Methods, tokens, ports, connections.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::plane::{Plane, ask, state, unready, with_token};
use crate::Listener;
use crate::admin::{AdminError, AdminSettings, Interfaces, Limits, Port, State};

const TOKEN: &str = "0123456789abcdef";

/// RFC 9110 sections 9.3.2 and 15.5.6.
#[tokio::test]
async fn head_has_the_fields_of_get_and_other_methods_are_told_what_is_allowed() {
    let plane = Plane::ready().await;
    let (get, head) = (plane.get("/v1/listeners").await, plane.ask("HEAD", "/v1/listeners", "").await);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.field("content-length"), Some(&*get.body.len().to_string()));
    assert_eq!(head.field("x-nantian-total-count"), get.field("x-nantian-total-count"));
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let told = plane.ask(method, "/v1/listeners", "").await;
        assert_eq!((told.status, told.field("allow")), (405, Some("get, head")), "{method}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_404() {
    let plane = Plane::ready().await;
    for path in
        ["/", "/v1", "/v1/", "/v1/listeners/", "/v1/nothing", "/v1/routes/HTTPRoute/shop", "/v1/routes/x/shop/cart"]
    {
        let told = plane.get(path).await;
        assert_eq!((told.status, told.field("content-type")), (404, Some("application/problem+json")), "{path}");
    }
}

/// RFC 6750 section 3.
#[tokio::test]
async fn once_there_is_a_token_all_but_health_needs_it() {
    let plane = Plane::start(Port::Admin, with_token(state(), TOKEN)).await;
    for path in ["/v1/summary", "/v1/snapshot", "/metrics", "/openapi.json", "/v1/nothing"] {
        let told = plane.get(path).await;
        assert_eq!((told.status, told.field("www-authenticate")), (401, Some("bearer realm=\"nantian-gw\"")), "{path}");
        let wrong = plane.ask("GET", path, "Authorization: Bearer 0123456789abcdeX\r\n").await;
        assert_eq!(wrong.status, 401, "{path}");
        assert!(wrong.field("www-authenticate").unwrap().contains("error=\"invalid_token\""), "{path}");
        assert!(!wrong.body.contains("shop"), "{path}");
    }
    let right = format!("Authorization: Bearer {TOKEN}\r\n");
    assert_eq!(plane.ask("GET", "/v1/summary", &right).await.status, 200);
    assert_eq!(plane.ask("GET", "/v1/nothing", &right).await.status, 404);
    assert_eq!(plane.ask("POST", "/v1/summary", "").await.status, 401);
    for path in ["/livez", "/readyz"] {
        assert_eq!(plane.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn each_port_has_its_own_part_of_the_table() {
    let metrics = Plane::start(Port::Metrics, with_token(state(), TOKEN)).await;
    let health = Plane::start(Port::Health, with_token(state(), TOKEN)).await;
    let told = metrics.get("/metrics").await;
    assert_eq!(told.status, 200);
    assert_eq!(told.field("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!((health.get("/livez").await.status, health.get("/readyz").await.status), (200, 200));
    for (plane, path) in
        [(&metrics, "/v1/summary"), (&metrics, "/readyz"), (&health, "/metrics"), (&health, "/v1/nodes")]
    {
        assert_eq!(plane.get(path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn readiness_begins_with_the_first_snapshot() {
    let health = Plane::start(Port::Health, unready()).await;
    assert_eq!((health.get("/livez").await.status, health.get("/readyz").await.status), (200, 503));
    let admin = Plane::start(Port::Admin, unready()).await;
    let told = admin.get("/v1/summary").await;
    assert_eq!((told.status, told.field("retry-after")), (503, Some("1")));
}

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_what_a_client_chose() {
    let plane = Plane::ready().await;
    plane.get("/v1/nodes/current").await;
    plane.get("/v1/nodes/chosen-by-a-client").await;
    plane.ask("CHOSEN", "/chosen/by/a/client", "").await;
    let metrics = plane.get("/metrics").await.body;
    for labels in [
        "method=\"GET\",route=\"/v1/nodes/{nodeId}\",status_class=\"2xx\"",
        "method=\"GET\",route=\"/v1/nodes/{nodeId}\",status_class=\"4xx\"",
        "method=\"other\",route=\"none\",status_class=\"4xx\"",
    ] {
        let line = format!("nantian_gateway_controlplane_admin_requests_total{{{labels}}} 1\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
    assert!(!metrics.to_ascii_lowercase().contains("chosen"), "{metrics}");
    for state in ["current", "behind", "refusing", "disconnected"] {
        assert!(metrics.contains(&format!("nantian_gateway_controlplane_nodes{{state=\"{state}\"}} 1\n")), "{metrics}");
    }
    assert!(metrics.contains("nantian_gateway_controlplane_leader 1\n"), "{metrics}");
}

fn limited(limits: Limits) -> State {
    State { limits, ..state() }
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_and_those_that_rest_too_long_are_closed() {
    let limits = Limits {
        max_connections: 1,
        header_timeout: Duration::from_secs(600),
        max_connection_age: Duration::from_millis(50),
    };
    let plane = Plane::start(Port::Health, limited(limits)).await;
    let mut idle = TcpStream::connect(plane.address).await.unwrap();
    // It gets its turn when the first is closed for its age.
    assert_eq!(plane.get("/livez").await.status, 200);
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap(), 0, "the first was closed");
}

#[tokio::test]
async fn a_head_without_an_end_is_closed_after_the_timeout() {
    let limits = Limits { header_timeout: Duration::from_millis(50), ..Limits::default() };
    let plane = Plane::start(Port::Health, limited(limits)).await;
    let mut slow = TcpStream::connect(plane.address).await.unwrap();
    slow.write_all(b"GET /livez HTTP/1.1\r\nHost:").await.unwrap();
    let mut told = Vec::new();
    slow.read_to_end(&mut told).await.unwrap();
    assert!(!told.starts_with(b"HTTP/1.1 200"), "{told:?}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let plane = Plane::ready().await;
    let told = plane.ask("GET", "/livez", &format!("X: {}\r\n", "x".repeat(20_000))).await;
    assert_eq!(told.status, 431);
    let told = plane.ask("GET", "/livez", &"X: y\r\n".repeat(100)).await;
    assert_eq!(told.status, 431);
}

#[tokio::test]
async fn shutdown_ends_connections_that_rest() {
    let plane = Plane::ready().await;
    let mut resting = TcpStream::connect(plane.address).await.unwrap();
    resting.write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut told = [0; 12];
    resting.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 200");
    plane.stop().await;
    let mut rest = Vec::new();
    resting.read_to_end(&mut rest).await.unwrap();
}

#[tokio::test]
async fn the_three_ports_are_served_together_and_end_together() {
    let any = (Ipv4Addr::LOCALHOST, 0).into();
    let mut settings = AdminSettings { address: any, metrics_address: any, health_address: any, ..Default::default() };
    let interfaces = Interfaces::bind(&settings).await.unwrap();
    let ports = [(Port::Admin, "/v1/summary"), (Port::Metrics, "/metrics"), (Port::Health, "/readyz")];
    let addresses = ports.map(|(port, path)| (interfaces.address(port).unwrap(), path));

    settings.address = addresses[0].0;
    let error = Interfaces::bind(&settings).await.unwrap_err();
    assert!(matches!(error, AdminError::Listen { setting: "admin.address", .. }), "{error}");

    let (stop, stopping) = watch::channel(false);
    let serving = tokio::spawn(interfaces.serve(state(), Listener::new(|_| {}), stopping));
    for (address, path) in addresses {
        assert_eq!(ask(address, "GET", path, "").await.status, 200, "{path}");
    }
    stop.send_replace(true);
    serving.await.unwrap();
    for (address, path) in addresses {
        assert!(TcpStream::connect(address).await.is_err(), "{path} is still served");
    }
}

#[tokio::test]
async fn a_token_that_is_asked_for_and_not_there_keeps_the_ports_closed() {
    let settings = AdminSettings { token_file: Some("/no/such/file".into()), ..Default::default() };
    let error = Interfaces::bind(&settings).await.unwrap_err();
    assert!(error.to_string().contains("/no/such/file") && error.to_string().contains("admin.tokenFile"), "{error}");
}
