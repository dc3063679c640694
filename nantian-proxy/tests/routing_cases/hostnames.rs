//! `HTTPRouteSpec.hostnames`.

use super::{HTTP, ONE, Route, Scenario};

const OLD: &str = "2020-01-01T00:00:00Z";

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        listeners: ONE,
        routes: &[
            Route { name: "exact", hostnames: "[test.example.com]", rules: "[{}]", ..HTTP },
            Route { name: "long", hostnames: "['*.test.example.com']", rules: "[{}]", ..HTTP },
            Route { name: "short", hostnames: "['*.example.com']", rules: "[{}]", ..HTTP },
            Route { name: "two", hostnames: "[a.org, b.org]", rules: "[{}]", ..HTTP },
        ],
        cases: &[
            ("a set of hostnames that should match against the HTTP Host header", "GET http://a.org/", &[], "two/0/0"),
            ("a set of hostnames: any of them", "GET http://b.org/", &[], "two/0/0"),
            ("a set of hostnames: no other", "GET http://c.org/", &[], "404"),
            ("Characters in a matching non-wildcard hostname", "GET http://test.example.com/", &[], "exact/0/0"),
            ("Characters in a matching hostname", "GET http://x.test.example.com/", &[], "long/0/0"),
            (
                "`*.example.com` would match `test.example.com`: one label",
                "GET http://other.example.com/",
                &[],
                "short/0/0",
            ),
            ("and `foo.test.example.com`: several labels", "GET http://foo.other.example.com/", &[], "short/0/0"),
            ("but not `example.com`", "GET http://example.com/", &[], "404"),
            ("a suffix match of whole labels", "GET http://badexample.com/", &[], "404"),
            (
                "Implementations MUST ignore any port value specified in the HTTP Host header",
                "GET http://test.example.com:80/",
                &[],
                "exact/0/0",
            ),
            (
                "RFC 9110 section 4.2.3: the scheme and host are case-insensitive",
                "GET http://Test.Example.COM/",
                &[],
                "exact/0/0",
            ),
            (
                "RFC 3986 section 3.2.2: a trailing dot names the same host",
                "GET http://test.example.com./",
                &[],
                "exact/0/0",
            ),
        ],
    },
    Scenario {
        listeners: ONE,
        routes: &[
            Route {
                name: "any",
                created: OLD,
                rules: "[{matches: [{path: {type: Exact, value: /a/b}}]}, {matches: [{path: {value: /deep}}]}]",
                ..HTTP
            },
            Route {
                name: "wild",
                created: OLD,
                hostnames: "['*.example.com']",
                rules: "[{matches: [{path: {type: Exact, value: /a/b}, method: GET}]}, {matches: [{path: {value: /wild}}]}]",
                ..HTTP
            },
            Route { name: "host", hostnames: "[a.example.com]", rules: "[{matches: [{path: {value: /a}}]}]", ..HTTP },
        ],
        cases: &[
            (
                "precedence must be given to rules from the HTTPRoute with [..] matching non-wildcard hostname: before paths",
                "GET http://a.example.com/a/b",
                &[],
                "host/0/0",
            ),
            (
                "precedence must be given [..] Characters in a matching hostname: before paths",
                "GET http://b.example.com/a/b",
                &[],
                "wild/0/0",
            ),
            (
                "If ties exist across multiple Routes, the matching precedence rules for HTTPRouteMatches takes over",
                "GET http://other.com/a/b",
                &[],
                "any/0/0",
            ),
            (
                "precedence, not exclusion: 404 only when no rule matches",
                "GET http://a.example.com/wild",
                &[],
                "wild/1/0",
            ),
            (
                "precedence, not exclusion: 404 only when no rule matches",
                "GET http://a.example.com/deep/x",
                &[],
                "any/1/0",
            ),
            (
                "When no rules matching a request have been successfully attached [..] a HTTP 404",
                "GET http://a.example.com/none",
                &[],
                "404",
            ),
        ],
    },
    Scenario {
        listeners: &[("wild", 80, "*.example.com")],
        routes: &[
            Route {
                name: "two",
                hostnames: "[test.example.com, test.example.net]",
                rules: "[{matches: [{path: {value: /two}}]}]",
                ..HTTP
            },
            Route { name: "none", rules: "[{matches: [{path: {value: /none}}]}]", ..HTTP },
            Route {
                name: "foo",
                hostnames: "[foo.test.example.com, '*.example.com']",
                rules: "[{matches: [{path: {value: /foo}}]}]",
                ..HTTP
            },
        ],
        cases: &[
            (
                "A Listener with `*.example.com` [..] at least one hostname that matches",
                "GET http://test.example.com/two",
                &[],
                "two/0/0",
            ),
            (
                "`test.example.net` must not be considered for a match",
                "GET http://test.example.net/two",
                &[],
                "404@none",
            ),
            ("HTTPRoutes that have [..] not specified any hostnames", "GET http://x.example.com/none", &[], "none/0/0"),
            (
                "any HTTPRoute hostnames that do not match the Listener hostname MUST be ignored",
                "GET http://other.net/none",
                &[],
                "404@none",
            ),
            (
                "`*.example.com`, `test.example.com`, and `foo.test.example.com` would all match",
                "GET http://foo.test.example.com/foo",
                &[],
                "foo/0/0",
            ),
        ],
    },
    Scenario {
        listeners: &[("exact", 80, "test.example.com")],
        routes: &[Route { name: "wild", hostnames: "['*.example.com']", rules: "[{}]", ..HTTP }],
        cases: &[
            (
                "A Listener with `test.example.com` [..] matches HTTPRoutes that have [..] `*.example.com`",
                "GET http://test.example.com/",
                &[],
                "wild/0/0",
            ),
            (
                "the intersection: nothing that the listener does not serve",
                "GET http://other.example.com/",
                &[],
                "404@none",
            ),
        ],
    },
];
