//! How an access log line is made. Whatever a client sends, a line stays one line and its fields stay apart: JSON strings
//! are escaped as JSON says; in text lines, quotes, backslashes, control and non-ASCII bytes are written as `\xNN`.

use std::io::Write;
use std::time::Duration;

use http::Version;
use jiff::Timestamp;

use super::record::RequestRecord;

/// Fields of a JSON line, with what they mean: the reference in `docs/access-log.md`.
pub(crate) const FIELDS: &[(&str, &str)] = &[
    ("time", "when the request header was complete; RFC 3339, UTC, milliseconds"),
    ("client", "address and port of the client"),
    (
        "protocol",
        "what the client spoke: HTTP/1.0, HTTP/1.1 or HTTP/2; - for a connection that was ended without a request",
    ),
    ("scheme", "http or https, or -"),
    ("method", "request method"),
    ("host", "requested host, without port"),
    ("path", "requested path as received, without the query"),
    ("status", "status of the answer; 0 if the client went away before there was one"),
    ("flags", "response flags, comma-separated; - for none"),
    ("duration_ms", "milliseconds from the end of the request header to the last byte of the answer"),
    ("first_byte_ms", "milliseconds until the backend's answer header had arrived; absent without a backend's answer"),
    ("bytes_in", "request body bytes received"),
    ("bytes_out", "answer body bytes sent"),
    ("listener", "namespace/gateway/listener; absent if none serves the host"),
    ("route", "kind/namespace/name of the route; absent if none matched"),
    ("rule", "position of the matched rule in spec.rules, from 0"),
    ("backend", "kind/namespace/name:port of the chosen backend"),
    ("endpoint", "address and port of the chosen endpoint"),
    ("tries", "times that the request was sent to a backend"),
    ("request_id", "X-Request-Id"),
    ("user_agent", "User-Agent"),
];

pub(crate) fn version_name(version: Version) -> &'static str {
    match version {
        // Never served: stands for a connection on which no HTTP was spoken.
        Version::HTTP_09 => "-",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_11 => "HTTP/1.1",
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "unknown",
    }
}

/// Writes `record` as one JSON object and a line feed.
pub(crate) fn json(out: &mut Vec<u8>, record: &RequestRecord<'_>) {
    let mut object = Object { out, first: true };
    object.display("time", format_args!("\"{}\"", Time(record)));
    object.display("client", format_args!("\"{}\"", record.client));
    object.display("protocol", format_args!("\"{}\"", version_name(record.version)));
    object.string("scheme", record.scheme);
    object.string("method", record.method.as_str());
    object.string("host", record.host);
    object.string("path", record.path);
    object.display("status", format_args!("{}", record.status.map_or(0, |status| status.as_u16())));
    object.display("flags", format_args!("\"{}\"", record.flags));
    object.display("duration_ms", format_args!("{}", Millis(record.duration)));
    if let Some(first_byte) = record.first_byte {
        object.display("first_byte_ms", format_args!("{}", Millis(first_byte)));
    }
    object.display("bytes_in", format_args!("{}", record.bytes_in));
    object.display("bytes_out", format_args!("{}", record.bytes_out));
    if let Some(listener) = record.listener {
        object.string("listener", &listener.to_string());
    }
    if let Some(rule) = record.rule {
        object.string("route", &rule.route.to_string());
        object.display("rule", format_args!("{}", rule.rule));
    }
    if let Some(backend) = record.backend {
        object.string("backend", &backend.to_string());
    }
    if let Some(endpoint) = record.endpoint {
        object.display("endpoint", format_args!("\"{endpoint}\""));
    }
    object.display("tries", format_args!("{}", record.tries));
    if let Some(id) = record.request_id {
        object.string("request_id", &String::from_utf8_lossy(id));
    }
    if let Some(agent) = record.user_agent {
        object.string("user_agent", &String::from_utf8_lossy(agent));
    }
    out.extend_from_slice(b"}\n");
}

/// Writes `record` as one readable line.
pub(crate) fn text(out: &mut Vec<u8>, record: &RequestRecord<'_>) {
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{} {} \"{} ", Time(record), record.client, Shown(record.method.as_str().as_bytes()));
    let _ = write!(out, "{}://{}{}", record.scheme, Shown(record.host.as_bytes()), Shown(record.path.as_bytes()));
    let _ = write!(out, " {}\" ", version_name(record.version));
    let _ = write!(out, "{} {} ", record.status.map_or(0, |status| status.as_u16()), record.flags);
    let _ = write!(out, "{}ms in={} out={}", Millis(record.duration), record.bytes_in, record.bytes_out);
    let _ = write!(out, " tries={}", record.tries);
    if let Some(listener) = record.listener {
        let _ = write!(out, " listener={}", Shown(listener.to_string().as_bytes()));
    }
    if let Some(rule) = record.rule {
        let _ = write!(out, " rule={}", Shown(rule.to_string().as_bytes()));
    }
    if let Some(backend) = record.backend {
        let _ = write!(out, " backend={}", Shown(backend.to_string().as_bytes()));
    }
    if let Some(endpoint) = record.endpoint {
        let _ = write!(out, " endpoint={endpoint}");
    }
    if let Some(id) = record.request_id {
        let _ = write!(out, " id=\"{}\"", Shown(id));
    }
    if let Some(agent) = record.user_agent {
        let _ = write!(out, " agent=\"{}\"", Shown(agent));
    }
    out.push(b'\n');
}

/// Writes members of a JSON object.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl Object<'_> {
    fn name(&mut self, name: &str) {
        self.out.push(if self.first { b'{' } else { b',' });
        self.first = false;
        // Names are constants of this file and need no escapes.
        let _ = write!(self.out, "\"{name}\":");
    }

    fn display(&mut self, name: &str, value: std::fmt::Arguments<'_>) {
        self.name(name);
        let _ = self.out.write_fmt(value);
    }

    fn string(&mut self, name: &str, value: &str) {
        self.name(name);
        if serde_json::to_writer(&mut *self.out, value).is_err() {
            self.out.extend_from_slice(b"null");
        }
    }
}

struct Time<'a>(&'a RequestRecord<'a>);

impl std::fmt::Display for Time<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match Timestamp::try_from(self.0.started) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => f.write_str("-"),
        }
    }
}

struct Millis(Duration);

impl std::fmt::Display for Millis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let micros = self.0.as_micros();
        write!(f, "{}.{:03}", micros / 1000, micros % 1000)
    }
}

/// Bytes of a stranger, harmless in a text line.
struct Shown<'a>(&'a [u8]);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for &byte in self.0 {
            match byte {
                b'"' | b'\\' => write!(f, "\\x{byte:02x}")?,
                b' '..=b'~' => write!(f, "{}", char::from(byte))?,
                _ => write!(f, "\\x{byte:02x}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::SystemTime;

    use http::{Method, StatusCode};
    use nantian_ir::{BackendKey, BackendKind, ListenerKey, RouteKey, RouteKind, RuleKey};

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
        json(&mut out, &full(&keys));
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
        text(&mut out, &full(&keys));
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
        text(&mut line, &record);
        assert_eq!(count(&line, b'\n'), 1);
        assert_eq!(count(&line, b'"'), 4, "two quoted fields");
        assert!(line.iter().all(|byte| *byte == b'\n' || (b' '..=b'~').contains(byte)));

        let mut line = Vec::new();
        json(&mut line, &record);
        assert_eq!(count(&line, b'\n'), 1);
        let value: serde_json::Value = serde_json::from_slice(&line).expect("one JSON object");
        assert_eq!(value["status"], 0);
        assert_eq!(value["path"], "/x\r\n1970 forged");
    }
}
