//! The static table (RFC 7541 appendix A).

use http::header::{self, HeaderName, HeaderValue};

use super::entry::Name;

/// Its length; index 62 is the newest entry of the dynamic table.
pub(super) const LENGTH: usize = 61;

const fn field(name: HeaderName) -> (Name, HeaderValue) {
    (Name::Field(name), HeaderValue::from_static(""))
}

const fn pseudo(name: Name, value: &'static str) -> (Name, HeaderValue) {
    (name, HeaderValue::from_static(value))
}

static TABLE: [(Name, HeaderValue); LENGTH] = [
    pseudo(Name::Authority, ""),
    pseudo(Name::Method, "GET"),
    pseudo(Name::Method, "POST"),
    pseudo(Name::Path, "/"),
    pseudo(Name::Path, "/index.html"),
    pseudo(Name::Scheme, "http"),
    pseudo(Name::Scheme, "https"),
    pseudo(Name::Status, "200"),
    pseudo(Name::Status, "204"),
    pseudo(Name::Status, "206"),
    pseudo(Name::Status, "304"),
    pseudo(Name::Status, "400"),
    pseudo(Name::Status, "404"),
    pseudo(Name::Status, "500"),
    field(header::ACCEPT_CHARSET),
    (Name::Field(header::ACCEPT_ENCODING), HeaderValue::from_static("gzip, deflate")),
    field(header::ACCEPT_LANGUAGE),
    field(header::ACCEPT_RANGES),
    field(header::ACCEPT),
    field(header::ACCESS_CONTROL_ALLOW_ORIGIN),
    field(header::AGE),
    field(header::ALLOW),
    field(header::AUTHORIZATION),
    field(header::CACHE_CONTROL),
    field(header::CONTENT_DISPOSITION),
    field(header::CONTENT_ENCODING),
    field(header::CONTENT_LANGUAGE),
    field(header::CONTENT_LENGTH),
    field(header::CONTENT_LOCATION),
    field(header::CONTENT_RANGE),
    field(header::CONTENT_TYPE),
    field(header::COOKIE),
    field(header::DATE),
    field(header::ETAG),
    field(header::EXPECT),
    field(header::EXPIRES),
    field(header::FROM),
    field(header::HOST),
    field(header::IF_MATCH),
    field(header::IF_MODIFIED_SINCE),
    field(header::IF_NONE_MATCH),
    field(header::IF_RANGE),
    field(header::IF_UNMODIFIED_SINCE),
    field(header::LAST_MODIFIED),
    field(header::LINK),
    field(header::LOCATION),
    field(header::MAX_FORWARDS),
    field(header::PROXY_AUTHENTICATE),
    field(header::PROXY_AUTHORIZATION),
    field(header::RANGE),
    field(header::REFERER),
    field(header::REFRESH),
    field(header::RETRY_AFTER),
    field(header::SERVER),
    field(header::SET_COOKIE),
    field(header::STRICT_TRANSPORT_SECURITY),
    field(header::TRANSFER_ENCODING),
    field(header::USER_AGENT),
    field(header::VARY),
    field(header::VIA),
    field(header::WWW_AUTHENTICATE),
];

/// The entry of an index, which counts from 1.
pub(super) fn get(index: usize) -> Option<&'static (Name, HeaderValue)> {
    TABLE.get(index.checked_sub(1)?)
}

/// The index of a name.
pub(super) fn name(name: &str) -> Option<usize> {
    let index = match name {
        ":authority" => 1,
        ":method" => 2,
        ":path" => 4,
        ":scheme" => 6,
        ":status" => 8,
        "accept-charset" => 15,
        "accept-encoding" => 16,
        "accept-language" => 17,
        "accept-ranges" => 18,
        "accept" => 19,
        "access-control-allow-origin" => 20,
        "age" => 21,
        "allow" => 22,
        "authorization" => 23,
        "cache-control" => 24,
        "content-disposition" => 25,
        "content-encoding" => 26,
        "content-language" => 27,
        "content-length" => 28,
        "content-location" => 29,
        "content-range" => 30,
        "content-type" => 31,
        "cookie" => 32,
        "date" => 33,
        "etag" => 34,
        "expect" => 35,
        "expires" => 36,
        "from" => 37,
        "host" => 38,
        "if-match" => 39,
        "if-modified-since" => 40,
        "if-none-match" => 41,
        "if-range" => 42,
        "if-unmodified-since" => 43,
        "last-modified" => 44,
        "link" => 45,
        "location" => 46,
        "max-forwards" => 47,
        "proxy-authenticate" => 48,
        "proxy-authorization" => 49,
        "range" => 50,
        "referer" => 51,
        "refresh" => 52,
        "retry-after" => 53,
        "server" => 54,
        "set-cookie" => 55,
        "strict-transport-security" => 56,
        "transfer-encoding" => 57,
        "user-agent" => 58,
        "vary" => 59,
        "via" => 60,
        "www-authenticate" => 61,
        _ => return None,
    };
    Some(index)
}

/// The index of a field whose value is in the table too.
pub(super) fn whole(name: &str, value: &[u8]) -> Option<usize> {
    let index = match (name, value) {
        (":method", b"GET") => 2,
        (":method", b"POST") => 3,
        (":path", b"/") => 4,
        (":path", b"/index.html") => 5,
        (":scheme", b"http") => 6,
        (":scheme", b"https") => 7,
        (":status", b"200") => 8,
        (":status", b"204") => 9,
        (":status", b"206") => 10,
        (":status", b"304") => 11,
        (":status", b"400") => 12,
        (":status", b"404") => 13,
        (":status", b"500") => 14,
        ("accept-encoding", b"gzip, deflate") => 16,
        _ => return None,
    };
    Some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_at_its_first_index_and_a_field_at_its_own() {
        for (index, (of, value)) in (1..).zip(&TABLE) {
            let first = (1..).zip(&TABLE).find(|(_, (other, _))| other == of).map(|(index, _)| index);
            assert_eq!(name(of.as_str()), first, "{of:?}");
            let expected = (!value.is_empty()).then_some(index);
            assert_eq!(whole(of.as_str(), value.as_bytes()), expected, "{of:?}");
        }
        assert_eq!((name("x-a"), whole("x-a", b"b"), get(0).is_none(), get(62).is_none()), (None, None, true, true));
    }
}
