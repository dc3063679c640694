//! Metrics and the access log.
//!
//! Each worker counts in a shard of its own, without locks; [`Telemetry::metrics_text`] adds the shards up. The names are
//! one table (`names.rs`), response flags another (`flags.rs`). A request reaches both through one plain
//! [`RequestRecord`].

mod access_log;
mod cells;
mod flags;
mod line;
mod names;
mod record;
mod reference;
mod render;
mod series;
mod shard;
mod sources;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use nantian_ir::{BackendKey, BindAddress, Endpoint, ResourceChange, Snapshot};

pub use access_log::{AccessLog, AccessLogFormat};
pub use flags::{ResponseFlag, ResponseFlags};
pub use record::RequestRecord;
#[cfg(test)]
pub(crate) use reference::check_reference;
pub use reference::{access_log_reference, metrics_reference};
pub use shard::{MirrorOutcome, Recorder};

pub(crate) use access_log::LogBuffer;
pub(crate) use cells::SharedCount;
pub(crate) use line::{Fragment, Fragments};
pub(crate) use shard::{BufferAction, PanicPlace, RequestCells, UnderscoreAction, WaitOutcome};
pub(crate) use sources::{AcceptError, BindStats, CutReason, HandshakeError};

use series::{Admission, SeriesKey};
use shard::Shard;
use sources::{Binds, Config};

/// Label sets of the request metrics, at most. The rest is counted under `other`.
const MAX_SERIES: usize = 10_000;

/// All numbers of an engine. Clones are the same.
#[derive(Debug, Clone)]
pub struct Telemetry(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    node: String,
    started: SystemTime,
    ready: AtomicBool,
    shards: Vec<Arc<Shard>>,
    admission: Arc<Admission>,
    binds: Mutex<Binds>,
    config: Mutex<Config>,
    worker_panics: SharedCount,
}

impl Telemetry {
    /// Numbers of an engine with `workers` workers on the node `node`.
    pub fn new(node: &str, workers: usize) -> Self {
        Self::with_bound(node, workers, MAX_SERIES)
    }

    fn with_bound(node: &str, workers: usize, bound: usize) -> Self {
        Self(Arc::new(Inner {
            node: node.to_owned(),
            started: SystemTime::now(),
            ready: AtomicBool::new(false),
            shards: (0..workers).map(|_| Arc::default()).collect(),
            admission: Arc::new(Admission::new(bound)),
            binds: Mutex::default(),
            config: Mutex::default(),
            worker_panics: SharedCount::default(),
        }))
    }

    /// The recorder of worker `index` (from 0), without an access log: for whoever embeds parts of the engine, and for
    /// tests. Only one thread may use a worker's recorders. An index without a worker counts nowhere.
    pub fn recorder(&self, index: usize) -> Recorder {
        self.recorder_with_log(index, None)
    }

    /// The same with lines in `log`: those of requests that have ended wait in the recorder until they are many, or until
    /// [`Recorder::flush`] is called.
    pub fn logging_recorder(&self, index: usize, log: &AccessLog) -> Recorder {
        self.recorder_with_log(index, Some(log.buffer()))
    }

    pub(crate) fn recorder_with_log(&self, index: usize, log: Option<LogBuffer>) -> Recorder {
        let shard = self.0.shards.get(index).map(Arc::clone).unwrap_or_default();
        Recorder::new(shard, Arc::clone(&self.0.admission), log)
    }

    /// All metrics as Prometheus text (exposition format 0.0.4).
    pub fn metrics_text(&self) -> String {
        render::page(&self.0)
    }

    /// Says whether an endpoint may get requests, as its health checks or outlier detection found. Until told
    /// otherwise, it may.
    pub fn set_endpoint_health(&self, backend: &BackendKey, endpoint: &Endpoint, healthy: bool) {
        self.config().set_health(backend, endpoint, healthy);
    }

    pub(crate) fn workers(&self) -> usize {
        self.0.shards.len()
    }

    /// The bytes that all workers hold.
    pub(crate) fn buffered(&self) -> u64 {
        self.0.shards.iter().fold(0, |sum, shard| sum.wrapping_add(shard.buffered.get()))
    }

    pub(crate) fn set_ready(&self, ready: bool) {
        self.0.ready.store(ready, Ordering::Relaxed);
    }

    pub(crate) fn node(&self) -> &str {
        &self.0.node
    }

    pub(crate) fn started(&self) -> SystemTime {
        self.0.started
    }

    /// The counters of a bind address, made at first use.
    pub(crate) fn bind(&self, bind: BindAddress) -> Arc<BindStats> {
        self.binds().get(bind)
    }

    /// All bind addresses that are listened on or have connections still.
    pub(crate) fn bind_stats(&self) -> BTreeMap<BindAddress, Arc<BindStats>> {
        self.binds().0.clone()
    }

    /// The connections to each backend.
    pub(crate) fn backend_totals(&self) -> BTreeMap<BackendKey, render::BackendTotal> {
        render::backend_totals(&self.0)
    }

    pub(crate) fn worker_panicked(&self) {
        self.0.worker_panics.add(1);
    }

    /// A configuration is served now, after `before`: retires series of what is gone.
    pub(crate) fn applied(
        &self,
        before: &Snapshot,
        snapshot: &Snapshot,
        version: &str,
        refused: usize,
        took: Duration,
    ) {
        let changes = Snapshot::diff(before, snapshot);
        self.config().applied(snapshot, &changes.endpoints, version, refused, took);
        if !changes.listeners.is_empty() {
            self.binds().retain(|bind| snapshot.listeners.values().any(|listener| listener.bind == bind));
        }
        if removes(&changes.listeners) || removes(&changes.rules) {
            self.retire_requests(snapshot);
        }
        // Connections of a removed backend still count until they are closed.
        let waits = self.config().retired_backends;
        if waits || removes(&changes.backends) {
            self.config().retired_backends = self.retire_backends(snapshot);
        }
    }

    fn retire_requests(&self, snapshot: &Snapshot) {
        let routes: std::collections::BTreeSet<_> = snapshot.rules.keys().map(|rule| &rule.route).collect();
        let alive = |key: &SeriesKey| match key {
            SeriesKey::NoListener | SeriesKey::Other => true,
            SeriesKey::NoRoute(listener) => snapshot.listeners.contains_key(listener),
            SeriesKey::Route(listener, route) => snapshot.listeners.contains_key(listener) && routes.contains(route),
        };
        self.0.admission.retain(alive);
        for shard in &self.0.shards {
            shard.requests.lock().unwrap_or_else(PoisonError::into_inner).retain(|key, _| alive(key));
        }
    }

    /// Whether some are left that are to go.
    fn retire_backends(&self, snapshot: &Snapshot) -> bool {
        let mut some_left = false;
        for shard in &self.0.shards {
            shard.backends.lock().unwrap_or_else(PoisonError::into_inner).retain(|backend, stats| {
                let alive = snapshot.backends.contains_key(backend);
                let kept = alive || stats.active() > 0;
                some_left |= kept && !alive;
                kept
            });
        }
        some_left
    }

    fn binds(&self) -> MutexGuard<'_, Binds> {
        self.0.binds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn config(&self) -> MutexGuard<'_, Config> {
        self.0.config.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn removes<T>(changes: &[ResourceChange<'_, T>]) -> bool {
    changes.iter().any(|change| change.now().is_none())
}

#[cfg(test)]
mod tests;
