//! What is known of a request while it runs, handed over exactly once when it has ended, however it ends.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use http::{HeaderValue, Method, StatusCode, Uri, header};
use tokio::time::Instant;

use super::serving::{LocalBackend, LocalRule, Serving};
use crate::http::{Body, ConnectionInfo, Cut, Exchange, Fate, Request};
use crate::telemetry::{Fragments, RequestRecord, ResponseFlag, ResponseFlags};

/// The growing record of one request. Dropping it hands it over; if [`finished`](Self::finished) was not told before,
/// the client went away.
pub(super) struct RequestLog {
    serving: Rc<Serving>,
    /// Where somebody logs it.
    started: SystemTime,
    clock: Instant,
    finished: bool,
    fate: Fate,
    pub(super) version: http::Version,
    connection: Rc<ConnectionInfo>,
    method: Method,
    user_agent: Option<HeaderValue>,
    pub(super) client: SocketAddr,
    pub(super) host: Option<Rc<str>>,
    uri: Uri,
    pub(super) request_id: Option<HeaderValue>,
    /// By its index.
    pub(super) listener: Option<usize>,
    pub(super) rule: Option<Rc<LocalRule>>,
    pub(super) backend: Option<Rc<LocalBackend>>,
    pub(super) endpoint: Option<SocketAddr>,
    pub(super) status: Option<StatusCode>,
    pub(super) flags: ResponseFlags,
    pub(super) first_byte: Option<Duration>,
    pub(super) tries: u32,
    /// Of a request that has a body.
    incoming: Option<Rc<Incoming>>,
    pub(super) bytes_out: u64,
}

/// What the client's side of the request body has told so far.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    pub(super) bytes: Cell<u64>,
    pub(super) fault: Cell<Option<ResponseFlag>>,
}

impl RequestLog {
    #[inline]
    pub(super) fn new(serving: Rc<Serving>, request: &Request<Body>, exchange: &Exchange) -> Self {
        let started = if serving.recorder.writes_log() { SystemTime::now() } else { SystemTime::UNIX_EPOCH };
        Self {
            serving,
            started,
            clock: Instant::now(),
            finished: false,
            fate: exchange.fate.clone(),
            version: request.version(),
            connection: Rc::clone(&exchange.connection),
            method: request.method().clone(),
            user_agent: request.headers().get(header::USER_AGENT).cloned(),
            client: exchange.connection.peer,
            host: None,
            uri: request.uri().clone(),
            request_id: None,
            listener: None,
            rule: None,
            backend: None,
            endpoint: None,
            status: None,
            flags: ResponseFlags::NONE,
            first_byte: None,
            tries: 0,
            incoming: None,
            bytes_out: 0,
        }
    }

    /// The request is routed anew, by another configuration.
    pub(super) fn serve_by(&mut self, serving: Rc<Serving>) {
        (self.serving, self.listener, self.rule) = (serving, None, None);
    }

    /// The request's method, as the client sent it.
    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    /// The host that its target names, as the client sent it.
    pub(super) fn authority(&self) -> Option<&str> {
        self.uri.host()
    }

    /// In which the client sent it.
    pub(super) fn version(&self) -> http::Version {
        self.version
    }

    /// When the request's head was complete.
    pub(super) fn clock(&self) -> Instant {
        self.clock
    }

    /// The answer's head has arrived from the backend.
    pub(super) fn answered(&mut self) {
        if self.serving.recorder.writes_log() {
            self.first_byte = Some(self.clock.elapsed());
        }
    }

    pub(super) fn flag(&mut self, flag: ResponseFlag) {
        self.flags.insert(flag);
    }

    /// Where the client's side of the body, or of a tunnel, tells what comes.
    pub(super) fn incoming(&mut self) -> &Rc<Incoming> {
        self.incoming.get_or_insert_default()
    }

    /// What the client did wrong with the body so far.
    pub(super) fn client_fault(&self) -> Option<ResponseFlag> {
        self.incoming.as_ref()?.fault.get()
    }

    /// The answer is complete, or was given up for a reason that a flag names.
    pub(super) fn finished(&mut self) {
        self.finished = true;
    }
}

impl Drop for RequestLog {
    fn drop(&mut self) {
        if self.connection.account.is_cut() {
            self.flags.insert(ResponseFlag::Overload);
        } else if let Some(cut) = self.fate.get() {
            // Also where everything was handed to the connection: the client has not got it.
            self.flags.insert(match cut {
                Cut::Slow | Cut::Idle => ResponseFlag::ClientTimeout,
                Cut::Protocol => ResponseFlag::ClientProtocolError,
            });
        } else if !self.finished {
            self.flags.insert(self.client_fault().unwrap_or(ResponseFlag::ClientGone));
        }
        let mut record = RequestRecord::new(self.started, self.client, self.version, &self.method);
        record.duration = self.clock.elapsed();
        record.first_byte = self.first_byte;
        record.scheme = self.connection.scheme();
        record.host = self.host.as_deref().unwrap_or_default();
        record.path = self.uri.path();
        record.listener = self.listener.and_then(|index| self.serving.listener(index)).map(|listener| &listener.key);
        record.rule = self.rule.as_ref().map(|local| &local.rule.source.key);
        record.backend = self.backend.as_ref().map(|local| &local.backend.key);
        record.endpoint = self.endpoint;
        record.status = self.status;
        record.flags = self.flags;
        record.bytes_in = self.incoming.as_ref().map_or(0, |incoming| incoming.bytes.get());
        record.bytes_out = self.bytes_out;
        record.tries = self.tries;
        record.user_agent = self.user_agent.as_ref().map(HeaderValue::as_bytes);
        record.request_id = self.request_id.as_ref().map(HeaderValue::as_bytes);
        let recorder = &self.serving.recorder;
        let backend = self.backend.as_ref().map(|local| &local.fragment);
        self.serving.count(self.listener, self.rule.as_deref(), |cells, route| {
            recorder.record_in(cells, &record, Fragments { route, backend });
        });
    }
}
