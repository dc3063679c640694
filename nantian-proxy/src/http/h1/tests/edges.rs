//! Each bound of the codec from both sides: the last value that is taken, and the first that is not.

use bytes::{Bytes, BytesMut};
use http::HeaderName;

use super::corpus::{LIMITS, decode, read_request, read_response};
use crate::http::Headers;
use crate::http::h1::chunked::{Decoded, Decoder};
use crate::http::h1::framing::{agrees, digits};
use crate::http::h1::head::is_field_name;

/// Whether a request is taken, whole and byte by byte alike.
fn takes(raw: &[u8]) -> bool {
    let whole = read_request(&[raw]);
    let dripped = read_request(&raw.chunks(1).collect::<Vec<_>>());
    assert_eq!(whole.is_ok(), dripped.is_ok(), "{} bytes, {whole:?}", raw.len());
    whole.is_ok_and(|head| head.is_some())
}

/// Whether a chunked body is taken to its end, whole and byte by byte alike.
fn takes_body(raw: &[u8]) -> bool {
    let (whole, dripped) = (decode(&[raw]), decode(&raw.chunks(1).collect::<Vec<_>>()));
    assert_eq!(whole, dripped, "{} bytes", raw.len());
    whole.is_ok_and(|(_, _, ended)| ended)
}

#[test]
fn a_content_length_has_up_to_18_digits() {
    assert_eq!(digits(&[b'9'; 18]), Some(999_999_999_999_999_999));
    assert_eq!(digits(&[b'9'; 19]), None);
    assert_eq!(digits(b""), None);
}

#[test]
fn a_head_has_up_to_its_bytes_however_they_arrive() {
    let head = |length: usize| {
        let frame = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n".len();
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(length - frame))
    };
    assert!(takes(head(LIMITS.bytes).as_bytes()));
    assert!(!takes(head(LIMITS.bytes + 1).as_bytes()));
    // The last line fits, the end of the head does not.
    assert!(!takes(head(LIMITS.bytes + 2).as_bytes()));
}

#[test]
fn a_target_and_a_method_have_up_to_their_bytes() {
    let request = |method: usize, target: usize| {
        format!("{} /{} HTTP/1.1\r\nHost: a\r\n\r\n", "M".repeat(method), "x".repeat(target - 1))
    };
    assert!(takes(request(32, LIMITS.uri).as_bytes()));
    assert!(!takes(request(3, LIMITS.uri + 1).as_bytes()));
    assert!(!takes(request(33, 1).as_bytes()));
    // A first line that goes on for ever is not waited for.
    let endless = |length: usize| read_request(&[&vec![b'x'; length][..]]);
    assert!(endless(LIMITS.uri + 64).is_ok_and(|head| head.is_none()));
    assert_eq!(endless(LIMITS.uri + 65).unwrap_err().status, 414);
    let after_empty_line = [&b"\r\n"[..], &vec![b'x'; LIMITS.uri + 64]].concat();
    assert!(read_request(&[&after_empty_line]).is_ok(), "an empty line is none of the target");
}

#[test]
fn one_empty_line_may_precede_a_request_and_none_an_answer() {
    assert!(takes(b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(!takes(b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(read_response(&[b"\r\nHTTP/1.1 200 OK\r\n\r\n"]).is_err());
}

#[test]
fn what_can_become_no_line_is_refused_at_its_first_byte() {
    let refused = |raw: &[u8]| read_request(&[raw]).is_err_and(|refusal| refusal.status == 400);
    assert!(refused(b"\x16\x03\x01") && refused(b" GET"));
    assert!(refused(b"GET / HTTP/1.1\r\nHost: a\r\n\x01") && refused(b"GET / HTTP/1.1\r\nHost: a\r\n "));
    assert!(!refused(b"GET / HTTP/1.1\r\nHost: a\r\n\r"));
}

#[test]
fn a_version_that_is_one_is_told_from_what_is_none() {
    let status = |version: &str| {
        let raw = format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n");
        read_request(&[raw.as_bytes()]).map_err(|refusal| refusal.status.as_u16()).err()
    };
    assert_eq!((status("2.0"), status("0.9"), status("1.2")), (Some(505), Some(505), Some(505)));
    assert_eq!(
        (status("x.0"), status("2.x"), status("2"), status("1.10")),
        (Some(400), Some(400), Some(400), Some(400))
    );
}

#[test]
fn a_status_has_three_digits_from_100_to_599() {
    let takes = |status: &str| read_response(&[format!("HTTP/1.1 {status} OK\r\n\r\n").as_bytes()]).is_ok();
    assert!(takes("100") && takes("599"));
    assert!(!takes("099") && !takes("600") && !takes("999") && !takes("20") && !takes("2000"));
}

#[test]
fn a_chunk_size_line_has_up_to_its_bytes_however_they_arrive() {
    let body = |length: usize| format!("1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(length - 2));
    assert!(takes_body(body(512).as_bytes()));
    assert!(!takes_body(body(513).as_bytes()));
    assert!(decode(&["e".repeat(514).replacen("ee", "1;", 1).as_bytes()]).is_err(), "a line that does not end");
}

#[test]
fn the_extensions_of_a_body_have_up_to_their_bytes() {
    let body = |extensions: usize| {
        let line = |length: usize| format!("1;{}\r\nx\r\n", "e".repeat(length - 1));
        let full = line(256).repeat(extensions / 256);
        let rest = extensions % 256;
        format!("{full}{}0\r\n\r\n", if rest > 1 { line(rest) } else { String::new() })
    };
    assert!(takes_body(body(16 * 1024).as_bytes()));
    assert!(!takes_body(body(16 * 1024 + 2).as_bytes()));
}

#[test]
fn a_chunk_size_has_up_to_16_digits_and_63_bits() {
    let starts = |line: &str| decode(&[line.as_bytes()]).is_ok();
    assert!(starts("7fffffffffffffff\r\n") && starts("7FFFFFFFFFFFFFFF;a\r\n"));
    assert!(!starts("8000000000000000\r\n"));
    assert!(starts("0000000000000001\r\n") && !starts("00000000000000001\r\n"));
    // What can become no size is refused before its line ends.
    assert!(starts("0000000000000001") && !starts("00000000000000001"));
    assert!(starts("0000000000000001;") && !starts("00000000000000001;"));
    for digit in "0123456789abcdefABCDEF".chars() {
        let size = usize::try_from(digit.to_digit(16).unwrap()).unwrap();
        let data = "x".repeat(size);
        let body = if size == 0 { "0\r\n\r\n".to_owned() } else { format!("{digit}\r\n{data}\r\n0\r\n\r\n") };
        assert_eq!(decode(&[body.as_bytes()]).unwrap().0.len(), size, "{digit}");
    }
}

#[test]
fn a_quoted_extension_has_tabs_and_visible_characters() {
    // RFC 9110 section 5.6.4.
    for byte in 0..=255_u8 {
        let body = [b"1;a=\"x", &[byte][..], b"\"\r\nx\r\n0\r\n\r\n"].concat();
        let plain = (byte == b'\t' || (b' '..=b'~').contains(&byte)) && byte != b'"' && byte != b'\\';
        assert_eq!(takes_body(&body), plain, "{byte:#x}");
    }
}

#[test]
fn an_answer_101_names_a_protocol_that_was_offered_and_no_other() {
    let upgrade = |protocols: &[&'static str]| {
        let value = |protocol: &&'static str| (http::header::UPGRADE, http::HeaderValue::from_static(protocol));
        protocols.iter().map(value).collect::<Headers>()
    };
    let offered = upgrade(&["websocket, Custom/1.0", "other"]);
    for taken in [&["WebSocket"][..], &["custom/1.0"], &["other"], &["other, websocket"]] {
        assert!(agrees(&offered, &upgrade(taken)), "{taken:?}");
    }
    for taken in [&[][..], &[""], &["h2c"], &["websocket, h2c"], &["websocket", "h2c"], &["custom/1.1"]] {
        assert!(!agrees(&offered, &upgrade(taken)), "{taken:?}");
    }
}

#[test]
fn what_is_left_of_a_chunk_and_a_plain_end_are_known() {
    let mut decoder = Decoder::new(LIMITS);
    let mut input = BytesMut::from(&b"a\r\n0123"[..]);
    assert_eq!(decoder.decode(&mut input), Ok(Decoded::Data(Bytes::from_static(b"0123"))));
    assert_eq!((decoder.remaining(), decoder.take_plain_end(&mut input)), (6, false));
    input.extend_from_slice(b"456789\r\n0\r\nX: y\r\n\r\n");
    assert_eq!(decoder.decode(&mut input), Ok(Decoded::Data(Bytes::from_static(b"456789"))));
    assert_eq!((decoder.remaining(), decoder.take_plain_end(&mut input)), (0, false), "trailers are no plain end");
    let mut decoder = Decoder::new(LIMITS);
    let mut input = BytesMut::from(&b"1\r\nx\r\n0\r\n\r\nGET"[..]);
    assert_eq!(decoder.decode(&mut input), Ok(Decoded::Data(Bytes::from_static(b"x"))));
    assert!(decoder.take_plain_end(&mut input));
    assert_eq!(input, "GET");
    assert_eq!(decoder.decode(&mut input), Ok(Decoded::End(None)));
}

#[test]
fn a_name_of_http2_that_is_no_token_is_none() {
    // The crate `http` takes a quotation mark in names that are in lower case already, as those of HTTP/2 are.
    assert!(is_field_name(&HeaderName::from_static("x-a")));
    assert!(!is_field_name(&HeaderName::from_lowercase(b"x\"a").unwrap()));
}
