//! Changes under load: no request may notice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::backend::Backend;
use crate::certificate::Certificate;
use crate::curl::curl_or_error;
use crate::gateway::{Gateway, eventually};
use crate::h2load::{Load, h2load};
use crate::manifest::{self, Listener};
use crate::{port, raw};

const ROUNDS: usize = 200;

/// What round `round` of the test serves.
struct Round<'a> {
    number: usize,
    plain: u16,
    tls: u16,
    /// Served in odd rounds only.
    sometimes: u16,
    backends: &'a [Backend; 2],
    certificate: &'a Certificate,
}

impl Round<'_> {
    fn yaml(&self) -> String {
        let &Round { number, plain, tls, sometimes, backends, certificate } = self;
        let mut listeners = vec![Listener::http("web", plain), Listener::https("tls", tls, "localhost", "certificate")];
        if number % 2 == 1 {
            listeners.push(Listener::http("sometimes", sometimes));
        }
        let (first, second) = (number * 7 % 11, 1 + number % 5);
        [
            manifest::gateway(&listeners),
            manifest::secret("certificate", certificate),
            manifest::service("a", backends[0].port, None),
            manifest::service("b", backends[1].port, (number % 3 == 0).then_some("kubernetes.io/h2c")),
            manifest::http_route(
                "weighted",
                &[],
                &format!("[{{backendRefs: [{{name: a, port: 80, weight: {first}}}, {{name: b, port: 80, weight: {second}}}]}}]"),
            ),
            manifest::http_route(
                "marker",
                &[],
                &format!(
                    "
  - matches: [{{path: {{type: Exact, value: /round/{number}}}}}]
    backendRefs: [{{name: a, port: 80}}]
  - matches: [{{path: {{type: PathPrefix, value: /round}}}}]
    filters: [{{type: RequestRedirect, requestRedirect: {{statusCode: 302}}}}]"
                ),
            ),
        ]
        .concat()
    }

    /// Waits until all of this round is served, and returns how long the route took.
    fn wait(&self, trusted: &str) -> Duration {
        let began = Instant::now();
        let path = format!("/round/{}", self.number);
        eventually("the new route is served", || {
            raw::get(self.plain, "localhost", &path).filter(|answer| answer.status == 200)
        });
        let took = began.elapsed();
        eventually("the listener comes and goes", || {
            (raw::connect(self.sometimes).is_ok() == (self.number % 2 == 1)).then_some(())
        });
        let url = format!("https://localhost:{}/", self.tls);
        eventually("the new certificate is served", || curl_or_error(&["--cacert", trusted, &url]).ok());
        took
    }
}

/// Runs h2load again and again until `done`; each run is bounded, and so is their number.
fn load_until(done: &AtomicBool, arguments: &[&str]) -> (u64, Vec<Load>) {
    let (mut requests, mut unclean) = (0, Vec::new());
    for _ in 0..2_000 {
        if done.load(Ordering::Relaxed) {
            break;
        }
        let load = h2load(1_000, arguments);
        requests += load.total;
        if !load.is_clean() {
            unclean.push(load);
        }
    }
    (requests, unclean)
}

#[test]
fn no_request_fails_while_routes_weights_certificates_and_listeners_change_200_times() {
    let backends = [Backend::start("a"), Backend::start("b")];
    let (plain, tls, sometimes) = (port::free(), port::free(), port::free());
    let folder = tempfile::tempdir().unwrap();
    let mut certificate = Certificate::for_names(&["localhost"]);
    let round = Round { number: 0, plain, tls, sometimes, backends: &backends, certificate: &certificate };
    let gateway = Gateway::start(&round.yaml());
    let trusted = certificate.save(folder.path(), "trusted").display().to_string();
    round.wait(&trusted);

    let done = AtomicBool::new(false);
    let http = format!("http://127.0.0.1:{plain}/");
    let https = format!("https://localhost:{tls}/");
    let to_tls = format!("--connect-to=127.0.0.1:{tls}");
    let mut times = Vec::new();
    let loads = thread::scope(|scope| {
        // Clears the flag also when a round panics, so that the load ends.
        let guard = Done(&done);
        let loads = [
            scope.spawn(|| load_until(&done, &["--h1", "-c", "4", &http])),
            scope.spawn(|| load_until(&done, &["-c", "2", "-m", "4", &http])),
            scope.spawn(|| load_until(&done, &[&to_tls, "-c", "2", "-m", "4", &https])),
        ];
        for number in 1..=ROUNDS {
            if number % 4 == 0 {
                certificate = Certificate::for_names(&["localhost"]);
                certificate.save(folder.path(), "trusted");
            }
            let round = Round { number, plain, tls, sometimes, backends: &backends, certificate: &certificate };
            gateway.write("gateway.yaml", &round.yaml());
            times.push(round.wait(&trusted));
        }
        drop(guard);
        loads.map(|load| load.join().unwrap())
    });
    times.sort_unstable();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    let requests: u64 = loads.iter().map(|(requests, _)| requests).sum();
    println!("{ROUNDS} changes under {requests} requests; live after {median:?} (median), {worst:?} (worst)");
    for (requests, unclean) in loads {
        assert!(requests > 0, "a load did not run");
        assert!(unclean.is_empty(), "requests failed: {unclean:?}");
    }
}

struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
