//! Routing cases from the text of Gateway API v1.5.1, each with the sentence that it proves: objects as YAML, through the
//! compiler, into the router. The tables are in the modules; to add a case, add a line to one of them.
#![allow(clippy::expect_used, reason = "a test may panic")]

mod explain;
mod grpc;
mod headers;
mod hostnames;
mod listeners;
mod paths;
mod precedence;
mod queries;

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use nantian_ir::compile::{Objects, Options, Severity, compile, yaml};
use nantian_ir::{BindAddress, Snapshot};
use nantian_proxy::Headers;
use nantian_proxy::router::naive::Reference;
use nantian_proxy::router::{RequestParts, Router};

/// Objects, and requests to them.
struct Scenario {
    /// Listeners of one Gateway: name, port and hostname (empty: none).
    listeners: &'static [(&'static str, u16, &'static str)],
    routes: &'static [Route],
    cases: &'static [Case],
}

/// An HTTPRoute or GRPCRoute.
struct Route {
    kind: &'static str,
    /// `name` or `namespace/name`.
    name: &'static str,
    /// `metadata.creationTimestamp`, or empty.
    created: &'static str,
    /// `sectionName` of the parent, or empty.
    section: &'static str,
    /// `spec.hostnames` as YAML.
    hostnames: &'static str,
    /// `spec.rules` as YAML.
    rules: &'static str,
}

/// What most routes have.
const HTTP: Route = Route { kind: "HTTPRoute", name: "r", created: "", section: "", hostnames: "[]", rules: "" };
const GRPC: Route = Route { kind: "GRPCRoute", ..HTTP };
/// One listener for every host.
const ONE: &[(&str, u16, &str)] = &[("http", 80, "")];

/// One request. `(sentence, request, headers, winner)`: the request is `METHOD URL`; the winner is
/// `route/rule/match`, with `@listener` if that matters, or `404`, with `@listener` for the listener that had no rule.
type Case = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

const API: &str = "apiVersion: gateway.networking.k8s.io/v1\n";

/// A YAML field, or nothing.
fn field(name: &str, value: &str) -> String {
    if value.is_empty() { String::new() } else { format!("{name}: '{value}', ") }
}

impl Route {
    fn yaml(&self) -> String {
        let (namespace, name) = self.name.split_once('/').unwrap_or(("default", self.name));
        let (created, section) = (field("creationTimestamp", self.created), field("sectionName", self.section));
        let (kind, hostnames) = (self.kind, self.hostnames);
        let rules = if self.rules.is_empty() { String::new() } else { format!("  rules: {}\n", self.rules) };
        format!(
            "---\n{API}kind: {kind}\nmetadata: {{name: {name}, {created}namespace: {namespace}}}\nspec:\n  \
             parentRefs: [{{name: g, {section}namespace: default}}]\n  hostnames: {hostnames}\n{rules}"
        )
    }
}

impl Scenario {
    /// The objects as someone would write them.
    fn yaml(&self) -> String {
        let gateway =
            format!("{API}kind: Gateway\nmetadata: {{name: g}}\nspec:\n  gatewayClassName: nantian-gw\n  listeners:\n");
        let listeners = self.listeners.iter().map(|(name, port, hostname)| {
            let hostname = field("hostname", hostname);
            let allowed = "allowedRoutes: {namespaces: {from: All}}";
            format!("  - {{name: {name}, port: {port}, protocol: HTTP, {hostname}{allowed}}}\n")
        });
        std::iter::once(gateway).chain(listeners).chain(self.routes.iter().map(Route::yaml)).collect()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        let text = self.yaml();
        let parsed = yaml::parse("scenario.yaml", &text);
        assert!(parsed.diagnostics.is_empty(), "{text}\n{:#?}", parsed.diagnostics);
        let mut objects = Objects::new();
        parsed.objects.into_iter().for_each(|object| objects.insert(object));
        let compiled = compile(&objects, &Options::standalone());
        let errors: Vec<_> = compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
        assert!(errors.is_empty(), "{text}\n{errors:#?}");
        compiled.snapshot
    }

    /// Sends all requests and tells what went elsewhere.
    fn failures(&self) -> Vec<String> {
        let snapshot = self.snapshot();
        let router = Router::new(&snapshot);
        assert!(router.refused().is_empty(), "{:?}", router.refused());
        let reference = Reference::new(&snapshot);
        let mut failures = Vec::new();
        for (sentence, request, headers, expected) in self.cases {
            let sent = Sent::parse(request, headers);
            let parts = sent.parts(&snapshot);
            let got = answer(&router, &parts);
            let (winner, listener) = expected.split_once('@').map_or((*expected, None), |(w, l)| (w, Some(l)));
            if got.0 != winner || listener.is_some_and(|listener| listener != got.1) {
                failures.push(format!(
                    "{sentence}\n    {request} {headers:?}: expected {expected}, got {}@{}",
                    got.0, got.1
                ));
            }
            let naive = reference.route(&parts).winner.map(|(rule, position, _)| (rule, position));
            let found = router.route(&parts).ok().map(|found| (&found.rule.key, found.position));
            assert_eq!(found, naive, "the reference agrees on {request}");
        }
        failures
    }
}

/// The winner and the listener, as cases spell them.
fn answer(router: &Router, parts: &RequestParts<'_>) -> (String, String) {
    match router.route(parts) {
        Ok(found) => {
            let key = &found.rule.key;
            (format!("{}/{}/{}", key.route.name, key.rule, found.position), found.listener.listener.to_string())
        }
        Err(none) => ("404".to_owned(), none.listener.map_or("none".to_owned(), |key| key.listener.to_string())),
    }
}

struct Sent {
    method: String,
    port: u16,
    host: String,
    path: String,
    query: Option<String>,
    headers: Headers,
}

impl Sent {
    fn parse(request: &str, headers: &[(&str, &str)]) -> Self {
        let (method, url) = request.split_once(' ').expect("METHOD URL");
        let rest = url.strip_prefix("http://").expect("an http URL");
        let (host, target) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query.to_owned())));
        let port = host.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(80);
        let mut map = Headers::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
            map.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
        }
        Self { method: method.to_owned(), port, host: host.to_owned(), path: path.to_owned(), query, headers: map }
    }

    fn parts(&self, snapshot: &Snapshot) -> RequestParts<'_> {
        let listener = snapshot.listeners.values().find(|listener| listener.public_port == self.port);
        RequestParts {
            bind: listener.map_or(BindAddress { address: None, port: self.port }, |listener| listener.bind),
            host: &self.host,
            path: &self.path,
            query: self.query.as_deref(),
            method: &self.method,
            headers: &self.headers,
        }
    }
}

fn run(scenarios: &[Scenario]) {
    let failures: Vec<_> = scenarios.iter().flat_map(Scenario::failures).collect();
    assert!(failures.is_empty(), "{} cases failed\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn paths_match_as_the_specification_says() {
    run(paths::SCENARIOS);
}

#[test]
fn methods_and_headers_match_as_the_specification_says() {
    run(headers::SCENARIOS);
}

#[test]
fn query_parameters_match_as_the_specification_says() {
    run(queries::SCENARIOS);
}

#[test]
fn precedence_and_ties_are_as_the_specification_says() {
    run(precedence::SCENARIOS);
}

#[test]
fn hostnames_match_as_the_specification_says() {
    run(hostnames::SCENARIOS);
}

#[test]
fn listeners_are_chosen_as_the_specification_says() {
    run(listeners::SCENARIOS);
}

#[test]
fn grpc_matches_as_the_specification_says() {
    run(grpc::SCENARIOS);
}

#[test]
fn there_are_at_least_80_cases() {
    let modules = [
        paths::SCENARIOS,
        headers::SCENARIOS,
        queries::SCENARIOS,
        precedence::SCENARIOS,
        hostnames::SCENARIOS,
        listeners::SCENARIOS,
        grpc::SCENARIOS,
    ];
    let cases: usize = modules.iter().flat_map(|scenarios| scenarios.iter()).map(|scenario| scenario.cases.len()).sum();
    assert!(cases >= 80, "only {cases}");
}
