//! Requests to try, derived from the matches of route rules: each is checked against the router before it is told, so
//! that it does reach the rule that it was derived from.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use http::{HeaderName, HeaderValue};
use nantian_ir::{
    Attachment, EndpointHost, Filter, HostnameMatch, HttpMatch, Listener, ListenerProtocol, PathMatch, PathModifier,
    RouteRule, RuleMatch, Snapshot, Target,
};
use nantian_proxy::Headers;
use nantian_proxy::router::{RequestParts, Router};
use serde::Serialize;

use crate::echo::Identity;
use crate::example::Example;

/// More samples than this are not told.
const MAX_SAMPLES: usize = 16;

/// How listeners without an address of their own are reached from this machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place(Option<IpAddr>);

impl Place {
    /// `bind`: the one address that they are opened on, if so.
    pub(crate) fn new(bind: Option<IpAddr>) -> Self {
        Self(bind.filter(|address| !address.is_unspecified() && !address.is_loopback()))
    }

    /// What to write in a URL.
    pub(crate) fn of(self, listener: &Listener) -> String {
        match listener.bind.address.or(self.0) {
            Some(IpAddr::V6(address)) => format!("[{address}]"),
            Some(IpAddr::V4(address)) => address.to_string(),
            None => "localhost".to_owned(),
        }
    }
}

/// A request to try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Sample {
    /// For a shell.
    pub(crate) command: String,
    /// What is answered, in words.
    pub(crate) expect: String,
    /// Status of the answer, where it does not depend on a backend that we do not know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    /// Services (`namespace/name`) that may answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) services: Vec<String>,
    /// Path that the backend gets, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
}

/// Samples for the rules of a snapshot. `echoes`: the backends that answer with what they received.
pub(crate) fn samples(snapshot: &Snapshot, echoes: &BTreeMap<SocketAddr, Identity>, place: Place) -> Vec<Sample> {
    let router = Router::new(snapshot);
    let sample = |rule: &RouteRule| Draft::of(rule, snapshot, &router)?.sample(rule, snapshot, echoes, place);
    snapshot.rules.values().filter_map(|rule| sample(rule)).take(MAX_SAMPLES).collect()
}

/// A request on its way.
struct Draft<'s> {
    listener: &'s Listener,
    host: Option<String>,
    example: Example,
}

impl<'s> Draft<'s> {
    /// A request for the first match of the rule that can be written down and that reaches it.
    fn of(rule: &RouteRule, snapshot: &'s Snapshot, router: &Router) -> Option<Self> {
        let attachments = rule.attachments.iter().filter_map(|attachment| {
            snapshot.listeners.get(&attachment.listener).map(|listener| (attachment, &**listener))
        });
        // Where the prefix is replaced, something behind it shows that the rest stays.
        let more = if replaces_prefix(rule) { "/example" } else { "" };
        attachments
            .flat_map(|(attachment, listener)| rule.matches.iter().map(move |one| (attachment, listener, one)))
            .filter_map(|(attachment, listener, rule_match)| Self::for_match(attachment, listener, rule_match, more))
            .find(|draft| draft.reaches(rule, router))
    }

    fn for_match(attachment: &Attachment, listener: &'s Listener, rule_match: &RuleMatch, more: &str) -> Option<Self> {
        let host = match attachment.hostnames.first()? {
            HostnameMatch::Exact(name) => Some(name.to_string()),
            HostnameMatch::Wildcard(suffix) => Some(format!("www.{suffix}")),
            HostnameMatch::Any => None,
        };
        // The root stands for itself.
        let more = if is_root(rule_match) { "" } else { more };
        Some(Self { listener, host, example: Example::of(rule_match, more)? })
    }

    fn reaches(&self, rule: &RouteRule, router: &Router) -> bool {
        let mut headers = Headers::new();
        for (name, value) in &self.example.headers {
            let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) else {
                return false;
            };
            headers.append(name, value);
        }
        let parts = RequestParts {
            bind: self.listener.bind,
            host: self.host.as_deref().unwrap_or("localhost"),
            path: &self.example.path,
            query: (!self.example.query.is_empty()).then_some(&self.example.query),
            method: &self.example.method,
            headers: &headers,
        };
        router.route(&parts).is_ok_and(|found| found.rule.key == rule.key)
    }

    fn command(&self, rule: &RouteRule, place: Place) -> String {
        let mut command = "curl".to_owned();
        // Writing to a String cannot fail; so all results here are dropped.
        let redirects = rule.filters.iter().any(|filter| matches!(filter, Filter::RequestRedirect(_)));
        if redirects {
            command.push_str(" -i");
        }
        if self.example.grpc {
            let prior = if self.listener.protocol == ListenerProtocol::Http { " --http2-prior-knowledge" } else { "" };
            let _ = write!(command, " -i --output -{prior} --data-binary ''");
        } else if self.example.method != "GET" {
            let _ = write!(command, " -X {}", quoted(&self.example.method));
        }
        let place = place.of(self.listener);
        let port = self.listener.public_port;
        let (scheme, authority) = match (self.listener.protocol, &self.host) {
            (ListenerProtocol::Http, host) => {
                if let Some(host) = host.as_ref().filter(|host| **host != place) {
                    let _ = write!(command, " -H {}", quoted(&format!("Host: {host}")));
                }
                ("http", format!("{place}:{port}"))
            }
            (_, Some(host)) => {
                let target = if place == "localhost" { "127.0.0.1" } else { &place };
                let _ = write!(command, " -k --resolve {host}:{port}:{target}");
                ("https", format!("{host}:{port}"))
            }
            // Rules of requests are attached to listeners of HTTP and HTTPS only.
            (_, None) => {
                command.push_str(" -k");
                ("https", format!("{place}:{port}"))
            }
        };
        for (name, value) in &self.example.headers {
            let _ = write!(command, " -H {}", quoted(&format!("{name}: {value}")));
        }
        let query = if self.example.query.is_empty() { String::new() } else { format!("?{}", self.example.query) };
        let _ = write!(command, " {}", quoted(&format!("{scheme}://{authority}{}{query}", self.example.path)));
        command
    }

    fn sample(
        &self,
        rule: &RouteRule,
        snapshot: &Snapshot,
        echoes: &BTreeMap<SocketAddr, Identity>,
        place: Place,
    ) -> Option<Sample> {
        let mut sample = Sample {
            command: self.command(rule, place),
            expect: String::new(),
            status: None,
            services: Vec::new(),
            path: None,
        };
        for filter in &rule.filters {
            match filter {
                Filter::RequestRedirect(redirect) => {
                    sample.status = Some(redirect.status);
                    sample.expect = format!("redirect {}", crate::describe::redirect(redirect));
                    return Some(sample);
                }
                Filter::DirectResponse(direct) => {
                    sample.status = Some(direct.status);
                    let line = direct.body.lines().next().unwrap_or_default();
                    sample.expect = format!("{} answered by the gateway itself: {line}", direct.status);
                    return Some(sample);
                }
                _ => {}
            }
        }
        let shares = shares(rule, snapshot, echoes)?;
        let path = self.forwarded_path(rule);
        let rewritten = if path == self.example.path { String::new() } else { format!(", which gets the path {path}") };
        sample.expect = format!("{}{rewritten}", shares.text);
        sample.services = shares.services;
        if shares.all_echo {
            sample.status = Some(200);
            sample.path = Some(path);
            sample.expect.insert_str(0, "200 ");
        }
        Some(sample)
    }

    fn forwarded_path(&self, rule: &RouteRule) -> String {
        let rewrite = rule.filters.iter().find_map(|filter| match filter {
            Filter::UrlRewrite(rewrite) => rewrite.path.as_ref(),
            _ => None,
        });
        match (rewrite, &self.example.prefix) {
            (Some(PathModifier::ReplaceFullPath(path)), _) => path.clone(),
            (Some(PathModifier::ReplacePrefixMatch(new)), Some(prefix)) => {
                let rest = self.example.path.strip_prefix(prefix.as_str()).unwrap_or_default();
                let path = format!("{}{rest}", new.trim_end_matches('/'));
                if path.is_empty() { "/".to_owned() } else { path }
            }
            _ => self.example.path.clone(),
        }
    }
}

/// Who answers. `None` if a share fails: no sample for what does not work.
fn shares(rule: &RouteRule, snapshot: &Snapshot, echoes: &BTreeMap<SocketAddr, Identity>) -> Option<Shares> {
    let targets: Vec<_> = rule.targets.iter().filter(|target| target.weight > 0).collect();
    let sum: u64 = targets.iter().map(|target| u64::from(target.weight)).sum();
    let mut shares = Shares { text: String::new(), services: Vec::new(), all_echo: true };
    for target in &targets {
        let Target::Backend(key) = &target.target else { return None };
        let endpoints = &snapshot.endpoints.get(key)?.endpoints;
        if endpoints.is_empty() {
            return None;
        }
        shares.all_echo &= endpoints.iter().all(|endpoint| match endpoint.host {
            EndpointHost::Ip(address) => echoes.contains_key(&SocketAddr::new(address, endpoint.port)),
            EndpointHost::Dns(_) => false,
        });
        let joint = if shares.text.is_empty() { "from " } else { ", " };
        let percent = u64::from(target.weight) * 100 / sum.max(1);
        let share = if targets.len() > 1 { format!(" ({percent}%)") } else { String::new() };
        // Writing to a String cannot fail.
        let _ = write!(shares.text, "{joint}Service {}/{}{share}", key.namespace, key.name);
        shares.services.push(format!("{}/{}", key.namespace, key.name));
    }
    (!targets.is_empty()).then_some(shares)
}

fn replaces_prefix(rule: &RouteRule) -> bool {
    rule.filters.iter().any(|filter| {
        let modifier = match filter {
            Filter::RequestRedirect(redirect) => redirect.path.as_ref(),
            Filter::UrlRewrite(rewrite) => rewrite.path.as_ref(),
            _ => None,
        };
        matches!(modifier, Some(PathModifier::ReplacePrefixMatch(_)))
    })
}

struct Shares {
    text: String,
    services: Vec<String>,
    all_echo: bool,
}

fn is_root(rule_match: &RuleMatch) -> bool {
    matches!(rule_match, RuleMatch::Http(HttpMatch { path: PathMatch::Prefix(prefix), .. }) if prefix == "/")
}

/// A word for a POSIX shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("http://localhost:8080/a"), "http://localhost:8080/a");
        assert_eq!(quoted("x-a: b"), "'x-a: b'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted("http://a/?a=b&c"), "'http://a/?a=b&c'");
        assert_eq!(quoted(""), "''");
    }
}
