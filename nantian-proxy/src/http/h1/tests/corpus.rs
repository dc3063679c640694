//! Raw requests and answers, and what becomes of them. Each is read whole and byte by byte.

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode};

use crate::http::h1::chunked::{Decoded, Decoder};
use crate::http::h1::framing::{Framing, of_response};
use crate::http::h1::head::{HeadLimits, Kind, Refusal, RequestHead, ResponseHead, Scanner, request, response};

pub(super) const LIMITS: HeadLimits = HeadLimits { bytes: 4096, fields: 20, uri: 1024 };

/// The bytes of a head, and where its lines are.
type Scanned = (Bytes, Vec<(usize, usize)>);

/// Reads a head that arrives in pieces; `None` if it is not complete.
pub(super) fn scan(pieces: &[&[u8]], kind: Kind) -> Result<Option<Scanned>, Refusal> {
    let mut scanner = Scanner::new(kind);
    let mut input = BytesMut::new();
    for piece in pieces {
        input.extend_from_slice(piece);
        if let Some(length) = scanner.scan(&input, &LIMITS)? {
            let head = input.split_to(length).freeze();
            return Ok(Some((head, scanner.lines().to_vec())));
        }
    }
    Ok(None)
}

pub(super) fn read_request(pieces: &[&[u8]]) -> Result<Option<RequestHead>, Refusal> {
    scan(pieces, Kind::Request)?.map(|(head, lines)| request(&head, &lines, &LIMITS)).transpose()
}

pub(super) fn read_response(pieces: &[&[u8]]) -> Result<Option<ResponseHead>, Refusal> {
    scan(pieces, Kind::Response)?.map(|(head, lines)| response(&head, &lines)).transpose()
}

fn bytewise(raw: &[u8]) -> Vec<&[u8]> {
    raw.chunks(1).collect()
}

/// The status that refuses `raw`, whole and byte by byte alike.
fn refusal(raw: &[u8]) -> Option<u16> {
    let status = |read: Result<Option<RequestHead>, Refusal>| read.err().map(|refusal| refusal.status.as_u16());
    let (whole, dripped) = (status(read_request(&[raw])), status(read_request(&bytewise(raw))));
    assert_eq!(whole, dripped, "{:?}", String::from_utf8_lossy(raw));
    whole
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
#[test]
fn what_is_no_request_gets_the_answer_that_says_why() {
    let cases: &[(u16, &[u8])] = &[
        // RFC 9112 section 2.2: line ends, and bytes that no line can have.
        (400, b"GET / HTTP/1.1\nHost: a\n\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\n\r\n"),
        (400, b"GET / HTTP/1.1\nHost: a\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\n\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"),
        (400, b"GET / HTTP/1.1\rHost: a\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\r\nHost: a\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
        (400, b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b" GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"\0GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"\x16\x03\x01\x02\x00\x01\x00"),
        (400, b"\xef\xbb\xbfGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        // Section 3: the request line.
        (400, b"GET /\r\n\r\n"),
        (400, b"GET\r\nHost: a\r\n\r\n"),
        (400, b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
        (400, b"GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET / http/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET / HTTP/1\r\nHost: a\r\n\r\n"),
        (400, b"GET / HTTP/11\r\nHost: a\r\n\r\n"),
        (400, b"GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
        (400, b"GET / HTTP/ 1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET / HTTP/a.b\r\nHost: a\r\n\r\n"),
        (400, b"GET / XTTP/1.1\r\nHost: a\r\n\r\n"),
        (505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
        (505, b"GET / HTTP/1.2\r\nHost: a\r\n\r\n"),
        (505, b"GET / HTTP/0.9\r\nHost: a\r\n\r\n"),
        (505, b"GET / HTTP/3.0\r\nHost: a\r\n\r\n"),
        (400, b"G(T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"G\xc3\x84T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"G\0T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"\"GET\" / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (501, b"GETGETGETGETGETGETGETGETGETGETGETGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        // Section 3.2: the target.
        (400, b"GET a HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET a/b HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET ?a HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET /<a> HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET /\"a\" HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET http://a:b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET http://a:99999/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET http://a,b/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET javascript:alert HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"CONNECT http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"CONNECT u@a:80 HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"),
        (400, b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
        // Section 3.2, RFC 9110 section 7.2: exactly one valid Host.
        (400, b"GET / HTTP/1.1\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nX: a\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n"),
        (400, b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a:\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a:80x\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: \xff\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
        (400, b"GET http://a/ HTTP/1.1\r\n\r\n"),
        (400, b"GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
        // Section 5: fields.
        (400, b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost\t: a\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nX: b\x0bc\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\n(X): b\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\n\xc3\xa4: b\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\n\"X\": b\r\n\r\n"),
        // Section 6: one framing.
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5,6\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5;\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5.0\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1e1\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \"5\"\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551616\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \xd9\xa5\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n"),
        (400, b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunkedx\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\x00\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\x0cchunked\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\x00: chunked\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\n Transfer-Encoding: chunked\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nX: b\r\n\x0bTransfer-Encoding: chunked\r\n\r\n"),
        (400, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n"),
        (501, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
        (501, b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"),
        // RFC 9110 section 10.1.1.
        (417, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 200-ok\r\n\r\n"),
        (417, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue, x\r\n\r\n"),
        (417, b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nExpect: 100-continue\r\n\r\n"),
    ];
    assert!(cases.len() > 120, "{}", cases.len());
    for (status, raw) in cases {
        assert_eq!(refusal(raw), Some(*status), "{:?}", String::from_utf8_lossy(raw));
    }
}

#[test]
fn requests_are_read_as_they_are_meant() {
    let cases: &[(&[u8], &str, Framing, bool)] = &[
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "/", Framing::None, true),
        (b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "/", Framing::None, true),
        (b"GET / HTTP/1.0\r\n\r\n", "/", Framing::None, false),
        (b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "/", Framing::None, true),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", "/", Framing::None, false),
        (b"GET /a?b=%20|{}[] HTTP/1.1\r\nHost:a:80\r\n\r\n", "/a?b=%20|{}[]", Framing::None, true),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "*", Framing::None, true),
        (b"GET http://b/c HTTP/1.1\r\nHost: a\r\n\r\n", "http://b/c", Framing::None, true),
        (b"GET http://b HTTP/1.1\r\nHost: b\r\n\r\n", "http://b/", Framing::None, true),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", "a:443", Framing::None, true),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "/", Framing::Length(5), true),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\n\r\n", "/", Framing::Length(5), true),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \t 5 \t\r\n\r\n", "/", Framing::Length(5), true),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "/", Framing::None, true),
        (b"POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\n", "/", Framing::Length(5), false),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "/", Framing::Chunked, true),
        (b"POST / HTTP/1.1\r\nhost: [::1]:80\r\ntransfer-encoding:ChUnKeD\r\n\r\n", "/", Framing::Chunked, true),
        (b"M-SEARCH / HTTP/1.1\r\nHost: a\r\nX: \xff\xfe\r\nEmpty:\r\n\r\n", "/", Framing::None, true),
    ];
    for (raw, target, framing, keep_alive) in cases {
        let name = String::from_utf8_lossy(raw);
        for pieces in [vec![*raw], bytewise(raw)] {
            let head = read_request(&pieces).unwrap_or_else(|refusal| panic!("{name:?}: {refusal}")).unwrap();
            assert_eq!(head.uri.to_string(), *target, "{name:?}");
            assert_eq!((head.framing, head.keep_alive), (*framing, *keep_alive), "{name:?}");
            assert!(!head.headers.contains_key("transfer-encoding"));
        }
    }
}

#[test]
fn the_host_of_an_absolute_target_replaces_that_of_the_field() {
    // RFC 9112 section 3.2.2.
    let head = read_request(&[b"GET http://real/ HTTP/1.1\r\nHost: other\r\n\r\n"]).unwrap().unwrap();
    assert_eq!(head.headers.get_all("host").collect::<Vec<_>>(), ["real"]);
}

#[test]
fn white_space_around_a_value_is_no_part_of_it() {
    // RFC 9112 section 5.1.
    let head = read_request(&[b"GET / HTTP/1.1\r\nHost: a\r\nX:\t a b \t\r\nY:\r\nZ: \r\n\r\n"]).unwrap().unwrap();
    assert_eq!(
        (&head.headers["x"], &head.headers["y"], &head.headers["z"]),
        (
            &http::HeaderValue::from_static("a b"),
            &http::HeaderValue::from_static(""),
            &http::HeaderValue::from_static("")
        )
    );
}

#[test]
fn expect_is_honoured_only_where_there_is_a_body_to_wait_for() {
    let expects = |raw: &[u8]| read_request(&[raw]).unwrap().unwrap().expect_continue;
    assert!(expects(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-Continue\r\n\r\n"));
    assert!(!expects(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n"));
    assert!(!expects(b"POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n"));
}

#[test]
fn every_limit_has_its_answer() {
    let long = "x".repeat(1100);
    assert_eq!(refusal(format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()), Some(414));
    assert_eq!(refusal(format!("GET /{long}").as_bytes()), Some(414));
    assert_eq!(refusal(format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(4100)).as_bytes()), Some(431));
    let fields = |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(count));
    assert_eq!(refusal(fields(19).as_bytes()), None);
    assert_eq!(refusal(fields(20).as_bytes()), Some(431));
    let exact = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(1023));
    assert_eq!(refusal(exact.as_bytes()), None);
}

#[test]
fn every_byte_in_a_name_and_a_value_is_judged_as_the_grammar_says() {
    // RFC 9110 sections 5.5 and 5.6.2.
    for byte in 0..=255_u8 {
        let raw = [b"GET / HTTP/1.1\r\nHost: a\r\nX", &[byte][..], b"Y: b\r\n\r\n"].concat();
        let token = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        // A colon ends the name.
        assert_eq!(refusal(&raw).is_none(), token || byte == b':', "name {byte:#x}");
        let raw = [b"GET / HTTP/1.1\r\nHost: a\r\nX: a", &[byte][..], b"b\r\n\r\n"].concat();
        assert_eq!(refusal(&raw).is_none(), byte == b'\t' || (byte >= b' ' && byte != 0x7f), "value {byte:#x}");
    }
}

#[test]
fn what_is_no_answer_is_refused() {
    let refused: &[&[u8]] = &[
        b"HTTP/1.1 200 OK\nA: b\n\n",
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1  200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 +20 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 200\tOK\r\n\r\n",
        b"HTTP/1.1 200 O\0K\r\n\r\n",
        b"http/1.1 200 OK\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"<html>",
        b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n A: b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n",
    ];
    for raw in refused {
        for pieces in [vec![*raw], bytewise(raw)] {
            assert!(read_response(&pieces).is_err(), "{:?}", String::from_utf8_lossy(raw));
        }
    }
    for raw in [&b"HTTP/1.1 200 OK\r\n\r\n"[..], b"HTTP/1.1 200 \r\n\r\n", b"HTTP/1.1 200\r\n\r\n"] {
        assert_eq!(read_response(&bytewise(raw)).unwrap().unwrap().status, StatusCode::OK);
    }
}

#[test]
fn answers_have_one_framing_or_are_refused() {
    // RFC 9112 section 6.3.
    let cases: &[(&str, &str, Option<Framing>)] = &[
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Some(Framing::Length(5))),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Some(Framing::None)),
        ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Some(Framing::Chunked)),
        ("GET", "HTTP/1.1 200 OK\r\n\r\n", Some(Framing::UntilClose)),
        ("GET", "HTTP/1.0 200 OK\r\n\r\n", Some(Framing::UntilClose)),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Some(Framing::None)),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Some(Framing::None)),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Some(Framing::None)),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n", Some(Framing::None)),
        ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", Some(Framing::None)),
        ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", None),
        ("GET", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", None),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", None),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", None),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", None),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n", None),
        ("GET", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", None),
        ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", None),
        ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", None),
        ("GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n", None),
        ("GET", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", None),
    ];
    for (method, raw, expected) in cases {
        let mut head = read_response(&[raw.as_bytes()]).unwrap().unwrap();
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let framing = of_response(&method, head.status, head.version, &mut head.fields).ok();
        assert_eq!(framing, *expected, "{method} {raw:?}");
    }
}

/// Decodes a body that arrives in pieces: its data, its trailers, and whether it ended.
pub(super) fn decode(pieces: &[&[u8]]) -> Result<(Vec<u8>, Vec<String>, bool), &'static str> {
    let mut decoder = Decoder::new(LIMITS);
    let (mut input, mut data) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut input)? {
                Decoded::Data(part) => data.extend_from_slice(&part),
                Decoded::NeedMore => break,
                Decoded::End(trailers) => {
                    let fields = trailers.unwrap_or_default();
                    return Ok((data, fields.keys().map(ToString::to_string).collect(), true));
                }
            }
        }
    }
    Ok((data, Vec::new(), false))
}

#[test]
fn chunks_are_read_and_everything_else_is_refused() {
    // RFC 9112 section 7.1. `Some`: the data. `None`: refused.
    let long_extension = format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(600));
    let many_extensions = format!("{}0\r\n\r\n", format!("1;{}\r\na\r\n", "x".repeat(400)).repeat(50));
    let cases: &[(&str, Option<&str>)] = &[
        ("0\r\n\r\n", Some("")),
        ("5\r\nhello\r\n0\r\n\r\n", Some("hello")),
        ("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", Some("hello world")),
        ("A\r\n0123456789\r\n0\r\n\r\n", Some("0123456789")),
        ("a\r\n0123456789\r\n00\r\n\r\n", Some("0123456789")),
        ("0000000000000005\r\nhello\r\n0\r\n\r\n", Some("hello")),
        ("5;a=b;c=\"d\"\r\nhello\r\n0;x\r\n\r\n", Some("hello")),
        ("5; a = \"b\\\"c\" ; d\r\nhello\r\n0\r\n\r\n", Some("hello")),
        ("5\r\nhello\r\n0\r\nX: y\r\n\r\n", Some("hello")),
        ("5;\r\nhello\r\n0\r\n\r\n", None),
        ("5;a=\r\nhello\r\n0\r\n\r\n", None),
        ("5;a b\r\nhello\r\n0\r\n\r\n", None),
        ("5;a=\"b\r\nhello\r\n0\r\n\r\n", None),
        ("5;a=\"b\\\"\r\nhello\r\n0\r\n\r\n", None),
        ("00000000000000005\r\nhello\r\n0\r\n\r\n", None),
        ("5\nhello\r\n0\r\n\r\n", None),
        ("5\r\nhello\n0\r\n\r\n", None),
        ("5\r\nhello\r\n0\n\r\n", None),
        ("5\r\nhello\r\n0\r\n\n", None),
        ("5\rhello\r\n0\r\n\r\n", None),
        ("5\r\r\nhello\r\n0\r\n\r\n", None),
        ("5 \r\nhello\r\n0\r\n\r\n", None),
        (" 5\r\nhello\r\n0\r\n\r\n", None),
        ("5 ;a\r\nhello\r\n0\r\n\r\n", None),
        ("5\t;a\r\nhello\r\n0\r\n\r\n", None),
        ("+5\r\nhello\r\n0\r\n\r\n", None),
        ("-5\r\nhello\r\n0\r\n\r\n", None),
        ("0x5\r\nhello\r\n0\r\n\r\n", None),
        ("5h\r\nhello\r\n0\r\n\r\n", None),
        ("5_0\r\nhello\r\n0\r\n\r\n", None),
        ("\r\nhello\r\n0\r\n\r\n", None),
        (";a\r\nhello\r\n0\r\n\r\n", None),
        ("5\r\nhelloX\r\n0\r\n\r\n", None),
        ("5\r\nhello0\r\n\r\n", None),
        ("4\r\nhello\r\n0\r\n\r\n", None),
        ("5;a\0b\r\nhello\r\n0\r\n\r\n", None),
        ("5;a\rb\r\nhello\r\n0\r\n\r\n", None),
        ("5;\u{e4}\r\nhello\r\n0\r\n\r\n", None),
        ("ffffffffffffffff\r\n", None),
        ("8000000000000000\r\n", None),
        ("10000000000000005\r\nhello\r\n0\r\n\r\n", None),
        ("0\r\nContent-Length: 5\r\n\r\n", None),
        ("0\r\nTransfer-Encoding: chunked\r\n\r\n", None),
        ("0\r\nHost: b\r\n\r\n", None),
        ("0\r\nConnection: close\r\n\r\n", None),
        ("0\r\n X: y\r\n\r\n", None),
        ("0\r\nX : y\r\n\r\n", None),
        ("0\r\nX: y\n\r\n", None),
        ("0\r\nX\r\n\r\n", None),
        (&long_extension, None),
        (&many_extensions, None),
    ];
    for (raw, expected) in cases {
        for pieces in [vec![raw.as_bytes()], bytewise(raw.as_bytes())] {
            let read = decode(&pieces);
            match expected {
                Some(data) => assert_eq!(read.map(|(data, ..)| data).as_deref(), Ok(data.as_bytes()), "{raw:?}"),
                None => assert!(read.is_err(), "{raw:?} gave {read:?}"),
            }
        }
    }
}

#[test]
fn trailers_lose_what_has_no_place_there() {
    // RFC 9110 section 6.5.1.
    let raw = b"0\r\nX: 1\r\nAuthorization: b\r\nSet-Cookie: c\r\nTrailer: d\r\nGrpc-Status: 0\r\n\r\n";
    let (_, mut names, ended) = decode(&[raw]).unwrap();
    names.sort_unstable();
    assert!(ended);
    assert_eq!(names, ["grpc-status", "x"]);
}

#[test]
fn a_body_that_ends_early_has_not_ended() {
    for raw in
        ["", "5", "5\r", "5\r\n", "5\r\nhell", "5\r\nhello", "5\r\nhello\r\n", "5\r\nhello\r\n0\r\n", "0\r\nX: y\r\n"]
    {
        assert!(!decode(&[raw.as_bytes()]).unwrap().2, "{raw:?}");
    }
}
