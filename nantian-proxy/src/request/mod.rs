//! A request's way from a client connection to a backend and back.
//!
//! [`stages`] has the one list of what happens to a request, in its order. A [`Worker`] is what requests share; a
//! [`Pipeline`] is the [`Handler`] of one bind address.

mod answer;
mod asked;
mod body;
mod forward;
mod forwarded;
mod local;
mod log;
mod mirror;
mod settings;
mod stages;

use std::cell::{Cell, RefCell};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::FutureExt as _;
use http::Request;
use nantian_ir::{BindAddress, EndpointHost};

use crate::balance::dns::Resolver;
use crate::balance::random::Random;
use crate::http::{Body, Exchange, Handler, HttpSettings, Reply};
use crate::runtime::{Backend, Runtime};
use crate::telemetry::{PanicPlace, Recorder};
use crate::upstream::{Pools, Upstream};

use answer::Failure;
use body::{AnswerBody, Tunnel};
use local::Local;
use log::RequestLog;
use stages::{Answered, Context};

pub use settings::{Balance, ForwardedSettings, Settings};

/// What all requests of one worker share: the current runtime, counters, connection pools. Not `Send`: it is made on
/// the worker's thread, inside its `LocalSet`, and stays there.
pub struct Worker {
    runtime: RefCell<Arc<Runtime>>,
    settings: Settings,
    recorder: Recorder,
    pools: Pools,
    resolver: Rc<Resolver>,
    local: Local,
    random: Random,
    /// Mirrored requests in flight.
    mirroring: Cell<usize>,
}

impl Worker {
    /// A worker that serves `runtime`; `http` bounds what backends answer. `seed` makes its random choices and request
    /// ids: every worker of every process should have another one.
    pub fn new(
        settings: Settings,
        http: &HttpSettings,
        runtime: Arc<Runtime>,
        recorder: Recorder,
        seed: u64,
    ) -> Rc<Self> {
        Rc::new(Self {
            pools: Pools::new(settings.pool.clone(), http),
            runtime: RefCell::new(runtime),
            resolver: Resolver::system(settings.dns_refresh),
            settings,
            recorder,
            local: Local::default(),
            random: Random::new(seed),
            mirroring: Cell::new(0),
        })
    }

    /// Serves new requests by `runtime`; requests in flight keep the one that they began with.
    pub fn apply(&self, runtime: Arc<Runtime>) {
        self.local.apply(&runtime, &self.random);
        *self.runtime.borrow_mut() = runtime;
    }

    /// The runtime that new requests are served by.
    pub fn runtime(&self) -> Arc<Runtime> {
        Arc::clone(&self.runtime.borrow())
    }

    /// The settings that it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where the endpoint `index` of `backend` is reached; `None` if its name cannot be resolved.
    async fn upstream(&self, backend: &Backend, index: usize) -> Option<Upstream> {
        let endpoint = backend.endpoints.get(index)?;
        let ip = match &endpoint.host {
            EndpointHost::Ip(ip) => *ip,
            EndpointHost::Dns(name) => {
                let addresses = self.resolver.resolve(name).await;
                *addresses.get(self.random.below(addresses.len()))?
            }
        };
        let mut upstream = Upstream::new((ip, endpoint.port).into(), backend.key.protocol);
        upstream.connect_timeout = self.settings.connect_timeout;
        Some(upstream)
    }
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
    async fn handle(self: Rc<Self>, request: Request<Body>, exchange: Exchange) -> Reply {
        let worker = &self.worker;
        let runtime = worker.runtime();
        let mut log = RequestLog::new(worker.recorder.clone(), &request, &exchange);
        let mut cx =
            Context { worker, runtime: &runtime, bind: self.bind, exchange: &exchange, log: &mut log, grpc: false };
        let answered = if let Ok(answered) = AssertUnwindSafe(stages::run(&mut cx, request)).catch_unwind().await {
            answered
        } else {
            worker.recorder.panicked(PanicPlace::Request);
            cx.fail(Failure::Panic)
        };
        reply(answered, log)
    }
}

/// Hands the answer to the connection, and the record to whatever of it ends last.
fn reply(answered: Answered, mut log: RequestLog) -> Reply {
    let Answered { response, tunnel, in_flight, deadline } = answered;
    log.status = Some(response.status());
    match tunnel {
        Some(far) => Reply { response, tunnel: Some(Tunnel::wrap(far, log, in_flight)) },
        None => Reply { response: response.map(|body| AnswerBody::wrap(body, log, deadline, in_flight)), tunnel: None },
    }
}

#[cfg(test)]
mod tests;
