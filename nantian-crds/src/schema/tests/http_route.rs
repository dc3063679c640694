//! `HTTPRoute`: every rule of its CRD but those of filters
//! (<https://gateway-api.sigs.k8s.io/reference/spec/#httproute>).

use serde_json::{Value, json};

use super::check;

const MATCH: &str = "spec.rules[0].matches[0]";
const REFS: &str = "spec.parentRefs";
const BACKEND: &str = "spec.rules[0].backendRefs[0]";
const FIELD: &str = "spec.rules[0].sessionPersistence";

pub(super) fn route(spec: &Value) -> Value {
    json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "r"}, "spec": spec})
}

fn rule(rule: &Value) -> Value {
    route(&json!({"rules": [rule]}))
}

fn path(r#type: &str, value: &str) -> Value {
    rule(&json!({"matches": [{"path": {"type": r#type, "value": value}}]}))
}

#[test]
fn paths_of_exact_and_prefix_matches_are_absolute_and_normalised() {
    const PATH: &str = "spec.rules[0].matches[0].path";
    for r#type in ["Exact", "PathPrefix"] {
        for valid in ["/", "/foo", "/foo/", "/a%20b", "/a~b!$&'()*+,;=:@", "/foo/...", "/foo/..bar", "/..."] {
            check(valid, &path(r#type, valid), &[]);
        }
        for (value, expected) in [
            ("foo", "must be an absolute path"),
            ("/foo//bar", "must not contain '//'"),
            ("/foo/./bar", "must not contain '/./'"),
            ("/foo/../bar", "must not contain '/../'"),
            ("/foo%2fbar", "must not contain '%2f'"),
            ("/foo%2Fbar", "must not contain '%2F'"),
            ("/foo/..", "must not end with '/..'"),
            ("/foo/.", "must not end with '/.'"),
            ("/foo bar", "must only contain valid characters"),
            ("/foo[bar]", "must only contain valid characters"),
            ("/foo%zz", "must only contain valid characters"),
        ] {
            check(value, &path(r#type, value), &[(PATH, expected)]);
        }
        check(
            "a fragment breaks two rules",
            &path(r#type, "/foo#bar"),
            &[(PATH, "must not contain '#'"), (PATH, "must only contain valid characters")],
        );
    }
    check("a regular expression is free", &path("RegularExpression", "^/(foo|bar)//.*"), &[]);
    check(
        "an unknown type",
        &path("Glob", "/"),
        &[(
            "spec.rules[0].matches[0].path.type",
            "\"Glob\" is not supported: use one of \"Exact\", \"PathPrefix\", \"RegularExpression\"",
        )],
    );
    let long = format!("/{}", "x".repeat(1024));
    check(
        "1025 characters",
        &path("Exact", &long),
        &[("spec.rules[0].matches[0].path.value", "must have at most 1024 characters, not 1025")],
    );
}

#[test]
fn matches_name_methods_headers_and_query_parameters() {
    let matches = |value: Value| rule(&json!({"matches": [value]}));
    check(
        "all at once",
        &matches(json!({
            "method": "PATCH",
            "headers": [{"name": "X-a", "value": "1"}, {"name": "b", "type": "RegularExpression", "value": ".*"}],
            "queryParams": [{"name": "q", "value": "x"}, {"name": "p", "value": "y"}],
        })),
        &[],
    );
    check("a small method", &matches(json!({"method": "get"})), &[(&format!("{MATCH}.method"), "is not supported")]);
    check(
        "a header twice",
        &matches(json!({"headers": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]})),
        &[(&format!("{MATCH}.headers[1]"), "duplicates an earlier element: name=\"a\"")],
    );
    check(
        "a parameter twice",
        &matches(json!({"queryParams": [{"name": "a", "value": "1"}, {"name": "a", "value": "1"}]})),
        &[(&format!("{MATCH}.queryParams[1]"), "duplicates an earlier element")],
    );
    check(
        "a header name with a colon",
        &matches(json!({"headers": [{"name": "a:b", "value": "1"}]})),
        &[(&format!("{MATCH}.headers[0].name"), "must match the pattern")],
    );
    check(
        "no header value",
        &matches(json!({"headers": [{"name": "a"}]})),
        &[(&format!("{MATCH}.headers[0].value"), "is required")],
    );
    check(
        "an empty header value",
        &matches(json!({"headers": [{"name": "a", "value": ""}]})),
        &[(&format!("{MATCH}.headers[0].value"), "must not be empty")],
    );
    let many: Vec<Value> = (0..17).map(|number| json!({"name": format!("h{number}"), "value": "v"})).collect();
    check(
        "17 headers",
        &matches(json!({"headers": many})),
        &[(&format!("{MATCH}.headers"), "must have at most 16 elements, not 17")],
    );
}

#[test]
fn all_rules_together_have_at_most_128_matches() {
    let with = |counts: &[usize]| {
        let rules: Vec<Value> = counts.iter().map(|count| json!({"matches": vec![json!({}); *count]})).collect();
        route(&json!({"rules": rules}))
    };
    check("128", &with(&[64, 64]), &[]);
    check("128 in 16 rules", &with(&[8; 16]), &[]);
    check(
        "129",
        &with(&[64, 64, 1]),
        &[("spec.rules", "total number of matches across all rules in a route must be less than 128")],
    );
    check("65 in a rule", &with(&[65]), &[("spec.rules[0].matches", "must have at most 64 elements, not 65")]);
    check("17 rules", &with(&[1; 17]), &[("spec.rules", "must have at most 16 elements, not 17")]);
}

#[test]
fn names_of_rules_are_unique() {
    let with = |rules: Value| route(&json!({"rules": rules}));
    check("some without", &with(json!([{"name": "a"}, {}, {}, {"name": "b"}])), &[]);
    check(
        "twice",
        &with(json!([{"name": "a"}, {"name": "a"}])),
        &[("spec.rules", "Rule name must be unique within the route")],
    );
    check("not a name", &with(json!([{"name": "A_b"}])), &[("spec.rules[0].name", "must match the pattern")]);
}

/// `sectionName` or `port` must tell references to one parent apart, and all of them or none have it.
#[test]
fn references_to_the_same_parent_are_told_apart() {
    let with = |refs: Value| route(&json!({"parentRefs": refs}));
    let same = "sectionName or port must be specified when parentRefs includes 2 or more references to the same parent";
    let unique = "sectionName or port must be unique when parentRefs includes 2 or more references to the same parent";
    for (name, refs) in [
        ("another name", json!([{"name": "a"}, {"name": "b"}])),
        ("another namespace", json!([{"name": "a"}, {"name": "a", "namespace": "n"}])),
        ("two namespaces", json!([{"name": "a", "namespace": "m"}, {"name": "a", "namespace": "n"}])),
        ("another kind", json!([{"name": "a"}, {"name": "a", "kind": "Service", "group": ""}])),
        ("two sections", json!([{"name": "a", "sectionName": "x"}, {"name": "a", "sectionName": "y"}])),
        ("two ports", json!([{"name": "a", "port": 80}, {"name": "a", "port": 81}])),
        (
            "a section and two ports",
            json!([
            {"name": "a", "sectionName": "x", "port": 80}, {"name": "a", "sectionName": "x", "port": 81}]),
        ),
        (
            "the same section in two namespaces",
            json!([
            {"name": "a", "sectionName": "x", "namespace": "m"}, {"name": "a", "sectionName": "x", "namespace": "n"}]),
        ),
    ] {
        check(name, &with(refs), &[]);
    }
    check("identical", &with(json!([{"name": "a"}, {"name": "a"}])), &[(REFS, unique)]);
    check(
        "the same section",
        &with(json!([{"name": "a", "sectionName": "x"}, {"name": "a", "sectionName": "x"}])),
        &[(REFS, unique)],
    );
    check("the same port", &with(json!([{"name": "a", "port": 80}, {"name": "a", "port": 80}])), &[(REFS, unique)]);
    check("only one has a section", &with(json!([{"name": "a"}, {"name": "a", "sectionName": "x"}])), &[(REFS, same)]);
    check("only one has a port", &with(json!([{"name": "a"}, {"name": "a", "port": 80}])), &[(REFS, same)]);
    check(
        "a section and a port",
        &with(json!([{"name": "a", "sectionName": "x"}, {"name": "a", "port": 80}])),
        &[(REFS, same)],
    );
    let many: Vec<Value> = (0..33).map(|number| json!({"name": format!("gw{number}")})).collect();
    check("33", &with(json!(many)), &[(REFS, "must have at most 32 elements, not 33")]);
    check(
        "port 0",
        &with(json!([{"name": "a", "port": 0}])),
        &[("spec.parentRefs[0].port", "must be at least 1, not 0")],
    );
}

#[test]
fn hostnames_are_dns_names_with_at_most_a_leading_wildcard() {
    let with = |name: &str| route(&json!({"hostnames": [name]}));
    for name in ["example.com", "*.example.com", "a", "*.a", "1.2.3.4", "xn--bcher-kva.example"] {
        check(name, &with(name), &[]);
    }
    for name in ["*", "a.*.com", "*a.com", "Example.com", "a_b", "a..b", "-a", "a-", "a.", "foo:80", "[::1]", "::1"] {
        check(name, &with(name), &[("spec.hostnames[0]", "must match the pattern")]);
    }
    check("empty", &with(""), &[("spec.hostnames[0]", "must not be empty")]);
}

#[test]
fn backends_that_are_services_need_a_port() {
    let with = |backend: Value| rule(&json!({"backendRefs": [backend]}));
    check("a service", &with(json!({"name": "s", "port": 80})), &[]);
    check("another kind", &with(json!({"group": "example.com", "kind": "Bucket", "name": "b"})), &[]);
    check("another group's Service", &with(json!({"group": "example.com", "kind": "Service", "name": "b"})), &[]);
    check("no port", &with(json!({"name": "s"})), &[(BACKEND, "Must have port for Service reference")]);
    check(
        "port 65536",
        &with(json!({"name": "s", "port": 65536})),
        &[(&format!("{BACKEND}.port"), "must be at most 65535, not 65536")],
    );
    check("a weight of 0", &with(json!({"name": "s", "port": 80, "weight": 0})), &[]);
    check("the heaviest", &with(json!({"name": "s", "port": 80, "weight": 1_000_000})), &[]);
    check(
        "too heavy",
        &with(json!({"name": "s", "port": 80, "weight": 1_000_001})),
        &[(&format!("{BACKEND}.weight"), "must be at most 1000000, not 1000001")],
    );
    check(
        "a negative weight",
        &with(json!({"name": "s", "port": 80, "weight": -1})),
        &[(&format!("{BACKEND}.weight"), "must be at least 0, not -1")],
    );
    check("no name", &with(json!({"port": 80})), &[(&format!("{BACKEND}.name"), "is required")]);
    check(
        "a wrong namespace",
        &with(json!({"name": "s", "port": 80, "namespace": "A"})),
        &[(&format!("{BACKEND}.namespace"), "must match the pattern")],
    );
}

/// GEP-1742.
#[test]
fn the_timeout_for_a_backend_is_within_that_for_the_request() {
    let with = |timeouts: Value| rule(&json!({"timeouts": timeouts}));
    for timeouts in [
        json!({"request": "10s"}),
        json!({"backendRequest": "10s"}),
        json!({"request": "10s", "backendRequest": "10s"}),
        json!({"request": "1h", "backendRequest": "59m60s"}),
        json!({"request": "0s", "backendRequest": "10s"}),
        json!({"request": "1m", "backendRequest": "100ms"}),
    ] {
        check(&timeouts.to_string(), &with(timeouts.clone()), &[]);
    }
    check(
        "longer",
        &with(json!({"request": "1s", "backendRequest": "1500ms"})),
        &[("spec.rules[0].timeouts", "backendRequest timeout cannot be longer than request timeout")],
    );
    for wrong in ["10", "1.5s", "-1s", "1d", "1h1m1s1ms1s", "100000s", "s"] {
        check(wrong, &with(json!({"request": wrong})), &[("spec.rules[0].timeouts.request", "must match the pattern")]);
    }
}

/// GEP-1731.
#[test]
fn retries_are_for_errors_only() {
    let with = |retry: Value| rule(&json!({"retry": retry}));
    check("all", &with(json!({"codes": [400, 503, 599], "attempts": 3, "backoff": "100ms"})), &[]);
    check("200", &with(json!({"codes": [200]})), &[("spec.rules[0].retry.codes[0]", "must be at least 400, not 200")]);
    check("600", &with(json!({"codes": [600]})), &[("spec.rules[0].retry.codes[0]", "must be at most 599, not 600")]);
    check(
        "wrong backoff",
        &with(json!({"backoff": "soon"})),
        &[("spec.rules[0].retry.backoff", "must match the pattern")],
    );
}

/// GEP-1619.
#[test]
fn session_persistence_fits_its_type() {
    let with = |persistence: Value| rule(&json!({"sessionPersistence": persistence}));
    for valid in [
        json!({}),
        json!({"type": "Header", "sessionName": "x"}),
        json!({"cookieConfig": {"lifetimeType": "Session"}}),
        json!({"absoluteTimeout": "1h", "cookieConfig": {"lifetimeType": "Permanent"}}),
    ] {
        check(&valid.to_string(), &with(valid.clone()), &[]);
    }
    check(
        "permanent without end",
        &with(json!({"cookieConfig": {"lifetimeType": "Permanent"}})),
        &[(FIELD, "AbsoluteTimeout must be specified when cookie lifetimeType is Permanent")],
    );
    check(
        "a cookie for a header",
        &with(json!({"type": "Header", "cookieConfig": {}})),
        &[(FIELD, "cookieConfig can only be set with type Cookie")],
    );
}
