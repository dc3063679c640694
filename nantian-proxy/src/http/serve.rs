//! Chooses the protocol of a connection. What serves it is boxed: a connection that has said nothing yet would hold the
//! room of a request's whole way.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use bytes::BytesMut;

use super::deadline::Deadline;
use super::h1::io::Reader;
use super::h2::PREFACE;
use super::{ConnectionEnd, ConnectionInfo, Drain, Handler, HttpSettings, Transport, h1, h2};

// A connection is as large as its protocol and no larger: what serves it is boxed.

/// Serves HTTP/2 if that is what the TLS handshake agreed on, else HTTP/1.1.
pub async fn serve<H: Handler>(
    io: Transport,
    info: Rc<ConnectionInfo>,
    settings: Rc<HttpSettings>,
    handler: Rc<H>,
    drain: Drain,
) -> ConnectionEnd {
    if info.tls.as_ref().and_then(|tls| tls.alpn.as_deref()) == Some("h2") {
        Box::pin(h2::serve(io, info, settings, handler, drain)).await
    } else {
        Box::pin(h1::serve(io, info, settings, handler, drain)).await
    }
}

/// Serves HTTP/2 if the client begins with its preface ("prior knowledge", RFC 9113 section 3.3), else HTTP/1.1.
pub async fn serve_auto<H: Handler>(
    mut io: Transport,
    info: Rc<ConnectionInfo>,
    settings: Rc<HttpSettings>,
    handler: Rc<H>,
    drain: Drain,
) -> ConnectionEnd {
    let mut deadline = Deadline::default();
    deadline.set_in(settings.request_head_timeout);
    let mut reader = Reader::new(BytesMut::new());
    let mut watch = super::drain::DrainWatch::new(drain.clone());
    let detected = poll_fn(|cx| {
        loop {
            let known = reader.buf.len().min(PREFACE.len());
            if reader.buf.get(..known) != PREFACE.get(..known) {
                return Poll::Ready(Ok(false));
            }
            if known == PREFACE.len() {
                return Poll::Ready(Ok(true));
            }
            match reader.poll_fill(&mut io, cx) {
                Poll::Ready(Ok(0)) if known == 0 => return Poll::Ready(Err(ConnectionEnd::Closed)),
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(ConnectionEnd::ClientGone)),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(ConnectionEnd::Io(error))),
                Poll::Pending if deadline.poll(cx) => return Poll::Ready(Err(ConnectionEnd::HeadTimeout)),
                Poll::Pending if known == 0 && watch.poll(cx) => return Poll::Ready(Err(ConnectionEnd::Drained)),
                Poll::Pending => {
                    reader.release();
                    return Poll::Pending;
                }
            }
        }
    })
    .await;
    drop(watch);
    match detected {
        Ok(true) => Box::pin(h2::serve_read(io, reader.buf, deadline, info, settings, handler, drain)).await,
        Ok(false) => Box::pin(h1::serve_read(io, reader.buf, deadline, info, settings, handler, drain)).await,
        Err(end) => end,
    }
}
