//! The router: which listener, route rule and match a request gets, and why the others lost. No I/O, no clock.
//!
//! # What is decided here
//!
//! 1. **Listener.** Of the listeners on the request's bind address, the one with the most specific hostname that
//!    covers the request's host (Gateway API, `Gateway.spec.listeners`, "Listeners that are distinct only by
//!    Hostname"). Only its routes count, also when none of them matches (listener isolation).
//! 2. **Hostname.** Of that listener's rules, those with the most specific matching hostname come first
//!    (`HTTPRoute.spec.hostnames`: "precedence must be given to rules from the HTTPRoute with the largest number of
//!    characters in a matching non-wildcard hostname", then "in a matching hostname").
//! 3. **Match.** Then [`nantian_ir::MatchRank`] decides: path, method, headers, query, age, name, position.
//!
//! # What the specification leaves open, and what happens here
//!
//! - *A more specific hostname whose rules do not match the request.* Hostnames order the rules that match; they do not
//!   hide others: a rule for `*.example.com` gets what no rule for `a.example.com` matches. "When no rules matching a
//!   request have been successfully attached to the parent" is the specification's only condition for 404.
//! - *Regular expressions* are RE2 and must match the whole value. As paths they lose to `Exact` and win over prefixes.
//! - *Repeated headers* are joined with `,` (RFC 9110 section 5.3), `cookie` with `; ` (RFC 9113 section 8.2.3).
//! - *Query parameters* are compared decoded as `application/x-www-form-urlencoded` (WHATWG URL section 5.1): `%41` is
//!   `A`, `+` is a space, a broken escape stays as it is, a parameter without `=` has the empty value. Of repeated
//!   parameters the first counts, as the specification recommends.
//! - *gRPC requests* are `POST` requests whose content type begins with `application/grpc` (the gRPC HTTP/2 protocol
//!   specification, "Requests"). A GRPCRoute matches no other request.
//! - *Methods, paths and header values* are case-sensitive; header names and hosts are not.
//!
//! # Cost
//!
//! A lookup is a hash for each label of the host, then, for each hostname that covers it, a hash for exact paths, the
//! listener's regular expressions for that hostname one by one, and a walk down a trie of path elements. Matches on the
//! same path that differ by the exact value of a header or query parameter are found by a hash of that value. So nothing
//! grows with the number of routes but what names no exact value: regular expressions on one hostname (paths) or one path
//! (headers, query parameters), and gRPC methods without a service.
//!
//! A change of the snapshot ([`Router::following`]) costs what it changes: hash tables are cut into shards, and those that no
//! change meets are the same objects in the next router. A host's rules are found by path in tables of the same kind, so that
//! it does not matter whether thousands of rules are on one host or on thousands.

mod candidates;
mod condition;
mod explain;
mod host;
pub mod naive;
mod paths;
mod pattern;
#[cfg(test)]
mod property_tests;
mod query;
mod table;

use std::sync::Arc;

use nantian_ir::{
    BindAddress, HostnameMatch, Listener, ListenerKey, ResourceChange, ResourceMap, RouteRule, RuleKey, Snapshot,
};

use crate::Headers;
use crate::slots::Numbers;
use condition::Request;
use pattern::Patterns;
use table::{Binds, CompiledRule, ListenerTable, ListenerTables};

pub use pattern::ThreadPatterns;

/// Elements of a path prefix.
const MAX_ELEMENTS: usize = 1_024;

pub use explain::{
    CandidateMatch, CandidateOutcome, Comparison, Criterion, Explanation, ListenerCandidate, ListenerOutcome, Winner,
};

/// What of a request decides where it goes.
#[derive(Debug, Clone, Copy)]
pub struct RequestParts<'a> {
    /// The bind address of the listener that accepted the connection, as [`nantian_ir::Listener::bind`] spells it.
    pub bind: BindAddress,
    /// `Host` or `:authority` as received; empty if there is none. Port, case, one trailing dot and the brackets of an
    /// IPv6 literal do not count.
    pub host: &'a str,
    /// Path, already normalised, without query.
    pub path: &'a str,
    /// Query without `?`, as received.
    pub query: Option<&'a str>,
    /// Method, case-sensitive.
    pub method: &'a str,
    /// Header fields. `Host` among them does not count: a match on the header `host` is compared with [`Self::host`].
    pub headers: &'a Headers,
}

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match<'r> {
    /// The listener.
    pub listener: &'r ListenerKey,
    /// The listener's number, see [`ListenerRoutes::index`].
    pub listener_index: usize,
    /// The rule.
    pub rule: &'r Arc<RouteRule>,
    /// The rule's number: small, no other rule of the router has it, and the rule keeps it in routers that follow
    /// ([`Router::following`]) for as long as it is there, however it changes.
    pub rule_index: usize,
    /// Position of the match in `rule.matches`.
    pub position: usize,
    /// The hostname that covered the request's host.
    pub hostname: &'r HostnameMatch,
    /// Bytes of the path that a prefix match covered, without a trailing `/` (0 for `/`): what `ReplacePrefixMatch`
    /// replaces. `None` if the path did not match by prefix.
    pub prefix: Option<usize>,
}

/// The routes of one listener, see [`Router::listener`].
#[derive(Debug, Clone, Copy)]
pub struct ListenerRoutes<'r> {
    table: &'r ListenerTable,
}

/// Nothing matched: the answer is 404 (`HTTPRouteRule.matches`), or 421 where another listener serves the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoMatch<'r> {
    /// The listener that the host belongs to; `None` if no listener on the bind address covers it.
    pub listener: Option<&'r ListenerKey>,
}

/// A rule that is not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRule {
    /// The rule.
    pub key: RuleKey,
    /// Why, with the value at fault.
    pub message: String,
}

/// The compiled routes of a snapshot. Immutable and shared by all workers. A clone shares everything.
#[derive(Debug, Clone, Default)]
pub struct Router {
    listeners: ResourceMap<Listener>,
    binds: Arc<Binds>,
    tables: ListenerTables,
    /// As they were compiled, to see what changes.
    sources: ResourceMap<RouteRule>,
    rules: ResourceMap<CompiledRule>,
    numbers: Numbers,
    refused: Vec<RefusedRule>,
    patterns: Patterns,
}

impl Router {
    /// Compiles the listeners and rules of `snapshot`. What cannot be compiled is in [`Router::refused`]; the rest routes.
    #[must_use]
    pub fn new(snapshot: &Snapshot) -> Self {
        Self::default().following(snapshot)
    }

    /// The router of a newer snapshot. It shares with this one what is the same in both, and answers as one that was made
    /// from nothing. The cost is that of the difference, if `snapshot` is a later version of the one of this router.
    #[must_use]
    pub fn following(&self, snapshot: &Snapshot) -> Self {
        let (listeners, rules) = (snapshot.listeners.changes(&self.listeners), snapshot.rules.changes(&self.sources));
        self.with_changes(snapshot, &listeners, &rules)
    }

    /// The same for who knows already what changed.
    pub(crate) fn with_changes(
        &self,
        snapshot: &Snapshot,
        listeners: &[ResourceChange<'_, Listener>],
        rules: &[ResourceChange<'_, RouteRule>],
    ) -> Self {
        let mut next = self.clone();
        next.change_listeners(&snapshot.listeners, listeners);
        next.change_rules(rules);
        next.sources = snapshot.rules.clone();
        next
    }

    /// The number of a rule, as in [`Match::rule_index`].
    pub fn rule_index(&self, key: &RuleKey) -> Option<usize> {
        self.rules.get(key).map(|rule| rule.slot)
    }

    /// The number of a listener, as in [`Match::listener_index`].
    pub fn listener_index(&self, key: &ListenerKey) -> Option<usize> {
        self.tables.slot(key)
    }

    /// Rules that are not served because a pattern does not compile, in the order of their keys. The compiler of
    /// `nantian-ir` rejects such patterns before, so that this is empty for its snapshots.
    pub fn refused(&self) -> &[RefusedRule] {
        &self.refused
    }

    /// Where the request goes.
    ///
    /// # Errors
    ///
    /// [`NoMatch`] if no listener covers the host or no rule of the listener matches.
    pub fn route(&self, parts: &RequestParts<'_>) -> Result<Match<'_>, NoMatch<'_>> {
        self.listener(parts.bind, parts.host).ok_or(NoMatch { listener: None })?.route(parts)
    }

    /// The routes of the listener that a host belongs to on a bind address: the first half of [`Router::route`], for who
    /// needs the listener before the rule.
    pub fn listener(&self, bind: BindAddress, host: &str) -> Option<ListenerRoutes<'_>> {
        self.table_for(bind, &host::normalise(host)).map(|table| ListenerRoutes { table })
    }

    /// Copies of the regular expressions for one thread: many threads that route by the same ones contend for their
    /// scratch memory. See [`ListenerRoutes::route_with`].
    #[must_use]
    pub fn thread_patterns(&self) -> ThreadPatterns {
        ThreadPatterns::new(&self.patterns)
    }

    /// The same for a thread that has those of the router that this one followed.
    #[must_use]
    pub fn thread_patterns_following(&self, previous: &ThreadPatterns) -> ThreadPatterns {
        previous.following(&self.patterns)
    }

    /// The listener that a host belongs to on a bind address. Comparing the listener of the SNI with that of `Host` tells
    /// whether a request is misdirected (Gateway API `Listener.hostname`: 421).
    pub fn listener_for(&self, bind: BindAddress, host: &str) -> Option<&ListenerKey> {
        self.table_for(bind, &host::normalise(host)).map(|table| &table.key)
    }

    /// Tells how [`Router::route`] decides, candidate by candidate. Cost is linear in rules: for people, not for requests.
    #[must_use]
    pub fn explain(&self, parts: &RequestParts<'_>) -> Explanation {
        explain::explain(self, parts)
    }

    fn table_for(&self, bind: BindAddress, host: &str) -> Option<&ListenerTable> {
        let (_, slot) = self.binds.get(&bind)?.covering(host).next()?;
        self.tables.get(*slot)
    }
}

impl<'r> ListenerRoutes<'r> {
    /// The listener.
    pub fn key(&self) -> &'r ListenerKey {
        &self.table.key
    }

    /// The listener's number: small, no other listener of the router has it, and the listener keeps it in routers that
    /// follow ([`Router::following`]) for as long as it is there, however it changes.
    pub fn index(&self) -> usize {
        self.table.slot
    }

    /// Where a request goes that belongs to this listener; its bind address does not count any more.
    ///
    /// # Errors
    ///
    /// [`NoMatch`] if no rule of the listener matches.
    pub fn route(&self, parts: &RequestParts<'_>) -> Result<Match<'r>, NoMatch<'r>> {
        self.find(parts, None)
    }

    /// The same with patterns of this thread's own, from [`Router::thread_patterns`] of the same router.
    ///
    /// # Errors
    ///
    /// [`NoMatch`] if no rule of the listener matches.
    pub fn route_with(&self, parts: &RequestParts<'_>, patterns: &ThreadPatterns) -> Result<Match<'r>, NoMatch<'r>> {
        self.find(parts, Some(patterns))
    }

    fn find(self, parts: &RequestParts<'_>, own: Option<&ThreadPatterns>) -> Result<Match<'r>, NoMatch<'r>> {
        let table = self.table;
        let request = Request::new(parts, own);
        let found = table.find(&host::normalise(parts.host), &request);
        found.ok_or(NoMatch { listener: Some(&table.key) }).map(|(hostname, found)| Match {
            listener: &table.key,
            listener_index: table.slot,
            rule: &found.rule,
            rule_index: found.slot,
            position: found.position,
            hostname,
            prefix: found.prefix,
        })
    }
}
