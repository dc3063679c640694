//! Any bytes may come in on a connection. What is taken for a request does not depend on how the bytes arrive, and
//! another parser reads the same head in them.

#![no_main]

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;

use http::{HeaderMap, Version};
use http_body_util::BodyExt;
use libfuzzer_sys::fuzz_target;
use nantian_fuzz::{Client, runtime};
use nantian_proxy::http::{
    Body, ConnectionInfo, Drain, Exchange, Handler, Headers, HttpSettings, Reply, Request, Response, Transport, h1,
};
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

/// A request as the handler saw it, with its body if that came to its end.
#[derive(Debug, PartialEq)]
struct Seen {
    method: String,
    target: String,
    version: Version,
    headers: Headers,
    body: Option<(Vec<u8>, Option<HeaderMap>)>,
}

#[derive(Default)]
struct Recorder(RefCell<Vec<Seen>>);

impl Handler for Recorder {
    fn handle(self: Rc<Self>, request: Request<Body>, _: Exchange) -> Pin<Box<impl Future<Output = Reply> + 'static>> {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let index = self.0.borrow().len();
            self.0.borrow_mut().push(Seen {
                method: head.method().to_string(),
                target: head.uri().to_string(),
                version: head.version(),
                headers: head.headers().clone(),
                body: None,
            });
            if let Ok(body) = body.collect().await {
                let trailers = body.trailers().cloned();
                self.0.borrow_mut()[index].body = Some((body.to_bytes().to_vec(), trailers));
            }
            Response::new(Body::empty()).into()
        })
    }
}

/// What is made of `input` when it arrives in steps of this size.
fn serve(runtime: &Runtime, input: &[u8], step: usize) -> Vec<Seen> {
    let recorder = Rc::new(Recorder::default());
    let info = Rc::new(ConnectionInfo::new(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into()));
    let mut settings = HttpSettings::default();
    // The client says nothing after its last byte, but takes its answers.
    settings.half_close = true;
    let client = Transport::other(Client::new(input.to_vec(), step));
    let serving = h1::serve(client, info, Rc::new(settings), Rc::clone(&recorder), Drain::new());
    let _end = LocalSet::new().block_on(runtime, serving);
    recorder.0.take()
}

/// Another parser must read the same in a head that we accept.
fn compare(input: &[u8], seen: &Seen) {
    let mut fields = [httparse::EMPTY_HEADER; 256];
    let mut other = httparse::Request::new(&mut fields);
    let status = other.parse(input);
    assert!(matches!(status, Ok(httparse::Status::Complete(_))), "we accept what httparse does not: {status:?}");
    assert_eq!(other.method, Some(seen.method.as_str()));
    let minor = if seen.version == Version::HTTP_11 { 1 } else { 0 };
    assert_eq!(other.version, Some(minor));
    let absolute = !seen.target.starts_with('/');
    if !absolute {
        assert_eq!(other.path, Some(seen.target.as_str()));
    }
    // The framing takes `Transfer-Encoding` out; the host of an absolute target replaces that of the field (RFC 9112
    // section 3.2.2); a `Connection` that has but one of these options is no field of the map.
    let compared = |name: &str, value: &[u8]| {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        let option = [&b"close"[..], b"keep-alive", b"Keep-Alive"].contains(&value.trim_ascii());
        !(is("transfer-encoding") || absolute && is("host") || is("connection") && option)
    };
    let mut count = 0;
    for field in other.headers.iter().filter(|field| compared(field.name, field.value)) {
        count += 1;
        let ours = seen.headers.get_all(field.name);
        let value = field.value.trim_ascii();
        assert!({ ours }.any(|ours| ours.as_bytes() == value), "{} is {:?}", field.name, field.value);
    }
    let ours = seen.headers.iter().filter(|(name, value)| compared(name.as_str(), value.as_bytes()));
    assert_eq!(count, ours.count());
}

thread_local! {
    static RUNTIME: Runtime = runtime();
}

fuzz_target!(|input: (u8, &[u8])| {
    let (step, bytes) = input;
    RUNTIME.with(|runtime| {
        let whole = serve(runtime, bytes, usize::MAX);
        let parts = serve(runtime, bytes, usize::from(step % 16) + 1);
        assert_eq!(whole, parts, "how bytes arrive changed what they mean");
        if let Some(first) = whole.first() {
            compare(bytes, first);
        }
    });
});
