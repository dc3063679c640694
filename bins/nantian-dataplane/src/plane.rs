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

/// How often what could not be had is tried again: a port that another process holds is free some time later.
const RETRY: Duration = Duration::from_secs(1);

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
        loop {
            tokio::time::sleep(RETRY).await;
            let mut serving = self.serving.lock().await;
            if !serving.refused.is_empty() && serving.apply(&self.engine).await {
                resync.ask();
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
