//! What one match asks of a request, apart from what the tables have found already.

use std::borrow::Cow;
use std::sync::Arc;

use http::HeaderName;
use http::header::{CONTENT_TYPE, COOKIE, HOST};
use nantian_ir::{
    GrpcMatch, HeaderMatch, HttpMatch, MatchRank, PathMatch, QueryMatch, RouteRule, RuleMatch, ValueMatch,
};

use super::pattern::{Pattern, PatternError, ThreadPatterns, Used};
use super::{MAX_ELEMENTS, RequestParts, query};
use crate::Headers;

/// The parts of a request that conditions look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    host: &'a str,
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
    pub(super) method: &'a str,
    pub(super) headers: &'a Headers,
    own: Option<&'a ThreadPatterns>,
}

impl<'a> Request<'a> {
    /// `own`: the copies of patterns that this thread may use.
    pub(super) fn new(parts: &RequestParts<'a>, own: Option<&'a ThreadPatterns>) -> Self {
        let RequestParts { host, path, query, method, headers, .. } = *parts;
        Self { host, path, query, method, headers, own }
    }

    /// The value of a header. Copies only if the header is repeated. `host` is the request's host, since HTTP/2 has it
    /// in `:authority` (RFC 9113 section 8.3.1).
    pub(super) fn header(&self, name: &HeaderName) -> Option<Cow<'a, [u8]>> {
        if *name == HOST {
            return (!self.host.is_empty()).then_some(Cow::Borrowed(self.host.as_bytes()));
        }
        let mut values = self.headers.get_all(name);
        let first = values.next()?.as_bytes();
        let Some(second) = values.next() else { return Some(Cow::Borrowed(first)) };
        // RFC 9110 section 5.3: the values of a repeated field are one comma-separated list.
        // RFC 9113 section 8.2.3: split cookies are joined with "; ".
        let separator: &[u8] = if *name == COOKIE { b"; " } else { b"," };
        let mut joined = first.to_vec();
        for value in std::iter::once(second).chain(values) {
            joined.extend_from_slice(separator);
            joined.extend_from_slice(value.as_bytes());
        }
        Some(Cow::Owned(joined))
    }

    /// Whether this is a gRPC request: `POST` and a content type that begins with `application/grpc`
    /// (gRPC over HTTP/2, "Requests").
    pub(super) fn is_grpc(&self) -> bool {
        const PREFIX: &[u8] = b"application/grpc";
        let content_type = self.headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes);
        let is_prefix = |value: &[u8]| value.get(..PREFIX.len()).is_some_and(|v| v.eq_ignore_ascii_case(PREFIX));
        self.method == "POST" && content_type.is_some_and(is_prefix)
    }

    /// The gRPC service and method (gRPC over HTTP/2, "Requests": `Path → "/" Service-Name "/" {method name}`).
    pub(super) fn grpc_call(&self) -> Option<(&'a str, &'a str)> {
        let (service, method) = self.path.strip_prefix('/')?.rsplit_once('/')?;
        (!service.is_empty() && !method.is_empty()).then_some((service, method))
    }
}

/// A value to compare with.
#[derive(Debug)]
pub(super) enum ValueTest {
    Exact(Box<[u8]>),
    Regex(Pattern),
}

impl ValueTest {
    fn new(value: &ValueMatch, patterns: &mut Used<'_>) -> Result<Self, PatternError> {
        Ok(match value {
            ValueMatch::Exact(text) => Self::Exact(text.as_bytes().into()),
            ValueMatch::Regex(pattern) => Self::Regex(patterns.compile(pattern)?),
        })
    }

    pub(super) fn holds(&self, value: &[u8], own: Option<&ThreadPatterns>) -> bool {
        match self {
            Self::Exact(expected) => **expected == *value,
            Self::Regex(regex) => regex.is_match(value, own),
        }
    }

    /// The same for a raw query value, which is decoded.
    pub(super) fn holds_decoded(&self, raw: &str, own: Option<&ThreadPatterns>) -> bool {
        match self {
            Self::Exact(expected) => query::Decoded::new(raw).eq(expected.iter().copied()),
            Self::Regex(regex) => regex.is_match(&query::decode(raw), own),
        }
    }
}

/// A header that must match.
#[derive(Debug)]
pub(super) struct HeaderTest {
    pub(super) name: HeaderName,
    pub(super) value: ValueTest,
}

impl HeaderTest {
    fn new(header: &HeaderMatch, patterns: &mut Used<'_>) -> Result<Self, Refusal> {
        let name = HeaderName::from_bytes(header.name.as_str().as_bytes())
            .map_err(|_| Refusal(format!("header name {:?} is not valid", header.name.as_str())))?;
        Ok(Self { name, value: ValueTest::new(&header.value, patterns)? })
    }

    pub(super) fn holds(&self, request: &Request<'_>) -> bool {
        request.header(&self.name).is_some_and(|value| self.value.holds(&value, request.own))
    }
}

/// A query parameter that must match.
#[derive(Debug)]
pub(super) struct QueryTest {
    pub(super) name: Box<str>,
    pub(super) value: ValueTest,
}

impl QueryTest {
    fn new(parameter: &QueryMatch, patterns: &mut Used<'_>) -> Result<Self, Refusal> {
        Ok(Self { name: parameter.name.as_str().into(), value: ValueTest::new(&parameter.value, patterns)? })
    }

    pub(super) fn holds(&self, request: &Request<'_>) -> bool {
        request
            .query
            .and_then(|query| query::first(query, &self.name))
            .is_some_and(|value| self.value.holds_decoded(value, request.own))
    }
}

/// What is left to check of a path once the path table has offered a match.
#[derive(Debug)]
pub(super) enum PathTest {
    /// Nothing: the table compares exact paths and prefixes.
    Indexed,
    Regex(Pattern),
    /// A gRPC request for this service and method.
    Grpc {
        service: Option<ValueTest>,
        method: Option<ValueTest>,
    },
}

/// Where the path table keeps a match.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place<'m> {
    Exact(Cow<'m, str>),
    /// Without trailing slash; empty for `/`.
    Prefix(Cow<'m, str>),
    Regex,
}

impl<'m> Place<'m> {
    pub(super) fn of(rule_match: &'m RuleMatch) -> Self {
        match rule_match {
            RuleMatch::Http(http) => match &http.path {
                PathMatch::Exact(path) => Self::Exact(Cow::Borrowed(path)),
                PathMatch::Regex(_) => Self::Regex,
                // HTTPPathMatch: "When specified, a trailing `/` is ignored."
                PathMatch::Prefix(path) => Self::Prefix(Cow::Borrowed(path.trim_end_matches('/'))),
            },
            RuleMatch::Grpc(grpc) => match (&grpc.service, &grpc.method) {
                (Some(ValueMatch::Regex(_)), _) | (_, Some(ValueMatch::Regex(_))) => Self::Regex,
                (Some(ValueMatch::Exact(service)), Some(ValueMatch::Exact(method))) => {
                    Self::Exact(Cow::Owned(format!("/{service}/{method}")))
                }
                (Some(ValueMatch::Exact(service)), None) => {
                    Self::Prefix(Cow::Owned(format!("/{service}").trim_end_matches('/').to_owned()))
                }
                (None, _) => Self::Prefix(Cow::Borrowed("")),
            },
        }
    }
}

/// Why a rule is refused.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) String);

impl From<PatternError> for Refusal {
    fn from(error: PatternError) -> Self {
        Self(error.to_string())
    }
}

/// One match of one rule, compiled.
#[derive(Debug)]
pub(super) struct CompiledMatch {
    pub(super) rule: Arc<RouteRule>,
    /// Number of the rule.
    pub(super) slot: usize,
    /// Position in the rule's matches.
    pub(super) position: usize,
    /// Bytes of the path that are covered, for prefixes.
    pub(super) prefix: Option<usize>,
    pub(super) path: PathTest,
    pub(super) method: Option<Box<str>>,
    pub(super) headers: Box<[HeaderTest]>,
    pub(super) query: Box<[QueryTest]>,
}

impl CompiledMatch {
    pub(super) fn new(
        rule: &Arc<RouteRule>,
        slot: usize,
        position: usize,
        rule_match: &RuleMatch,
        patterns: &mut Used<'_>,
    ) -> Result<Self, Refusal> {
        let headers = match rule_match {
            RuleMatch::Http(http) => &http.headers,
            RuleMatch::Grpc(grpc) => &grpc.headers,
        };
        let headers = headers.iter().map(|header| HeaderTest::new(header, patterns)).collect::<Result<_, _>>()?;
        let (path, prefix) = match rule_match {
            RuleMatch::Http(http) => PathTest::of_http(http, patterns)?,
            RuleMatch::Grpc(grpc) => (PathTest::of_grpc(grpc, patterns)?, None),
        };
        let (method, query) = match rule_match {
            RuleMatch::Http(http) => (http.method.as_deref().map(Into::into), http.query.as_slice()),
            RuleMatch::Grpc(_) => (None, [].as_slice()),
        };
        let query = query.iter().map(|parameter| QueryTest::new(parameter, patterns)).collect::<Result<_, _>>()?;
        Ok(Self { rule: Arc::clone(rule), slot, position, prefix, path, method, headers, query })
    }

    /// As the route has it.
    pub(super) fn source(&self) -> Option<&RuleMatch> {
        self.rule.matches.get(self.position)
    }

    /// Precedence among the matches that one hostname and path lead to. The least wins. Variants of a rule have the same rank.
    pub(super) fn order(&self) -> Option<(MatchRank<'_>, u32)> {
        let source = self.source()?;
        Some((MatchRank::new(&self.rule, self.position, source), self.rule.key.variant))
    }

    /// Whether a request that the path table offers matches.
    pub(super) fn holds(&self, request: &Request<'_>) -> bool {
        // HTTPRouteMatch: "Multiple match types are ANDed together".
        self.method.as_deref().is_none_or(|method| method == request.method)
            && self.path.holds(request)
            && self.headers.iter().all(|header| header.holds(request))
            && self.query.iter().all(|parameter| parameter.holds(request))
    }
}

/// `HTTPPathMatch.value` and `GRPCMethodMatch.service` have 1,024 characters at most: deeper is no route, and deep enough to
/// exhaust a stack.
fn check_depth(path: &str) -> Result<(), Refusal> {
    if path.split('/').nth(MAX_ELEMENTS).is_some() {
        return Err(Refusal(format!("a path prefix or service has more than {MAX_ELEMENTS} elements")));
    }
    Ok(())
}

impl PathTest {
    /// With the bytes of the path that a prefix covers.
    fn of_http(http: &HttpMatch, patterns: &mut Used<'_>) -> Result<(Self, Option<usize>), Refusal> {
        match &http.path {
            PathMatch::Exact(_) => Ok((Self::Indexed, None)),
            PathMatch::Regex(pattern) => Ok((Self::Regex(patterns.compile(pattern)?), None)),
            PathMatch::Prefix(path) if !path.starts_with('/') => {
                Err(Refusal(format!("path prefix {path:?} does not start with '/'")))
            }
            PathMatch::Prefix(path) => {
                let path = path.trim_end_matches('/');
                check_depth(path)?;
                Ok((Self::Indexed, Some(path.len())))
            }
        }
    }

    fn of_grpc(grpc: &GrpcMatch, patterns: &mut Used<'_>) -> Result<Self, Refusal> {
        if let Some(ValueMatch::Exact(service)) = &grpc.service {
            check_depth(service)?;
        }
        let mut value = |value: &Option<ValueMatch>| value.as_ref().map(|v| ValueTest::new(v, patterns)).transpose();
        Ok(Self::Grpc { service: value(&grpc.service)?, method: value(&grpc.method)? })
    }

    pub(super) fn holds(&self, request: &Request<'_>) -> bool {
        match self {
            Self::Indexed => true,
            Self::Regex(regex) => regex.is_match(request.path.as_bytes(), request.own),
            // GRPCRouteRule `matches`: "If no matches are specified, the implementation MUST match every gRPC request."
            Self::Grpc { service: None, method: None } => request.is_grpc(),
            Self::Grpc { service, method } => {
                let holds = |test: &Option<ValueTest>, value: &str| {
                    test.as_ref().is_none_or(|test| test.holds(value.as_bytes(), request.own))
                };
                request.is_grpc() && request.grpc_call().is_some_and(|(s, m)| holds(service, s) && holds(method, m))
            }
        }
    }
}
