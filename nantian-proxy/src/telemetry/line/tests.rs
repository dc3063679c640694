use std::collections::BTreeSet;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::{Duration, SystemTime};

use http::{Method, StatusCode};
use nantian_ir::{
    BackendKey, BackendKind, BackendProtocol, ListenerKey, ListenerSetKey, RouteKey, RouteKind, RuleKey, SmolStr,
};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::telemetry::flags::{ResponseFlag, ResponseFlags};

fn count(line: &[u8], byte: u8) -> usize {
    memchr::memchr_iter(byte, line).count()
}

struct Keys {
    listener: ListenerKey,
    rule: RuleKey,
    backend: BackendKey,
}

fn keys() -> Keys {
    let text = nantian_ir::SmolStr::new_static;
    Keys {
        listener: ListenerKey { namespace: text("ns"), gateway: text("gw"), set: None, listener: text("http") },
        rule: RuleKey {
            route: RouteKey { kind: RouteKind::Http, namespace: text("ns"), name: text("shop") },
            rule: 2,
            variant: 0,
        },
        backend: BackendKey {
            kind: BackendKind::Service,
            namespace: text("ns"),
            name: text("cart"),
            port: 80,
            protocol: nantian_ir::BackendProtocol::Http1,
        },
    }
}

fn full(keys: &Keys) -> RequestRecord<'_> {
    let mut record = RequestRecord::new(
        SystemTime::UNIX_EPOCH + Duration::from_millis(1_500),
        "192.0.2.1:4711".parse().expect("an address"),
        Version::HTTP_2,
        &Method::POST,
    );
    record.duration = Duration::from_micros(12_345);
    record.first_byte = Some(Duration::from_millis(10));
    record.scheme = "https";
    record.host = "shop.example.com";
    record.path = "/cart";
    record.listener = Some(&keys.listener);
    record.rule = Some(&keys.rule);
    record.backend = Some(&keys.backend);
    record.endpoint = Some("[::1]:8080".parse().expect("an address"));
    record.status = Some(StatusCode::BAD_GATEWAY);
    record.flags = ResponseFlags::of(ResponseFlag::UpstreamClosed);
    record.bytes_in = 3;
    record.bytes_out = 4;
    record.tries = 2;
    record.request_id = Some(b"abc");
    record.user_agent = Some(b"curl/8");
    record
}

#[test]
fn a_json_line_has_every_documented_field_and_no_other() {
    let keys = keys();
    let mut out = Vec::new();
    json(&mut out, &mut Second::default(), &full(&keys), Fragments::default());
    let value: serde_json::Value = serde_json::from_slice(&out).expect("one JSON object");
    let found: BTreeSet<_> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    let documented: BTreeSet<_> = FIELDS.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, documented);
    assert_eq!(value["time"], "1970-01-01T00:00:01.500Z");
    assert_eq!(value["duration_ms"], 12.345);
    assert_eq!(value["route"], "HTTPRoute/ns/shop");
    assert_eq!(value["endpoint"], "[::1]:8080");
}

#[test]
fn a_text_line_reads_from_left_to_right() {
    let keys = keys();
    let mut out = Vec::new();
    text(&mut out, &mut Second::default(), &full(&keys), Fragments::default());
    assert_eq!(
        String::from_utf8(out).expect("text"),
        "1970-01-01T00:00:01.500Z 192.0.2.1:4711 \"POST https://shop.example.com/cart HTTP/2\" 502 UC 12.345ms in=3 \
         out=4 tries=2 listener=ns/gw/http rule=HTTPRoute/ns/shop/2 backend=Service/ns/cart:80 endpoint=[::1]:8080 \
         id=\"abc\" agent=\"curl/8\"\n"
    );
}

#[test]
fn what_a_client_sends_cannot_forge_a_line_or_a_field() {
    let method = Method::GET;
    let mut record = RequestRecord::new(
        SystemTime::UNIX_EPOCH,
        "192.0.2.1:1".parse().expect("an address"),
        Version::HTTP_11,
        &method,
    );
    record.host = "a\"b\\c\u{2028}\u{7f}";
    record.path = "/x\r\n1970 forged";
    record.user_agent = Some(b"\xff\x00\"\n} {\"status\":200");
    let mut line = Vec::new();
    text(&mut line, &mut Second::default(), &record, Fragments::default());
    assert_eq!(count(&line, b'\n'), 1);
    assert_eq!(count(&line, b'"'), 4, "two quoted fields");
    assert!(line.iter().all(|byte| *byte == b'\n' || (b' '..=b'~').contains(byte)));

    let mut line = Vec::new();
    json(&mut line, &mut Second::default(), &record, Fragments::default());
    assert_eq!(count(&line, b'\n'), 1);
    let value: serde_json::Value = serde_json::from_slice(&line).expect("one JSON object");
    assert_eq!(value["status"], 0);
    assert_eq!(value["path"], "/x\r\n1970 forged");
}

/// What a record borrows.
#[derive(Debug, Clone)]
struct Owned {
    started: SystemTime,
    durations: (Duration, Option<Duration>),
    addresses: (SocketAddr, Option<SocketAddr>),
    version: Version,
    method: Method,
    scheme: String,
    host: String,
    path: String,
    listener: Option<ListenerKey>,
    rule: Option<RuleKey>,
    backend: Option<BackendKey>,
    status: Option<StatusCode>,
    flags: ResponseFlags,
    numbers: (u64, u64, u32),
    user_agent: Option<Vec<u8>>,
    request_id: Option<Vec<u8>>,
}

impl Owned {
    fn record(&self) -> RequestRecord<'_> {
        RequestRecord {
            started: self.started,
            duration: self.durations.0,
            first_byte: self.durations.1,
            client: self.addresses.0,
            version: self.version,
            scheme: &self.scheme,
            method: &self.method,
            host: &self.host,
            path: &self.path,
            listener: self.listener.as_ref(),
            rule: self.rule.as_ref(),
            backend: self.backend.as_ref(),
            endpoint: self.addresses.1,
            status: self.status,
            flags: self.flags,
            bytes_in: self.numbers.0,
            bytes_out: self.numbers.1,
            tries: self.numbers.2,
            user_agent: self.user_agent.as_deref(),
            request_id: self.request_id.as_deref(),
        }
    }
}

/// Plain ASCII of every length about a word's, and everything that needs care.
fn string() -> impl Strategy<Value = String> {
    let care = select(vec![
        "\"", "\\", "\0", "\u{8}", "\t", "\n", "\u{b}", "\u{c}", "\r", "\u{1f}", " ", "~", "\u{7f}", "\u{80}", "é",
        "\u{2028}", "\u{fffd}", "🦀", "a",
    ]);
    prop_oneof![
        "[a-z0-9/.:~ -]{0,40}",
        prop::collection::vec(care, 0..20).prop_map(|parts| parts.concat()),
        any::<String>()
    ]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        string().prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..40),
        // One byte of any kind among plain ones.
        (0_usize..20, any::<u8>(), 0_usize..20).prop_map(|(before, byte, after)| [
            vec![b'a'; before],
            vec![byte],
            vec![b'z'; after]
        ]
        .concat()),
    ]
}

fn name() -> impl Strategy<Value = SmolStr> {
    prop_oneof!["[a-z0-9-]{1,40}", string()].prop_map(SmolStr::from)
}

fn address() -> impl Strategy<Value = SocketAddr> {
    // Zeros are as likely as not, so that there are runs of every length everywhere.
    let segments = prop::array::uniform8(prop_oneof![Just(0_u16), 1_u16..16, any::<u16>()]);
    let mapped = any::<[u8; 4]>()
        .prop_map(|[a, b, c, d]| Ipv6Addr::from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]));
    let v6 = (prop_oneof![segments.prop_map(Ipv6Addr::from), mapped], any::<u16>(), prop_oneof![Just(0), any::<u32>()])
        .prop_map(|(ip, port, scope)| SocketAddr::V6(SocketAddrV6::new(ip, port, 0, scope)));
    prop_oneof![any::<([u8; 4], u16)>().prop_map(SocketAddr::from), v6]
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0_u64..10_000_000).prop_map(Duration::from_micros),
        any::<Duration>(),
        select(vec![Duration::ZERO, Duration::MAX])
    ]
}

fn time() -> impl Strategy<Value = SystemTime> {
    let after = |millis: i64| match u64::try_from(millis) {
        Ok(millis) => SystemTime::UNIX_EPOCH + Duration::from_millis(millis),
        Err(_) => SystemTime::UNIX_EPOCH - Duration::from_millis(millis.unsigned_abs()),
    };
    // The years from -9999 to 9999 have texts; about their last second, and about the first one counted.
    let millis = prop_oneof![
        (0_i64..4_000_000_000_000).prop_map(after),
        (-400_000_000_000_000_i64..400_000_000_000_000).prop_map(after),
        (253_402_207_198_000_i64..253_402_207_203_000).prop_map(after),
        (-2_000_i64..3_000).prop_map(after),
    ];
    (millis, 0_u64..1_000_000).prop_map(|(time, nanos)| time + Duration::from_nanos(nanos))
}

fn keys_of_any() -> impl Strategy<Value = (Option<ListenerKey>, Option<RuleKey>, Option<BackendKey>)> {
    let set = (name(), name()).prop_map(|(namespace, name)| ListenerSetKey { namespace, name });
    let listener = (name(), name(), of(set), name()).prop_map(|(namespace, gateway, set, listener)| ListenerKey {
        namespace,
        gateway,
        set,
        listener,
    });
    let kinds = vec![RouteKind::Http, RouteKind::Grpc, RouteKind::Tls, RouteKind::Tcp, RouteKind::Udp];
    let rule =
        (select(kinds), name(), name(), any::<u32>(), 0_u32..3).prop_map(|(kind, namespace, name, rule, variant)| {
            RuleKey { route: RouteKey { kind, namespace, name }, rule, variant }
        });
    let protocols = vec![
        BackendProtocol::Http1,
        BackendProtocol::H2c,
        BackendProtocol::WebSocket,
        BackendProtocol::Tcp,
        BackendProtocol::Udp,
    ];
    let backend = (name(), name(), any::<u16>(), select(protocols)).prop_map(|(namespace, name, port, protocol)| {
        BackendKey { kind: BackendKind::Service, namespace, name, port, protocol }
    });
    (of(listener), of(rule), of(backend))
}

fn record_of_any() -> impl Strategy<Value = Owned> {
    let versions = vec![Version::HTTP_09, Version::HTTP_10, Version::HTTP_11, Version::HTTP_2, Version::HTTP_3];
    let method = prop_oneof![
        select(vec![Method::GET, Method::OPTIONS]),
        "[A-Za-z!#$%&'*+.^_`|~-]{1,20}".prop_map(|name| Method::from_bytes(name.as_bytes()).expect("a token"))
    ];
    let flags = prop::collection::vec(select(ResponseFlag::ALL), 0..4).prop_map(|set| {
        let mut flags = ResponseFlags::NONE;
        for flag in set {
            flags.insert(flag);
        }
        flags
    });
    let status = of((100_u16..1000).prop_map(|status| StatusCode::from_u16(status).expect("a status")));
    let came = (time(), (duration(), of(duration())), (address(), of(address())), select(versions), method);
    let texts = (string(), string(), string(), of(bytes()), of(bytes()));
    (came, texts, keys_of_any(), status, flags, any::<(u64, u64, u32)>()).prop_map(
        |(came, texts, (listener, rule, backend), status, flags, numbers)| {
            let (started, durations, addresses, version, method) = came;
            let (scheme, host, path, user_agent, request_id) = texts;
            Owned {
                started,
                durations,
                addresses,
                version,
                method,
                scheme,
                host,
                path,
                listener,
                rule,
                backend,
                status,
                flags,
                numbers,
                user_agent,
                request_id,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn lines_are_those_that_fmt_and_serde_json_write(records in prop::collection::vec(record_of_any(), 1..4)) {
        // Lines of one worker follow each other, in the same second or in another one.
        let (mut second, mut found, mut expected) = (Second::default(), Vec::new(), Vec::new());
        for record in records.iter().map(Owned::record) {
            // Without fragments, with new ones, and with those.
            let (route, backend) = (Fragment::default(), Fragment::default());
            let known = Fragments { route: Some(&route), backend: Some(&backend) };
            for known in [Fragments::default(), known, known] {
                json(&mut found, &mut second, &record, known);
                by_fmt::json(&mut expected, &record);
            }
            let (route, backend) = (Fragment::default(), Fragment::default());
            let known = Fragments { route: Some(&route), backend: Some(&backend) };
            for known in [Fragments::default(), known, known] {
                text(&mut found, &mut second, &record, known);
                by_fmt::text(&mut expected, &record);
            }
        }
        prop_assert_eq!(String::from_utf8_lossy(&found), String::from_utf8_lossy(&expected));
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn every_byte_at_every_place_of_a_string_is_escaped_as_fmt_and_serde_json_do() {
    for byte in 0..=u8::MAX {
        for (length, at) in (1..20).flat_map(|length| (0..length).map(move |at| (length, at))) {
            let mut text = vec![b'a'; length];
            text[at] = byte;
            let mut found = Vec::new();
            escape::json(&mut found, &text);
            let expected = serde_json::to_string(&String::from_utf8_lossy(&text)).expect("a string");
            assert_eq!(format!("\"{}\"", String::from_utf8_lossy(&found)), expected, "{byte:#x} at {at} of {length}");
            found.clear();
            escape::text(&mut found, &text);
            assert_eq!(String::from_utf8(found).expect("ASCII"), by_fmt::Shown(&text).to_string());
        }
    }
}
