//! `DirectResponse`, this project's own.

use serde_json::{Value, json};

use super::{admitted, check};

fn response(spec: &Value) -> Value {
    json!({"apiVersion": "nantian.dev/v1alpha1", "kind": "DirectResponse", "metadata": {"name": "d"}, "spec": spec})
}

#[test]
fn the_status_code_is_200_by_default() {
    assert_eq!(admitted(&response(&json!({})), "/spec/statusCode"), 200);
}

#[test]
fn status_codes_are_final() {
    for (code, message) in [(199, "must be at least 200, not 199"), (600, "must be at most 599, not 600")] {
        check(message, &response(&json!({"statusCode": code})), &[("spec.statusCode", message)]);
    }
    check(
        "text",
        &response(&json!({"statusCode": "200"})),
        &[("spec.statusCode", "must be an integer, not the string \"200\"")],
    );
}

#[test]
fn there_is_at_most_one_body() {
    check("inline", &response(&json!({"body": "hi"})), &[]);
    check("referred", &response(&json!({"bodyConfigMapRef": {"name": "c", "key": "page.html"}})), &[]);
    check(
        "both",
        &response(&json!({"body": "hi", "bodyConfigMapRef": {"name": "c", "key": "k"}})),
        &[("spec", "give the body either as body or by bodyConfigMapRef, not both")],
    );
    check("null is absent", &response(&json!({"body": null, "bodyConfigMapRef": {"name": "c", "key": "k"}})), &[]);
    check("64 Ki", &response(&json!({"body": "é".repeat(65536)})), &[]);
    check(
        "more",
        &response(&json!({"body": "x".repeat(65537)})),
        &[("spec.body", "must have at most 65536 characters, not 65537")],
    );
    check(
        "no key",
        &response(&json!({"bodyConfigMapRef": {"name": "c"}})),
        &[("spec.bodyConfigMapRef.key", "is required")],
    );
}

/// RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5.
#[test]
fn answers_without_content_have_no_body() {
    for code in [204, 205, 304] {
        check("without", &response(&json!({"statusCode": code})), &[]);
        check("with", &response(&json!({"statusCode": code, "body": "x"})), &[("spec", "have no body")]);
    }
}

#[test]
fn headers_do_not_frame_the_message() {
    let with = |name: &str, value: &str| response(&json!({"headers": [{"name": name, "value": value}]}));
    check("any", &with("X-Reason", "maintenance window"), &[]);
    let cookies = json!({"headers": [{"name": "Set-Cookie", "value": "a=1"}, {"name": "Set-Cookie", "value": "b=2"}]});
    check("the same twice", &response(&cookies), &[]);
    for name in ["Content-Length", "transfer-encoding", "Connection", "Upgrade"] {
        check(name, &with(name, "1"), &[("spec.headers[0].name", "this header is set by the gateway itself")]);
    }
    check("a line break", &with("a", "b\r\nc: d"), &[("spec.headers[0].value", "must match the pattern")]);
    check("a space", &with("a b", "c"), &[("spec.headers[0].name", "must match the pattern")]);
    let many = vec![json!({"name": "a", "value": "b"}); 17];
    check("17", &response(&json!({"headers": many})), &[("spec.headers", "must have at most 16 elements, not 17")]);
    check(
        "two content types",
        &response(&json!({
            "contentType": "text/html",
            "headers": [{"name": "Content-Type", "value": "text/plain"}],
        })),
        &[("spec", "give the content type either as contentType or among headers, not both")],
    );
}
