//! A worker: one thread with a runtime of its own, which serves connections from its own sockets with its own pools and
//! counters. It hears of new configurations by message; nothing that a request touches is shared with another worker.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::TcpListener;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::FutureExt;
use nantian_ir::BindAddress;
use tokio::runtime::Builder;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle as Task, LocalSet};

use super::EngineConfig;
use super::error::EngineError;
use super::memory;
use super::overload::Budget;
use crate::http::buffered::Buffers;
use crate::http::{Drain, HttpSettings};
use crate::listener::{Connections, tcp};
use crate::request::{self, Pipeline};
use crate::runtime::Runtime;
use crate::telemetry::{AcceptError, LogBuffer, Recorder, Telemetry};
use crate::tls::BindTls;

/// Between closing a socket and telling its connections to finish: whoever connected just before still gets an answer.
const LAST_CONNECTIONS: Duration = Duration::from_millis(100);

/// How long access log lines may wait for more of them, to be written together.
const LOG_DELAY: Duration = Duration::from_millis(10);

/// What a worker is told.
pub(super) enum Command {
    Serve(Serve),
    Drain(Finish),
}

/// Serve a configuration.
pub(super) struct Serve {
    pub(super) runtime: Arc<Runtime>,
    pub(super) tls: Arc<BTreeMap<BindAddress, Arc<BindTls>>>,
    /// New sockets: they listen already, and connections wait in them.
    pub(super) open: Vec<(BindAddress, TcpListener)>,
    pub(super) close: Vec<BindAddress>,
    /// Told when it is served and the closed sockets are closed.
    pub(super) done: oneshot::Sender<()>,
}

/// Finish and end.
pub(super) struct Finish {
    pub(super) delay: Duration,
    pub(super) timeout: Duration,
    /// Told how many connections were cut.
    pub(super) done: oneshot::Sender<usize>,
}

/// The engine's end of a worker.
pub(super) struct WorkerHandle {
    pub(super) commands: UnboundedSender<Command>,
    pub(super) thread: JoinHandle<()>,
}

/// What a worker is made of.
pub(super) struct Setup {
    pub(super) index: usize,
    pub(super) config: Arc<EngineConfig>,
    pub(super) telemetry: Telemetry,
    pub(super) log: Option<LogBuffer>,
    pub(super) budget: Budget,
}

/// Starts a worker's thread. It ends when it was drained, or when the handle's sender is dropped.
pub(super) fn start(setup: Setup) -> Result<WorkerHandle, EngineError> {
    let name = format!("nantian-worker-{}", setup.index);
    let failed = |source: io::Error| EngineError::Thread { name: name.clone(), source };
    let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let (commands, received) = unbounded_channel();
    let run = move || {
        let telemetry = setup.telemetry.clone();
        let worker = AssertUnwindSafe(|| {
            let local = LocalSet::new();
            runtime.block_on(local.run_until(Worker::new(setup).run(received)));
        });
        if std::panic::catch_unwind(worker).is_err() {
            telemetry.worker_panicked();
        }
    };
    let thread = std::thread::Builder::new().name(name.clone()).spawn(run).map_err(failed)?;
    Ok(WorkerHandle { commands, thread })
}

type Bind = tcp::Bind<Pipeline>;

/// A bind address that is served.
struct Open {
    bind: Rc<Bind>,
    accepting: Task<()>,
}

struct Worker {
    index: usize,
    config: Arc<EngineConfig>,
    http: Rc<HttpSettings>,
    telemetry: Telemetry,
    recorder: Recorder,
    budget: Budget,
    buffers: Buffers,
    connection_ended: Rc<Notify>,
    /// Made with the first configuration.
    requests: Option<Rc<request::Worker>>,
    open: BTreeMap<BindAddress, Open>,
    /// Bind addresses that were removed and may still have connections.
    closing: Vec<Rc<Bind>>,
}

impl Worker {
    fn new(setup: Setup) -> Self {
        let recorder = setup.telemetry.recorder_with_log(setup.index, setup.log);
        let buffers = Buffers::new(&setup.config.limits, setup.telemetry.clone(), recorder.clone());
        Self {
            buffers,
            index: setup.index,
            http: Rc::new(setup.config.http.clone()),
            config: setup.config,
            telemetry: setup.telemetry,
            recorder,
            budget: setup.budget,
            connection_ended: Rc::default(),
            requests: None,
            open: BTreeMap::new(),
            closing: Vec::new(),
        }
    }

    async fn run(mut self, mut commands: UnboundedReceiver<Command>) {
        tokio::task::spawn_local(flush_log(self.recorder.clone()));
        tokio::task::spawn_local(memory::give_back(Rc::clone(&self.connection_ended)));
        while let Some(command) = commands.recv().await {
            match command {
                Command::Serve(serve) => {
                    // A panic while a configuration is taken over must not end the worker: it serves what it has.
                    if AssertUnwindSafe(self.serve(serve)).catch_unwind().await.is_err() {
                        self.telemetry.worker_panicked();
                    }
                }
                Command::Drain(finish) => {
                    let cut = self.drain(finish.delay, finish.timeout).await;
                    self.recorder.flush();
                    // Nobody waits if the engine was dropped meanwhile.
                    let _ = finish.done.send(cut);
                    break;
                }
            }
        }
        self.recorder.flush();
    }

    async fn serve(&mut self, serve: Serve) {
        let requests = if let Some(requests) = &self.requests {
            requests.apply(serve.runtime);
            Rc::clone(requests)
        } else {
            Rc::clone(self.requests.insert(self.request_worker(serve.runtime)))
        };
        for (address, open) in &self.open {
            *open.bind.tls.borrow_mut() = serve.tls.get(address).map(Arc::clone);
        }
        for (address, socket) in serve.open {
            let tls = serve.tls.get(&address).map(Arc::clone);
            self.listen(address, socket, tls, &requests);
        }
        let closed: Vec<_> = serve.close.iter().filter_map(|address| self.open.remove(address)).collect();
        for open in &closed {
            open.bind.stop.start();
        }
        for open in closed {
            self.close(open).await;
        }
        // Nobody waits if the caller of `apply` has gone.
        let _ = serve.done.send(());
    }

    fn request_worker(&self, runtime: Arc<Runtime>) -> Rc<request::Worker> {
        // From the system's randomness: process ids repeat from container to container, request ids must not.
        let seed = RandomState::new().hash_one(self.index);
        request::Worker::new(self.config.requests.clone(), &self.http, runtime, self.recorder.clone(), seed)
    }

    fn listen(
        &mut self,
        address: BindAddress,
        socket: TcpListener,
        tls: Option<Arc<BindTls>>,
        requests: &Rc<request::Worker>,
    ) {
        let stats = self.telemetry.bind(address);
        // Registering fails only where the system is out of descriptors or memory; other workers serve the address.
        let Ok(socket) = tokio::net::TcpListener::from_std(socket) else {
            return stats.accept_failed(AcceptError::Other);
        };
        let bind = Rc::new(tcp::Bind {
            handler: Pipeline::new(Rc::clone(requests), address),
            settings: Rc::clone(&self.http),
            handshake_timeout: self.config.limits.tls_handshake_timeout,
            tls: std::cell::RefCell::new(tls),
            budget: self.budget.clone(),
            buffers: self.buffers.clone(),
            stats,
            recorder: self.recorder.clone(),
            stop: Drain::new(),
            drain: Drain::new(),
            connections: Connections::new(Rc::clone(&self.connection_ended)),
        });
        let accepting = tokio::task::spawn_local(Rc::clone(&bind).accept_loop(socket));
        self.open.insert(address, Open { bind, accepting });
    }

    /// Waits until the socket of a stopped bind address is closed; its connections finish meanwhile, and are cut when
    /// they take longer than the drain's time limit.
    async fn close(&mut self, open: Open) {
        if open.accepting.await.is_err() {
            self.telemetry.worker_panicked();
        }
        self.closing.retain(|bind| !bind.connections.is_empty());
        self.closing.push(Rc::clone(&open.bind));
        let timeout = self.config.drain.timeout;
        tokio::task::spawn_local(async move {
            finish(&[open.bind], timeout).await;
        });
    }

    async fn drain(&mut self, delay: Duration, timeout: Duration) -> usize {
        tokio::time::sleep(delay).await;
        let mut binds = std::mem::take(&mut self.closing);
        for open in self.open.values() {
            open.bind.stop.start();
        }
        for (_, open) in std::mem::take(&mut self.open) {
            if open.accepting.await.is_err() {
                self.telemetry.worker_panicked();
            }
            binds.push(open.bind);
        }
        finish(&binds, timeout).await
    }
}

/// Lets connections finish, cuts those that have not after `timeout`, and says how many those were.
async fn finish(binds: &[Rc<Bind>], timeout: Duration) -> usize {
    let all_closed = || async {
        for bind in binds {
            bind.connections.closed().await;
        }
    };
    let begin = async {
        tokio::time::sleep(LAST_CONNECTIONS).await;
        for bind in binds {
            bind.drain.start();
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = all_closed() => return 0,
        () = begin => {}
        () = tokio::time::sleep(timeout) => {}
    }
    let cut = binds.iter().map(|bind| bind.connections.cut()).sum();
    all_closed().await;
    cut
}

async fn flush_log(recorder: Recorder) {
    loop {
        recorder.log_pending().await;
        tokio::time::sleep(LOG_DELAY).await;
        recorder.flush();
    }
}
