//! Watches over a server connection: drain, rest, and whether the peer is still there.

use std::rc::Rc;
use std::task::Context;

use super::connection::Core;
use crate::http::deadline::Deadline;
use crate::http::drain::DrainWatch;
use crate::http::{ConnectionEnd, Drain, HttpSettings};

/// Our PINGs: is the peer there, and has it seen the first GOAWAY.
const ALIVE: [u8; 8] = *b"alive?\0\0";
const FINISHED: [u8; 8] = *b"finished";

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    Open,
    /// The first GOAWAY was sent.
    Announced,
    /// The second one was.
    Finished,
}

pub(super) struct Keeper {
    settings: Rc<HttpSettings>,
    drain: DrainWatch,
    /// For the first request, later for rest.
    rest: Deadline,
    resting: bool,
    ping_at: Deadline,
    ping_sent: bool,
    served: u32,
    progress: Progress,
}

impl Keeper {
    /// `rest` is the time for the first request.
    pub(super) fn new(rest: Deadline, drain: Drain, settings: Rc<HttpSettings>) -> Self {
        let mut ping_at = Deadline::default();
        ping_at.set_in(settings.http2.keep_alive_interval);
        let drain = DrainWatch::new(drain);
        Self { drain, rest, resting: true, ping_at, ping_sent: false, served: 0, progress: Progress::Open, settings }
    }

    pub(super) fn opened(&mut self) {
        self.served = self.served.saturating_add(1);
        self.resting = false;
    }

    /// How a connection ends that nothing went wrong with.
    pub(super) fn end(&self) -> ConnectionEnd {
        match (self.used_up(), self.drain.is_draining()) {
            (true, _) => ConnectionEnd::UsedUp,
            (false, true) => ConnectionEnd::Drained,
            (false, false) => ConnectionEnd::Closed,
        }
    }

    fn used_up(&self) -> bool {
        self.served >= self.settings.max_requests_per_connection
    }

    /// Whether the last GOAWAY was sent.
    pub(super) fn is_finished(&self) -> bool {
        self.progress == Progress::Finished
    }

    /// Does what is due. `Some` if the connection ends now.
    pub(super) fn poll(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Option<ConnectionEnd> {
        match core.take_pong() {
            Some(FINISHED) if self.progress == Progress::Announced => {
                self.progress = Progress::Finished;
                core.finish();
            }
            Some(ALIVE) => {
                self.ping_sent = false;
                self.ping_at.set_in(self.settings.http2.keep_alive_interval);
            }
            _ => {}
        }
        if self.progress == Progress::Open && (self.used_up() || self.drain.poll(cx)) {
            self.announce(core);
        }
        if core.held_streams() > 0 { self.poll_ping(core, cx) } else { self.poll_rest(core, cx) }
    }

    /// RFC 9113 section 6.8: two GOAWAYs, so that what is on its way when the first one is sent is still served.
    fn announce(&mut self, core: &mut Core) {
        self.progress = Progress::Announced;
        core.announce_end();
        core.ping(FINISHED);
        self.rest.set_in(self.settings.linger);
    }

    fn poll_rest(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Option<ConnectionEnd> {
        if !std::mem::replace(&mut self.resting, true) {
            let open = self.progress == Progress::Open;
            self.rest.set_in(if open { self.settings.keep_alive_timeout } else { self.settings.linger });
        }
        if !self.rest.poll(cx) {
            return None;
        }
        let end = if self.served == 0 { ConnectionEnd::HeadTimeout } else { ConnectionEnd::Idle };
        match self.progress {
            // Who has not said what it speaks would not understand.
            Progress::Open if !core.is_settled() => Some(end),
            // Whoever rests longer than the limit gets one chance to hear GOAWAY, not to rest on.
            Progress::Open => {
                self.announce(core);
                let _ = self.rest.poll(cx);
                None
            }
            Progress::Announced | Progress::Finished if self.used_up() || self.drain.is_draining() => Some(self.end()),
            Progress::Announced | Progress::Finished => Some(end),
        }
    }

    /// A peer that is gone without a word would keep its streams for ever.
    fn poll_ping(&mut self, core: &mut Core, cx: &mut Context<'_>) -> Option<ConnectionEnd> {
        if self.ping_at.poll(cx) {
            if std::mem::replace(&mut self.ping_sent, true) {
                return Some(ConnectionEnd::PingTimeout);
            }
            core.ping(ALIVE);
            self.ping_at.set_in(self.settings.http2.keep_alive_ping_timeout);
            let _ = self.ping_at.poll(cx);
        }
        None
    }
}
