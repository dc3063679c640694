//! Lines written by `fmt` and `serde_json`, field after field: what the writer is held to.

use std::io::Write;
use std::time::Duration;

use jiff::Timestamp;

use super::version_name;
use crate::telemetry::record::RequestRecord;

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
pub(super) struct Shown<'a>(pub(super) &'a [u8]);

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
