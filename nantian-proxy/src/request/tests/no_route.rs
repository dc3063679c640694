//! A request that no route wants waits for one.

use std::time::Duration;

use nantian_ir::Snapshot;

use super::*;
use crate::http::{ConnectionInfo, Fate, Interim};

const FOREVER: Duration = Duration::from_secs(3_600);

fn waiting(no_route_wait: Duration) -> Settings {
    Settings { no_route_wait, ..Settings::default() }
}

impl Gateway {
    /// A request that came in on no socket: what becomes of it is polled by the test.
    fn handle(&self, path: &str) -> impl Future<Output = Reply> {
        let request = Request::builder().uri(path).header("host", "gateway.example").body(Body::empty()).unwrap();
        let peer = "192.0.2.1:1".parse().unwrap();
        let connection = Rc::new(ConnectionInfo::new(peer, self.address));
        let exchange = Exchange { connection, interim: Interim::default(), fate: Fate::default() };
        Rc::clone(&self.pipeline).handle(request, exchange)
    }

    fn follow(&self, builder: Builder) {
        let next = Runtime::build(builder.build(), Some(&self.worker.runtime()));
        self.worker.apply(Arc::new(next));
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
        let series = "nantian_gateway_dataplane_http_requests_total{";
        assert_eq!((gateway.metric(series), gateway.flags("NR")), (1, 0));
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
        gateway.follow(builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)]));
        assert_eq!(late.await.response.status(), 200);
    });
}

#[test]
fn a_request_that_nothing_wants_in_time_is_answered_with_404() {
    local(async {
        let gateway = gateway_with(Builder::new(), waiting(Duration::from_millis(5))).await;
        let mut lost = pin!(gateway.handle("/lost"));
        assert!(still_waits(lost.as_mut()).await);
        assert_eq!(lost.await.response.status(), 404);
        assert_eq!(gateway.flags("NR"), 1);
    });
}

#[test]
fn without_the_setting_nothing_waits() {
    local(async {
        let gateway = gateway(Builder::new()).await;
        let mut lost = pin!(gateway.handle("/lost"));
        assert!(!still_waits(lost.as_mut()).await);
    });
}
