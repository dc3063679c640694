//! Answers of our own: one table of what goes wrong, and how it is told to HTTP and to gRPC clients.
//!
//! A gRPC client reads no HTTP status but 200 (gRPC over HTTP/2, "Responses"): it gets a trailers-only answer with the
//! `grpc-status` that the Gateway API asks for (GRPCRoute: `UNIMPLEMENTED` where nothing matches, `UNAVAILABLE` for
//! backends that cannot be used).

use http::{HeaderValue, Method, StatusCode, header};

use crate::http::{Body, Headers, Response};
use crate::telemetry::ResponseFlag;

/// Why the gateway answers by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The target or host breaks the HTTP specification.
    BadRequest(&'static str),
    /// CONNECT without a protocol: this is not a forward proxy.
    NoTunnel,
    /// TRACE to us: what clients send may be secret, and is not reflected.
    NoTrace,
    /// The request came back through us too often.
    Loop,
    /// The connection's server name belongs to another listener than the host (RFC 9110 section 15.5.20).
    Misdirected,
    /// No listener or rule matches.
    NoRoute,
    /// The rule has no backend that could be chosen.
    NoBackend,
    /// The chosen backend reference could not be resolved.
    Unresolved,
    /// The backend has no endpoint.
    NoEndpoint,
    /// No connection to an endpoint could be made.
    Connect,
    /// The endpoint has as many requests in work as it may.
    Full,
    /// The endpoint closed the connection instead of answering.
    Closed,
    /// The endpoint reset the stream.
    Reset,
    /// The endpoint's answer was not HTTP.
    Protocol,
    /// A time limit of the rule passed.
    Timeout,
    /// The client's body broke off, was too slow, too large or malformed: the flag says which.
    Client(ResponseFlag),
    /// Too many bytes are held for clients that do not take them.
    Overload,
    /// A defect of ours.
    Panic,
}

/// How a failure is told.
struct Told {
    status: StatusCode,
    grpc: u8,
    flag: ResponseFlag,
    text: &'static str,
}

/// gRPC status codes (<https://grpc.io/docs/guides/status-codes/>).
const DEADLINE_EXCEEDED: u8 = 4;
const RESOURCE_EXHAUSTED: u8 = 8;
const UNIMPLEMENTED: u8 = 12;
const INTERNAL: u8 = 13;
const UNAVAILABLE: u8 = 14;

impl Failure {
    fn told(self) -> Told {
        use ResponseFlag as Flag;
        use StatusCode as Http;
        let (status, grpc, flag, text) = match self {
            Self::BadRequest(text) => (Http::BAD_REQUEST, INTERNAL, Flag::ClientProtocolError, text),
            Self::NoTunnel => {
                (Http::NOT_IMPLEMENTED, UNIMPLEMENTED, Flag::ClientProtocolError, "CONNECT is not served here")
            }
            Self::NoTrace => {
                (Http::NOT_IMPLEMENTED, UNIMPLEMENTED, Flag::ClientProtocolError, "TRACE is not answered here")
            }
            Self::Loop => {
                (Http::LOOP_DETECTED, UNAVAILABLE, Flag::Loop, "the request goes round in a loop of gateways")
            }
            Self::Misdirected => (
                Http::MISDIRECTED_REQUEST,
                UNAVAILABLE,
                Flag::Misdirected,
                "this connection is not for this host: open another one",
            ),
            Self::NoRoute => (Http::NOT_FOUND, UNIMPLEMENTED, Flag::NoRoute, "no route matches this request"),
            Self::NoBackend => {
                (Http::INTERNAL_SERVER_ERROR, UNAVAILABLE, Flag::UnresolvedBackend, "the route has no backend")
            }
            Self::Unresolved => (
                Http::INTERNAL_SERVER_ERROR,
                UNAVAILABLE,
                Flag::UnresolvedBackend,
                "the route's backend cannot be resolved",
            ),
            Self::NoEndpoint => {
                (Http::SERVICE_UNAVAILABLE, UNAVAILABLE, Flag::NoHealthyUpstream, "no endpoint is ready")
            }
            Self::Connect => {
                (Http::SERVICE_UNAVAILABLE, UNAVAILABLE, Flag::UpstreamConnectFailure, "no endpoint could be reached")
            }
            Self::Full => {
                (Http::SERVICE_UNAVAILABLE, UNAVAILABLE, Flag::CircuitOpen, "the backend has too many requests in work")
            }
            Self::Closed => (Http::BAD_GATEWAY, UNAVAILABLE, Flag::UpstreamClosed, "the backend closed the connection"),
            Self::Reset => (Http::BAD_GATEWAY, UNAVAILABLE, Flag::UpstreamReset, "the backend reset the request"),
            Self::Protocol => {
                (Http::BAD_GATEWAY, UNAVAILABLE, Flag::UpstreamProtocolError, "the backend's answer is not valid HTTP")
            }
            Self::Timeout => {
                (Http::GATEWAY_TIMEOUT, DEADLINE_EXCEEDED, Flag::UpstreamTimeout, "the time limit has passed")
            }
            Self::Client(Flag::ClientTimeout) => {
                (Http::REQUEST_TIMEOUT, INTERNAL, Flag::ClientTimeout, "the request body was too slow")
            }
            Self::Client(Flag::TooLarge) => {
                (Http::PAYLOAD_TOO_LARGE, RESOURCE_EXHAUSTED, Flag::TooLarge, "the request body is too large")
            }
            Self::Client(flag) => (Http::BAD_REQUEST, INTERNAL, flag, "the request body is not complete"),
            Self::Overload => {
                (Http::SERVICE_UNAVAILABLE, UNAVAILABLE, Flag::Overload, "the gateway is overloaded: try again later")
            }
            Self::Panic => (Http::INTERNAL_SERVER_ERROR, INTERNAL, Flag::Panic, "internal error"),
        };
        Told { status, grpc, flag, text }
    }

    /// The flag for the record.
    pub(super) fn flag(self) -> ResponseFlag {
        self.told().flag
    }

    /// The answer: gRPC-shaped if `grpc`; without body to HEAD, but with its length (RFC 9110 section 9.3.2).
    pub(super) fn answer(self, method: &Method, grpc: bool) -> Response<Body> {
        let told = self.told();
        // 421 has no gRPC meaning: a client must see it to choose another connection.
        if grpc && self != Self::Misdirected {
            return grpc_answer(told.grpc, told.text);
        }
        let text = format!("{}\n", told.text);
        let length = HeaderValue::from(text.len());
        let mut response = Response::new(if method == Method::HEAD { Body::empty() } else { Body::full(text) });
        *response.status_mut() = told.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert(header::CONTENT_LENGTH, length);
        response
    }
}

/// "Trailers-Only": the status in the header section, no body (gRPC over HTTP/2, "Responses"). The texts are ASCII
/// without `%`, so that they need no percent-encoding.
fn grpc_answer(status: u8, message: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert("grpc-status", HeaderValue::from(u16::from(status)));
    headers.insert("grpc-message", HeaderValue::from_static(message));
    response
}

/// Whether a request is gRPC: `application/grpc`, with or without a message encoding (gRPC over HTTP/2, "Requests");
/// gRPC-Web has other answers.
pub(super) fn is_grpc(method: &Method, headers: &Headers) -> bool {
    method == Method::POST
        && headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.as_bytes().strip_prefix(b"application/grpc"))
            .is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ')))
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;

    use super::*;

    #[test]
    fn a_failure_is_told_in_words_with_its_status() {
        for (failure, status, flag) in [
            (Failure::BadRequest("x"), 400, "DPE"),
            (Failure::NoTunnel, 501, "DPE"),
            (Failure::NoTrace, 501, "DPE"),
            (Failure::Loop, 508, "LP"),
            (Failure::Misdirected, 421, "MD"),
            (Failure::NoRoute, 404, "NR"),
            (Failure::NoBackend, 500, "NC"),
            (Failure::Unresolved, 500, "NC"),
            (Failure::NoEndpoint, 503, "UH"),
            (Failure::Connect, 503, "UF"),
            (Failure::Full, 503, "CB"),
            (Failure::Closed, 502, "UC"),
            (Failure::Reset, 502, "UR"),
            (Failure::Protocol, 502, "UPE"),
            (Failure::Timeout, 504, "UT"),
            (Failure::Client(ResponseFlag::ClientTimeout), 408, "DT"),
            (Failure::Client(ResponseFlag::TooLarge), 413, "TL"),
            (Failure::Client(ResponseFlag::ClientGone), 400, "DC"),
            (Failure::Overload, 503, "OL"),
            (Failure::Panic, 500, "PN"),
        ] {
            let answer = failure.answer(&Method::GET, false);
            assert_eq!((answer.status().as_u16(), failure.flag().code()), (status, flag), "{failure:?}");
            assert_eq!(answer.headers()["content-length"], answer.body().size_hint().exact().unwrap().to_string());
            let head = failure.answer(&Method::HEAD, false);
            assert!(head.body().is_end_stream());
            assert_eq!(head.headers(), answer.headers());
        }
    }

    /// GRPCRoute `backendRefs`: "MUST receive an UNAVAILABLE status"; conformance test `GRPCExactMethodMatching`.
    #[test]
    fn grpc_clients_get_a_grpc_status() {
        for (failure, code) in [
            (Failure::NoRoute, "12"),
            (Failure::Unresolved, "14"),
            (Failure::NoBackend, "14"),
            (Failure::NoEndpoint, "14"),
            (Failure::Connect, "14"),
            (Failure::Timeout, "4"),
            (Failure::Client(ResponseFlag::TooLarge), "8"),
            (Failure::Panic, "13"),
        ] {
            let answer = failure.answer(&Method::POST, true);
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.headers()["grpc-status"], code, "{failure:?}");
            assert_eq!(answer.headers()["content-type"], "application/grpc");
            assert!(answer.headers().contains_key("grpc-message") && answer.body().is_end_stream());
        }
        assert_eq!(Failure::Misdirected.answer(&Method::POST, true).status(), 421);
    }

    #[test]
    fn grpc_is_known_by_its_content_type() {
        let is = |method: Method, kind: &str| {
            is_grpc(&method, &[(header::CONTENT_TYPE, kind.parse().unwrap())].into_iter().collect())
        };
        assert!(is(Method::POST, "application/grpc") && is(Method::POST, "application/grpc+proto"));
        assert!(is(Method::POST, "application/grpc;x=y"));
        assert!(!is(Method::POST, "application/grpc-web") && !is(Method::GET, "application/grpc"));
        assert!(!is(Method::POST, "application/json") && !is_grpc(&Method::POST, &Headers::new()));
    }
}
