//! Requests (RFC 9113 section 8.3.1), and what HTTP/1.1 behind us could not bear.

use http::header::{COOKIE, EXPECT, HOST, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, StatusCode, Uri, Version};

use super::fields::{Fields, Pseudo};
use super::{Arrived, Unfit, malformed, refused};
use crate::http::content::expects_continue;
use crate::http::h1::is_target;
use crate::http::h2::websocket::Protocol;
use crate::http::{Headers, Request, normalize};

const BAD: StatusCode = StatusCode::BAD_REQUEST;

impl Fields {
    /// The request. An extended CONNECT (RFC 8441) has its [`Protocol`] among the extensions.
    ///
    /// `known`: the authority that was asked for last on the connection, of which nearly all requests have the same.
    pub(crate) fn into_request(mut self, known: &mut Option<Authority>) -> Result<Arrived<Request<()>>, Unfit> {
        self.check()?;
        let pseudo = std::mem::take(&mut self.pseudo);
        if pseudo.status.is_some() {
            return Err(malformed(":status in a request"));
        }
        let method = method(pseudo.method.as_ref())?;
        let protocol = check_form(&method, &pseudo)?;
        if let Some(path) = &pseudo.path {
            check_path(&method, path.as_bytes(), self.limits().uri)?;
        }
        let length = self.content_length()?;
        let authority = one_host(pseudo.authority.as_ref(), &mut self.headers, known)?;
        check_expectation(&method, &self.headers)?;
        join_cookies(&mut self.headers);
        let (uri, version) = (uri(&pseudo, authority)?, Version::HTTP_2);
        let mut request = Request { method, uri, version, headers: self.headers, ..Request::new(()) };
        if let Some(protocol) = protocol {
            request.extensions.insert(protocol);
        }
        Ok(Arrived { head: request, length, size: self.size })
    }
}

fn method(value: Option<&HeaderValue>) -> Result<Method, Unfit> {
    let value = value.ok_or(malformed("no :method"))?;
    match value.as_bytes() {
        b"GET" => Ok(Method::GET),
        long if long.len() > 32 => Err(refused(StatusCode::NOT_IMPLEMENTED, "the method is too long to be one")),
        other => Method::from_bytes(other).map_err(|_| malformed(":method is no token")),
    }
}

/// Which pseudo-header fields there have to be: RFC 9113 sections 8.3.1 and 8.5, RFC 8441 section 4.
fn check_form(method: &Method, pseudo: &Pseudo) -> Result<Option<Protocol>, Unfit> {
    let connect = *method == Method::CONNECT;
    if connect && pseudo.authority.is_none() {
        return Err(malformed("CONNECT without :authority"));
    }
    if connect && pseudo.protocol.is_none() {
        let plain = pseudo.scheme.is_none() && pseudo.path.is_none();
        return if plain { Ok(None) } else { Err(malformed("CONNECT with :scheme or :path")) };
    }
    if !connect && pseudo.protocol.is_some() {
        return Err(malformed(":protocol without CONNECT"));
    }
    let scheme = pseudo.scheme.as_ref().ok_or(malformed("no :scheme"))?;
    if !is_scheme(scheme.as_bytes()) {
        return Err(malformed(":scheme is none"));
    }
    if pseudo.path.as_ref().is_none_or(HeaderValue::is_empty) {
        return Err(malformed("no :path"));
    }
    match &pseudo.protocol {
        None => Ok(None),
        Some(protocol) if protocol == "websocket" => Ok(Some(Protocol::WebSocket)),
        Some(_) => Err(refused(StatusCode::NOT_IMPLEMENTED, "an extended CONNECT for something else than WebSocket")),
    }
}

/// RFC 3986 section 3.1.
fn is_scheme(scheme: &[u8]) -> bool {
    scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

fn check_path(method: &Method, path: &[u8], longest: usize) -> Result<(), Unfit> {
    if path.len() > longest {
        return Err(refused(StatusCode::URI_TOO_LONG, "the request target is too long"));
    }
    let form = path.first() == Some(&b'/') || (path == b"*" && *method == Method::OPTIONS);
    if form && path.iter().copied().all(is_target) { Ok(()) } else { Err(refused(BAD, ":path is not a valid path")) }
}

/// RFC 9113 section 8.3.1: `:authority` stands for Host, which must not differ from it.
fn one_host(
    authority: Option<&HeaderValue>,
    headers: &mut Headers,
    known: &mut Option<Authority>,
) -> Result<Option<Authority>, Unfit> {
    let mut hosts = headers.get_all(HOST);
    let (host, more) = (hosts.next(), hosts.next());
    if more.is_some() {
        return Err(refused(BAD, "more than one host field"));
    }
    let Some(authority) = authority else {
        let host = host.ok_or(refused(BAD, "neither :authority nor host"))?;
        let valid = host.to_str().is_ok_and(|host| normalize::host(host).is_ok());
        return if valid { Ok(None) } else { Err(refused(BAD, "the host is invalid")) };
    };
    let had_host = host.is_some();
    if host.is_some_and(|host| !host.as_bytes().eq_ignore_ascii_case(authority.as_bytes())) {
        return Err(refused(BAD, "host and :authority differ"));
    }
    let same = known.as_ref().filter(|known| known.as_str().as_bytes() == authority.as_bytes());
    let authority = match same {
        Some(same) => same.clone(),
        None => read_authority(authority, known)?,
    };
    if had_host {
        headers.remove(HOST);
    }
    Ok(Some(authority))
}

fn read_authority(value: &HeaderValue, known: &mut Option<Authority>) -> Result<Authority, Unfit> {
    let valid = value.to_str().is_ok_and(|authority| normalize::host(authority).is_ok());
    let authority = Authority::try_from(value.as_bytes()).ok().filter(|_| valid);
    let authority = authority.ok_or(refused(BAD, "the host is invalid"))?;
    *known = Some(authority.clone());
    Ok(authority)
}

/// RFC 9110 section 10.1.1: an expectation other than `100-continue` MAY be answered with 417.
fn check_expectation(method: &Method, headers: &Headers) -> Result<(), Unfit> {
    match headers.get(EXPECT) {
        Some(_) if *method != Method::CONNECT && !expects_continue(headers) => {
            Err(refused(StatusCode::EXPECTATION_FAILED, "the only known expectation is 100-continue"))
        }
        _ => Ok(()),
    }
}

/// RFC 9113 section 8.2.3: crumbs of cookies MUST be one field for a context that is not HTTP/2. An empty one says nothing, and
/// joined last it would leave a space at the end, which RFC 9110 section 5.5 takes out of a value.
fn join_cookies(headers: &mut Headers) {
    let mut crumbs = headers.get_all(COOKIE);
    if crumbs.next().is_none() || crumbs.next().is_none() {
        return;
    }
    let crumbs: Vec<&[u8]> =
        headers.get_all(COOKIE).map(HeaderValue::as_bytes).filter(|crumb| !crumb.is_empty()).collect();
    if let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        headers.insert(COOKIE, cookie);
    }
}

fn uri(pseudo: &Pseudo, authority: Option<Authority>) -> Result<Uri, Unfit> {
    let invalid = |_| refused(BAD, ":path is not a valid path");
    let mut parts = http::uri::Parts::default();
    if let Some(path) = &pseudo.path {
        parts.path_and_query = Some(PathAndQuery::try_from(path.as_bytes()).map_err(invalid)?);
        // A URI has its scheme only beside an authority.
        if authority.is_some() {
            parts.scheme = match pseudo.scheme.as_ref().map(HeaderValue::as_bytes) {
                Some(b"https") => Some(Scheme::HTTPS),
                Some(b"http") | None => Some(Scheme::HTTP),
                Some(other) => Some(Scheme::try_from(other).map_err(|_| malformed(":scheme is none"))?),
            };
        }
    }
    parts.authority = authority;
    Uri::from_parts(parts).map_err(|_| refused(BAD, ":path is not a valid path"))
}
