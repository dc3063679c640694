//! Policies of our own kinds, as clients notice them.

use std::net::{Ipv4Addr, TcpListener};

use crate::harness::{Folder, Running, free_port};
use crate::http::{request, status, until};
use crate::manifest::{documents, gateway, route, service};

fn policy(kind: &str, spec: &str) -> String {
    format!(
        "apiVersion: nantian.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: policy}}\nspec:\n  targetRefs: [{{group: \
         gateway.networking.k8s.io, kind: HTTPRoute, name: r}}]\n  {spec}\n"
    )
}

/// A Gateway, a backend that echoes, a route to it, and a policy for that.
fn serving(policy: &str) -> (Folder, Running, u16) {
    let port = free_port();
    let folder = Folder::new(&[
        ("objects.yaml", &documents(&[gateway(port), service("app", free_port(), true), route("r", "/", "app")])),
        ("policy.yaml", policy),
    ]);
    let running = Running::start(folder.path(), &[]);
    (folder, running, port)
}

#[test]
fn a_route_policy_limits_the_time_of_a_request() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let backend = silent.local_addr().expect("its address").port();
    let port = free_port();
    let folder = Folder::new(&[(
        "objects.yaml",
        &documents(&[
            gateway(port),
            service("app", backend, false),
            route("r", "/", "app"),
            policy("RoutePolicy", "default: {timeout: {request: 200ms}}"),
        ]),
    )]);
    let _running = Running::start(folder.path(), &[]);
    assert_eq!(status(port, "/"), 504);
}

#[test]
fn a_security_policy_tells_browsers_who_may_read_answers() {
    let (_folder, _running, port) =
        serving(&policy("SecurityPolicy", "cors: {allowOrigins: [\"https://a.example.com\"], allowMethods: [GET]}"));
    let origin = ("origin", "https://a.example.com");
    let allowed = |method, headers: &[(&str, &str)]| {
        let answer = request(port, method, "/", headers).expect("an answer");
        answer.header("access-control-allow-origin").map(str::to_owned)
    };
    assert_eq!(allowed("GET", &[origin]).as_deref(), Some("https://a.example.com"));
    assert_eq!(
        allowed("OPTIONS", &[origin, ("access-control-request-method", "GET")]).as_deref(),
        Some("https://a.example.com")
    );
    assert_eq!(allowed("GET", &[("origin", "https://b.example.com")]), None);
}

#[test]
fn a_security_policy_answers_what_browsers_ask_before_a_call_of_grpc_web() {
    let port = free_port();
    let calls = "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: r}\nspec:\n  parentRefs: [{name: \
                 web}]\n  rules:\n  - matches: [{method: {service: shop.Cart}}]\n    backendRefs: [{name: app, port: 80}]\n";
    let folder = Folder::new(&[(
        "objects.yaml",
        &documents(&[
            gateway(port),
            service("app", free_port(), false),
            calls.to_owned(),
            policy("SecurityPolicy", "cors: {allowOrigins: [\"https://a.example.com\"], allowHeaders: [x-grpc-web]}")
                .replace("HTTPRoute", "GRPCRoute"),
        ]),
    )]);
    let _running = Running::start(folder.path(), &[]);
    let (origin, asks) = (("origin", "https://a.example.com"), ("access-control-request-method", "POST"));
    let answer = |path, headers: &[(&str, &str)]| request(port, "OPTIONS", path, headers).expect("an answer");
    let preflight = answer("/shop.Cart/Add", &[origin, asks]);
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-origin"), Some("https://a.example.com"));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("x-grpc-web"));
    assert_eq!(answer("/shop.Order/Add", &[origin, asks]).status, 404);
    assert_eq!(answer("/shop.Cart/Add", &[asks]).status, 404, "what is no preflight is no call either");
}

#[test]
fn a_check_that_cannot_be_made_lets_nobody_in() {
    let (folder, running, port) = serving(&policy("SecurityPolicy", "ip: {denyCIDRs: [192.0.2.0/24]}"));
    assert_eq!(status(port, "/"), 500);
    let told = running.diagnostics().iter().any(|found| found["code"] == "unsupported-feature");
    assert!(told, "{:#?}", running.events);
    std::fs::remove_file(folder.file("policy.yaml")).expect("deleted");
    until(port, "/", 200);
}
