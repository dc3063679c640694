//! Redirects (`HTTPRequestRedirectFilter`).

use http::{HeaderValue, StatusCode};
use nantian_ir::RequestRedirect;

use super::path::PathEdit;

/// A redirect, ready to answer with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redirect {
    scheme: Option<String>,
    hostname: Option<String>,
    path: Option<PathEdit>,
    port: Option<u16>,
    /// Status of the answer.
    pub(crate) status: StatusCode,
}

/// What a redirect takes from the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    /// `http` or `https`, by the connection.
    pub(crate) scheme: &'a str,
    /// Host that the client asked for, without port; an IPv6 address in brackets. Empty if it named none.
    pub(crate) host: &'a str,
    /// Path, normalised.
    pub(crate) path: &'a str,
    /// Query without `?`.
    pub(crate) query: Option<&'a str>,
    /// The listener's public port.
    pub(crate) listener_port: u16,
    /// Bytes of the path that the `PathPrefix` match covered.
    pub(crate) prefix: Option<usize>,
}

impl Redirect {
    pub(crate) fn compile(redirect: &RequestRedirect) -> Self {
        Self {
            scheme: redirect.scheme.as_deref().map(str::to_ascii_lowercase),
            hostname: redirect.hostname.as_ref().map(|name| name.as_str().to_owned()),
            path: redirect.path.as_ref().map(PathEdit::compile),
            port: redirect.port,
            status: StatusCode::from_u16(redirect.status)
                .ok()
                .filter(StatusCode::is_redirection)
                .unwrap_or(StatusCode::FOUND),
        }
    }

    /// The `Location` of the answer; `None` only if the request's own parts cannot stand in a field value.
    pub(crate) fn location(&self, target: &Target<'_>) -> Option<HeaderValue> {
        let scheme = self.scheme.as_deref().unwrap_or(target.scheme);
        let host = self.hostname.as_deref().unwrap_or(target.host);
        let mut path = match &self.path {
            Some(edit) => edit.apply(target.path, target.prefix),
            None => target.path.to_owned(),
        };
        if let Some(query) = target.query {
            path.push('?');
            path.push_str(query);
        }
        let location = if host.is_empty() {
            // Without a host the reference is relative; `//x` would name another authority (RFC 3986 section 4.2).
            if path.starts_with("//") { format!("/.{path}") } else { path }
        } else {
            match self.printed_port(scheme, target.listener_port) {
                Some(port) => format!("{scheme}://{host}:{port}{path}"),
                None => format!("{scheme}://{host}{path}"),
            }
        };
        HeaderValue::from_str(&location).ok()
    }

    /// `HTTPRequestRedirectFilter.port`: the port given, else the well-known one of a given scheme, else the listener's;
    /// not printed where it is the well-known one of the location's scheme.
    fn printed_port(&self, scheme: &str, listener_port: u16) -> Option<u16> {
        let port = match (self.port, self.scheme.as_deref().map(well_known)) {
            (Some(port), _) | (None, Some(Some(port))) => port,
            (None, _) => listener_port,
        };
        (well_known(scheme) != Some(port)).then_some(port)
    }
}

fn well_known(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use nantian_ir::{Hostname, PathModifier};

    use super::*;

    fn redirect() -> RequestRedirect {
        RequestRedirect { scheme: None, hostname: None, path: None, port: None, status: 302 }
    }

    fn target() -> Target<'static> {
        Target { scheme: "http", host: "example.org", path: "/a", query: None, listener_port: 80, prefix: Some(2) }
    }

    fn location(redirect: &RequestRedirect, target: &Target<'_>) -> String {
        let value = Redirect::compile(redirect).location(target).expect("a location");
        value.to_str().expect("ascii").to_owned()
    }

    /// `HTTPRequestRedirectFilter.port`, and the conformance test `HTTPRouteRedirectPortAndScheme`.
    #[test]
    fn the_port_is_derived_from_scheme_and_listener_and_printed_only_when_not_well_known() {
        for (connection, listener, scheme, port, expected) in [
            ("http", 80, None, None, "http://example.org/a"),
            ("http", 80, None, Some(80), "http://example.org/a"),
            ("http", 80, None, Some(8080), "http://example.org:8080/a"),
            ("http", 80, None, Some(443), "http://example.org:443/a"),
            ("http", 80, Some("https"), None, "https://example.org/a"),
            ("http", 80, Some("https"), Some(443), "https://example.org/a"),
            ("http", 80, Some("https"), Some(8443), "https://example.org:8443/a"),
            ("http", 80, Some("https"), Some(80), "https://example.org:80/a"),
            ("http", 80, Some("http"), None, "http://example.org/a"),
            ("http", 8080, None, None, "http://example.org:8080/a"),
            ("http", 8080, None, Some(80), "http://example.org/a"),
            ("http", 8080, None, Some(8080), "http://example.org:8080/a"),
            ("http", 8080, Some("https"), None, "https://example.org/a"),
            ("http", 8080, Some("https"), Some(8080), "https://example.org:8080/a"),
            ("http", 8080, Some("http"), None, "http://example.org/a"),
            ("https", 443, None, None, "https://example.org/a"),
            ("https", 443, None, Some(443), "https://example.org/a"),
            ("https", 443, None, Some(8443), "https://example.org:8443/a"),
            ("https", 443, Some("http"), None, "http://example.org/a"),
            ("https", 443, Some("http"), Some(80), "http://example.org/a"),
            ("https", 443, Some("http"), Some(8080), "http://example.org:8080/a"),
            ("https", 8443, None, None, "https://example.org:8443/a"),
            ("https", 8443, Some("https"), None, "https://example.org/a"),
        ] {
            let redirect = RequestRedirect { scheme: scheme.map(str::to_owned), port, ..redirect() };
            let target = Target { scheme: connection, listener_port: listener, ..target() };
            assert_eq!(location(&redirect, &target), expected, "{connection} {listener} {scheme:?} {port:?}");
        }
    }

    /// Conformance tests `HTTPRouteRedirectHostAndStatus`, `HTTPRouteRedirectPath`.
    #[test]
    fn host_path_and_query_are_those_of_the_request_unless_named() {
        let prefix = |value: &str| Some(PathModifier::ReplacePrefixMatch(value.to_owned()));
        let full = |value: &str| Some(PathModifier::ReplaceFullPath(value.to_owned()));
        let host = Some(Hostname::new("other.example").unwrap());
        for (hostname, path, request_path, matched, query, expected) in [
            (None, None, "/a/b", "/a", None, "http://example.org/a/b"),
            (host.clone(), None, "/a/b", "/a", Some("x=1&y"), "http://other.example/a/b?x=1&y"),
            (None, prefix("/new"), "/original/lemon", "/original", None, "http://example.org/new/lemon"),
            (None, prefix("/new"), "/original", "/original", None, "http://example.org/new"),
            (None, prefix("/"), "/original/lemon", "/original", None, "http://example.org/lemon"),
            (None, prefix(""), "/original", "/original", Some("q"), "http://example.org/?q"),
            (None, full("/full"), "/full/path/original", "/full", None, "http://example.org/full"),
            (None, full("/full"), "/full/path/original", "/full", Some("q=1"), "http://example.org/full?q=1"),
            (host, full("/x"), "/y", "/y", None, "http://other.example/x"),
        ] {
            let redirect = RequestRedirect { hostname, path, ..redirect() };
            let target = Target { path: request_path, prefix: Some(matched.len()), query, ..target() };
            assert_eq!(location(&redirect, &target), expected);
        }
    }

    #[test]
    fn an_ipv6_host_keeps_its_brackets() {
        let target = Target { host: "[::1]", listener_port: 8080, ..target() };
        assert_eq!(location(&redirect(), &target), "http://[::1]:8080/a");
    }

    #[test]
    fn without_any_host_the_location_is_a_path_and_never_another_authority() {
        let target = Target { host: "", path: "/a", ..target() };
        assert_eq!(location(&redirect(), &target), "/a");
        let target = Target { path: "//evil.example/", ..target };
        assert_eq!(location(&redirect(), &target), "/.//evil.example/");
    }

    #[test]
    fn status_codes_are_those_of_the_specification() {
        for status in [301, 302, 303, 307, 308] {
            assert_eq!(Redirect::compile(&RequestRedirect { status, ..redirect() }).status.as_u16(), status);
        }
        assert_eq!(Redirect::compile(&RequestRedirect { status: 200, ..redirect() }).status.as_u16(), 302);
    }
}
