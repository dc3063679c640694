//! Gateways that somebody has to look at.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use nantian_ir::ObjectRef;
use tokio::sync::Notify;

/// Which Gateways.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// All of them.
    All,
    /// These.
    These(BTreeSet<ObjectRef>),
}

/// Gateways of which something has changed, each once however often. There is one who looks.
#[derive(Debug)]
pub(crate) struct Attention {
    which: Mutex<Which>,
    arrived: Notify,
}

impl Default for Attention {
    fn default() -> Self {
        Self { which: Mutex::new(Which::These(BTreeSet::new())), arrived: Notify::new() }
    }
}

impl Attention {
    /// Something of a Gateway has changed.
    pub(crate) fn call(&self, gateway: ObjectRef) {
        if let Which::These(gateways) = &mut *self.which.lock().unwrap_or_else(PoisonError::into_inner) {
            gateways.insert(gateway);
        }
        self.arrived.notify_one();
    }

    /// Something has changed that matters for all.
    pub(crate) fn call_all(&self) {
        *self.which.lock().unwrap_or_else(PoisonError::into_inner) = Which::All;
        self.arrived.notify_one();
    }

    /// Those since the last call, once there are some.
    pub(crate) async fn next(&self) -> Which {
        self.arrived.notified().await;
        let mut which = self.which.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut which, Which::These(BTreeSet::new()))
    }
}
