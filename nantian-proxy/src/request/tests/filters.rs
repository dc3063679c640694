//! Filters on their way through the pipeline; their tables are beside each filter.

use std::time::Duration;

use nantian_ir::{
    Cors, CorsOrigin, DirectResponse, Filter, HeaderModifier, Hostname, PathModifier, RequestRedirect, UrlRewrite,
};

use super::*;

fn values(pairs: &[(&str, &str)]) -> Vec<nantian_ir::HeaderValue> {
    let name = |name: &str| nantian_ir::HeaderName::new(name).unwrap();
    pairs.iter().map(|(n, value)| nantian_ir::HeaderValue { name: name(n), value: (*value).into() }).collect()
}

fn modifier(set: &[(&str, &str)], add: &[(&str, &str)], remove: &[&str]) -> HeaderModifier {
    let remove = remove.iter().map(|name| nantian_ir::HeaderName::new(name).unwrap()).collect();
    HeaderModifier { set: values(set), add: values(add), remove }
}

fn redirect() -> RequestRedirect {
    RequestRedirect { scheme: None, hostname: None, path: None, port: None, status: 302 }
}

/// Conformance tests `HTTPRouteRedirect*`.
#[test]
fn redirects_are_answered_with_the_clients_own_parts() {
    local(async {
        let gateway = with_echo(|builder| {
            builder
                .rule(0, "/old", |rule| {
                    let path = Some(PathModifier::ReplacePrefixMatch("/new".into()));
                    rule.filters = vec![Filter::RequestRedirect(RequestRedirect { path, status: 301, ..redirect() })];
                })
                .rule(1, "/secure", |rule| {
                    let scheme = Some("https".to_owned());
                    rule.filters = vec![
                        Filter::RequestRedirect(RequestRedirect { scheme, ..redirect() }),
                        Filter::ResponseHeaderModifier(modifier(&[("x-from", "gateway")], &[], &[])),
                    ];
                })
        })
        .await;
        let seen = gateway.send("GET", "/old/a?b=c", &[("host", "Shop.example:8080")], "").await;
        assert_eq!((seen.status, seen.header("location")), (301, Some("http://shop.example/new/a?b=c")));
        let seen = gateway.send("POST", "/secure", &[], "body").await;
        assert_eq!((seen.status, seen.header("location")), (302, Some("https://gateway.example/secure")));
        assert_eq!(seen.header("x-from"), Some("gateway"));
        assert_eq!(gateway.get("/oldest").await.status, 404);
    });
}

/// Conformance tests `HTTPRouteRewriteHost`, `HTTPRouteRewritePath`.
#[test]
fn rewrites_change_host_and_path_and_keep_the_query() {
    local(async {
        let gateway = with_echo(|builder| {
            let rewrite = |hostname: Option<&str>, path| {
                let hostname = hostname.map(|name| Hostname::new(name).unwrap());
                Filter::UrlRewrite(UrlRewrite { hostname, path })
            };
            builder
                .rule(0, "/prefix/one", |rule| {
                    rule.targets = vec![to("a", 1)];
                    rule.filters = vec![rewrite(None, Some(PathModifier::ReplacePrefixMatch("/one".into())))];
                })
                .rule(1, "/strip-prefix", |rule| {
                    rule.targets = vec![to("a", 1)];
                    rule.filters = vec![rewrite(None, Some(PathModifier::ReplacePrefixMatch("/".into())))];
                })
                .rule(2, "/full", |rule| {
                    rule.targets = vec![to("a", 1)];
                    rule.filters = vec![
                        rewrite(Some("test.example.org"), Some(PathModifier::ReplaceFullPath("/test".into()))),
                        Filter::RequestHeaderModifier(modifier(
                            &[("X-Header-Set", "set-overwrites-values")],
                            &[("X-Header-Add", "header-val-1"), ("X-Header-Add-Append", "header-val-2")],
                            &["X-Header-Remove"],
                        )),
                    ];
                })
        })
        .await;
        for (path, expected) in [
            ("/prefix/one/two?q=1", "GET /one/two?q=1"),
            ("/strip-prefix/three", "GET /three"),
            ("/strip-prefix", "GET /"),
            ("/strip-prefix?q", "GET /?q"),
            ("/full/one/two", "GET /test"),
        ] {
            assert_eq!(target(&gateway.get(path).await), expected, "{path}");
        }
        let headers = [("X-Header-Remove", "v"), ("X-Header-Add-Append", "append-val-1"), ("X-Header-Set", "set-val")];
        let seen = gateway.send("GET", "/full/x", &headers, "").await;
        assert_eq!(line(&seen, "host"), Some("test.example.org"));
        assert_eq!(lines(&seen, "x-header-set"), ["set-overwrites-values"]);
        assert_eq!(lines(&seen, "x-header-add"), ["header-val-1"]);
        assert_eq!(lines(&seen, "x-header-add-append"), ["append-val-1", "header-val-2"]);
        assert_eq!(line(&seen, "x-header-remove"), None);
        assert_eq!(line(&seen, "x-forwarded-host"), Some("gateway.example"));
    });
}

/// Conformance tests `HTTPRouteRequestHeaderModifierBackendWeights`, `HTTPRouteResponseHeaderModifier`.
#[test]
fn filters_of_a_backend_apply_to_its_own_requests_only() {
    local(async {
        let b = echo("b").await;
        let gateway = with_echo(|builder| {
            builder.backend("b", BackendProtocol::Http1, &[b]).rule(0, "/", |rule| {
                rule.filters = vec![
                    Filter::RequestHeaderModifier(modifier(&[("x-rule", "1"), ("x-both", "rule")], &[], &[])),
                    Filter::ResponseHeaderModifier(modifier(&[("x-answer", "rule")], &[], &["x-backend-only"])),
                ];
                rule.targets = vec![to("a", 1), to("b", 1)];
                for (name, target) in ["a", "b"].into_iter().zip(&mut rule.targets) {
                    target.filters = vec![
                        Filter::RequestHeaderModifier(modifier(&[("x-target", name)], &[("x-both", name)], &[])),
                        Filter::ResponseHeaderModifier(modifier(
                            &[("x-from", name), ("x-answer", name), ("x-backend-only", name)],
                            &[],
                            &[],
                        )),
                    ];
                }
            })
        })
        .await;
        for _ in 0..4 {
            let seen = gateway.get("/").await;
            let name = seen.header("x-backend").unwrap();
            assert_eq!(line(&seen, "x-target"), Some(name));
            assert_eq!(lines(&seen, "x-both"), ["rule", name]);
            assert_eq!((line(&seen, "x-rule"), seen.header("x-from")), (Some("1"), Some(name)));
            assert_eq!((seen.header("x-answer"), seen.header("x-backend-only")), (Some("rule"), None));
        }
    });
}

fn cors() -> Filter {
    Filter::Cors(Cors {
        allow_origins: vec![CorsOrigin::Exact("https://www.foo.com".into())],
        allow_credentials: true,
        allow_methods: vec!["GET".into(), "PUT".into()],
        allow_headers: vec!["x-header-1".into()],
        expose_headers: Vec::new(),
        max_age: Duration::from_secs(5),
    })
}

/// Conformance test `HTTPRouteCORS`.
#[test]
fn preflights_are_answered_and_actual_requests_marked() {
    local(async {
        let gateway = with_echo(|builder| {
            builder
                .rule(0, "/cors", |rule| {
                    rule.filters = vec![cors()];
                    rule.targets = vec![to("a", 1)];
                })
                .rule(1, "/put", |rule| {
                    rule.filters = vec![cors()];
                    rule.targets = vec![to("a", 1)];
                    let nantian_ir::RuleMatch::Http(only) = &mut rule.matches[0] else { panic!("an HTTP match") };
                    only.method = Some("PUT".into());
                })
                .rule(2, "/down", |rule| rule.filters = vec![cors()])
                .rule(3, "/plain", |rule| rule.targets = vec![to("a", 1)])
        })
        .await;
        let foo = ("origin", "https://www.foo.com");
        let asks = ("access-control-request-method", "PUT");
        for path in ["/cors", "/put"] {
            let seen = gateway.send("OPTIONS", path, &[foo, asks], "").await;
            assert_eq!((seen.status, seen.body.as_str()), (204, ""), "{path}");
            assert_eq!(seen.header("access-control-allow-origin"), Some("https://www.foo.com"));
            assert_eq!(seen.header("access-control-allow-methods"), Some("GET, PUT"));
        }
        let seen = gateway.send("OPTIONS", "/cors", &[("origin", "https://other.example"), asks], "").await;
        assert_eq!((seen.status, seen.header("access-control-allow-origin")), (204, None));
        let seen = gateway.send("OPTIONS", "/cors", &[foo], "").await;
        assert_eq!((seen.status, target(&seen)), (200, "OPTIONS /cors"));
        let seen = gateway.send("GET", "/cors", &[foo], "").await;
        assert_eq!(seen.header("access-control-allow-origin"), Some("https://www.foo.com"));
        assert_eq!(
            (seen.header("access-control-allow-credentials"), seen.header("vary")),
            (Some("true"), Some("Origin"))
        );
        let seen = gateway.send("GET", "/cors", &[("origin", "https://other.example")], "").await;
        assert_eq!((seen.status, seen.header("access-control-allow-origin")), (200, None));
        let seen = gateway.send("GET", "/down", &[foo], "").await;
        assert_eq!((seen.status, seen.header("access-control-allow-origin")), (500, Some("https://www.foo.com")));
        let seen = gateway.send("OPTIONS", "/plain", &[foo, asks], "").await;
        assert_eq!(target(&seen), "OPTIONS /plain");
    });
}

#[test]
fn direct_responses_need_no_backend() {
    local(async {
        let gateway = with_echo(|builder| {
            builder.rule(0, "/", |rule| {
                let headers = values(&[("content-type", "application/json")]);
                rule.filters = vec![Filter::DirectResponse(DirectResponse { status: 503, headers, body: "{}".into() })];
            })
        })
        .await;
        let seen = gateway.get("/").await;
        assert_eq!((seen.status, seen.body.as_str()), (503, "{}"));
        assert_eq!(seen.header("content-type"), Some("application/json"));
        let seen = gateway.send("HEAD", "/", &[], "").await;
        assert_eq!((seen.body.as_str(), seen.header("content-length")), ("", Some("2")));
        assert_eq!(gateway.flags("UH") + gateway.flags("NC"), 0);
    });
}
