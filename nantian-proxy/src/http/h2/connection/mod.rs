//! The protocol's state: frames in, frames out, streams between them. Knows neither a socket nor a clock; whoever waits
//! is woken.
//!
//! A driver gives it what was read ([`Core::receive`]) and writes what is in [`Core::out`]. The tasks of the streams hold
//! [`Sender`]s and [`Receiver`]s, which put frames into the same buffer: whatever many streams have to say between two
//! turns of the driver becomes one write.

mod abandon;
mod data;
mod handle;
mod receive;
mod send;
mod stream;
mod streams;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::BytesMut;
use http::uri::Authority;
use tokio::time::Instant;

use super::budget::Budgets;
use super::error::{ConnectionError, StreamError};
use super::flow::Window;
use super::frame::{self, DEFAULT_WINDOW, MAX_STREAM, Settings};
use super::hpack::{Decoder, Encoder};
use super::message::{Arrived, Limits};
use super::reason::Reason;
use super::reset::StreamReset;
use super::reset_pace::ResetPace;
use crate::http::buffered::{Account, Held};
use crate::http::h1::Output;
use crate::http::queue::Queue;
use crate::http::{HttpSettings, Refusal, Request};
use crate::upstream::PoolSettings;

pub(crate) use handle::{Opening, Receiver, Sender, halves};
use streams::Streams;

/// Bytes that wait to be written, beyond those of data, before nothing more is read. Data alone never stops it: two peers
/// that both wait for the other to read would wait for ever.
const MOST_OWED: usize = 64 * 1024;

/// Streams that we open before the peer has told how many it takes (RFC 9113 section 6.5.2 asks for no less).
const STREAMS_BEFORE_SETTINGS: usize = 100;

/// Which end of the connection we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Server,
    Client,
}

/// A connection's state, shared by its driver and its streams. Borrowed only within calls that wait for nothing.
pub(crate) type Shared = Rc<RefCell<Core>>;

/// What a core, which knows no socket, writes to when there is no room left for what its streams have.
pub(crate) trait Outlet {
    /// Writes; says whether all was taken.
    fn write(&self, out: &mut Output) -> bool;
}

/// A request that came in.
pub(crate) struct Incoming {
    pub(crate) stream: u32,
    pub(crate) request: Result<Arrived<Request<()>>, Refusal>,
    pub(crate) ended: bool,
}

/// The state of one connection.
pub(crate) struct Core {
    role: Role,
    limits: Limits,
    max_frame_size: usize,
    /// Streams at once: of the peer if we are the server, else of ours.
    max_streams: usize,
    stream_window: u32,
    /// Bytes that wait to be written before streams wait for their turn.
    high_water: usize,
    most_unseen_resets: usize,
    most_provoked_resets: usize,
    /// What waits to be written.
    pub(crate) out: Output,
    written: u64,
    /// Which filling of it this is, from 1 on: each ends when all of it was written.
    filling: u64,
    outlet: Option<Rc<dyn Outlet>>,
    /// Whether the peer did not take all of the last write: nothing is added then.
    blocked: bool,
    streams: Streams,
    budgets: Budgets,
    reset_pace: ResetPace,
    /// Streams that were abandoned since the last turn of the driver.
    newly_abandoned: u64,
    decoder: Decoder,
    encoder: Encoder,
    /// That of the last request.
    authority: Option<Authority>,
    scratch: BytesMut,

    /// What of the client's preface is still to come.
    preface: &'static [u8],
    settled: bool,
    acknowledged: bool,
    block: Option<receive::Block>,
    window: Window,
    /// The peer's last stream that we have seen.
    last_seen: u32,
    /// Requests that the driver has not taken yet.
    incoming: VecDeque<Incoming>,
    /// Requests that ended before that, and why.
    unseen: Vec<(Request<()>, StreamError)>,
    unseen_resets: usize,
    /// The last request that the driver left for its next turn.
    left: u32,
    provoked_resets: usize,
    /// Streams that were reset for what the client did, and that nobody was told of yet.
    blamed: Vec<StreamReset>,
    pong: Option<[u8; 8]>,

    /// What the peer lets us send on all streams together.
    room: i64,
    /// What it lets us send on a new one.
    first_room: i64,
    peer_max_streams: usize,
    next_stream: u32,
    /// Streams that wait for their turn to send.
    turns: VecDeque<u32>,
    /// Tasks that wait for a stream of theirs.
    openers: Queue,

    /// The last stream that GOAWAY told the peer of.
    told_last: Option<u32>,
    /// The last stream that the peer's GOAWAY told us of.
    heard_last: Option<u32>,
    /// Set once the connection is over.
    closed: Option<StreamError>,
    driver: Option<Waker>,
}

impl Core {
    /// A connection to a client, whose first frames wait to be written.
    pub(crate) fn server(settings: &HttpSettings) -> Self {
        let max_streams = usize::try_from(settings.http2.max_concurrent_streams).unwrap_or(usize::MAX);
        Self::new(Role::Server, settings, max_streams, ResetPace::new(1, Duration::ZERO))
    }

    /// The same to a backend.
    pub(crate) fn client(settings: &HttpSettings, pool: &PoolSettings) -> Self {
        let pace = ResetPace::new(pool.reset_burst, pool.reset_interval);
        Self::new(Role::Client, settings, pool.max_http2_streams.max(1), pace)
    }

    fn new(role: Role, settings: &HttpSettings, max_streams: usize, reset_pace: ResetPace) -> Self {
        let http2 = &settings.http2;
        let mut core = Self {
            role,
            limits: settings.into(),
            max_frame_size: usize::try_from(http2.max_frame_size).unwrap_or(frame::LARGEST_PAYLOAD),
            max_streams,
            stream_window: http2.stream_window.min(frame::MAX_WINDOW),
            high_water: http2.max_send_buffer.max(1),
            most_unseen_resets: http2.max_pending_accept_reset_streams,
            most_provoked_resets: http2.max_local_error_reset_streams,
            out: Output::default(),
            written: 0,
            filling: 1,
            outlet: None,
            blocked: false,
            streams: Streams::new(http2.max_reset_streams),
            budgets: Budgets::new(role, http2.max_control_frames, http2.control_frames_window),
            reset_pace,
            newly_abandoned: 0,
            decoder: Decoder::new(usize::try_from(http2.header_table_size).unwrap_or_default()),
            encoder: if role == Role::Server { Encoder::default() } else { Encoder::plain() },
            authority: None,
            scratch: BytesMut::new(),
            preface: if role == Role::Server { frame::PREFACE } else { &[] },
            settled: false,
            acknowledged: false,
            block: None,
            window: Window::new(DEFAULT_WINDOW, http2.connection_window.min(frame::MAX_WINDOW)),
            last_seen: 0,
            incoming: VecDeque::new(),
            unseen: Vec::new(),
            unseen_resets: 0,
            left: 0,
            provoked_resets: 0,
            blamed: Vec::new(),
            pong: None,
            room: i64::from(DEFAULT_WINDOW),
            first_room: i64::from(DEFAULT_WINDOW),
            peer_max_streams: STREAMS_BEFORE_SETTINGS,
            next_stream: 1,
            turns: VecDeque::new(),
            openers: Queue::default(),
            told_last: None,
            heard_last: None,
            closed: None,
            driver: None,
        };
        core.greet(settings);
        core
    }

    /// Our side of the preface (RFC 9113 section 3.4).
    fn greet(&mut self, settings: &HttpSettings) {
        let http2 = &settings.http2;
        let server = self.role == Role::Server;
        let out = self.out.tail();
        if !server {
            out.extend_from_slice(frame::PREFACE);
        }
        let settings = Settings {
            header_table_size: Some(http2.header_table_size),
            enable_push: (!server).then_some(false),
            max_concurrent_streams: server.then_some(http2.max_concurrent_streams),
            initial_window_size: Some(self.stream_window),
            max_frame_size: Some(http2.max_frame_size),
            max_header_list_size: Some(u32::try_from(settings.max_header_bytes).unwrap_or(u32::MAX)),
            enable_connect_protocol: server.then_some(true),
        };
        frame::put_settings(out, &settings);
        let more = http2.connection_window.min(frame::MAX_WINDOW).saturating_sub(DEFAULT_WINDOW);
        if more > 0 {
            frame::put_window_update(out, 0, more);
            self.window.adjust(i64::from(more));
        }
    }

    /// Where streams write to when there is no room left for what they have, until the connection is over.
    pub(crate) fn write_through(&mut self, outlet: Rc<dyn Outlet>) {
        self.outlet = Some(outlet);
    }

    /// Remembers the driver's task.
    pub(crate) fn register(&mut self, cx: &Context<'_>) {
        stream::remember(&mut self.driver, cx);
    }

    pub(crate) fn wake_driver(&mut self) {
        if let Some(waker) = self.driver.take() {
            waker.wake();
        }
    }

    /// Counts what arrives on a stream and nobody has taken on this account.
    pub(crate) fn count_unread(&mut self, id: u32, account: &Rc<Account>) {
        if let Some(stream) = self.streams.get(id) {
            stream.data.count(Held::aside(account));
        }
    }

    /// Streams that somebody still holds.
    pub(crate) fn held_streams(&self) -> usize {
        self.streams.len() - self.streams.abandoned()
    }

    /// Streams that nobody holds, and whose reset waits for its turn.
    pub(crate) fn abandoned_streams(&self) -> usize {
        self.streams.abandoned()
    }

    /// Streams that count for the limit (RFC 9113 section 5.1.2).
    pub(crate) fn open_streams(&self) -> usize {
        self.streams.open
    }

    /// Streams that were reset for what the client did, since the last time.
    pub(crate) fn take_blamed(&mut self) -> Vec<StreamReset> {
        std::mem::take(&mut self.blamed)
    }

    /// Requests that ended before the driver took them, since the last time.
    pub(crate) fn take_unseen(&mut self) -> Vec<(Request<()>, StreamError)> {
        std::mem::take(&mut self.unseen)
    }

    pub(crate) fn next_incoming(&mut self) -> Option<Incoming> {
        self.unseen_resets = 0;
        self.incoming.pop_front()
    }

    /// Whether there are requests that the driver leaves for its next turn. Whoever resets these did not do so before we
    /// could have looked.
    pub(crate) fn leave_incoming(&mut self) -> bool {
        let Some(last) = self.incoming.back() else { return false };
        self.left = last.stream;
        true
    }

    /// Whether the connection is over, and this the error that it ended with.
    pub(crate) fn ended_with(&self, error: StreamError) -> bool {
        self.closed == Some(error)
    }

    /// Whether the peer has said what it speaks.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled
    }

    /// Streams that we may have at once.
    pub(crate) fn most_streams(&self) -> usize {
        self.peer_max_streams.min(self.max_streams)
    }

    /// Whether the peer takes no new streams, or we do not.
    pub(crate) fn is_going_away(&self) -> bool {
        self.closed.is_some() || self.heard_last.is_some() || self.told_last.is_some() || self.next_stream > MAX_STREAM
    }

    /// Whether so much waits to be written that nothing more is read: whoever does not read what we say is not read.
    pub(crate) fn is_choked(&self) -> bool {
        self.out.len() >= self.high_water.saturating_add(MOST_OWED)
    }

    /// The bytes in [`Self::out`] became fewer. `blocked`: the peer did not take all of them.
    pub(crate) fn wrote(&mut self, count: usize, blocked: bool) {
        self.written = self.written.saturating_add(u64::try_from(count).unwrap_or_default());
        self.filling = self.filling.wrapping_add(u64::from(!blocked));
        self.blocked = blocked;
        self.next_turn();
    }

    /// RFC 9113 section 6.8: a first GOAWAY that excludes nothing tells the peer to open no more streams.
    pub(crate) fn announce_end(&mut self) {
        if self.told_last.is_none() {
            self.told_last = Some(MAX_STREAM);
            frame::put_go_away(self.out.tail(), MAX_STREAM, Reason::NO_ERROR);
        }
    }

    /// The second GOAWAY: what was opened until now is served, and nothing else.
    pub(crate) fn finish(&mut self) {
        if self.told_last.is_none_or(|last| last > self.last_seen) {
            self.told_last = Some(self.last_seen);
            frame::put_go_away(self.out.tail(), self.last_seen, Reason::NO_ERROR);
        }
    }

    /// Tells the peer why the connection ends, and ends all streams.
    pub(crate) fn fail(&mut self, error: ConnectionError) {
        let of_streams = match error {
            ConnectionError::GoAway(reason) => StreamError::Reset(reason),
            ConnectionError::Broken { what, .. } => StreamError::Broken(what),
            ConnectionError::Flood(_) => StreamError::Broken("too many HTTP/2 frames of one kind"),
        };
        if self.closed.is_none() && !matches!(error, ConnectionError::GoAway(_)) {
            frame::put_go_away(self.out.tail(), self.last_seen, error.reason());
        }
        self.close(of_streams);
    }

    /// Ends all streams.
    pub(crate) fn close(&mut self, error: StreamError) {
        self.outlet = None;
        self.closed.get_or_insert(error);
        while let Some(incoming) = self.incoming.pop_front() {
            self.pass_over(incoming, error);
        }
        self.turns.clear();
        self.streams.fail_all(error);
        self.openers.wake(usize::MAX);
    }

    /// Asks the peer for a sign of life.
    pub(crate) fn ping(&mut self, payload: [u8; 8]) {
        self.pong = None;
        frame::put_ping(self.out.tail(), payload, false);
    }

    /// The last answer to a PING.
    pub(crate) fn take_pong(&mut self) -> Option<[u8; 8]> {
        self.pong.take()
    }

    /// Gives memory back, when the connection rests.
    pub(crate) fn release(&mut self) {
        self.out.release();
        self.streams.release();
        self.scratch = BytesMut::new();
    }

    /// Resets a stream for what the peer did to it.
    fn blame(&mut self, id: u32, reason: Reason, what: &'static str, now: Instant) -> Result<(), ConnectionError> {
        if !id.is_multiple_of(2) && self.role == Role::Server {
            // A stream that was reset before it began can begin no more.
            self.last_seen = self.last_seen.max(id);
        }
        self.reset(id, reason, StreamError::Broken(what));
        if let Some(reset) = StreamReset::blaming(reason) {
            if self.role == Role::Server {
                self.blamed.push(reset);
            }
            self.provoked_resets += 1;
            self.budgets.take(super::budget::Flood::ProvokedResets, now)?;
            // Not of a backend: one bad answer in a thousand would end the connection of all others.
            if self.role == Role::Server && self.provoked_resets > self.most_provoked_resets {
                return Err(super::budget::Flood::ProvokedResets.into());
            }
        }
        Ok(())
    }

    /// Resets a stream.
    fn reset(&mut self, id: u32, reason: Reason, error: StreamError) {
        frame::put_reset(self.out.tail(), id, reason);
        self.streams.remember_reset(id);
        self.end_stream(id, error);
        self.wake_driver();
    }

    /// Ends a stream with an error, whoever made it.
    fn end_stream(&mut self, id: u32, error: StreamError) {
        let Some(stream) = self.streams.get(id) else { return };
        stream.error.get_or_insert(error);
        stream.wake();
        self.streams.end_abandoned(id);
        let Some(stream) = self.streams.get(id) else { return };
        if let Some(at) = self.incoming.iter().position(|incoming| incoming.stream == id) {
            // Nobody has looked at it yet: nobody needs to.
            stream.held = stream::Held { sender: false, receiver: false };
            if let Some(incoming) = self.incoming.remove(at) {
                self.pass_over(incoming, error);
            }
        }
        self.leave_turn(id);
        self.settle(id);
    }

    fn pass_over(&mut self, incoming: Incoming, error: StreamError) {
        if let Ok(arrived) = incoming.request {
            self.unseen.push((arrived.head, error));
        }
    }

    /// Forgets a stream once it is closed and nobody holds it; lets others in once it is closed.
    fn settle(&mut self, id: u32) {
        let Some(settled) = self.streams.settle(id) else { return };
        if settled.unread > 0 {
            self.release_connection(settled.unread);
        }
        if self.role == Role::Client {
            if settled.whole {
                self.reset_pace.give();
            }
            self.let_in();
        } else if self.streams.len() == 0 {
            self.wake_driver();
        }
    }

    /// Streams that we may still open.
    fn free_streams(&self) -> usize {
        self.most_streams().saturating_sub(self.streams.open)
    }

    /// Wakes who waits for a stream, as far as there is room.
    fn let_in(&self) {
        if !self.openers.is_empty() {
            self.openers.wake(self.free_streams());
        }
    }

    fn release_connection(&mut self, length: usize) {
        if let Some(update) = self.window.release(length) {
            frame::put_window_update(self.out.tail(), 0, update);
            self.wake_driver();
        }
    }
}
