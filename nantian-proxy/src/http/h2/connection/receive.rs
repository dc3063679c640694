//! Frames in.

use bytes::{Buf as _, BytesMut};
use http::{HeaderMap, Method};
use tokio::time::Instant;

use super::stream::Stream;
use super::streams::Past;
use super::{Core, Incoming, Role};
use crate::http::Response;
use crate::http::h2::budget::Flood;
use crate::http::h2::error::{ConnectionError, StreamError};
use crate::http::h2::flow::Window;
use crate::http::h2::frame::{self, DEFAULT_WINDOW, Frame, HEAD, Head, Settings, kind};
use crate::http::h2::message::{self, Arrived, Fields, Unfit};
use crate::http::h2::reason::Reason;
use crate::http::interim::MAX_INTERIM;

/// Fields that most heads have no more of, with those that a proxy adds: for so many the map does not grow.
const ROOM: usize = 24;
/// Heads of a backend's answer that nobody has taken yet.
const MOST_HEADS: usize = 1 + MAX_INTERIM as usize;
/// CONTINUATION frames that any field block may have.
const LEAST_CONTINUATIONS: usize = 5;

/// A field block that is not complete yet.
#[derive(Debug)]
pub(super) struct Block {
    stream: u32,
    bytes: BytesMut,
    end_stream: bool,
    depends_on_itself: bool,
    frames: usize,
}

/// A complete field block.
#[derive(Debug, Clone, Copy)]
struct Whole<'a> {
    stream: u32,
    bytes: &'a [u8],
    end_stream: bool,
    depends_on_itself: bool,
}

impl Core {
    /// Takes all whole frames out of `read`.
    pub(crate) fn receive(&mut self, read: &mut BytesMut, now: Instant) -> Result<(), ConnectionError> {
        self.receive_preface(read)?;
        while let Some(head) = Head::read(read) {
            self.check_place(head)?;
            if head.length > self.max_frame_size {
                let what = "a frame that is larger than our SETTINGS allow";
                return Err(ConnectionError::Broken { reason: Reason::FRAME_SIZE_ERROR, what });
            }
            let Some(payload) = read.get(HEAD..HEAD + head.length) else {
                // One read may bring the rest.
                read.reserve(HEAD + head.length - read.len());
                return Ok(());
            };
            let frame = match frame::decode(head, payload) {
                Ok(frame) => frame,
                Err(error) if error.of_stream => {
                    self.broken_frame(head, error, now)?;
                    read.advance(HEAD + head.length);
                    continue;
                }
                Err(error) => return Err(ConnectionError::Broken { reason: error.reason, what: error.what }),
            };
            if let Frame::Data { data, end } = frame {
                self.receive_data(head, data, end, read, now)?;
            } else {
                self.receive_frame(head, &frame, now)?;
                read.advance(HEAD + head.length);
            }
        }
        Ok(())
    }

    /// RFC 9113 section 3.4.
    fn receive_preface(&mut self, read: &mut BytesMut) -> Result<(), ConnectionError> {
        if self.preface.is_empty() {
            return Ok(());
        }
        let known = self.preface.len().min(read.len());
        let (expected, rest) = self.preface.split_at(known);
        if read.get(..known) != Some(expected) {
            return Err(ConnectionError::protocol("what came is not the preface of HTTP/2"));
        }
        self.preface = rest;
        read.advance(known);
        Ok(())
    }

    /// RFC 9113 sections 3.4 and 6.10: SETTINGS comes first, and nothing comes between the frames of a field block.
    fn check_place(&mut self, head: Head) -> Result<(), ConnectionError> {
        if !self.preface.is_empty() {
            return Err(ConnectionError::protocol("a frame before the end of the preface"));
        }
        if !self.settled && (head.kind != kind::SETTINGS || head.flags & frame::flag::ACK != 0) {
            return Err(ConnectionError::protocol("another frame than SETTINGS comes first"));
        }
        match &self.block {
            Some(block) if head.kind != kind::CONTINUATION || head.stream != block.stream => {
                Err(ConnectionError::protocol("another frame inside of a field block"))
            }
            None if head.kind == kind::CONTINUATION => {
                Err(ConnectionError::protocol("CONTINUATION without a field block"))
            }
            _ => Ok(()),
        }
    }

    /// A frame whose content is an error of its stream.
    fn broken_frame(&mut self, head: Head, error: frame::FrameError, now: Instant) -> Result<(), ConnectionError> {
        self.charge(head, now)?;
        if self.is_idle(head.stream) {
            return Err(ConnectionError::Broken { reason: error.reason, what: error.what });
        }
        self.blame(head.stream, error.reason, error.what, now)
    }

    /// Whether a stream was not opened yet (RFC 9113 section 5.1).
    pub(super) fn is_idle(&self, id: u32) -> bool {
        let own = !id.is_multiple_of(2);
        if own == (self.role == Role::Client) { id >= self.next_stream } else { id > self.last_seen }
    }

    /// What a frame takes out of its budget.
    fn charge(&mut self, head: Head, now: Instant) -> Result<(), ConnectionError> {
        let kind = match head.kind {
            kind::DATA | kind::HEADERS | kind::CONTINUATION => return Ok(()),
            kind::RST_STREAM => Flood::Resets,
            kind::SETTINGS => Flood::Settings,
            kind::PING => Flood::Pings,
            kind::WINDOW_UPDATE => Flood::WindowUpdates,
            _ => Flood::Other,
        };
        self.budgets.take(kind, now).map_err(Into::into)
    }

    fn receive_frame(&mut self, head: Head, frame: &Frame<'_>, now: Instant) -> Result<(), ConnectionError> {
        self.charge(head, now)?;
        match *frame {
            Frame::Headers { block, end_stream, end_headers, depends_on } => {
                let depends_on_itself = depends_on == Some(head.stream);
                if end_headers {
                    let whole = Whole { stream: head.stream, bytes: block, end_stream, depends_on_itself };
                    return self.receive_block(whole, now);
                }
                let bytes = BytesMut::from(block);
                self.block = Some(Block { stream: head.stream, bytes, end_stream, depends_on_itself, frames: 0 });
                Ok(())
            }
            Frame::Continuation { block, end_headers } => self.receive_continuation(block, end_headers, now),
            // RFC 9113 section 5.3.2 lets PRIORITY be ignored; section 5.3.1 of RFC 7540 made this an error of clients.
            Frame::Priority { depends_on } if depends_on == head.stream && self.role == Role::Server => {
                self.blame(head.stream, Reason::PROTOCOL_ERROR, "a stream that depends on itself", now)
            }
            Frame::Reset(reason) => self.receive_reset(head.stream, reason),
            Frame::Settings(settings) => self.receive_settings(settings),
            Frame::SettingsAck => {
                self.receive_acknowledgement();
                Ok(())
            }
            Frame::PushPromise => Err(ConnectionError::protocol("PUSH_PROMISE, which we do not take")),
            Frame::Ping(payload) => {
                frame::put_ping(self.out.tail(), payload, true);
                Ok(())
            }
            Frame::Pong(payload) => {
                self.pong = Some(payload);
                Ok(())
            }
            Frame::GoAway { last, reason } => self.receive_go_away(last, reason),
            Frame::WindowUpdate(increment) => self.receive_window_update(head.stream, increment, now),
            Frame::Data { .. } | Frame::Priority { .. } | Frame::Unknown => Ok(()),
        }
    }

    fn receive_continuation(&mut self, part: &[u8], end: bool, now: Instant) -> Result<(), ConnectionError> {
        let Some(mut block) = self.block.take() else { return Ok(()) };
        block.frames += 1;
        // What can be answered with 431 is decoded; what is far beyond that is no honest mistake.
        let most = (self.limits.bytes + self.limits.bytes / 4).div_ceil(self.max_frame_size).max(LEAST_CONTINUATIONS);
        if block.frames > most || block.bytes.len() + part.len() > 2 * self.limits.bytes {
            let what = "a field block of too many frames or bytes";
            return Err(ConnectionError::Broken { reason: Reason::ENHANCE_YOUR_CALM, what });
        }
        block.bytes.extend_from_slice(part);
        if !end {
            self.block = Some(block);
            return Ok(());
        }
        let Block { stream, bytes, end_stream, depends_on_itself, .. } = block;
        self.receive_block(Whole { stream, bytes: &bytes, end_stream, depends_on_itself }, now)
    }

    /// A complete field block: a request, an answer, or trailers.
    fn receive_block(&mut self, whole: Whole<'_>, now: Instant) -> Result<(), ConnectionError> {
        self.budgets.received_head(whole.end_stream, now)?;
        // A field takes an octet at least. The pseudo-header fields of a request make room for what is added to it.
        let mut fields = Fields::new(self.limits, whole.bytes.len().min(ROOM));
        let decoded = self.decoder.decode(whole.bytes, |field| fields.add(field));
        if let Err(malformed) = decoded {
            return Err(ConnectionError::Broken { reason: Reason::COMPRESSION_ERROR, what: malformed.0 });
        }
        if fields.is_bomb() {
            let what = "a field section that unpacks to far more than our bound";
            return Err(ConnectionError::Broken { reason: Reason::ENHANCE_YOUR_CALM, what });
        }
        if self.is_idle(whole.stream) {
            if self.role == Role::Client || whole.stream.is_multiple_of(2) {
                return Err(ConnectionError::protocol("HEADERS on a stream that the peer cannot open"));
            }
            return self.receive_request(whole, fields, now);
        }
        let Some(stream) = self.streams.get(whole.stream).filter(|stream| !stream.has_ended()) else {
            return self.receive_late(whole.stream);
        };
        match stream.admits() {
            Err(what) => return self.blame(whole.stream, Reason::STREAM_CLOSED, what, now),
            Ok(false) if whole.end_stream => {
                self.receive_end(whole.stream);
                return Ok(());
            }
            Ok(false) => return Ok(()),
            Ok(true) => {}
        }
        if let Some(awaited) = stream.awaited.as_ref().filter(|awaited| !awaited.is_final) {
            let answer = fields.into_response(&awaited.method);
            return self.receive_answer(whole, answer, now);
        }
        self.receive_trailers(whole, message::trailers(fields), now)
    }

    /// HEADERS on a stream that is gone, or that has ended and that somebody still holds.
    fn receive_late(&mut self, id: u32) -> Result<(), ConnectionError> {
        let past = if self.streams.get(id).is_some() { Past::Ended } else { self.streams.past(id) };
        match past {
            Past::Reset => Ok(()),
            Past::Ended => {
                Err(ConnectionError::Broken { reason: Reason::STREAM_CLOSED, what: "HEADERS on a closed stream" })
            }
            Past::Unknown => Err(ConnectionError::protocol("HEADERS on a stream below the last one")),
        }
    }

    fn receive_request(&mut self, whole: Whole<'_>, fields: Fields, now: Instant) -> Result<(), ConnectionError> {
        self.last_seen = whole.stream;
        // RFC 9113 section 6.8: what comes after the last stream of GOAWAY is ignored.
        if self.closed.is_some() || self.told_last.is_some_and(|last| whole.stream > last) {
            self.streams.remember_reset(whole.stream);
            return Ok(());
        }
        let id = whole.stream;
        if whole.depends_on_itself {
            return self.blame(id, Reason::PROTOCOL_ERROR, "a stream that depends on itself", now);
        }
        if self.streams.open >= self.max_streams {
            return self.blame(id, Reason::REFUSED_STREAM, "more streams than our SETTINGS allow", now);
        }
        let request = match fields.into_request(&mut self.authority) {
            Ok(arrived) if whole.end_stream && arrived.length.is_some_and(|length| length > 0) => {
                return self.blame(id, Reason::PROTOCOL_ERROR, "a length without data", now);
            }
            Ok(arrived) => Ok(arrived),
            Err(Unfit::Refused(refusal)) => Err(refusal),
            Err(Unfit::Malformed(what)) => return self.blame(id, Reason::PROTOCOL_ERROR, what, now),
        };
        let known = if self.acknowledged { self.stream_window } else { DEFAULT_WINDOW };
        let length = request.as_ref().ok().and_then(|arrived| arrived.length);
        let mut stream = Stream::new(self.first_room, Window::new(known, self.stream_window), length);
        stream.received_end = whole.end_stream;
        self.streams.insert(id, stream);
        self.incoming.push_back(Incoming { stream: id, request, ended: whole.end_stream });
        Ok(())
    }

    fn receive_answer(
        &mut self,
        whole: Whole<'_>,
        answer: Result<Arrived<Response<()>>, &'static str>,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let Arrived { head, length, .. } = match answer {
            Ok(arrived) => arrived,
            Err(what) => return self.blame(whole.stream, Reason::PROTOCOL_ERROR, what, now),
        };
        let interim = head.status().is_informational();
        let Some(stream) = self.streams.get(whole.stream) else { return Ok(()) };
        let Some(awaited) = &mut stream.awaited else { return Ok(()) };
        if (interim && whole.end_stream) || awaited.heads.len() > MOST_HEADS {
            let what = "an interim answer that ends the stream, or too many of them";
            return self.blame(whole.stream, Reason::PROTOCOL_ERROR, what, now);
        }
        let unpromised = whole.end_stream && length.is_some_and(|length| length > 0);
        if unpromised && awaited.method != Method::HEAD {
            return self.blame(whole.stream, Reason::PROTOCOL_ERROR, "a length without data", now);
        }
        awaited.is_final = !interim;
        awaited.heads.push(head);
        if !interim {
            stream.length = length;
        }
        stream.wake_receiver();
        if whole.end_stream {
            self.receive_end(whole.stream);
        }
        Ok(())
    }

    /// RFC 9113 section 8.1: trailers end their stream.
    fn receive_trailers(
        &mut self,
        whole: Whole<'_>,
        trailers: Result<HeaderMap, &'static str>,
        now: Instant,
    ) -> Result<(), ConnectionError> {
        let id = whole.stream;
        let trailers = match trailers {
            Ok(trailers) if whole.end_stream => trailers,
            Ok(_) => return self.blame(id, Reason::PROTOCOL_ERROR, "trailers that do not end their stream", now),
            Err(what) => return self.blame(id, Reason::PROTOCOL_ERROR, what, now),
        };
        let Some(stream) = self.streams.get(id) else { return Ok(()) };
        if stream.length.is_some_and(|left| left > 0) {
            return self.blame(id, Reason::PROTOCOL_ERROR, "less data than content-length promises", now);
        }
        stream.trailers = Some(trailers);
        self.receive_end(id);
        Ok(())
    }

    pub(super) fn receive_end(&mut self, id: u32) {
        if self.streams.get(id).is_some_and(|stream| stream.abandoned) {
            return self.end_abandoned(id);
        }
        // What comes after an error does not make the message whole.
        if let Some(stream) = self.streams.get(id).filter(|stream| stream.error.is_none()) {
            stream.received_end = true;
            stream.wake_receiver();
        }
        self.settle(id);
    }

    fn receive_reset(&mut self, id: u32, reason: Reason) -> Result<(), ConnectionError> {
        if self.is_idle(id) {
            return Err(ConnectionError::protocol("RST_STREAM on a stream that is not open"));
        }
        if id > self.left && self.incoming.iter().any(|incoming| incoming.stream == id) {
            self.unseen_resets += 1;
            if self.unseen_resets > self.most_unseen_resets {
                return Err(Flood::Resets.into());
            }
        }
        self.end_stream(id, StreamError::of_reset(reason));
        Ok(())
    }

    fn receive_settings(&mut self, settings: Settings) -> Result<(), ConnectionError> {
        if self.role == Role::Client && settings.enable_push == Some(true) {
            return Err(ConnectionError::protocol("a server that would take pushes"));
        }
        if let Some(size) = settings.header_table_size {
            self.encoder.resize(usize::try_from(size).unwrap_or(usize::MAX));
        }
        let first = !std::mem::replace(&mut self.settled, true);
        if let Some(most) = settings.max_concurrent_streams {
            self.peer_max_streams = usize::try_from(most).unwrap_or(usize::MAX);
        } else if first {
            self.peer_max_streams = usize::MAX;
        }
        self.let_in();
        if let Some(first) = settings.initial_window_size {
            self.change_first_room(i64::from(first))?;
        }
        frame::put_settings_ack(self.out.tail());
        Ok(())
    }

    /// RFC 9113 section 6.9.2: the windows of all open streams change with it.
    fn change_first_room(&mut self, first: i64) -> Result<(), ConnectionError> {
        let by = first - std::mem::replace(&mut self.first_room, first);
        for (_, stream) in self.streams.all() {
            stream.room += by;
            if stream.room > i64::from(frame::MAX_WINDOW) {
                let what = "an initial window that makes another one too large";
                return Err(ConnectionError::Broken { reason: Reason::FLOW_CONTROL_ERROR, what });
            }
            if by > 0 {
                stream.wake_sender();
            }
        }
        Ok(())
    }

    /// The peer knows our SETTINGS from here on.
    fn receive_acknowledgement(&mut self) {
        if !std::mem::replace(&mut self.acknowledged, true) {
            let by = i64::from(self.stream_window) - i64::from(DEFAULT_WINDOW);
            for (_, stream) in self.streams.all() {
                stream.window.adjust(by);
            }
        }
    }

    fn receive_go_away(&mut self, last: u32, reason: Reason) -> Result<(), ConnectionError> {
        if self.role == Role::Client {
            if self.heard_last.is_some_and(|before| last > before) {
                return Err(ConnectionError::protocol("a GOAWAY that takes an earlier one back"));
            }
            let unseen: Vec<u32> = self.streams.all().map(|(id, _)| id).filter(|id| *id > last).collect();
            for id in unseen {
                self.end_stream(id, StreamError::Refused);
            }
            self.openers.wake(usize::MAX);
        }
        self.heard_last = Some(last);
        if reason == Reason::NO_ERROR { Ok(()) } else { Err(ConnectionError::GoAway(reason)) }
    }

    fn receive_window_update(&mut self, id: u32, increment: u32, now: Instant) -> Result<(), ConnectionError> {
        if id == 0 {
            self.room += i64::from(increment);
            if self.room > i64::from(frame::MAX_WINDOW) {
                let what = "WINDOW_UPDATE makes the connection's window too large";
                return Err(ConnectionError::Broken { reason: Reason::FLOW_CONTROL_ERROR, what });
            }
            self.next_turn();
            return Ok(());
        }
        if self.is_idle(id) {
            return Err(ConnectionError::protocol("WINDOW_UPDATE on a stream that is not open"));
        }
        let Some(stream) = self.streams.get(id) else { return Ok(()) };
        stream.room += i64::from(increment);
        if stream.room > i64::from(frame::MAX_WINDOW) && stream.error.is_none() {
            let what = "WINDOW_UPDATE makes the stream's window too large";
            return self.blame(id, Reason::FLOW_CONTROL_ERROR, what, now);
        }
        stream.wake_sender();
        Ok(())
    }
}
