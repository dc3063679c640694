//! What admission would keep out: objects may also come from a cluster with other CRDs, so the compiler judges them too.

use serde_json::{Value, json};

use super::{Compiled, Condition, ConditionStatus, Object, Options, Status, compile};
use crate::model::{Filter, Target};

fn compiled(objects: &[Value]) -> Compiled {
    let objects = objects.iter().map(|value| Object::new(value.clone()).expect("an object"));
    compile(&objects.collect(), &Options::standalone())
}

fn gateway(listeners: &Value) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "gw"},
        "spec": {"gatewayClassName": "nantian-gw", "listeners": listeners},
    })
}

fn http() -> Value {
    gateway(&json!([{"name": "http", "port": 80, "protocol": "HTTP"}]))
}

fn route(rules: &Value) -> Value {
    json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "r", "generation": 7},
        "spec": {"parentRefs": [{"name": "gw"}], "rules": rules},
    })
}

fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "app"},
        "spec": {"ports": [{"port": 80}, {"port": 53, "name": "dns", "protocol": "UDP"}]},
    })
}

fn with(filter: &Value) -> Value {
    json!([{"filters": [filter], "backendRefs": [{"name": "app", "port": 80}]}])
}

fn of<'c>(conditions: &'c [Condition], kind: &str) -> &'c Condition {
    conditions.iter().find(|condition| condition.kind == kind).expect(kind)
}

/// Conditions of the route's first parent.
fn route_conditions(compiled: &Compiled) -> &[Condition] {
    let routes = compiled.statuses.iter().filter_map(|status| match &status.status {
        Status::Route(route) => Some(route),
        _ => None,
    });
    &routes.collect::<Vec<_>>()[0].parents[0].conditions
}

fn accepted(rules: &Value) -> (ConditionStatus, &'static str) {
    let compiled = compiled(&[http(), route(rules), service()]);
    let condition = of(route_conditions(&compiled), "Accepted");
    (condition.status, condition.reason)
}

/// Gateway API, `GatewaySpec.listeners`: "ALL indistinct Listeners must not be accepted for processing."
#[test]
fn listeners_with_the_same_port_and_hostname_all_lose() {
    let listener = |name: &str| json!({"name": name, "port": 80, "protocol": "HTTP", "hostname": "a.example.com"});
    let other = json!({"name": "c", "port": 80, "protocol": "HTTP"});
    let compiled = compiled(&[gateway(&json!([listener("a"), listener("b"), other]))]);
    let Status::Gateway(status) = &compiled.statuses[0].status else { panic!("a Gateway") };
    for listener in &status.listeners[..2] {
        for kind in ["Accepted", "Programmed"] {
            let condition = of(&listener.conditions, kind);
            assert_eq!((condition.status, condition.reason), (ConditionStatus::False, "HostnameConflict"));
        }
        assert_eq!(of(&listener.conditions, "Conflicted").status, ConditionStatus::True);
    }
    assert_eq!(of(&status.conditions, "Accepted").reason, "ListenersNotValid");
    assert_eq!(compiled.snapshot.listeners.len(), 1);
}

/// Gateway API, `HTTPRouteFilter.type`: "Unknown values here must result in the implementation setting the Accepted
/// Condition for the Route to `status: False`, with a Reason of `UnsupportedValue`."
#[test]
fn a_filter_of_an_unknown_type_is_an_unsupported_value_and_answers_500() {
    let objects = [http(), route(&with(&json!({"type": "Later"}))), service()];
    let compiled = compiled(&objects);
    assert_eq!(of(route_conditions(&compiled), "Accepted").reason, "UnsupportedValue");
    let rule = compiled.snapshot.rules.values().next().expect("a rule that answers");
    assert!(matches!(rule.targets[0].target, Target::Refused(_)));
}

#[test]
fn values_that_cannot_be_used_are_unsupported() {
    let path = |path: Value| json!([{"matches": [{"path": path}]}]);
    for rules in [
        path(json!({"type": "Exact", "value": "no-slash"})),
        path(json!({"type": "Glob", "value": "/*"})),
        path(json!({"type": "RegularExpression", "value": "/\\pL{1000}\\pL{1000}"})),
        json!([{"matches": [{"headers": [{"name": "bad name", "value": "x"}]}]}]),
        json!([{"matches": [{"headers": [{"name": "a", "value": "x", "type": "Glob"}]}]}]),
        json!([{"matches": [{"queryParams": [{"name": "a", "value": "(", "type": "RegularExpression"}]}]}]),
        json!([{"matches": [{"method": "G ET"}]}]),
        json!([{"timeouts": {"request": "1.5s"}}]),
        json!([{"timeouts": {"request": "1s", "backendRequest": "2s"}}]),
        json!([{"retry": {"codes": [200]}}]),
        json!([{"retry": {"backoff": "soon"}}]),
        with(&json!({"type": "URLRewrite"})),
        with(
            &json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "a", "value": "x\ny"}]}}),
        ),
        with(&json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["a b"]}})),
        with(&json!({"type": "URLRewrite", "urlRewrite": {"hostname": "UPPER_case"}})),
        with(&json!({"type": "URLRewrite", "urlRewrite": {"path": {"type": "Later"}}})),
        with(
            &json!({"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplaceFullPath", "replaceFullPath": "/a b"}}}),
        ),
        with(&json!({"type": "CORS", "cors": {"allowOrigins": ["example.com"]}})),
        with(&json!({"type": "CORS", "cors": {"allowMethods": ["GET POST"]}})),
        with(
            &json!({"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "app", "port": 80}, "percent": 101}}),
        ),
        with(&json!({"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "app", "port": 80},
            "fraction": {"numerator": 2, "denominator": 1}}})),
        with(&json!({"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "app", "port": 80},
            "fraction": {"numerator": 0, "denominator": 0}}})),
        json!([{"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "ftp"}}]}]),
        json!([{"filters": [{"type": "RequestRedirect", "requestRedirect": {"statusCode": 304}}]}]),
    ] {
        assert_eq!(accepted(&rules), (ConditionStatus::False, "UnsupportedValue"), "{rules}");
    }
}

/// Gateway API, `HTTPRouteRule.filters`: "All filters are expected to be compatible with each other except for the
/// `URLRewrite` and `RequestRedirect` filters, which may not be combined."
#[test]
fn filters_that_exclude_each_other_are_incompatible() {
    let redirect = json!({"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}});
    let rewrite = json!({"type": "URLRewrite", "urlRewrite": {"hostname": "a.com"}});
    let prefix = json!({"type": "URLRewrite", "urlRewrite": {"path":
        {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}});
    for rules in [
        json!([{"filters": [redirect, rewrite]}]),
        json!([{"filters": [rewrite, redirect]}]),
        json!([{"filters": [rewrite, rewrite]}]),
        json!([{"filters": [rewrite], "backendRefs": [{"name": "app", "port": 80, "filters": [redirect]}]}]),
        json!([{"filters": [redirect], "backendRefs": [{"name": "app", "port": 80}]}]),
        json!([{"matches": [{"path": {"type": "Exact", "value": "/a"}}], "filters": [prefix]}]),
    ] {
        assert_eq!(accepted(&rules), (ConditionStatus::False, "IncompatibleFilters"), "{rules}");
    }
}

#[test]
fn every_condition_has_the_generation_that_was_looked_at() {
    let compiled = compiled(&[http(), route(&json!([{"backendRefs": [{"name": "none", "port": 80}]}])), service()]);
    assert!(route_conditions(&compiled).iter().all(|condition| condition.observed_generation == Some(7)));
}

#[test]
fn a_udp_port_and_a_missing_port_are_not_backends() {
    let resolved = |reference: Value| {
        let compiled = compiled(&[http(), route(&json!([{"backendRefs": [reference]}])), service()]);
        of(route_conditions(&compiled), "ResolvedRefs").reason
    };
    assert_eq!(resolved(json!({"name": "app", "port": 53})), "UnsupportedProtocol");
    assert_eq!(resolved(json!({"name": "app"})), "UnsupportedValue");
    assert_eq!(resolved(json!({"name": "app", "port": 80, "kind": "Pod"})), "InvalidKind");
}

/// GEP-1911: the Service says what its port speaks, `grpc` too, whatever the kind of the route.
#[test]
fn http_routes_reach_grpc_ports_over_http_2() {
    let mut service = service();
    service["spec"]["ports"][0]["appProtocol"] = json!("grpc");
    let compiled = compiled(&[http(), route(&json!([{"backendRefs": [{"name": "app", "port": 80}]}])), service]);
    let protocols: Vec<_> = compiled.snapshot.backends.keys().map(|key| key.protocol).collect();
    assert_eq!(protocols, [crate::model::BackendProtocol::H2c]);
}

/// Gateway API, `ListenerTLSConfig.mode` and the rules of `GatewaySpec.listeners`.
#[test]
fn tls_that_does_not_go_with_the_protocol_is_refused() {
    let tls = |mode: &str| json!({"mode": mode, "certificateRefs": [{"name": "c"}]});
    for listener in [
        json!({"name": "l", "port": 80, "protocol": "HTTP", "tls": tls("Terminate")}),
        json!({"name": "l", "port": 443, "protocol": "HTTPS", "tls": tls("Passthrough")}),
        json!({"name": "l", "port": 443, "protocol": "TCP", "tls": tls("Terminate")}),
        json!({"name": "l", "port": 443, "protocol": "UDP", "tls": tls("Passthrough")}),
        json!({"name": "l", "port": 443, "protocol": "TLS", "tls": tls("Later")}),
        json!({"name": "l", "port": 443, "protocol": "TLS"}),
    ] {
        let compiled = compiled(&[gateway(&json!([listener]))]);
        let Status::Gateway(status) = &compiled.statuses[0].status else { panic!("a Gateway") };
        assert_eq!(of(&status.listeners[0].conditions, "Accepted").reason, "UnsupportedValue");
        assert_eq!(of(&status.conditions, "Accepted").status, ConditionStatus::False);
    }
}

#[test]
fn a_kept_mirror_stays_when_another_cannot_be_resolved() {
    let mirror =
        |name: &str| json!({"type": "RequestMirror", "requestMirror": {"backendRef": {"name": name, "port": 80}}});
    let rules = json!([{"filters": [mirror("app"), mirror("none")], "backendRefs": [{"name": "app", "port": 80}]}]);
    let compiled = compiled(&[http(), route(&rules), service()]);
    let rule = compiled.snapshot.rules.values().next().expect("a rule");
    assert!(matches!(rule.filters.as_slice(), [Filter::RequestMirror(_)]));
    assert_eq!(of(route_conditions(&compiled), "ResolvedRefs").reason, "BackendNotFound");
    assert_eq!(of(route_conditions(&compiled), "Accepted").status, ConditionStatus::True);
}

#[test]
fn an_object_that_does_not_fit_its_kind_is_left_out_and_reported() {
    let broken = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "broken"},
        "spec": {"rules": "none"},
    });
    let compiled = compiled(&[http(), broken]);
    assert_eq!(compiled.diagnostics[0].code.name(), "invalid-object");
    assert_eq!(compiled.snapshot.listeners.len(), 1);
}

#[test]
fn debug_output_shows_no_secret() {
    let secret =
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": "TOPSECRET"}});
    let object = Object::new(secret).expect("an object");
    let objects: super::Objects = std::iter::once(object).collect();
    let text = format!("{objects:?}");
    assert!(text.contains("Secret") && !text.contains("TOPSECRET"));
}

/// Objects of one name: the first place wins, whatever was read first.
#[test]
fn of_two_objects_with_one_name_the_first_place_stays() {
    let object = |file: &str, port: u16| {
        let text =
            format!("apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\nspec: {{ports: [{{port: {port}}}]}}\n");
        super::yaml::parse(file, &text).objects.remove(0)
    };
    let mut store: super::Objects =
        [object("b.yaml", 2), object("a.yaml", 1), object("c.yaml", 3)].into_iter().collect();
    let id = object("a.yaml", 1).id().clone();
    assert_eq!(store.get(&id).expect("held").value()["spec"]["ports"][0]["port"], 1);
    let reported = compile(&store, &Options::standalone()).diagnostics;
    let places: Vec<String> =
        reported.iter().map(|found| found.source.as_ref().expect("a place").to_string()).collect();
    assert_eq!(places, ["b.yaml:1:1", "c.yaml:1:1"]);
    store.remove(&id);
    assert!(store.is_empty() && store.refused().next().is_none());
}

#[test]
fn every_code_has_a_manual_entry_and_a_remedy() {
    let mut names: Vec<&str> = super::diagnostic::CODES.iter().map(|code| code.name()).collect();
    assert!(super::diagnostic::CODES.iter().all(|code| code.manual().len() > 40));
    let sorted = names.is_sorted();
    names.dedup();
    assert!(sorted && names.len() == super::diagnostic::CODES.len());
}

#[test]
fn a_gateway_of_a_class_without_an_object_is_ours_where_no_other_controller_can_be() {
    let mut theirs = http();
    theirs["spec"]["gatewayClassName"] = json!("any");
    let class = |controller: &str| {
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "any"},
            "spec": {"controllerName": controller},
        })
    };
    let codes = |objects: &[Value], options: &Options| {
        let objects = objects.iter().map(|value| Object::new(value.clone()).expect("an object"));
        let compiled = compile(&objects.collect(), options);
        let codes: Vec<_> = compiled.diagnostics.iter().map(|diagnostic| diagnostic.code.name()).collect();
        (compiled.snapshot.listeners.len(), codes)
    };
    let standalone = Options::standalone();
    assert_eq!(codes(&[theirs.clone()], &standalone), (1, vec!["class-adopted"]));
    assert_eq!(codes(&[http()], &standalone), (1, vec![]), "nantian-gw needs no remark");
    assert_eq!(codes(&[theirs.clone(), class("example.com/other")], &standalone), (0, vec!["foreign-class"]));
    assert_eq!(codes(&[theirs.clone(), class(&standalone.controller_name)], &standalone), (1, vec![]));
    let mut unreadable = class("x");
    unreadable["spec"] = json!("no object");
    let (listeners, _) = codes(&[theirs.clone(), unreadable], &standalone);
    assert_eq!(listeners, 0, "nobody knows whose the class is");
    assert_eq!(codes(&[theirs.clone()], &Options::default()), (0, vec!["class-not-found"]));
    let claiming = Options { claimed_classes: vec!["any".to_owned()], ..Options::default() };
    let mut foreign = class("example.com/other");
    foreign["spec"]["parametersRef"] = json!({"group": "example.com", "kind": "Parameters", "name": "p"});
    assert_eq!(codes(&[theirs, foreign], &claiming), (1, vec![]), "whoever names a class wants it served");
}

/// `ProtocolType`: "If an implementation does not support a specified protocol, it MUST set the "Accepted" condition to
/// False for the affected Listener with a reason of "`UnsupportedProtocol`"."
#[test]
fn a_protocol_that_the_data_plane_does_not_serve_is_not_accepted_and_its_features_are_not_claimed() {
    let class = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "nantian-gw"},
        "spec": {"controllerName": "nantian.dev/gateway-controller"},
    });
    let tcp_route = json!({
        "apiVersion": "gateway.networking.k8s.io/v1alpha2", "kind": "TCPRoute", "metadata": {"name": "r"},
        "spec": {"parentRefs": [{"name": "gw"}], "rules": [{"backendRefs": [{"name": "app", "port": 80}]}]},
    });
    let listeners =
        json!([{"name": "tcp", "port": 9000, "protocol": "TCP"}, {"name": "http", "port": 80, "protocol": "HTTP"}]);
    let mut options = Options::standalone();
    options.protocols = vec![crate::model::ListenerProtocol::Http, crate::model::ListenerProtocol::Https];
    let objects = [gateway(&listeners), class, tcp_route, service()];
    let objects = objects.iter().map(|value| Object::new(value.clone()).expect("an object"));
    let compiled = compile(&objects.collect(), &options);
    assert_eq!(compiled.snapshot.listeners.len(), 1, "only what is served");
    assert!(compiled.snapshot.stream_rules.is_empty());
    for status in &compiled.statuses {
        match &status.status {
            Status::Gateway(gateway) => {
                assert_eq!(of(&gateway.listeners[0].conditions, "Accepted").reason, "UnsupportedProtocol");
                assert_eq!(of(&gateway.listeners[1].conditions, "Accepted").status, ConditionStatus::True);
            }
            Status::GatewayClass(class) => {
                assert!(class.supported_features.iter().all(|feature| !feature.name.starts_with("TCPRoute")));
            }
            Status::Route(route) => {
                assert_eq!(of(&route.parents[0].conditions, "Accepted").reason, "NotAllowedByListeners");
            }
            _ => panic!("no other objects"),
        }
    }
    let codes: Vec<_> = compiled.diagnostics.iter().map(|diagnostic| diagnostic.code.name()).collect();
    assert_eq!(codes, ["unsupported-protocol", "not-attached"]);
}
