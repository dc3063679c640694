//! A panic ends the request that caused it, and nothing else.

use std::panic::AssertUnwindSafe;
use std::rc::Rc;

use futures_util::FutureExt;
use http::{Request, Response, StatusCode};

use crate::http::{Body, ConnectionInfo, Exchange, Handler, Refusal, Reply};
use crate::telemetry::{PanicPlace, Recorder};

/// A handler whose panics are counted and answered with 500.
pub(crate) struct Contained<H> {
    inner: Rc<H>,
    recorder: Recorder,
}

impl<H: Handler> Contained<H> {
    pub(crate) fn new(inner: Rc<H>, recorder: Recorder) -> Rc<Self> {
        Rc::new(Self { inner, recorder })
    }
}

impl<H: Handler> Handler for Contained<H> {
    async fn handle(self: Rc<Self>, request: Request<Body>, exchange: Exchange) -> Reply {
        let inner = Rc::clone(&self.inner);
        // Unwind safety: what the handler shares with other requests are cells that no panic leaves half-written in a
        // way that matters for memory safety; counts may be off by the request that panicked.
        let answer = AssertUnwindSafe(async move { inner.handle(request, exchange).await }).catch_unwind().await;
        answer.unwrap_or_else(|_| {
            self.recorder.panicked(PanicPlace::Request);
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response.into()
        })
    }

    fn refused(&self, connection: &ConnectionInfo, refusal: Refusal) {
        self.inner.refused(connection, refusal);
    }
}
