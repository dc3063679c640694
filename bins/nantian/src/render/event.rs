//! What happens, as plain data: a line of JSON for programs, text for people. The list of events in `nantian run --help`
//! is the list of variants here.

use nantian_ir::compile::{ObjectStatus, Status};
use nantian_ir::{ObjectRef, ResourceChange, Snapshot};
use serde::Serialize;

use crate::finding::Finding;
use crate::sample::Sample;

/// One event.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "camelCase")]
pub(crate) enum Event<'a> {
    /// Something to know appeared or went away.
    Diagnostic {
        /// Which of the two.
        state: FindingState,
        /// What.
        #[serde(flatten)]
        finding: &'a Finding,
    },
    /// A new configuration serves.
    Applied(&'a Applied),
    /// A listener began or ceased to serve, or could not.
    Listener(&'a ListenerEvent),
    /// The status of an object.
    Status {
        /// The object.
        object: &'a ObjectRef,
        /// Its status, as Kubernetes would hold it.
        status: &'a Status,
    },
    /// An echo backend began to serve.
    Echo {
        /// Where.
        address: &'a str,
        /// For which Service: `namespace/name`.
        service: &'a str,
    },
    /// A command to try.
    Try(&'a Sample),
    /// The sum of a check.
    Checked {
        /// How many objects were read.
        objects: usize,
        /// How many diagnostics are errors.
        errors: usize,
        /// How many are warnings.
        warnings: usize,
        /// How many objects have a condition that refuses them.
        refused: usize,
        /// How many are left alone: of another controller's class, or attached to no Gateway here.
        alone: usize,
        /// Whether there is neither an error nor a refusal.
        accepted: bool,
    },
    /// Anything else.
    Notice {
        /// Text.
        message: &'a str,
    },
    /// Requests in flight may end; no new ones are taken.
    Draining {
        /// How long they may take, in milliseconds.
        timeout_ms: u128,
    },
    /// The end.
    Stopped {
        /// Whether all requests ended in time.
        complete: bool,
    },
}

/// Whether a finding came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FindingState {
    /// Not known before.
    New,
    /// Mended, or its object is gone.
    Resolved,
}

/// A configuration that serves.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Applied {
    /// Content hash of the snapshot.
    pub(crate) version: String,
    /// From the first read of a file to the configuration serving.
    pub(crate) duration_ms: f64,
    /// Against the configuration before.
    pub(crate) changes: Changes,
    /// How many resources there are now.
    pub(crate) resources: Counts,
}

/// How many resources of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Listeners.
    pub(crate) listeners: usize,
    /// Route rules.
    pub(crate) rules: usize,
    /// Backends.
    pub(crate) backends: usize,
    /// Endpoints of all backends.
    pub(crate) endpoints: usize,
    /// Certificates.
    pub(crate) certificates: usize,
}

impl Counts {
    /// Counts the resources of a snapshot.
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        Self {
            listeners: snapshot.listeners.len(),
            rules: snapshot.rules.len(),
            backends: snapshot.backends.len(),
            endpoints: snapshot.endpoints.values().map(|set| set.endpoints.len()).sum(),
            certificates: snapshot.certificates.len(),
        }
    }
}

/// What differs between two snapshots, by kind of resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Changes {
    /// Listeners.
    pub(crate) listeners: Delta,
    /// Route rules.
    pub(crate) rules: Delta,
    /// Backends.
    pub(crate) backends: Delta,
    /// Endpoint sets.
    pub(crate) endpoints: Delta,
    /// Certificates.
    pub(crate) certificates: Delta,
}

/// What differs between two maps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Delta {
    /// Only in the new one.
    pub(crate) added: usize,
    /// In both, but not the same.
    pub(crate) changed: usize,
    /// Only in the old one.
    pub(crate) removed: usize,
}

impl Delta {
    fn of<T>(changes: &[ResourceChange<'_, T>]) -> Self {
        let mut delta = Self::default();
        for change in changes {
            match change {
                ResourceChange::Added(_) => delta.added += 1,
                ResourceChange::Changed { .. } => delta.changed += 1,
                ResourceChange::Removed(_) => delta.removed += 1,
            }
        }
        delta
    }
}

impl Changes {
    /// Compares two snapshots.
    pub(crate) fn between(old: &Snapshot, new: &Snapshot) -> Self {
        let changes = Snapshot::diff(old, new);
        Self {
            listeners: Delta::of(&changes.listeners),
            rules: Delta::of(&changes.rules),
            backends: Delta::of(&changes.backends),
            endpoints: Delta::of(&changes.endpoints),
            certificates: Delta::of(&changes.certificates),
        }
    }

    /// Each kind's name with what changed, those without changes left out.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, Delta)> {
        let all = [
            ("listener", self.listeners),
            ("route rule", self.rules),
            ("backend", self.backends),
            ("endpoint set", self.endpoints),
            ("certificate", self.certificates),
        ];
        all.into_iter().filter(|(_, delta)| *delta != Delta::default())
    }
}

/// How a listener is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListenerEvent {
    /// What it does now.
    pub(crate) state: ListenerState,
    /// Its name: `namespace/gateway/listener`.
    pub(crate) listener: String,
    /// The socket.
    pub(crate) bind: String,
    /// What to type into a browser.
    pub(crate) url: String,
    /// Why it does not serve.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) message: String,
}

/// What a listener does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ListenerState {
    /// It serves.
    Serving,
    /// It cannot.
    Refused,
    /// It was taken away.
    Closed,
}

/// An event for the status of an object.
pub(crate) fn status(status: &ObjectStatus) -> Event<'_> {
    Event::Status { object: &status.object, status: &status.status }
}
