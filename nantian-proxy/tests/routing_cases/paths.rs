//! `HTTPPathMatch` and `PathMatchType`.

use super::{HTTP, ONE, Route, Scenario};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        listeners: ONE,
        routes: &[Route { rules: "[{matches: [{path: {type: Exact, value: /abc}}]}]", ..HTTP }],
        cases: &[
            ("Matches the URL path exactly", "GET http://a.com/abc", &[], "r/0/0"),
            (
                "An exact path match on `/abc` will only match requests to `/abc`, NOT `/abc/`",
                "GET http://a.com/abc/",
                &[],
                "404",
            ),
            ("NOT [..] `/Abc`", "GET http://a.com/Abc", &[], "404"),
            ("or `/abcd`", "GET http://a.com/abcd", &[], "404"),
            ("Matches the URL path exactly: nothing below it", "GET http://a.com/abc/def", &[], "404"),
            ("Matches the URL path: the query is not part of it", "GET http://a.com/abc?x=/abc", &[], "r/0/0"),
        ],
    },
    Scenario {
        listeners: ONE,
        routes: &[Route { rules: "[{matches: [{path: {type: PathPrefix, value: /abc}}]}]", ..HTTP }],
        cases: &[
            ("The paths `/abc` [..] would all match the prefix `/abc`", "GET http://a.com/abc", &[], "r/0/0"),
            ("The paths [..] `/abc/` [..] would all match", "GET http://a.com/abc/", &[], "r/0/0"),
            ("The paths [..] `/abc/def` would all match", "GET http://a.com/abc/def", &[], "r/0/0"),
            ("but the path `/abcd` would not", "GET http://a.com/abcd", &[], "404"),
            ("Matching is case-sensitive", "GET http://a.com/ABC", &[], "404"),
            ("a URL path prefix: not a part in the middle", "GET http://a.com/x/abc", &[], "404"),
            ("on a path element by element basis", "GET http://a.com/ab/c", &[], "404"),
        ],
    },
    Scenario {
        listeners: ONE,
        routes: &[Route { rules: "[{matches: [{path: {type: PathPrefix, value: /abc/}}]}]", ..HTTP }],
        cases: &[
            ("When specified, a trailing `/` is ignored", "GET http://a.com/abc", &[], "r/0/0"),
            ("When specified, a trailing `/` is ignored", "GET http://a.com/abc/def", &[], "r/0/0"),
            ("on a path element by element basis", "GET http://a.com/abcd", &[], "404"),
        ],
    },
    Scenario {
        listeners: ONE,
        routes: &[Route { rules: "[{}]", ..HTTP }],
        cases: &[
            (
                "If no matches are specified, the default is a prefix path match on \"/\"",
                "GET http://a.com/",
                &[],
                "r/0/0",
            ),
            ("which has the effect of matching every HTTP request", "POST http://a.com/any/thing?at=all", &[], "r/0/0"),
        ],
    },
    Scenario {
        listeners: ONE,
        routes: &[Route { rules: "", ..HTTP }],
        cases: &[(
            "rules: default {matches: [{path: {type: PathPrefix, value: \"/\"}}]}",
            "GET http://a.com/x",
            &[],
            "r/0/0",
        )],
    },
    Scenario {
        listeners: ONE,
        routes: &[Route { rules: "[{matches: [{path: {value: /abc}}]}, {matches: [{method: PUT}]}]", ..HTTP }],
        cases: &[
            ("type: default PathPrefix", "GET http://a.com/abc/def", &[], "r/0/0"),
            (
                "path: If this field is not specified, a default prefix match on the \"/\" path is provided",
                "PUT http://a.com/x",
                &[],
                "r/1/0",
            ),
        ],
    },
    Scenario {
        listeners: ONE,
        routes: &[Route { rules: "[{matches: [{path: {type: RegularExpression, value: '/v[12]/.*'}}]}]", ..HTTP }],
        cases: &[
            ("Matches if the URL path matches the given regular expression", "GET http://a.com/v1/users", &[], "r/0/0"),
            ("with case sensitivity", "GET http://a.com/V1/users", &[], "404"),
            ("the URL path matches: the whole path, not a part (ours)", "GET http://a.com/api/v1/users", &[], "404"),
            ("the URL path matches: the whole path, not a part (ours)", "GET http://a.com/v3/users", &[], "404"),
        ],
    },
    Scenario {
        listeners: ONE,
        routes: &[Route {
            rules: "[{matches: [{path: {value: /foo}, headers: [{name: version, value: v2}]}, {path: {value: /v2/foo}}]}]",
            ..HTTP
        }],
        cases: &[
            (
                "path prefixed with `/foo` AND contains the header `version: v2`",
                "GET http://a.com/foo",
                &[("version", "v2")],
                "r/0/0",
            ),
            (
                "this rule will be matched if **any** one of the matches is satisfied",
                "GET http://a.com/v2/foo",
                &[],
                "r/0/1",
            ),
            ("Multiple match types are ANDed together", "GET http://a.com/foo", &[], "404"),
        ],
    },
];
