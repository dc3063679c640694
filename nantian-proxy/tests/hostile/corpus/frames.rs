//! Sequences of raw HTTP/2 frames of clients.

use super::ODD_BYTES;
use super::wire::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Fields, GOAWAY, HEADERS, PADDED, PING, PRIORITY, PRIORITY_FLAG,
    PUSH_PROMISE, RST, SETTINGS, WHOLE, WINDOW_UPDATE, block, frame,
};

/// A connection's bytes after the preface and an empty SETTINGS.
#[derive(Debug, Clone)]
pub(crate) struct Sequence {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// The stream whose end is awaited.
    pub(crate) stream: u32,
    /// Requests that RFC 9113 sees in it.
    pub(crate) requests: usize,
}

const METHOD: (&str, &str) = (":method", "GET");
const POST: (&str, &str) = (":method", "POST");
const SCHEME: (&str, &str) = (":scheme", "http");
const HOST: (&str, &str) = (":authority", "a.test");
/// The number is that of the sequence: see [`numbered`].
const PATH: (&str, &str) = (":path", "/p-00000");

/// Heads of a whole request: name, requests, fields.
const HEADS: &[(&str, usize, Fields<'_>)] = &[
    ("plain", 1, &[METHOD, SCHEME, HOST, PATH]),
    ("host-instead-of-authority", 1, &[METHOD, SCHEME, PATH, ("host", "a.test")]),
    ("host-equal", 1, &[METHOD, SCHEME, HOST, PATH, ("host", "a.test")]),
    ("host-differs", 0, &[METHOD, SCHEME, HOST, PATH, ("host", "evil.test")]),
    ("host-twice", 0, &[METHOD, SCHEME, PATH, ("host", "a.test"), ("host", "a.test")]),
    ("host-invalid", 0, &[METHOD, SCHEME, PATH, ("host", "a b")]),
    ("no-host", 0, &[METHOD, SCHEME, PATH]),
    ("authority-empty", 0, &[METHOD, SCHEME, PATH, (":authority", "")]),
    ("authority-user-info", 0, &[METHOD, SCHEME, PATH, (":authority", "user@a.test")]),
    ("authority-path", 0, &[METHOD, SCHEME, PATH, (":authority", "a.test/x")]),
    ("authority-twice", 0, &[METHOD, SCHEME, HOST, HOST, PATH]),
    ("authority-crlf", 0, &[METHOD, SCHEME, PATH, (":authority", "a.test\r\nX: y")]),
    ("no-method", 0, &[SCHEME, HOST, PATH]),
    ("no-scheme", 0, &[METHOD, HOST, PATH]),
    ("no-path", 0, &[METHOD, SCHEME, HOST]),
    ("method-twice", 0, &[METHOD, POST, SCHEME, HOST, PATH]),
    ("method-empty", 0, &[(":method", ""), SCHEME, HOST, PATH]),
    ("method-space", 0, &[(":method", "GET /smuggled-x HTTP/1.1"), SCHEME, HOST, PATH]),
    ("method-crlf", 0, &[(":method", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET"), SCHEME, HOST, PATH]),
    ("method-lower", 1, &[(":method", "get"), SCHEME, HOST, PATH]),
    ("scheme-twice", 0, &[METHOD, SCHEME, SCHEME, HOST, PATH]),
    ("scheme-odd", 0, &[METHOD, (":scheme", "http://evil.test/?"), HOST, PATH]),
    ("scheme-crlf", 0, &[METHOD, (":scheme", "http\r\nX: y"), HOST, PATH]),
    ("scheme-https", 1, &[METHOD, (":scheme", "https"), HOST, PATH]),
    ("scheme-ftp", 1, &[METHOD, (":scheme", "ftp"), HOST, PATH]),
    ("path-twice", 0, &[METHOD, SCHEME, HOST, PATH, (":path", "/smuggled-x")]),
    ("path-empty", 0, &[METHOD, SCHEME, HOST, (":path", "")]),
    ("path-relative", 0, &[METHOD, SCHEME, HOST, (":path", "p-00000")]),
    ("path-absolute", 0, &[METHOD, SCHEME, HOST, (":path", "http://evil.test/p-00000")]),
    ("path-space", 0, &[METHOD, SCHEME, HOST, (":path", "/p-00000 HTTP/1.1 /smuggled-x")]),
    ("path-request", 0, &[METHOD, SCHEME, HOST, (":path", "/ HTTP/1.1\r\nHost: a\r\n\r\nGET /smuggled-x")]),
    ("path-fragment", 0, &[METHOD, SCHEME, HOST, (":path", "/p-00000#x")]),
    ("path-asterisk", 0, &[METHOD, SCHEME, HOST, (":path", "*")]),
    ("path-asterisk-options", 1, &[(":method", "OPTIONS"), SCHEME, HOST, (":path", "*")]),
    ("pseudo-after-regular", 0, &[METHOD, SCHEME, HOST, ("x-a", "1"), PATH]),
    ("pseudo-unknown", 0, &[METHOD, SCHEME, HOST, PATH, (":x", "1")]),
    ("pseudo-status", 0, &[METHOD, SCHEME, HOST, PATH, (":status", "200")]),
    ("pseudo-protocol-without-connect", 0, &[METHOD, SCHEME, HOST, PATH, (":protocol", "websocket")]),
    ("pseudo-upper-case", 0, &[(":Method", "GET"), SCHEME, HOST, PATH]),
    ("name-upper-case", 0, &[METHOD, SCHEME, HOST, PATH, ("X-A", "1")]),
    ("name-empty", 0, &[METHOD, SCHEME, HOST, PATH, ("", "1")]),
    ("name-colon", 0, &[METHOD, SCHEME, HOST, PATH, ("x-a: y\r\ntransfer-encoding", "chunked")]),
    ("value-crlf", 0, &[METHOD, SCHEME, HOST, PATH, ("x-a", "b\r\ntransfer-encoding: chunked")]),
    (
        "value-request",
        0,
        &[METHOD, SCHEME, HOST, PATH, ("x-a", "b\r\n\r\nGET /smuggled-x HTTP/1.1\r\nHost: a\r\n\r\n")],
    ),
    ("value-spaces", 0, &[METHOD, SCHEME, HOST, PATH, ("x-a", " b ")]),
    ("connection", 0, &[METHOD, SCHEME, HOST, PATH, ("connection", "close")]),
    ("connection-names-host", 0, &[METHOD, SCHEME, HOST, PATH, ("connection", "host")]),
    ("keep-alive", 0, &[METHOD, SCHEME, HOST, PATH, ("keep-alive", "timeout=5")]),
    ("proxy-connection", 0, &[METHOD, SCHEME, HOST, PATH, ("proxy-connection", "close")]),
    ("transfer-encoding", 0, &[POST, SCHEME, HOST, PATH, ("transfer-encoding", "chunked")]),
    ("transfer-encoding-identity", 0, &[POST, SCHEME, HOST, PATH, ("transfer-encoding", "identity")]),
    ("upgrade", 0, &[METHOD, SCHEME, HOST, PATH, ("upgrade", "websocket")]),
    ("te-gzip", 0, &[METHOD, SCHEME, HOST, PATH, ("te", "gzip")]),
    ("te-trailers", 1, &[METHOD, SCHEME, HOST, PATH, ("te", "trailers")]),
    ("http2-settings", 1, &[METHOD, SCHEME, HOST, PATH, ("http2-settings", "AAMAAABkAAQAAP__")]),
    ("length-zero", 1, &[POST, SCHEME, HOST, PATH, ("content-length", "0")]),
    ("length-without-data", 0, &[POST, SCHEME, HOST, PATH, ("content-length", "5")]),
    ("length-twice-zero", 0, &[POST, SCHEME, HOST, PATH, ("content-length", "0"), ("content-length", "0")]),
    ("length-bad", 0, &[POST, SCHEME, HOST, PATH, ("content-length", "x")]),
    ("length-minus", 0, &[POST, SCHEME, HOST, PATH, ("content-length", "-1")]),
    ("length-list", 0, &[POST, SCHEME, HOST, PATH, ("content-length", "0, 0")]),
    ("expect-other", 0, &[POST, SCHEME, HOST, PATH, ("expect", "x")]),
    ("cookie-crumbs", 1, &[METHOD, SCHEME, HOST, PATH, ("cookie", "a=b"), ("cookie", "c=d")]),
    ("connect", 0, &[(":method", "CONNECT"), (":authority", "a.test:80")]),
    ("connect-with-path", 0, &[(":method", "CONNECT"), SCHEME, (":authority", "a.test:80"), PATH]),
    ("connect-without-authority", 0, &[(":method", "CONNECT")]),
    ("connect-protocol-odd", 0, &[(":method", "CONNECT"), (":protocol", "http"), SCHEME, HOST, PATH]),
    ("connect-protocol-crlf", 0, &[(":method", "CONNECT"), (":protocol", "websocket\r\nX: y"), SCHEME, HOST, PATH]),
];

/// Trailers after a body, and whether the whole is a request.
const TRAILERS: &[(&str, usize, Fields<'_>)] = &[
    ("plain", 1, &[("x-a", "1")]),
    ("pseudo", 0, &[(":path", "/smuggled-x")]),
    ("length", 0, &[("content-length", "5")]),
    ("coding", 0, &[("transfer-encoding", "chunked")]),
    ("host", 0, &[("host", "evil.test")]),
    ("connection", 0, &[("connection", "close")]),
    ("upper-case", 0, &[("X-A", "1")]),
    ("crlf", 0, &[("x-a", "b\r\nx: y")]),
    ("spaces", 0, &[("x-a", " b ")]),
];

/// Bodies for a request of this content length: DATA frames, the last one with `END_STREAM`.
const LENGTHS: &[(&str, usize, &str, &[&str])] = &[
    ("equal", 1, "5", &["hello"]),
    ("equal-in-parts", 1, "5", &["he", "llo"]),
    ("more", 0, "2", &["hello"]),
    ("less", 0, "9", &["hello"]),
    ("none-sent", 0, "5", &[""]),
    ("zero-and-data", 0, "0", &["hello"]),
    ("zero-then-end", 1, "0", &[""]),
    ("more-in-parts", 0, "2", &["he", "llo"]),
    ("then-end", 1, "5", &["hello", ""]),
    ("less-in-parts", 0, "9", &["he", "llo"]),
    ("leading-zeros", 1, "005", &["hello"]),
    ("plus", 0, "+5", &["hello"]),
    ("hex", 0, "0x5", &["hello"]),
    ("overflow", 0, "18446744073709551621", &["hello"]),
    ("smuggled-body", 1, "45", &["GET /smuggled-x HTTP/1.1\r\nHost: evil.test\r\n\r\n"]),
];

fn head(fields: Fields<'_>, flags: u8) -> Vec<u8> {
    frame(HEADERS, flags, 1, &block(fields))
}

fn get() -> Vec<u8> {
    block(&[METHOD, SCHEME, HOST, PATH])
}

fn post() -> Vec<u8> {
    block(&[POST, SCHEME, HOST, PATH])
}

/// All sequences.
pub(crate) fn all() -> Vec<Sequence> {
    let mut all: Vec<Sequence> = Vec::new();
    let mut add = |name: String, requests: usize, stream: u32, bytes: Vec<u8>| {
        all.push(Sequence { name, bytes, stream, requests });
    };
    for (name, requests, fields) in HEADS {
        add(format!("head/{name}"), *requests, 1, head(fields, WHOLE));
    }
    for (name, requests, fields) in TRAILERS {
        let body = frame(DATA, 0, 1, b"hello");
        let trailers = frame(HEADERS, WHOLE, 1, &block(fields));
        add(
            format!("trailers/{name}"),
            *requests,
            1,
            [head(&[POST, SCHEME, HOST, PATH], END_HEADERS), body, trailers].concat(),
        );
    }
    for (name, requests, fields) in TRAILERS {
        let head = head(&[POST, SCHEME, HOST, PATH, ("content-length", "5")], END_HEADERS);
        let trailers = frame(HEADERS, WHOLE, 1, &block(fields));
        add(
            format!("trailers-after-length/{name}"),
            *requests,
            1,
            [head, frame(DATA, 0, 1, b"hello"), trailers].concat(),
        );
    }
    for (name, requests, length, parts) in LENGTHS {
        let mut bytes = head(&[POST, SCHEME, HOST, PATH, ("content-length", length)], END_HEADERS);
        for (index, part) in parts.iter().enumerate() {
            let flags = if index + 1 == parts.len() { END_STREAM } else { 0 };
            bytes.extend(frame(DATA, flags, 1, part.as_bytes()));
        }
        add(format!("length/{name}"), *requests, 1, bytes);
    }
    for byte in ODD_BYTES {
        let odd = char::from(byte);
        let value_is_valid = matches!(byte, b'\t' | b' '..=b'~' | 0x80..);
        let value = format!("b{odd}c");
        let cases = [
            ("odd-value", usize::from(value_is_valid), [METHOD, SCHEME, HOST, PATH, ("x-a", &value)]),
            ("odd-name", 0, [METHOD, SCHEME, HOST, PATH, (&value, "1")]),
        ];
        for (name, requests, fields) in cases {
            add(format!("{name}/{byte:02x}"), requests, 1, head(&fields, WHOLE));
        }
        let odd_path = format!("/p-00000{odd}x");
        add(format!("odd-path/{byte:02x}"), 0, 1, head(&[METHOD, SCHEME, HOST, (":path", &odd_path)], WHOLE));
        let odd_host = format!("a{odd}.test");
        add(format!("odd-host/{byte:02x}"), 0, 1, head(&[METHOD, SCHEME, (":authority", &odd_host), PATH], WHOLE));
        let odd_method = format!("G{odd}T");
        add(format!("odd-method/{byte:02x}"), 0, 1, head(&[(":method", &odd_method), SCHEME, HOST, PATH], WHOLE));
    }
    for (name, requests, stream, bytes) in connection_level() {
        add(format!("frames/{name}"), requests, stream, bytes);
    }
    for (number, sequence) in all.iter_mut().enumerate() {
        sequence.bytes = numbered(&sequence.bytes, number);
    }
    all
}

/// The path that a sequence of this number asks for.
pub(crate) fn path(number: usize) -> String {
    format!("/p-{number:05}")
}

/// Puts the number into the path, which stays as long as it was.
fn numbered(bytes: &[u8], number: usize) -> Vec<u8> {
    let (mut bytes, wanted) = (bytes.to_vec(), path(0).into_bytes());
    for at in 0..bytes.len().saturating_sub(wanted.len() - 1) {
        if bytes[at..].starts_with(&wanted) {
            bytes[at..at + wanted.len()].copy_from_slice(path(number).as_bytes());
        }
    }
    bytes
}

/// A sequence of frames: name, requests, stream, bytes.
type Frames = (&'static str, usize, u32, Vec<u8>);

/// Frames where they may not be, or with what they may not have.
fn connection_level() -> Vec<Frames> {
    [data(), heads(), continuations(), settings(), others()].concat()
}

fn whole() -> Vec<u8> {
    frame(HEADERS, WHOLE, 1, &get())
}

fn open() -> Vec<u8> {
    frame(HEADERS, END_HEADERS, 1, &post())
}

fn second() -> Vec<u8> {
    frame(HEADERS, WHOLE, 3, &get())
}

fn then(first: Vec<u8>, next: Vec<u8>) -> Vec<u8> {
    [first, next].concat()
}

fn data() -> Vec<Frames> {
    vec![
        ("data-on-idle-stream", 0, 1, frame(DATA, END_STREAM, 1, b"GET /smuggled-x HTTP/1.1\r\nHost: a\r\n\r\n")),
        ("data-on-stream-zero", 0, 1, then(frame(DATA, 0, 0, b"x"), whole())),
        ("data-after-end", 1, 1, then(whole(), frame(DATA, END_STREAM, 1, b"x"))),
        (
            "data-after-reset",
            1,
            3,
            [open(), frame(RST, 0, 1, &[0, 0, 0, 8]), frame(DATA, END_STREAM, 1, b"x"), second()].concat(),
        ),
        ("data-padding-overrun", 0, 1, then(open(), frame(DATA, PADDED | END_STREAM, 1, &[9, b'x']))),
        ("data-padding-all", 1, 1, then(open(), frame(DATA, PADDED | END_STREAM, 1, &[2, b'x', 0]))),
        ("data-padded", 1, 1, then(open(), frame(DATA, PADDED | END_STREAM, 1, &[2, b'x', 0, 0]))),
        ("data-padded-empty-payload", 0, 1, then(open(), frame(DATA, PADDED | END_STREAM, 1, &[]))),
    ]
}

fn heads() -> Vec<Frames> {
    let many: Vec<(&str, &str)> =
        [METHOD, SCHEME, HOST, PATH].into_iter().chain(std::iter::repeat_n(("a", ""), 1_000)).collect();
    vec![
        ("headers-on-stream-zero", 0, 1, frame(HEADERS, WHOLE, 0, &get())),
        ("headers-on-even-stream", 0, 2, frame(HEADERS, WHOLE, 2, &get())),
        ("headers-on-lower-stream", 1, 1, then(second(), whole())),
        ("headers-twice-open", 0, 1, then(open(), frame(HEADERS, END_HEADERS, 1, &post()))),
        ("headers-after-end", 1, 1, then(whole(), whole())),
        ("headers-padding-overrun", 0, 1, frame(HEADERS, WHOLE | PADDED, 1, &[&[255][..], &get()].concat())),
        (
            "headers-self-dependency",
            0,
            1,
            frame(HEADERS, WHOLE | PRIORITY_FLAG, 1, &[&[0, 0, 0, 1, 16][..], &get()].concat()),
        ),
        ("headers-priority-cut", 0, 1, frame(HEADERS, WHOLE | PRIORITY_FLAG, 1, &[0, 0])),
        ("headers-bad-hpack-index", 0, 1, frame(HEADERS, WHOLE, 1, &[0xff, 0xff, 0xff, 0x7f])),
        ("headers-index-zero", 0, 1, frame(HEADERS, WHOLE, 1, &[0x80])),
        ("headers-cut-literal", 0, 1, frame(HEADERS, WHOLE, 1, &[0x00, 0x05, b'x'])),
        (
            "headers-table-size-too-large",
            0,
            1,
            frame(HEADERS, WHOLE, 1, &[&[0x3f, 0xe1, 0xff, 0xff, 0x03][..], &get()].concat()),
        ),
        (
            "headers-bad-huffman",
            0,
            1,
            frame(HEADERS, WHOLE, 1, &[&get()[..], &[0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x01, b'x']].concat()),
        ),
        ("headers-empty", 0, 1, frame(HEADERS, WHOLE, 1, &[])),
        ("headers-many", 0, 1, frame(HEADERS, WHOLE, 1, &block(&many))),
    ]
}

fn continuations() -> Vec<Frames> {
    let large = "z".repeat(16_000);
    let huge: Vec<(&str, &str)> = std::iter::repeat_n(("x-a", large.as_str()), 6).collect();
    let mut split = frame(HEADERS, END_STREAM, 1, &get());
    for part in block(&huge).chunks(16_000) {
        split.extend(frame(CONTINUATION, 0, 1, part));
    }
    split.extend(frame(CONTINUATION, END_HEADERS, 1, &[]));
    let mut flood = frame(HEADERS, END_STREAM, 1, &get());
    flood.extend(frame(CONTINUATION, 0, 1, &[]).repeat(1_000));
    vec![
        ("headers-huge", 0, 1, split),
        ("headers-uncompleted", 0, 1, frame(HEADERS, END_STREAM, 1, &get())),
        ("headers-then-data-uncompleted", 0, 1, then(frame(HEADERS, 0, 1, &post()), frame(DATA, END_STREAM, 1, b"x"))),
        (
            "headers-then-ping-uncompleted",
            0,
            1,
            then(frame(HEADERS, END_STREAM, 1, &get()), frame(PING, 0, 0, &[0; 8])),
        ),
        ("continuation-alone", 0, 1, frame(CONTINUATION, END_HEADERS, 1, &get())),
        ("continuation-after-end", 1, 1, then(whole(), frame(CONTINUATION, END_HEADERS, 1, &[]))),
        (
            "continuation-other-stream",
            0,
            1,
            then(frame(HEADERS, END_STREAM, 1, &get()), frame(CONTINUATION, END_HEADERS, 3, &[])),
        ),
        ("continuation-flood", 0, 1, flood),
        (
            "continuation",
            1,
            1,
            then(frame(HEADERS, END_STREAM, 1, &get()[..20]), frame(CONTINUATION, END_HEADERS, 1, &get()[20..])),
        ),
    ]
}

fn settings() -> Vec<Frames> {
    let setting = |id: u16, value: u32| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat();
    vec![
        ("priority-self-dependency", 0, 1, then(frame(PRIORITY, 0, 1, &[0, 0, 0, 1, 1]), whole())),
        ("priority-bad-length", 0, 1, then(frame(PRIORITY, 0, 1, &[0, 0, 0, 0]), whole())),
        ("priority-on-zero", 0, 1, then(frame(PRIORITY, 0, 0, &[0, 0, 0, 1, 1]), whole())),
        ("reset-on-idle", 0, 1, then(frame(RST, 0, 1, &[0, 0, 0, 8]), whole())),
        ("reset-on-zero", 0, 1, then(frame(RST, 0, 0, &[0, 0, 0, 8]), whole())),
        ("reset-bad-length", 1, 1, then(whole(), frame(RST, 0, 1, &[0]))),
        ("settings-on-stream", 0, 1, then(frame(SETTINGS, 0, 1, &[]), whole())),
        ("settings-bad-length", 0, 1, then(frame(SETTINGS, 0, 0, &[0; 5]), whole())),
        ("settings-ack-with-payload", 0, 1, then(frame(SETTINGS, 1, 0, &[0; 6]), whole())),
        ("settings-push-2", 0, 1, then(frame(SETTINGS, 0, 0, &setting(2, 2)), whole())),
        ("settings-window-overflow", 0, 1, then(frame(SETTINGS, 0, 0, &setting(4, 0x8000_0000)), whole())),
        ("settings-frame-size-small", 0, 1, then(frame(SETTINGS, 0, 0, &setting(5, 1)), whole())),
        ("settings-frame-size-large", 0, 1, then(frame(SETTINGS, 0, 0, &setting(5, 0x0100_0000)), whole())),
        ("settings-unknown", 1, 1, then(frame(SETTINGS, 0, 0, &setting(0xabc, 1)), whole())),
    ]
}

fn others() -> Vec<Frames> {
    vec![
        (
            "push-promise",
            0,
            1,
            then(frame(PUSH_PROMISE, END_HEADERS, 1, &[&[0, 0, 0, 2][..], &get()].concat()), whole()),
        ),
        (
            "push-promise-on-open",
            0,
            1,
            then(open(), frame(PUSH_PROMISE, END_HEADERS, 1, &[&[0, 0, 0, 2][..], &get()].concat())),
        ),
        ("ping-bad-length", 0, 1, then(frame(PING, 0, 0, &[0; 7]), whole())),
        ("ping-on-stream", 0, 1, then(frame(PING, 0, 1, &[0; 8]), whole())),
        ("goaway-on-stream", 0, 1, then(frame(GOAWAY, 0, 1, &[0; 8]), whole())),
        ("goaway-short", 0, 1, then(frame(GOAWAY, 0, 0, &[0; 4]), whole())),
        ("window-zero-connection", 0, 1, then(frame(WINDOW_UPDATE, 0, 0, &[0; 4]), whole())),
        ("window-zero-stream", 0, 1, then(open(), frame(WINDOW_UPDATE, 0, 1, &[0; 4]))),
        ("window-overflow-connection", 0, 1, then(frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]), whole())),
        ("window-overflow-stream", 0, 1, then(open(), frame(WINDOW_UPDATE, 0, 1, &[0x7f, 0xff, 0xff, 0xff]))),
        ("window-on-idle", 0, 1, then(frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]), whole())),
        ("window-bad-length", 0, 1, then(frame(WINDOW_UPDATE, 0, 0, &[0; 3]), whole())),
        ("frame-unknown", 1, 1, then(frame(0xfa, 0xff, 1, b"GET /smuggled-x HTTP/1.1\r\n\r\n"), whole())),
        ("frame-too-large", 0, 1, then(open(), frame(DATA, END_STREAM, 1, &[0; 16_385]))),
        ("unfinished-body", 0, 1, then(open(), frame(DATA, 0, 1, b"hello"))),
        ("http-1-inside", 0, 1, b"GET /smuggled-x HTTP/1.1\r\nHost: a.test\r\n\r\n".to_vec()),
    ]
}
