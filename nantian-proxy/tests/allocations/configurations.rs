//! What a data plane holds for each route beside the snapshot.

use std::sync::Arc;

use nantian_ir::Snapshot;
use nantian_ir::compile::{Object, Objects, Options, compile};
use nantian_proxy::runtime::Runtime;
use serde_json::{Value, json};

const ROUTES: i64 = 1_000;

/// Bytes for a route, as they were asked for. A change that needs more says why here; one that needs less lowers the number.
/// The rest is room for chance: hash tables are seeded anew each time.
const MOST: i64 = 1_250;

#[test]
fn a_route_holds_no_more_than_it_did() {
    let snapshot = snapshot();
    let mut runtime = None;
    let held = allocation_counter::measure(|| runtime = Some(Runtime::build(snapshot, None))).bytes_current;
    let of_route = held / ROUTES;
    println!("{of_route} bytes for each route");
    assert!(runtime.is_some_and(|runtime| runtime.refused().is_empty()));
    assert!(of_route <= MOST, "{of_route} bytes for each route");
}

/// Routes of a Gateway that have a host and a filter each, and a backend that all share.
fn snapshot() -> Arc<Snapshot> {
    let api = "gateway.networking.k8s.io/v1";
    let gateway = json!({
        "apiVersion": api, "kind": "Gateway", "metadata": {"name": "web"},
        "spec": {"gatewayClassName": "nantian-gw", "listeners": [{"name": "http", "protocol": "HTTP", "port": 80}]},
    });
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "app"}, "spec": {"ports": [{"port": 80}]},
    });
    let route = |number: i64| {
        let header = json!({"name": "x-version", "value": "1"});
        json!({
            "apiVersion": api, "kind": "HTTPRoute", "metadata": {"name": format!("route-{number}")},
            "spec": {
                "parentRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "web"}],
                "hostnames": [format!("route-{number}.example.com")],
                "rules": [{
                    "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                    "filters": [{"type": "ResponseHeaderModifier", "responseHeaderModifier": {"set": [header]}}],
                    "backendRefs": [{"group": "", "kind": "Service", "name": "app", "port": 80, "weight": 1}],
                }],
            },
        })
    };
    let objects = [gateway, service].into_iter().chain((0..ROUTES).map(route));
    let objects: Objects = objects.map(|object: Value| Object::new(object).unwrap()).collect();
    let snapshot = compile(&objects, &Options::standalone()).snapshot;
    assert_eq!(i64::try_from(snapshot.rules.len()), Ok(ROUTES));
    snapshot
}
