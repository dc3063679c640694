//! What concerns a connection: pipelining, `Connection`, Expect, early answers, upgrades.

use super::{Line, Payload, payload, table};

const PIPELINED: &[Line] = &[
    ("two", "GET {P} HTTP/1.1↵Host: a.test↵↵{S}"),
    (
        "five",
        "GET {P}-1 HTTP/1.1↵Host: a.test↵↵GET {P}-2 HTTP/1.1↵Host: a.test↵↵GET {P}-3 HTTP/1.1↵Host: a.test↵↵GET {P}-4 HTTP/1.1↵Host: a.test↵↵{S}",
    ),
    ("body-then-request", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 5↵↵hello{S}"),
    ("body-crlf-request", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 5↵↵hello↵GET {P}-2 HTTP/1.1↵Host: a.test↵↵"),
    ("body-two-crlf-request", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 5↵↵hello↵↵{S}"),
    ("body-lf-request", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 5↵↵hello\n{S}"),
    ("body-junk-request", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 5↵↵helloX{S}"),
    ("head-then-request", "HEAD {P} HTTP/1.1↵Host: a.test↵↵{S}"),
    ("other-host", "GET {P} HTTP/1.1↵Host: a.test↵↵GET {P}-2 HTTP/1.1↵Host: b.test↵↵"),
    ("second-bad", "GET {P} HTTP/1.1↵Host: a.test↵↵GET {P}-2 HTTP/1.1↵↵{S}"),
    ("second-unfinished", "GET {P} HTTP/1.1↵Host: a.test↵↵GET {P}-2 HT"),
    ("after-close", "GET {P} HTTP/1.1↵Host: a.test↵Connection: close↵↵{S}"),
    ("after-close-in-list", "GET {P} HTTP/1.1↵Host: a.test↵Connection: x, Close↵↵{S}"),
    ("after-two-connection-fields", "GET {P} HTTP/1.1↵Host: a.test↵Connection: keep-alive↵Connection: close↵↵{S}"),
    ("after-old-version", "GET {P} HTTP/1.0↵Host: a.test↵↵{S}"),
    ("after-old-version-keep-alive", "GET {P} HTTP/1.0↵Host: a.test↵Connection: keep-alive↵↵{S}"),
    ("after-old-version-both", "GET {P} HTTP/1.0↵Host: a.test↵Connection: keep-alive, close↵↵{S}"),
    ("preface-after-request", "GET {P} HTTP/1.1↵Host: a.test↵↵PRI * HTTP/2.0↵↵SM↵↵"),
    ("cut-body", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 500↵↵{S}"),
    ("cut-chunk", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunked↵↵fff↵{S}"),
];

/// What `Connection` may not take away, and what it must.
const OPTIONS: &[Line] = &[
    ("host", "GET {P} HTTP/1.1↵Host: a.test↵Connection: host↵↵"),
    ("host-close", "GET {P} HTTP/1.1↵Host: a.test↵Connection: close, host↵↵"),
    ("length", "POST {P} HTTP/1.1↵Host: a.test↵Connection: content-length↵Content-Length: {N}↵↵{S}"),
    ("coding", "POST {P} HTTP/1.1↵Host: a.test↵Connection: transfer-encoding↵Transfer-Encoding: chunked↵↵{X}↵{S}↵0↵↵"),
    (
        "both",
        "POST {P} HTTP/1.1↵Host: a.test↵Connection: transfer-encoding↵Transfer-Encoding: chunked↵Content-Length: {N}↵↵{S}",
    ),
    ("authorization", "GET {P} HTTP/1.1↵Host: a.test↵Connection: authorization↵Authorization: Basic eA==↵↵"),
    ("cookie", "GET {P} HTTP/1.1↵Host: a.test↵Connection: cookie↵Cookie: a=b↵↵"),
    ("forwarded", "GET {P} HTTP/1.1↵Host: a.test↵Connection: x-forwarded-for, x-real-ip↵↵"),
    ("named", "GET {P} HTTP/1.1↵Host: a.test↵Connection: x-a↵X-A: 1↵X-B: 2↵↵"),
    ("named-odd-case", "GET {P} HTTP/1.1↵Host: a.test↵CONNECTION: X-a , ,X-B↵x-A: 1↵X-B: 2↵↵"),
    ("named-twice", "GET {P} HTTP/1.1↵Host: a.test↵Connection: x-a↵Connection: x-b↵X-A: 1↵X-B: 2↵↵"),
    ("named-absent", "GET {P} HTTP/1.1↵Host: a.test↵Connection: x-c↵↵"),
    ("not-a-name", "GET {P} HTTP/1.1↵Host: a.test↵Connection: x a, (b)↵X: 1↵↵"),
    ("itself", "GET {P} HTTP/1.1↵Host: a.test↵Connection: connection↵↵"),
    ("keep-alive-field", "GET {P} HTTP/1.1↵Host: a.test↵Keep-Alive: timeout=5↵↵"),
    ("proxy-connection", "GET {P} HTTP/1.1↵Host: a.test↵Proxy-Connection: keep-alive↵↵"),
    ("proxy-authorization", "GET {P} HTTP/1.1↵Host: a.test↵Proxy-Authorization: Basic eA==↵↵"),
    ("te-trailers", "GET {P} HTTP/1.1↵Host: a.test↵Connection: te↵TE: trailers↵↵"),
    ("te-gzip", "GET {P} HTTP/1.1↵Host: a.test↵Connection: te↵TE: gzip, trailers;q=0.5↵↵"),
    ("te-alone", "GET {P} HTTP/1.1↵Host: a.test↵TE: trailers↵↵"),
    ("trailer-field", "GET {P} HTTP/1.1↵Host: a.test↵Trailer: content-length↵↵"),
    (
        "http2-settings",
        "GET {P} HTTP/1.1↵Host: a.test↵Connection: upgrade, http2-settings↵Upgrade: h2c↵HTTP2-Settings: AAMAAABkAAQAAP__↵↵",
    ),
    ("http2-settings-alone", "GET {P} HTTP/1.1↵Host: a.test↵HTTP2-Settings: AAMAAABkAAQAAP__↵↵"),
    ("expect-named", "POST {P} HTTP/1.1↵Host: a.test↵Connection: expect↵Expect: 100-continue↵Content-Length: 5↵↵hello"),
];

const EXPECT: &[Line] = &[
    ("plain", "POST {P} HTTP/1.1↵Host: a.test↵Expect: 100-continue↵Content-Length: 5↵↵hello"),
    ("upper-case", "POST {P} HTTP/1.1↵Host: a.test↵Expect: 100-CONTINUE↵Content-Length: 5↵↵hello"),
    ("chunked", "POST {P} HTTP/1.1↵Host: a.test↵Expect: 100-continue↵Transfer-Encoding: chunked↵↵5↵hello↵0↵↵"),
    ("body-is-a-request", "POST {P} HTTP/1.1↵Host: a.test↵Expect: 100-continue↵Content-Length: {N}↵↵{S}"),
    ("no-body", "GET {P} HTTP/1.1↵Host: a.test↵Expect: 100-continue↵↵"),
    ("no-body-then-request", "GET {P} HTTP/1.1↵Host: a.test↵Expect: 100-continue↵↵{S}"),
    ("length-zero", "POST {P} HTTP/1.1↵Host: a.test↵Expect: 100-continue↵Content-Length: 0↵↵{S}"),
    ("old-version", "POST {P} HTTP/1.0↵Host: a.test↵Expect: 100-continue↵Content-Length: 5↵↵hello"),
    ("other", "POST {P} HTTP/1.1↵Host: a.test↵Expect: 200-ok↵Content-Length: {N}↵↵{S}"),
    ("twice", "POST {P} HTTP/1.1↵Host: a.test↵Expect: 100-continue↵Expect: 100-continue↵Content-Length: {N}↵↵{S}"),
    ("list", "POST {P} HTTP/1.1↵Host: a.test↵Expect: 100-continue, x↵Content-Length: {N}↵↵{S}"),
    ("parameter", "POST {P} HTTP/1.1↵Host: a.test↵Expect: 100-continue;x↵Content-Length: {N}↵↵{S}"),
    ("empty", "POST {P} HTTP/1.1↵Host: a.test↵Expect:↵Content-Length: {N}↵↵{S}"),
    ("space-before-colon", "POST {P} HTTP/1.1↵Host: a.test↵Expect : 100-continue↵Content-Length: {N}↵↵{S}"),
    ("obfuscated", "POST {P} HTTP/1.1↵Host: a.test↵Expect: y 100-continue↵Content-Length: {N}↵↵{S}"),
    ("with-close", "POST {P} HTTP/1.1↵Host: a.test↵Expect: 100-continue↵Connection: close↵Content-Length: {N}↵↵{S}"),
    ("early-answer", "POST {P}/early HTTP/1.1↵Host: a.test↵Expect: 100-continue↵Content-Length: {N}↵↵{S}"),
    ("muted-origin", "POST {P}/mute HTTP/1.1↵Host: a.test↵Expect: 100-continue↵Content-Length: {N}↵↵{S}"),
    ("head", "HEAD {P} HTTP/1.1↵Host: a.test↵Expect: 100-continue↵Content-Length: {N}↵↵{S}"),
];

/// The origin answers as soon as it has the head; the body's bytes are a request.
const EARLY: &[Line] = &[
    ("length", "POST {P}/early HTTP/1.1↵Host: a.test↵Content-Length: {N}↵↵{S}"),
    ("length-then-request", "POST {P}/early HTTP/1.1↵Host: a.test↵Content-Length: {N}↵↵{S}{S}"),
    ("chunked", "POST {P}/early HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunked↵↵{X}↵{S}↵0↵↵"),
    ("unfinished", "POST {P}/early HTTP/1.1↵Host: a.test↵Content-Length: 500↵↵{S}"),
    ("unfinished-chunk", "POST {P}/early HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunked↵↵fff↵{S}"),
    ("bad-chunk", "POST {P}/early HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunked↵↵1↵xxx↵{S}"),
    ("bad-second-chunk", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunked↵↵5↵hello↵zz↵{S}"),
    ("large", "POST {P}/early HTTP/1.1↵Host: a.test↵Content-Length: 96000↵↵{Z}{Z}{Z}{Z}{Z}{Z}{S}"),
];

const UPGRADES: &[Line] = &[
    ("websocket", "GET {P}/switch HTTP/1.1↵Host: a.test↵Connection: upgrade↵Upgrade: websocket↵↵"),
    ("websocket-then-bytes", "GET {P}/switch HTTP/1.1↵Host: a.test↵Connection: upgrade↵Upgrade: websocket↵↵{S}"),
    ("not-taken-then-request", "GET {P} HTTP/1.1↵Host: a.test↵Connection: upgrade↵Upgrade: websocket↵↵{S}"),
    (
        "bad-version",
        "GET {P} HTTP/1.1↵Host: a.test↵Connection: upgrade↵Upgrade: websocket↵Sec-WebSocket-Version: 777↵↵{S}",
    ),
    ("with-body", "POST {P} HTTP/1.1↵Host: a.test↵Connection: upgrade↵Upgrade: websocket↵Content-Length: {N}↵↵{S}"),
    (
        "switch-with-body",
        "POST {P}/switch HTTP/1.1↵Host: a.test↵Connection: upgrade↵Upgrade: websocket↵Content-Length: {N}↵↵{S}",
    ),
    (
        "switch-with-chunked",
        "POST {P}/switch HTTP/1.1↵Host: a.test↵Connection: upgrade↵Upgrade: websocket↵Transfer-Encoding: chunked↵↵{X}↵{S}↵0↵↵",
    ),
    ("not-named", "GET {P} HTTP/1.1↵Host: a.test↵Upgrade: websocket↵↵{S}"),
    ("named-without-field", "GET {P} HTTP/1.1↵Host: a.test↵Connection: upgrade↵↵{S}"),
    ("h2c", "GET {P} HTTP/1.1↵Host: a.test↵Connection: upgrade↵Upgrade: h2c↵↵{S}"),
    ("h2c-and-websocket", "GET {P} HTTP/1.1↵Host: a.test↵Connection: upgrade↵Upgrade: websocket, h2c↵↵{S}"),
    ("tls", "GET {P} HTTP/1.1↵Host: a.test↵Connection: upgrade↵Upgrade: TLS/1.0↵↵{S}"),
    ("http-1.1", "GET {P} HTTP/1.1↵Host: a.test↵Connection: upgrade↵Upgrade: HTTP/1.1↵↵{S}"),
    ("empty", "GET {P} HTTP/1.1↵Host: a.test↵Connection: upgrade↵Upgrade:↵↵{S}"),
    ("old-version", "GET {P} HTTP/1.0↵Host: a.test↵Connection: upgrade↵Upgrade: websocket↵↵{S}"),
    ("twice", "GET {P} HTTP/1.1↵Host: a.test↵Connection: upgrade↵Upgrade: websocket↵Upgrade: h2c↵↵{S}"),
];

pub(crate) fn payloads() -> Vec<Payload> {
    let mut all = table("pipelined", PIPELINED);
    all.extend(table("connection", OPTIONS));
    all.extend(table("expect", EXPECT));
    all.extend(table("early", EARLY));
    all.extend(table("upgrade", UPGRADES));
    let many = "GET {P} HTTP/1.1↵Host: a.test↵↵".repeat(50);
    all.push(payload("pipelined/fifty", &many));
    all
}
