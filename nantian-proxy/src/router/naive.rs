//! The specification as code: a linear scan that follows the text of Gateway API v1.5.1 sentence by sentence.
//!
//! It is slow on purpose and shares no code with the tables, neither for conditions nor for queries. Property tests and
//! fuzz targets hold that [`Router::route`](super::Router::route) gives the same answer. Use [`Router`](super::Router)
//! for requests.

use std::collections::BTreeMap;

use nantian_ir::{
    GrpcMatch, HeaderMatch, HostnameMatch, HttpMatch, Listener, ListenerKey, ListenerProtocol, MatchRank, PathMatch,
    QueryMatch, RouteRule, RuleKey, RuleMatch, Snapshot, ValueMatch,
};
use regex::bytes::Regex;

use super::{RequestParts, pattern};

/// What the specification says about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict<'s> {
    /// The listener that the request belongs to.
    pub listener: Option<&'s ListenerKey>,
    /// The rule, the position of the match in it, and the hostname that covered the host.
    pub winner: Option<(&'s RuleKey, usize, &'s HostnameMatch)>,
}

/// "HTTPRoute ... Protocol: HTTP" and "HTTPS" (`GatewaySpec.listeners`).
fn takes_requests(listener: &Listener) -> bool {
    matches!(listener.protocol, ListenerProtocol::Http | ListenerProtocol::Https)
}

/// A snapshot to be read as the specification reads it.
#[derive(Debug)]
pub struct Reference<'s> {
    snapshot: &'s Snapshot,
    patterns: BTreeMap<&'s str, Option<Regex>>,
}

impl<'s> Reference<'s> {
    /// Prepares a snapshot: compiles its regular expressions.
    #[must_use]
    pub fn new(snapshot: &'s Snapshot) -> Self {
        let mut patterns = BTreeMap::new();
        for pattern in snapshot.rules.values().flat_map(|rule| &rule.matches).flat_map(patterns_of) {
            patterns.entry(pattern).or_insert_with(|| pattern::compile(pattern).ok());
        }
        Self { snapshot, patterns }
    }

    /// Where the specification sends a request.
    pub fn route(&self, parts: &RequestParts<'_>) -> Verdict<'s> {
        // HTTPRoute hostnames: "Implementations MUST ignore any port value specified in the HTTP Host header while
        // performing a match".
        let host = host_of(parts.host);

        // Gateway listeners: "inbound request hostnames MUST match from the most specific to least specific Hostname
        // values to choose the correct Listener and its associated set of Routes."
        let listeners = self.snapshot.listeners.values().map(AsRef::as_ref);
        let covering =
            listeners.filter(|l: &&Listener| takes_requests(l) && l.bind == parts.bind && covers(&l.hostname, &host));
        let Some(listener) = covering.min_by_key(|l| (specificity(&l.hostname), &l.key)) else {
            return Verdict { listener: None, winner: None };
        };

        // "a request to "foo.example.com" SHOULD only be routed using routes attached to the "foo.example.com" Listener
        // (and not the "*.example.com" Listener)."
        let mut winner: Option<((Specificity, MatchRank<'s>), &RuleKey, usize, &HostnameMatch)> = None;
        for rule in self.snapshot.rules.values().filter(|rule| self.is_served(rule)) {
            let attachments = rule.attachments.iter().filter(|a| a.listener == listener.key);
            for hostname in attachments.flat_map(|a| &a.hostnames).filter(|hostname| covers(hostname, &host)) {
                // HTTPRouteRule matches: "this rule will be matched if **any** one of the matches is satisfied."
                for (position, rule_match) in rule.matches.iter().enumerate() {
                    if !self.holds(rule_match, parts) {
                        continue;
                    }
                    // HTTPRoute hostnames: "precedence must be given to rules from the HTTPRoute with the largest number
                    // of: Characters in a matching non-wildcard hostname. Characters in a matching hostname. If ties
                    // exist across multiple Routes, the matching precedence rules for HTTPRouteMatches takes over."
                    let rank = (specificity(hostname), MatchRank::new(rule, position, rule_match));
                    if winner.as_ref().is_none_or(|(best, ..)| rank < *best) {
                        winner = Some((rank, &rule.key, position, hostname));
                    }
                }
            }
        }
        Verdict {
            listener: Some(&listener.key),
            winner: winner.map(|(_, rule, position, hostname)| (rule, position, hostname)),
        }
    }

    /// Gateway allowedRoutes: "Invalid Route rules can be ignored": those whose patterns do not compile, and those with a
    /// prefix that does not "begin with the `/` character" or is too long.
    fn is_served(&self, rule: &RouteRule) -> bool {
        let compiles = |pattern: &str| self.patterns.get(pattern).is_some_and(Option::is_some);
        // `HTTPPathMatch.value` and `GRPCMethodMatch.service` have "MaxLength=1024": no more elements are served.
        let shallow = |path: &str| path.split('/').count() <= 1_024;
        let absolute = |rule_match: &RuleMatch| match rule_match {
            RuleMatch::Http(HttpMatch { path: PathMatch::Prefix(path), .. }) => {
                path.starts_with('/') && shallow(path.trim_end_matches('/'))
            }
            RuleMatch::Grpc(GrpcMatch { service: Some(ValueMatch::Exact(service)), .. }) => shallow(service),
            _ => true,
        };
        rule.matches.iter().all(|m| absolute(m) && patterns_of(m).into_iter().all(compiles))
    }

    /// `HTTPRouteMatch`, `GRPCRouteMatch`: "Multiple match types are `ANDed` together, i.e. the match will evaluate to true only
    /// if all conditions are satisfied."
    fn holds(&self, rule_match: &RuleMatch, parts: &RequestParts<'_>) -> bool {
        match rule_match {
            RuleMatch::Http(http) => {
                self.path_holds(&http.path, parts.path)
                    // "this route will be matched only if the request has the specified method."
                    && http.method.as_ref().is_none_or(|method| method == parts.method)
                    && http.headers.iter().all(|header| self.header_holds(header, parts))
                    && http.query.iter().all(|parameter| self.query_holds(parameter, parts))
            }
            RuleMatch::Grpc(grpc) => {
                is_grpc(parts)
                    && self.call_holds(grpc, parts.path)
                    && grpc.headers.iter().all(|header| self.header_holds(header, parts))
            }
        }
    }

    fn path_holds(&self, pattern: &PathMatch, path: &str) -> bool {
        match pattern {
            // "Matches the URL path exactly and with case sensitivity."
            PathMatch::Exact(exact) => path == exact,
            // "Matches based on a URL path prefix split by `/`. Matching is case-sensitive and done on a path element by
            // element basis. When specified, a trailing `/` is ignored." And of `/`: "which has the effect of matching
            // every HTTP request."
            PathMatch::Prefix(prefix) => {
                let prefix = prefix.trim_end_matches('/');
                let elements: Vec<_> = path.split('/').collect();
                prefix.is_empty() || elements.starts_with(&prefix.split('/').collect::<Vec<_>>())
            }
            // "Matches if the URL path matches the given regular expression with case sensitivity."
            PathMatch::Regex(regex) => self.regex_holds(regex, path.as_bytes()),
        }
    }

    fn call_holds(&self, grpc: &GrpcMatch, path: &str) -> bool {
        // GRPCRouteMatch method: "If this field is not specified, all services and methods will match."
        if grpc.service.is_none() && grpc.method.is_none() {
            return true;
        }
        let mut parts: Vec<_> = path.split('/').collect();
        let method = parts.pop().unwrap_or_default();
        if parts.first() != Some(&"") {
            return false;
        }
        let service = parts.split_off(1).join("/");
        let holds =
            |value: &Option<ValueMatch>, got: &str| value.as_ref().is_none_or(|v| self.value_holds(v, got.as_bytes()));
        !service.is_empty() && !method.is_empty() && holds(&grpc.service, &service) && holds(&grpc.method, method)
    }

    /// "Name matching MUST be case-insensitive." "When a header is repeated in an HTTP request, it is
    /// implementation-specific behavior as to how this is represented. Generally, proxies should follow the guidance from
    /// the RFC".
    fn header_holds(&self, header: &HeaderMatch, parts: &RequestParts<'_>) -> bool {
        // RFC 9113 section 8.3.1: in HTTP/2 `:authority` stands for `Host`.
        if header.name.as_str() == "host" {
            return !parts.host.is_empty() && self.value_holds(&header.value, parts.host.as_bytes());
        }
        let values: Vec<_> = parts.headers.get_all(header.name.as_str()).map(http::HeaderValue::as_bytes).collect();
        let separator: &[u8] = if header.name.as_str() == "cookie" { b"; " } else { b"," };
        !values.is_empty() && self.value_holds(&header.value, &values.join(separator))
    }

    /// "This must be an exact string match." "it is *recommended* that implementations should match against the first
    /// value of the param".
    fn query_holds(&self, parameter: &QueryMatch, parts: &RequestParts<'_>) -> bool {
        let pairs = parts.query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let mut decoded = pairs.map(|pair| {
            let mut halves = pair.splitn(2, '=');
            (decode(halves.next().unwrap_or_default()), decode(halves.next().unwrap_or_default()))
        });
        let first = decoded.find(|(name, _)| name == parameter.name.as_bytes());
        first.is_some_and(|(_, value)| self.value_holds(&parameter.value, &value))
    }

    fn value_holds(&self, expected: &ValueMatch, got: &[u8]) -> bool {
        match expected {
            ValueMatch::Exact(text) => text.as_bytes() == got,
            ValueMatch::Regex(regex) => self.regex_holds(regex, got),
        }
    }

    fn regex_holds(&self, pattern: &str, value: &[u8]) -> bool {
        self.patterns.get(pattern).and_then(Option::as_ref).is_some_and(|regex| regex.is_match(value))
    }
}

/// "Exact matches MUST be processed before wildcard matches, and wildcard matches MUST be processed before fallback
/// (empty Hostname value) matches." "the higher the number of dots in the hostname to the right of the wildcard
/// character, the higher the precedence." The less, the earlier.
type Specificity = (u8, std::cmp::Reverse<usize>);

fn specificity(hostname: &HostnameMatch) -> Specificity {
    let (kind, dots) = match hostname {
        HostnameMatch::Exact(_) => (0, 0),
        HostnameMatch::Wildcard(suffix) => (1, suffix.as_str().matches('.').count()),
        HostnameMatch::Any => (2, 0),
    };
    (kind, std::cmp::Reverse(dots))
}

/// "Hostnames that are prefixed with a wildcard label (`*.`) are interpreted as a suffix match. That means that a match
/// for `*.example.com` would match both `test.example.com`, and `foo.test.example.com`, but not `example.com`."
fn covers(hostname: &HostnameMatch, host: &str) -> bool {
    match hostname {
        HostnameMatch::Exact(name) => name.as_str() == host,
        HostnameMatch::Wildcard(suffix) => {
            let suffix = format!(".{suffix}");
            host.ends_with(&suffix) && host.len() > suffix.len()
        }
        HostnameMatch::Any => true,
    }
}

fn host_of(raw: &str) -> String {
    let name = if raw.starts_with('[') && raw.contains(']') {
        raw.get(1..).and_then(|rest| rest.split(']').next()).unwrap_or_default()
    } else if raw.matches(':').count() == 1 && raw.ends_with(|c: char| c == ':' || c.is_ascii_digit()) {
        let (name, port) = raw.split_once(':').unwrap_or((raw, ""));
        if port.chars().all(|c| c.is_ascii_digit()) { name } else { raw }
    } else {
        raw
    };
    let lower = name.to_ascii_lowercase();
    lower.strip_suffix('.').map(str::to_owned).unwrap_or(lower)
}

/// gRPC over HTTP/2, "Requests": "`:method POST`", "Content-Type → "content-type" "application/grpc" [("+proto" / "+json"
/// / {custom})]", "If Content-Type does not begin with "application/grpc", gRPC servers SHOULD respond with HTTP status
/// of 415".
fn is_grpc(parts: &RequestParts<'_>) -> bool {
    let content_type = parts.headers.get("content-type").map(|value| value.as_bytes().to_ascii_lowercase());
    parts.method == "POST" && content_type.is_some_and(|value| value.starts_with(b"application/grpc"))
}

/// WHATWG URL section 5.1, "application/x-www-form-urlencoded parsing": "Replace any 0x2B (+) in name and value with 0x20
/// (SP)", then percent-decode.
fn decode(raw: &str) -> Vec<u8> {
    let spaced = raw.replace('+', " ");
    let mut bytes = spaced.as_bytes();
    let mut decoded = Vec::new();
    while let Some((first, rest)) = bytes.split_first() {
        let escape = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escape = escape.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if *first == b'%' => {
                decoded.push(byte);
                bytes = rest.get(2..).unwrap_or_default();
            }
            _ => {
                decoded.push(*first);
                bytes = rest;
            }
        }
    }
    decoded
}

/// The regular expressions of a match.
fn patterns_of(rule_match: &RuleMatch) -> Vec<&str> {
    let (path, values): (Option<&str>, Vec<&ValueMatch>) = match rule_match {
        RuleMatch::Http(http) => (
            match &http.path {
                PathMatch::Regex(pattern) => Some(pattern),
                PathMatch::Exact(_) | PathMatch::Prefix(_) => None,
            },
            http.headers.iter().map(|h| &h.value).chain(http.query.iter().map(|q| &q.value)).collect(),
        ),
        RuleMatch::Grpc(grpc) => {
            (None, grpc.headers.iter().map(|h| &h.value).chain(&grpc.service).chain(&grpc.method).collect())
        }
    };
    let regexes = values.into_iter().filter_map(|value| match value {
        ValueMatch::Regex(pattern) => Some(pattern.as_str()),
        ValueMatch::Exact(_) => None,
    });
    path.into_iter().chain(regexes).collect()
}
