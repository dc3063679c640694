use super::*;

fn read(text: &str, side: Side) -> (usize, End) {
    let (found, end) = requests(text.as_bytes(), side);
    (found.len(), end)
}

/// How a stream of a client ends.
fn end(text: &str) -> (usize, &'static str) {
    match read(text, Side::Client) {
        (count, End::Clean) => (count, "clean"),
        (count, End::Incomplete) => (count, "incomplete"),
        (count, End::Other(_)) => (count, "other"),
        (count, End::Violation(reason, _)) => (count, reason),
    }
}

const OK: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_stream_is_read_message_by_message() {
    let chunked =
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\"b\"\r\nabc\r\n0\r\nX: 1\r\n\r\n";
    let length = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    let stream = format!("{OK}{chunked}{length}");
    let (found, end) = requests(stream.as_bytes(), Side::Client);
    assert_eq!(end, End::Clean);
    let bodies: Vec<&[u8]> = found.iter().map(|request| request.body.as_slice()).collect();
    assert_eq!(bodies, [&b""[..], b"abc", b"abc"]);
    assert_eq!(found[1].trailers, [("x".to_owned(), b"1".to_vec())]);
    assert_eq!(found[2].framing, Framing::Length(3));
    for cut in 1..stream.len() {
        let (_, end) = requests(&stream.as_bytes()[..cut], Side::Client);
        assert!(matches!(end, End::Clean | End::Incomplete), "{cut}: {end:?}");
    }
    assert_eq!(self::end("GET /?100% HTTP/1.1\r\nHost: a\r\n\r\n"), (1, "clean"));
    assert_eq!(self::end(&format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n{OK}")), (1, "other"));
    assert_eq!(self::end(&format!("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n{OK}")), (1, "other"));
}

#[test]
fn what_is_not_canonical_is_refused_with_the_reason() {
    for (text, expected) in [
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", "a bare LF"),
        ("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", "a bare CR"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", "a control character"),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", "a line starts with white space"),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", "a field name is no token"),
        ("GET / HTTP/1.1\r\nHost\r\n\r\n", "a field line has no colon"),
        ("GET / HTTP/1.1\r\n\r\n", "no Host"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "more than one Host"),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "an invalid Host"),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "the request line has not three parts with one space between"),
        ("G:T / HTTP/1.1\r\nHost: a\r\n\r\n", "the method is no token"),
        ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", "the version is not HTTP/1.1"),
        ("GET x HTTP/1.1\r\nHost: a\r\n\r\n", "the target has no valid form"),
        ("GET /# HTTP/1.1\r\nHost: a\r\n\r\n", "the target has an invalid character"),
        ("GET /%g HTTP/1.1\r\nHost: a\r\n\r\n", "the target has an invalid escape"),
    ] {
        assert_eq!(end(text), (0, expected), "{text:?}");
    }
}

#[test]
fn there_is_one_framing() {
    let with = |fields: &str| end(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n")).1;
    for (fields, expected) in [
        ("Content-Length: 0", "clean"),
        ("Content-Length: 1\r\nContent-Length: 1", "more than one Content-Length"),
        ("Content-Length: 1, 1", "Content-Length is not a number"),
        ("Content-Length: +1", "Content-Length is not a number"),
        ("Content-Length: 9223372036854775808", "Content-Length does not fit 63 bits"),
        ("Content-Length: 1\r\nTransfer-Encoding: chunked", "both Content-Length and Transfer-Encoding"),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "more than one Transfer-Encoding"),
        ("Transfer-Encoding: gzip, chunked", "a Transfer-Encoding other than chunked"),
    ] {
        assert_eq!(with(fields), expected, "{fields:?}");
    }
    let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert_eq!(end(old).1, "Transfer-Encoding in HTTP/1.0");
}

#[test]
fn chunks_are_exact() {
    let with = |body: &str| end(&format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}")).1;
    for (body, expected) in [
        ("5\r\nhello\r\n0\r\n\r\n", "clean"),
        ("5;a;b=c;d=\"\\\"\"\r\nhello\r\n0\r\n\r\n", "clean"),
        ("5\r\nhello\r\n0\r\n", "incomplete"),
        ("5 \r\nhello\r\n0\r\n\r\n", "a chunk has an invalid extension"),
        ("5;\r\nhello\r\n0\r\n\r\n", "a chunk has an invalid extension"),
        ("5;a=\"\r\nhello\r\n0\r\n\r\n", "a chunk has an invalid extension"),
        ("0x5\r\nhello\r\n0\r\n\r\n", "a chunk has an invalid extension"),
        ("-1\r\n", "a chunk has no size, or one with too many digits"),
        ("8000000000000000\r\n", "a chunk size does not fit 63 bits"),
        ("5\nhello\r\n0\r\n\r\n", "a bare LF"),
        ("4\r\nhello\r\n0\r\n\r\n", "a chunk's data does not end with CRLF"),
        ("0\r\nHost: b\r\n\r\n", "a trailer section has a field of framing or routing"),
    ] {
        assert_eq!(with(body), expected, "{body:?}");
    }
}

#[test]
fn an_origin_gets_nothing_of_another_connection() {
    let with = |fields: &str| match read(&format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n"), Side::Origin).1 {
        End::Clean => "clean",
        End::Violation(reason, _) => reason,
        End::Incomplete | End::Other(_) => "other",
    };
    for (fields, expected) in [
        ("X: 1", "clean"),
        ("TE: trailers\r\nConnection: te", "clean"),
        ("Upgrade: websocket\r\nConnection: upgrade", "clean"),
        ("X: 1\r\nConnection: x", "a field that Connection names"),
        ("Connection: x", "Connection names a field that is not there"),
        ("Keep-Alive: 5", "a field of another connection"),
        ("Upgrade: websocket", "Upgrade or TE that Connection does not name"),
        ("Content-Length: 00", "Content-Length has leading zeros"),
    ] {
        assert_eq!(with(fields), expected, "{fields:?}");
    }
    for head in ["GET http://a/ HTTP/1.1\r\nHost: a", "GET / HTTP/1.0\r\nHost: a", "CONNECT a:1 HTTP/1.1\r\nHost: a"] {
        let (count, end) = read(&format!("{head}\r\n\r\n"), Side::Origin);
        assert!(count == 0 && matches!(end, End::Violation(..)), "{head}: {end:?}");
    }
}

#[test]
fn answers_are_read_with_the_methods_that_were_asked() {
    let stream = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let (found, end) = answers(stream, &["HEAD", "GET"], false);
    let statuses: Vec<u16> = found.iter().map(|answer| answer.status).collect();
    assert_eq!((statuses.as_slice(), end), (&[100, 200, 200][..], End::Clean));
    assert_eq!(found[2].body, b"ok");
    let open = b"HTTP/1.1 200 OK\r\n\r\nhalf";
    assert_eq!(answers(open, &["GET"], false).1, End::Incomplete);
    assert_eq!(answers(open, &["GET"], true).0[0].body, b"half");
    for bad in
        ["HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n"]
    {
        assert!(matches!(answers(bad.as_bytes(), &["GET"], true).1, End::Violation(..)), "{bad:?}");
    }
}
