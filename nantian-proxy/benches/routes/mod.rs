//! Routes of several shapes, and requests to them.

use std::sync::Arc;

use http::HeaderValue;
use nantian_ir::{
    Age, Attachment, BindAddress, HeaderMatch, HeaderName, HostnameMatch, HttpMatch, Listener, ListenerKey,
    ListenerProtocol, PathMatch, QueryMatch, RouteKey, RouteKind, RouteRule, RuleKey, RuleMatch, Snapshot, Timeouts,
    ValueMatch,
};
use nantian_proxy::Headers;

pub(crate) const BIND: BindAddress = BindAddress { address: None, port: 80 };
/// Different requests of one measurement.
pub(crate) const REQUESTS: usize = 64;

/// How routes differ.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// 16 paths on each host, hosts exact and wildcard.
    Mixed,
    /// One host, a path prefix for each route.
    OneHost,
    /// A host for each route.
    ManyHosts,
    /// One host and path, a header value for each route.
    Header,
    /// One host and path, a query parameter value for each route.
    Query,
}

impl Shape {
    fn hostname(self, route: usize) -> HostnameMatch {
        let text = match self {
            Self::Mixed if route % 32 < 16 => format!("h{}.example.com", route / 16),
            Self::Mixed => format!("*.h{}.example.com", route / 16),
            Self::OneHost | Self::Header | Self::Query => "example.com".to_owned(),
            Self::ManyHosts => format!("h{route}.example.com"),
        };
        HostnameMatch::parse(&text).expect("a hostname")
    }

    fn host(self, route: usize) -> String {
        match self.hostname(route) {
            HostnameMatch::Wildcard(suffix) => format!("www.{suffix}"),
            hostname => hostname.to_string(),
        }
    }

    fn path(self, route: usize) -> PathMatch {
        match self {
            Self::Mixed if route.is_multiple_of(4) => PathMatch::Exact(format!("/api/v1/service{route}/users/42")),
            Self::Mixed | Self::OneHost => PathMatch::Prefix(format!("/api/v1/service{route}")),
            Self::ManyHosts | Self::Header | Self::Query => PathMatch::Prefix("/".to_owned()),
        }
    }

    fn rule_match(self, route: usize) -> RuleMatch {
        let header = || HeaderMatch {
            name: HeaderName::new("x-tenant").expect("a header name"),
            value: ValueMatch::Exact(format!("tenant-{route}")),
        };
        let parameter =
            || QueryMatch { name: "tenant".to_owned(), value: ValueMatch::Exact(format!("tenant-{route}")) };
        RuleMatch::Http(HttpMatch {
            path: self.path(route),
            method: None,
            headers: if matches!(self, Self::Header) { vec![header()] } else { Vec::new() },
            query: if matches!(self, Self::Query) { vec![parameter()] } else { Vec::new() },
        })
    }

    pub(crate) fn snapshot(self, size: usize) -> Snapshot {
        let key = ListenerKey { namespace: "n".into(), gateway: "g".into(), set: None, listener: "http".into() };
        let listener = Listener {
            key: key.clone(),
            bind: BIND,
            public_port: 80,
            protocol: ListenerProtocol::Http,
            hostname: HostnameMatch::Any,
            tls: None,
            client_certificate: None,
        };
        let rule = |route| {
            let name = RouteKey { kind: RouteKind::Http, namespace: "n".into(), name: format!("r{route:05}").into() };
            Arc::new(RouteRule {
                key: RuleKey { route: name, rule: 0, variant: 0 },
                name: None,
                age: Age { created: None },
                attachments: vec![Attachment { listener: key.clone(), hostnames: vec![self.hostname(route)] }],
                matches: vec![self.rule_match(route)],
                filters: Vec::new(),
                targets: Vec::new(),
                timeouts: Timeouts::default(),
                retry: None,
            })
        };
        let rules = (0..size).map(rule).collect();
        Snapshot { listeners: [listener].into_iter().collect(), rules, ..Snapshot::default() }
    }

    /// What a browser sends, to routes spread evenly.
    pub(crate) fn requests(self, size: usize) -> Vec<(String, String, String, Headers)> {
        let request = |n: usize| {
            let route = n * size / REQUESTS;
            let path = match self {
                Self::Mixed | Self::OneHost => format!("/api/v1/service{route}/users/42"),
                Self::ManyHosts | Self::Header | Self::Query => "/index.html".to_owned(),
            };
            let mut headers = Headers::new();
            for name in ["accept", "accept-encoding", "accept-language", "user-agent", "cookie", "cache-control"] {
                headers.insert(name, HeaderValue::from_static("some value of usual length"));
            }
            headers.insert("x-tenant", HeaderValue::from_str(&format!("tenant-{route}")).expect("a header value"));
            (self.host(route), path, format!("page=1&tenant=tenant-{route}"), headers)
        };
        (0..REQUESTS).map(request).collect()
    }
}
