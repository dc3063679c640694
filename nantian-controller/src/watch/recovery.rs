//! A watch that failed, and goes well again.

use kube::runtime::watcher::Error;

use super::backoff::Backoff;
use crate::notice::{Listener, Notice};

/// How the watch of a kind goes.
pub(crate) struct Recovery<'a> {
    kind: &'static str,
    listener: &'a Listener,
    backoff: Backoff,
    is_told: bool,
}

impl<'a> Recovery<'a> {
    pub(crate) fn of(kind: &'static str, listener: &'a Listener) -> Self {
        Self { kind, listener, backoff: Backoff::default(), is_told: false }
    }

    /// Something came.
    pub(crate) fn went_well(&mut self) {
        self.backoff.succeeded();
        if std::mem::take(&mut self.is_told) {
            self.listener.tell(&Notice::WatchRestored { kind: self.kind });
        }
    }

    /// Tells what is wrong, once, and waits.
    pub(crate) async fn failed(&mut self, error: &Error) {
        // A watch that is cut resumes where it was: that is all there is to it, unless it cannot.
        if !self.is_told && !matches!(error, Error::WatchFailed(_)) {
            self.is_told = true;
            self.listener.tell(&Notice::WatchFailed { kind: self.kind, message: error.to_string() });
        }
        tokio::time::sleep(self.backoff.failed()).await;
    }
}
