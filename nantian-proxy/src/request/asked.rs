//! What a request asks for, in one spelling: made once, then matched and forwarded.

use std::borrow::Cow;
use std::rc::Rc;

use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Uri, header};

use super::answer::Failure;
use super::names::Present;
use crate::filter::RequestEdit;
use crate::http::normalize::{self, PathOptions};
use crate::http::{ConnectionInfo, Headers, Request, hop_by_hop};

/// A request's head, taken apart.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// Never CONNECT: that for a WebSocket over HTTP/2 (RFC 8441) comes as the upgrade of HTTP/1.1 that it means.
    pub(super) method: Method,
    /// Lower case, without port and final dot; an IPv6 address in brackets. Empty if there is none.
    pub(super) host: Rc<str>,
    /// As received, with its port.
    pub(super) authority: Option<HeaderValue>,
    /// Its path is normalised.
    pub(super) target: Target,
    /// Without what concerns the client's connection only, and without `Host`.
    pub(super) headers: Headers,
    /// Which of them may be there.
    pub(super) present: Present,
    /// Whether the request asks to switch to another protocol.
    pub(super) upgrade: bool,
}

/// Path and query.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// As received. Nearly every request's path is in normal form already, and is not copied then.
    Received(PathAndQuery),
    Made {
        path: String,
        query: Option<String>,
    },
}

/// What is sent to a backend: the request as filters changed it.
#[derive(Debug, Clone)]
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) host: Option<HeaderValue>,
    target: Target,
    headers: Headers,
    pub(super) upgrade: bool,
    /// The path that matched, once it was changed: what prefixes are replaced in.
    matched_path: Option<String>,
    /// How much of the path that matched a prefix match covered.
    matched_prefix: Option<usize>,
}

impl Asked {
    /// Reads a head. What is not a valid request is refused with 400 (RFC 9112 section 3.2, RFC 9113 section 8.3.1).
    ///
    /// `present`: of the head's fields.
    pub(super) fn read(
        head: Request<()>,
        present: Present,
        paths: PathOptions,
        connection: &ConnectionInfo,
    ) -> Result<Self, Failure> {
        let Request { method, uri, mut headers, .. } = head;
        let host = if present.host { take_host(&mut headers)? } else { None };
        let authority = authority(&uri, host, connection);
        let host = match &authority {
            None => Rc::default(),
            Some(authority) => {
                let host = authority.to_str().ok().and_then(|authority| connection.normal_host(authority));
                host.ok_or(Failure::BadRequest("the host is not valid"))?
            }
        };
        if method == Method::CONNECT {
            return Err(Failure::NoTunnel);
        }
        let mut upgrade = present.of_one_hop && hop_by_hop::strip_request(&mut headers);
        if upgrade && headers.get_all(header::UPGRADE).any(is_transport) {
            headers.remove(header::UPGRADE);
            upgrade = false;
        }
        // `OPTIONS *` asks the server itself; it is routed like `OPTIONS /`.
        let raw_path = if uri.path() == "*" || uri.path().is_empty() { "/" } else { uri.path() };
        if !raw_path.starts_with('/') {
            return Err(Failure::BadRequest("the path does not begin with a slash"));
        }
        let path = normalize::path(raw_path, paths)
            .map_err(|_| Failure::BadRequest("the path has an escape or character that is not valid"))?;
        let target = match (path, uri.path_and_query()) {
            (Cow::Borrowed(_), Some(received)) if received.as_str().starts_with('/') => {
                Target::Received(received.clone())
            }
            (path, _) => Target::Made { path: path.into_owned(), query: uri.query().map(str::to_owned) },
        };
        Ok(Self { method, host, authority, target, headers, present, upgrade })
    }

    /// Normalised.
    pub(super) fn path(&self) -> &str {
        self.target.path()
    }

    pub(super) fn query(&self) -> Option<&str> {
        self.target.query()
    }

    /// The request as it is forwarded when no filter changes it. The host stays the client's.
    pub(super) fn into_outgoing(self, matched_prefix: Option<usize>) -> Outgoing {
        Outgoing {
            method: self.method,
            host: self.authority,
            target: self.target,
            matched_path: None,
            headers: self.headers,
            upgrade: self.upgrade,
            matched_prefix,
        }
    }
}

/// Whether an upgrade would carry HTTP itself: behind it, requests would reach the backend that no stage has seen. A
/// server may always ignore an upgrade (RFC 9110 section 7.8), and `h2c` is obsolete (RFC 9113 section 3.1).
fn is_transport(protocols: &HeaderValue) -> bool {
    protocols.as_bytes().split(|&byte| byte == b',').map(<[u8]>::trim_ascii).any(|protocol| {
        let starts = |name: &[u8]| protocol.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
        starts(b"h2") || starts(b"http/") || starts(b"tls/") || protocol.eq_ignore_ascii_case(b"http")
    })
}

/// Takes `Host` out of the headers, of which there is at most one (RFC 9112 section 3.2).
fn take_host(headers: &mut Headers) -> Result<Option<HeaderValue>, Failure> {
    if headers.get_all(header::HOST).nth(1).is_some() {
        return Err(Failure::BadRequest("there is more than one Host"));
    }
    Ok(headers.remove(header::HOST))
}

/// `:authority` or the absolute form wins over `Host` (RFC 9112 section 3.2.2); in HTTP/2 they must not differ
/// (RFC 9113 section 8.3.1).
fn authority(uri: &Uri, host: Option<HeaderValue>, connection: &ConnectionInfo) -> Option<HeaderValue> {
    let authority = match uri.authority() {
        Some(authority) => connection.host_value(authority.as_str()),
        None => host,
    };
    authority.filter(|authority| !authority.is_empty())
}

impl Target {
    fn path(&self) -> &str {
        match self {
            Self::Received(received) => received.path(),
            Self::Made { path, .. } => path,
        }
    }

    fn query(&self) -> Option<&str> {
        match self {
            Self::Received(received) => received.query(),
            Self::Made { query, .. } => query.as_deref(),
        }
    }

    fn uri(&self) -> Option<Uri> {
        match self {
            Self::Received(received) => Some(received.clone().into()),
            Self::Made { path, query: None } => Uri::try_from(path.as_str()).ok(),
            Self::Made { path, query: Some(query) } => Uri::try_from(format!("{path}?{query}")).ok(),
        }
    }
}

impl Outgoing {
    /// Applies filters in their order.
    pub(super) fn edit(&mut self, edits: &[RequestEdit]) {
        for edit in edits {
            match edit {
                RequestEdit::Headers(headers) => {
                    headers.apply(&mut self.headers);
                    if let Some(host) = headers.host() {
                        self.host = Some(host.clone());
                    }
                }
                RequestEdit::Rewrite(rewrite) => {
                    if let Some(host) = &rewrite.host {
                        self.host = Some(host.clone());
                    }
                    if let Some(path) = &rewrite.path {
                        let matched = self.matched_path.get_or_insert_with(|| self.target.path().to_owned());
                        let path = path.apply(matched, self.matched_prefix);
                        self.target = Target::Made { path, query: self.target.query().map(str::to_owned) };
                    }
                }
            }
        }
    }

    /// The head, with the target in origin form and the host in `Host`.
    pub(super) fn head(&self) -> Option<Request<()>> {
        self.with_headers(self.headers.clone())
    }

    /// The same, for the last time: it takes the headers with it.
    pub(super) fn take_head(&mut self) -> Option<Request<()>> {
        let headers = std::mem::take(&mut self.headers);
        self.with_headers(headers)
    }

    fn with_headers(&self, headers: Headers) -> Option<Request<()>> {
        let mut request = Request { method: self.method.clone(), uri: self.target.uri()?, headers, ..Request::new(()) };
        if let Some(host) = &self.host {
            request.headers.append(header::HOST, host.clone());
        }
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn read(request: http::request::Builder) -> Result<Asked, Failure> {
        let head = Request::from(request.body(()).unwrap());
        let present = Present::of(&head.headers);
        let address = SocketAddr::from(([192, 0, 2, 1], 80));
        Asked::read(head, present, PathOptions::default(), &ConnectionInfo::new(address, address))
    }

    #[test]
    fn the_host_is_in_the_authority_or_in_host() {
        for (uri, host, expected) in [
            ("/", Some("A.Example:80"), ("a.example", "A.Example:80")),
            ("/", Some("a.example."), ("a.example", "a.example.")),
            ("http://b.example:81/", None, ("b.example", "b.example:81")),
            ("http://b.example/", Some("a.example"), ("b.example", "b.example")),
            ("/", Some("[::1]:80"), ("[::1]", "[::1]:80")),
            ("/", None, ("", "")),
        ] {
            let mut request = http::Request::builder().uri(uri);
            if let Some(host) = host {
                request = request.header("host", host);
            }
            let asked = read(request).unwrap();
            let authority = asked.authority.as_ref().map_or("", |authority| authority.to_str().unwrap());
            assert_eq!((&*asked.host, authority), expected);
            assert!(!asked.headers.contains_key("host"));
        }
    }

    /// RFC 9112 section 3.2: "A server MUST respond with a 400 [...] to any request message that contains more than one
    /// Host header field line or a Host header field with an invalid field value."
    #[test]
    fn invalid_requests_are_refused() {
        let get = || http::Request::builder().uri("/");
        for request in [
            get().header("host", "a").header("host", "a"),
            get().header("host", "a b"),
            get().header("host", "user@a"),
            get().header("host", "a:99999"),
            http::Request::builder().uri("/%zz").header("host", "a"),
            http::Request::builder().uri("/a%00b").header("host", "a"),
        ] {
            assert!(matches!(read(request), Err(Failure::BadRequest(_))));
        }
        let connect = http::Request::builder().method("CONNECT").uri("a.example:443");
        assert_eq!(read(connect).unwrap_err(), Failure::NoTunnel);
    }

    #[test]
    fn paths_have_one_spelling_and_queries_stay() {
        let asked = read(http::Request::builder().uri("/a/../b//%63?x=%2e%2E/&y").header("host", "a")).unwrap();
        assert_eq!((asked.path(), asked.query()), ("/b/c", Some("x=%2e%2E/&y")));
        let asked = read(http::Request::builder().method("OPTIONS").uri("*").header("host", "a")).unwrap();
        assert_eq!(asked.path(), "/");
        // RFC 9112 section 3.2.1: an empty path is sent as `/`.
        let asked = read(http::Request::builder().uri("http://a.example?q")).unwrap();
        assert_eq!((asked.path(), asked.query()), ("/", Some("q")));
        assert_eq!(asked.into_outgoing(None).head().unwrap().uri(), "/?q");
    }

    #[test]
    fn an_upgrade_that_would_carry_requests_past_us_is_ignored() {
        for (protocol, expected) in [
            ("websocket", true),
            ("Custom/1.0", true),
            ("h2c", false),
            ("H2C", false),
            ("websocket, h2c", false),
            ("HTTP/2.0", false),
            ("TLS/1.0", false),
        ] {
            let request = http::Request::builder().uri("/").header("connection", "upgrade, http2-settings");
            let request = request.header("upgrade", protocol).header("http2-settings", "AAMAAABkAAQAAP__");
            let asked = read(request).unwrap();
            assert_eq!((asked.upgrade, asked.headers.contains_key("upgrade")), (expected, expected), "{protocol}");
            assert!(!asked.headers.contains_key("http2-settings"));
        }
    }

    #[test]
    fn the_forwarded_host_is_the_clients_unless_changed() {
        let asked = read(http::Request::builder().uri("/a/b?q").header("host", "a.example:8080")).unwrap();
        let head = asked.into_outgoing(Some(2)).head().unwrap();
        assert_eq!(
            (head.uri(), &head.headers()["host"]),
            (&Uri::from_static("/a/b?q"), &HeaderValue::from_static("a.example:8080"))
        );
    }
}
