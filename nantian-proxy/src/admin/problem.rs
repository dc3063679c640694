//! Errors as `application/problem+json` (RFC 9457).

use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use serde::Serialize;

#[derive(Serialize)]
struct Problem<'a> {
    // RFC 9457 section 4.2.1: no more than the status says.
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
}

/// An error answer.
pub(super) fn problem(status: StatusCode, detail: &str) -> Response<Full<Bytes>> {
    let title = status.canonical_reason().unwrap_or("Error");
    let problem = Problem { r#type: "about:blank", title, status: status.as_u16(), detail };
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// RFC 9110 section 15.5.6: a 405 MUST have `Allow`.
pub(super) fn method_not_allowed() -> Response<Full<Bytes>> {
    let mut response = problem(StatusCode::METHOD_NOT_ALLOWED, "the admin interface is read-only: use GET or HEAD");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}
