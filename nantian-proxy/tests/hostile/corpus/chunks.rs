//! The chunked coding: sizes, extensions, line ends, trailers.

use super::{Line, Payload, each_odd_byte, payload, table};

/// Bodies after the head of a chunked POST.
const BODIES: &[Line] = &[
    ("leading-zeros", "0005↵hello↵0↵↵"),
    ("last-with-zeros", "5↵hello↵000↵↵"),
    ("sixteen-digits", "0000000000000005↵hello↵0↵↵"),
    ("seventeen-digits", "00000000000000005↵hello↵0↵↵{S}"),
    ("upper-case-digits", "A↵hellohello↵0↵↵"),
    ("prefixed", "0x5↵hello↵0↵↵{S}"),
    ("plus", "+5↵hello↵0↵↵{S}"),
    ("minus", "-5↵hello↵0↵↵{S}"),
    ("minus-one", "-1↵{S}"),
    ("empty-size", "↵hello↵0↵↵{S}"),
    ("no-digit", "g↵hello↵0↵↵{S}"),
    ("digit-then-letter", "5g↵hello↵0↵↵{S}"),
    ("space-before", " 5↵hello↵0↵↵{S}"),
    ("space-after", "5 ↵hello↵0↵↵{S}"),
    ("tab-after", "5\t↵hello↵0↵↵{S}"),
    ("space-after-zero", "5↵hello↵0 ↵↵{S}"),
    ("2-to-32", "100000005↵hello↵0↵↵{S}"),
    ("2-to-63", "8000000000000000↵hello↵0↵↵{S}"),
    ("2-to-64", "10000000000000000↵hello↵0↵↵{S}"),
    ("2-to-64-and-5", "10000000000000005↵hello↵0↵↵{S}"),
    ("all-ones", "ffffffffffffffff↵hello↵0↵↵{S}"),
    ("size-too-small", "4↵hello↵0↵↵{S}"),
    ("size-too-large", "6↵hello↵0↵↵{S}"),
    ("size-covers-smuggled", "{X}↵{S}↵0↵↵"),
    ("size-much-too-large", "ff↵hello↵0↵↵{S}"),
    ("size-line-lf", "5\nhello↵0↵↵{S}"),
    ("size-line-cr", "5\rhello↵0↵↵{S}"),
    ("size-line-cr-cr-lf", "5\r\r\nhello↵0↵↵{S}"),
    ("size-line-lf-cr", "5\n\rhello↵0↵↵{S}"),
    ("size-line-nul", "5\0↵hello↵0↵↵{S}"),
    ("data-lf", "5↵hello\n0↵↵{S}"),
    ("data-cr", "5↵hello\r0↵↵{S}"),
    ("data-no-end", "5↵hello0↵↵{S}"),
    ("data-other-two-bytes", "5↵helloXX0↵↵{S}"),
    ("data-cr-x", "5↵hello\rX0↵↵{S}"),
    ("data-extra-line", "5↵hello↵↵0↵↵{S}"),
    ("last-lf", "5↵hello↵0\n\n{S}"),
    ("last-lf-crlf", "5↵hello↵0\n↵{S}"),
    ("last-crlf-lf", "5↵hello↵0↵\n{S}"),
    ("last-cr", "5↵hello↵0\r\r{S}"),
    ("last-without-blank", "5↵hello↵0↵{S}"),
    ("last-without-anything", "5↵hello↵0{S}"),
    ("missing-last", "5↵hello↵"),
    ("missing-all", ""),
    ("only-last", "0↵↵"),
    ("two-lasts", "0↵↵0↵↵{S}"),
    ("last-then-request", "0↵↵{S}"),
    ("extension", "5;a=b↵hello↵0↵↵"),
    ("extension-without-value", "5;a↵hello↵0↵↵"),
    ("extension-quoted", "5;a=\"b c\"↵hello↵0↵↵"),
    ("extension-quoted-escape", "5;a=\"b\\\"c\"↵hello↵0↵↵"),
    ("extension-several", "5;a=b;c;d=\"e\"↵hello↵0;x=y↵↵"),
    ("extension-empty", "5;↵hello↵0↵↵{S}"),
    ("extension-only-semicolons", "5;;;↵hello↵0↵↵{S}"),
    ("extension-empty-value", "5;a=↵hello↵0↵↵{S}"),
    ("extension-unclosed-quote", "5;a=\"b↵hello↵0↵↵{S}"),
    ("extension-space-before", "5 ;a=b↵hello↵0↵↵{S}"),
    ("extension-space-inside", "5; a = b↵hello↵0↵↵{S}"),
    ("extension-lf", "5;a\nhello↵0↵↵{S}"),
    ("extension-cr", "5;a\rb↵hello↵0↵↵{S}"),
    ("extension-quoted-lf", "5;a=\"\n\"↵hello↵0↵↵{S}"),
    ("extension-quoted-crlf", "5;a=\"↵\"↵hello↵0↵↵{S}"),
    ("extension-nul", "5;a=\0↵hello↵0↵↵{S}"),
    ("extension-high-byte", "5;a=\u{e9}↵hello↵0↵↵{S}"),
    ("extension-on-last-lf", "5↵hello↵0;a\n↵{S}"),
    ("extension-comma", "5,a=b↵hello↵0↵↵{S}"),
    ("extension-long", "5;{Z}↵hello↵0↵↵{S}"),
    ("extension-looks-like-size", "5;0↵hello↵0↵↵{S}"),
    ("extension-terminator-in-lf", "2;\nxx↵4c↵0↵↵{S}"),
    ("one-space-one-semicolon", "5 ;↵hello↵0↵↵{S}"),
];

/// Trailer sections after `5↵hello↵0↵`.
const TRAILERS: &[Line] = &[
    ("plain", "X-Checksum: 1↵↵"),
    ("two", "X-A: 1↵X-B: 2↵↵"),
    ("length", "Content-Length: {N}↵↵{S}"),
    ("length-zero", "Content-Length: 0↵↵{S}"),
    ("coding", "Transfer-Encoding: chunked↵↵{S}"),
    ("host", "Host: evil.test↵↵{S}"),
    ("connection", "Connection: keep-alive↵↵{S}"),
    ("connection-close", "Connection: close↵↵{S}"),
    ("trailer", "Trailer: X-A↵↵{S}"),
    ("te", "TE: trailers↵↵{S}"),
    ("upgrade", "Upgrade: websocket↵↵{S}"),
    ("expect", "Expect: 100-continue↵↵{S}"),
    ("authorization", "Authorization: Basic eA==↵↵{S}"),
    ("cookie", "Cookie: a=b↵↵{S}"),
    ("content-type", "Content-Type: text/html↵↵{S}"),
    ("keep-alive", "Keep-Alive: timeout=5↵↵{S}"),
    ("folded", "X-A: 1↵ 2↵↵{S}"),
    ("white-space-first", " X-A: 1↵↵{S}"),
    ("space-before-colon", "X-A : 1↵↵{S}"),
    ("no-colon", "X-A↵↵{S}"),
    ("no-name", ": 1↵↵{S}"),
    ("lf", "X-A: 1\n\n{S}"),
    ("bare-cr", "X-A: 1\rX-B: 2↵↵{S}"),
    ("nul", "X-A: 1\x002↵↵{S}"),
    ("is-a-request", "GET /smuggled-x HTTP/1.1↵Host: a.test↵↵"),
    ("unfinished", "X-A: 1↵"),
    ("huge", "X-A: {Z}{Z}{Z}{Z}{Z}↵↵{S}"),
    ("not-announced", "X-Not-Announced: 1↵↵"),
];

pub(crate) fn payloads() -> Vec<Payload> {
    let head = "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunked↵↵";
    let mut all: Vec<Payload> =
        BODIES.iter().map(|(name, body)| payload(&format!("chunks/{name}"), &format!("{head}{body}"))).collect();
    all.extend(
        TRAILERS
            .iter()
            .map(|(name, section)| payload(&format!("trailers/{name}"), &format!("{head}5↵hello↵0↵{section}"))),
    );
    all.extend(each_odd_byte("chunk-before-size", &format!("{head}◦5↵hello↵0↵↵{{S}}")));
    all.extend(each_odd_byte("chunk-after-size", &format!("{head}5◦↵hello↵0↵↵{{S}}")));
    all.extend(each_odd_byte("chunk-after-last", &format!("{head}5↵hello↵0◦↵↵{{S}}")));
    let many = format!("POST {{P}} HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunked↵↵{}0↵↵", "1↵x↵".repeat(2_000));
    let extended = format!("{head}{}0↵↵", "1;aaaaaaaaaaaaaaaaaaaa↵x↵".repeat(2_000));
    all.extend(table(
        "chunks",
        &[(
            "te-trailers",
            "POST {P} HTTP/1.1↵Host: a.test↵TE: trailers↵Trailer: X-A↵Transfer-Encoding: chunked↵↵5↵hello↵0↵X-A: 1↵↵",
        )],
    ));
    all.push(payload("chunks/many", &many));
    all.push(payload("chunks/many-extensions", &extended));
    all
}
