//! `HTTPRouteRule.matches`: "precedence must be given to the match having", and the ties after it.

use super::{HTTP, ONE, Route, Scenario};

const OLD: &str = "2020-09-08T01:02:03Z";
const NEW: &str = "2020-09-08T01:02:04Z";

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        listeners: ONE,
        routes: &[Route {
            rules: "[{matches: [{path: {value: /}}]}, {matches: [{path: {value: /abc}}]}, {matches: [{path: {value: /abc/def/}}]}, {matches: [{path: {type: Exact, value: /abc/def}}]}, {matches: [{path: {type: RegularExpression, value: '/abc/(x|def).*'}}]}]",
            ..HTTP
        }],
        cases: &[
            (
                "\"Exact\" path match [before prefixes that are longer as written]",
                "GET http://a.com/abc/def",
                &[],
                "r/3/0",
            ),
            ("\"Prefix\" path match with largest number of characters", "GET http://a.com/abc/de", &[], "r/1/0"),
            ("\"Prefix\" path match with largest number of characters", "GET http://a.com/abc", &[], "r/1/0"),
            ("\"Prefix\" path match with largest number of characters", "GET http://a.com/abcd", &[], "r/0/0"),
            (
                "The precedence of RegularExpression path matches are implementation-specific: before prefixes (ours)",
                "GET http://a.com/abc/def/",
                &[],
                "r/4/0",
            ),
            ("before prefixes (ours)", "GET http://a.com/abc/xyz", &[], "r/4/0"),
        ],
    },
    Scenario {
        listeners: ONE,
        routes: &[Route {
            rules: "[{matches: [{path: {value: /p}}]}, {matches: [{method: GET}]}, {matches: [{headers: [{name: a, value: '1'}]}]}, {matches: [{headers: [{name: a, value: '1'}, {name: b, value: '1'}]}]}, {matches: [{headers: [{name: a, value: '1'}], queryParams: [{name: q, value: '1'}]}]}, {matches: [{queryParams: [{name: q, value: '1'}]}]}, {matches: [{queryParams: [{name: q, value: '1'}, {name: r, value: '1'}]}]}, {matches: [{method: GET, headers: [{name: a, value: '1'}]}]}]",
            ..HTTP
        }],
        cases: &[
            ("the path's length before the method", "GET http://a.com/p", &[], "r/0/0"),
            ("the path's length before all others", "GET http://a.com/p?q=1&r=1", &[("a", "1"), ("b", "1")], "r/0/0"),
            ("Method match before the largest number of header matches", "GET http://a.com/", &[("b", "1")], "r/1/0"),
            (
                "Method match, then the largest number of header matches",
                "GET http://a.com/",
                &[("a", "1"), ("b", "1")],
                "r/7/0",
            ),
            ("Largest number of header matches", "PUT http://a.com/", &[("a", "1"), ("b", "1")], "r/3/0"),
            ("Largest number of header matches", "PUT http://a.com/", &[("a", "1")], "r/2/0"),
            (
                "Largest number of header matches before query params",
                "PUT http://a.com/?q=1&r=1",
                &[("a", "1"), ("b", "1")],
                "r/3/0",
            ),
            ("Largest number of query param matches", "PUT http://a.com/?q=1", &[("a", "1")], "r/4/0"),
            ("Largest number of query param matches", "PUT http://a.com/?q=1&r=1", &[], "r/6/0"),
            ("Largest number of query param matches", "PUT http://a.com/?q=1", &[], "r/5/0"),
        ],
    },
    Scenario {
        listeners: ONE,
        routes: &[
            Route {
                name: "young",
                created: NEW,
                rules: "[{matches: [{path: {value: /a}}]}, {matches: [{path: {value: /b/c}}]}]",
                ..HTTP
            },
            Route {
                name: "z-old",
                created: OLD,
                rules: "[{matches: [{path: {value: /a}}]}, {matches: [{path: {value: /b}}]}]",
                ..HTTP
            },
            Route { name: "ageless", rules: "[{matches: [{path: {value: /a}}]}]", ..HTTP },
        ],
        cases: &[
            ("The oldest Route based on creation timestamp", "GET http://a.com/a", &[], "z-old/0/0"),
            ("continuing on ties: age decides only among equal matches", "GET http://a.com/b/c", &[], "young/1/0"),
        ],
    },
    Scenario {
        listeners: ONE,
        routes: &[
            Route { name: "b/x", created: OLD, rules: "[{matches: [{path: {value: /n}}]}]", ..HTTP },
            Route {
                name: "a/x3",
                created: OLD,
                rules: "[{matches: [{path: {value: /n}}, {path: {value: /m}}]}]",
                ..HTTP
            },
            Route { name: "a/x2", created: OLD, rules: "[{matches: [{path: {value: /m}}]}]", ..HTTP },
        ],
        cases: &[
            (
                "The Route appearing first in alphabetical order by \"{namespace}/{name}\"",
                "GET http://a.com/n",
                &[],
                "x3/0/0",
            ),
            ("in alphabetical order by \"{namespace}/{name}\"", "GET http://a.com/m", &[], "x2/0/0"),
        ],
    },
    Scenario {
        listeners: ONE,
        routes: &[
            Route { name: "x", rules: "[{matches: [{path: {value: /}}]}, {matches: [{path: {value: /}}]}]", ..HTTP },
            Route {
                name: "w",
                hostnames: "[only.com]",
                rules: "[{matches: [{headers: [{name: a, value: '1'}]}, {headers: [{name: b, value: '1'}]}]}, {matches: [{headers: [{name: b, value: '1'}]}]}]",
                ..HTTP
            },
        ],
        cases: &[
            ("granted to the FIRST matching rule (in list order)", "GET http://a.com/", &[], "x/0/0"),
            ("the first matching rule, by its first match", "GET http://only.com/", &[("a", "1"), ("b", "1")], "w/0/0"),
            (
                "the FIRST matching rule (in list order) with a match meeting the above criteria",
                "GET http://only.com/",
                &[("b", "1")],
                "w/0/1",
            ),
        ],
    },
    Scenario {
        listeners: ONE,
        routes: &[Route {
            rules: "[{matches: [{path: {value: /}}]}, {matches: [{path: {value: /}, headers: [{name: h, type: RegularExpression, value: '.*'}]}]}, {matches: [{path: {value: /}, headers: [{name: h, value: '1'}]}]}]",
            ..HTTP
        }],
        cases: &[
            (
                "header matches count, whatever their type: then the first rule",
                "GET http://a.com/",
                &[("h", "1")],
                "r/1/0",
            ),
            ("Largest number of header matches", "GET http://a.com/", &[], "r/0/0"),
        ],
    },
];
