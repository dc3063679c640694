//! Properties of the codec.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body::Frame;
use proptest::prelude::*;

use super::corpus::{decode, read_request, read_response};
use crate::http::h1::encode::{Encoder, Output, request_head};
use crate::http::h1::framing::Framing;
use crate::http::{Body, Request};

fn written(out: &Output) -> Vec<u8> {
    out.parts().collect::<Vec<_>>().concat()
}

/// Cuts `raw` at `cuts`.
fn cut<'a>(raw: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(raw.len() + 1)).collect();
    at.extend([0, raw.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &raw[pair[0]..pair[1]]).collect()
}

fn text(bytes: impl std::fmt::Debug) -> String {
    format!("{bytes:?}")
}

/// Something like a request: lines of pieces that matter.
fn nearly_a_request() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "GET / HTTP/1.1",
        "\r\n",
        "\r\n",
        "\r\n",
        "Host: a",
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "X: y",
        "\n",
        "\r",
        " ",
        ":",
        "\0",
        "\u{e4}",
        "0\r\n\r\n",
    ]);
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_does_not_matter_in_which_pieces_a_head_arrives(
        raw in nearly_a_request(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let pieces = cut(&raw, &cuts);
        // Which of several faults is named may differ, not whether there is one.
        let read = |pieces: &[&[u8]]| text(read_request(pieces).map_err(|refusal| refusal.status));
        prop_assert_eq!(read(&pieces), read(&[&raw]));
    }

    #[test]
    fn it_does_not_matter_in_which_pieces_chunks_arrive(
        raw in "(([0-9a-fA]{1,2}|5;a=b)(\r\n|\n)[0-9a-z]{0,10}(\r\n)?){0,4}(0\r\n(X: y\r\n)?\r\n)?",
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let whole = decode(&[raw.as_bytes()]).map_err(|_| ());
        prop_assert_eq!(decode(&cut(raw.as_bytes(), &cuts)).map_err(|_| ()), whole);
    }

    #[test]
    fn no_bytes_make_it_panic(raw in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_request(&[&raw]);
        let _ = read_response(&[&raw]);
        let _ = decode(&[&raw]);
    }

    #[test]
    fn what_is_encoded_in_chunks_is_decoded_to_the_same(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9000), 0..6),
        trailer in prop::option::of("[a-z]{1,8}"),
    ) {
        let mut encoder = Encoder::new(Framing::Chunked, true);
        let mut out = Output::default();
        for part in &parts {
            encoder.frame(Frame::data(Bytes::from(part.clone())), &mut out).unwrap();
        }
        let trailers = trailer.as_ref().map(|value| {
            HeaderMap::from_iter([(HeaderName::from_static("x-t"), HeaderValue::from_str(value).unwrap())])
        });
        encoder.finish(trailers.as_ref(), &mut out).unwrap();
        prop_assert_eq!(out.len(), written(&out).len());
        let (data, names, ended) = decode(&[&written(&out)]).unwrap();
        prop_assert!(ended);
        prop_assert_eq!(data, parts.concat());
        prop_assert_eq!(names.len(), usize::from(trailer.is_some()));
    }

    #[test]
    fn output_gives_its_bytes_in_order_however_they_are_taken(
        parts in prop::collection::vec(0_usize..6000, 1..8),
        steps in prop::collection::vec(1_usize..7000, 1..60),
    ) {
        let mut out = Output::default();
        let mut expected = Vec::new();
        for (place, length) in parts.iter().enumerate() {
            let data = vec![u8::try_from(place).unwrap(); *length];
            expected.extend_from_slice(&data);
            out.push(Bytes::from(data));
        }
        let mut taken = Vec::new();
        for step in steps {
            let count = step.min(out.len());
            taken.extend_from_slice(&written(&out)[..count]);
            out.advance(count);
        }
        taken.extend_from_slice(&written(&out));
        prop_assert_eq!(taken, expected);
    }

    #[test]
    fn a_request_that_is_written_is_read_as_the_same(
        path in "/[a-z0-9/]{0,20}(\\?[a-z=&]{0,10})?",
        names in prop::collection::vec("x-[a-z]{1,8}", 0..8),
        value in "[ -~]{0,20}",
        length in 0_u16..100,
    ) {
        let mut request = Request::new(Body::full(vec![0; length.into()]));
        (request.method, request.uri) = (Method::POST, path.parse().unwrap());
        request.headers.append("host", HeaderValue::from_static("example.com"));
        for name in &names {
            request.headers_mut().append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.trim().parse().unwrap());
        }
        // Framing of our own making, whatever the message says.
        request.headers_mut().append("transfer-encoding", HeaderValue::from_static("chunked"));
        request.headers_mut().append("content-length", HeaderValue::from_static("7"));
        request.headers_mut().append("connection", HeaderValue::from_static("host"));
        let mut out = Output::default();
        request_head(&request, "127.0.0.1:1".parse().unwrap(), &mut out);
        let head = read_request(&[&written(&out)]).unwrap().unwrap();
        let framing = if length == 0 { Framing::None } else { Framing::Length(length.into()) };
        prop_assert_eq!(head.framing, framing);
        prop_assert_eq!(head.uri.to_string(), path);
        for name in &names {
            let read: Vec<_> = head.headers.get_all(name.as_str()).collect();
            prop_assert_eq!(read, request.headers().get_all(name.as_str()).collect::<Vec<_>>());
        }
        prop_assert!(head.keep_alive);
    }
}
