//! Which of several matching rules wins: one `Ord`, used by the router, by its naive reference and by `explain`.
//!
//! HTTPRoute (`HTTPRouteRule.matches`): exact path, then the longest path prefix, then a method match, then the most
//! header matches, then the most query parameter matches; ties go to the oldest route, then to the first in
//! `namespace/name`, then to the first rule and match in the list. GRPCRoute (`GRPCRouteRule.matches`): the longest
//! service, then the longest method, then the most headers, then the same ties. Regular expressions are
//! implementation-specific: ours lose to exact and win over prefixes of any length, longer patterns first.

use std::cmp::{Ordering, Reverse};

use serde::{Deserialize, Serialize};

use crate::key::RuleKey;
use crate::model::{GrpcMatch, HttpMatch, PathMatch, RouteRule, RuleMatch, ValueMatch};

/// Age of a route, for ties. Less is older. Routes without a creation time are younger than all with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Age {
    /// `metadata.creationTimestamp`, seconds since 1970 (UTC).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub created: Option<i64>,
}

impl Age {
    fn rank(self) -> (bool, i64) {
        (self.created.is_none(), self.created.unwrap_or(0))
    }
}

impl PartialOrd for Age {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Age {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// The rank of one match of one rule, apart from the hostname. The least wins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MatchRank<'r> {
    /// Path kind: exact 0, regular expression 1, prefix 2.
    pub path_kind: u8,
    /// Characters of the path pattern, longest first (gRPC: of the service).
    pub path_length: Reverse<usize>,
    /// Characters of the gRPC method, longest first; 0 for HTTP.
    pub grpc_method_length: Reverse<usize>,
    /// HTTP method matches first.
    pub method: Reverse<bool>,
    /// Number of header matches, most first.
    pub headers: Reverse<usize>,
    /// Number of query parameter matches, most first.
    pub query: Reverse<usize>,
    /// Oldest route first.
    pub age: Age,
    /// `namespace/name` of the route, then its kind.
    pub route: (RouteName<'r>, u8),
    /// Position of the rule.
    pub rule: u32,
    /// Position of the match in the rule.
    pub position: usize,
}

/// A route by `namespace/name`, in the order of that text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteName<'r> {
    /// Namespace.
    pub namespace: &'r str,
    /// Name.
    pub name: &'r str,
}

impl RouteName<'_> {
    fn bytes(&self) -> impl Iterator<Item = u8> {
        self.namespace.bytes().chain([b'/']).chain(self.name.bytes())
    }
}

impl PartialOrd for RouteName<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RouteName<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.namespace == other.namespace { self.name.cmp(other.name) } else { self.bytes().cmp(other.bytes()) }
    }
}

impl<'r> MatchRank<'r> {
    /// The rank of `rule.matches[position]`.
    pub fn new(rule: &'r RouteRule, position: usize, rule_match: &RuleMatch) -> Self {
        let RuleKey { route, rule: index, .. } = &rule.key;
        let mut rank = Self {
            path_kind: 2,
            path_length: Reverse(0),
            grpc_method_length: Reverse(0),
            method: Reverse(false),
            headers: Reverse(0),
            query: Reverse(0),
            age: rule.age,
            route: (RouteName { namespace: &route.namespace, name: &route.name }, route.kind as u8),
            rule: *index,
            position,
        };
        match rule_match {
            RuleMatch::Http(http) => rank.set_http(http),
            RuleMatch::Grpc(grpc) => rank.set_grpc(grpc),
        }
        rank
    }

    fn set_http(&mut self, http: &HttpMatch) {
        let (kind, length) = match &http.path {
            PathMatch::Exact(path) => (0, path.chars().count()),
            PathMatch::Regex(pattern) => (1, pattern.chars().count()),
            PathMatch::Prefix(path) => (2, path.trim_end_matches('/').chars().count()),
        };
        self.path_kind = kind;
        self.path_length = Reverse(length);
        self.method = Reverse(http.method.is_some());
        self.headers = Reverse(http.headers.len());
        self.query = Reverse(http.query.len());
    }

    fn set_grpc(&mut self, grpc: &GrpcMatch) {
        let length = |value: &Option<ValueMatch>| match value {
            Some(ValueMatch::Exact(text) | ValueMatch::Regex(text)) => text.chars().count(),
            None => 0,
        };
        let regex = |value: &Option<ValueMatch>| matches!(value, Some(ValueMatch::Regex(_)));
        self.path_kind = match (&grpc.service, &grpc.method) {
            _ if regex(&grpc.service) || regex(&grpc.method) => 1,
            (Some(_), Some(_)) => 0,
            _ => 2,
        };
        self.path_length = Reverse(length(&grpc.service));
        self.grpc_method_length = Reverse(length(&grpc.method));
        self.headers = Reverse(grpc.headers.len());
    }
}
