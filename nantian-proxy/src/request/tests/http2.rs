//! HTTP/2 on both sides: h2c and gRPC (conformance tests `HTTPRouteBackendProtocolH2C`, `GRPCExactMethodMatching`).

use bytes::Bytes;
use h2::client::SendRequest;
use http::Version;
use http_body::Frame;
use http_body_util::StreamBody;
use nantian_ir::{GrpcMatch, RouteKind, RuleMatch, ValueMatch};

use super::*;
use crate::runtime::tests::to_protocol;

/// A gRPC backend: says back each message as it comes, then a status in trailers.
async fn grpc_echo() -> SocketAddr {
    server(|request, _| async move {
        assert_eq!(request.version(), Version::HTTP_2);
        assert_eq!(request.headers()["te"], "trailers");
        let host = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let body = request.into_body();
        let trailers: HeaderMap = [("grpc-status".parse().unwrap(), "0".parse().unwrap())].into_iter().collect();
        let stream = futures_util::stream::unfold((body, Some(trailers)), |(mut body, mut trailers)| async move {
            use http_body_util::BodyExt as _;
            match body.frame().await {
                Some(frame) => Some((frame, (body, trailers))),
                None => trailers.take().map(|end| (Ok(Frame::trailers(end)), (body, None))),
            }
        });
        let mut response = Response::new(Body::boxed(StreamBody::new(Box::pin(stream))));
        response.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
        response.headers_mut().insert("x-host", host.parse().unwrap());
        response.into()
    })
    .await
    .address
}

async fn with_grpc() -> Gateway {
    let backend = grpc_echo().await;
    let builder = Builder::new().backend("grpc", BackendProtocol::H2c, &[backend]).rule(0, "/", |rule| {
        rule.key.route.kind = RouteKind::Grpc;
        let exact = |text: &str| Some(ValueMatch::Exact(text.into()));
        rule.matches =
            vec![RuleMatch::Grpc(GrpcMatch { service: exact("echo.Echo"), method: exact("Say"), headers: Vec::new() })];
        rule.targets = vec![to_protocol("grpc", BackendProtocol::H2c, 1)];
    });
    gateway(builder).await
}

pub(super) async fn connect(address: SocketAddr) -> SendRequest<Bytes> {
    let io = tokio::net::TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::handshake(io).await.unwrap();
    tokio::task::spawn_local(async move {
        let _ = connection.await;
    });
    client.ready().await.unwrap()
}

fn call(path: &str) -> http::Request<()> {
    let request = http::Request::builder().method("POST").uri(format!("http://grpc.example{path}"));
    request.header("content-type", "application/grpc").header("te", "trailers").body(()).unwrap()
}

#[test]
fn grpc_streams_both_ways_and_ends_with_trailers() {
    local(async {
        let gateway = with_grpc().await;
        let mut client = connect(gateway.address).await;
        let (response, mut sending) = client.send_request(call("/echo.Echo/Say"), false).unwrap();
        sending.send_data(Bytes::from_static(b"one"), false).unwrap();
        let response = response.await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["x-host"], "grpc.example");
        let mut body = response.into_body();
        assert_eq!(body.data().await.unwrap().unwrap(), "one");
        sending.send_data(Bytes::from_static(b"two"), true).unwrap();
        assert_eq!(body.data().await.unwrap().unwrap(), "two");
        assert!(body.data().await.is_none());
        assert_eq!(body.trailers().await.unwrap().unwrap()["grpc-status"], "0");
    });
}

#[test]
fn grpc_without_a_match_is_unimplemented() {
    local(async {
        let gateway = with_grpc().await;
        let mut client = connect(gateway.address).await;
        let (response, _) = client.send_request(call("/echo.Echo/Shout"), true).unwrap();
        let response = response.await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["grpc-status"], "12");
        assert!(response.into_body().is_end_stream());
    });
}

#[test]
fn http1_requests_reach_h2c_backends_and_the_other_way_round() {
    local(async {
        let a = echo("a").await;
        let builder = Builder::new()
            .backend("h2c", BackendProtocol::H2c, &[a])
            .backend("h1", BackendProtocol::Http1, &[a])
            .rule(0, "/h2c", |rule| rule.targets = vec![to_protocol("h2c", BackendProtocol::H2c, 1)])
            .rule(1, "/h1", |rule| rule.targets = vec![to("h1", 1)]);
        let gateway = gateway(builder).await;
        let upgrade = [("x-own", "1"), ("upgrade", "websocket"), ("connection", "upgrade")];
        let seen = gateway.send("POST", "/h2c?q", &upgrade, "hello").await;
        assert_eq!((seen.status, target(&seen)), (200, "POST http://gateway.example/h2c?q"));
        assert_eq!(
            (line(&seen, "body"), line(&seen, "x-own"), line(&seen, "upgrade")),
            (Some("hello"), Some("1"), None)
        );

        let mut client = connect(gateway.address).await;
        let request = http::Request::builder().uri("http://two.example/h1").header("cookie", "a=1").body(()).unwrap();
        let (response, _) = client.send_request(request, true).unwrap();
        let mut body = response.await.unwrap().into_body();
        let mut text = Vec::new();
        while let Some(data) = body.data().await {
            text.extend_from_slice(&data.unwrap());
        }
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("GET /h1\n") && text.contains("host: two.example\n"), "{text}");
    });
}

/// RFC 9113 section 8.7: a refused stream was not processed, so that its request can be sent again, whatever its method.
#[test]
fn a_refused_stream_is_sent_again() {
    local(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::task::spawn_local(async move {
            let refused = Rc::new(Cell::new(false));
            while let Ok((io, _)) = listener.accept().await {
                let refused = Rc::clone(&refused);
                tokio::task::spawn_local(async move {
                    let mut connection = h2::server::handshake(io).await.unwrap();
                    while let Some(Ok((_, mut respond))) = connection.accept().await {
                        if refused.replace(true) {
                            let response = http::Response::builder().header("x-backend", "second").body(()).unwrap();
                            respond.send_response(response, true).unwrap();
                        } else {
                            respond.send_reset(h2::Reason::REFUSED_STREAM);
                        }
                    }
                });
            }
        });
        let builder = Builder::new().backend("a", BackendProtocol::H2c, &[address]);
        let gateway =
            gateway(builder.rule(0, "/", |rule| rule.targets = vec![to_protocol("a", BackendProtocol::H2c, 1)])).await;
        let seen = gateway.send("POST", "/", &[], "").await;
        assert_eq!((seen.status, seen.header("x-backend")), (200, Some("second")));
    });
}

/// RFC 8441.
#[test]
fn a_websocket_over_http2_reaches_an_http1_backend() {
    local(async {
        let backend = super::upgrades::switching().await;
        let builder = Builder::new().backend("ws", BackendProtocol::WebSocket, &[backend]);
        let gateway = gateway(builder.rule(0, "/chat", |rule| {
            rule.targets = vec![to_protocol("ws", BackendProtocol::WebSocket, 1)];
        }))
        .await;
        let mut client = connect(gateway.address).await;
        // The server's settings, with ENABLE_CONNECT_PROTOCOL, come with the first answer at the latest.
        let (response, _) = client.send_request(call("/"), true).unwrap();
        let _ = response.await;
        let request = http::Request::builder()
            .method("CONNECT")
            .uri("http://a.example/chat")
            .extension(h2::ext::Protocol::from_static("websocket"))
            .body(())
            .unwrap();
        let mut client = client.ready().await.unwrap();
        let (response, mut sending) = client.send_request(request, false).unwrap();
        let response = response.await.unwrap();
        assert_eq!(response.status(), 200);
        sending.send_data(Bytes::from_static(b"hello\n"), false).unwrap();
        let mut heard = Vec::new();
        let mut body = response.into_body();
        while !heard.ends_with(b"\n") {
            heard.extend_from_slice(&body.data().await.unwrap().unwrap());
        }
        assert_eq!(heard, b"echo hello\n");
    });
}
