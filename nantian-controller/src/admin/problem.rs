//! Errors as `application/problem+json` (RFC 9457).

use http::{HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

use super::answer::Answer;

/// An error, as whoever asked is told it.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    detail: String,
    field: Option<(header::HeaderName, HeaderValue)>,
}

/// Why a request was not answered (RFC 9457).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(super) struct ProblemBody {
    /// The kind of problem: `about:blank`, no more than the status says.
    r#type: &'static str,
    /// The phrase of the status.
    title: &'static str,
    /// The status.
    status: u16,
    /// What is wrong, and what to do about it.
    detail: String,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), field: None }
    }

    fn with(self, name: header::HeaderName, value: &'static str) -> Self {
        Self { field: Some((name, HeaderValue::from_static(value))), ..self }
    }

    /// 400: a parameter is wrong.
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 401, with the scheme that is wanted: "A server generating a 401 response MUST send a WWW-Authenticate header field"
    /// (RFC 9110 section 15.5.2).
    pub(super) fn unauthorized(detail: &str, challenge: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail).with(header::WWW_AUTHENTICATE, challenge)
    }

    /// 404: there is no such thing.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// 405, with what is allowed: "The origin server MUST generate an Allow header field in a 405 response" (RFC 9110 section
    /// 15.5.6).
    pub(super) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "this API is read-only: use GET or HEAD")
            .with(header::ALLOW, "GET, HEAD")
    }

    /// 409: the name is that of several things.
    pub(super) fn ambiguous(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// 503: what is asked for is not there yet.
    pub(super) fn not_yet(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).with(header::RETRY_AFTER, "1")
    }

    /// 500: a defect of ours.
    pub(super) fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }
}

impl From<Problem> for Answer {
    fn from(problem: Problem) -> Self {
        let Problem { status, detail, field } = problem;
        let title = status.canonical_reason().unwrap_or("Error");
        let body = ProblemBody { r#type: "about:blank", title, status: status.as_u16(), detail };
        // Strings and a number can always be written.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let answer = Self::new(status, "application/problem+json", body);
        field.into_iter().fold(answer, |answer, (name, value)| answer.with(name, value))
    }
}
