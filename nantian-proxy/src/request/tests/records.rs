//! Every request is recorded once, however it ends.

use std::sync::mpsc::{Sender, channel};

use nantian_ir::{Attachment, HostnameMatch, ListenerProtocol};

use super::*;
use crate::http::testing::raw_backend;
use crate::http::{ConnectionInfo, Fate, Interim};
use crate::telemetry::{AccessLog, AccessLogFormat};

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
        let request = http::Request::builder().uri("/").header("host", "a").body(Body::empty()).unwrap();
        let address = "127.0.0.1:1".parse().unwrap();
        let exchange = Exchange {
            connection: Rc::new(ConnectionInfo::new(address, address)),
            interim: Interim::default(),
            fate: Fate::default(),
        };
        let reply = Rc::clone(&gateway.pipeline).handle(request.into(), exchange).await;
        assert_eq!(gateway.metric(REQUESTS), 0);
        drop(reply);
        assert_eq!((gateway.metric(REQUESTS), gateway.flags("DC")), (1, 1));
    });
}

/// A body that panics when it is read.
struct Exploding;

impl http_body::Body for Exploding {
    type Data = bytes::Bytes;
    type Error = crate::http::BodyError;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
        panic!("a defect, for a test")
    }
}

#[test]
fn a_panic_gives_500_and_ends_only_its_own_request() {
    local(async {
        let gateway = with_echo(|builder| builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)])).await;
        let request = http::Request::builder().method("POST").uri("/").header("host", "a");
        let request = request.body(Body::boxed(Exploding)).unwrap();
        let address = "127.0.0.1:1".parse().unwrap();
        let exchange = Exchange {
            connection: Rc::new(ConnectionInfo::new(address, address)),
            interim: Interim::default(),
            fate: Fate::default(),
        };
        let reply = Rc::clone(&gateway.pipeline).handle(request.into(), exchange).await;
        assert_eq!(reply.response.status(), 500);
        drop(reply);
        assert_eq!(gateway.get("/").await.status, 200);
        assert_eq!((gateway.metric(REQUESTS), gateway.flags("DC")), (2, 1));
        assert_eq!(gateway.flags("PN"), 1);
    });
}

#[test]
fn what_is_no_request_is_recorded_too() {
    local(async {
        let gateway = gateway(Builder::new()).await;
        let address = "127.0.0.1:1".parse().unwrap();
        for (status, flag) in [(400, "DPE"), (408, "DT"), (414, "TL"), (431, "TL")] {
            let refusal = Refusal::new(status.try_into().unwrap(), "a reason");
            gateway.pipeline.refused(&ConnectionInfo::new(address, address), refusal);
            assert!(gateway.flags(flag) > 0, "{status}");
        }
        assert_eq!(gateway.metric(REQUESTS), 4);
    });
}

#[test]
fn a_client_that_stops_in_the_middle_of_its_body_is_recorded_as_gone() {
    local(async {
        let gateway = with_echo(|builder| builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)])).await;
        let mut client = Raw::connect(gateway.address).await;
        client.write("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello").await;
        drop(client);
        while gateway.metric(REQUESTS) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!((gateway.metric(REQUESTS), gateway.flags("DC")), (1, 1));
    });
}

/// `nantian_gateway_dataplane_backend_*`.
#[test]
fn connections_to_backends_are_counted() {
    local(async {
        let down = refusing().await;
        let gateway = with_echo(|builder| {
            builder
                .backend("down", BackendProtocol::Http1, &[down])
                .rule(0, "/", |rule| rule.targets = vec![to("a", 1)])
                .rule(1, "/down", |rule| rule.targets = vec![to("down", 1)])
        })
        .await;
        for _ in 0..3 {
            assert_eq!(gateway.get("/").await.status, 200);
        }
        assert_eq!(gateway.get("/down").await.status, 503);
        assert_eq!(gateway.metric("nantian_gateway_dataplane_backend_connections_total"), 1);
        assert_eq!(gateway.metric("nantian_gateway_dataplane_backend_connections_active"), 1);
        assert_eq!(gateway.metric("nantian_gateway_dataplane_backend_connection_errors_total"), 1);
    });
}

/// A body that panics when it is asked for.
struct Bad;

impl http_body::Body for Bad {
    type Data = bytes::Bytes;
    type Error = crate::http::BodyError;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<bytes::Bytes>, Self::Error>>> {
        panic!("a defect")
    }
}

#[test]
fn a_panic_in_a_stage_is_a_500_in_the_records_and_the_worker_goes_on() {
    local(async {
        let gateway = with_echo(|builder| builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)])).await;
        let request = http::Request::post("/").header("host", "a").body(Body::boxed(Bad)).unwrap();
        let exchange = Exchange {
            connection: Rc::new(ConnectionInfo::new(gateway.address, gateway.address)),
            interim: Interim::default(),
            fate: Fate::default(),
        };
        let reply = Rc::clone(&gateway.pipeline).handle(request.into(), exchange).await;
        assert_eq!(reply.response.status(), 500);
        drop(reply);
        assert_eq!((gateway.metric(REQUESTS), gateway.flags("PN")), (1, 1));
        assert_eq!(gateway.metric("nantian_gateway_dataplane_panics_total{place=\"request\"}"), 1);
        assert_eq!(gateway.get("/").await.status, 200);
    });
}

/// An output that hands on what is written.
struct Output(Sender<Vec<u8>>);

impl std::io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.send(bytes.to_vec()).unwrap();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Rules `/a` and `/b` with a backend each, `/a` at two listeners.
fn two_rules(a: SocketAddr, b: SocketAddr) -> Builder {
    Builder::new()
        .listener("other", "other.example", ListenerProtocol::Http, 80)
        .backend("a", BackendProtocol::Http1, &[a])
        .backend("b", BackendProtocol::Http1, &[b])
        .rule(0, "/a", |rule| {
            rule.targets = vec![to("a", 1)];
            let hostnames = vec![HostnameMatch::parse("other.example").unwrap()];
            rule.attachments.push(Attachment { listener: listener_key("other"), hostnames });
        })
        .rule(1, "/b", |rule| rule.targets = vec![to("b", 1)])
}

/// What is the same for many requests is written once, and must not get into the lines of others.
#[test]
fn the_line_of_each_request_names_its_own_listener_rule_and_backend() {
    local(async {
        let (output, written) = channel();
        let log = AccessLog::start(AccessLogFormat::Json, Output(output)).unwrap().unwrap();
        let telemetry = Telemetry::new("test", 1);
        let recorder = telemetry.logging_recorder(0, &log);
        let (a, b) = (echo("a").await, echo("b").await);
        let http = HttpSettings { linger: LINGER, ..HttpSettings::default() };
        let (builder, settings) = (two_rules(a, b), Settings::default());
        let gateway = gateway_recorded_by(recorder.clone(), telemetry, builder, settings, http).await;
        let mut expected = Vec::new();
        for round in 0..3 {
            for (host, path, names) in [
                ("any.example", "/a", ["ns/gw/http", "HTTPRoute/ns/route", "0", "Service/ns/a:80"]),
                ("any.example", "/b", ["ns/gw/http", "HTTPRoute/ns/route", "1", "Service/ns/b:80"]),
                ("other.example", "/a", ["ns/gw/other", "HTTPRoute/ns/route", "0", "Service/ns/a:80"]),
                ("any.example", "/none", ["ns/gw/http", "", "", ""]),
            ] {
                gateway.send("GET", path, &[("host", host)], "").await;
                expected.push(names.map(str::to_owned));
            }
            if round == 1 {
                // Endpoints change places: rules and backends are made anew.
                let runtime = Runtime::build(two_rules(b, a).build(), Some(&gateway.worker.runtime()));
                gateway.worker.apply(Arc::new(runtime));
            }
        }
        while gateway.metric(REQUESTS) < 12 {
            tokio::task::yield_now().await;
        }
        recorder.flush();
        let lines = String::from_utf8(written.recv().unwrap()).unwrap();
        let named = lines.lines().map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            ["listener", "route", "rule", "backend"].map(|name| match &line[name] {
                serde_json::Value::Null => String::new(),
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            })
        });
        assert_eq!(named.collect::<Vec<_>>(), expected, "{lines}");
    });
}
