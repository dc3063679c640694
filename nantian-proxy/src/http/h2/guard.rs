//! Counts the frames of a connection as its bytes pass between the socket and `h2`, and stops whoever floods: a client, or
//! a backend.
//!
//! Frames that cost their sender little and us much (resets, PING, SETTINGS, empty DATA and so on) draw on a budget per
//! kind. A budget is full again after each window of time, and useful traffic gives back what goes with it: a request
//! brings its PRIORITY, an answer its `WINDOW_UPDATEs`. A client that spends a budget gets GOAWAY with `ENHANCE_YOUR_CALM`
//! (RFC 9113 section 10.5), and nothing that he sends after that is looked at; a connection to a backend that does is closed.

use std::cell::Cell;
use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

use super::reset::StreamReset;
use crate::http::deadline::Deadline;
use crate::http::interim::MAX_INTERIM;
use crate::http::{HttpSettings, Transport};

const PREFACE_BYTES: usize = 24;
const FRAME_HEAD: usize = 9;
/// Bytes of a payload that are looked at.
const PAYLOAD_HEAD: usize = 4;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 0x1;
const PADDED: u8 = 0x8;

/// `WINDOW_UPDATE` frames that one DATA frame may bring: one for its stream and one for the connection, twice over.
const UPDATES_FOR_DATA: u32 = 4;
/// A stream may begin with more room than the connection's default.
const UPDATES_FOR_HEADERS: u32 = 2;
/// Heads of interim answers that one request may bring, see [`InterimBudget`](crate::http::interim::InterimBudget); and
/// the head of its final answer.
const HEADS_FOR_REQUEST: u32 = MAX_INTERIM + 1;
/// Frames that may be saved up where one request or one DATA frame brings several.
const MOST_SAVED: u32 = 65_536;

/// Whose frames are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    Client,
    Backend,
}

/// What somebody sent too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flood {
    /// `RST_STREAM` (CVE-2023-44487).
    Resets,
    /// Frames that made us reset streams (CVE-2025-8671).
    ProvokedResets,
    /// DATA without data and without an end (CVE-2019-9518).
    EmptyData,
    /// SETTINGS (CVE-2019-9515).
    Settings,
    /// PING (CVE-2019-9512).
    Pings,
    /// `WINDOW_UPDATE`.
    WindowUpdates,
    /// PRIORITY (CVE-2019-9513), GOAWAY, and frames of unknown types.
    Other,
    /// HEADERS of interim answers, from a backend.
    Interim,
}

impl Flood {
    /// All kinds that clients send.
    pub const OF_CLIENTS: [Self; 7] = [
        Self::Resets,
        Self::ProvokedResets,
        Self::EmptyData,
        Self::Settings,
        Self::Pings,
        Self::WindowUpdates,
        Self::Other,
    ];

    /// As metrics name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resets => "resets",
            Self::ProvokedResets => "provoked_resets",
            Self::EmptyData => "empty_data",
            Self::Settings => "settings",
            Self::Pings => "pings",
            Self::WindowUpdates => "window_updates",
            Self::Other => "other_frames",
            Self::Interim => "interim_answers",
        }
    }
}

impl fmt::Display for Flood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Interim answers come from backends alone.
const KINDS: usize = Flood::OF_CLIENTS.len() + 1;

/// The beginning of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    kind: u8,
    flags: u8,
    length: usize,
    payload: [u8; PAYLOAD_HEAD],
}

impl Frame {
    fn ends_stream(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }

    /// DATA that carries nothing but padding, and does not end its stream.
    fn is_empty_data(&self) -> bool {
        let [padding, ..] = self.payload;
        let around = if self.flags & PADDED == 0 { 0 } else { 1 + usize::from(padding) };
        self.kind == DATA && !self.ends_stream() && self.length <= around
    }

    /// `RST_STREAM` for an error of the peer; what we reset for a backend's sake is not his fault.
    fn blames_peer(&self) -> Option<StreamReset> {
        if self.kind == RST_STREAM { StreamReset::blaming(u32::from_be_bytes(self.payload).into()) } else { None }
    }
}

/// Finds frames in bytes that come in any pieces.
#[derive(Debug, Default)]
struct Frames {
    head: [u8; FRAME_HEAD + PAYLOAD_HEAD],
    have: usize,
    /// Bytes that are passed over: the rest of a payload.
    skip: usize,
}

impl Frames {
    /// Takes bytes up to and including the beginning of the next frame.
    fn next(&mut self, bytes: &mut &[u8]) -> Option<Frame> {
        loop {
            let passed = self.skip.min(bytes.len());
            self.skip -= passed;
            *bytes = bytes.get(passed..)?;
            let [a, b, c, kind, flags, ..] = self.head;
            let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
            let want = if self.have < FRAME_HEAD { FRAME_HEAD } else { FRAME_HEAD + length.min(PAYLOAD_HEAD) };
            if self.have >= FRAME_HEAD && self.have == want {
                let mut payload = [0; PAYLOAD_HEAD];
                let there = want - FRAME_HEAD;
                payload.get_mut(..there)?.copy_from_slice(self.head.get(FRAME_HEAD..want)?);
                self.have = 0;
                self.skip = length - there;
                return Some(Frame { kind, flags, length, payload });
            }
            if bytes.is_empty() {
                return None;
            }
            let (part, rest) = bytes.split_at((want - self.have).min(bytes.len()));
            self.head.get_mut(self.have..self.have + part.len())?.copy_from_slice(part);
            self.have += part.len();
            *bytes = rest;
        }
    }
}

/// The budgets of one connection. Knows neither a socket nor a clock.
#[derive(Debug)]
pub(crate) struct Guard {
    peer: Peer,
    reading: Frames,
    writing: Frames,
    left: [u32; KINDS],
    budget: u32,
    window: Duration,
    window_began: Option<Instant>,
    flood: Option<Flood>,
}

impl Guard {
    /// `budget` frames of each kind in each `window`.
    pub(crate) fn new(peer: Peer, budget: u32, window: Duration) -> Self {
        let prefaced = || Frames { skip: PREFACE_BYTES, ..Frames::default() };
        let (reading, writing) = match peer {
            Peer::Client => (prefaced(), Frames::default()),
            Peer::Backend => (Frames::default(), prefaced()),
        };
        Self { peer, reading, writing, left: [budget; KINDS], budget, window, window_began: None, flood: None }
    }

    /// What was too much, if anything was.
    pub(crate) fn flood(&self) -> Option<Flood> {
        self.flood
    }

    /// Looks at bytes from the peer; says how many of them may pass.
    pub(crate) fn read(&mut self, bytes: &[u8], now: Instant) -> usize {
        let mut rest = bytes;
        while self.flood.is_none() {
            let Some(frame) = self.reading.next(&mut rest) else { return bytes.len() };
            match frame.kind {
                DATA if frame.is_empty_data() => self.take(Flood::EmptyData, now),
                DATA => {
                    self.give(Flood::EmptyData, 1, self.budget);
                    if self.peer == Peer::Backend {
                        self.give(Flood::Pings, 1, self.budget);
                    }
                }
                HEADERS if self.peer == Peer::Client => self.asked(),
                HEADERS if !frame.ends_stream() => self.take(Flood::Interim, now),
                RST_STREAM => self.take(Flood::Resets, now),
                SETTINGS => self.take(Flood::Settings, now),
                PING => self.take(Flood::Pings, now),
                WINDOW_UPDATE => self.take(Flood::WindowUpdates, now),
                // `h2` bounds how many CONTINUATION may follow one HEADERS, and what they hold.
                HEADERS | CONTINUATION => {}
                _ => self.take(Flood::Other, now),
            }
        }
        bytes.len() - rest.len()
    }

    /// Looks at bytes that went to the peer; tells of each stream that was reset for what he did.
    pub(crate) fn wrote(&mut self, mut bytes: &[u8], now: Instant, tell: impl Fn(StreamReset)) {
        while let Some(frame) = self.writing.next(&mut bytes) {
            if let Some(reason) = frame.blames_peer() {
                self.take(Flood::ProvokedResets, now);
                tell(reason);
            }
            if frame.kind == DATA {
                // Who measures the line asks with a PING when data arrives.
                self.give(Flood::Pings, 1, self.budget);
                self.give(Flood::WindowUpdates, UPDATES_FOR_DATA, MOST_SAVED);
            }
            match self.peer {
                Peer::Client if frame.ends_stream() => self.ended(),
                // A backend may reset each request, and answer each badly: it harms no other with that.
                Peer::Backend if frame.kind == HEADERS => {
                    self.asked();
                    self.ended();
                    self.give(Flood::Interim, HEADS_FOR_REQUEST, MOST_SAVED);
                }
                _ => {}
            }
        }
    }

    /// A request brings its PRIORITY, and updates of its window.
    fn asked(&mut self) {
        self.give(Flood::Other, 1, self.budget);
        self.give(Flood::WindowUpdates, UPDATES_FOR_HEADERS, MOST_SAVED);
    }

    fn ended(&mut self) {
        self.give(Flood::Resets, 1, self.budget);
        self.give(Flood::ProvokedResets, 1, self.budget);
    }

    fn take(&mut self, kind: Flood, now: Instant) {
        let began = *self.window_began.get_or_insert(now);
        if now.duration_since(began) >= self.window {
            self.window_began = Some(now);
            self.left.iter_mut().for_each(|left| *left = (*left).max(self.budget));
        }
        if let Some(left) = self.left.get_mut(kind as usize) {
            match left.checked_sub(1) {
                Some(rest) => *left = rest,
                None => self.flood = self.flood.or(Some(kind)),
            }
        }
    }

    fn give(&mut self, kind: Flood, count: u32, most: u32) {
        if let Some(left) = self.left.get_mut(kind as usize)
            && *left < most
        {
            *left = left.saturating_add(count).min(most);
        }
    }
}

/// A transport whose bytes a [`Guard`] looks at. After a flood nothing more is read from it, until it is closed.
pub(crate) struct Guarded {
    io: Transport,
    guard: Guard,
    flood: Rc<Cell<Option<Flood>>>,
    tell: Box<dyn Fn(StreamReset)>,
    linger: Duration,
    closing: Option<Closing>,
}

/// A transport whose sending side is closed, and which is read for a while: the system would answer bytes that nobody
/// read with a reset, which takes away a GOAWAY that the peer has not read yet.
#[derive(Default)]
struct Closing {
    until: Deadline,
    dropped: usize,
}

/// Bytes that are read and dropped after our last word.
const MOST_DROPPED: usize = 4 * 1024 * 1024;

impl Guarded {
    /// `tell` is told of each stream that is reset for what the peer did.
    pub(crate) fn new(
        io: Transport,
        peer: Peer,
        settings: &HttpSettings,
        tell: impl Fn(StreamReset) + 'static,
    ) -> Self {
        let http2 = &settings.http2;
        let guard = Guard::new(peer, http2.max_control_frames, http2.control_frames_window);
        Self { io, guard, flood: Rc::default(), tell: Box::new(tell), linger: settings.linger, closing: None }
    }

    /// Where a flood is told.
    pub(crate) fn flood(&self) -> Rc<Cell<Option<Flood>>> {
        Rc::clone(&self.flood)
    }

    fn poll_drop_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(closing) = &mut self.closing else { return Poll::Ready(()) };
        loop {
            let mut dropped = [0; 8 * 1024];
            let mut buf = ReadBuf::new(&mut dropped);
            match Pin::new(&mut self.io).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) if !buf.filled().is_empty() => closing.dropped += buf.filled().len(),
                Poll::Ready(_) => return Poll::Ready(()),
                // Nobody who is silent when we close gets a reset.
                Poll::Pending if closing.dropped == 0 && self.flood.get().is_none() => return Poll::Ready(()),
                Poll::Pending if closing.until.poll(cx) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
            if closing.dropped > MOST_DROPPED {
                return Poll::Ready(());
            }
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.flood.get().is_some() {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
        let read = buf.filled().get(before..).unwrap_or_default();
        let passes = if read.is_empty() { 0 } else { this.guard.read(read, Instant::now()) };
        buf.set_filled(before + passes);
        this.flood.set(this.guard.flood());
        // Nothing passed: that must not look like the end.
        if this.flood.get().is_some() && passes == 0 { Poll::Pending } else { Poll::Ready(Ok(())) }
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let count = ready!(Pin::new(&mut this.io).poll_write(cx, buf))?;
        this.guard.wrote(buf.get(..count).unwrap_or(buf), Instant::now(), &this.tell);
        this.flood.set(this.guard.flood());
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.closing.is_none() {
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
            let mut closing = Closing::default();
            closing.until.set_in(this.linger);
            this.closing = Some(closing);
        }
        this.poll_drop_rest(cx).map(Ok)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let count = ready!(Pin::new(&mut this.io).poll_write_vectored(cx, bufs))?;
        let (now, mut left) = (Instant::now(), count);
        for buf in bufs {
            let part = buf.get(..left.min(buf.len())).unwrap_or(buf);
            this.guard.wrote(part, now, &this.tell);
            left -= part.len();
        }
        this.flood.set(this.guard.flood());
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
