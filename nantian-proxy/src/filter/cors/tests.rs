//! Cases of the conformance tests `HTTPRouteCORS` and `HTTPRouteCORSAllowCredentialsBehavior`, and of the comments of
//! `HTTPCORSFilter`.

use std::time::Duration;

use super::*;
use crate::http::Headers;

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn origin(text: &str) -> CorsOrigin {
    if text == "*" {
        return CorsOrigin::Any;
    }
    match text.split_once("://") {
        Some((scheme, host)) if host.starts_with("*.") => {
            CorsOrigin::Wildcard { scheme: scheme.into(), suffix: host.trim_start_matches("*.").into() }
        }
        Some((scheme, host)) if host.starts_with('*') => {
            CorsOrigin::Wildcard { scheme: scheme.into(), suffix: host.trim_start_matches('*').into() }
        }
        _ => CorsOrigin::Exact(text.into()),
    }
}

fn policy(origins: &[&str], methods: &[&str], headers: &[&str], expose: &[&str], credentials: bool) -> Cors {
    Cors::compile(&nantian_ir::Cors {
        allow_origins: origins.iter().map(|text| origin(text)).collect(),
        allow_credentials: credentials,
        allow_methods: strings(methods),
        allow_headers: strings(headers),
        expose_headers: strings(expose),
        max_age: Duration::from_secs(3600),
    })
}

fn multiple() -> Cors {
    policy(
        &["https://www.foo.com", "https://*.bar.com"],
        &["GET", "OPTIONS"],
        &["x-header-1", "x-header-2"],
        &["x-header-3", "x-header-4"],
        true,
    )
}

fn map(pairs: &[(&'static str, &str)]) -> Headers {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

fn ask(cors: &Cors, origin: &str, method: &str) -> Headers {
    let request = map(&[
        ("origin", origin),
        ("access-control-request-method", method),
        ("access-control-request-headers", "x-header-1, x-header-2"),
    ]);
    assert!(is_preflight(&Method::OPTIONS, &request));
    let response = cors.preflight(&request);
    assert_eq!(response.status(), 204);
    response.headers().clone()
}

fn actual(cors: &Cors, request: &[(&'static str, &str)], answer: &[(&'static str, &str)]) -> Headers {
    let mut answer = map(answer);
    cors.mark(&cors.judge(&map(request)), &mut answer);
    answer
}

fn has<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

#[test]
fn preflight_of_an_allowed_origin_is_told_everything() {
    for origin in ["https://www.foo.com", "https://www.bar.com", "https://xpto.www.bar.com"] {
        let answer = ask(&multiple(), origin, "GET");
        assert_eq!(has(&answer, "access-control-allow-origin"), Some(origin));
        assert_eq!(has(&answer, "access-control-allow-methods"), Some("GET, OPTIONS"));
        assert_eq!(has(&answer, "access-control-allow-headers"), Some("x-header-1, x-header-2"));
        assert_eq!(has(&answer, "access-control-expose-headers"), Some("x-header-3, x-header-4"));
        assert_eq!(has(&answer, "access-control-max-age"), Some("3600"));
        assert_eq!(has(&answer, "access-control-allow-credentials"), Some("true"));
        assert!(has(&answer, "vary").unwrap().contains("Origin"));
    }
}

#[test]
fn preflight_of_another_origin_is_answered_without_permissions() {
    for origin in ["https://foobar.com", "https://bar.com", "http://www.foo.com", "https://www.foo.com:444", "null"] {
        let answer = ask(&multiple(), origin, "GET");
        assert!(answer.keys().all(|name| !name.as_str().starts_with("access-control-")), "{origin}");
    }
}

#[test]
fn wildcard_methods_and_headers_answer_what_was_asked() {
    for credentials in [true, false] {
        let answer = ask(&policy(&["*"], &["*"], &["*"], &[], credentials), "https://other.foo.com", "PUT");
        assert_eq!(has(&answer, "access-control-allow-origin"), Some("https://other.foo.com"));
        assert_eq!(has(&answer, "access-control-allow-methods"), Some("PUT"));
        assert_eq!(has(&answer, "access-control-allow-headers"), Some("x-header-1, x-header-2"));
        assert_eq!(has(&answer, "access-control-allow-credentials"), credentials.then_some("true"));
    }
    let request = map(&[("origin", "https://a.example"), ("access-control-request-method", "PUT")]);
    let answer = policy(&["*"], &["*"], &["*"], &[], true).preflight(&request);
    assert_eq!(has(answer.headers(), "access-control-allow-headers"), None);
}

#[test]
fn what_is_not_configured_is_not_answered() {
    let answer = ask(&policy(&["https://www.foo.com"], &["*"], &[], &[], false), "https://www.foo.com", "POST");
    assert_eq!(has(&answer, "access-control-allow-methods"), Some("POST"));
    assert_eq!(has(&answer, "access-control-allow-headers"), None);
    assert_eq!(has(&answer, "access-control-expose-headers"), None);
    assert_eq!(has(&answer, "access-control-allow-credentials"), None);
}

#[test]
fn any_origin_covers_ports_and_is_echoed() {
    let cors = policy(&["*"], &["PUT"], &[], &[], false);
    for origin in ["https://foobar.com", "https://foobar.com:12345"] {
        assert_eq!(has(&ask(&cors, origin, "PUT"), "access-control-allow-origin"), Some(origin));
        let answer = actual(&cors, &[("origin", origin)], &[]);
        assert_eq!(has(&answer, "access-control-allow-origin"), Some(origin));
        assert_eq!(has(&answer, "access-control-allow-credentials"), None);
    }
}

#[test]
fn an_actual_request_is_answered_with_its_origin_and_varies_by_it() {
    let answer = actual(&multiple(), &[("origin", "https://www.bar.com"), ("cookie", "a=b")], &[("vary", "accept")]);
    assert_eq!(has(&answer, "access-control-allow-origin"), Some("https://www.bar.com"));
    assert_eq!(has(&answer, "access-control-allow-credentials"), Some("true"));
    assert_eq!(has(&answer, "access-control-expose-headers"), Some("x-header-3, x-header-4"));
    assert_eq!(answer.get_all("vary").count(), 2);
    assert_eq!(has(&answer, "access-control-max-age"), None);
}

#[test]
fn an_actual_request_of_another_origin_passes_without_permissions_also_not_those_of_the_backend() {
    let backend = [("access-control-allow-origin", "*"), ("access-control-allow-credentials", "true"), ("x", "y")];
    for request in [&[("origin", "http://not-app.example")][..], &[]] {
        let answer = actual(&multiple(), request, &backend);
        assert!(answer.keys().all(|name| !name.as_str().starts_with("access-control-")));
        assert_eq!(has(&answer, "x"), Some("y"));
        assert_eq!(has(&answer, "vary"), Some("Origin"));
    }
}

#[test]
fn exposed_wildcard_is_spelt_out_for_credentialed_requests() {
    let cors = policy(&["*"], &[], &[], &["*"], false);
    let backend = [("x-b", "1"), ("x-a", "2"), ("set-cookie", "s")];
    let answer = actual(&cors, &[("origin", "https://a.example")], &backend);
    assert_eq!(has(&answer, "access-control-expose-headers"), Some("*"));
    let answer = actual(&cors, &[("origin", "https://a.example"), ("cookie", "c")], &backend);
    assert_eq!(has(&answer, "access-control-expose-headers"), Some("vary, x-a, x-b"));
    let answer = ask(&policy(&["*"], &[], &[], &["*"], true), "https://a.example", "GET");
    assert_eq!(has(&answer, "access-control-expose-headers"), None);
}

#[test]
fn origins_match_as_written_with_default_ports_assumed() {
    for (pattern, asked, expected) in [
        ("https://a.com", "https://a.com", true),
        ("https://a.com", "https://A.COM", true),
        ("https://a.com", "https://a.com:443", true),
        ("https://a.com:443", "https://a.com", true),
        ("http://a.com:80", "http://a.com", true),
        ("http://a.com", "http://a.com:443", false),
        ("https://a.com", "http://a.com", false),
        ("https://a.com:8443", "https://a.com:8443", true),
        ("https://a.com:8443", "https://a.com", false),
        ("https://*.a.com", "https://b.a.com", true),
        ("https://*.a.com", "https://c.b.a.com", true),
        ("https://*.a.com", "https://a.com", false),
        ("https://*.a.com", "https://.a.com", false),
        ("https://*.a.com", "https://ba.com", false),
        ("https://*.a.com", "https://b.a.com.evil.com", false),
        ("https://*.a.com", "https://b.a.com:8443", false),
        ("https://*.a.com:443", "https://b.a.com", true),
        ("https://*.a.com:8443", "https://b.a.com:8443", true),
        ("https://*", "https://anything.example", true),
        ("https://*", "https://anything.example:8443", false),
        ("https://*", "http://anything.example", false),
        ("https://*:8443", "https://anything.example:8443", true),
        ("https://*:8443", "https://anything.example:443", false),
        ("*", "null", true),
    ] {
        let cors = policy(&[pattern], &[], &[], &[], false);
        assert_eq!(cors.allows(&asked.parse().unwrap()), expected, "{pattern} {asked}");
    }
}

#[test]
fn only_options_with_origin_and_requested_method_is_a_preflight() {
    let full = map(&[("origin", "https://a.example"), ("access-control-request-method", "GET")]);
    assert!(is_preflight(&Method::OPTIONS, &full));
    assert!(!is_preflight(&Method::GET, &full));
    assert!(!is_preflight(&Method::OPTIONS, &map(&[("origin", "https://a.example")])));
    assert!(!is_preflight(&Method::OPTIONS, &map(&[("access-control-request-method", "GET")])));
}
