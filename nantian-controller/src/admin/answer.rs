//! Answers, before they become HTTP.

use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use serde::Serialize;

use super::problem::Problem;

pub(super) const JSON: &str = "application/json";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";
pub(super) const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// An answer to a GET.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    fields: HeaderMap,
    body: Bytes,
}

impl Answer {
    pub(super) fn new(status: StatusCode, media_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut fields = HeaderMap::new();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        // What is so now need not be so when the same is asked again.
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Self { status, fields, body: body.into() }
    }

    pub(super) fn text(status: StatusCode, text: &str) -> Self {
        Self::new(status, TEXT, format!("{text}\n"))
    }

    pub(super) fn json(value: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_vec(value)
            .map_err(|error| Problem::internal(format!("the answer cannot be written: {error}")))?;
        Ok(Self::new(StatusCode::OK, JSON, body))
    }

    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.fields.insert(name, value);
        self
    }

    #[cfg(test)]
    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The response to a request with this method.
    pub(super) fn into_response(mut self, method: &Method) -> Response<Full<Bytes>> {
        self.fields.insert(CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        // RFC 9110 section 9.3.2: the fields of a GET, without the content.
        let body = if method == Method::HEAD { Bytes::new() } else { self.body };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.fields;
        response
    }
}
