//! Plans for statuses that a compiler really gives.

use jiff::Timestamp;
use nantian_ir::ObjectRef;
use nantian_ir::compile::{Change, Compiler, JsonText, Object, Options, Status};
use serde_json::{Value, json};

use super::plan::{plan, release};
use crate::watch::ObservedStatus;

const OURS: &str = "nantian.dev/gateway-controller";
const THEN: &str = "2026-01-01T00:00:00Z";

fn now() -> Timestamp {
    "2026-02-02T02:02:02.5Z".parse().unwrap()
}

const NOW: &str = "2026-02-02T02:02:02Z";

fn objects() -> Vec<Value> {
    let api = "gateway.networking.k8s.io/v1";
    vec![
        json!({"apiVersion": api, "kind": "GatewayClass", "metadata": {"name": "c"}, "spec": {"controllerName": OURS}}),
        json!({
            "apiVersion": api, "kind": "Gateway", "metadata": {"name": "g", "namespace": "n", "generation": 3},
            "spec": {"gatewayClassName": "c", "listeners": [
                {"name": "a", "port": 80, "protocol": "HTTP"}, {"name": "b", "port": 81, "protocol": "HTTP"},
            ]},
        }),
        json!({
            "apiVersion": api, "kind": "HTTPRoute", "metadata": {"name": "r", "namespace": "n", "generation": 5},
            "spec": {"parentRefs": [{"name": "g"}], "rules": []},
        }),
    ]
}

/// The status that the compiler has for the object of this kind.
fn wanted(kind: &str) -> (ObjectRef, Status) {
    let mut compiler = Compiler::new(Options::default());
    compiler.apply(objects().into_iter().map(|object| Change::Insert(Object::new(object).unwrap())));
    let status = compiler.statuses().find(|status| status.object.kind == kind).unwrap();
    (status.object.clone(), status.status.clone())
}

fn observed(status: &Value) -> ObservedStatus {
    ObservedStatus { status: JsonText::of(status), uid: "u".into(), resource_version: "7".into(), version: "v1".into() }
}

/// What the API server holds once the plan for the kind was written.
fn written(kind: &str) -> (ObjectRef, Status, Value) {
    let (id, status) = wanted(kind);
    let object = plan(&id, Some(&status), &observed(&Value::Null), OURS, THEN.parse().unwrap()).unwrap();
    (id, status, object["status"].clone())
}

#[test]
fn a_status_that_is_there_is_not_written_again_whatever_its_order() {
    for kind in ["GatewayClass", "Gateway", "HTTPRoute"] {
        let (id, status, mut there) = written(kind);
        assert_eq!(plan(&id, Some(&status), &observed(&there), OURS, now()), None, "{kind}");
        for list in ["conditions", "listeners", "supportedFeatures"] {
            if let Some(list) = there.get_mut(list).and_then(Value::as_array_mut) {
                list.reverse();
            }
        }
        assert_eq!(plan(&id, Some(&status), &observed(&there), OURS, now()), None, "{kind}");
    }
}

#[test]
fn a_condition_keeps_its_time_until_its_status_changes() {
    let (id, status, mut there) = written("Gateway");
    assert_eq!(there["conditions"][0]["lastTransitionTime"], THEN);
    there["conditions"][0]["message"] = "said otherwise".into();
    there["conditions"][1]["status"] = "Unknown".into();
    let object = plan(&id, Some(&status), &observed(&there), OURS, now()).unwrap();
    let conditions = &object["status"]["conditions"];
    assert_eq!(conditions[0]["lastTransitionTime"], THEN);
    assert_eq!(conditions[1]["lastTransitionTime"], NOW);
    assert_eq!(object["status"]["listeners"][1]["conditions"][0]["lastTransitionTime"], THEN);
}

#[test]
fn entries_of_other_controllers_stay_as_and_where_they_are() {
    let (id, status, there) = written("HTTPRoute");
    let theirs = json!({"controllerName": "example.com/other", "parentRef": {"name": "g"}, "conditions": []});
    let ours = there["parents"][0].clone();
    let before = json!({"parents": [theirs, ours, theirs]});
    assert_eq!(plan(&id, Some(&status), &observed(&before), OURS, now()), None);

    let gone = plan(&id, None, &observed(&before), OURS, now()).unwrap();
    assert_eq!(gone["status"], json!({"parents": [theirs, theirs]}));
    assert_eq!(gone["metadata"]["resourceVersion"], "7", "or an entry of somebody else could be lost");

    let added = plan(&id, Some(&status), &observed(&json!({"parents": [theirs]})), OURS, now()).unwrap();
    assert_eq!(added["status"]["parents"][0], theirs);
    assert_eq!(added["status"]["parents"][1]["controllerName"], OURS);
}

#[test]
fn an_entry_of_ours_for_a_parent_that_the_route_left_goes() {
    let (id, status, there) = written("HTTPRoute");
    let mut left = there["parents"][0].clone();
    left["parentRef"]["name"] = "left".into();
    let before = json!({"parents": [left, there["parents"][0]]});
    let object = plan(&id, Some(&status), &observed(&before), OURS, now()).unwrap();
    assert_eq!(object["status"], there);
}

#[test]
fn a_route_that_was_never_ours_is_left_alone() {
    let (id, ..) = wanted("HTTPRoute");
    let theirs = json!({"parents": [{"controllerName": "example.com/other", "parentRef": {"name": "g"}}]});
    assert_eq!(plan(&id, None, &observed(&theirs), OURS, now()), None);
    assert_eq!(plan(&id, None, &observed(&Value::Null), OURS, now()), None);
}

#[test]
fn conditions_of_others_are_no_reason_to_write_and_left_over_ones_of_ours_are() {
    let (id, status, there) = written("Gateway");
    let with = |kind: &str| {
        let mut there = there.clone();
        there["conditions"].as_array_mut().unwrap().push(json!({"type": kind, "status": "True"}));
        plan(&id, Some(&status), &observed(&there), OURS, now())
    };
    assert_eq!(with("example.com/Healthy"), None);
    assert!(with("DefaultGateway").is_some());
}

#[test]
fn a_write_names_the_object_that_was_looked_at() {
    let (id, status) = wanted("Gateway");
    let object = plan(&id, Some(&status), &observed(&Value::Null), OURS, now()).unwrap();
    assert_eq!(object["metadata"], json!({"name": "g", "namespace": "n", "uid": "u"}));
    assert_eq!((&object["kind"], &object["apiVersion"]), (&"Gateway".into(), &"gateway.networking.k8s.io/v1".into()));
    assert_eq!(object["status"]["conditions"][0]["observedGeneration"], 3);
    assert_eq!(release(&id, &observed(&Value::Null))["status"], json!({}));
}
