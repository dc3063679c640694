//! One worker's numbers, and the handle through which the worker counts.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http::{Method, StatusCode, Version};
use nantian_ir::{BackendKey, ListenerKey, RouteKey};
use tokio::time::Instant;

use super::access_log::LogBuffer;
use super::cells::{Histogram, Owned};
use super::flags::{ResponseFlag, ResponseFlags};
use super::line::Fragments;
use super::record::RequestRecord;
use super::series::{Admission, SeriesKey};
use crate::http::h2::StreamReset;
use crate::upstream::ConnectionStats;

/// Labels of `status_class`, in the order of [`RequestCells::classes`].
pub(crate) const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// What is counted for one listener and route.
#[derive(Debug, Default)]
pub(crate) struct RequestCells {
    pub(crate) classes: [Owned; CLASSES.len()],
    pub(crate) duration: Histogram,
    pub(crate) received: Owned,
    pub(crate) sent: Owned,
}

/// What became of a mirrored request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MirrorOutcome {
    /// It was answered.
    Sent,
    /// Connecting, sending or waiting for the answer failed.
    Failed,
    /// It was not sent, because too many were under way.
    Dropped,
}

impl MirrorOutcome {
    pub(crate) const ALL: [Self; 3] = [Self::Sent, Self::Failed, Self::Dropped];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

/// What became of a request's wait for a configuration that can serve it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitOutcome {
    /// It went on by one that came in time.
    Served,
    /// None came in time.
    Unserved,
    /// It did not wait, because too many did.
    Refused,
}

impl WaitOutcome {
    pub(crate) const ALL: [Self; 3] = [Self::Served, Self::Unserved, Self::Refused];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Unserved => "unserved",
            Self::Refused => "refused",
        }
    }
}

/// What became of a field with an underscore in its name that was not forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnderscoreAction {
    Dropped,
    Refused,
}

impl UnderscoreAction {
    pub(crate) const ALL: [Self; 2] = [Self::Dropped, Self::Refused];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Dropped => "dropped",
            Self::Refused => "refused",
        }
    }
}

/// What was done because too many bytes are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BufferAction {
    ReadingPaused,
    RequestRefused,
    ConnectionCut,
}

impl BufferAction {
    pub(crate) const ALL: [Self; 3] = [Self::ReadingPaused, Self::RequestRefused, Self::ConnectionCut];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ReadingPaused => "reading_paused",
            Self::RequestRefused => "request_refused",
            Self::ConnectionCut => "connection_cut",
        }
    }
}

/// Where a panic was contained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PanicPlace {
    Request,
    Connection,
}

impl PanicPlace {
    pub(crate) const ALL: [Self; 2] = [Self::Request, Self::Connection];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Connection => "connection",
        }
    }
}

/// How many flags there may be.
const FLAGS: usize = 32;

/// One worker's numbers, readable from every thread.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    // Locked when a configuration first uses a series, and by scrapes: never for an ordinary request.
    pub(crate) requests: Mutex<BTreeMap<SeriesKey, Arc<RequestCells>>>,
    pub(crate) backends: Mutex<BTreeMap<BackendKey, Arc<ConnectionStats>>>,
    pub(crate) flags: [Owned; FLAGS],
    pub(crate) retries: Owned,
    pub(crate) mirrors: [Owned; MirrorOutcome::ALL.len()],
    pub(crate) waits: [Owned; WaitOutcome::ALL.len()],
    pub(crate) underscores: [Owned; UnderscoreAction::ALL.len()],
    pub(crate) streams_reset: [Owned; StreamReset::ALL.len()],
    pub(crate) panics: [Owned; PanicPlace::ALL.len()],
    pub(crate) buffered: Owned,
    pub(crate) buffer_actions: [Owned; BufferAction::ALL.len()],
    pub(crate) log_lines: Owned,
    pub(crate) log_dropped: Owned,
}

/// Counts on one worker. Clones count together.
#[derive(Clone)]
pub struct Recorder(Rc<Inner>);

struct Inner {
    shard: Arc<Shard>,
    admission: Arc<Admission>,
    log: Option<LogBuffer>,
    /// When a connection's line was last written, for each flag.
    connection_lines: [Cell<Option<Instant>>; FLAGS],
}

/// Between two lines of connections with the same flag: who opens thousands must not fill the log with them.
const CONNECTION_LINES: Duration = Duration::from_secs(1);

impl Recorder {
    pub(crate) fn new(shard: Arc<Shard>, admission: Arc<Admission>, log: Option<LogBuffer>) -> Self {
        let connection_lines = std::array::from_fn(|_| Cell::default());
        Self(Rc::new(Inner { shard, admission, log, connection_lines }))
    }

    /// Counts an ended request and writes its access log line. Looks its series up under a lock that scrapes take too;
    /// the engine's own pipeline looks them up once for a configuration.
    pub fn record(&self, record: &RequestRecord<'_>) {
        let cells = self.series(record.listener, record.rule.map(|rule| &rule.route));
        self.record_in(&cells, record, Fragments::default());
    }

    /// The same without a lookup: `cells` are those of the record's listener and route, `known` its fragments.
    pub(crate) fn record_in(&self, cells: &RequestCells, record: &RequestRecord<'_>, known: Fragments<'_>) {
        let shard = &self.0.shard;
        if let Some(class) = cells.classes.get(class_of(record.status)) {
            class.add(1);
        }
        cells.duration.observe(record.duration);
        cells.received.add(record.bytes_in);
        cells.sent.add(record.bytes_out);
        for flag in record.flags.iter() {
            self.count_flag(flag);
        }
        if record.tries > 1 {
            shard.retries.add(u64::from(record.tries - 1));
        }
        self.write_line(record, known);
    }

    /// Whether there is an access log: what only its lines tell needs no look at a clock without one.
    pub(crate) fn writes_log(&self) -> bool {
        self.0.log.is_some()
    }

    fn write_line(&self, record: &RequestRecord<'_>, known: Fragments<'_>) {
        if let Some(log) = &self.0.log {
            self.0.shard.log_lines.add(1);
            let dropped = log.write(record, known);
            if dropped > 0 {
                self.0.shard.log_dropped.add(dropped);
            }
        }
    }

    /// Writes an access log line for a connection that was refused or cut while no request could tell of it: one a second
    /// for each flag. Metrics count all of them.
    pub(crate) fn connection_ended(&self, client: SocketAddr, flag: ResponseFlag) {
        let Some(last) = self.0.connection_lines.get(flag as usize) else { return };
        let now = Instant::now();
        if self.0.log.is_none() || last.get().is_some_and(|last| now.duration_since(last) < CONNECTION_LINES) {
            return;
        }
        last.set(Some(now));
        // Nothing was asked in any version of HTTP.
        let method = Method::from_bytes(b"-").unwrap_or_default();
        let mut record = RequestRecord::new(SystemTime::now(), client, Version::HTTP_09, &method);
        (record.scheme, record.flags) = ("-", ResponseFlags::of(flag));
        self.write_line(&record, Fragments::default());
    }

    /// Counts a mirrored request.
    pub fn mirrored(&self, outcome: MirrorOutcome) {
        if let Some(cell) = self.0.shard.mirrors.get(outcome as usize) {
            cell.add(1);
        }
    }

    /// Counts the wait of a request for another configuration.
    pub(crate) fn waited(&self, outcome: WaitOutcome) {
        if let Some(cell) = self.0.shard.waits.get(outcome as usize) {
            cell.add(1);
        }
    }

    /// Counts bytes that are held from now on.
    pub(crate) fn hold(&self, bytes: usize) {
        self.0.shard.buffered.add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Counts bytes that are held no longer.
    pub(crate) fn release(&self, bytes: usize) {
        self.0.shard.buffered.sub(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// The bytes that this worker holds.
    pub(crate) fn buffered(&self) -> u64 {
        self.0.shard.buffered.get()
    }

    /// Counts what was done because too many bytes are held.
    pub(crate) fn buffers(&self, action: BufferAction) {
        if let Some(cell) = self.0.shard.buffer_actions.get(action as usize) {
            cell.add(1);
        }
    }

    /// Counts field names with an underscore.
    pub(crate) fn underscores(&self, action: UnderscoreAction, names: u64) {
        if let Some(cell) = self.0.shard.underscores.get(action as usize) {
            cell.add(names);
        }
    }

    /// The counters of a backend's connections, of this worker alone. Look them up once for a configuration and keep
    /// them: this takes a lock.
    pub fn backend(&self, backend: &BackendKey) -> Arc<ConnectionStats> {
        let mut backends = self.0.shard.backends.lock().unwrap_or_else(PoisonError::into_inner);
        match backends.get(backend) {
            Some(stats) => Arc::clone(stats),
            None => Arc::clone(backends.entry(backend.clone()).or_default()),
        }
    }

    pub(crate) fn stream_reset(&self, reason: StreamReset) {
        if let Some(cell) = self.0.shard.streams_reset.get(reason as usize) {
            cell.add(1);
        }
    }

    pub(crate) fn panicked(&self, place: PanicPlace) {
        if let Some(cell) = self.0.shard.panics.get(place as usize) {
            cell.add(1);
        }
    }

    /// Hands buffered access log lines to the writer, as an engine does ten milliseconds after the first.
    pub fn flush(&self) {
        if let Some(log) = &self.0.log {
            let dropped = log.flush();
            if dropped > 0 {
                self.0.shard.log_dropped.add(dropped);
            }
        }
    }

    /// Resolves when there are access log lines to flush; never, if there is no access log.
    pub(crate) async fn log_pending(&self) {
        match &self.0.log {
            Some(log) => log.pending().await,
            None => std::future::pending().await,
        }
    }

    fn count_flag(&self, flag: ResponseFlag) {
        if let Some(cell) = self.0.shard.flags.get(flag as usize) {
            cell.add(1);
        }
    }

    /// The counters of a listener and route on this worker. Look them up once for a configuration, which may retire
    /// series, and keep them: this takes locks.
    pub(crate) fn series(&self, listener: Option<&ListenerKey>, route: Option<&RouteKey>) -> Arc<RequestCells> {
        let key = self.0.admission.admit(SeriesKey::new(listener, route));
        let mut requests = self.0.shard.requests.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(requests.entry(key).or_default())
    }
}

fn class_of(status: Option<StatusCode>) -> usize {
    status.map_or(0, |status| usize::from(status.as_u16() / 100).min(CLASSES.len() - 1))
}
