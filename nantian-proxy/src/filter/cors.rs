//! Cross-origin resource sharing (`HTTPCORSFilter`, GEP-1767, Fetch standard section 3.2).
//!
//! The origin is always answered as the client sent it, never as `*`: that is right with and without credentials, and
//! `Vary: Origin` tells caches. With this filter, what a backend says about CORS does not count: its
//! `Access-Control-*` fields are replaced or dropped.

use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use nantian_ir::CorsOrigin;

use crate::http::{Body, Headers, Response};

/// A CORS policy, ready to apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cors {
    origins: Vec<CorsOrigin>,
    credentials: bool,
    methods: List,
    headers: List,
    expose: List,
    max_age: HeaderValue,
}

/// A list of names in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
enum List {
    /// Nothing: no field is sent.
    Empty,
    /// `*`.
    Any,
    /// Names, joined.
    Names(HeaderValue),
}

impl List {
    fn compile(names: &[String]) -> Self {
        if names.iter().any(|name| name == "*") {
            return Self::Any;
        }
        match HeaderValue::from_str(&names.join(", ")) {
            Ok(value) if !value.is_empty() => Self::Names(value),
            _ => Self::Empty,
        }
    }
}

/// What the policy says about one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The origin, if it is allowed.
    allowed: Option<HeaderValue>,
    /// Whether cookies or authorization came with the request, or may come with it.
    credentialed: bool,
}

/// Whether a request asks for permission (Fetch standard, "CORS-preflight request").
pub(crate) fn is_preflight(method: &Method, headers: &Headers) -> bool {
    method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

impl Cors {
    pub(crate) fn compile(cors: &nantian_ir::Cors) -> Self {
        Self {
            origins: cors.allow_origins.iter().map(without_default_port).collect(),
            credentials: cors.allow_credentials,
            methods: List::compile(&cors.allow_methods),
            headers: List::compile(&cors.allow_headers),
            expose: List::compile(&cors.expose_headers),
            max_age: HeaderValue::from(cors.max_age.as_secs()),
        }
    }

    /// Answers a preflight: 204, with permissions if the origin is allowed and without them if not.
    pub(crate) fn preflight(&self, request: &Headers) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(
            header::VARY,
            HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
        );
        let Some(origin) = request.get(header::ORIGIN).filter(|origin| self.allows(origin)) else {
            return response;
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if self.credentials {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        // "If the header is not included in the request, the gateway will omit the response header".
        let mut permit = |list: &List, asked: HeaderName, answer: HeaderName| match list {
            List::Empty => {}
            List::Names(names) => {
                headers.insert(answer, names.clone());
            }
            List::Any => {
                if let Some(asked) = request.get(asked) {
                    headers.insert(answer, asked.clone());
                }
            }
        };
        permit(&self.methods, header::ACCESS_CONTROL_REQUEST_METHOD, header::ACCESS_CONTROL_ALLOW_METHODS);
        permit(&self.headers, header::ACCESS_CONTROL_REQUEST_HEADERS, header::ACCESS_CONTROL_ALLOW_HEADERS);
        match &self.expose {
            List::Names(names) => {
                headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, names.clone());
            }
            List::Any if !self.credentials => {
                headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
            }
            List::Any | List::Empty => {}
        }
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        response
    }

    /// Judges an actual request, to be told to [`mark`](Self::mark) when the answer is there.
    pub(crate) fn judge(&self, request: &Headers) -> Verdict {
        Verdict {
            allowed: request.get(header::ORIGIN).filter(|origin| self.allows(origin)).cloned(),
            credentialed: self.credentials
                || request.contains_key(header::COOKIE)
                || request.contains_key(header::AUTHORIZATION),
        }
    }

    /// Marks the answer to an actual request.
    pub(crate) fn mark(&self, verdict: &Verdict, answer: &mut Headers) {
        answer.remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        answer.remove(header::ACCESS_CONTROL_ALLOW_CREDENTIALS);
        answer.remove(header::ACCESS_CONTROL_EXPOSE_HEADERS);
        answer.append(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = &verdict.allowed else { return };
        // "The gateway cannot use the * wildcard" for credentialed requests: the names at hand are listed instead.
        let exposed = match &self.expose {
            List::Empty => None,
            List::Names(names) => Some(names.clone()),
            List::Any if !verdict.credentialed => Some(HeaderValue::from_static("*")),
            List::Any => names_of(answer),
        };
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if self.credentials {
            answer.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if let Some(exposed) = exposed {
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        let Ok(text) = origin.to_str() else { return false };
        let lower = text.to_ascii_lowercase();
        let asked = strip_default_port(&lower);
        self.origins.iter().any(|pattern| match pattern {
            CorsOrigin::Any => true,
            CorsOrigin::Exact(exact) => exact == asked,
            CorsOrigin::Wildcard { scheme, suffix } => asked
                .split_once("://")
                .is_some_and(|(asked_scheme, host)| asked_scheme == scheme && wildcard_covers(suffix, host)),
        })
    }
}

/// Whether `*.suffix` covers `host`, both with their ports. An empty suffix (but for a port) covers every host: "a
/// wildcard by itself matches all hosts".
fn wildcard_covers(suffix: &str, host: &str) -> bool {
    if suffix.is_empty() || suffix.starts_with(':') {
        let bare = host.strip_suffix(suffix).unwrap_or_default();
        return !bare.is_empty() && (bare.ends_with(']') || !bare.contains(':'));
    }
    host.strip_suffix(suffix).and_then(|front| front.strip_suffix('.')).is_some_and(|labels| !labels.is_empty())
}

/// "If not included, port 80 is assumed for http scheme origins, and port 443 is assumed for https origins."
fn strip_default_port(origin: &str) -> &str {
    let port = match origin.split_once("://") {
        Some(("http", _)) => ":80",
        Some(("https", _)) => ":443",
        _ => return origin,
    };
    origin.strip_suffix(port).unwrap_or(origin)
}

fn without_default_port(origin: &CorsOrigin) -> CorsOrigin {
    match origin {
        CorsOrigin::Any => CorsOrigin::Any,
        CorsOrigin::Exact(exact) => CorsOrigin::Exact(strip_default_port(&exact.to_ascii_lowercase()).to_owned()),
        CorsOrigin::Wildcard { scheme, suffix } => {
            let whole = format!("{scheme}://{suffix}").to_ascii_lowercase();
            let (scheme, suffix) = strip_default_port(&whole).split_once("://").unwrap_or_default();
            CorsOrigin::Wildcard { scheme: scheme.to_owned(), suffix: suffix.to_owned() }
        }
    }
}

/// The names of `headers`, joined; cookies are never readable by scripts.
fn names_of(headers: &Headers) -> Option<HeaderValue> {
    let mut names: Vec<&str> =
        headers.keys().filter(|name| *name != header::SET_COOKIE).map(HeaderName::as_str).collect();
    names.sort_unstable();
    names.dedup();
    HeaderValue::from_str(&names.join(", ")).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
