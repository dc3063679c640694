//! `Gateway.spec.listeners`: "Listeners that are distinct only by Hostname", and listener isolation.

use super::{HTTP, Route, Scenario};

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        listeners: &[
            ("exact", 80, "foo.example.com"),
            ("long", 80, "*.foo.example.com"),
            ("short", 80, "*.example.com"),
            ("empty", 80, ""),
            ("other", 8080, ""),
        ],
        routes: &[
            Route { name: "all", rules: "[{matches: [{path: {value: /all}}]}]", ..HTTP },
            Route { name: "on-short", section: "short", rules: "[{}]", ..HTTP },
            Route { name: "on-empty", section: "empty", rules: "[{}]", ..HTTP },
            Route { name: "on-other", section: "other", rules: "[{}]", ..HTTP },
        ],
        cases: &[
            (
                "\"foo.example.com\" takes precedence over \"*.example.com\"",
                "GET http://foo.example.com/all",
                &[],
                "all/0/0@exact",
            ),
            (
                "\"*.foo.example.com\" takes precedence over \"*.example.com\"",
                "GET http://a.foo.example.com/all",
                &[],
                "all/0/0@long",
            ),
            ("\"*.example.com\" takes precedence over \"\"", "GET http://bar.example.com/all", &[], "all/0/0@short"),
            (
                "\"*.example.com\" will match both \"foo.bar.example.com\" _and_ \"bar.example.com\"",
                "GET http://foo.bar.example.com/x",
                &[],
                "on-short/0/0@short",
            ),
            (
                "wildcard matches MUST be processed before fallback",
                "GET http://example.com/x",
                &[],
                "on-empty/0/0@empty",
            ),
            (
                "a request to \"foo.example.com\" SHOULD only be routed using routes attached to the \"foo.example.com\" Listener",
                "GET http://foo.example.com/x",
                &[],
                "404@exact",
            ),
            ("requests SHOULD match at most one Listener", "GET http://a.foo.example.com/x", &[], "404@long"),
            ("sectionName: attached to this listener only", "GET http://unknown.org/x", &[], "on-empty/0/0@empty"),
            (
                "Port: listeners on other ports are not candidates",
                "GET http://foo.example.com:8080/x",
                &[],
                "on-other/0/0@other",
            ),
            (
                "a route without sectionName is attached to all listeners",
                "GET http://foo.example.com:8080/all",
                &[],
                "all/0/0@other",
            ),
            ("a request without Host has the listener without hostname", "GET http:///x", &[], "on-empty/0/0@empty"),
            ("an address is no hostname", "GET http://192.0.2.1/x", &[], "on-empty/0/0@empty"),
        ],
    },
    Scenario {
        listeners: &[("only", 80, "*.example.com")],
        routes: &[Route { rules: "[{}]", ..HTTP }],
        cases: &[
            (
                "The Listener Hostname MUST match the Host header of the request",
                "GET http://a.example.com/",
                &[],
                "r/0/0@only",
            ),
            (
                "If no other Listener matches the Host, the Gateway MUST return a 404",
                "GET http://example.org/",
                &[],
                "404@none",
            ),
            ("MUST match the Host header: not the bare suffix", "GET http://example.com/", &[], "404@none"),
        ],
    },
];
