//! HTTP/2 connections of one worker: few, each shared by many requests.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{LocalBoxFuture, Shared};
use tokio::time::Instant;

use super::connect::connect;
use super::stats::Counted;
use super::{Place, PoolSettings, SendErrorKind, Upstream};
use crate::hash::Map;
use crate::http::HttpSettings;
use crate::http::h2::client::Connection;

/// A connection that is being made; all who need it wait for the same one.
type Opening = Shared<LocalBoxFuture<'static, Result<(), Failure>>>;

#[derive(Default)]
struct Endpoint {
    connections: Vec<Connection>,
    opening: Option<Opening>,
}

/// An error that several requests share.
#[derive(Debug, Clone)]
enum Failure {
    Connect(io::ErrorKind, Rc<str>),
    Timeout,
    Tls(io::ErrorKind, Rc<str>),
    Handshake(Rc<str>),
}

impl From<SendErrorKind> for Failure {
    fn from(kind: SendErrorKind) -> Self {
        match kind {
            SendErrorKind::Connect(error) => Self::Connect(error.kind(), error.to_string().into()),
            SendErrorKind::ConnectTimeout => Self::Timeout,
            SendErrorKind::Tls(error) => Self::Tls(error.kind(), error.to_string().into()),
            other => Self::Handshake(other.to_string().into()),
        }
    }
}

impl From<Failure> for SendErrorKind {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Connect(kind, message) => Self::Connect(io::Error::new(kind, message.as_ref())),
            Failure::Timeout => Self::ConnectTimeout,
            Failure::Tls(kind, message) => Self::Tls(io::Error::new(kind, message.as_ref())),
            Failure::Handshake(message) => Self::Connect(io::Error::other(message.as_ref())),
        }
    }
}

/// The connections to all endpoints.
pub(crate) struct Multiplexed {
    endpoints: RefCell<Map<Place, Endpoint>>,
    settings: PoolSettings,
    http: HttpSettings,
}

impl Multiplexed {
    pub(crate) fn new(settings: PoolSettings, http: HttpSettings) -> Self {
        Self { endpoints: RefCell::default(), settings, http }
    }

    /// A connection with room for a stream; a new one if there is none and another may be made; else the one with the
    /// fewest streams, whose turn has to be waited for.
    pub(crate) async fn connection(self: &Rc<Self>, upstream: &Upstream) -> Result<Connection, SendErrorKind> {
        // Who waited for a connection may find that others have filled it.
        let most = self.settings.max_http2_connections.max(1);
        for _ in 0..=most {
            let opening = {
                let mut endpoints = self.endpoints.borrow_mut();
                let endpoint = endpoints.entry(upstream.place()).or_default();
                endpoint.connections.retain(|connection| !connection.is_closed());
                let best = endpoint.connections.iter().min_by_key(|connection| connection.load());
                if let Some(best) = best
                    && (best.has_room() || endpoint.connections.len() >= most)
                {
                    return Ok(best.clone());
                }
                endpoint.opening.get_or_insert_with(|| self.open(upstream)).clone()
            };
            opening.await?;
        }
        let endpoints = self.endpoints.borrow();
        let connections = endpoints.get(&upstream.place()).map(|endpoint| endpoint.connections.iter());
        connections
            .and_then(|connections| connections.min_by_key(|connection| connection.load()).cloned())
            .ok_or(SendErrorKind::Closed)
    }

    fn open(self: &Rc<Self>, upstream: &Upstream) -> Opening {
        let (pools, upstream) = (Rc::clone(self), Upstream { account: None, ..upstream.clone() });
        let opening = async move {
            let opened = connect(&upstream).await;
            let mut endpoints = pools.endpoints.borrow_mut();
            let endpoint = endpoints.entry(upstream.place()).or_default();
            endpoint.opening = None;
            let counted = Counted::new(upstream.stats.as_ref());
            endpoint.connections.push(Connection::open(opened?, &pools.http, &pools.settings, counted));
            Ok(())
        }
        .boxed_local()
        .shared();
        // It goes on even if all who asked for it give up: its time must run, and the next one will ask again.
        tokio::task::spawn_local(opening.clone());
        opening
    }

    pub(crate) fn forget(&self, gone: &HashSet<SocketAddr>) {
        self.endpoints.borrow_mut().retain(|(address, _), _| !gone.contains(address));
    }

    /// Drops connections that have ended or rested too long. Returns since when the next one rests, or now for one
    /// that is busy.
    pub(crate) fn expire(&self, timeout: Duration) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        self.endpoints.borrow_mut().retain(|_, endpoint| {
            endpoint.connections.retain(|connection| {
                let rests = connection.rests_since();
                let keep = !connection.is_closed() && rests.is_none_or(|since| since.elapsed() < timeout);
                if keep {
                    let since = rests.unwrap_or_else(Instant::now);
                    next = Some(next.map_or(since, |next| next.min(since)));
                }
                keep
            });
            !endpoint.connections.is_empty() || endpoint.opening.is_some()
        });
        next
    }
}
