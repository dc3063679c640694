//! A route that is attached to our Gateway and to another controller's: each writes its own entry of the status, and leaves
//! that of the other as it is.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Live;
use crate::seen::until;

const OURS: &str = "nantian.dev/gateway-controller";
const THEIRS: &str = "example.com/other";

const OBJECTS: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: theirs}
spec: {controllerName: example.com/other}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: theirs, namespace: kube-public}
spec:
  gatewayClassName: theirs
  listeners: [{name: http, protocol: HTTP, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: both, namespace: kube-public}
spec:
  parentRefs: [{name: web}, {name: theirs}]
  hostnames: [both.example.com]
  rules:
  - filters: [{type: RequestRedirect, requestRedirect: {hostname: example.com}}]
";

/// How often both controllers have something to write at once.
const ROUNDS: u64 = 10;
/// For how long nobody writes where nobody has a reason to.
const STILL: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(30);

/// There must be a Gateway of ours, `kube-public/web`.
pub(crate) fn leave_each_other_alone(live: &Live) {
    live.apply(OBJECTS);
    until("our entry is there", LIMIT, || entries(&route(live)).contains_key(OURS));
    for round in 1..=ROUNDS {
        let other = std::thread::scope(|scope| {
            let other = scope.spawn(|| write_theirs(live, round));
            let hostnames = json!({"spec": {"hostnames": [format!("both-{round}.example.com")]}}).to_string();
            live.kubectl(["-n", "kube-public", "patch", "httproute", "both", "--type=merge", "--patch", &hostnames]);
            other.join()
        });
        other.unwrap();
        until("both entries are the newest", LIMIT, || {
            entries(&route(live)) == BTreeMap::from([(OURS.to_owned(), round + 1), (THEIRS.to_owned(), round)])
        });
    }
    let (before, began) = (route(live), Instant::now());
    while began.elapsed() < STILL {
        assert_eq!(route(live), before, "nobody has a reason to write");
    }
    live.kubectl(["-n", "kube-public", "delete", "httproute/both", "gateway/theirs"]);
    live.kubectl(["delete", "gatewayclass/theirs"]);
}

fn route(live: &Live) -> Value {
    let printed = live.kubectl(["-n", "kube-public", "get", "httproute", "both", "--output", "json"]);
    serde_json::from_str(&printed).unwrap()
}

/// What each controller says that it has observed.
fn entries(route: &Value) -> BTreeMap<String, u64> {
    let parents = route["status"]["parents"].as_array().cloned().unwrap_or_default();
    let entry = |parent: &Value| {
        let controller = parent["controllerName"].as_str().unwrap().to_owned();
        (controller, parent["conditions"][0]["observedGeneration"].as_u64().unwrap())
    };
    parents.iter().map(entry).collect()
}

/// Writes as most controllers do: the whole status, of the version that was read; again where that is not the newest.
fn write_theirs(live: &Live, observed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("route.json");
    until("the other controller has written", LIMIT, || {
        let mut route = route(live);
        let parents = route["status"]["parents"].as_array().cloned().unwrap_or_default();
        let mut parents: Vec<Value> = parents.into_iter().filter(|parent| parent["controllerName"] != THEIRS).collect();
        parents.push(json!({
            "parentRef": {"name": "theirs"}, "controllerName": THEIRS,
            "conditions": [{
                "type": "Accepted", "status": "True", "reason": "Accepted", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": observed,
            }],
        }));
        route["status"] = json!({"parents": parents});
        std::fs::write(&file, route.to_string()).unwrap();
        let mut kubectl = live.cluster().kubectl();
        kubectl.args(["replace", "--subresource=status", "--filename"]).arg(&file).output().unwrap().status.success()
    });
}
