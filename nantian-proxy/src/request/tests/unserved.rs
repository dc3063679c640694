//! A request that the configuration cannot serve waits for one that can.

use std::time::Duration;

use nantian_ir::{Filter, HeaderModifier, Refusal, RouteRule, Snapshot, Target, WeightedTarget};

use super::*;
use crate::http::{ConnectionInfo, Fate, Interim};
use crate::request::unserved::MAX_WAITING;

const FOREVER: Duration = Duration::from_secs(3_600);
const SOON: Duration = Duration::from_millis(5);

fn waiting(configuration_wait: Duration) -> Settings {
    Settings { configuration_wait, ..Settings::default() }
}

impl Gateway {
    /// A request that came in on no socket: what becomes of it is polled by the test.
    fn handle(&self, path: &str) -> impl Future<Output = Reply> + use<> {
        let request = http::Request::builder().uri(path).header("host", "gateway.example").method("POST");
        let request = request.body(Body::full("hello")).unwrap();
        let peer = "192.0.2.1:1".parse().unwrap();
        let connection = Rc::new(ConnectionInfo::new(peer, self.address));
        let exchange = Exchange { connection, interim: Interim::default(), fate: Fate::default() };
        Rc::clone(&self.pipeline).handle(request.into(), exchange)
    }

    fn follow(&self, builder: Builder) {
        let next = Runtime::build(builder.build(), Some(&self.worker.runtime()));
        self.worker.apply(Arc::new(next));
    }

    fn waits(&self, outcome: &str) -> u64 {
        self.metric(&format!("nantian_gateway_dataplane_http_configuration_waits_total{{outcome=\"{outcome}\"}}"))
    }
}

/// Polls it once.
async fn still_waits(handled: Pin<&mut impl Future<Output = Reply>>) -> bool {
    tokio::select! {
        biased;
        _ = handled => false,
        () = std::future::ready(()) => true,
    }
}

/// A target that is not there.
fn absent(weight: u32) -> WeightedTarget {
    WeightedTarget { weight, target: Target::Refused(Refusal::BackendNotFound), filters: Vec::new() }
}

/// One rule for everything, with these targets.
fn to_all(builder: Builder, targets: Vec<WeightedTarget>) -> Builder {
    builder.rule(0, "/", |rule| rule.targets = targets)
}

/// A rule with one target that marks its answers.
fn marked(target: WeightedTarget) -> impl FnOnce(&mut RouteRule) {
    let mark = nantian_ir::HeaderValue { name: nantian_ir::HeaderName::new("x-mark").unwrap(), value: "rule".into() };
    let modifier = HeaderModifier { set: vec![mark], ..HeaderModifier::default() };
    move |rule| {
        rule.targets = vec![target];
        rule.filters = vec![Filter::ResponseHeaderModifier(modifier)];
    }
}

#[test]
fn a_request_that_no_route_wants_is_served_by_the_route_that_comes() {
    local(async {
        let a = echo("a").await;
        let rules = |paths: &[&str]| {
            let builder = Builder::new().backend("a", BackendProtocol::Http1, &[a]);
            (0..).zip(paths).fold(builder, |builder, (number, path)| {
                builder.rule(number, path, |rule| rule.targets = vec![to("a", 1)])
            })
        };
        let gateway = gateway_with(rules(&["/there"]), waiting(FOREVER)).await;
        let mut late = pin!(gateway.handle("/late"));
        assert!(still_waits(late.as_mut()).await, "nothing wants it yet");
        gateway.follow(rules(&["/there", "/other"]));
        assert!(still_waits(late.as_mut()).await, "another configuration that does not want it");
        gateway.follow(rules(&["/there", "/other", "/late"]));
        let reply = late.await;
        assert_eq!(reply.response.status(), 200);
        let asked = text(reply.response.into_body()).await;
        let told = asked.lines().filter(|line| line.starts_with("x-forwarded-for: ")).collect::<Vec<_>>();
        assert_eq!(told, ["x-forwarded-for: 192.0.2.1"], "the backend is told of the client once: {asked}");
        assert!(asked.ends_with("body: hello\n"), "nobody took the body meanwhile: {asked}");
        let series = "nantian_gateway_dataplane_http_requests_total{";
        assert_eq!((gateway.metric(series), gateway.flags("NR"), gateway.waits("served")), (1, 0, 1));
    });
}

#[test]
fn a_request_to_a_host_without_a_listener_is_served_by_the_listener_that_comes() {
    local(async {
        let a = echo("a").await;
        let gateway = gateway_with(Builder(Snapshot::default()), waiting(FOREVER)).await;
        let mut late = pin!(gateway.handle("/"));
        assert!(still_waits(late.as_mut()).await);
        let builder = Builder::new().backend("a", BackendProtocol::Http1, &[a]);
        gateway.follow(to_all(builder, vec![to("a", 1)]));
        assert_eq!(late.await.response.status(), 200);
    });
}

#[test]
fn a_request_whose_backend_or_endpoints_are_missing_is_served_once_they_are_there() {
    local(async {
        let a = echo("a").await;
        let endpoints = |endpoints: &[SocketAddr]| Builder::new().backend("a", BackendProtocol::Http1, endpoints);
        let served = || to_all(endpoints(&[a]), vec![to("a", 1)]);
        for (what, missing) in [
            ("the backend", to_all(Builder::new(), vec![absent(1)])),
            ("its endpoints", to_all(endpoints(&[]), vec![to("a", 1)])),
            ("all targets", to_all(endpoints(&[a]), Vec::new())),
        ] {
            let gateway = gateway_with(missing.clone(), waiting(FOREVER)).await;
            let mut early = pin!(gateway.handle("/"));
            assert!(still_waits(early.as_mut()).await, "without {what}");
            gateway.follow(missing.rule(1, "/other", |rule| rule.targets = vec![absent(1)]));
            assert!(still_waits(early.as_mut()).await, "still without {what}");
            gateway.follow(served());
            let reply = early.await;
            assert_eq!(reply.response.status(), 200, "{what}");
            assert!(text(reply.response.into_body()).await.ends_with("body: hello\n"));
            assert_eq!((gateway.flags("NC"), gateway.flags("UH"), gateway.waits("served")), (0, 0, 1));
        }
    });
}

#[test]
fn a_request_that_nothing_can_serve_in_time_is_answered_as_if_it_had_not_waited() {
    local(async {
        let no_endpoint = Builder::new().backend("a", BackendProtocol::Http1, &[]);
        for (builder, status, flag, mark) in [
            (Builder::new(), 404, "NR", None),
            (Builder::new().rule(0, "/", marked(absent(1))), 500, "NC", Some("rule")),
            (no_endpoint.rule(0, "/", marked(to("a", 1))), 503, "UH", Some("rule")),
        ] {
            let gateway = gateway_with(builder, waiting(SOON)).await;
            let reply = gateway.handle("/").await;
            assert_eq!(reply.response.status(), status);
            assert_eq!(reply.response.headers().get("x-mark").map(|mark| mark.to_str().unwrap()), mark);
            drop(reply);
            assert_eq!((gateway.flags(flag), gateway.waits("unserved")), (1, 1), "{flag}");
        }
    });
}

#[test]
fn a_request_waits_no_longer_than_its_rule_lets_it_take() {
    local(async {
        let builder = Builder::new().rule(0, "/", |rule| {
            rule.targets = vec![absent(1)];
            rule.timeouts.request = Some(SOON);
        });
        let gateway = gateway_with(builder, waiting(FOREVER)).await;
        assert_eq!(gateway.handle("/").await.response.status(), 500);
    });
}

/// `HTTPRouteRule.backendRefs`: of requests to a rule with an invalid reference, its share "MUST receive a 500".
#[test]
fn a_share_that_is_refused_stays_as_large_whatever_else_changes_while_its_requests_wait() {
    local(async {
        let [a, b] = [echo("a").await, echo("b").await];
        let builder = || {
            let builder = Builder::new().backend("a", BackendProtocol::Http1, &[a]);
            builder.backend("b", BackendProtocol::Http1, &[b])
        };
        let gateway = gateway_with(to_all(builder(), vec![to("a", 1), absent(1)]), waiting(FOREVER)).await;
        let mut requests: Vec<_> = (0..10).map(|_| Box::pin(gateway.handle("/"))).collect();
        for other in ["/1", "/2", "/3"] {
            for request in &mut requests {
                assert!(still_waits(request.as_mut()).await, "for its backend, or for a configuration");
            }
            let next = to_all(builder(), vec![to("a", 1), absent(1)]);
            gateway.follow(next.rule(1, other, |rule| rule.targets = vec![to("a", 1)]));
        }
        gateway.follow(to_all(builder(), vec![to("a", 1), to("b", 1)]));
        let mut answered = Vec::new();
        for request in requests {
            let backend = request.await.response.headers()["x-backend"].to_str().unwrap().to_owned();
            answered.push(backend);
        }
        assert_eq!(answered.iter().filter(|backend| *backend == "b").count(), 5, "{answered:?}");
    });
}

#[test]
fn so_many_wait_and_no_more_and_a_client_that_is_gone_leaves_its_place() {
    local(async {
        let gateway = gateway_with(Builder::new(), waiting(FOREVER)).await;
        let mut requests: Vec<_> = (0..MAX_WAITING).map(|_| Box::pin(gateway.handle("/"))).collect();
        for request in &mut requests {
            assert!(still_waits(request.as_mut()).await);
        }
        let mut further = pin!(gateway.handle("/"));
        assert!(!still_waits(further.as_mut()).await, "all places are taken");
        assert_eq!(gateway.waits("refused"), 1);
        requests.pop();
        let mut next = pin!(gateway.handle("/"));
        assert!(still_waits(next.as_mut()).await);
    });
}

#[test]
fn without_the_setting_nothing_waits() {
    local(async {
        let gateway = gateway(to_all(Builder::new(), vec![absent(1)])).await;
        let mut lost = pin!(gateway.handle("/lost"));
        assert!(!still_waits(lost.as_mut()).await);
    });
}
