//! Why a request goes where it goes, as plain data for people.
//!
//! Unlike [`Router::route`] this looks at every match of the listener one by one, without the tables; a property test
//! holds that both name the same winner.

use std::fmt;

use nantian_ir::{
    BindAddress, HostnameMatch, ListenerKey, MatchRank, PathMatch, RouteRule, RuleKey, RuleMatch, ValueMatch,
};
use serde::{Deserialize, Serialize};

use super::condition::{CompiledMatch, PathTest, Request};
use super::{RequestParts, Router, host, query};

/// How a request is routed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Where the connection was accepted.
    pub bind: BindAddress,
    /// The host as it is compared: lower case, without port and trailing dot.
    pub host: String,
    /// All listeners on the bind address, the most specific hostname first.
    pub listeners: Vec<ListenerCandidate>,
    /// All matches of all rules attached to the chosen listener: the winner, then those that match too in the order of
    /// precedence, then the others, those that came furthest first.
    pub candidates: Vec<CandidateMatch>,
    /// Where the request goes; `None`: nowhere.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub winner: Option<Winner>,
}

/// One listener on the bind address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerCandidate {
    /// The listener.
    pub listener: ListenerKey,
    /// Its hostname.
    pub hostname: HostnameMatch,
    /// Whether it gets the request.
    pub outcome: ListenerOutcome,
}

/// What became of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ListenerOutcome {
    /// It gets the request; only its rules count.
    Chosen,
    /// It covers the host, but another listener does with a more specific hostname.
    LessSpecific,
    /// It does not cover the host.
    HostnameDiffers,
}

/// One match of one rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CandidateMatch {
    /// The rule.
    pub rule: RuleKey,
    /// `rules[].name`, if given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// Position of the match in the rule.
    pub position: usize,
    /// What became of it.
    pub outcome: CandidateOutcome,
}

/// What became of a match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CandidateOutcome {
    /// It gets the request.
    Wins,
    /// It matches too, but the winner has precedence.
    #[serde(rename_all = "camelCase")]
    Outranked {
        /// The first comparison that differs.
        by: Comparison,
        /// What this match has there.
        own: String,
        /// What the winner has there.
        winner: String,
    },
    /// It does not match.
    #[serde(rename_all = "camelCase")]
    Differs {
        /// The first criterion that fails.
        criterion: Criterion,
        /// What the match asks for.
        expected: String,
        /// What the request has; `None`: nothing.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        got: Option<String>,
    },
    /// The rule is not served.
    #[serde(rename_all = "camelCase")]
    Refused {
        /// Why.
        message: String,
    },
}

/// What a match can ask for, in the order in which it is told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Criterion {
    /// The host.
    Hostname,
    /// That the request is gRPC: `POST` and a content type that begins with `application/grpc`.
    GrpcRequest,
    /// The path, for gRPC the service or method in it.
    Path,
    /// The HTTP method.
    Method,
    /// The header of this name.
    Header(String),
    /// The query parameter of this name.
    QueryParameter(String),
}

impl fmt::Display for Criterion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hostname => f.write_str("hostname"),
            Self::GrpcRequest => f.write_str("gRPC request"),
            Self::Path => f.write_str("path"),
            Self::Method => f.write_str("method"),
            Self::Header(name) => write!(f, "header {name}"),
            Self::QueryParameter(name) => write!(f, "query parameter {name}"),
        }
    }
}

/// The comparisons of precedence, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Comparison {
    /// The more specific hostname.
    Hostname,
    /// Exact path before regular expression before prefix.
    PathKind,
    /// The longer path pattern (gRPC: service).
    PathLength,
    /// The longer gRPC method.
    GrpcMethodLength,
    /// A match that names a method.
    Method,
    /// More headers.
    Headers,
    /// More query parameters.
    QueryParameters,
    /// The older route.
    Age,
    /// The route whose `namespace/name` (then kind) comes first.
    Name,
    /// The rule that comes first in its route.
    RuleOrder,
    /// The match that comes first in its rule.
    MatchOrder,
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hostname => "more specific hostname",
            Self::PathKind => "kind of path match",
            Self::PathLength => "length of the path match",
            Self::GrpcMethodLength => "length of the gRPC method",
            Self::Method => "method match",
            Self::Headers => "number of header matches",
            Self::QueryParameters => "number of query parameter matches",
            Self::Age => "age of the route",
            Self::Name => "name of the route",
            Self::RuleOrder => "order of the rules",
            Self::MatchOrder => "order of the matches",
        })
    }
}

/// Where the request goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Winner {
    /// The listener.
    pub listener: ListenerKey,
    /// The rule.
    pub rule: RuleKey,
    /// Position of the match in the rule.
    pub position: usize,
    /// The hostname that covered the host.
    pub hostname: HostnameMatch,
}

/// A match on its way through the explanation.
struct Judged<'r> {
    rule: &'r RouteRule,
    position: usize,
    rank: MatchRank<'r>,
    verdict: Result<&'r HostnameMatch, Failure>,
}

/// The first criterion that fails.
struct Failure {
    criterion: Criterion,
    expected: String,
    got: Option<String>,
}

pub(super) fn explain(router: &Router, parts: &RequestParts<'_>) -> Explanation {
    let host = host::normalise(parts.host);
    let chosen = router.listener_for(parts.bind, parts.host);
    let mut explanation = Explanation {
        bind: parts.bind,
        host: host.to_string(),
        listeners: listeners(router, parts.bind, &host, chosen),
        candidates: Vec::new(),
        winner: None,
    };
    let Some(listener) = chosen else { return explanation };

    let request = Request::new(parts, None);
    let matches = router.rules.values().flat_map(|rule| &rule.matches);
    let judged = matches.filter_map(|compiled| judge(compiled, listener, &host, &request));
    let (mut matching, mut others): (Vec<_>, Vec<_>) = judged.partition(|judged| judged.verdict.is_ok());
    matching.sort_by(|a, b| precedence(a).cmp(&precedence(b)));
    others.sort_by(|a, b| progress(b).cmp(&progress(a)).then_with(|| a.rank.cmp(&b.rank)));

    if let Some((first, Ok(hostname))) = matching.first().map(|first| (first, &first.verdict)) {
        explanation.winner = Some(Winner {
            listener: listener.clone(),
            rule: first.rule.key.clone(),
            position: first.position,
            hostname: (*hostname).clone(),
        });
    }
    let told = matching.iter().chain(&others).map(|judged| told(judged, matching.first()));
    explanation.candidates = told.chain(refused(router, listener)).collect();
    explanation
}

fn listeners(router: &Router, bind: BindAddress, host: &str, chosen: Option<&ListenerKey>) -> Vec<ListenerCandidate> {
    let slots = router.binds.get(&bind).into_iter().flat_map(host::HostTable::iter);
    let tables = slots.filter_map(|(hostname, slot)| Some((hostname, router.tables.get(*slot)?)));
    let mut listeners: Vec<_> = tables
        .map(|(hostname, table)| ListenerCandidate {
            listener: table.key.clone(),
            hostname: hostname.clone(),
            outcome: if chosen == Some(&table.key) {
                ListenerOutcome::Chosen
            } else if hostname.matches(host) {
                ListenerOutcome::LessSpecific
            } else {
                ListenerOutcome::HostnameDiffers
            },
        })
        .collect();
    listeners.sort_by(|a, b| (&a.hostname, &a.listener).cmp(&(&b.hostname, &b.listener)));
    listeners
}

/// Judges a match, if its rule is attached to the listener.
fn judge<'r>(
    compiled: &'r CompiledMatch,
    listener: &ListenerKey,
    host: &str,
    request: &Request<'_>,
) -> Option<Judged<'r>> {
    let rule: &RouteRule = &compiled.rule;
    let rule_match = compiled.source()?;
    let attachments = || rule.attachments.iter().filter(|attachment| attachment.listener == *listener);
    let hostnames = || attachments().flat_map(|attachment| &attachment.hostnames);
    hostnames().next()?;
    let covering = hostnames().filter(|hostname| hostname.matches(host)).min();
    let verdict = match (covering, failure(compiled, rule_match, request)) {
        (None, _) => Err(Failure {
            criterion: Criterion::Hostname,
            expected: hostnames().map(ToString::to_string).collect::<Vec<_>>().join(", "),
            got: Some(host.to_owned()),
        }),
        (Some(_), Some(failure)) => Err(failure),
        (Some(hostname), None) => Ok(hostname),
    };
    Some(Judged {
        rule,
        position: compiled.position,
        rank: MatchRank::new(rule, compiled.position, rule_match),
        verdict,
    })
}

/// Precedence of a match that holds. The least wins.
fn precedence<'j>(judged: &'j Judged<'_>) -> (Option<&'j HostnameMatch>, &'j MatchRank<'j>) {
    (judged.verdict.as_ref().ok().copied(), &judged.rank)
}

/// How far a match that does not hold came, without the names of headers and parameters.
fn progress(judged: &Judged<'_>) -> u8 {
    match judged.verdict.as_ref().err().map(|failure| &failure.criterion) {
        Some(Criterion::Hostname) => 0,
        Some(Criterion::GrpcRequest) => 1,
        Some(Criterion::Path) => 2,
        Some(Criterion::Method) => 3,
        Some(Criterion::Header(_)) => 4,
        Some(Criterion::QueryParameter(_)) => 5,
        None => 6,
    }
}

fn told(judged: &Judged<'_>, winner: Option<&Judged<'_>>) -> CandidateMatch {
    let outcome = match (&judged.verdict, winner) {
        (Err(failure), _) => CandidateOutcome::Differs {
            criterion: failure.criterion.clone(),
            expected: failure.expected.clone(),
            got: failure.got.clone(),
        },
        (Ok(_), None) => CandidateOutcome::Wins,
        (Ok(_), Some(winner)) => match decided_by(judged, winner) {
            None => CandidateOutcome::Wins,
            Some((by, own, winner)) => CandidateOutcome::Outranked { by, own, winner },
        },
    };
    CandidateMatch { rule: judged.rule.key.clone(), name: judged.rule.name.clone(), position: judged.position, outcome }
}

/// Rules of the listener that are not served.
fn refused<'r>(router: &'r Router, listener: &ListenerKey) -> impl Iterator<Item = CandidateMatch> {
    let attached = move |rule: &RouteRule| rule.attachments.iter().any(|a| a.listener == *listener);
    let find = move |refused: &'r super::RefusedRule| {
        let rule = router.sources.get(&refused.key).filter(|rule| attached(rule))?;
        Some(CandidateMatch {
            rule: rule.key.clone(),
            name: rule.name.clone(),
            position: 0,
            outcome: CandidateOutcome::Refused { message: refused.message.clone() },
        })
    };
    router.refused.iter().filter_map(find).collect::<Vec<_>>().into_iter()
}

/// The first comparison in which two matches differ, with what each has.
fn decided_by(own: &Judged<'_>, winner: &Judged<'_>) -> Option<(Comparison, String, String)> {
    let path_kind = |rank: &MatchRank<'_>| match rank.path_kind {
        0 => "exact",
        1 => "regular expression",
        _ => "prefix",
    };
    let yes = |flag: bool| if flag { "yes" } else { "no" };
    let age =
        |rank: &MatchRank<'_>| rank.age.created.map_or("no creation time".to_owned(), |created| created.to_string());
    let texts = |judged: &Judged<'_>| {
        let rank = &judged.rank;
        let hostname = judged.verdict.as_ref().map(ToString::to_string).unwrap_or_default();
        [
            (Comparison::Hostname, hostname),
            (Comparison::PathKind, path_kind(rank).to_owned()),
            (Comparison::PathLength, rank.path_length.0.to_string()),
            (Comparison::GrpcMethodLength, rank.grpc_method_length.0.to_string()),
            (Comparison::Method, yes(rank.method.0).to_owned()),
            (Comparison::Headers, rank.headers.0.to_string()),
            (Comparison::QueryParameters, rank.query.0.to_string()),
            (Comparison::Age, age(rank)),
            (Comparison::Name, judged.rule.key.route.to_string()),
            (Comparison::RuleOrder, rank.rule.to_string()),
            (Comparison::MatchOrder, rank.position.to_string()),
        ]
    };
    let mut pairs = texts(own).into_iter().zip(texts(winner));
    pairs.find(|((_, a), (_, b))| a != b).map(|((by, own), (_, winner))| (by, own, winner))
}

/// The first criterion of a match that fails, the hostname apart.
fn failure(compiled: &CompiledMatch, rule_match: &RuleMatch, request: &Request<'_>) -> Option<Failure> {
    if matches!(rule_match, RuleMatch::Grpc(_)) && !request.is_grpc() {
        let content_type = request.header(&http::header::CONTENT_TYPE).map_or("none".to_owned(), |v| lossy(&v));
        return Some(Failure {
            criterion: Criterion::GrpcRequest,
            expected: "POST, content type application/grpc".to_owned(),
            got: Some(format!("{}, content type {content_type}", request.method)),
        });
    }
    if !path_holds(compiled, rule_match, request) {
        return Some(Failure {
            criterion: Criterion::Path,
            expected: path_text(rule_match),
            got: Some(request.path.to_owned()),
        });
    }
    if let Some(method) = compiled.method.as_deref().filter(|method| *method != request.method) {
        return Some(Failure {
            criterion: Criterion::Method,
            expected: method.to_owned(),
            got: Some(request.method.to_owned()),
        });
    }
    let headers = match rule_match {
        RuleMatch::Http(http) => &http.headers,
        RuleMatch::Grpc(grpc) => &grpc.headers,
    };
    if let Some((test, header)) = compiled.headers.iter().zip(headers).find(|(test, _)| !test.holds(request)) {
        return Some(Failure {
            criterion: Criterion::Header(header.name.to_string()),
            expected: value_text(&header.value),
            got: request.header(&test.name).map(|value| lossy(&value)),
        });
    }
    let RuleMatch::Http(http) = rule_match else { return None };
    let failed = compiled.query.iter().zip(&http.query).find(|(test, _)| !test.holds(request));
    failed.map(|(test, parameter)| {
        let raw = request.query.and_then(|query| query::first(query, &test.name));
        Failure {
            criterion: Criterion::QueryParameter(parameter.name.clone()),
            expected: value_text(&parameter.value),
            got: raw.map(|raw| lossy(&query::decode(raw))),
        }
    })
}

fn path_holds(compiled: &CompiledMatch, rule_match: &RuleMatch, request: &Request<'_>) -> bool {
    match (rule_match, &compiled.path) {
        (RuleMatch::Http(http), PathTest::Indexed) => match &http.path {
            PathMatch::Exact(path) => path == request.path,
            PathMatch::Prefix(prefix) => {
                let prefix = prefix.trim_end_matches('/');
                let rest = request.path.strip_prefix(prefix);
                prefix.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            PathMatch::Regex(_) => false,
        },
        (_, test) => test.holds(request),
    }
}

fn path_text(rule_match: &RuleMatch) -> String {
    match rule_match {
        RuleMatch::Http(http) => match &http.path {
            PathMatch::Exact(path) => format!("exactly {path}"),
            PathMatch::Prefix(path) => format!("prefix {path}"),
            PathMatch::Regex(pattern) => format!("regular expression {pattern}"),
        },
        RuleMatch::Grpc(grpc) => {
            let text = |value: &Option<ValueMatch>| value.as_ref().map_or("any".to_owned(), value_text);
            format!("service {}, method {}", text(&grpc.service), text(&grpc.method))
        }
    }
}

fn value_text(value: &ValueMatch) -> String {
    match value {
        ValueMatch::Exact(text) => text.clone(),
        ValueMatch::Regex(pattern) => format!("regular expression {pattern}"),
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
