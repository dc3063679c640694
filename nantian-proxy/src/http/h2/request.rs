//! The head of a request that came in HTTP/2, before a handler sees it.

use http::header::{CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderValue};
use http::{HeaderMap, Method, Request, StatusCode};

use super::fields;
use crate::http::h1::{Refusal, is_target};
use crate::http::{HttpSettings, normalize};

/// Whether the client waits for 100 (RFC 9110 section 10.1.1).
pub(super) fn expects_continue(headers: &HeaderMap) -> bool {
    headers.get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// What `h2` leaves to us of RFC 9113 section 8, and what HTTP/1.1 behind us could not bear.
pub(super) fn check(
    request: &mut Request<()>,
    connect: bool,
    websocket: bool,
    settings: &HttpSettings,
) -> Result<(), Refusal> {
    if connect && !websocket && request.uri().path_and_query().is_some() {
        return Err(Refusal::new(StatusCode::NOT_IMPLEMENTED, "an extended CONNECT for something else than WebSocket"));
    }
    // Cookies may come in crumbs, which count as one field below; bound them before that.
    if request.headers().len() > settings.max_header_fields {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(Refusal::new(status, "the header section has too many fields"));
    }
    if let Some(target) = request.uri().path_and_query() {
        if target.as_str().len() > settings.max_uri_bytes {
            return Err(Refusal::new(StatusCode::URI_TOO_LONG, "the request target is too long"));
        }
        let valid = target.as_str().bytes().all(is_target)
            && (target.as_str().starts_with('/') || (target == "*" && *request.method() == Method::OPTIONS));
        if !valid {
            return Err(Refusal::bad(":path is not a valid path"));
        }
    }
    fields::check(request.headers()).map_err(Refusal::bad)?;
    one_host(request)?;
    if request.headers().get_all(CONTENT_LENGTH).iter().count() > 1 {
        return Err(Refusal::bad("more than one content-length field"));
    }
    if !connect && request.headers().get(EXPECT).is_some() && !expects_continue(request.headers()) {
        return Err(Refusal::new(StatusCode::EXPECTATION_FAILED, "the only known expectation is 100-continue"));
    }
    join_cookies(request.headers_mut());
    Ok(())
}

/// RFC 9113 section 8.3.1: `:authority` stands for Host, which must not differ from it.
fn one_host(request: &mut Request<()>) -> Result<(), Refusal> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (host, more) = (hosts.next(), hosts.next());
    if more.is_some() {
        return Err(Refusal::bad("more than one host field"));
    }
    let authority = request.uri().authority().map(http::uri::Authority::as_str);
    let differs = |host: &HeaderValue| {
        authority.is_some_and(|authority| !host.as_bytes().eq_ignore_ascii_case(authority.as_bytes()))
    };
    if host.is_some_and(differs) {
        return Err(Refusal::bad("host and :authority differ"));
    }
    let valid = match (authority, host) {
        (Some(authority), _) => normalize::host(authority).is_ok(),
        (None, Some(host)) => host.to_str().is_ok_and(|host| normalize::host(host).is_ok()),
        (None, None) => return Err(Refusal::bad("neither :authority nor host")),
    };
    if !valid {
        return Err(Refusal::bad("the host is invalid"));
    }
    if authority.is_some() {
        request.headers_mut().remove(HOST);
    }
    Ok(())
}

/// RFC 9113 section 8.2.3: crumbs of cookies MUST be one field for a context that is not HTTP/2.
fn join_cookies(headers: &mut HeaderMap) {
    if headers.get_all(COOKIE).iter().count() < 2 {
        return;
    }
    let crumbs: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(COOKIE, cookie);
    }
}
