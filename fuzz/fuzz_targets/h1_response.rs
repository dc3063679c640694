//! The head of a backend's answer has one reading, however its bytes arrive, and another parser reads the same.

#![no_main]

use http::Method;
use libfuzzer_sys::fuzz_target;
use nantian_proxy::http::h1::fuzzing::{Answer, Outcome, answer};

fn compare(input: &[u8], answer: &Answer, length: usize) {
    let mut fields = [httparse::EMPTY_HEADER; 256];
    let mut other = httparse::Response::new(&mut fields);
    let status = other.parse(input);
    assert_eq!(status, Ok(httparse::Status::Complete(length)), "we accept what httparse does not");
    assert_eq!((other.code, other.version), (Some(answer.status), Some(answer.minor)));
    // The framing takes `Transfer-Encoding` out, and `Content-Length` out of an answer 204; a `Connection` that has but
    // one of these options is no field of the map.
    let compared = |field: &httparse::Header<'_>| {
        let is = |name: &str| field.name.eq_ignore_ascii_case(name);
        let option = [&b"close"[..], b"keep-alive", b"Keep-Alive"].contains(&field.value.trim_ascii());
        !(is("transfer-encoding") || answer.status == 204 && is("content-length") || is("connection") && option)
    };
    let mut count = 0;
    for field in other.headers.iter().filter(|field| compared(field)) {
        count += 1;
        let value = field.value.trim_ascii();
        let found = answer.headers.get_all(field.name).any(|ours| ours.as_bytes() == value);
        assert!(found, "{} is {:?}", field.name, field.value);
    }
    assert_eq!(count, answer.headers.len());
}

fuzz_target!(|input: (u8, &[u8])| {
    let (choice, bytes) = input;
    let method = if choice & 16 == 0 { Method::GET } else { Method::HEAD };
    let whole = answer(bytes, usize::MAX, &method);
    match (&whole, answer(bytes, usize::from(choice % 16) + 1, &method)) {
        // Nonsense may be noticed sooner.
        (Outcome::Refused(_), Outcome::Refused(_)) => {}
        (whole, parts) => assert_eq!(*whole, parts, "how bytes arrive changed what they mean"),
    }
    if let Outcome::Complete(answer, length) = &whole {
        compare(bytes, answer, *length);
        let lengths = answer.headers.get_all("content-length").count();
        match answer.framing {
            "length" => assert_eq!(lengths, 1),
            "chunked" | "close" => assert_eq!(lengths, 0, "two framings"),
            _ => assert!(lengths <= 1),
        }
    }
});
