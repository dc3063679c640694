//! Rules of routes to rules of the IR.

mod backends;
pub(crate) mod cors;
mod filter;
mod grpc;
mod http;
pub(crate) mod matches;
mod stream;

use nantian_crds::gateway_api::{GrpcRoute, HttpRoute, TcpRoute, TlsRoute, UdpRoute};

use super::attach::Fault;
use super::attach::route::RouteView;
use super::diagnostic::{self, Code, Diagnostic};
use super::field::Field;
use super::memo::Reader;
use super::resolve::backend::Unresolved;
use crate::key::{RouteKind, RuleKey};
use crate::model::{
    Attachment, Filter, Refusal, Retry, RouteRule, RuleMatch, StreamRule, StreamTarget, Target, Timeouts,
    WeightedTarget,
};

/// What the rules of a route come to.
#[derive(Default)]
pub(crate) struct Lowered {
    /// Rules that can be served, be it with an error.
    pub(crate) rules: Vec<LoweredRule>,
    /// The rule of a route for connections or datagrams.
    pub(crate) stream: Option<LoweredStream>,
    /// How many rules the route has.
    pub(crate) total: usize,
    /// Rules that are invalid, by position.
    pub(crate) invalid: Vec<(usize, Fault)>,
    /// References that cannot be resolved.
    pub(crate) unresolved: Vec<Fault>,
    /// Fields that have no effect.
    pub(crate) ignored: Vec<String>,
}

/// One rule, before it is known where it is attached.
pub(crate) struct LoweredRule {
    index: u32,
    name: Option<String>,
    matches: Vec<RuleMatch>,
    filters: Vec<Filter>,
    targets: Vec<WeightedTarget>,
    timeouts: Timeouts,
    retry: Option<Retry>,
}

impl LoweredRule {
    /// The rule of the IR.
    pub(crate) fn attach(self, route: &RouteView, attachments: Vec<Attachment>) -> RouteRule {
        RouteRule {
            key: RuleKey { route: route.key.clone(), rule: self.index, variant: 0 },
            name: self.name,
            age: route.age,
            attachments,
            matches: self.matches,
            filters: self.filters,
            targets: self.targets,
            timeouts: self.timeouts,
            retry: self.retry,
        }
    }
}

/// The rule of a stream route, before it is known where it is attached.
pub(crate) struct LoweredStream {
    name: Option<String>,
    targets: Vec<StreamTarget>,
}

impl LoweredStream {
    /// The rule of the IR.
    pub(crate) fn attach(self, route: &RouteView, attachments: Vec<Attachment>) -> StreamRule {
        let key = RuleKey { route: route.key.clone(), rule: 0, variant: 0 };
        StreamRule { key, name: self.name, age: route.age, attachments, targets: self.targets }
    }
}

/// Lowers the rules of a route.
pub(crate) fn lower(route: &RouteView, reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) -> Lowered {
    let name = (route.key.namespace.clone(), route.key.name.clone());
    let mut context = Context { route, reader, diagnostics, lowered: Lowered::default() };
    match route.key.kind {
        RouteKind::Http => {
            if let Some(entry) = reader.get::<HttpRoute>(&name) {
                context.http_rules(&entry.value.spec.rules);
            }
        }
        RouteKind::Grpc => {
            if let Some(entry) = reader.get::<GrpcRoute>(&name) {
                context.grpc_rules(&entry.value.spec.rules);
            }
        }
        RouteKind::Tls => {
            if let Some(entry) = reader.get::<TlsRoute>(&name) {
                context.stream_rules(&entry.value.spec.rules);
            }
        }
        RouteKind::Tcp => {
            if let Some(entry) = reader.get::<TcpRoute>(&name) {
                context.stream_rules(&entry.value.spec.rules);
            }
        }
        RouteKind::Udp => {
            if let Some(entry) = reader.get::<UdpRoute>(&name) {
                context.stream_rules(&entry.value.spec.rules);
            }
        }
    }
    context.lowered
}

struct Context<'c, 's> {
    route: &'c RouteView,
    reader: &'c Reader<'s>,
    diagnostics: &'c mut Vec<Diagnostic>,
    lowered: Lowered,
}

/// What is wrong with a rule while it is lowered.
#[derive(Default)]
struct Rule {
    /// Why it is invalid.
    invalid: Vec<Fault>,
    /// Requests get 500, since a filter cannot be applied and must not be skipped.
    blocked: bool,
}

impl Context<'_, '_> {
    fn report(&mut self, code: &'static Code, field: impl Into<String>, message: &str) {
        self.diagnostics.push(Diagnostic::of(code, &self.route.object, field, message));
    }

    /// A value of the rule that makes it invalid.
    fn invalid(&mut self, rule: &mut Rule, reason: &'static str, field: Field<'_>, message: impl Into<String>) {
        let message = message.into();
        let code = if reason == "IncompatibleFilters" {
            &diagnostic::INCOMPATIBLE_FILTERS
        } else {
            &diagnostic::INVALID_ROUTE
        };
        self.report(code, field, &message);
        rule.invalid.push(Fault::new(reason, format!("{field}: {message}")));
    }

    /// A reference that cannot be resolved.
    fn unresolved(&mut self, field: Field<'_>, why: &Unresolved) {
        let mut found = Diagnostic::of(why.code, &self.route.object, field, &why.message);
        if let Some(remedy) = &why.remedy {
            found = found.remedy(remedy);
        }
        self.diagnostics.push(found);
        self.lowered.unresolved.push(Fault::new(reason(why.refusal), format!("{field}: {}", why.message)));
    }

    /// A field that has no effect: said, not hidden.
    fn ignored(&mut self, field: Field<'_>, message: &str) {
        self.report(&diagnostic::UNSUPPORTED_FIELD, field, message);
        self.lowered.ignored.push(field.to_string());
    }

    /// Adds a rule. `None` for matches: none of them can be used, so the rule is dropped.
    fn finish(&mut self, index: usize, rule: &Rule, matches: Option<Vec<RuleMatch>>, mut lowered: LoweredRule) {
        if let Some(fault) = rule.invalid.first() {
            let mut message = super::attach::messages(&rule.invalid);
            if matches.is_some() {
                message.push_str(" (requests of the rule get 500)");
            }
            self.lowered.invalid.push((index, Fault::new(fault.reason, message)));
        }
        let Some(matches) = matches else { return };
        lowered.matches = matches;
        if rule.blocked || !rule.invalid.is_empty() {
            // HTTPRouteFilter: "the filter MUST NOT be skipped. Instead, requests that would have been processed by that
            // filter MUST receive a HTTP error response." The rule keeps its place, so that no other rule gets them.
            lowered.filters.clear();
            lowered.targets = vec![WeightedTarget {
                weight: 1,
                target: Target::Refused(Refusal::IncompatibleFilters),
                filters: Vec::new(),
            }];
        }
        self.lowered.rules.push(lowered);
    }
}

/// The reason of `ResolvedRefs` for a refused reference.
fn reason(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::BackendNotFound => "BackendNotFound",
        Refusal::InvalidKind => "InvalidKind",
        Refusal::RefNotPermitted => "RefNotPermitted",
        Refusal::UnsupportedProtocol => "UnsupportedProtocol",
        Refusal::UnsupportedValue => "UnsupportedValue",
        Refusal::IncompatibleFilters => "IncompatibleFilters",
    }
}
