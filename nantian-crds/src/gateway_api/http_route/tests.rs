use serde_json::{from_value, json};

use super::*;

/// The defaults stand in the CRD; the type must mean the same before admission.
#[test]
fn a_route_without_rules_has_one_that_matches_the_prefix_slash() {
    let route: HttpRoute = from_value(json!({"metadata": {"name": "r"}, "spec": {}})).unwrap();
    let path = &route.spec.rules[0].matches[0].path;
    assert_eq!((&path.r#type, path.value.as_str()), (&PathMatchType::PathPrefix, "/"));
    let full: HttpRoute = from_value(json!({
        "metadata": {"name": "r"},
        "spec": {"rules": [{"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}]},
    }))
    .unwrap();
    assert_eq!(route, full);
}

#[test]
fn every_field_of_a_rule_survives_a_round_trip() {
    let rule = json!({
        "name": "all",
        "matches": [{
            "path": {"type": "RegularExpression", "value": "/a.*"},
            "headers": [{"type": "Exact", "name": "x", "value": "1"}],
            "queryParams": [{"type": "RegularExpression", "name": "q", "value": ".*"}],
            "method": "GET",
        }],
        "filters": [
            {"type": "RequestHeaderModifier", "requestHeaderModifier": {
                "set": [{"name": "a", "value": "b"}], "add": [{"name": "c", "value": "d"}], "remove": ["e"]}},
            {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["e"]}},
            {"type": "RequestMirror", "requestMirror": {
                "backendRef": {"group": "", "kind": "Service", "name": "m", "port": 80},
                "fraction": {"numerator": 1, "denominator": 3}}},
            {"type": "RequestRedirect", "requestRedirect": {
                "scheme": "https", "hostname": "h", "port": 443, "statusCode": 308,
                "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/p"}}},
            {"type": "URLRewrite", "urlRewrite": {
                "hostname": "h", "path": {"type": "ReplaceFullPath", "replaceFullPath": "/f"}}},
            {"type": "CORS", "cors": {
                "allowOrigins": ["*"], "allowCredentials": true, "allowMethods": ["GET"],
                "allowHeaders": ["x"], "exposeHeaders": ["y"], "maxAge": 7}},
            {"type": "ExternalAuth", "externalAuth": {
                "protocol": "HTTP",
                "backendRef": {"group": "", "kind": "Service", "name": "auth", "namespace": "n", "port": 81},
                "http": {"path": "/check", "allowedHeaders": ["a"], "allowedResponseHeaders": ["b"]},
                "forwardBody": {"maxSize": 9}}},
            {"type": "ExtensionRef", "extensionRef": {"group": "g", "kind": "K", "name": "n"}},
            {"type": "Later"},
        ],
        "backendRefs": [{
            "group": "", "kind": "Service", "name": "s", "namespace": "o", "port": 8080, "weight": 3,
            "filters": [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["z"]}}],
        }],
        "timeouts": {"request": "10s", "backendRequest": "2s"},
        "retry": {"codes": [503], "attempts": 2, "backoff": "100ms"},
        "sessionPersistence": {
            "sessionName": "s", "absoluteTimeout": "1h", "idleTimeout": "1m", "type": "Cookie",
            "cookieConfig": {"lifetimeType": "Permanent"}},
    });
    let typed: HttpRouteRule = from_value(rule.clone()).unwrap();
    assert_eq!(typed.filters[8].r#type, HttpRouteFilterType::Unknown("Later".to_owned()));
    assert_eq!(serde_json::to_value(&typed).unwrap(), rule);
}
