//! Answers of hostile backends. In `raw`, `{E}` is a whole answer that nobody asked for, `⏸` stands where the backend
//! waits until the client has its answer, and a final `⏹` where it closes the connection; without it, it keeps it open.

use super::{ODD_BYTES, latin};

/// What the client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    Get,
    Head,
    Upgrade,
    Post,
    Old,
}

use Ask::{Get, Head, Old, Post, Upgrade};

/// One answer, in the parts between pauses.
#[derive(Debug, Clone)]
pub(crate) struct Hostile {
    pub(crate) name: String,
    pub(crate) ask: Ask,
    pub(crate) parts: Vec<Vec<u8>>,
    pub(crate) closes: bool,
}

const ANSWERS: &[(&str, Ask, &str)] = &[
    ("plain", Get, "HTTP/1.1 200 OK↵Content-Length: 2↵↵ok"),
    ("chunked", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵2↵ok↵0↵↵"),
    ("chunked-trailers", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵2↵ok↵0↵X-A: 1↵↵"),
    ("until-close", Get, "HTTP/1.1 200 OK↵↵ok⏹"),
    ("close", Get, "HTTP/1.1 200 OK↵Connection: close↵Content-Length: 2↵↵ok"),
    ("old-version", Get, "HTTP/1.0 200 OK↵Content-Length: 2↵↵ok"),
    ("old-version-keep-alive", Get, "HTTP/1.0 200 OK↵Connection: keep-alive↵Content-Length: 2↵↵ok"),
    ("to-old-client", Old, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵2↵ok↵0↵↵"),
    ("no-reason", Get, "HTTP/1.1 200 ↵Content-Length: 2↵↵ok"),
    ("no-space-after-status", Get, "HTTP/1.1 200↵Content-Length: 2↵↵ok"),
    // Two framings.
    ("lengths-equal", Get, "HTTP/1.1 200 OK↵Content-Length: 2↵Content-Length: 2↵↵ok"),
    ("lengths-different", Get, "HTTP/1.1 200 OK↵Content-Length: 2↵Content-Length: 40↵↵ok{E}"),
    ("length-list", Get, "HTTP/1.1 200 OK↵Content-Length: 2, 2↵↵ok"),
    ("length-plus", Get, "HTTP/1.1 200 OK↵Content-Length: +2↵↵ok"),
    ("length-minus", Get, "HTTP/1.1 200 OK↵Content-Length: -1↵↵ok{E}"),
    ("length-hex", Get, "HTTP/1.1 200 OK↵Content-Length: 0x2↵↵ok"),
    ("length-empty", Get, "HTTP/1.1 200 OK↵Content-Length:↵↵ok⏹"),
    ("length-zeros", Get, "HTTP/1.1 200 OK↵Content-Length: 0002↵↵ok"),
    ("length-overflow", Get, "HTTP/1.1 200 OK↵Content-Length: 18446744073709551618↵↵ok"),
    ("length-and-chunked", Get, "HTTP/1.1 200 OK↵Content-Length: 2↵Transfer-Encoding: chunked↵↵0↵↵{E}"),
    ("chunked-and-length", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵Content-Length: 40↵↵0↵↵{E}"),
    ("coding-twice", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵Transfer-Encoding: chunked↵↵0↵↵"),
    ("coding-unknown", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: cow↵↵ok⏹"),
    ("coding-identity", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: identity↵↵ok⏹"),
    ("coding-gzip", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: gzip↵↵ok⏹"),
    ("coding-gzip-chunked", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: gzip, chunked↵↵2↵ok↵0↵↵"),
    ("coding-chunked-last-not", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked, gzip↵↵ok⏹"),
    ("coding-in-old-version", Get, "HTTP/1.0 200 OK↵Transfer-Encoding: chunked↵↵2↵ok↵0↵↵⏹"),
    ("coding-folded", Get, "HTTP/1.1 200 OK↵Transfer-Encoding:↵ chunked↵↵0↵↵{E}"),
    ("coding-space-before-colon", Get, "HTTP/1.1 200 OK↵Transfer-Encoding : chunked↵Content-Length: 5↵↵0↵↵{E}"),
    // Status lines.
    ("http-0.9", Get, "just text⏹"),
    ("http-0.9-html", Get, "<html>hello</html>⏹"),
    ("version-1.2", Get, "HTTP/1.2 200 OK↵Content-Length: 2↵↵ok"),
    ("version-2", Get, "HTTP/2 200 OK↵Content-Length: 2↵↵ok"),
    ("version-lower", Get, "http/1.1 200 OK↵Content-Length: 2↵↵ok"),
    ("version-icy", Get, "ICY 200 OK↵Content-Length: 2↵↵ok"),
    ("version-missing", Get, "200 OK↵Content-Length: 2↵↵ok"),
    ("status-two-digits", Get, "HTTP/1.1 20 OK↵Content-Length: 2↵↵ok"),
    ("status-four-digits", Get, "HTTP/1.1 2000 OK↵Content-Length: 2↵↵ok"),
    ("status-letters", Get, "HTTP/1.1 2x0 OK↵Content-Length: 2↵↵ok"),
    ("status-zero", Get, "HTTP/1.1 000 OK↵Content-Length: 2↵↵ok"),
    ("status-099", Get, "HTTP/1.1 099 OK↵Content-Length: 2↵↵ok"),
    ("status-600", Get, "HTTP/1.1 600 OK↵Content-Length: 2↵↵ok"),
    ("status-999", Get, "HTTP/1.1 999 OK↵Content-Length: 2↵↵ok"),
    ("status-minus", Get, "HTTP/1.1 -20 OK↵Content-Length: 2↵↵ok"),
    ("status-two-spaces", Get, "HTTP/1.1  200 OK↵Content-Length: 2↵↵ok"),
    ("status-tab", Get, "HTTP/1.1\t200\tOK↵Content-Length: 2↵↵ok"),
    ("reason-nul", Get, "HTTP/1.1 200 O\0K↵Content-Length: 2↵↵ok"),
    ("reason-cr", Get, "HTTP/1.1 200 O\rK↵Content-Length: 2↵↵ok"),
    ("reason-escape", Get, "HTTP/1.1 200 \u{1b}[31m↵Content-Length: 2↵↵ok"),
    ("reason-high-bytes", Get, "HTTP/1.1 200 \u{e9}\u{ff}↵Content-Length: 2↵↵ok"),
    ("status-line-lf", Get, "HTTP/1.1 200 OK\nContent-Length: 2↵↵ok"),
    ("all-lf", Get, "HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
    ("empty-line-first", Get, "↵HTTP/1.1 200 OK↵Content-Length: 2↵↵ok"),
    ("request-instead", Get, "GET / HTTP/1.1↵Host: a.test↵↵"),
    ("nothing", Get, "⏹"),
    ("half-a-status-line", Get, "HTTP/1.1 20⏹"),
    ("half-a-head", Get, "HTTP/1.1 200 OK↵Content-Le⏹"),
    ("head-without-end", Get, "HTTP/1.1 200 OK↵Content-Length: 2↵⏹"),
    // Fields.
    ("folded", Get, "HTTP/1.1 200 OK↵X-A: 1↵ 2↵Content-Length: 2↵↵ok"),
    ("first-field-folded", Get, "HTTP/1.1 200 OK↵ X-A: 1↵Content-Length: 2↵↵ok"),
    ("no-colon", Get, "HTTP/1.1 200 OK↵X-A↵Content-Length: 2↵↵ok"),
    ("no-name", Get, "HTTP/1.1 200 OK↵: 1↵Content-Length: 2↵↵ok"),
    ("space-in-name", Get, "HTTP/1.1 200 OK↵X A: 1↵Content-Length: 2↵↵ok"),
    ("space-before-colon", Get, "HTTP/1.1 200 OK↵X-A : 1↵Content-Length: 2↵↵ok"),
    ("nul-in-value", Get, "HTTP/1.1 200 OK↵X-A: 1\x002↵Content-Length: 2↵↵ok"),
    ("cr-in-value", Get, "HTTP/1.1 200 OK↵X-A: 1\rSet-Cookie: a=b↵Content-Length: 2↵↵ok"),
    ("lf-in-value", Get, "HTTP/1.1 200 OK↵X-A: 1\nSet-Cookie: a=b↵Content-Length: 2↵↵ok"),
    ("huge-field", Get, "HTTP/1.1 200 OK↵X-A: {Z}{Z}{Z}{Z}{Z}↵Content-Length: 2↵↵ok"),
    ("endless-line", Get, "HTTP/1.1 200 OK↵X-A: {Z}{Z}{Z}{Z}{Z}{Z}{Z}{Z}"),
    ("connection-names-length", Get, "HTTP/1.1 200 OK↵Connection: content-length↵Content-Length: 2↵↵ok"),
    ("connection-names-field", Get, "HTTP/1.1 200 OK↵Connection: x-a↵X-A: 1↵Content-Length: 2↵↵ok"),
    (
        "hop-by-hop",
        Get,
        "HTTP/1.1 200 OK↵Keep-Alive: timeout=5↵Proxy-Connection: close↵Upgrade: h2c↵TE: gzip↵Content-Length: 2↵↵ok",
    ),
    ("obs-text", Get, "HTTP/1.1 200 OK↵X-A: \u{e9}↵Content-Length: 2↵↵ok"),
    // Bodies that must not be, or end early.
    ("204", Get, "HTTP/1.1 204 No Content↵↵"),
    ("204-length-zero", Get, "HTTP/1.1 204 No Content↵Content-Length: 0↵↵"),
    ("204-with-body", Get, "HTTP/1.1 204 No Content↵Content-Length: 2↵↵ok"),
    ("204-chunked", Get, "HTTP/1.1 204 No Content↵Transfer-Encoding: chunked↵↵0↵↵"),
    ("204-and-bytes", Get, "HTTP/1.1 204 No Content↵↵{E}"),
    ("304", Get, "HTTP/1.1 304 Not Modified↵Content-Length: 20↵↵"),
    ("304-with-body", Get, "HTTP/1.1 304 Not Modified↵Content-Length: 2↵↵ok"),
    ("304-chunked", Get, "HTTP/1.1 304 Not Modified↵Transfer-Encoding: chunked↵↵2↵ok↵0↵↵"),
    ("205-with-body", Get, "HTTP/1.1 205 Reset Content↵Content-Length: 2↵↵ok"),
    ("head", Head, "HTTP/1.1 200 OK↵Content-Length: 20↵↵"),
    ("head-chunked", Head, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵"),
    ("head-with-body", Head, "HTTP/1.1 200 OK↵Content-Length: 2↵↵ok"),
    ("head-with-answer", Head, "HTTP/1.1 200 OK↵Content-Length: 40↵↵{E}"),
    ("head-chunked-with-body", Head, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵2↵ok↵0↵↵"),
    ("short-length", Get, "HTTP/1.1 200 OK↵Content-Length: 20↵↵ok⏹"),
    ("short-length-open", Get, "HTTP/1.1 200 OK↵Content-Length: 20↵↵ok"),
    ("short-chunk", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵20↵ok⏹"),
    ("no-last-chunk", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵2↵ok↵⏹"),
    ("no-end-of-trailers", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵2↵ok↵0↵⏹"),
    ("chunk-bad-size", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵zz↵ok↵0↵↵"),
    ("chunk-negative", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵-2↵ok↵0↵↵"),
    ("chunk-huge", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵ffffffffffffffffff↵ok↵0↵↵"),
    ("chunk-lf", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵2\nok\n0\n\n"),
    ("chunk-too-long", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵1↵ok↵0↵↵"),
    ("chunk-space", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵2 ↵ok↵0↵↵"),
    ("chunk-extension", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵2;a=b↵ok↵0↵↵"),
    ("chunk-extension-quote", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵2;a=\"↵ok↵0↵↵"),
    ("trailer-length", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵2↵ok↵0↵Content-Length: 9↵↵{E}"),
    ("trailer-coding", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵2↵ok↵0↵Transfer-Encoding: chunked↵↵{E}"),
    ("trailer-cookie", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵2↵ok↵0↵Set-Cookie: a=b↵↵"),
    ("trailer-nul", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵2↵ok↵0↵X-A: \0↵↵"),
    // More than was asked.
    ("extra-bytes", Get, "HTTP/1.1 200 OK↵Content-Length: 2↵↵okextra"),
    ("extra-line", Get, "HTTP/1.1 200 OK↵Content-Length: 2↵↵ok↵"),
    ("extra-answer", Get, "HTTP/1.1 200 OK↵Content-Length: 2↵↵ok{E}"),
    ("extra-answer-after-zero", Get, "HTTP/1.1 200 OK↵Content-Length: 0↵↵{E}"),
    ("extra-answer-after-chunks", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵2↵ok↵0↵↵{E}"),
    ("extra-answer-later", Get, "HTTP/1.1 200 OK↵Content-Length: 2↵↵ok⏸{E}"),
    ("extra-answer-later-chunks", Get, "HTTP/1.1 200 OK↵Transfer-Encoding: chunked↵↵2↵ok↵0↵↵⏸{E}"),
    ("extra-answer-later-204", Get, "HTTP/1.1 204 No Content↵↵⏸{E}"),
    ("extra-answer-later-head", Head, "HTTP/1.1 200 OK↵Content-Length: 8↵↵⏸{E}"),
    ("extra-byte-later", Get, "HTTP/1.1 200 OK↵Content-Length: 2↵↵ok⏸x"),
    ("half-an-answer-later", Get, "HTTP/1.1 200 OK↵Content-Length: 2↵↵ok⏸HTTP/1.1 200 OK↵X-A:"),
    ("interim-later", Get, "HTTP/1.1 200 OK↵Content-Length: 2↵↵ok⏸HTTP/1.1 103 Early Hints↵↵"),
    ("close-later", Get, "HTTP/1.1 200 OK↵Content-Length: 2↵↵ok⏸⏹"),
    (
        "408-later",
        Get,
        "HTTP/1.1 200 OK↵Content-Length: 2↵↵ok⏸HTTP/1.1 408 Request Timeout↵Connection: close↵Content-Length: 0↵↵⏹",
    ),
    ("extra-answer-post", Post, "HTTP/1.1 200 OK↵Content-Length: 2↵↵ok{E}"),
    ("two-answers-keep-alive-old", Get, "HTTP/1.0 200 OK↵Connection: keep-alive↵Content-Length: 2↵↵ok{E}"),
    // Interim answers and upgrades.
    ("100", Get, "HTTP/1.1 100 Continue↵↵HTTP/1.1 200 OK↵Content-Length: 2↵↵ok"),
    ("103", Get, "HTTP/1.1 103 Early Hints↵Link: </a>↵↵HTTP/1.1 200 OK↵Content-Length: 2↵↵ok"),
    (
        "103-connection",
        Get,
        "HTTP/1.1 103 Early Hints↵Connection: close↵Keep-Alive: 1↵↵HTTP/1.1 200 OK↵Content-Length: 2↵↵ok",
    ),
    ("103-length", Get, "HTTP/1.1 103 Early Hints↵Content-Length: 5↵↵HTTP/1.1 200 OK↵Content-Length: 2↵↵ok"),
    ("103-chunked", Get, "HTTP/1.1 103 Early Hints↵Transfer-Encoding: chunked↵↵HTTP/1.1 200 OK↵Content-Length: 2↵↵ok"),
    ("103-to-old-client", Old, "HTTP/1.1 103 Early Hints↵↵HTTP/1.1 200 OK↵Content-Length: 2↵↵ok"),
    ("only-100", Get, "HTTP/1.1 100 Continue↵↵⏹"),
    ("only-103-open", Get, "HTTP/1.1 103 Early Hints↵↵"),
    ("101-not-asked", Get, "HTTP/1.1 101 Switching Protocols↵Connection: upgrade↵Upgrade: websocket↵↵{E}"),
    ("101-not-asked-bare", Get, "HTTP/1.1 101 Switching Protocols↵↵{E}"),
    ("101-other-protocol", Upgrade, "HTTP/1.1 101 Switching Protocols↵Connection: upgrade↵Upgrade: h2c↵↵⏹"),
    ("101-no-upgrade-field", Upgrade, "HTTP/1.1 101 Switching Protocols↵↵⏹"),
    (
        "101-with-length",
        Upgrade,
        "HTTP/1.1 101 Switching Protocols↵Connection: upgrade↵Upgrade: websocket↵Content-Length: 5↵↵⏹",
    ),
    ("101-asked", Upgrade, "HTTP/1.1 101 Switching Protocols↵Connection: upgrade↵Upgrade: websocket↵↵⏹"),
    ("upgrade-refused", Upgrade, "HTTP/1.1 200 OK↵Content-Length: 2↵↵ok{E}"),
    ("426", Get, "HTTP/1.1 426 Upgrade Required↵Connection: upgrade↵Upgrade: websocket↵Content-Length: 0↵↵"),
];

/// Where an odd byte may stand in an answer: `◦`.
const PLACES: &[(&str, &str)] = &[
    ("odd-before-coding", "HTTP/1.1 200 OK↵Content-Length: 5↵◦Transfer-Encoding: chunked↵↵0↵↵{E}"),
    ("odd-after-coding-name", "HTTP/1.1 200 OK↵Content-Length: 5↵Transfer-Encoding◦: chunked↵↵0↵↵{E}"),
    ("odd-before-coding-value", "HTTP/1.1 200 OK↵Transfer-Encoding:◦chunked↵↵0↵↵{E}"),
    ("odd-in-length", "HTTP/1.1 200 OK↵Content-Length: 0◦2↵↵ok{E}"),
];

/// All answers.
pub(crate) fn all() -> Vec<Hostile> {
    let mut all: Vec<Hostile> = ANSWERS.iter().map(|(name, ask, raw)| hostile(name, *ask, raw)).collect();
    for (name, raw) in PLACES {
        all.extend(ODD_BYTES.iter().map(|&byte| {
            hostile(&format!("{name}/{byte:02x}"), Get, &raw.replace('◦', &char::from(byte).to_string()))
        }));
    }
    let flood = format!("{}HTTP/1.1 200 OK↵Content-Length: 2↵↵ok", "HTTP/1.1 103 Early Hints↵↵".repeat(1_000));
    all.push(hostile("interim-flood", Get, &flood));
    let many = format!("HTTP/1.1 200 OK↵{}Content-Length: 2↵↵ok", "X-A: 1↵".repeat(5_000));
    all.push(hostile("many-fields", Get, &many));
    all
}

fn hostile(name: &str, ask: Ask, raw: &str) -> Hostile {
    let text = raw.replace("{E}", "HTTP/1.1 200 OK↵Content-Length: 8↵↵poisoned").replace("{Z}", &"z".repeat(16_000));
    let (text, closes) = text.strip_suffix('⏹').map_or((text.as_str(), false), |text| (text, true));
    Hostile { name: name.to_owned(), ask, parts: text.split('⏸').map(latin).collect(), closes }
}
