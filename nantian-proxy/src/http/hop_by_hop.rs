//! Fields that belong to one connection and are not forwarded: RFC 9110 section 7.6.1.

use http::header::{CONNECTION, HeaderName, HeaderValue, TE, UPGRADE};

use super::h1::{takes_trailers, upgrades};
use crate::http::Headers;

/// Obsolete (RFC 9113 section 3.1): it came with an upgrade to `h2c` only.
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// Fields that `Connection` may not name away: those of framing and routing, those that authenticate, and those that
/// tell where a request came from. Taking one out would show the backend another request than we judged.
const PROTECTED: [&str; 17] = [
    "host",
    "content-length",
    "transfer-encoding",
    "content-type",
    "content-encoding",
    "authorization",
    "cookie",
    "set-cookie",
    "expect",
    "forwarded",
    "via",
    "x-real-ip",
    "x-request-id",
    "max-forwards",
    "te",
    "trailer",
    "upgrade",
];

/// Takes the fields of the client's connection out of a request. Keeps `TE: trailers`, and `Upgrade` if the request asks
/// for an upgrade; returns whether it does.
pub fn strip_request(headers: &mut Headers) -> bool {
    let upgrade = upgrades(headers);
    let trailers = takes_trailers(headers);
    strip_connection(headers);
    headers.remove(TE);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    if !upgrade {
        headers.remove(UPGRADE);
    }
    headers.remove(HTTP2_SETTINGS);
    upgrade
}

/// Takes the fields of the backend's connection out of an answer. Keeps `Upgrade` if `switching` (status 101).
pub fn strip_response(headers: &mut Headers, switching: bool) {
    // One look at each name is cheaper than a lookup of each that might be there.
    if !headers.keys().any(|name| is_of_one_hop(name.as_str())) {
        return;
    }
    strip_connection(headers);
    headers.remove(TE);
    if !switching {
        headers.remove(UPGRADE);
    }
}

/// Whether a field, by its name in lower case, concerns one connection only.
pub fn is_of_one_hop(name: &str) -> bool {
    is_of_connection(name) || matches!(name, "te" | "upgrade" | "http2-settings")
}

/// RFC 9110 section 7.6.1: an intermediary MUST take out the fields that `Connection` names, and it.
fn strip_connection(headers: &mut Headers) {
    let mut named: smallvec::SmallVec<[HeaderName; 4]> = headers
        .get_all(CONNECTION)
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .filter(|name| !PROTECTED.contains(&name.as_str()) && !name.as_str().starts_with("x-forwarded-"))
        .collect();
    // In order: thousands of names fit into one field, and each would be looked for among as many fields as there may be.
    named.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    headers.retain(|name| {
        let name = name.as_str();
        !is_of_connection(name) && named.binary_search_by(|known| known.as_str().cmp(name)).is_err()
    });
}

/// Fields that no message keeps. RFC 9110 section 11.7: the last two are between a client and the first proxy that asks for it,
/// which nobody behind us is. In the wrong direction they mean nothing.
fn is_of_connection(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "transfer-encoding"
            | "proxy-authenticate"
            | "proxy-authorization"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&'static str, &'static str)]) -> Headers {
        fields.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    fn names(headers: &Headers) -> Vec<&str> {
        let mut names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn fields_named_by_connection_are_not_forwarded() {
        let mut headers = map(&[
            ("connection", "x-a, X-B ,close"),
            ("x-a", "1"),
            ("x-b", "1"),
            ("x-c", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("transfer-encoding", "chunked"),
            ("te", "gzip"),
            ("upgrade", "h2c"),
            ("proxy-authorization", "Basic x"),
            ("proxy-authenticate", "Basic"),
        ]);
        let mut answer = headers.clone();
        assert!(!strip_request(&mut headers));
        assert_eq!(names(&headers), ["x-c"]);
        strip_response(&mut answer, false);
        assert_eq!(names(&answer), ["x-c"]);
    }

    #[test]
    fn connection_cannot_name_away_what_others_rely_on() {
        let mut headers = map(&[
            ("connection", "host, content-length, authorization, cookie, x-forwarded-for, , {bad}"),
            ("host", "a"),
            ("content-length", "1"),
            ("authorization", "b"),
            ("cookie", "c"),
            ("x-forwarded-for", "d"),
        ]);
        strip_request(&mut headers);
        assert_eq!(names(&headers), ["authorization", "content-length", "cookie", "host", "x-forwarded-for"]);
    }

    #[test]
    fn fields_of_the_message_are_not_of_one_hop() {
        for name in ["host", "content-length", "trailer", "via", "cookie", "x-own"] {
            assert!(!is_of_one_hop(name), "{name}");
        }
        assert!(is_of_one_hop("connection") && is_of_one_hop("proxy-authenticate"));
    }

    #[test]
    fn te_keeps_trailers_only() {
        let mut headers = map(&[("te", "gzip;q=0.5, Trailers"), ("connection", "te")]);
        strip_request(&mut headers);
        assert_eq!(headers.get(TE).unwrap(), "trailers");
    }

    #[test]
    fn an_upgrade_is_kept_if_connection_names_it() {
        let mut headers = map(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")]);
        assert!(strip_request(&mut headers));
        assert_eq!(names(&headers), ["upgrade"]);
        let mut headers = map(&[("upgrade", "websocket")]);
        assert!(!strip_request(&mut headers));
        assert!(headers.is_empty());
        let mut headers = map(&[("connection", "upgrade"), ("upgrade", "websocket")]);
        strip_response(&mut headers, true);
        assert_eq!(names(&headers), ["upgrade"]);
        strip_response(&mut headers, false);
        assert!(headers.is_empty());
    }
}
