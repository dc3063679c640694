//! Content-Length and Transfer-Encoding: two, both, odd, hidden.

use super::{Line, Payload, each_odd_byte, table};

/// Heads start `POST {P} HTTP/1.1↵Host: a.test↵`.
const LENGTHS: &[Line] = &[
    ("plain", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 5↵↵hello"),
    ("zero", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 0↵↵{S}"),
    ("zero-on-get", "GET {P} HTTP/1.1↵Host: a.test↵Content-Length: 0↵↵"),
    ("body-on-get", "GET {P} HTTP/1.1↵Host: a.test↵Content-Length: {N}↵↵{S}"),
    ("body-on-delete", "DELETE {P} HTTP/1.1↵Host: a.test↵Content-Length: {N}↵↵{S}"),
    ("body-on-head", "HEAD {P} HTTP/1.1↵Host: a.test↵Content-Length: {N}↵↵{S}"),
    ("body-on-options", "OPTIONS {P} HTTP/1.1↵Host: a.test↵Content-Length: {N}↵↵{S}"),
    ("body-on-trace", "TRACE {P} HTTP/1.1↵Host: a.test↵Content-Length: {N}↵↵{S}"),
    ("body-is-a-request", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: {N}↵↵{S}"),
    ("twice-equal", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 5↵Content-Length: 5↵↵hello{S}"),
    ("twice-different", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 5↵Content-Length: {N}↵↵{S}"),
    ("twice-zero-first", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 0↵Content-Length: {N}↵↵{S}"),
    ("twice-zero-last", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: {N}↵Content-Length: 0↵↵{S}"),
    ("twice-other-case", "POST {P} HTTP/1.1↵Host: a.test↵content-length: 0↵CONTENT-LENGTH: {N}↵↵{S}"),
    ("three", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 5↵Content-Length: 5↵Content-Length: 5↵↵hello"),
    ("list-equal", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 5, 5↵↵hello{S}"),
    ("list-different", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 0, {N}↵↵{S}"),
    ("list-empty-member", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 5,↵↵hello{S}"),
    ("list-leading-comma", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: ,5↵↵hello{S}"),
    ("empty", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length:↵↵{S}"),
    ("only-space", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length:   ↵↵{S}"),
    ("plus", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: +5↵↵hello{S}"),
    ("minus", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: -5↵↵hello{S}"),
    ("minus-zero", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: -0↵↵{S}"),
    ("minus-one", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: -1↵↵{S}"),
    ("hexadecimal", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 0x5↵↵hello{S}"),
    ("hexadecimal-digits", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: a↵↵hellohello{S}"),
    ("octal-zero", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 05↵↵hello"),
    ("many-zeros", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 0000000000000005↵↵hello"),
    ("more-zeros-than-digits-fit", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 0000000000000000000000005↵↵hello"),
    ("zeros-only", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 000↵↵{S}"),
    ("decimal-point", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 5.0↵↵hello{S}"),
    ("exponent", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 5e0↵↵hello{S}"),
    ("underscore", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 1_0↵↵hellohello{S}"),
    ("space-inside", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 1 0↵↵hellohello{S}"),
    ("quoted", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: \"5\"↵↵hello{S}"),
    ("parameter", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 5;a=b↵↵hello{S}"),
    ("words", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: five↵↵hello{S}"),
    ("fullwidth-digit", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: \u{ef}\u{bc}\u{95}↵↵hello{S}"),
    ("arabic-digit", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: \u{d9}\u{a5}↵↵hello{S}"),
    ("superscript-digit", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: \u{b3}↵↵hello{S}"),
    ("2-to-31", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 2147483648↵↵hello{S}"),
    ("2-to-32-and-5", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 4294967301↵↵hello{S}"),
    ("2-to-63", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 9223372036854775808↵↵hello{S}"),
    ("2-to-64", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 18446744073709551616↵↵hello{S}"),
    ("2-to-64-and-5", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 18446744073709551621↵↵hello{S}"),
    ("forty-digits", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 9999999999999999999999999999999999999999↵↵{S}"),
    ("short-body", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 50↵↵hello"),
    ("underscored-name", "POST {P} HTTP/1.1↵Host: a.test↵Content_Length: {N}↵↵{S}"),
    ("name-without-hyphen", "POST {P} HTTP/1.1↵Host: a.test↵ContentLength: {N}↵↵{S}"),
    ("wrapped-name", "POST {P} HTTP/1.1↵Host: a.test↵X-Content-Length: {N}↵↵{S}"),
    ("old-version", "POST {P} HTTP/1.0↵Host: a.test↵Content-Length: {N}↵↵{S}"),
    ("old-version-twice", "POST {P} HTTP/1.0↵Host: a.test↵Content-Length: 0↵Content-Length: {N}↵↵{S}"),
];

const CODINGS: &[Line] = &[
    ("chunked", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunked↵↵5↵hello↵0↵↵"),
    ("chunked-get", "GET {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunked↵↵{X}↵{S}↵0↵↵"),
    ("chunked-then-request", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunked↵↵0↵↵{S}"),
    ("upper-case", "POST {P} HTTP/1.1↵Host: a.test↵TRANSFER-ENCODING: CHUNKED↵↵5↵hello↵0↵↵"),
    ("length-first", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 5↵Transfer-Encoding: chunked↵↵0↵↵{S}"),
    ("length-last", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunked↵Content-Length: 5↵↵0↵↵{S}"),
    ("length-covers-all", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: {N}↵Transfer-Encoding: chunked↵↵0↵↵{S}"),
    ("length-zero", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 0↵Transfer-Encoding: chunked↵↵{X}↵{S}↵0↵↵"),
    ("length-bad", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: x↵Transfer-Encoding: chunked↵↵0↵↵{S}"),
    ("length-and-identity", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: {N}↵Transfer-Encoding: identity↵↵{S}"),
    ("length-and-empty", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: {N}↵Transfer-Encoding:↵↵{S}"),
    ("length-and-unknown", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: {N}↵Transfer-Encoding: xchunked↵↵{S}"),
    ("identity", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: identity↵↵{S}"),
    ("empty", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding:↵↵{S}"),
    ("gzip", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: gzip↵↵{S}"),
    ("gzip-chunked", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: gzip, chunked↵↵0↵↵{S}"),
    ("chunked-gzip", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunked, gzip↵↵0↵↵{S}"),
    ("chunked-chunked", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunked, chunked↵↵0↵↵{S}"),
    ("chunked-identity", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunked, identity↵↵0↵↵{S}"),
    ("identity-chunked", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: identity, chunked↵↵0↵↵{S}"),
    ("two-fields", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunked↵Transfer-Encoding: chunked↵↵0↵↵{S}"),
    (
        "two-fields-identity",
        "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: identity↵Transfer-Encoding: chunked↵↵0↵↵{S}",
    ),
    ("two-fields-unknown", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunked↵Transfer-encoding: cow↵↵0↵↵{S}"),
    ("trailing-comma", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunked,↵↵0↵↵{S}"),
    ("leading-comma", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: ,chunked↵↵0↵↵{S}"),
    ("quoted", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: \"chunked\"↵↵0↵↵{S}"),
    ("single-quoted", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: 'chunked'↵↵0↵↵{S}"),
    ("parameter", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunked;q=1↵↵0↵↵{S}"),
    ("weight-zero", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunked;q=0↵↵0↵↵{S}"),
    ("prefix", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunk↵↵0↵↵{S}"),
    ("suffix", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: chunkedx↵↵0↵↵{S}"),
    ("letter-before", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: xchunked↵↵0↵↵{S}"),
    ("dash", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: -chunked↵↵0↵↵{S}"),
    ("colon-in-value", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: :chunked↵↵0↵↵{S}"),
    ("name-in-value", "POST {P} HTTP/1.1↵Host: a.test↵X: y↵Transfer-Encoding: Transfer-Encoding: chunked↵↵0↵↵{S}"),
    ("underscored-name", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: {N}↵Transfer_Encoding: chunked↵↵{S}"),
    ("name-without-hyphen", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: {N}↵TransferEncoding: chunked↵↵{S}"),
    ("wrapped-name", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: {N}↵X-Transfer-Encoding: chunked↵↵{S}"),
    ("long-s", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: {N}↵Tran\u{c5}\u{bf}fer-Encoding: chunked↵↵{S}"),
    ("kelvin-k", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding: chun\u{e2}\u{84}\u{aa}ed↵↵0↵↵{S}"),
    ("folded-value", "POST {P} HTTP/1.1↵Host: a.test↵Transfer-Encoding:↵ chunked↵↵0↵↵{S}"),
    ("folded-length", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 0↵ {N}↵↵{S}"),
    ("hidden-in-fold", "POST {P} HTTP/1.1↵Host: a.test↵X: y↵ Transfer-Encoding: chunked↵Content-Length: {N}↵↵{S}"),
    ("hidden-after-lf", "POST {P} HTTP/1.1↵Host: a.test↵X: y\nTransfer-Encoding: chunked↵Content-Length: {N}↵↵{S}"),
    ("hidden-after-cr", "POST {P} HTTP/1.1↵Host: a.test↵X: y\rTransfer-Encoding: chunked↵Content-Length: {N}↵↵{S}"),
    ("hidden-after-nul", "POST {P} HTTP/1.1↵Host: a.test↵X: y\0Transfer-Encoding: chunked↵Content-Length: {N}↵↵{S}"),
    ("hidden-after-blank-lf", "POST {P} HTTP/1.1↵Host: a.test↵Content-Length: 0\n\n{S}"),
    ("old-version", "POST {P} HTTP/1.0↵Host: a.test↵Transfer-Encoding: chunked↵↵0↵↵{S}"),
    ("old-version-and-length", "POST {P} HTTP/1.0↵Host: a.test↵Content-Length: {N}↵Transfer-Encoding: chunked↵↵{S}"),
    (
        "old-version-keep-alive",
        "POST {P} HTTP/1.0↵Host: a.test↵Connection: keep-alive↵Transfer-Encoding: chunked↵↵0↵↵{S}",
    ),
    ("before-host", "POST {P} HTTP/1.1↵Transfer-Encoding: chunked↵Host: a.test↵Content-Length: 5↵↵0↵↵{S}"),
    ("te-is-not-coding", "POST {P} HTTP/1.1↵Host: a.test↵TE: chunked↵Content-Length: {N}↵↵{S}"),
    ("content-encoding", "POST {P} HTTP/1.1↵Host: a.test↵Content-Encoding: chunked↵Content-Length: {N}↵↵{S}"),
];

/// Every odd byte at every place where a sloppy reader might skip it: `◦`.
const PLACES: &[(&str, &str)] = &[
    ("before-name", "◦Transfer-Encoding: chunked"),
    ("in-name", "Transfer-◦Encoding: chunked"),
    ("after-name", "Transfer-Encoding◦: chunked"),
    ("after-colon", "Transfer-Encoding:◦chunked"),
    ("in-value", "Transfer-Encoding: chu◦nked"),
    ("after-value", "Transfer-Encoding: chunked◦"),
];

const LENGTH_PLACES: &[(&str, &str)] = &[
    ("before-name", "◦Content-Length: {N}"),
    ("in-name", "Content◦-Length: {N}"),
    ("after-name", "Content-Length◦: {N}"),
    ("after-colon", "Content-Length:◦{N}"),
    ("in-value", "Content-Length: 0◦{N}"),
    ("after-value", "Content-Length: {N}◦"),
];

pub(crate) fn payloads() -> Vec<Payload> {
    let mut all = table("length", LENGTHS);
    all.extend(table("coding", CODINGS));
    for (name, field) in PLACES {
        // With a length beside it, so that whoever overlooks the coding finds another end.
        let text = format!("POST {{P}} HTTP/1.1↵Host: a.test↵Content-Length: 5↵{field}↵↵0↵↵{{S}}");
        all.extend(each_odd_byte(&format!("coding-{name}"), &text));
    }
    for (name, field) in LENGTH_PLACES {
        let text = format!("POST {{P}} HTTP/1.1↵Host: a.test↵{field}↵↵{{S}}");
        all.extend(each_odd_byte(&format!("length-{name}"), &text));
    }
    all
}
