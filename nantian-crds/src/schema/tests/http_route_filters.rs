//! Filters of `HTTPRoute`: the rules of its CRD (<https://gateway-api.sigs.k8s.io/reference/spec/#httproutefilter>).

use serde_json::{Value, json};

use super::check;
use super::http_route::route;

const FILTERS: &str = "spec.rules[0].filters";
const FILTER: &str = "spec.rules[0].filters[0]";

fn filters(filters: &Value) -> Value {
    route(&json!({"rules": [{"filters": filters}]}))
}

/// Each type with its field and a valid value.
fn types() -> Vec<(&'static str, &'static str, Value)> {
    let backend = json!({"name": "s", "port": 80});
    vec![
        ("CORS", "cors", json!({"allowOrigins": ["https://a.example"]})),
        ("RequestHeaderModifier", "requestHeaderModifier", json!({"remove": ["a"]})),
        ("ResponseHeaderModifier", "responseHeaderModifier", json!({"set": [{"name": "a", "value": "b"}]})),
        ("RequestMirror", "requestMirror", json!({"backendRef": backend})),
        ("RequestRedirect", "requestRedirect", json!({"scheme": "https"})),
        ("URLRewrite", "urlRewrite", json!({"hostname": "a.example"})),
        ("ExtensionRef", "extensionRef", json!({"group": "nantian.dev", "kind": "DirectResponse", "name": "d"})),
        (
            "ExternalAuth",
            "externalAuth",
            json!({"protocol": "HTTP", "backendRef": backend, "http": {"path": "/check"}}),
        ),
    ]
}

#[test]
fn a_filter_has_the_field_of_its_type_and_no_other() {
    let types = types();
    for (index, (r#type, field, value)) in types.iter().enumerate() {
        check(r#type, &filters(&json!([{"type": r#type, *field: value}])), &[]);
        let missing = format!("filter.{field} must be specified for {type} filter.type");
        check(r#type, &filters(&json!([{"type": r#type}])), &[(FILTER, &missing)]);
        for (other_index, (other, other_field, other_value)) in
            types.iter().enumerate().filter(|(other, _)| *other != index)
        {
            let superfluous = format!("filter.{other_field} must be nil if the filter.type is not {other}");
            let mut expected = vec![(FILTER, superfluous.as_str()), (FILTER, missing.as_str())];
            if index < other_index {
                expected.swap(0, 1);
            }
            check(other, &filters(&json!([{"type": r#type, *other_field: other_value}])), &expected);
        }
    }
    check("no type", &filters(&json!([{}])), &[(&format!("{FILTER}.type"), "is required")]);
    check(
        "an unknown type",
        &filters(&json!([{"type": "Wasm"}])),
        &[(&format!("{FILTER}.type"), "\"Wasm\" is not supported")],
    );
}

#[test]
fn some_filters_cannot_be_repeated() {
    for (r#type, field, value) in types() {
        let filter = json!({"type": r#type, field: value});
        let repeated = format!("{type} filter cannot be repeated");
        let once = ["CORS", "RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect", "URLRewrite"];
        let expected = if once.contains(&r#type) { vec![(FILTERS, repeated.as_str())] } else { Vec::new() };
        check(r#type, &filters(&json!([filter, filter])), &expected);
        let backend = json!({"name": "s", "port": 80, "filters": [filter, filter]});
        let expected: Vec<(&str, &str)> =
            expected.iter().map(|(_, message)| ("spec.rules[0].backendRefs[0].filters", *message)).collect();
        check(r#type, &route(&json!({"rules": [{"backendRefs": [backend]}]})), &expected);
    }
    check(
        "redirect and rewrite",
        &filters(&json!([
            {"type": "RequestRedirect", "requestRedirect": {}},
            {"type": "URLRewrite", "urlRewrite": {}},
        ])),
        &[(
            FILTERS,
            "May specify either httpRouteFilterRequestRedirect or httpRouteFilterRequestRewrite, but not both",
        )],
    );
}

#[test]
fn a_redirect_does_not_go_with_backends() {
    check(
        "both",
        &route(&json!({"rules": [{
            "filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}],
            "backendRefs": [{"name": "s", "port": 80}],
        }]})),
        &[("spec.rules[0]", "RequestRedirect filter must not be used together with backendRefs")],
    );
}

#[test]
fn a_replaced_prefix_needs_exactly_one_prefix_match() {
    let path = json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": "/new"});
    let prefix = json!({"path": {"type": "PathPrefix", "value": "/old"}});
    let exact = json!({"path": {"type": "Exact", "value": "/old"}});
    for (r#type, field, within) in
        [("RequestRedirect", "requestRedirect", "when using"), ("URLRewrite", "urlRewrite", "When using")]
    {
        let filter = json!({"type": r#type, field: {"path": path}});
        let with = |matches: Value| route(&json!({"rules": [{"matches": matches, "filters": [filter]}]}));
        let message = format!(
            "When using {type} filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified"
        );
        check("one prefix", &with(json!([prefix])), &[]);
        check("the default match", &with(json!([{}])), &[]);
        check("two prefixes", &with(json!([prefix, prefix])), &[("spec.rules[0]", &message)]);
        check("an exact match", &with(json!([exact])), &[("spec.rules[0]", &message)]);

        let with = |matches: Value| {
            let backend = json!({"name": "s", "port": 80, "filters": [filter]});
            route(&json!({"rules": [{"matches": matches, "backendRefs": [backend]}]}))
        };
        let message = format!("Within backendRefs, {within} {type} filter with path.replacePrefixMatch");
        check("one prefix", &with(json!([prefix])), &[]);
        check("an exact match", &with(json!([exact])), &[("spec.rules[0]", &message)]);
    }
}

#[test]
fn a_path_modifier_has_the_field_of_its_type() {
    for (r#type, field) in [("RequestRedirect", "requestRedirect"), ("URLRewrite", "urlRewrite")] {
        let with = |path: Value| filters(&json!([{"type": r#type, field: {"path": path}}]));
        let at = format!("{FILTER}.{field}.path");
        check("full", &with(json!({"type": "ReplaceFullPath", "replaceFullPath": "/a"})), &[]);
        check("prefix", &with(json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": "/a"})), &[]);
        check("empty", &with(json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": ""})), &[]);
        check(
            "full without",
            &with(json!({"type": "ReplaceFullPath"})),
            &[(&at, "replaceFullPath must be specified when type is set to 'ReplaceFullPath'")],
        );
        check(
            "prefix without",
            &with(json!({"type": "ReplacePrefixMatch"})),
            &[(&at, "replacePrefixMatch must be specified when type is set to 'ReplacePrefixMatch'")],
        );
        check(
            "both",
            &with(json!({"type": "ReplaceFullPath", "replaceFullPath": "/a", "replacePrefixMatch": "/b"})),
            &[(&at, "type must be 'ReplacePrefixMatch' when replacePrefixMatch is set")],
        );
        check(
            "both",
            &with(json!({"type": "ReplacePrefixMatch", "replaceFullPath": "/a", "replacePrefixMatch": "/b"})),
            &[(&at, "type must be 'ReplaceFullPath' when replaceFullPath is set")],
        );
    }
}

#[test]
fn redirects_have_known_schemes_and_status_codes() {
    let with = |redirect: Value| filters(&json!([{"type": "RequestRedirect", "requestRedirect": redirect}]));
    for code in [301, 302, 303, 307, 308] {
        check("a redirection", &with(json!({"statusCode": code})), &[]);
    }
    check(
        "304",
        &with(json!({"statusCode": 304})),
        &[(
            &format!("{FILTER}.requestRedirect.statusCode"),
            "304 is not supported: use one of 301, 302, 303, 307, 308",
        )],
    );
    check(
        "ftp",
        &with(json!({"scheme": "ftp"})),
        &[(&format!("{FILTER}.requestRedirect.scheme"), "\"ftp\" is not supported: use one of \"http\", \"https\"")],
    );
    check(
        "a wildcard",
        &with(json!({"hostname": "*.example.com"})),
        &[(&format!("{FILTER}.requestRedirect.hostname"), "must match the pattern")],
    );
}

#[test]
fn a_mirror_gets_a_percentage_or_a_fraction() {
    let with = |mut mirror: Value| {
        mirror["backendRef"] = json!({"name": "s", "port": 80});
        filters(&json!([{"type": "RequestMirror", "requestMirror": mirror}]))
    };
    let at = format!("{FILTER}.requestMirror");
    check("percent", &with(json!({"percent": 42})), &[]);
    check("fraction", &with(json!({"fraction": {"numerator": 1, "denominator": 2000}})), &[]);
    check("all of 100", &with(json!({"fraction": {"numerator": 100}})), &[]);
    check(
        "both",
        &with(json!({"percent": 1, "fraction": {"numerator": 1}})),
        &[(&at, "Only one of percent or fraction may be specified in HTTPRequestMirrorFilter")],
    );
    check(
        "101 of 100",
        &with(json!({"fraction": {"numerator": 101}})),
        &[(&format!("{at}.fraction"), "numerator must be less than or equal to denominator")],
    );
    check("101 percent", &with(json!({"percent": 101})), &[(&format!("{at}.percent"), "must be at most 100, not 101")]);
    check(
        "of none",
        &with(json!({"fraction": {"numerator": 0, "denominator": 0}})),
        &[(&format!("{at}.fraction.denominator"), "must be at least 1, not 0")],
    );
    check(
        "no port",
        &filters(&json!([{"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "s"}}}])),
        &[(&format!("{at}.backendRef"), "Must have port for Service reference")],
    );
}

/// GEP-1767.
#[test]
fn cors_wildcards_stand_alone() {
    let with = |cors: Value| filters(&json!([{"type": "CORS", "cors": cors}]));
    let at = format!("{FILTER}.cors");
    for origin in ["*", "http://a", "https://*.a.example:8443", "http://*", "https://127.0.0.1:1"] {
        check(origin, &with(json!({"allowOrigins": [origin]})), &[]);
    }
    for origin in ["a.example", "ftp://a", "https://a/", "https://a.*.b", "https://a:123456"] {
        check(
            origin,
            &with(json!({"allowOrigins": [origin]})),
            &[(&format!("{at}.allowOrigins[0]"), "must match the pattern")],
        );
    }
    check("methods", &with(json!({"allowMethods": ["GET", "POST"]})), &[]);
    for (field, values, message) in [
        ("allowOrigins", json!(["*", "https://a"]), "AllowOrigins cannot contain '*' alongside other origins"),
        ("allowMethods", json!(["GET", "*"]), "AllowMethods cannot contain '*' alongside other methods"),
        ("allowHeaders", json!(["*", "x"]), "AllowHeaders cannot contain '*' alongside other methods"),
    ] {
        check(field, &with(json!({field: values})), &[(&format!("{at}.{field}"), message)]);
    }
    check(
        "twice",
        &with(json!({"allowMethods": ["GET", "GET"]})),
        &[(&format!("{at}.allowMethods[1]"), "duplicates an earlier element: \"GET\"")],
    );
    check("no age", &with(json!({"maxAge": 0})), &[(&format!("{at}.maxAge"), "must be at least 1, not 0")]);
}

/// GEP-1494.
#[test]
fn external_authorisation_has_the_settings_of_its_protocol() {
    let with = |mut auth: Value| {
        auth["backendRef"] = json!({"name": "s", "port": 80});
        filters(&json!([{"type": "ExternalAuth", "externalAuth": auth}]))
    };
    let at = format!("{FILTER}.externalAuth");
    check(
        "grpc",
        &with(json!({"protocol": "GRPC", "grpc": {"allowedHeaders": ["a"]}, "forwardBody": {"maxSize": 1}})),
        &[],
    );
    check(
        "grpc without",
        &with(json!({"protocol": "GRPC"})),
        &[(&at, "grpc must be specified when protocol is set to 'GRPC'")],
    );
    check(
        "http without",
        &with(json!({"protocol": "HTTP"})),
        &[(&at, "http must be specified when protocol is set to 'HTTP'")],
    );
    check(
        "both",
        &with(json!({"protocol": "HTTP", "http": {}, "grpc": {}})),
        &[(&at, "protocol must be 'GRPC' when grpc is set")],
    );
    check(
        "both",
        &with(json!({"protocol": "GRPC", "http": {}, "grpc": {}})),
        &[(&at, "protocol must be 'HTTP' when http is set")],
    );
}

#[test]
fn header_modifiers_name_each_header_once() {
    let with =
        |modifier: Value| filters(&json!([{"type": "RequestHeaderModifier", "requestHeaderModifier": modifier}]));
    let at = format!("{FILTER}.requestHeaderModifier");
    let header = json!({"name": "a", "value": "b"});
    check("set and added", &with(json!({"set": [header], "add": [header]})), &[]);
    check(
        "set twice",
        &with(json!({"set": [header, header]})),
        &[(&format!("{at}.set[1]"), "duplicates an earlier element")],
    );
    check("removed twice", &with(json!({"remove": ["a", "a"]})), &[(&format!("{at}.remove[1]"), "duplicates")]);
    check(
        "a line break",
        &with(json!({"set": [{"name": "a", "value": "b\nc"}]})),
        &[(&format!("{at}.set[0].value"), "must match the pattern")],
    );
    let many: Vec<String> = (0..17).map(|number| number.to_string()).collect();
    check("17", &with(json!({"remove": many})), &[(&format!("{at}.remove"), "must have at most 16 elements, not 17")]);
}
