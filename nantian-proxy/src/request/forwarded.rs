//! What the backend is told about the client: `X-Forwarded-*`, `X-Request-Id`, and by setting `Forwarded` (RFC 7239) and
//! `X-Real-IP`.
//!
//! One policy for all of them: what a stranger says is dropped; what the trusted proxies in front of us say is kept, and
//! our own peer appended to it.

use std::net::IpAddr;

use http::{HeaderName, HeaderValue};
use smallvec::SmallVec;

use super::ForwardedSettings;
use super::names::{Present, tells_of_the_client};
use crate::http::{Headers, address_value};

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What we know first hand. Values that a connection's or a listener's requests share are field values already.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) peer: IpAddr,
    pub(super) peer_value: &'a HeaderValue,
    pub(super) scheme: &'static str,
    /// The host as received, with its port.
    pub(super) host: Option<&'a HeaderValue>,
    /// The listener's public port.
    pub(super) port: Option<&'a HeaderValue>,
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

/// Writes the fields into `headers`, of which those that `present` names may be there.
pub(super) fn write(headers: &mut Headers, present: Present, settings: &ForwardedSettings, seen: &Seen<'_>) -> Told {
    let hops = usize::try_from(settings.trusted_hops).unwrap_or(usize::MAX);
    let mut claims = Claims::default();
    if present.forwarded {
        if hops > 0 {
            claims = Claims::read(headers, hops, settings, seen);
        }
        strip(headers, hops > 0);
    }
    let client = claims.client.unwrap_or_else(|| seen.peer.to_canonical());
    let trusting = present.forwarded && hops > 0;
    put(headers, trusting, FOR, Some(claims.chain.unwrap_or_else(|| seen.peer_value.clone())));
    let scheme = HeaderValue::from_static(seen.scheme);
    for (name, value) in [(PROTO, Some(scheme)), (HOST, seen.host.cloned()), (PORT, seen.port.cloned())] {
        let kept = trusting && headers.get_all(&name).count() == 1;
        if !kept {
            put(headers, trusting, name, value);
        }
    }
    if settings.forwarded_header {
        put(headers, trusting, FORWARDED, element(claims.elements.as_deref(), seen));
    }
    if settings.real_ip {
        let value = if claims.client.is_some() { address_value(client) } else { seen.peer_value.clone() };
        put(headers, trusting, REAL_IP, Some(value));
    }
    let given = if present.request_id && hops > 0 { headers.get(&REQUEST_ID) } else { None };
    let given = given.filter(|id| is_request_id(id)).cloned();
    let request_id = given.unwrap_or_else(|| new_request_id(seen.random));
    put(headers, present.request_id, REQUEST_ID, Some(request_id.clone()));
    Told { client, request_id }
}

/// What trusted proxies say, each list cut to the trusted entries at its right end: what stands left of them was
/// written by strangers.
#[derive(Default)]
struct Claims {
    /// The client that the last trusted proxy names.
    client: Option<IpAddr>,
    /// `X-Forwarded-For` with our peer.
    chain: Option<HeaderValue>,
    /// Elements of `Forwarded`.
    elements: Option<String>,
}

impl Claims {
    fn read(headers: &Headers, hops: usize, settings: &ForwardedSettings, seen: &Seen<'_>) -> Self {
        let entries = last_of(values(headers, &FOR).flat_map(|value| value.split(',')), hops);
        let Some(first) = entries.first() else {
            return Self { elements: elements(headers, hops, settings), ..Self::default() };
        };
        let mut chain = entries.join(", ");
        chain.push_str(", ");
        chain.push_str(seen.peer_value.to_str().unwrap_or_default());
        Self {
            client: address(first),
            chain: HeaderValue::try_from(chain).ok(),
            elements: elements(headers, hops, settings),
        }
    }
}

/// Takes out what is not kept as it is.
fn strip(headers: &mut Headers, trusting: bool) {
    headers.retain(|name| !tells_of_the_client(name.as_str()) || (trusting && *name != FORWARDED && *name != REAL_IP));
}

/// The values of a list, in their order. Lists are ASCII; what is not tells nothing.
fn values<'a>(headers: &'a Headers, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).filter_map(|value| value.to_str().ok())
}

/// The last `count` entries that are not empty.
fn last_of<'a>(entries: impl Iterator<Item = &'a str>, count: usize) -> SmallVec<[&'a str; 8]> {
    let mut entries: SmallVec<[&str; 8]> = entries.map(str::trim).filter(|entry| !entry.is_empty()).collect();
    let strange = entries.len().saturating_sub(count);
    entries.drain(..strange);
    entries
}

/// The elements of `Forwarded` that trusted proxies wrote. A field whose quotes are not balanced has no elements that two
/// readers would agree on.
fn elements(headers: &Headers, hops: usize, settings: &ForwardedSettings) -> Option<String> {
    if !settings.forwarded_header {
        return None;
    }
    let mut all: SmallVec<[&str; 8]> = SmallVec::new();
    for value in values(headers, &FORWARDED) {
        all.extend(split_elements(value)?);
    }
    let kept = last_of(all.into_iter(), hops);
    (!kept.is_empty()).then(|| kept.join(", "))
}

/// RFC 7239 section 4: elements have commas between them, and quoted strings may have some inside.
fn split_elements(value: &str) -> Option<SmallVec<[&str; 4]>> {
    let mut found = SmallVec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                found.push(value.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(value.get(start..).unwrap_or_default());
    (!quoted).then_some(found)
}

/// Those elements and ours: RFC 7239 sections 4 and 6, an address of IPv6 in brackets, and in quotes what is no token.
fn element(before: Option<&str>, seen: &Seen<'_>) -> Option<HeaderValue> {
    let mut text = String::with_capacity(96);
    if let Some(before) = before {
        text.push_str(before);
        text.push_str(", ");
    }
    let peer = seen.peer_value.to_str().ok()?;
    if peer.contains(':') {
        text.push_str("for=\"[");
        text.push_str(peer);
        text.push_str("]\";proto=");
    } else {
        text.push_str("for=");
        text.push_str(peer);
        text.push_str(";proto=");
    }
    text.push_str(seen.scheme);
    // A host is made of letters, digits, dots, hyphens and underscores, and perhaps brackets and colons: nothing that a
    // quoted string would have to escape.
    if let Some(host) = seen.host.and_then(|host| host.to_str().ok()) {
        text.push_str(";host=\"");
        text.push_str(host);
        text.push('"');
    }
    HeaderValue::try_from(text).ok()
}

/// An address, with or without port and brackets, as proxies write it.
fn address(entry: &str) -> Option<IpAddr> {
    let address = entry.parse().ok();
    let with_port = || entry.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    address.or_else(with_port).or_else(bracketed)
}

/// `present`: whether there may be fields of that name, which this one then replaces.
fn put(headers: &mut Headers, present: bool, name: HeaderName, value: Option<HeaderValue>) {
    match value {
        Some(value) if present => headers.insert(name, value),
        Some(value) => headers.append(name, value),
        None if present => drop(headers.remove(&name)),
        None => {}
    }
}

/// Short and printable, so that it can stand in any log.
fn is_request_id(value: &HeaderValue) -> bool {
    (1..=128).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
}

/// A random (version 4) UUID (RFC 9562 section 5.4).
fn new_request_id([high, low]: [u64; 2]) -> HeaderValue {
    let high = high & !(0xf << 12) | (0x4 << 12);
    let low = low & !(0x3 << 62) | (0x2 << 62);
    let [first, second, third, last] = [high >> 32, high, low >> 32, low].map(|half| digits(half & 0xffff_ffff));
    let ((second, version), (variant, third)) = (second.split_at(4), third.split_at(4));
    let mut text = [b'-'; 36];
    put_digits(&mut text, 0, &first);
    put_digits(&mut text, 9, second);
    put_digits(&mut text, 14, version);
    put_digits(&mut text, 19, variant);
    put_digits(&mut text, 24, third);
    put_digits(&mut text, 28, &last);
    HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("-"))
}

fn put_digits(text: &mut [u8], at: usize, digits: &[u8]) {
    if let Some(place) = text.get_mut(at..at + digits.len()) {
        place.copy_from_slice(digits);
    }
}

/// 32 bits as eight hexadecimal digits, all at once: four bits in each octet, and 39 more where they are a letter.
fn digits(half: u64) -> [u8; 8] {
    let spread = (half | half << 16) & 0x0000_ffff_0000_ffff;
    let spread = (spread | spread << 8) & 0x00ff_00ff_00ff_00ff;
    let spread = (spread | spread << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    let letters = (spread + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    (spread + 0x3030_3030_3030_3030 + letters * 39).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(hops: u32, received: &[(&'static str, &str)]) -> (Headers, Told) {
        run_with(&ForwardedSettings { trusted_hops: hops, ..ForwardedSettings::default() }, "192.0.2.1", received)
    }

    fn run_with(settings: &ForwardedSettings, peer: &str, received: &[(&'static str, &str)]) -> (Headers, Told) {
        let mut headers: Headers = Headers::new();
        for (name, value) in received {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let seen = Seen {
            peer: peer.parse().unwrap(),
            peer_value: &address_value(peer.parse().unwrap()),
            scheme: "https",
            host: Some(&HeaderValue::from_static("a.example:8443")),
            port: Some(&HeaderValue::from_static("8443")),
            random: [1, 2],
        };
        let present = Present::of(&headers);
        let told = write(&mut headers, present, settings, &seen);
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
        assert_eq!(headers.get_all("x-forwarded-for").count(), 1);
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
    fn a_chain_without_an_address_leaves_us_the_peer_for_the_client() {
        let (headers, told) = run(1, &[("x-forwarded-for", "unknown"), ("x-forwarded-for", " , ")]);
        assert_eq!(headers["x-forwarded-for"], "unknown, 192.0.2.1");
        assert_eq!(told.client, "192.0.2.1".parse::<IpAddr>().unwrap());
    }

    #[test]
    fn two_claims_of_trusted_proxies_about_one_thing_are_none() {
        let sent = [("x-forwarded-proto", "http"), ("x-forwarded-proto", "https"), ("x-forwarded-user", "kept")];
        let (headers, _) = run(1, &sent);
        assert_eq!(headers.get_all("x-forwarded-proto").collect::<Vec<_>>(), ["https"]);
        assert_eq!(headers["x-forwarded-user"], "kept");
    }

    #[test]
    fn x_real_ip_is_the_client_by_trusted_hops() {
        for (hops, expected) in [(0, "192.0.2.1"), (1, "198.51.100.3"), (2, "198.51.100.2")] {
            let settings = ForwardedSettings { trusted_hops: hops, real_ip: true, ..ForwardedSettings::default() };
            let (headers, _) = run_with(&settings, "192.0.2.1", SENT);
            assert_eq!(headers.get_all("x-real-ip").collect::<Vec<_>>(), [expected]);
        }
    }

    /// RFC 7239 sections 4 and 6.
    #[test]
    fn forwarded_keeps_trusted_elements_and_gets_a_quoted_one_of_ours() {
        let sent = [("forwarded", "for=evil, for=\"_a,b\\\",c\";by=x"), ("forwarded", " for=\"[2001:db8::9]:80\" ,")];
        let ours = "for=192.0.2.1;proto=https;host=\"a.example:8443\"";
        for (hops, expected) in [
            (0, ours.to_owned()),
            (1, format!("for=\"[2001:db8::9]:80\", {ours}")),
            (2, format!("for=\"_a,b\\\",c\";by=x, for=\"[2001:db8::9]:80\", {ours}")),
        ] {
            let settings =
                ForwardedSettings { trusted_hops: hops, forwarded_header: true, ..ForwardedSettings::default() };
            let (headers, _) = run_with(&settings, "192.0.2.1", &sent);
            assert_eq!(headers.get_all("forwarded").collect::<Vec<_>>(), [expected.as_str()]);
        }
        let settings = ForwardedSettings { trusted_hops: 9, forwarded_header: true, ..ForwardedSettings::default() };
        let (headers, _) = run_with(&settings, "::ffff:192.0.2.1", &[("forwarded", "for=\"a, for=b")]);
        assert_eq!(headers["forwarded"], ours, "unbalanced quotes");
        let (headers, _) = run_with(&settings, "2001:db8::1", &[]);
        assert_eq!(headers["forwarded"], "for=\"[2001:db8::1]\";proto=https;host=\"a.example:8443\"");
        let (headers, _) = run(9, &sent);
        assert!(!headers.contains_key("forwarded"), "not written unless the setting says so");
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
        assert_eq!(
            new_request_id([0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210]),
            "01234567-89ab-4def-bedc-ba9876543210"
        );
    }
}
