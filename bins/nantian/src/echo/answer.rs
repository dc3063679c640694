//! What an echo backend answers.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes, Frame, Incoming};
use serde::Serialize;

use super::Identity;

/// A wait longer than this is not honoured.
const MAX_DELAY: Duration = Duration::from_secs(60);

/// What it received.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Received<'a> {
    /// Who answers.
    service: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod: Option<&'a str>,
    method: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<&'a str>,
    host: String,
    protocol: String,
    headers: BTreeMap<&'a str, String>,
    body_bytes: u64,
}

/// Answers a request with what it is made of. `?delay=500ms` and `?status=503` in the query ask for a slow answer, or
/// for another status: to see time limits and retries at work.
pub(super) async fn answer(
    request: Request<Incoming>,
    identity: Arc<Identity>,
) -> Result<Response<Answer>, Infallible> {
    let (parts, mut body) = request.into_parts();
    let mut body_bytes = 0;
    while let Some(Ok(frame)) = body.frame().await {
        body_bytes += frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
    }
    let parameter = |name: &str| {
        let pairs = parts.uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    if let Some(delay) = parameter("delay").and_then(|text| delay(&text)) {
        tokio::time::sleep(delay).await;
    }
    if parts
        .headers
        .get(http::header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
    {
        return Ok(grpc(&identity, parts.uri.path()));
    }
    let host = parts.uri.authority().map(ToString::to_string).or_else(|| text(&parts.headers, http::header::HOST));
    let received = Received {
        service: &identity.service,
        pod: identity.pod.as_deref(),
        method: parts.method.as_str(),
        path: parts.uri.path(),
        query: parts.uri.query(),
        host: host.unwrap_or_default(),
        protocol: format!("{:?}", parts.version),
        headers: parts
            .headers
            .keys()
            .map(|name| (name.as_str(), text(&parts.headers, name.clone()).unwrap_or_default()))
            .collect(),
        body_bytes,
    };
    // All keys are strings: serialising cannot fail.
    let mut json = serde_json::to_vec_pretty(&received).unwrap_or_default();
    json.push(b'\n');
    let mut response = Response::new(Answer { data: Some(json.into()), trailers: None });
    response.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(status) = parameter("status").and_then(|text| StatusCode::from_bytes(text.as_bytes()).ok())
        && status.as_u16() >= 200
    {
        *response.status_mut() = status;
    }
    Ok(response)
}

/// All values of a header, as one.
fn text(headers: &HeaderMap, name: http::HeaderName) -> Option<String> {
    let values: Vec<_> =
        headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

fn delay(text: &str) -> Option<Duration> {
    let millis = match text.strip_suffix("ms") {
        Some(millis) => millis.parse().ok()?,
        None => text.strip_suffix('s')?.parse::<u64>().ok()?.checked_mul(1000)?,
    };
    Some(Duration::from_millis(millis).min(MAX_DELAY))
}

/// A gRPC answer: an empty message, and the status in trailers.
fn grpc(identity: &Identity, path: &str) -> Response<Answer> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let mut response = Response::new(Answer { data: Some(Bytes::from_static(&[0; 5])), trailers: Some(trailers) });
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    for (name, value) in [("echo-service", identity.service.as_str()), ("echo-path", path)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    response
}

/// A body of one piece, perhaps with trailers.
pub(super) struct Answer {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let next = this.data.take().map(Frame::data).or_else(|| this.trailers.take().map(Frame::trailers));
        Poll::Ready(next.map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.trailers.is_none()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        hyper::body::SizeHint::with_exact(self.data.as_ref().map_or(0, |data| data.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_are_bounded() {
        assert_eq!(delay("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(delay("2s"), Some(Duration::from_secs(2)));
        assert_eq!(delay("99999999s"), Some(MAX_DELAY));
        assert_eq!(delay("18446744073709551615s"), None);
        assert_eq!(delay("2"), None);
    }
}
