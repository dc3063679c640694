//! Requests that show what a snapshot does: for every match of every rule, on every listener and for every host.

use std::collections::BTreeMap;

use http::header::HOST;
use http::{HeaderName, HeaderValue, Method};
use nantian_ir::{Attachment, HostnameMatch, Listener, ListenerProtocol, RouteRule, RuleMatch, Snapshot};
use nantian_proxy::Headers;

use crate::example::Example;
use crate::explain::Request;

/// Requests by what one would type, so that each is asked once.
pub(super) type Requests = BTreeMap<String, Request>;

/// Adds the requests of a snapshot.
pub(super) fn add(snapshot: &Snapshot, requests: &mut Requests) {
    for listener in snapshot.listeners.values().filter(|listener| listener.protocol.has_requests()) {
        ask(requests, listener, &listener.hostname, &Example::any());
    }
    for rule in snapshot.rules.values() {
        for attachment in &rule.attachments {
            if let Some(listener) = snapshot.listeners.get(&attachment.listener) {
                of_rule(requests, rule, attachment, listener);
            }
        }
    }
}

fn of_rule(requests: &mut Requests, rule: &RouteRule, attachment: &Attachment, listener: &Listener) {
    for hostname in &attachment.hostnames {
        for example in rule.matches.iter().flat_map(examples) {
            ask(requests, listener, hostname, &example);
        }
    }
}

/// What the match takes, what lies behind its prefix, and the same path without what else it asks for.
fn examples(rule_match: &RuleMatch) -> Vec<Example> {
    let mut found: Vec<Example> = ["", "/example"].iter().filter_map(|more| Example::of(rule_match, more)).collect();
    found.extend(found.first().filter(|example| !example.grpc).map(|example| Example {
        path: example.path.clone(),
        prefix: example.prefix.clone(),
        ..Example::any()
    }));
    found
}

fn ask(requests: &mut Requests, listener: &Listener, hostname: &HostnameMatch, example: &Example) {
    let host = match (hostname, &listener.hostname) {
        (HostnameMatch::Exact(name), _) | (HostnameMatch::Any, HostnameMatch::Exact(name)) => name.to_string(),
        (HostnameMatch::Wildcard(suffix), _) | (HostnameMatch::Any, HostnameMatch::Wildcard(suffix)) => {
            format!("www.{suffix}")
        }
        (HostnameMatch::Any, HostnameMatch::Any) => "localhost".to_owned(),
    };
    if let Some((text, request)) = request(listener, host, example) {
        requests.entry(text).or_insert(request);
    }
}

/// The request, and what `nantian explain` is told to get the whole decision.
fn request(listener: &Listener, host: String, example: &Example) -> Option<(String, Request)> {
    let method = Method::from_bytes(example.method.as_bytes()).ok()?;
    let mut headers = Headers::new();
    headers.insert(HOST, HeaderValue::try_from(&host).ok()?);
    let scheme = if listener.protocol == ListenerProtocol::Https { "https" } else { "http" };
    let query = (!example.query.is_empty()).then(|| example.query.clone());
    let asked = query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    let mut text = format!("{method} {scheme}://{host}:{}{}{asked}", listener.public_port, example.path);
    for (name, value) in &example.headers {
        headers.append(HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?);
        text = format!("{text} -H '{name}: {value}'");
    }
    let (protocol, port, path) = (listener.protocol, listener.public_port, example.path.clone());
    let url_host = listener.bind.address.map_or(host, |address| address.to_string());
    Some((text, Request { method, protocol, url_host, port, path, query, headers }))
}
