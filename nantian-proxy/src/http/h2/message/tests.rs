//! What is a request and what is an answer, field by field.

use bytes::BytesMut;
use http::{HeaderValue, Method, StatusCode};

use super::*;
use crate::http::h2::hpack::{Decoder, Encoder, Field, Name};
use crate::http::h2::websocket::Protocol;
use crate::http::{Headers, Request};

const LIMITS: Limits = Limits { bytes: 4_096, fields: 20, uri: 100 };

fn fields(given: &[(&str, &str)]) -> Fields {
    let mut fields = Fields::new(LIMITS, 0);
    for (name, value) in given {
        let value = HeaderValue::from_bytes(value.as_bytes()).ok();
        fields.add(Field { name: Name::read(name.as_bytes()), value, size: 32 });
    }
    fields
}

const GET: [(&str, &str); 4] = [(":method", "GET"), (":scheme", "https"), (":authority", "a.test"), (":path", "/x?y")];

/// A GET with further fields.
fn get(more: &[(&str, &str)]) -> Result<Request<()>, Unfit> {
    fields(&[&GET[..], more].concat()).into_request(&mut None).map(|arrived| arrived.head)
}

/// A GET of which one field is another, or is missing.
fn with(name: &str, value: Option<&str>) -> Result<Request<()>, Unfit> {
    let given = GET.into_iter().filter_map(|(own, old)| {
        let value = if own == name { value } else { Some(old) };
        Some((own, value?))
    });
    fields(&given.collect::<Vec<_>>()).into_request(&mut None).map(|arrived| arrived.head)
}

fn is_malformed<T: std::fmt::Debug>(result: &Result<T, Unfit>) -> bool {
    matches!(result, Err(Unfit::Malformed(_)))
}

fn status<T: std::fmt::Debug>(result: Result<T, Unfit>) -> u16 {
    match result {
        Err(Unfit::Refused(refusal)) => refusal.status.as_u16(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_is_made_of_its_pseudo_header_fields() {
    let request = get(&[("accept", "*/*")]).unwrap();
    assert_eq!((request.method(), request.uri().to_string().as_str()), (&Method::GET, "https://a.test/x?y"));
    assert_eq!(request.headers().len(), 1);
    let request = with(":authority", None);
    assert_eq!(status(request), 400, "no host");
    let options = fields(&[(":method", "OPTIONS"), (":scheme", "http"), (":authority", "a"), (":path", "*")]);
    assert_eq!(options.into_request(&mut None).unwrap().head.uri().path(), "*");
}

/// RFC 9113 section 8.3.
#[test]
fn each_pseudo_header_field_stands_once_and_before_all_others() {
    for name in [":method", ":scheme", ":path"] {
        assert!(is_malformed(&with(name, None)) && is_malformed(&with(name, Some(""))), "{name}");
    }
    assert!(is_malformed(&get(&[(":path", "/")])), "twice");
    assert!(is_malformed(&get(&[(":status", "200")])), "of an answer");
    assert!(is_malformed(&get(&[(":x", "1")])), "unknown");
    assert!(is_malformed(&get(&[(":protocol", "websocket")])), "without CONNECT");
    let late = [&GET[..3], &[("x-a", "1"), (":path", "/")]].concat();
    assert!(is_malformed(&fields(&late).into_request(&mut None)));
    assert!(is_malformed(&with(":method", Some("G T"))) && is_malformed(&with(":scheme", Some("ht tp"))));
    assert_eq!(status(with(":method", Some(&"M".repeat(33)))), 501);
}

#[test]
fn a_path_is_what_every_reader_agrees_on() {
    for path in ["x", "/a b", "/a#b", "/a\"", "/é", "*", "http://a/"] {
        assert_eq!(status(with(":path", Some(path))), 400, "{path}");
    }
    assert_eq!(status(with(":path", Some(&"/".repeat(101)))), 414);
}

/// RFC 9113 section 8.2.2.
#[test]
fn fields_of_a_connection_are_malformed() {
    for name in ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te"] {
        assert!(is_malformed(&get(&[(name, "x")])), "{name}");
    }
    assert!(get(&[("te", "trailers")]).is_ok());
    assert!(is_malformed(&get(&[("X-A", "1")])) && is_malformed(&get(&[("x-a", "\0")])));
}

#[test]
fn there_is_one_host_and_one_length() {
    assert_eq!(status(get(&[("host", "b.test")])), 400);
    assert_eq!(status(get(&[("host", "a.test"), ("host", "a.test")])), 400);
    assert!(get(&[("host", "A.test")]).unwrap().headers().is_empty());
    for authority in ["", "user@a", "a/b", "a b"] {
        assert_eq!(status(with(":authority", Some(authority))), 400, "{authority}");
    }
    assert_eq!(status(get(&[("content-length", "1"), ("content-length", "1")])), 400);
    for length in ["", "x", "-1", "+1", "1, 1", "18446744073709551616"] {
        assert!(is_malformed(&get(&[("content-length", length)])), "{length}");
    }
    let arrived = fields(&[&GET[..], &[("content-length", "7")]].concat()).into_request(&mut None).unwrap();
    assert_eq!(arrived.length, Some(7));
}

#[test]
fn what_is_too_large_is_refused_and_crumbs_count() {
    assert_eq!(status(get(&[("cookie", "a=b"); 21])), 431);
    let mut long = fields(&GET);
    long.add(Field { name: Name::read(b"x-a"), value: Some(HeaderValue::from_static("b")), size: 4_000 });
    assert_eq!(status(long.into_request(&mut None)), 431);
    assert_eq!(status(get(&[("expect", "magic")])), 417);
}

/// RFC 9113 section 8.2.3. An empty crumb must not leave a space at an end of the value (found by the fuzz target `h2_request`).
#[test]
fn crumbs_of_cookies_become_one_field() {
    let joined = |crumbs: &[&str]| {
        let request = get(&crumbs.iter().map(|crumb| ("cookie", *crumb)).collect::<Vec<_>>()).unwrap();
        let values: Vec<_> =
            request.headers().get_all("cookie").map(|value| value.to_str().unwrap().to_owned()).collect();
        assert_eq!(values.len(), 1, "{crumbs:?}");
        values.concat()
    };
    assert_eq!(joined(&["a=b", "c=d"]), "a=b; c=d");
    assert_eq!(joined(&["", "a=b", "", "c=d", ""]), "a=b; c=d");
    assert_eq!(joined(&["", ""]), "");
    assert_eq!(joined(&[""]), "");
}

/// RFC 9113 section 8.5 and RFC 8441 section 4.
#[test]
fn connect_has_an_authority_alone_unless_it_is_extended() {
    let connect = |more: &[(&str, &str)]| fields(&[&[(":method", "CONNECT")], more].concat()).into_request(&mut None);
    assert_eq!(connect(&[(":authority", "a:1")]).unwrap().head.uri().to_string(), "a:1");
    assert!(is_malformed(&connect(&[])), "no authority");
    assert!(is_malformed(&connect(&GET[1..])), "with a path");
    let extended = [&GET[1..], &[(":protocol", "websocket")]].concat();
    let request = connect(&extended).unwrap().head;
    assert_eq!(request.extensions.get::<Protocol>(), Some(&Protocol::WebSocket));
    let odd = [&GET[1..], &[(":protocol", "other")]].concat();
    assert_eq!(status(connect(&odd)), 501);
}

#[test]
fn trailers_have_no_pseudo_header_fields() {
    assert!(trailers(fields(&[(":path", "/")])).is_err());
    assert_eq!(trailers(fields(&[("x-a", "1")])).unwrap().len(), 1);
}

#[test]
fn an_answer_has_a_status_of_http_2() {
    let answer = |given: &[(&str, &str)]| fields(given).into_response(&Method::GET);
    assert_eq!(answer(&[(":status", "200")]).unwrap().head.status(), 200);
    for given in [&[][..], &[(":status", "101")], &[(":status", "099")], &[(":status", "600")], &[(":status", "20")]] {
        assert!(answer(given).is_err(), "{given:?}");
    }
    assert!(answer(&[(":status", "200"), (":path", "/")]).is_err());
    let lengths = [("GET", "200", Some(5)), ("HEAD", "200", None), ("GET", "304", None)];
    for (method, status, expected) in lengths {
        let arrived = fields(&[(":status", status), ("content-length", "5")]);
        let arrived = arrived.into_response(&method.parse().unwrap()).unwrap();
        assert_eq!(arrived.length, expected, "{method} {status}");
    }
}

/// What is written, as names and values.
fn written(put: impl FnOnce(&mut Encoder, &mut BytesMut)) -> Vec<(String, String)> {
    let mut out = BytesMut::new();
    put(&mut Encoder::default(), &mut out);
    let mut read = Vec::new();
    let each =
        |field: Field| read.push((field.name.as_str().to_owned(), field.value.unwrap().to_str().unwrap().to_owned()));
    Decoder::new(4_096).decode(&out, each).unwrap();
    read
}

fn names(written: &[(String, String)]) -> Vec<&str> {
    written.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn what_is_written_has_the_length_of_the_body_a_date_and_nothing_of_the_connection() {
    let mut headers = Headers::new();
    for (name, value) in [("connection", "close"), ("upgrade", "x"), ("content-length", "9"), ("x-a", "1")] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let response = |status, length| {
        written(|encoder, out| {
            put_response(encoder, ResponseHead { status, headers: &headers, length }, out);
        })
    };
    assert_eq!(names(&response(StatusCode::OK, None)), [":status", "content-length", "x-a", "date"]);
    let with_length = response(StatusCode::OK, Some(7));
    assert_eq!(names(&with_length), [":status", "x-a", "content-length", "date"]);
    assert_eq!(with_length[2].1, "7");
    assert_eq!(names(&response(StatusCode::NO_CONTENT, None)), [":status", "x-a", "date"]);
    headers.insert("host", HeaderValue::from_static("b"));
    let request = |path: Option<&str>, length| {
        written(|encoder, out| {
            let method = if path.is_none() { &Method::CONNECT } else { &Method::GET };
            put_request(
                encoder,
                RequestHead { method, over_tls: false, authority: "a", path, headers: &headers, length },
                out,
            );
        })
    };
    let expected = [":method", ":scheme", ":authority", ":path", "x-a", "content-length"];
    assert_eq!(names(&request(Some("/"), Some(1))), expected);
    assert_eq!(names(&request(None, Some(1))), [":method", ":authority", "x-a", "content-length"]);
    assert_eq!(
        names(&written(|encoder, out| put_trailers(encoder, &headers.clone().into(), out)))[0],
        "content-length"
    );
}

/// The authority that is remembered is one that was read: whoever asks for it again gets it, and for another one that.
#[test]
fn an_authority_is_read_once_and_another_one_again() {
    let mut known = None;
    let mut ask = |authority: &str| {
        let given = [("host", authority)];
        let request = GET.map(|(name, value)| (name, if name == ":authority" { authority } else { value }));
        let request = fields(&[&request[..], &given].concat()).into_request(&mut known);
        request.map(|arrived| (arrived.head.uri().authority().unwrap().to_string(), arrived.head.headers().len()))
    };
    for authority in ["a.test", "a.test", "A.test", "b.test:80", "a.test"] {
        assert_eq!(ask(authority).unwrap(), (authority.to_owned(), 0));
    }
    assert_eq!(status(ask("a b")), 400);
    assert_eq!(known.unwrap(), "a.test", "one that is refused is not kept");
}
