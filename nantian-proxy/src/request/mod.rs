//! A request's way from a client connection to a backend and back.

mod settings;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use http::{Request, Response, StatusCode};
use nantian_ir::BindAddress;

use crate::http::{Body, Exchange, Handler, Reply};
use crate::runtime::Runtime;

pub use settings::{Balance, ForwardedSettings, Settings};

/// What all requests of one worker share: the current runtime, counters, connection pools. Not `Send`: it is made on
/// the worker's thread and stays there.
pub struct Worker {
    runtime: RefCell<Arc<Runtime>>,
    settings: Settings,
}

impl Worker {
    /// A worker that serves `runtime`. `seed` makes its random choices; workers should have different ones.
    pub fn new(settings: Settings, runtime: Arc<Runtime>, seed: u64) -> Rc<Self> {
        let _ = seed;
        Rc::new(Self { runtime: RefCell::new(runtime), settings })
    }

    /// Serves new requests by `runtime`; requests in flight keep the one that they began with.
    pub fn apply(&self, runtime: Arc<Runtime>) {
        *self.runtime.borrow_mut() = runtime;
    }

    /// The settings that it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}

/// Answers the requests that come in on one bind address of one worker.
pub struct Pipeline {
    worker: Rc<Worker>,
    bind: BindAddress,
}

impl Pipeline {
    /// The pipeline of `bind`.
    pub fn new(worker: Rc<Worker>, bind: BindAddress) -> Rc<Self> {
        Rc::new(Self { worker, bind })
    }
}

impl Handler for Pipeline {
    async fn handle(self: Rc<Self>, request: Request<Body>, exchange: Exchange) -> Reply {
        let _ = (request, exchange, self.bind, self.worker.settings());
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_FOUND;
        response.into()
    }
}
