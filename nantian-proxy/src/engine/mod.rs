//! The engine: worker threads that serve snapshots.
//!
//! [`Engine::apply`] builds everything that a snapshot needs away from the workers, opens new sockets, and then tells
//! every worker; each swaps one pointer, starts to accept on the new sockets and closes the old ones. Requests in flight
//! keep what they began with. `LIFECYCLE.md` beside this file tells it step by step.

mod apply;
mod clients;
mod config;
pub(crate) mod duration;
mod error;
#[cfg(test)]
mod hardening;
mod memory;
mod network;
pub(crate) mod overload;
mod reclaim;
mod reference;
pub(crate) mod view;
mod worker;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use nantian_ir::{BindAddress, Snapshot};
use tokio::sync::oneshot;

use crate::admin::Admin;
use crate::telemetry::{AccessLog, Telemetry};
use apply::ApplyState;
use overload::Budget;
use view::{Phase, Served, View};
use worker::{Command, Finish, Serve, Setup, WorkerHandle};

pub use crate::runtime::Part;
pub use config::{AccessLogConfig, AdminConfig, DrainConfig, EngineConfig, LimitsConfig};
pub use error::{ApplyReport, DrainReport, EngineError, Refused};
pub use network::{Network, NetworkError};
pub use reference::configuration_reference;
pub use view::Source;

/// A running engine. Clones are the same engine; it stops, without draining, when the last one is dropped.
///
/// Its threads bring their own runtimes: `apply` and `drain` may be awaited on any executor.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    config: Arc<EngineConfig>,
    view: Arc<View>,
    // Async, because applies wait for each other while they wait for the workers.
    state: tokio::sync::Mutex<ApplyState>,
    // Held for moments only: to send, and to take the threads when draining.
    workers: Mutex<Vec<WorkerHandle>>,
    log: Mutex<Option<AccessLog>>,
    admin: Option<Admin>,
}

impl Engine {
    /// Starts the worker threads and the admin interface. Nothing is served, and the engine is not ready, until the
    /// first [`apply`](Self::apply).
    ///
    /// # Errors
    ///
    /// The admin interface's address cannot be bound, or the system gives no more threads.
    pub fn start(config: EngineConfig) -> Result<Self, EngineError> {
        Self::start_with_log(config, std::io::stdout())
    }

    /// The same, with the access log written to `output`.
    pub fn start_with_log(
        config: EngineConfig,
        output: impl std::io::Write + Send + 'static,
    ) -> Result<Self, EngineError> {
        let count = config.worker_count();
        let telemetry = Telemetry::new(&config.node, count);
        let view = Arc::new(View::new(telemetry.clone()));
        let config = Arc::new(config);
        let admin = if config.admin.enabled { Some(Admin::start(&config, Arc::clone(&view))?) } else { None };
        let log = AccessLog::start(config.access_log.format, output)
            .map_err(|source| EngineError::Thread { name: "nantian-log".to_owned(), source })?;
        let budget = Budget::new(&config.limits, config.requests.forwarded.trusted_hops);
        let mut workers = Vec::with_capacity(count);
        for index in 0..count {
            workers.push(worker::start(Setup {
                index,
                config: Arc::clone(&config),
                telemetry: telemetry.clone(),
                log: log.as_ref().map(AccessLog::buffer),
                budget: budget.clone(),
            })?);
        }
        Ok(Self(Arc::new(Inner {
            config,
            view,
            state: tokio::sync::Mutex::new(ApplyState::new(reclaim::start()?)),
            workers: Mutex::new(workers),
            log: Mutex::new(log),
            admin,
        })))
    }

    /// Serves `snapshot` from now on; returns when every worker does. Requests in flight finish as they began,
    /// listeners that did not change keep their sockets and connections. New sockets are opened before anything is
    /// switched and old ones closed after it. What cannot be served (a port in use, a broken certificate) is in the
    /// report, everything else is served, and the next call tries it again.
    ///
    /// Concurrent calls are served one after the other. A call that is dropped half-way takes effect all the same, but
    /// readiness and the admin interface tell of it only after the next one.
    pub async fn apply(&self, snapshot: Arc<Snapshot>) -> ApplyReport {
        let version = snapshot.version().to_string();
        self.apply_as(snapshot, version).await
    }

    /// The same, under the name that whoever made the snapshot has for it, in place of its content hash: reports and views
    /// say it, so that both sides speak of the same.
    pub async fn apply_as(&self, snapshot: Arc<Snapshot>, version: String) -> ApplyReport {
        let began = Instant::now();
        let inner = &*self.0;
        let mut state = inner.state.lock().await;
        if state.stopped {
            let refused = Refused {
                part: Part::Engine,
                message: "the engine was drained and serves nothing more".to_owned(),
                remedy: "start a new one".to_owned(),
            };
            return ApplyReport { version, refused: vec![refused] };
        }
        let before = Arc::clone(state.snapshot());
        // No await from here until every worker has its message: a dropped call leaves nothing half done.
        let waiting = {
            let workers = inner.workers.lock().unwrap_or_else(PoisonError::into_inner);
            let plan = state.plan(&snapshot, &inner.config, workers.len());
            tell(&workers, plan)
        };
        let (mut refused, answers) = waiting;
        for (index, answer) in answers.into_iter().enumerate() {
            if answer.await.is_err() {
                refused.push(Refused {
                    part: Part::Worker(index),
                    message: "it panicked and may not serve this configuration".to_owned(),
                    remedy: "restart the process, and report the panic in its output".to_owned(),
                });
            }
        }
        inner.view.telemetry().applied(&before, &snapshot, &version, refused.len(), began.elapsed());
        inner.view.set_served(Served {
            snapshot,
            version: version.clone(),
            applied_at: SystemTime::now(),
            refused: refused.clone(),
            sockets: state.sockets.clone(),
        });
        ApplyReport { version, refused }
    }

    /// Stops: turns not ready, waits for `drain.delay`, stops accepting, closes idle connections and waits up to
    /// `timeout` for requests in flight, then cuts them. The engine serves nothing afterwards; the admin interface
    /// goes on, not ready, until the engine is dropped.
    pub async fn drain(&self, timeout: Duration) -> DrainReport {
        let inner = &*self.0;
        inner.view.set_phase(Phase::Draining);
        let mut state = inner.state.lock().await;
        state.stopped = true;
        let workers = std::mem::take(&mut *inner.workers.lock().unwrap_or_else(PoisonError::into_inner));
        let mut answers = Vec::with_capacity(workers.len());
        for worker in &workers {
            let (done, answer) = oneshot::channel();
            // A worker that has ended has nothing to drain, and its answer says so.
            let _ = worker.commands.send(Command::Drain(Finish { delay: inner.config.drain.delay, timeout, done }));
            answers.push(answer);
        }
        let mut cut = 0;
        for answer in answers {
            cut += answer.await.unwrap_or(0);
        }
        for worker in workers {
            // It has answered, so it ends at once. A panic at its end was counted by the thread itself.
            let _ = worker.thread.join();
        }
        state.sockets.clear();
        if let Some(log) = inner.log.lock().unwrap_or_else(PoisonError::into_inner).take() {
            log.finish();
        }
        inner.view.set_phase(Phase::Stopped);
        DrainReport { cut }
    }

    /// Tells the admin interface how things stand with whoever gives the snapshots: `/readyz` says it while there was none
    /// yet, `/v1/node` always.
    pub fn set_source(&self, source: Source) {
        self.0.view.set_source(source);
    }

    /// All metrics as Prometheus text.
    pub fn metrics_text(&self) -> String {
        self.telemetry().metrics_text()
    }

    /// The numbers behind [`metrics_text`](Self::metrics_text).
    pub fn telemetry(&self) -> &Telemetry {
        self.0.view.telemetry()
    }

    /// Where the admin interface listens; `None` if it is off.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.0.admin.as_ref().map(Admin::address)
    }

    /// What is listened on, with the local address of the sockets: tells the port that the kernel chose where a
    /// snapshot says 0, and what a wildcard became.
    pub fn addresses(&self) -> Vec<(BindAddress, SocketAddr)> {
        self.0.view.served().map(|served| served.sockets.into_iter().collect()).unwrap_or_default()
    }
}

/// Sends each worker its part of the plan. What was refused, and where the workers' answers will come.
fn tell(workers: &[WorkerHandle], plan: apply::Plan) -> (Vec<Refused>, Vec<oneshot::Receiver<()>>) {
    let mut sockets: Vec<_> = plan.open.into_iter().map(|(bind, sockets)| (bind, sockets.into_iter())).collect();
    let mut answers = Vec::with_capacity(workers.len());
    for worker in workers {
        let open = sockets.iter_mut().filter_map(|(bind, sockets)| Some((*bind, sockets.next()?))).collect();
        let (done, answer) = oneshot::channel();
        let (runtime, tls) = (Arc::clone(&plan.runtime), Arc::clone(&plan.tls));
        // A worker that has ended drops the message, and with it `done`: its answer says so.
        let _ = worker.commands.send(Command::Serve(Serve { runtime, tls, open, close: plan.close.clone(), done }));
        answers.push(answer);
    }
    (plan.refused, answers)
}
