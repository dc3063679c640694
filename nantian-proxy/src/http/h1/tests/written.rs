//! What is written of heads, byte by byte: which fields are ours, and when there is a length.

use bytes::Bytes;
use http::{HeaderName, Method, StatusCode, Version};

use crate::http::h1::encode::{self, Output, ResponseContext};
use crate::http::{Body, Headers, Request};

fn text(out: &Output) -> String {
    out.parts().map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}

fn fields(list: &[(&'static str, &'static str)]) -> Headers {
    list.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

/// The lines of an answer after its status line, without a `Date` of ours.
fn answer(method: &Method, status: u16, headers: &[(&'static str, &'static str)], body: &Body) -> Vec<String> {
    let context = ResponseContext { method, version: Version::HTTP_11, keep_alive: true, trailers: false };
    let mut out = Output::default();
    encode::response_head(StatusCode::from_u16(status).unwrap(), &fields(headers), body, context, &mut out);
    text(&out).lines().skip(1).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn dates(lines: &[String]) -> usize {
    lines.iter().filter(|line| line.starts_with("date: ")).count()
}

/// RFC 9110 section 8.6: when an answer has a length, and which.
#[test]
fn an_answer_has_a_length_only_where_it_means_something() {
    let length = |method: &Method, status, headers: &[(&'static str, &'static str)], body: &Body| {
        let lines = answer(method, status, headers, body);
        let mut lengths = lines.iter().filter_map(|line| line.strip_prefix("content-length: ").map(str::to_owned));
        let length = lengths.next();
        assert_eq!(lengths.next(), None, "two lengths");
        length
    };
    let (get, head, connect) = (&Method::GET, &Method::HEAD, &Method::CONNECT);
    let (empty, full) = (&Body::empty(), &Body::full("hello"));
    let said: &[_] = &[("content-length", "7")];
    assert_eq!(length(get, 200, &[], empty).as_deref(), Some("0"));
    assert_eq!(length(get, 200, said, full).as_deref(), Some("5"), "the body knows better");
    assert_eq!(length(head, 200, &[], empty), None, "an absent body says nothing of what GET would get");
    assert_eq!(length(head, 200, said, empty).as_deref(), Some("7"));
    assert_eq!(length(head, 200, &[], full).as_deref(), Some("5"));
    assert_eq!(length(get, 304, said, empty).as_deref(), Some("7"));
    assert_eq!(length(get, 204, said, empty), None);
    assert_eq!(length(head, 204, said, empty), None);
    assert_eq!(length(get, 101, said, empty), None);
    assert_eq!(length(connect, 200, said, empty), None);
    assert_eq!(length(connect, 403, &[], empty).as_deref(), Some("0"));
}

/// RFC 9110 section 6.6.1.
#[test]
fn a_final_answer_has_one_date() {
    let empty = &Body::empty();
    assert_eq!(dates(&answer(&Method::GET, 200, &[], empty)), 1);
    let own = answer(&Method::GET, 200, &[("date", "Tue, 15 Nov 1994 08:12:31 GMT")], empty);
    assert_eq!((dates(&own), own.iter().any(|line| line.ends_with("08:12:31 GMT"))), (1, true));
    assert_eq!(dates(&answer(&Method::GET, 101, &[("upgrade", "websocket")], empty)), 0);
}

#[test]
fn fields_of_the_connection_are_ours_in_every_head() {
    let theirs: &[_] = &[
        ("connection", "x"),
        ("content-length", "1"),
        ("transfer-encoding", "gzip"),
        ("upgrade", "x"),
        ("keep-alive", "x"),
        ("proxy-connection", "x"),
        ("link", "</a>"),
    ];
    let mut out = Output::default();
    encode::interim_head(StatusCode::EARLY_HINTS, &fields(theirs), &mut out);
    assert_eq!(text(&out), "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
    let lines = answer(&Method::GET, 200, theirs, &Body::full("hello"));
    let own: Vec<_> = lines.iter().filter(|line| !line.starts_with("date")).map(String::as_str).collect();
    assert_eq!(own, ["link: </a>", "content-length: 5"]);
}

fn request(method: Method, uri: &str, headers: &[(&'static str, &'static str)], body: Body) -> String {
    let (uri, headers) = (uri.parse().unwrap(), fields(headers));
    let request = Request { method, uri, headers, ..Request::new(body) };
    let mut out = Output::default();
    encode::request_head(&request, ([192, 0, 2, 1], 80).into(), &mut out);
    text(&out)
}

#[test]
fn a_request_has_a_target_a_host_and_a_length_where_its_method_expects_content() {
    let empty = Body::empty;
    for (expected, written) in [
        ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", request(Method::GET, "/", &[("host", "a")], empty())),
        ("GET / HTTP/1.1\r\nhost: 192.0.2.1:80\r\n\r\n", request(Method::GET, "/", &[], empty())),
        ("GET /x?y HTTP/1.1\r\nhost: b\r\n\r\n", request(Method::GET, "http://b/x?y", &[], empty())),
        ("CONNECT b:443 HTTP/1.1\r\nhost: b:443\r\n\r\n", request(Method::CONNECT, "b:443", &[], empty())),
        ("GET / HTTP/1.1\r\nhost: b:443\r\n\r\n", request(Method::GET, "b:443", &[], empty())),
        ("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", request(Method::OPTIONS, "*", &[("host", "a")], empty())),
        ("DELETE / HTTP/1.1\r\nhost: a\r\n\r\n", request(Method::DELETE, "/", &[("host", "a")], empty())),
        (
            "GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n",
            request(Method::GET, "/", &[("host", "a"), ("content-length", "0")], empty()),
        ),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n",
            request(Method::POST, "/", &[("host", "a")], empty()),
        ),
        (
            "PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n",
            request(Method::PUT, "/", &[("content-length", "7"), ("host", "a")], Body::full("hello")),
        ),
    ] {
        assert_eq!(written, expected);
    }
}

#[test]
fn a_large_part_of_a_body_is_written_from_where_it_is_and_a_small_one_copied() {
    let parts = |length: usize| {
        let mut out = Output::default();
        out.tail().extend_from_slice(b"head");
        let data = Bytes::from(vec![b'x'; length]);
        out.push(data.clone());
        (out.parts().count(), out.parts().any(|part| part.as_ptr() == data.as_ptr()), out.len())
    };
    assert_eq!(parts(4096), (1, false, 4100));
    assert_eq!(parts(4097), (2, true, 4101));
}
