//! Signals: SIGTERM and SIGINT end, SIGHUP reads again.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Drain and end.
    Stop,
    /// Read everything again.
    Reread,
}

/// The signals that are handled.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Handles them from now on. To be called within a runtime of tokio.
    ///
    /// # Errors
    ///
    /// The system takes no handlers.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next one. Cancel safe.
    pub async fn next(&mut self) -> Request {
        tokio::select! {
            _ = self.terminate.recv() => Request::Stop,
            _ = self.interrupt.recv() => Request::Stop,
            _ = self.hangup.recv() => Request::Reread,
        }
    }

    /// The next interrupt. Cancel safe.
    pub async fn interrupted(&mut self) {
        self.interrupt.recv().await;
    }
}
