//! The engine: worker threads that serve snapshots.

mod config;
pub(crate) mod duration;
mod error;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use nantian_ir::{BindAddress, Snapshot};

use crate::telemetry::Telemetry;

pub use config::{AccessLogConfig, AdminConfig, DrainConfig, EngineConfig, LimitsConfig};
pub use error::{ApplyReport, DrainReport, EngineError, Refused};

/// A running engine. Clones are the same engine; it stops, without draining, when the last one is dropped.
#[derive(Clone)]
pub struct Engine {
    telemetry: Telemetry,
}

impl Engine {
    /// Starts the worker threads and the admin interface. Nothing is served, and the engine is not ready, until the
    /// first [`apply`](Self::apply).
    pub fn start(config: EngineConfig) -> Result<Self, EngineError> {
        Ok(Self { telemetry: Telemetry::new(&config.node, config.worker_count()) })
    }

    /// Serves `snapshot` from now on; returns when every worker does. Requests in flight finish as they began,
    /// listeners that did not change keep their sockets and connections. Concurrent calls are served one after the
    /// other.
    pub async fn apply(&self, snapshot: Arc<Snapshot>) -> ApplyReport {
        ApplyReport { version: snapshot.version().to_string(), refused: Vec::new() }
    }

    /// Stops: turns not ready, waits for `drain.delay`, stops accepting, closes idle connections and waits up to
    /// `timeout` for requests in flight, then cuts them. The engine serves nothing afterwards.
    pub async fn drain(&self, timeout: Duration) -> DrainReport {
        let _ = timeout;
        DrainReport::default()
    }

    /// All metrics as Prometheus text.
    pub fn metrics_text(&self) -> String {
        self.telemetry.metrics_text()
    }

    /// The numbers behind [`metrics_text`](Self::metrics_text).
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Where the admin interface listens; `None` if it is off.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        None
    }

    /// What is listened on, with the local address of the sockets.
    pub fn addresses(&self) -> Vec<(BindAddress, SocketAddr)> {
        Vec::new()
    }
}
