//! GRPCRoute.

use super::{GRPC, ONE, Route, Scenario};

const CALL: &[(&str, &str)] = &[("content-type", "application/grpc")];
const OLD: &str = "2020-09-08T01:02:03Z";
const NEW: &str = "2020-09-08T01:02:04Z";

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        listeners: ONE,
        routes: &[Route {
            rules: "[{matches: [{method: {service: foo.Bar, method: Login}}]}, {matches: [{method: {service: foo.Baz}}]}, {matches: [{method: {method: Ping}}]}, {matches: [{method: {type: RegularExpression, service: 'v[12][.].*', method: 'Get.*'}}]}]",
            ..GRPC
        }],
        cases: &[
            ("Matches the method or service exactly", "POST http://a.com/foo.Bar/Login", CALL, "r/0/0"),
            ("and with case sensitivity", "POST http://a.com/foo.bar/Login", CALL, "404"),
            ("and with case sensitivity", "POST http://a.com/foo.Bar/login", CALL, "404"),
            ("exactly", "POST http://a.com/foo.Bar/Logout", CALL, "404"),
            ("Method: If left empty or omitted, will match all", "POST http://a.com/foo.Baz/Anything", CALL, "r/1/0"),
            ("Service: exactly", "POST http://a.com/foo.Bazaar/Anything", CALL, "404"),
            (
                "Service: If left empty or omitted, will match any service",
                "POST http://a.com/any.Service/Ping",
                CALL,
                "r/2/0",
            ),
            (
                "Matches if the method or service matches the given regular expression",
                "POST http://a.com/v1.Users/GetUser",
                CALL,
                "r/3/0",
            ),
            ("with case sensitivity, the whole value (ours)", "POST http://a.com/v1.Users/DoGetUser", CALL, "404"),
            ("a gRPC request has a service and a method", "POST http://a.com/foo.Baz", CALL, "404"),
        ],
    },
    Scenario {
        listeners: ONE,
        routes: &[Route { rules: "[{}]", ..GRPC }],
        cases: &[
            (
                "If no matches are specified, the implementation MUST match every gRPC request",
                "POST http://a.com/a.B/C",
                CALL,
                "r/0/0",
            ),
            (
                "gRPC over HTTP/2: application/grpc [(+proto / +json / {custom})]",
                "POST http://a.com/a.B/C",
                &[("content-type", "application/grpc+json")],
                "r/0/0",
            ),
            (
                "every gRPC request, and no other",
                "POST http://a.com/a.B/C",
                &[("content-type", "application/json")],
                "404",
            ),
            ("every gRPC request, and no other", "POST http://a.com/a.B/C", &[], "404"),
            ("gRPC over HTTP/2: Method → \":method POST\"", "GET http://a.com/a.B/C", CALL, "404"),
        ],
    },
    Scenario {
        listeners: ONE,
        routes: &[Route {
            rules: "[{matches: [{method: {service: foo.Bar}, headers: [{name: Version, value: '2'}]}, {method: {service: foo.bar.V2}}]}]",
            ..GRPC
        }],
        cases: &[
            (
                "service of foo.bar AND contains the header `version: 2`",
                "POST http://a.com/foo.Bar/X",
                &[("content-type", "application/grpc"), ("version", "2")],
                "r/0/0",
            ),
            (
                "a request MUST match all the specified headers to select the route",
                "POST http://a.com/foo.Bar/X",
                CALL,
                "404",
            ),
            ("if **any** one of the matches is satisfied", "POST http://a.com/foo.bar.V2/X", CALL, "r/0/1"),
        ],
    },
    Scenario {
        listeners: ONE,
        routes: &[
            Route {
                name: "wild",
                hostnames: "['*.example.com']",
                created: OLD,
                rules: "[{matches: [{method: {service: s.S, method: M}}]}]",
                ..GRPC
            },
            Route {
                name: "host",
                hostnames: "[a.example.com]",
                created: NEW,
                rules: "[{}, {matches: [{method: {service: s.S}}]}, {matches: [{headers: [{name: h, value: '1'}]}]}]",
                ..GRPC
            },
            Route {
                name: "host2",
                hostnames: "[a.example.com]",
                created: OLD,
                rules: "[{matches: [{method: {service: s.S}}]}, {matches: [{method: {method: Only}}]}]",
                ..GRPC
            },
            Route {
                name: "a-host",
                hostnames: "[a.example.com]",
                created: OLD,
                rules: "[{matches: [{method: {service: s.S}}]}, {matches: [{method: {service: s.S}}]}]",
                ..GRPC
            },
        ],
        cases: &[
            (
                "Characters in a matching non-wildcard hostname: before services",
                "POST http://a.example.com/s.S/M",
                CALL,
                "a-host/0/0",
            ),
            ("Characters in a matching hostname", "POST http://b.example.com/s.S/M", CALL, "wild/0/0"),
            (
                "The oldest Route, then alphabetical order, then the first matching rule",
                "POST http://a.example.com/s.S/Other",
                CALL,
                "a-host/0/0",
            ),
            (
                "Characters in a matching service before methods",
                "POST http://a.example.com/s.S/Only",
                CALL,
                "a-host/0/0",
            ),
            (
                "Characters in a matching method before headers",
                "POST http://a.example.com/t.T/Only",
                &[("content-type", "application/grpc"), ("h", "1")],
                "host2/1/0",
            ),
            (
                "Header matches",
                "POST http://a.example.com/t.T/X",
                &[("content-type", "application/grpc"), ("h", "1")],
                "host/2/0",
            ),
            ("the first matching rule meeting the above criteria", "POST http://a.example.com/t.T/X", CALL, "host/0/0"),
        ],
    },
];
