//! A request's way from a client connection to a backend and back.
//!
//! `stages.rs` has the one list of what happens to a request, in its order. A [`Worker`] is what requests share; a
//! [`Pipeline`] is the [`Handler`] of one bind address.

mod answer;
mod asked;
mod body;
mod forward;
mod forwarded;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod log;
mod max_forwards;
mod mirror;
mod names;
mod serving;
mod settings;
mod stages;
mod unserved;
mod via;

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::SystemTime;

use http::{Method, StatusCode, Version};
use nantian_ir::{BindAddress, CertificateKey, EndpointHost, ResourceChange};
use smallvec::SmallVec;
use tokio::sync::Notify;

use crate::balance::dns::Resolver;
use crate::balance::random::Random;
use crate::http::buffered::Account;
use crate::http::h2::StreamReset;
use crate::http::{Body, ConnectionInfo, Exchange, Handler, HttpSettings, Refusal, Reply, Request};
use crate::runtime::{Backend, Runtime, Security};
use crate::telemetry::{Fragments, PanicPlace, Recorder, RequestRecord, ResponseFlag, ResponseFlags};
use crate::upstream::{Pools, Upstream};

use answer::Failure;
use body::{AnswerBody, Tunnel};
use log::RequestLog;
use serving::{LocalBackend, Serving};
use stages::{Answered, Context, Start};

pub use settings::{Balance, ForwardedSettings, Settings, UnderscoreHeaders, Via};

/// What all requests of one worker share: the current runtime, counters, connection pools. Not `Send`: it is made on
/// the worker's thread, inside its `LocalSet`, and stays there.
pub struct Worker {
    serving: RefCell<Rc<Serving>>,
    /// Told with each runtime.
    applied: Notify,
    settings: Settings,
    /// Bytes of a request body.
    max_body: u64,
    recorder: Recorder,
    pools: Pools,
    resolver: Rc<Resolver>,
    random: Rc<Random>,
    /// Mirrored requests in flight.
    mirroring: Cell<usize>,
    /// Requests that wait for another configuration.
    waiting: Cell<usize>,
}

impl Worker {
    /// A worker that serves `runtime`; `http` bounds the bodies of requests, and what backends answer. `seed` makes its random choices and request
    /// ids: every worker of every process should have another one.
    pub fn new(
        settings: Settings,
        http: &HttpSettings,
        runtime: Arc<Runtime>,
        recorder: Recorder,
        seed: u64,
    ) -> Rc<Self> {
        let random = Rc::new(Random::new(seed));
        Rc::new(Self {
            pools: Pools::new(settings.pool.clone(), http),
            serving: RefCell::new(Serving::new(runtime, recorder.clone(), Rc::clone(&random), None)),
            applied: Notify::new(),
            resolver: Resolver::system(settings.dns_refresh),
            settings,
            max_body: if http.max_body_bytes == 0 { u64::MAX } else { http.max_body_bytes },
            recorder,
            random,
            mirroring: Cell::new(0),
            waiting: Cell::new(0),
        })
    }

    /// Serves new requests by `runtime`; requests in flight keep the one that they began with. Connections to endpoints
    /// that are gone are closed: resting ones now, others when their requests have ended.
    pub fn apply(&self, runtime: Arc<Runtime>) {
        let previous = self.serving();
        self.pools.forget(self.gone(&previous.runtime, &runtime));
        let next = Serving::new(runtime, self.recorder.clone(), Rc::clone(&self.random), Some(&previous));
        *self.serving.borrow_mut() = next;
        self.applied.notify_waiters();
    }

    /// Addresses of endpoints that no backend has any more.
    fn gone(&self, before: &Runtime, now: &Runtime) -> HashSet<SocketAddr> {
        let changes = now.backends().by_key().changes(before.backends().by_key());
        let mut gone = HashSet::new();
        for old in changes.iter().filter_map(ResourceChange::before) {
            gone.extend(self.addresses(old));
        }
        for new in changes.iter().filter_map(ResourceChange::now) {
            self.addresses(new).for_each(|address| _ = gone.remove(&address));
        }
        // Other backends may have the same addresses.
        let mut others = now.backends().by_key().values();
        while let (false, Some(backend)) = (gone.is_empty(), others.next()) {
            self.addresses(backend).for_each(|address| _ = gone.remove(&address));
        }
        gone
    }

    /// Where the endpoints of a backend are, as far as their names were resolved.
    fn addresses(&self, backend: &Backend) -> impl Iterator<Item = SocketAddr> {
        backend.endpoints.iter().flat_map(|endpoint| {
            let ips: SmallVec<[IpAddr; 1]> = match &endpoint.host {
                EndpointHost::Ip(ip) => SmallVec::from_buf([*ip]),
                EndpointHost::Dns(name) => self.resolver.known_now(name).iter().copied().collect(),
            };
            ips.into_iter().map(|ip| SocketAddr::new(ip, endpoint.port))
        })
    }

    /// The runtime that new requests are served by.
    pub fn runtime(&self) -> Arc<Runtime> {
        Arc::clone(&self.serving.borrow().runtime)
    }

    fn serving(&self) -> Rc<Serving> {
        Rc::clone(&self.serving.borrow())
    }

    /// The settings that it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the endpoint `index` of `backend` is reached, other than at the addresses in `tried`; `None` if its name has
    /// no (other) address. `client` is the certificate that it is shown if it asks for one; what waits for it counts on
    /// `account`.
    async fn upstream(
        &self,
        local: &LocalBackend,
        index: usize,
        tried: &[SocketAddr],
        client: Option<&CertificateKey>,
        account: &Rc<Account>,
    ) -> Option<Upstream> {
        let tls = match &local.backend.security {
            Security::Cleartext => None,
            Security::Tls(secured) => Some(Arc::clone(secured.sessions(client)?)),
            Security::Refused => return None,
        };
        let endpoint = local.backend.endpoints.get(index)?;
        let ip = match &endpoint.host {
            EndpointHost::Ip(ip) => *ip,
            EndpointHost::Dns(name) => {
                let addresses = self.resolver.resolve(name).await;
                untried(&addresses, endpoint.port, tried, self.random.below(addresses.len()))?
            }
        };
        let mut upstream = Upstream::new((ip, endpoint.port).into(), local.backend.key.protocol);
        upstream.connect_timeout = self.settings.connect_timeout;
        upstream.stats = Some(Arc::clone(&local.stats));
        upstream.tls = tls;
        upstream.account = Some(Rc::clone(account));
        Some(upstream)
    }

    /// Whether the endpoint has an address that is not in `tried`.
    fn has_other_address(&self, local: &LocalBackend, index: usize, tried: &[SocketAddr]) -> bool {
        local.backend.endpoints.get(index).is_some_and(|endpoint| match &endpoint.host {
            EndpointHost::Ip(_) => false,
            EndpointHost::Dns(name) => untried(&self.resolver.known_now(name), endpoint.port, tried, 0).is_some(),
        })
    }
}

fn untried(addresses: &[IpAddr], port: u16, tried: &[SocketAddr], start: usize) -> Option<IpAddr> {
    let (before, from) = addresses.split_at_checked(start).unwrap_or_default();
    from.iter().chain(before).copied().find(|ip| !tried.contains(&SocketAddr::new(*ip, port)))
}

/// Answers the requests that come in on one bind address of one worker.
pub struct Pipeline {
    worker: Rc<Worker>,
    bind: BindAddress,
}

impl Pipeline {
    /// The pipeline of `bind`, as [`nantian_ir::Listener::bind`] spells it.
    pub fn new(worker: Rc<Worker>, bind: BindAddress) -> Rc<Self> {
        Rc::new(Self { worker, bind })
    }
}

impl Handler for Pipeline {
    /// A panic in any stage is contained: the client gets 500, the record the flag `PN`.
    fn handle(
        self: Rc<Self>,
        mut request: Request<Body>,
        exchange: Exchange,
    ) -> Pin<Box<impl Future<Output = Reply> + 'static>> {
        let serving = self.worker.serving();
        let mut awaited = AnswerBody::awaited(Rc::clone(&serving), &request, &exchange);
        // Made where it stays: it would be moved there as a whole, some KiB through memory that is not in the cache.
        let room = Box::new_uninit();
        // Not an `async fn`, which would have room for what it is given twice.
        let handled = async move {
            let worker = &self.worker;
            let mut cx = Context {
                worker,
                serving: &serving,
                bind: self.bind,
                exchange: &exchange,
                log: &mut awaited.log,
                grpc: false,
                patient: !worker.settings.configuration_wait.is_zero(),
            };
            let answered = {
                let stages = pin!(async {
                    match stages::run(&mut cx, Start::Received(&mut request)).await {
                        Ok(answered) => answered,
                        Err(unserved) => Box::pin(unserved::wait(&mut cx, unserved)).await,
                    }
                });
                contained(stages).await
            };
            let answered = answered.unwrap_or_else(|_panic| {
                worker.recorder.panicked(PanicPlace::Request);
                cx.fail(Failure::Panic)
            });
            reply(answered, awaited)
        };
        Box::into_pin(Box::write(room, handled))
    }

    fn refused(&self, connection: &ConnectionInfo, refusal: Refusal) {
        // Whatever came had no method; `-` is one that no client sends.
        let method = Method::from_bytes(b"-").unwrap_or_default();
        let mut record = RequestRecord::new(SystemTime::now(), connection.peer, Version::HTTP_11, &method);
        record.scheme = connection.scheme();
        record.status = Some(refusal.status);
        record.flags = ResponseFlags::of(match refusal.status {
            StatusCode::REQUEST_TIMEOUT => ResponseFlag::ClientTimeout,
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::URI_TOO_LONG | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
                ResponseFlag::TooLarge
            }
            _ => ResponseFlag::ClientProtocolError,
        });
        self.worker.serving().count(None, None, |cells, _| {
            self.worker.recorder.record_in(cells, &record, Fragments::default());
        });
    }

    fn unseen(&self, request: Request<()>, exchange: Exchange) {
        let mut log = RequestLog::new(self.worker.serving(), &request.map(|()| Body::empty()), &exchange);
        log.host = log.authority().map(Rc::from);
    }

    fn stream_reset(&self, connection: &ConnectionInfo, reason: StreamReset) {
        self.worker.recorder.stream_reset(reason);
        // One that was refused was no request, which would have a line of its own.
        if reason == StreamReset::Refused {
            self.worker.recorder.connection_ended(connection.peer, ResponseFlag::ClientLimit);
        }
    }
}

/// Runs `future` and contains its panic.
///
/// Unwind safety: what a request shares with others are cells that no panic leaves half-written in a way that matters for
/// memory safety; counts may be off by the request that panicked.
async fn contained<F: Future>(mut future: Pin<&mut F>) -> std::thread::Result<F::Output> {
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    })
    .await
}

/// Hands the answer to the connection, and the record to whatever of it ends last.
fn reply(answered: Answered, mut awaited: Box<AnswerBody>) -> Reply {
    let Answered { mut response, tunnel, in_flight, deadline } = answered;
    awaited.log.status = Some(response.status());
    let Some(far) = tunnel else {
        let body = std::mem::take(response.body_mut());
        *response.body_mut() = awaited.wrap(body, deadline, in_flight);
        return Reply { response, tunnel: None };
    };
    Reply { response, tunnel: Some(Tunnel::wrap(far, awaited.log, in_flight)) }
}

#[cfg(test)]
mod tests;
