//! What `explain` says of every candidate.

use nantian_proxy::router::{CandidateOutcome, ListenerOutcome, Router};

use super::{GRPC, HTTP, ONE, Route, Scenario, Sent};

/// What became of the candidates, one a line: `route/rule/match: outcome`, in the order in which they are told.
fn told(scenario: &Scenario, request: &str, headers: &[(&str, &str)]) -> Vec<String> {
    let snapshot = scenario.snapshot();
    let sent = Sent::parse(request, headers);
    let explanation = Router::new(&snapshot).explain(&sent.parts(&snapshot));
    let line = |candidate: &nantian_proxy::router::CandidateMatch| {
        let outcome = match &candidate.outcome {
            CandidateOutcome::Wins => "wins".to_owned(),
            CandidateOutcome::Outranked { by, own, winner } => format!("{by}: {own}, winner {winner}"),
            CandidateOutcome::Differs { criterion, expected, got } => {
                format!("{criterion}: not {expected} but {}", got.as_deref().unwrap_or("nothing"))
            }
            CandidateOutcome::Refused { message } => message.clone(),
        };
        format!("{}/{}/{}: {outcome}", candidate.rule.route.name, candidate.rule.rule, candidate.position)
    };
    explanation.candidates.iter().map(line).collect()
}

#[test]
fn each_comparison_of_precedence_is_named_where_it_decides() {
    let scenario = Scenario {
        listeners: ONE,
        routes: &[
            Route {
                name: "b",
                created: "1970-01-01T00:00:02Z",
                hostnames: "[a.com]",
                rules: "[{matches: [{path: {type: Exact, value: /p}, method: GET, headers: [{name: h, value: '1'}], \
                        queryParams: [{name: q, value: '1'}]}, {path: {type: Exact, value: /p}, method: GET, headers: \
                        [{name: h, value: '1'}], queryParams: [{name: q, value: '1'}]}]}, {matches: [{path: {type: \
                        Exact, value: /p}, method: GET, headers: [{name: h, value: '1'}], queryParams: [{name: q, \
                        value: '1'}]}, {path: {type: Exact, value: /p}, method: GET, headers: [{name: h, value: '1'}]}, \
                        {path: {type: Exact, value: /p}, method: GET}, {path: {type: Exact, value: /p}}, {path: {value: \
                        /p}}]}]",
                ..HTTP
            },
            Route {
                name: "c",
                created: "1970-01-01T00:00:02Z",
                hostnames: "[a.com]",
                rules: "[{matches: [{path: {type: Exact, value: /p}, method: GET, headers: [{name: h, value: '1'}], \
                        queryParams: [{name: q, value: '1'}]}]}]",
                ..HTTP
            },
            Route {
                name: "a",
                hostnames: "[a.com]",
                rules: "[{matches: [{path: {type: Exact, value: /p}, method: GET, headers: [{name: h, value: '1'}], \
                        queryParams: [{name: q, value: '1'}]}]}]",
                ..HTTP
            },
            Route { name: "d", rules: "[{matches: [{path: {type: Exact, value: /p}, method: GET}]}]", ..HTTP },
        ],
        cases: &[],
    };
    let lines = told(&scenario, "GET http://a.com/p?q=1", &[("h", "1")]);
    let expected = [
        "b/0/0: wins",
        "b/0/1: order of the matches: 1, winner 0",
        "b/1/0: order of the rules: 1, winner 0",
        "c/0/0: name of the route: HTTPRoute/default/c, winner HTTPRoute/default/b",
        "a/0/0: age of the route: no creation time, winner 2",
        "b/1/1: number of query parameter matches: 0, winner 1",
        "b/1/2: number of header matches: 0, winner 1",
        "b/1/3: method match: no, winner yes",
        "b/1/4: kind of path match: prefix, winner exact",
        "d/0/0: more specific hostname: *, winner a.com",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn each_criterion_is_named_where_it_fails_with_what_was_expected_and_what_came() {
    let scenario = Scenario {
        listeners: ONE,
        routes: &[Route {
            rules: "[{matches: [{path: {type: Exact, value: /a}}, {path: {value: /b}}, {path: {type: RegularExpression, \
                    value: '/c.*'}}, {method: PUT}, {headers: [{name: H, value: '1'}]}, {headers: [{name: I, value: \
                    '1'}]}, {queryParams: [{name: q, type: RegularExpression, value: '[0-9]'}]}, {queryParams: [{name: \
                    r, value: '1'}]}]}]",
            hostnames: "[a.com]",
            ..HTTP
        }],
        cases: &[],
    };
    let lines = told(&scenario, "GET http://a.com/x?q=%41", &[("h", "2")]);
    let expected = [
        "r/0/6: query parameter q: not regular expression [0-9] but A",
        "r/0/7: query parameter r: not 1 but nothing",
        "r/0/4: header h: not 1 but 2",
        "r/0/5: header i: not 1 but nothing",
        "r/0/3: method: not PUT but GET",
        "r/0/0: path: not exactly /a but /x",
        "r/0/2: path: not regular expression /c.* but /x",
        "r/0/1: path: not prefix /b but /x",
    ];
    assert_eq!(lines, expected);
    let other_host = told(&scenario, "GET http://b.com/a", &[]);
    assert!(other_host.iter().all(|line| line.ends_with("hostname: not a.com but b.com")), "{other_host:?}");
}

#[test]
fn a_grpc_route_says_that_the_request_is_not_grpc_or_calls_another_method() {
    let scenario = Scenario {
        listeners: ONE,
        routes: &[Route {
            rules: "[{matches: [{method: {service: s.S, method: M}}, {method: {method: Ping}}]}]",
            ..GRPC
        }],
        cases: &[],
    };
    assert_eq!(
        told(&scenario, "POST http://a.com/s.S/X", &[("content-type", "application/grpc")]),
        ["r/0/0: path: not service s.S, method M but /s.S/X", "r/0/1: path: not service any, method Ping but /s.S/X"]
    );
    let get = told(&scenario, "GET http://a.com/s.S/M", &[]);
    assert_eq!(
        get.first().map(String::as_str),
        Some("r/0/0: gRPC request: not POST, content type application/grpc but GET, content type none")
    );
}

#[test]
fn every_listener_on_the_bind_address_is_told_the_most_specific_first() {
    let scenario = Scenario {
        listeners: &[("any", 80, ""), ("exact", 80, "a.com"), ("other", 80, "b.com"), ("port", 81, "")],
        routes: &[],
        cases: &[],
    };
    let snapshot = scenario.snapshot();
    let sent = Sent::parse("GET http://A.com:80/", &[]);
    let explanation = Router::new(&snapshot).explain(&sent.parts(&snapshot));
    let listeners: Vec<_> = explanation.listeners.iter().map(|l| (l.listener.listener.as_str(), l.outcome)).collect();
    let expected = [
        ("exact", ListenerOutcome::Chosen),
        ("other", ListenerOutcome::HostnameDiffers),
        ("any", ListenerOutcome::LessSpecific),
    ];
    assert_eq!(listeners, expected);
    assert_eq!((explanation.host.as_str(), explanation.winner), ("a.com", None));
}
