//! Whatever fields a client sends, what a backend gets has one host, one framing, nothing of the client's connection, and
//! of the client only what we know.

#![no_main]

use http::HeaderName;
use libfuzzer_sys::fuzz_target;
use nantian_proxy::http::h1::fuzzing::{Outcome, encode, request};
use nantian_proxy::http::{Body, Headers, Request};
use nantian_proxy::request::fuzzing::{forward, trailers};
use nantian_proxy::request::{Settings, UnderscoreHeaders};

const PEER: &str = "192.0.2.1";
/// Names that a backend must never get from a client, also not with underscores.
const OF_ONE_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "proxy-authenticate",
    "http2-settings",
    "transfer-encoding",
    "content-length",
];

fn settings(choices: u8) -> Settings {
    let mut settings = Settings::default();
    settings.forwarded.trusted_hops = u32::from(choices & 3);
    settings.forwarded.forwarded_header = choices & 4 != 0;
    settings.forwarded.real_ip = choices & 8 != 0;
    settings.underscore_headers = match choices & 48 {
        0 => UnderscoreHeaders::Drop,
        16 => UnderscoreHeaders::Refuse,
        _ => UnderscoreHeaders::Keep,
    };
    settings
}

fn check_names<'a>(names: impl Iterator<Item = &'a HeaderName>, settings: &Settings) {
    for name in names.map(|name| name.as_str()).filter(|name| name.contains('_')) {
        assert_eq!(settings.underscore_headers, UnderscoreHeaders::Keep, "{name}");
        let folded = name.replace('_', "-");
        assert!(!OF_ONE_HOP.contains(&folded.as_str()), "{name}");
        assert!(!folded.starts_with("x-forwarded-") && folded != "x-real-ip" && folded != "x-request-id", "{name}");
    }
}

fn check_claims(headers: &Headers, settings: &Settings) {
    let one = |name: &str| {
        let mut values = headers.get_all(name);
        let value = values.next().map(|value| String::from_utf8_lossy(value.as_bytes()));
        assert!(values.next().is_none(), "more than one {name}");
        value
    };
    let chain = one("x-forwarded-for").expect("a chain");
    let hops = usize::try_from(settings.forwarded.trusted_hops).unwrap();
    assert!(chain.split(',').count() <= hops + 1, "{chain}");
    assert_eq!(chain.rsplit(',').next().map(str::trim), Some(PEER));
    assert!(one("x-forwarded-proto").is_some() && one("x-forwarded-port").is_some() && one("x-request-id").is_some());
    let (forwarded, real_ip) = (one("forwarded"), one("x-real-ip"));
    assert_eq!(
        (forwarded.is_some(), real_ip.is_some()),
        (settings.forwarded.forwarded_header, settings.forwarded.real_ip)
    );
    if hops == 0 {
        assert!(real_ip.is_none_or(|address| address == PEER));
        assert!(forwarded.is_none_or(|elements| elements.starts_with("for=192.0.2.1;proto=http")));
        for name in headers.keys().filter(|name| name.as_str().starts_with("x-forwarded-")) {
            assert!(["for", "proto", "host", "port"].contains(&&name.as_str()[12..]), "{name}");
        }
    }
    let last = headers.get_all("via").last().and_then(|value| value.to_str().ok());
    assert!(last.is_some_and(|entry| entry.ends_with(" nantian")));
}

/// The bytes that a backend gets have one reading.
fn check_bytes(sent: Request<()>) {
    let method = sent.method().clone();
    let bytes = encode(&sent.map(|()| Body::empty()));
    let mut fields = [httparse::EMPTY_HEADER; 256];
    let mut other = httparse::Request::new(&mut fields);
    assert_eq!(other.parse(&bytes), Ok(httparse::Status::Complete(bytes.len())), "{:?}", bytes.escape_ascii());
    assert_eq!(other.method, Some(method.as_str()));
    let count = |name: &str| other.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(name)).count();
    assert_eq!(count("host"), 1);
    assert!(count("content-length") <= 1 && count("transfer-encoding") <= 1 && count("connection") <= 1);
    assert!(count("content-length") + count("transfer-encoding") <= 1);
    for field in other.headers.iter() {
        match field.name {
            "connection" => assert!([&b"te"[..], b"upgrade", b"te, upgrade"].contains(&field.value)),
            "te" => assert_eq!(field.value, b"trailers"),
            name => assert!(!OF_ONE_HOP[..6].contains(&name), "{name}"),
        }
    }
    // What we send, we take: strict as a backend of ours would be, if what we add leaves it below the bound of fields.
    let few = other.headers.len() <= 100;
    assert!(!few || matches!(request(&bytes, usize::MAX), Outcome::Complete(..)), "{:?}", bytes.escape_ascii());
}

fuzz_target!(|input: (u8, &[u8])| {
    let (choices, fields) = input;
    let settings = settings(choices);
    let bytes = [b"GET / HTTP/1.1\r\nHost: a.example\r\n", fields, b"\r\n\r\n"].concat();
    let Outcome::Complete(received, _) = request(&bytes, usize::MAX) else { return };
    if let Some(left) = trailers(received.headers().clone().into(), &settings) {
        check_names(left.keys(), &settings);
        assert!(!left.contains_key("x-forwarded-for") && !left.contains_key("via"));
    }
    let Some(sent) = forward(received, PEER.parse().unwrap(), &settings) else { return };
    check_names(sent.headers().keys(), &settings);
    check_claims(sent.headers(), &settings);
    check_bytes(sent);
});
