//! What is known of the engine from outside: the admin interface reads it, applying and draining write it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use nantian_ir::{BindAddress, Snapshot};

use super::Refused;
use crate::telemetry::Telemetry;

/// Where the engine is in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No configuration yet.
    #[default]
    Starting,
    Serving,
    Draining,
    Stopped,
}

impl Phase {
    /// For `/readyz`.
    pub(crate) const fn describe(self) -> &'static str {
        match self {
            Self::Starting => "not ready: waiting for the first configuration",
            Self::Serving => "ready",
            Self::Draining => "not ready: draining, about to stop",
            Self::Stopped => "not ready: stopped",
        }
    }
}

/// How things stand with whoever gives the snapshots.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Source {
    /// Whether it is there now.
    pub connected: bool,
    /// For people: who it is, or why it is not there.
    pub message: String,
}

/// What is served.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) version: String,
    pub(crate) applied_at: SystemTime,
    pub(crate) refused: Vec<Refused>,
    pub(crate) sockets: BTreeMap<BindAddress, SocketAddr>,
}

/// Shared between the engine and its admin interface.
#[derive(Debug)]
pub(crate) struct View {
    telemetry: Telemetry,
    state: Mutex<(Phase, Option<Served>)>,
    source: Mutex<Option<Source>>,
}

impl View {
    pub(crate) fn new(telemetry: Telemetry) -> Self {
        Self { telemetry, state: Mutex::default(), source: Mutex::default() }
    }

    pub(crate) fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    pub(crate) fn phase(&self) -> Phase {
        self.state().0
    }

    pub(crate) fn served(&self) -> Option<Served> {
        self.state().1.clone()
    }

    pub(super) fn set_served(&self, served: Served) {
        let mut state = self.state();
        state.1 = Some(served);
        if state.0 == Phase::Starting {
            state.0 = Phase::Serving;
        }
        self.telemetry.set_ready(state.0 == Phase::Serving);
    }

    pub(crate) fn source(&self) -> Option<Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_source(&self, source: Source) {
        *self.source.lock().unwrap_or_else(PoisonError::into_inner) = Some(source);
    }

    /// The phase, and while there is no configuration, why: for people.
    pub(crate) fn describe(&self) -> String {
        let phase = self.phase();
        match self.source().filter(|_| phase == Phase::Starting) {
            Some(source) => format!("{}: {}", phase.describe(), source.message),
            None => phase.describe().to_owned(),
        }
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        let mut state = self.state();
        state.0 = phase;
        if let (Phase::Stopped, Some(served)) = (phase, &mut state.1) {
            served.sockets.clear();
        }
        drop(state);
        self.telemetry.set_ready(phase == Phase::Serving);
    }

    fn state(&self) -> MutexGuard<'_, (Phase, Option<Served>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
