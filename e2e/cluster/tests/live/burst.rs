//! A thousand changes at once.

use std::time::{Duration, Instant};

use crate::refused::admin;
use crate::seen::until;
use crate::{Live, said};

/// Far more than it takes.
const LIMIT: Duration = Duration::from_secs(120);
/// Ten changes within 100 ms begin a burst.
const SINGLE: usize = 100;
/// As many as one `kubectl` sends without waiting.
const OF_EACH: usize = 250;
const CLIENTS: usize = 4;
const ALL: usize = CLIENTS * OF_EACH;

/// Several clients create a thousand routes beside those that are there, and delete them: what comes so fast that nobody can
/// wait for the one before is compiled together.
pub(crate) fn of_deletions_costs_few_compilations(live: &Live) {
    let there = || admin(live, "/v1/summary")["httpRouteCount"].as_u64().and_then(|count| usize::try_from(count).ok());
    let before = there().unwrap();
    by_all(|client| {
        let routes = (0..OF_EACH).map(|number| route(client, number));
        live.apply(&routes.collect::<String>());
    });
    until("all routes are there", LIMIT, || there() == Some(before + ALL));
    let (built, published) = counted(live);
    let began = Instant::now();
    by_all(|client| {
        const ROUTES: &str = "/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes";
        live.kubectl(["delete", "--raw", &format!("{ROUTES}?labelSelector=client%3D{client}")]);
    });
    let deleted = began.elapsed();
    until("they are gone", LIMIT, || there() == Some(before));
    let gone = began.elapsed();
    until("the data plane has heard of it", LIMIT, || admin(live, "/v1/snapshot-sync")["currentNodeCount"] == 1);
    let (built, published) = (counted(live).0 - built, counted(live).1 - published);
    println!(
        "{ALL} routes, deleted within {deleted:?}, gone after {gone:?}: {built} compilations, {published} publications"
    );
    // What comes more slowly is no burst, and single changes are compiled one by one.
    let most = SINGLE + SINGLE * usize::try_from(deleted.as_secs()).unwrap();
    assert!(built <= most && published <= built, "{built} compilations, {published} publications within {deleted:?}");
}

fn by_all(work: impl Fn(usize) + Sync) {
    std::thread::scope(|scope| {
        let work = &work;
        (0..CLIENTS).for_each(|client| drop(scope.spawn(move || work(client))));
    });
}

/// How many snapshots were compiled, and how many published.
fn counted(live: &Live) -> (usize, usize) {
    let metrics = said(live.cluster().command("curl").args(["--silent", "--fail", "http://127.0.0.1:18082/metrics"]));
    let count = |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap();
    (count("nantian_gateway_snapshot_builds_total "), count("nantian_gateway_snapshot_published_total "))
}

fn route(client: usize, number: usize) -> String {
    format!(
        "---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: burst-{client}-{number}, namespace: default, labels: {{client: '{client}'}}}}
spec:
  parentRefs: [{{name: web}}]
  hostnames: [burst-{client}-{number}.example.com]
  rules: [{{filters: [{{type: RequestRedirect, requestRedirect: {{hostname: example.com}}}}]}}]
"
    )
}
