//! What there is, and how a request finds it.

use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Body as _, Bytes};
use serde::Serialize;

use super::problem::{method_not_allowed, problem};
use super::views;
use crate::engine::EngineConfig;
use crate::engine::view::{Phase, View};

/// Every path, with what it tells: `GET /` answers this list.
pub(super) const PATHS: &[(&str, &str)] = &[
    ("/livez", "200 while the process lives"),
    ("/readyz", "200 while a configuration is served, else 503 with the reason"),
    ("/metrics", "metrics as Prometheus text"),
    ("/v1/summary", "counts, the served version and what was refused"),
    ("/v1/node", "this node: name, software version, workers, state"),
    ("/v1/snapshot", "the served configuration, without private keys"),
    ("/v1/listeners", "listeners, with what they are bound to"),
    ("/v1/backends", "backends with their endpoints"),
    ("/v1/overload", "what has a bound: connections and bytes held, with their limits and what was refused"),
    (
        "/v1/circuit-breakers",
        "backends with the most that may be in work at each endpoint, and how often that was reached",
    ),
    ("/v1/rate-limits", "rate limits of policies: this build has no part for them, so there are none"),
];

/// Answers a request.
pub(super) fn answer(method: &Method, path: &str, config: &EngineConfig, view: &View) -> Response<Full<Bytes>> {
    let mut response = find(method, path, config, view);
    let length = response.body().size_hint().exact().unwrap_or_default();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    if method == Method::HEAD {
        // RFC 9110 section 9.3.2: the fields of a GET, without the content.
        *response.body_mut() = Full::default();
    }
    response
}

fn find(method: &Method, path: &str, config: &EngineConfig, view: &View) -> Response<Full<Bytes>> {
    let known = path == "/" || PATHS.iter().any(|(known, _)| *known == path);
    if !known {
        return problem(StatusCode::NOT_FOUND, &format!("there is no {path} here: GET / lists what there is"));
    }
    if method != Method::GET && method != Method::HEAD {
        return method_not_allowed();
    }
    match path {
        "/livez" => text(StatusCode::OK, "ok\n".to_owned()),
        "/readyz" => {
            let ready = view.phase() == Phase::Serving;
            let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            text(status, format!("{}\n", view.describe()))
        }
        "/metrics" => {
            let mut response = text(StatusCode::OK, view.telemetry().metrics_text());
            let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
            response.headers_mut().insert(CONTENT_TYPE, kind);
            response
        }
        "/v1/summary" => json(&views::summary(view)),
        "/v1/node" => json(&views::node(config, view)),
        "/v1/snapshot" => match view.served() {
            Some(served) => json(&served.snapshot.redacted()),
            None => problem(StatusCode::SERVICE_UNAVAILABLE, &view.describe()),
        },
        "/v1/listeners" => json(&views::listeners(view)),
        "/v1/backends" => json(&views::backends(view)),
        "/v1/overload" => json(&views::overload(config, view)),
        "/v1/circuit-breakers" => json(&views::circuit_breakers(config, view)),
        "/v1/rate-limits" => json(&views::rate_limits()),
        _ => json(&PATHS.iter().copied().collect::<std::collections::BTreeMap<_, _>>()),
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn json(value: &impl Serialize) -> Response<Full<Bytes>> {
    match serde_json::to_vec(value) {
        Ok(body) => {
            let mut response = Response::new(Full::new(Bytes::from(body)));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &format!("the view cannot be written: {error}")),
    }
}
