//! How an access log line is made. Whatever a client sends, a line stays one line and its fields stay apart: JSON strings
//! are escaped as JSON says; in text lines, quotes, backslashes, control and non-ASCII bytes are written as `\xNN`.
//!
//! Every request has a line, so that nothing here goes through `fmt` but what is new a few times a second, and nothing is
//! allocated but room for the line.

#[cfg(test)]
mod by_fmt;
mod escape;
mod fragment;
mod second;
#[cfg(test)]
mod tests;
mod value;

use http::{StatusCode, Version};

pub(crate) use fragment::{Fragment, Fragments};
pub(crate) use second::Second;

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
pub(crate) fn json(out: &mut Vec<u8>, second: &mut Second, record: &RequestRecord<'_>, known: Fragments<'_>) {
    value::literal(out, r#"{"time":""#);
    second.write(out, record.started);
    value::literal(out, r#"","client":""#);
    value::address(out, record.client);
    value::literal(out, r#"","protocol":""#);
    value::literal(out, version_name(record.version));
    value::literal(out, r#"","scheme":""#);
    escape::json(out, record.scheme.as_bytes());
    value::literal(out, r#"","method":""#);
    escape::json(out, record.method.as_str().as_bytes());
    value::literal(out, r#"","host":""#);
    escape::json(out, record.host.as_bytes());
    value::literal(out, r#"","path":""#);
    escape::json(out, record.path.as_bytes());
    value::literal(out, r#"","status":"#);
    value::literal(out, status(record));
    value::literal(out, r#","flags":""#);
    value::flags(out, record.flags);
    value::literal(out, r#"","duration_ms":"#);
    value::millis(out, record.duration);
    if let Some(first_byte) = record.first_byte {
        value::literal(out, r#","first_byte_ms":"#);
        value::millis(out, first_byte);
    }
    value::literal(out, r#","bytes_in":"#);
    value::number(out, record.bytes_in);
    value::literal(out, r#","bytes_out":"#);
    value::number(out, record.bytes_out);
    fragment::part(out, known.route, |out| json_route(out, record));
    fragment::part(out, known.backend, |out| json_backend(out, record));
    if let Some(endpoint) = record.endpoint {
        value::literal(out, r#","endpoint":""#);
        value::address(out, endpoint);
        out.push(b'"');
    }
    value::literal(out, r#","tries":"#);
    value::number(out, record.tries);
    if let Some(id) = record.request_id {
        value::literal(out, r#","request_id":""#);
        escape::json(out, id);
        out.push(b'"');
    }
    if let Some(agent) = record.user_agent {
        value::literal(out, r#","user_agent":""#);
        escape::json(out, agent);
        out.push(b'"');
    }
    value::literal(out, "}\n");
}

/// What took the request, as far as something did.
fn json_route(out: &mut Vec<u8>, record: &RequestRecord<'_>) {
    if let Some(listener) = record.listener {
        value::literal(out, r#","listener":""#);
        value::listener(out, listener, escape::json);
        out.push(b'"');
    }
    if let Some(rule) = record.rule {
        value::literal(out, r#","route":""#);
        value::route(out, &rule.route, escape::json);
        value::literal(out, r#"","rule":"#);
        value::number(out, rule.rule);
    }
}

fn json_backend(out: &mut Vec<u8>, record: &RequestRecord<'_>) {
    if let Some(backend) = record.backend {
        value::literal(out, r#","backend":""#);
        value::backend(out, backend, escape::json);
        out.push(b'"');
    }
}

/// Writes `record` as one readable line.
pub(crate) fn text(out: &mut Vec<u8>, second: &mut Second, record: &RequestRecord<'_>, known: Fragments<'_>) {
    second.write(out, record.started);
    out.push(b' ');
    value::address(out, record.client);
    value::literal(out, " \"");
    escape::text(out, record.method.as_str().as_bytes());
    out.push(b' ');
    value::literal(out, record.scheme);
    value::literal(out, "://");
    escape::text(out, record.host.as_bytes());
    escape::text(out, record.path.as_bytes());
    out.push(b' ');
    value::literal(out, version_name(record.version));
    value::literal(out, "\" ");
    value::literal(out, status(record));
    out.push(b' ');
    value::flags(out, record.flags);
    out.push(b' ');
    value::millis(out, record.duration);
    value::literal(out, "ms in=");
    value::number(out, record.bytes_in);
    value::literal(out, " out=");
    value::number(out, record.bytes_out);
    value::literal(out, " tries=");
    value::number(out, record.tries);
    fragment::part(out, known.route, |out| text_route(out, record));
    fragment::part(out, known.backend, |out| text_backend(out, record));
    if let Some(endpoint) = record.endpoint {
        value::literal(out, " endpoint=");
        value::address(out, endpoint);
    }
    if let Some(id) = record.request_id {
        value::literal(out, " id=\"");
        escape::text(out, id);
        out.push(b'"');
    }
    if let Some(agent) = record.user_agent {
        value::literal(out, " agent=\"");
        escape::text(out, agent);
        out.push(b'"');
    }
    out.push(b'\n');
}

/// What took the request, as far as something did.
fn text_route(out: &mut Vec<u8>, record: &RequestRecord<'_>) {
    if let Some(listener) = record.listener {
        value::literal(out, " listener=");
        value::listener(out, listener, escape::text);
    }
    if let Some(rule) = record.rule {
        value::literal(out, " rule=");
        value::rule(out, rule, escape::text);
    }
}

fn text_backend(out: &mut Vec<u8>, record: &RequestRecord<'_>) {
    if let Some(backend) = record.backend {
        value::literal(out, " backend=");
        value::backend(out, backend, escape::text);
    }
}

fn status<'a>(record: &'a RequestRecord<'_>) -> &'a str {
    record.status.as_ref().map_or("0", StatusCode::as_str)
}
