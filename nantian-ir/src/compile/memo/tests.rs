//! That the compiler forgets what it needs no more, and computes again no more than it has to.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "tests panic when they fail")]

use serde_json::{Value, json};

use super::unit::CONTESTS;
use super::{Change, Compiler, Reader};
use crate::compile::{BindPorts, Object, Objects, Options};
use crate::key::ObjectRef;

fn object(value: Value) -> Object {
    Object::new(value).expect("an object")
}

fn gateway(namespace: &str) -> Object {
    object(json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "metadata": {"namespace": namespace, "name": "gw"},
        "spec": {"gatewayClassName": "nantian-gw", "listeners": [
            {"name": "web", "port": 80, "protocol": "HTTP", "hostname": format!("*.{namespace}.example.com")},
        ]},
    }))
}

fn route(namespace: &str, name: &str, path: &str) -> Object {
    object(json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"parentRefs": [{"name": "gw"}], "rules": [
            {"matches": [{"path": {"value": path}}], "backendRefs": [{"name": "app", "port": 80}]},
        ]},
    }))
}

fn service(namespace: &str, label: &str) -> Object {
    object(json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"namespace": namespace, "name": "app", "labels": {"label": label}},
        "spec": {"ports": [{"port": 80}]},
    }))
}

fn policy(namespace: &str) -> Object {
    object(json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "BackendTLSPolicy",
        "metadata": {"namespace": namespace, "name": "tls"},
        "spec": {"targetRefs": [{"group": "", "kind": "Service", "name": "app"}],
            "validation": {"hostname": "app.internal", "wellKnownCACertificates": "System"}},
    }))
}

/// Twenty routes in each of these namespaces.
fn cluster(namespaces: &[&str]) -> Objects {
    let of = |namespace: &&str| {
        let routes = (0..20).map(|number| route(namespace, &format!("r{number}"), "/"));
        [gateway(namespace), service(namespace, "a"), policy(namespace)].into_iter().chain(routes).collect::<Vec<_>>()
    };
    namespaces.iter().flat_map(of).collect()
}

fn compiler(namespaces: &[&str]) -> Compiler {
    let mut compiler = Compiler::new(Options::standalone());
    compiler.replace(cluster(namespaces));
    compiler
}

#[test]
fn a_change_of_a_route_computes_that_route_whatever_else_there_is() {
    for namespaces in [&["a", "b"][..], &["a", "b", "c", "d", "e"]] {
        let mut compiler = compiler(namespaces);
        let before = compiler.snapshot().clone();
        let changed = compiler.apply([Change::Insert(route("b", "r7", "/other"))]);
        // Objects of a name twice, the route's attachment, its rules.
        assert_eq!(changed.computed, 3, "with {} namespaces", namespaces.len());
        let same = |(key, rule)| changed.snapshot.rules.get(key).is_some_and(|now| std::sync::Arc::ptr_eq(now, rule));
        assert_eq!(before.rules.iter().filter(|pair| !same(*pair)).count(), 1);
        assert!(changed.statuses.is_empty(), "its status stays as it is");
    }
}

/// Both kinds may want the same hosts, which is looked into again only where a route wants others.
#[test]
fn a_change_of_a_route_leaves_those_of_the_other_kind_alone_while_it_wants_what_it_wanted() {
    let mut compiler = compiler(&["a", "b"]);
    let mut calls = route("b", "zz", "/").value();
    (calls["kind"], calls["spec"]["rules"][0]["matches"]) = (json!("GRPCRoute"), json!([]));
    let conflict = compiler.apply([Change::Insert(object(calls))]).new_diagnostics;
    assert_eq!(conflict.iter().map(|found| found.code.name()).collect::<Vec<_>>(), ["kind-conflict"]);
    let changed = compiler.apply([Change::Insert(route("b", "r7", "/other"))]);
    assert_eq!(changed.computed, 3, "objects of a name twice, the route's attachment, its rules");
    let others = (0..20).map(|number| Change::Remove(route("b", &format!("r{number}"), "/").id().clone()));
    assert_eq!(compiler.apply(others).resolved_diagnostics, conflict, "nobody has the hosts any more");
}

#[test]
fn of_a_route_that_goes_those_are_looked_at_that_share_hosts_with_it_and_no_others() {
    let wanting = |kind: &str, name: &str, hosts: &[&str]| {
        let mut value = route("a", name, "/").value();
        (value["kind"], value["spec"]["hostnames"]) = (json!(kind), json!(hosts));
        value["spec"]["rules"][0]["matches"] = json!([]);
        object(value)
    };
    let pairs = (0..20).flat_map(|number| {
        let host = format!("h{number}.a.example.com");
        let of = |kind, name: &str| wanting(kind, &format!("{name}{number}"), &[&host]);
        [of("HTTPRoute", "http"), of("GRPCRoute", "grpc")]
    });
    let between = wanting("HTTPRoute", "between", &["h7.a.example.com", "*.h8.a.example.com"]);
    let below = wanting("GRPCRoute", "below", &["x.h8.a.example.com"]);
    let mut compiler = Compiler::new(Options::standalone());
    compiler.replace(pairs.chain([gateway("a"), between, below]).collect());
    let gone = wanting("GRPCRoute", "grpc7", &[]).id().clone();
    let before = compiler.store.objects.remove(&gone);
    compiler.note(&gone, before.as_ref());
    compiler.settle_before(CONTESTS);
    let affected = Reader::new(&compiler.store, false).affected(&("a".into(), "gw".into())).expect("not all");
    let names: Vec<_> = affected.iter().map(|route| route.name.as_str()).collect();
    assert_eq!(names, ["between", "http7", "below", "grpc7"]);
    compiler.settle();
    let calls = (0..20).map(|number| wanting("GRPCRoute", &format!("grpc{number}"), &[]).id().clone());
    compiler.apply(calls.chain([wanting("GRPCRoute", "below", &[]).id().clone()]).map(Change::Remove));
    assert!(compiler.store.rivals.is_empty() && compiler.store.clashes.is_empty(), "there is one kind");
}

/// The backend is made again, and comes to what it was; the routes that send to it are lowered again, and so are they.
#[test]
fn a_change_that_comes_to_nothing_changes_no_resource() {
    let mut compiler = compiler(&["a", "b"]);
    let before = compiler.snapshot().clone();
    let changed = compiler.apply([Change::Insert(service("a", "another"))]);
    assert!(changed.computed > 20);
    assert!(std::sync::Arc::ptr_eq(&before, &changed.snapshot));
    assert!(changed.statuses.is_empty() && changed.new_diagnostics.is_empty());
}

#[test]
fn a_change_of_the_service_of_a_gateway_looks_at_sockets_and_what_differs_there_and_nothing_else() {
    let made = |namespace: &str, bind: u16, label: &str| {
        let labels = json!({
            "app.kubernetes.io/managed-by": "nantian-gw", "gateway.networking.k8s.io/gateway-name": "gw", "label": label,
        });
        Change::Insert(object(json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"namespace": namespace, "name": "gw-nantian-gw", "labels": labels},
            "spec": {"ports": [{"port": 80, "targetPort": bind}]},
        })))
    };
    let mut options = Options::standalone();
    options.bind_ports = BindPorts::Assigned;
    let mut compiler = Compiler::new(options);
    compiler.replace(cluster(&["a", "b", "c"]));
    let ports = |compiler: &Compiler| {
        let listeners = compiler.snapshot().listeners.values();
        listeners.map(|listener| (listener.public_port, listener.bind.port)).collect::<Vec<_>>()
    };
    let before = ports(&compiler);
    let recorded = compiler.apply([made("a", before[0].1, "")]);
    let computed = "objects of a name twice, the sockets, the Gateway as it is served, its report";
    assert_eq!((recorded.computed, ports(&compiler)), (4, before.clone()), "{computed}");
    let labelled = compiler.apply([made("a", before[0].1, "another")]);
    assert_eq!((labelled.computed, ports(&compiler)), (4, before.clone()));
    compiler.apply([made("b", 12_345, "")]);
    assert_eq!(ports(&compiler), [before[0], (80, 12_345), before[2]]);
    let rules = compiler.snapshot().rules.clone();
    compiler.apply([made("c", before[0].1, "a copy of a's")]);
    assert_eq!(ports(&compiler)[0], before[0], "the first by name of one age");
    assert_eq!(compiler.snapshot().rules, rules);
}

#[test]
fn an_object_that_is_put_in_again_as_it_is_computes_nothing_of_it() {
    let mut compiler = compiler(&["a", "b"]);
    assert_eq!(compiler.apply([Change::Insert(route("b", "r7", "/"))]).computed, 1, "objects of a name twice");
}

#[test]
fn what_objects_called_for_goes_with_them() {
    let mut compiler = Compiler::new(Options::standalone());
    let empty = compiler.graph.size();
    compiler.replace(cluster(&["a", "b"]));
    let ids: Vec<ObjectRef> = compiler.objects().iter().map(|object| object.id().clone()).collect();
    for id in ids {
        compiler.apply([Change::Remove(id)]);
    }
    assert_eq!(compiler.graph.size(), empty);
    let store = &compiler.store;
    assert!(store.gateways.is_empty() && store.served.is_empty() && store.attachments.is_empty());
    assert!(store.policies.is_empty() && store.service_policies.is_empty());
    assert!(compiler.results.is_empty());
}

/// Two units tell of it, one after the other, whichever comes first.
#[test]
fn a_listener_set_that_names_another_gateway_keeps_a_status() {
    let set = |gateway: &str| {
        let id = json!({"namespace": "a", "name": "set"});
        Change::Insert(object(json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "ListenerSet", "metadata": id,
            "spec": {"parentRef": {"namespace": gateway, "name": "gw"},
                "listeners": [{"name": "more", "port": 81, "protocol": "HTTP"}]},
        })))
    };
    let labelled = |namespace: &str, turn: usize| {
        let mut value = gateway(namespace).value();
        value["metadata"]["labels"] = json!({"turn": turn.to_string()});
        Change::Insert(object(value))
    };
    let mut compiler = compiler(&["a", "b", "c"]);
    for (turn, gateway) in ["a", "b", "c", "b", "a", "c", "a"].into_iter().enumerate() {
        // The Gateway that it names from now on changes first, then the one that it named.
        compiler.apply([labelled(gateway, turn), set(gateway)]);
        let told = compiler.statuses().filter(|status| status.object.kind == "ListenerSet").count();
        assert_eq!(told, 1, "of {gateway}");
    }
}

fn route_policy(request: &str) -> Object {
    object(json!({
        "apiVersion": "nantian.dev/v1alpha1", "kind": "RoutePolicy", "metadata": {"namespace": "a", "name": "limits"},
        "spec": {"targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "r7"}],
            "default": {"timeout": {"request": request}}},
    }))
}

#[test]
fn a_policy_changes_the_rules_of_its_targets_and_no_other() {
    let mut compiler = compiler(&["a", "b"]);
    let without = compiler.snapshot().clone();
    let before = compiler.apply([Change::Insert(route_policy("1s"))]).snapshot;
    let differing = |one: &crate::model::Snapshot, other: &crate::model::Snapshot| {
        one.rules.iter().filter(|(key, rule)| other.rules.get(key) != Some(rule)).count()
    };
    assert_eq!(differing(&without, &before), 1);
    let after = compiler.apply([Change::Insert(route_policy("2s"))]).snapshot;
    assert_eq!(differing(&before, &after), 1);
    let end = compiler.apply([Change::Remove(route_policy("2s").id().clone())]).snapshot;
    assert_eq!(end, without);
}
