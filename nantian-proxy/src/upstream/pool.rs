//! The pools of one worker.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::time::Duration;

use nantian_ir::model::BackendProtocol;
use tokio::time::Instant;

use super::connect::connect;
use super::gate::{Entered, Gate};
use super::multiplexed::Multiplexed;
use super::stats::Counted;
use super::{OverTls, Place, PoolSettings, SendError, SendErrorKind, Unanswered, Upstream, UpstreamResponse};
use crate::hash::Map;
use crate::http::h1::HeadLimits;
use crate::http::h1::client::{Answer, Connection, FailReason, Failed, Home, Shared, exchange};
use crate::http::{Body, HttpSettings, Interim, Request};
use crate::retry::is_idempotent;

/// The connections of one worker to all backends.
#[derive(Clone)]
pub struct Pools(Rc<Inner>);

struct Inner {
    settings: PoolSettings,
    limits: HeadLimits,
    endpoints: RefCell<Map<Place, Endpoint>>,
    /// Endpoints that are gone: connections that come back from their last request are closed.
    gone: RefCell<HashSet<SocketAddr>>,
    multiplexed: Rc<Multiplexed>,
    /// Whether a task closes connections that rested too long.
    sweeping: Cell<bool>,
}

/// The HTTP/1.1 connections to one place.
struct Endpoint {
    idle: Vec<Idle>,
    gate: Rc<Gate>,
}

impl Endpoint {
    fn new(settings: &PoolSettings) -> Self {
        Self { idle: Vec::new(), gate: Gate::new(settings.max_http1_connections) }
    }

    /// The connection that rested last: the others may then rest long enough to be closed.
    fn take(&mut self, timeout: Duration) -> Option<Idle> {
        while let Some(last) = self.idle.pop() {
            if last.since.elapsed() < timeout && last.connection.borrow_mut().is_usable() {
                return Some(last);
            }
        }
        None
    }

    fn is_used(&self) -> bool {
        !self.idle.is_empty() || Rc::strong_count(&self.gate) > 1
    }
}

struct Idle {
    connection: Shared,
    berth: Rc<Berth>,
    since: Instant,
}

/// Where a connection goes back to, as often as it comes.
struct Berth {
    pools: Weak<Inner>,
    place: Place,
    /// While it carries a request.
    entered: Cell<Option<Entered>>,
    _counted: Counted,
}

impl Home for Berth {
    fn put(self: Rc<Self>, connection: Shared) {
        let entered = self.entered.take();
        if let Some(pools) = self.pools.upgrade() {
            pools.put(self, connection);
        }
        // Who waits finds it at rest.
        drop(entered);
    }
}

impl Pools {
    /// Empty pools. `http` bounds what backends answer.
    pub fn new(settings: PoolSettings, http: &HttpSettings) -> Self {
        Self(Rc::new(Inner {
            limits: http.into(),
            multiplexed: Rc::new(Multiplexed::new(settings.clone(), http.clone())),
            settings,
            endpoints: RefCell::default(),
            gone: RefCell::default(),
            sweeping: Cell::new(false),
        }))
    }

    /// Sends a request and waits for the head of its answer. There is no time limit but that for connecting: drop the
    /// future to give up.
    ///
    /// The target is taken from the URI, and the host from `Host`, else from the URI, else it is the address. Framing
    /// fields are written anew from what the body is. Interim answers go to `interim`.
    ///
    /// A request that fails on a connection that had rested, before any byte of an answer, is sent once more on a fresh
    /// one if it is idempotent and nothing of its body was taken (RFC 9112 section 9.3.1, RFC 9110 section 9.2.2).
    pub async fn send(
        &self,
        upstream: &Upstream,
        mut request: Request<Body>,
        interim: Option<&Interim>,
    ) -> Result<UpstreamResponse, SendError> {
        self.send_borrowed(upstream, &mut request, interim).await.map_err(|failed| failed.of(request))
    }

    /// The same; the request stays with whoever sends it. Each function on its way would have room for it, and move it there.
    pub(crate) async fn send_borrowed(
        &self,
        upstream: &Upstream,
        request: &mut Request<Body>,
        interim: Option<&Interim>,
    ) -> Result<UpstreamResponse, Unanswered> {
        let sent = match upstream.protocol {
            BackendProtocol::Http1 | BackendProtocol::WebSocket => self.send_http1(upstream, request, interim).await,
            // In a box, as the connecting below: what not every request goes through would be room in each of them.
            BackendProtocol::H2c => Box::pin(self.send_http2(upstream, request, interim)).await,
            BackendProtocol::Tcp | BackendProtocol::Udp => {
                let kind = SendErrorKind::Protocol("the backend is for connections or datagrams, not for requests");
                Err(Unanswered::before(kind))
            }
        };
        if let (Err(error), Some(stats)) = (&sent, &upstream.stats) {
            stats.failed(&error.kind);
        }
        sent
    }

    async fn send_http1(
        &self,
        upstream: &Upstream,
        request: &mut Request<Body>,
        interim: Option<&Interim>,
    ) -> Result<UpstreamResponse, Unanswered> {
        let (mut entered, idle) = match self.0.enter(upstream.place()) {
            Ok(entered) => entered,
            Err(gate) => match Box::pin(gate.enter(upstream.connect_timeout)).await {
                Ok(entered) => (entered, self.0.take(upstream.place())),
                Err(kind) => return Err(Unanswered::before(kind)),
            },
        };
        if let Some(Idle { connection, berth, .. }) = idle {
            berth.entered.set(Some(entered));
            let home = Rc::clone(&berth);
            match exchange(connection, request, upstream, interim, self.0.limits, home).await {
                Ok(Answer { response, tunnel }) => return Ok(UpstreamResponse { response, tunnel, reused: true }),
                Err(Failed { reason: FailReason::Closed | FailReason::Io(_), untouched: true, silent: true })
                    if is_idempotent(request.method()) => {}
                Err(failed) => return Err(error(failed)),
            }
            entered = match berth.entered.take() {
                Some(entered) => entered,
                None => return Err(Unanswered::before(SendErrorKind::Closed)),
            };
        }
        Box::pin(self.send_afresh(upstream, request, interim, entered)).await
    }

    /// Sends a request on a connection that is made for it.
    async fn send_afresh(
        &self,
        upstream: &Upstream,
        request: &mut Request<Body>,
        interim: Option<&Interim>,
        entered: Entered,
    ) -> Result<UpstreamResponse, Unanswered> {
        let io = connect(upstream).await.map_err(Unanswered::before)?;
        let connection = Rc::new(RefCell::new(Connection::new(io)));
        let berth = Rc::new(Berth {
            pools: Rc::downgrade(&self.0),
            place: upstream.place(),
            entered: Cell::new(Some(entered)),
            _counted: Counted::new(upstream.stats.as_ref()),
        });
        let sent = exchange(connection, request, upstream, interim, self.0.limits, berth).await;
        let Answer { response, tunnel } = sent.map_err(error)?;
        Ok(UpstreamResponse { response, tunnel, reused: false })
    }

    async fn send_http2(
        &self,
        upstream: &Upstream,
        request: &mut Request<Body>,
        interim: Option<&Interim>,
    ) -> Result<UpstreamResponse, Unanswered> {
        if request.headers().contains_key(http::header::UPGRADE) {
            let kind = SendErrorKind::Protocol("the backend speaks HTTP/2, which knows no upgrade");
            return Err(Unanswered::before(kind));
        }
        if upstream.tls.is_some() {
            request.extensions.insert(OverTls);
        }
        let mut again = true;
        loop {
            let connection = self.0.multiplexed.connection(upstream).await.map_err(Unanswered::before)?;
            self.0.watch();
            let reused = connection.was_used();
            match connection.exchange(request, upstream, interim).await {
                Ok(response) => return Ok(UpstreamResponse { response, tunnel: None, reused }),
                Err(failed) => {
                    let not_taken = matches!(failed.kind, SendErrorKind::Refused);
                    let stale = reused && (not_taken || (failed.lost && is_idempotent(request.method())));
                    if !(failed.untouched && stale && std::mem::take(&mut again)) {
                        return Err(Unanswered { kind: failed.kind, untouched: failed.untouched, cut: failed.lost });
                    }
                }
            }
        }
    }

    /// Closes the resting connections to endpoints that are gone; those in use when their requests have ended. Replaces
    /// what was said before: an endpoint that is not in `gone` may rest again.
    pub fn forget(&self, gone: HashSet<SocketAddr>) {
        if !gone.is_empty() {
            self.0.endpoints.borrow_mut().retain(|(address, _), endpoint| {
                if gone.contains(address) {
                    endpoint.idle.clear();
                }
                endpoint.is_used()
            });
            self.0.multiplexed.forget(&gone);
        }
        *self.0.gone.borrow_mut() = gone;
    }

    /// Resting HTTP/1.1 connections.
    pub fn idle_count(&self) -> usize {
        self.0.endpoints.borrow().values().map(|endpoint| endpoint.idle.len()).sum()
    }
}

fn error(failed: Failed) -> Unanswered {
    let kind = match failed.reason {
        FailReason::Closed => SendErrorKind::Closed,
        FailReason::Io(error) => SendErrorKind::Io(error),
        FailReason::Protocol(reason) => SendErrorKind::Protocol(reason),
        FailReason::RequestBody(error) => SendErrorKind::RequestBody(error),
    };
    Unanswered { kind, untouched: failed.untouched, cut: failed.silent }
}

impl Inner {
    fn idle_timeout(&self) -> Duration {
        self.settings.idle_timeout
    }

    /// Lets a request in, and gives it the connection that rested last, if there is one. An error is the gate where it
    /// has to wait.
    fn enter(&self, place: Place) -> Result<(Entered, Option<Idle>), Rc<Gate>> {
        let mut endpoints = self.endpoints.borrow_mut();
        let endpoint = endpoints.entry(place).or_insert_with(|| Endpoint::new(&self.settings));
        match endpoint.gate.try_enter() {
            Some(entered) => Ok((entered, endpoint.take(self.idle_timeout()))),
            None => Err(Rc::clone(&endpoint.gate)),
        }
    }

    fn take(&self, place: Place) -> Option<Idle> {
        self.endpoints.borrow_mut().get_mut(&place)?.take(self.idle_timeout())
    }

    fn put(self: &Rc<Self>, berth: Rc<Berth>, connection: Shared) {
        let place = berth.place;
        let gone = self.gone.borrow();
        if !gone.is_empty() && gone.contains(&place.0) {
            return;
        }
        connection.borrow_mut().release();
        let mut endpoints = self.endpoints.borrow_mut();
        let endpoint = endpoints.entry(place).or_insert_with(|| Endpoint::new(&self.settings));
        if endpoint.idle.len() >= self.settings.max_idle {
            return;
        }
        endpoint.idle.push(Idle { connection, berth, since: Instant::now() });
        drop(endpoints);
        self.watch();
    }

    /// Starts the task that closes connections that rest too long, unless it runs.
    fn watch(self: &Rc<Self>) {
        if !self.sweeping.replace(true) {
            tokio::task::spawn_local(sweep(Rc::downgrade(self), self.idle_timeout()));
        }
    }

    /// Closes what rested too long. Returns when the next one has.
    fn expire(&self) -> Option<Instant> {
        let timeout = self.idle_timeout();
        let mut next = self.multiplexed.expire(timeout);
        self.endpoints.borrow_mut().retain(|_, endpoint| {
            endpoint.idle.retain(|idle| idle.since.elapsed() < timeout);
            if let Some(first) = endpoint.idle.first() {
                next = Some(next.map_or(first.since, |next| next.min(first.since)));
            }
            endpoint.is_used()
        });
        next
    }
}

/// Closes connections that rest too long, as long as there are any.
async fn sweep(pools: Weak<Inner>, timeout: Duration) {
    loop {
        let next = {
            let Some(pools) = pools.upgrade() else { return };
            let next = pools.expire();
            if next.is_none() {
                pools.sweeping.set(false);
                return;
            }
            next
        };
        let due = next.and_then(|since| since.checked_add(timeout));
        tokio::time::sleep_until(due.unwrap_or_else(Instant::now).max(Instant::now() + Duration::from_secs(1))).await;
    }
}
