//! The engine as the client of a control plane needs it.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nantian_ir::Snapshot;
use nantian_proxy::engine::{Engine, Refused};
use nantian_xds::delta::{Rejection, Update};
use nantian_xds::transport::{Apply, Resync};
use tokio::sync::Mutex;

use crate::event::{Event, tell};
use crate::rejection::{message, rejections};

/// When what could not be had is tried again: a port that another process holds is free some time later. The wait doubles
/// while it makes no difference, since a certificate that cannot be used stays one.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const RARELY: Duration = Duration::from_secs(60);

/// An engine that serves the newest snapshot of a control plane.
pub(crate) struct DataPlane {
    engine: Engine,
    // Locked for as long as a snapshot is applied, so that an older one never comes after it.
    serving: Mutex<Serving>,
}

#[derive(Default)]
struct Serving {
    snapshot: Arc<Snapshot>,
    version: String,
    refused: Vec<Refused>,
}

impl Serving {
    /// Serves what is here; says whether something else than before is refused.
    async fn apply(&mut self, engine: &Engine) -> bool {
        let report = engine.apply_as(Arc::clone(&self.snapshot), self.version.clone()).await;
        for refused in report.refused.iter().filter(|refused| !self.refused.contains(refused)) {
            tell(&Event::Refused { resource: &refused.part.to_string(), message: &message(refused) });
        }
        let before = std::mem::replace(&mut self.refused, report.refused);
        before != self.refused
    }
}

impl DataPlane {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, serving: Mutex::default() }
    }

    /// Tries again, for as long as something is refused; `resync` tells the control plane when that changes.
    pub(crate) async fn retry(&self, resync: &Resync) -> Infallible {
        let mut wait = FIRST_RETRY;
        let mut version = String::new();
        loop {
            tokio::time::sleep(wait).await;
            let mut serving = self.serving.lock().await;
            let is_new = version != serving.version;
            version.clone_from(&serving.version);
            if serving.refused.is_empty() {
                wait = FIRST_RETRY;
            } else if serving.apply(&self.engine).await {
                resync.ask();
                wait = FIRST_RETRY;
            } else {
                wait = if is_new { FIRST_RETRY } else { RARELY.min(wait * 2) };
            }
        }
    }
}

impl Apply for DataPlane {
    async fn apply(&self, update: &Update) -> Vec<Rejection> {
        let began = Instant::now();
        let mut serving = self.serving.lock().await;
        serving.snapshot = Arc::clone(&update.snapshot);
        serving.version.clone_from(&update.version);
        serving.apply(&self.engine).await;
        for rejection in &update.rejected {
            tell(&Event::Refused { resource: &rejection.name, message: &rejection.message });
        }
        let refused = serving.refused.len() + update.rejected.len();
        // Microseconds: less is noise.
        let duration_ms = (began.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        tell(&Event::Applied { version: &update.version, refused, duration_ms });
        rejections(&serving.refused, &update.snapshot, &update.version)
    }
}
