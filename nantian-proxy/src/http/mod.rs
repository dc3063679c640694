//! HTTP on the wire: HTTP/1.1 and HTTP/2, server and client side, as streams of messages.
//!
//! Everything here runs on one worker (a current-thread runtime inside a `LocalSet`), so futures and bodies need not be
//! `Send` and no lock is taken. A server connection turns bytes into `Request<Body>`, asks the [`Handler`], and turns
//! the `Response<Body>` into bytes again.

pub mod body;
pub(crate) mod buffered;
mod buffers;
mod content;
mod date;
pub(crate) mod deadline;
mod drain;
mod fate;
pub mod h1;
pub mod h2;
pub mod hop_by_hop;
mod interim;
mod message;
pub mod normalize;
mod pace;
pub(crate) mod queue;
mod serve;
mod settings;
pub(crate) mod splice;
#[cfg(test)]
pub(crate) mod testing;
mod transport;
mod tunnel;
pub(crate) mod unsent;

use std::cell::{OnceCell, RefCell};
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::rc::Rc;

use http::HeaderValue;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) use body::Piped;
pub use body::{Body, BodyError};
pub use drain::Drain;
pub(crate) use fate::talk;
pub use fate::{Cut, Fate, Interim};
pub use h1::Refusal;
pub use message::{Request, Response};
pub use serve::{serve, serve_auto};
pub use settings::{Http2Settings, HttpSettings};
pub(crate) use splice::Pipe;
pub use transport::Transport;

pub use crate::Headers;

/// What answers requests. One handler serves all connections of a listener on one worker.
pub trait Handler: 'static {
    /// Answers one request. Dropping the future means that the client is gone.
    ///
    /// `request.version()` is what the client spoke. The target is in origin form or absolute form as received; the host
    /// is in `uri().authority()` for HTTP/2 and absolute form, else in `Host`. Hop-by-hop fields are still there, except
    /// those of framing.
    ///
    /// In a box, since the connection gives back what the handler needed before the answer is sent. Who fills it by
    /// [`Box::write`] has a large future made where it stays, and not moved there.
    fn handle(
        self: Rc<Self>,
        request: Request<Body>,
        exchange: Exchange,
    ) -> Pin<Box<impl Future<Output = Reply> + 'static>>;

    /// Told of what came in place of a request and was answered without asking [`Self::handle`].
    fn refused(&self, _connection: &ConnectionInfo, _refusal: Refusal) {}

    /// Told of a request that ended before [`Self::handle`] was asked: its client reset it in the moment in which it came, or
    /// the connection failed in it (HTTP/2).
    fn unseen(&self, _request: Request<()>, _exchange: Exchange) {}

    /// Told of a stream that the connection reset (HTTP/2).
    fn stream_reset(&self, _connection: &ConnectionInfo, _reason: h2::StreamReset) {}
}

/// Why a server connection ended.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectionEnd {
    /// One side closed it in good order.
    #[error("closed")]
    Closed,
    /// It rested longer than the keep-alive timeout.
    #[error("no request came within the keep-alive timeout")]
    Idle,
    /// It has carried as many requests as it may.
    #[error("it has carried as many requests as it may")]
    UsedUp,
    /// The client did not answer a PING (HTTP/2).
    #[error("the client did not answer a PING within the time limit")]
    PingTimeout,
    /// It rested when the drain began.
    #[error("drained")]
    Drained,
    /// Nothing came within the time for the first request head.
    #[error("no request came within the time for a request head")]
    HeadTimeout,
    /// What came was no request.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// The client went away in the middle of a request.
    #[error("the client went away in the middle of a request")]
    ClientGone,
    /// The client took nothing of an answer for too long.
    #[error("the client took nothing of its answer within the time limit")]
    WriteTimeout,
    /// The body of an answer ended with an error after its head was written.
    #[error("the body of the answer failed: {0}")]
    Answer(BodyError),
    /// The body of an answer does not fit its head.
    #[error("the answer is malformed: {0}")]
    Broken(&'static str),
    /// A tunnel ended.
    #[error("the tunnel ended")]
    Tunnel,
    /// A tunnel carried nothing for too long.
    #[error("the tunnel carried nothing within its time limit")]
    TunnelIdle,
    /// Reading or writing failed.
    #[error("reading or writing failed: {0}")]
    Io(std::io::Error),
    /// The client sent too many frames of one kind (HTTP/2).
    #[error("the client sent a flood of {0}")]
    Flood(h2::Flood),
    /// HTTP/2 failed.
    #[error("HTTP/2: {0}")]
    Http2(h2::ConnectionError),
}

/// What surrounds one request.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The connection that it came on.
    pub connection: Rc<ConnectionInfo>,
    /// The way to send interim answers.
    pub interim: Interim,
    /// Where the connection tells that it gave the exchange up.
    pub fate: Fate,
}

/// What a handler answers.
pub struct Reply {
    /// The final answer.
    pub response: Response<Body>,
    /// The far side of an upgraded connection, with a 101 answer (HTTP/1.1) or a 2xx answer to CONNECT or extended
    /// CONNECT (HTTP/2): the connection copies bytes both ways until both sides ended.
    pub tunnel: Option<Box<dyn ByteStream>>,
}

impl From<Response<Body>> for Reply {
    fn from(response: Response<Body>) -> Self {
        Self { response, tunnel: None }
    }
}

/// What is known of a client connection.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// The client's address.
    pub peer: SocketAddr,
    /// Our address.
    pub local: SocketAddr,
    /// TLS facts, where the listener terminates TLS.
    pub tls: Option<TlsInfo>,
    /// What is held for the client.
    pub(crate) account: Rc<buffered::Account>,
    peer_value: OnceCell<HeaderValue>,
    /// The last host that was asked for, as received and in its normal form.
    last_host: RefCell<Option<(HeaderValue, Rc<str>)>>,
}

/// Bytes of a host that is remembered: more than any name has (RFC 1035 section 2.3.4), with a port.
const LONGEST_HOST: usize = 264;

impl ConnectionInfo {
    /// A cleartext connection.
    pub fn new(peer: SocketAddr, local: SocketAddr) -> Self {
        Self {
            peer,
            local,
            tls: None,
            account: Rc::default(),
            peer_value: OnceCell::new(),
            last_host: RefCell::default(),
        }
    }

    /// The client's address as a field value, which all requests of the connection share.
    pub(crate) fn peer_value(&self) -> &HeaderValue {
        self.peer_value.get_or_init(|| address_value(self.peer.ip()))
    }

    /// The normal form of a host as received, `None` if it is no valid one. Nearly all requests of a connection have the same.
    pub(crate) fn normal_host(&self, received: &str) -> Option<Rc<str>> {
        if let Some((known, normal)) = &*self.last_host.borrow()
            && known == received
        {
            return Some(Rc::clone(normal));
        }
        let normal: Rc<str> = normalize::host(received).ok()?.normal_name().into();
        if received.len() <= LONGEST_HOST {
            let received = HeaderValue::from_str(received).ok();
            *self.last_host.borrow_mut() = received.map(|received| (received, Rc::clone(&normal)));
        }
        Some(normal)
    }

    /// A host as received, as a field value.
    pub(crate) fn host_value(&self, received: &str) -> Option<HeaderValue> {
        match &*self.last_host.borrow() {
            Some((known, _)) if known == received => Some(known.clone()),
            _ => HeaderValue::from_str(received).ok(),
        }
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

/// An address as a field value; one of IPv4 that came in on a socket for both families as one of IPv4.
pub(crate) fn address_value(address: IpAddr) -> HeaderValue {
    HeaderValue::try_from(address.to_canonical().to_string()).unwrap_or(HeaderValue::from_static("unknown"))
}

/// What is known of a TLS session.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct TlsInfo {
    /// Server name indication, lower case.
    pub server_name: Option<String>,
    /// For example `TLSv1.3`.
    pub protocol: Option<&'static str>,
    /// Negotiated application protocol.
    pub alpn: Option<String>,
}

/// A byte stream in both directions.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Unpin + 'static> ByteStream for T {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_its_normal_form_whatever_was_asked_for_before() {
        let address = SocketAddr::from(([192, 0, 2, 1], 80));
        let info = ConnectionInfo::new(address, address);
        for _ in 0..2 {
            for (received, normal) in
                [("A.example:80", Some("a.example")), ("a b", None), ("a.example.", Some("a.example"))]
            {
                assert_eq!(info.normal_host(received).as_deref(), normal, "{received}");
                assert_eq!(info.normal_host(received).as_deref(), normal, "{received} again");
            }
        }
        let long = "a".repeat(LONGEST_HOST + 1);
        let before = info.last_host.borrow().clone();
        let _ = info.normal_host(&long);
        assert_eq!(*info.last_host.borrow(), before);
    }
}
