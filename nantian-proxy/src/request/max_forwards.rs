//! `Max-Forwards`: RFC 9110 section 7.6.2.

use http::header::{HeaderValue, MAX_FORWARDS};
use http::{Method, StatusCode, header};

use super::answer::Failure;
use crate::http::h1::digits;
use crate::http::{Body, Headers, Response};

/// What becomes of a request with `Max-Forwards`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hops {
    /// It goes on.
    Left,
    /// It ends here.
    Spent,
}

/// An intermediary that gets TRACE or OPTIONS MUST check the value: zero MUST NOT be forwarded, more goes on with one
/// less. With other methods it MAY be ignored.
pub(super) fn spend(method: &Method, headers: &mut Headers) -> Result<Hops, Failure> {
    if !matches!(*method, Method::OPTIONS | Method::TRACE) {
        return Ok(Hops::Left);
    }
    let mut values = headers.get_all(MAX_FORWARDS);
    let left = match (values.next(), values.next()) {
        (None, _) => return Ok(Hops::Left),
        (Some(value), None) => digits(value.as_bytes()),
        _ => None,
    };
    match left.ok_or(Failure::BadRequest("Max-Forwards is not one number"))?.checked_sub(1) {
        None => Ok(Hops::Spent),
        Some(left) => {
            headers.insert(MAX_FORWARDS, HeaderValue::from(left));
            Ok(Hops::Left)
        }
    }
}

/// The answer of the final recipient: we have no options to tell of, and do not show to anyone what we got.
pub(super) fn answer(method: &Method) -> Result<Response<Body>, Failure> {
    if *method == Method::TRACE {
        return Err(Failure::NoTrace);
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spend_of(method: &Method, values: &[&'static str]) -> (Result<Hops, Failure>, Vec<HeaderValue>) {
        let mut headers: Headers = values.iter().map(|value| (MAX_FORWARDS, HeaderValue::from_static(value))).collect();
        let hops = spend(method, &mut headers);
        (hops, headers.get_all(MAX_FORWARDS).cloned().collect())
    }

    #[test]
    fn options_and_trace_go_on_with_one_hop_less_and_not_beyond_zero() {
        for method in [Method::OPTIONS, Method::TRACE] {
            assert_eq!(spend_of(&method, &[]), (Ok(Hops::Left), vec![]));
            assert_eq!(spend_of(&method, &["10"]), (Ok(Hops::Left), vec![HeaderValue::from(9)]));
            assert_eq!(spend_of(&method, &["1"]), (Ok(Hops::Left), vec![HeaderValue::from(0)]));
            assert_eq!(spend_of(&method, &["0"]).0, Ok(Hops::Spent));
            for invalid in [&["-1"][..], &["x"], &[""], &["1", "2"], &["0", "1"], &["1234567890123456789"]] {
                assert!(matches!(spend_of(&method, invalid).0, Err(Failure::BadRequest(_))), "{invalid:?}");
            }
        }
        assert_eq!(spend_of(&Method::GET, &["0"]), (Ok(Hops::Left), vec![HeaderValue::from(0)]));
    }

    #[test]
    fn the_final_recipient_answers_options_and_reflects_nothing() {
        assert_eq!(answer(&Method::OPTIONS).unwrap().status(), 200);
        assert_eq!(answer(&Method::TRACE).unwrap_err(), Failure::NoTrace);
    }
}
