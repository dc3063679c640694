//! Any bytes may come in on a connection of HTTP/2. What is taken for a request is one that HTTP/1.1 can bear, and it does
//! not depend on how the bytes arrive.

#![no_main]

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;

use http_body_util::BodyExt;
use libfuzzer_sys::fuzz_target;
use nantian_fuzz::{Client, runtime};
use nantian_proxy::http::{
    Body, ConnectionInfo, Drain, Exchange, Handler, Headers, HttpSettings, Reply, Request, Response, Transport, h2,
};
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

/// The preface and an empty SETTINGS.
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// The head of a request as the handler saw it.
#[derive(Debug, PartialEq)]
struct Seen {
    method: String,
    target: String,
    headers: Headers,
}

#[derive(Default)]
struct Recorder(RefCell<Vec<Seen>>);

impl Handler for Recorder {
    fn handle(self: Rc<Self>, request: Request<Body>, _: Exchange) -> Pin<Box<impl Future<Output = Reply> + 'static>> {
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let (method, target) = (head.method().to_string(), head.uri().to_string());
            let seen = Seen { method, target, headers: head.headers().clone() };
            check(&seen);
            self.0.borrow_mut().push(seen);
            let _ = body.collect().await;
            Response::new(Body::empty()).into()
        })
    }
}

/// RFC 9113 section 8: what may not be in a request.
fn check(seen: &Seen) {
    assert!(!seen.method.is_empty() && seen.method.bytes().all(|byte| byte.is_ascii_graphic()), "{seen:?}");
    assert!(seen.target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'), "{seen:?}");
    assert!(seen.headers.get_all("content-length").count() <= 1, "{seen:?}");
    assert!(seen.headers.get_all("host").count() <= 1, "{seen:?}");
    assert!(seen.headers.get_all("cookie").count() <= 1, "{seen:?}");
    assert!(!seen.headers.contains_key("transfer-encoding"), "{seen:?}");
    for (name, value) in &seen.headers {
        assert!(!name.as_str().starts_with(':'), "{seen:?}");
        assert_eq!(value.as_bytes(), value.as_bytes().trim_ascii(), "{seen:?}");
    }
}

/// What is made of `input` when it arrives in steps of this size.
fn serve(runtime: &Runtime, input: &[u8], step: usize) -> Vec<Seen> {
    let recorder = Rc::new(Recorder::default());
    let info = Rc::new(ConnectionInfo::new(([127, 0, 0, 1], 1).into(), ([127, 0, 0, 1], 2).into()));
    let client = Transport::other(Client::new([GREETING, input].concat(), step));
    let settings = Rc::new(HttpSettings::default());
    let serving = h2::serve(client, info, settings, Rc::clone(&recorder), Drain::new());
    let _end = LocalSet::new().block_on(runtime, serving);
    recorder.0.take()
}

thread_local! {
    static RUNTIME: Runtime = runtime();
}

fuzz_target!(|input: (u8, &[u8])| {
    let (step, bytes) = input;
    RUNTIME.with(|runtime| {
        let whole = serve(runtime, bytes, usize::MAX);
        // In parts, more may be seen: a reset or an error that comes later stops what came in the same read.
        let parts = serve(runtime, bytes, usize::from(step % 64) + 1);
        let mut rest = parts.iter();
        for seen in &whole {
            assert!(rest.any(|other| other == seen), "how bytes arrive changed what they mean: {seen:?}");
        }
    });
});
