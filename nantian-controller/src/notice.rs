//! What happens, for those who run the control plane.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// Something worth a line in a log. The JSON form has a field `event` that says which.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Notice {
    /// A kind cannot be watched. What was read of it before stays; it is tried again. Told once until it works.
    WatchFailed {
        /// The kind.
        kind: &'static str,
        /// Why.
        message: String,
    },
    /// A kind is watched again.
    WatchRestored {
        /// The kind.
        kind: &'static str,
    },
    /// An object that the API server sent is none.
    ObjectRefused {
        /// The kind.
        kind: &'static str,
        /// Why.
        message: String,
    },
    /// Which kinds there are cannot be asked.
    DiscoveryFailed {
        /// Why.
        message: String,
    },
    /// Every kind was read once.
    Synced {
        /// How long that took.
        duration_ms: u128,
    },
    /// There is a new snapshot, or new statuses.
    Published {
        /// The version.
        version: String,
        /// Of so many objects.
        changes: usize,
        /// Compiling and encoding took so long.
        duration_ms: f64,
    },
    /// A status could not be written. It is tried again.
    StatusNotWritten {
        /// Of which object.
        object: String,
        /// Why.
        message: String,
    },
    /// An Event could not be written. The status says the same. Told once until one is written.
    EventNotWritten {
        /// Why.
        message: String,
    },
    /// What is made for a Gateway could not be written. It is tried again.
    InfrastructureNotWritten {
        /// Which Gateway.
        gateway: String,
        /// What, and why.
        message: String,
    },
    /// This replica writes from now on.
    Leading {
        /// Its name.
        identity: String,
    },
    /// This replica writes no more.
    NotLeading {
        /// Why.
        message: String,
    },
    /// A Lease could not be read or written. It is tried again.
    LeaseFailed {
        /// Its name.
        lease: String,
        /// Why.
        message: String,
    },
    /// Who is no data plane, or has nothing to read here, asked for resources and got none.
    Denied {
        /// From where.
        address: String,
        /// Why, as it was told.
        message: String,
    },
    /// What a Gateway's own data planes need could not be made. It is tried again. Told once until something else is wrong.
    DataPlanesNotMade {
        /// What, and why.
        message: String,
    },
    /// New certificates, or a new token, were taken from their files.
    Renewed {
        /// `credentials` or `token`.
        what: &'static str,
    },
    /// What is in those files now is no use: the old ones go on. Told once until something else is wrong.
    NotRenewed {
        /// `credentials` or `token`.
        what: &'static str,
        /// Why.
        message: String,
    },
    /// A data plane refused something.
    Refused {
        /// Its name.
        node: String,
        /// The resource.
        resource: String,
        /// In its words.
        message: String,
    },
}

/// Who is told.
#[derive(Clone)]
pub struct Listener(Arc<dyn Fn(&Notice) + Send + Sync>);

impl Listener {
    /// Calls this for each notice. It must not block.
    pub fn new(tell: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(crate) fn tell(&self, notice: &Notice) {
        (self.0)(notice);
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}
