//! `HTTPMethod` and `HTTPHeaderMatch`.

use super::{HTTP, ONE, Route, Scenario};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        listeners: ONE,
        routes: &[Route { rules: "[{matches: [{method: GET}]}]", ..HTTP }],
        cases: &[
            (
                "When specified, this route will be matched only if the request has the specified method",
                "GET http://a.com/",
                &[],
                "r/0/0",
            ),
            ("only if the request has the specified method", "POST http://a.com/", &[], "404"),
            ("only if the request has the specified method: HEAD is another", "HEAD http://a.com/", &[], "404"),
            ("RFC 9110 section 9.1: The method token is case-sensitive", "get http://a.com/", &[], "404"),
        ],
    },
    Scenario {
        listeners: ONE,
        routes: &[Route { rules: "[{matches: [{headers: [{name: Version, value: One}]}]}]", ..HTTP }],
        cases: &[
            ("headers: the exact value", "GET http://a.com/", &[("version", "One")], "r/0/0"),
            ("Name matching MUST be case-insensitive", "GET http://a.com/", &[("VERSION", "One")], "r/0/0"),
            ("type: default Exact", "GET http://a.com/", &[("version", "one")], "404"),
            ("type: default Exact", "GET http://a.com/", &[("version", "One more")], "404"),
            ("a request must match all the specified headers", "GET http://a.com/", &[], "404"),
            (
                "RFC 9110 section 5.3: combine multiple field lines [..] separated by a comma",
                "GET http://a.com/",
                &[("version", "One"), ("version", "Two")],
                "404",
            ),
        ],
    },
    Scenario {
        listeners: ONE,
        routes: &[Route {
            rules: "[{matches: [{headers: [{name: a, value: '1'}, {name: b, value: '2'}]}]}, {matches: [{headers: [{name: list, value: 'x,y'}]}]}]",
            ..HTTP
        }],
        cases: &[
            ("Multiple match values are ANDed together", "GET http://a.com/", &[("a", "1"), ("b", "2")], "r/0/0"),
            (
                "a request must match all the specified headers to select the route",
                "GET http://a.com/",
                &[("a", "1")],
                "404",
            ),
            (
                "RFC 9110 section 5.3: appending each subsequent field line value [..] in order",
                "GET http://a.com/",
                &[("list", "x"), ("list", "y")],
                "r/1/0",
            ),
            ("in order", "GET http://a.com/", &[("list", "y"), ("list", "x")], "404"),
        ],
    },
    Scenario {
        listeners: ONE,
        routes: &[Route {
            rules: "[{matches: [{headers: [{name: agent, type: RegularExpression, value: 'curl/[0-9.]+'}]}]}]",
            ..HTTP
        }],
        cases: &[
            (
                "RegularExpression, RE2, the whole value (ours)",
                "GET http://a.com/",
                &[("agent", "curl/8.5.0")],
                "r/0/0",
            ),
            ("the whole value (ours)", "GET http://a.com/", &[("agent", "my curl/8.5.0")], "404"),
            ("the whole value (ours)", "GET http://a.com/", &[("agent", "curl/8.5.0 x")], "404"),
            ("a value that is not UTF-8 is no reason to fail", "GET http://a.com/", &[("agent", "\u{e9}")], "404"),
        ],
    },
    Scenario {
        listeners: ONE,
        routes: &[Route { rules: "[{matches: [{headers: [{name: Host, value: a.com}]}]}]", ..HTTP }],
        cases: &[
            ("RFC 9113 section 8.3.1: `:authority` is the `Host` of HTTP/2", "GET http://a.com/", &[], "r/0/0"),
            ("a request must match all the specified headers", "GET http://b.com/", &[], "404"),
        ],
    },
    Scenario {
        listeners: ONE,
        routes: &[Route {
            rules: "[{matches: [{headers: [{name: a, value: '1'}]}, {headers: [{name: b, value: '1'}]}, {headers: [{name: \
                    c, value: '1'}]}, {headers: [{name: d, value: '1'}]}, {headers: [{name: e, value: '1'}]}, {headers: \
                    [{name: f, value: '1'}]}, {headers: [{name: g, value: '1'}]}, {headers: [{name: Host, value: a.com}]}]}]",
            ..HTTP
        }],
        cases: &[
            ("this rule will be matched if **any** one of the matches is satisfied", "GET http://a.com/", &[], "r/0/7"),
            (
                "granted to the FIRST matching rule (in list order), among many headers",
                "GET http://a.com/",
                &[("g", "1"), ("d", "1"), ("a", "2")],
                "r/0/3",
            ),
            ("a request must match all the specified headers", "GET http://b.com/", &[("z", "1")], "404"),
        ],
    },
];
