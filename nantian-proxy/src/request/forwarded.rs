//! What the backend is told about the client: `X-Forwarded-*` and `X-Request-Id`.
//!
//! `Forwarded` (RFC 7239) and `X-Real-IP` are dropped, never written: two ways to say the same invite contradiction.
//! Exception to RFC 9110 section 7.6.3 ("MUST send an appropriate Via"): `Via` is passed on but not extended, since
//! common servers switch compression off where they see it.

use std::fmt::Write as _;
use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};

use smallvec::SmallVec;

use super::ForwardedSettings;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Dropped from everyone.
const DROPPED: [&str; 2] = ["forwarded", "x-real-ip"];

/// What we know first hand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) peer: IpAddr,
    pub(super) scheme: &'static str,
    /// The host as received, with its port.
    pub(super) host: Option<&'a HeaderValue>,
    /// The listener's public port.
    pub(super) port: u16,
    /// For a request id, if one is needed.
    pub(super) random: [u64; 2],
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// The client: our peer, or the one that the last trusted proxy names.
    pub(super) client: IpAddr,
    /// The request id that the backend gets.
    pub(super) request_id: HeaderValue,
}

/// Writes the fields into `headers`.
pub(super) fn write(headers: &mut HeaderMap, settings: &ForwardedSettings, seen: &Seen<'_>) -> Told {
    let trusting = settings.trusted_hops > 0;
    let dropped = |name: &&HeaderName| {
        // `X-Forwarded-Prefix`, `-Client-Cert`, `-User` and whatever else backends may believe.
        DROPPED.contains(&name.as_str()) || (!trusting && name.as_str().starts_with("x-forwarded-"))
    };
    let dropped: SmallVec<[HeaderName; 4]> = headers.keys().filter(dropped).cloned().collect();
    for name in &dropped {
        headers.remove(name);
    }
    let hops = usize::try_from(settings.trusted_hops).unwrap_or(usize::MAX);
    let peer = seen.peer.to_canonical();
    let trusted = trusted_entries(headers, hops);
    let client = trusted.first().and_then(|entry| address(entry)).unwrap_or(peer);
    let mut chain = trusted.join(", ");
    if !chain.is_empty() {
        chain.push_str(", ");
    }
    // An address is ASCII, and so is what was kept of the chain.
    let _ = write!(chain, "{peer}");
    set(headers, FOR, HeaderValue::try_from(chain).ok());
    let proto = HeaderValue::from_static(seen.scheme);
    for (name, value) in [(PROTO, Some(&proto)), (HOST, seen.host), (PORT, Some(&HeaderValue::from(seen.port)))] {
        let keep = hops > 0 && headers.get_all(&name).iter().count() == 1;
        if !keep {
            set(headers, name, value.cloned());
        }
    }
    let given = headers.get(&REQUEST_ID).filter(|id| hops > 0 && is_request_id(id)).cloned();
    let request_id = given.unwrap_or_else(|| new_request_id(seen.random));
    let _ = headers.try_insert(REQUEST_ID, request_id.clone());
    Told { client, request_id }
}

/// The `hops` rightmost entries of `X-Forwarded-For`; what stands left of them was written by strangers.
fn trusted_entries(headers: &HeaderMap, hops: usize) -> Vec<String> {
    if hops == 0 {
        return Vec::new();
    }
    let entries: Vec<&str> = headers
        .get_all(&FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .collect();
    let from = entries.len().saturating_sub(hops);
    entries.into_iter().skip(from).map(str::to_owned).collect()
}

/// An address, with or without port and brackets, as proxies write it.
fn address(entry: &str) -> Option<IpAddr> {
    let address = entry.parse().ok();
    let with_port = || entry.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    address.or_else(with_port).or_else(bracketed)
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>) {
    match value {
        Some(value) => {
            let _ = headers.try_insert(name, value);
        }
        None => {
            headers.remove(&name);
        }
    }
}

/// Short and printable, so that it can stand in any log.
fn is_request_id(value: &HeaderValue) -> bool {
    (1..=128).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
}

/// A random (version 4) UUID (RFC 9562 section 5.4).
fn new_request_id([high, low]: [u64; 2]) -> HeaderValue {
    let bits = (u128::from(high) << 64) | u128::from(low);
    let bits = bits & !(0xf << 76) | (0x4 << 76);
    let mut bits = bits & !(0x3 << 62) | (0x2 << 62);
    let mut text = [b'-'; 36];
    for (index, byte) in text.iter_mut().enumerate() {
        if !matches!(index, 8 | 13 | 18 | 23) {
            let digit = u8::try_from(bits >> 124).unwrap_or(0);
            *byte = if digit < 10 { b'0' + digit } else { b'a' - 10 + digit };
            bits <<= 4;
        }
    }
    HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(hops: u32, received: &[(&'static str, &str)]) -> (HeaderMap, Told) {
        let mut headers: HeaderMap = HeaderMap::new();
        for (name, value) in received {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let seen = Seen {
            peer: "192.0.2.1".parse().unwrap(),
            scheme: "https",
            host: Some(&HeaderValue::from_static("a.example:8443")),
            port: 8443,
            random: [1, 2],
        };
        let told = write(&mut headers, &ForwardedSettings { trusted_hops: hops }, &seen);
        (headers, told)
    }

    const SENT: &[(&str, &str)] = &[
        ("x-forwarded-for", "198.51.100.1, 198.51.100.2"),
        ("x-forwarded-for", "198.51.100.3"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-port", "1"),
        ("x-forwarded-prefix", "/evil"),
        ("x-forwarded-client-cert", "evil"),
        ("forwarded", "for=198.51.100.9"),
        ("x-real-ip", "198.51.100.9"),
        ("x-request-id", "theirs"),
    ];

    #[test]
    fn strangers_are_not_believed() {
        let (headers, told) = run(0, SENT);
        assert_eq!(headers["x-forwarded-for"], "192.0.2.1");
        assert_eq!(headers.get_all("x-forwarded-for").iter().count(), 1);
        assert_eq!(headers["x-forwarded-proto"], "https");
        assert_eq!(headers["x-forwarded-host"], "a.example:8443");
        assert_eq!(headers["x-forwarded-port"], "8443");
        for dropped in ["forwarded", "x-real-ip", "x-forwarded-prefix", "x-forwarded-client-cert"] {
            assert!(!headers.contains_key(dropped));
        }
        assert_eq!(told.client, "192.0.2.1".parse::<IpAddr>().unwrap());
        assert_ne!(told.request_id, "theirs");
        assert_eq!(headers["x-request-id"], told.request_id);
    }

    #[test]
    fn the_rightmost_trusted_entries_are_kept_and_the_peer_appended() {
        for (hops, chain, client) in [
            (1, "198.51.100.3, 192.0.2.1", "198.51.100.3"),
            (2, "198.51.100.2, 198.51.100.3, 192.0.2.1", "198.51.100.2"),
            (9, "198.51.100.1, 198.51.100.2, 198.51.100.3, 192.0.2.1", "198.51.100.1"),
        ] {
            let (headers, told) = run(hops, SENT);
            assert_eq!(headers["x-forwarded-for"], chain);
            assert_eq!(told.client, client.parse::<IpAddr>().unwrap());
            assert_eq!(headers["x-forwarded-proto"], "http");
            assert_eq!(headers["x-forwarded-host"], "evil.example");
            assert_eq!(headers["x-request-id"], "theirs");
        }
    }

    #[test]
    fn a_trusted_proxy_that_says_nothing_leaves_us_to_say_it() {
        let (headers, told) = run(1, &[("x-request-id", "with space")]);
        assert_eq!(headers["x-forwarded-for"], "192.0.2.1");
        assert_eq!(headers["x-forwarded-proto"], "https");
        assert_eq!(told.client, "192.0.2.1".parse::<IpAddr>().unwrap());
        assert_ne!(headers["x-request-id"], "with space");
    }

    #[test]
    fn addresses_are_read_with_port_and_brackets_and_nothing_else() {
        for (entry, expected) in [
            ("198.51.100.1", Some("198.51.100.1")),
            ("198.51.100.1:80", Some("198.51.100.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("[2001:db8::1]:443", Some("2001:db8::1")),
            ("unknown", None),
        ] {
            assert_eq!(address(entry), expected.map(|text| text.parse().unwrap()), "{entry}");
        }
    }

    #[test]
    fn request_ids_are_version_4_uuids() {
        assert_eq!(new_request_id([0, 0]), "00000000-0000-4000-8000-000000000000");
        assert_eq!(new_request_id([u64::MAX, u64::MAX]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
