//! A strict reading of one direction of an HTTP/2 connection (RFC 9113): frames, the states of streams, flow control, and
//! with `messages` what the frames say.

use std::collections::BTreeMap;

use super::fields::Fields;
use super::hpack::Decoder;
use super::messages::{self, Head};
use super::{Answer, Request};

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The largest payload and the first window where nobody says otherwise.
const MAX_FRAME: usize = 16_384;
const WINDOW: i64 = 65_535;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// What a direction said, in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// The fields of a request, or of a final answer.
    Head(u32, Fields),
    /// A request that has ended.
    Request(u32, Request),
    /// An interim answer, or a final one that has ended.
    Answer(u32, Answer),
    /// Bytes of a body, padding included, that the other side may give room for again.
    Data(u32, usize),
    /// `RST_STREAM` and its code.
    Reset(u32, u32),
    /// SETTINGS that wait for their acknowledgement.
    Settings,
    /// PING that waits for its answer.
    Ping([u8; 8]),
    /// The answer to a PING.
    Pong,
    /// GOAWAY and its code.
    GoAway(u32),
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    Client,
    Server,
}

#[derive(Debug, Default)]
struct Stream {
    head: Option<Head>,
    body: Vec<u8>,
    window: i64,
    method: String,
    closed: bool,
}

/// One direction of a connection.
#[derive(Debug)]
pub(crate) struct Direction {
    speaker: Speaker,
    bytes: Vec<u8>,
    prefaced: bool,
    settled: bool,
    decoder: Decoder,
    streams: BTreeMap<u32, Stream>,
    highest: u32,
    window: i64,
    /// A block that goes on: stream, whether it ends the stream, and what came of it.
    block: Option<(u32, bool, Vec<u8>)>,
}

type Found<T> = Result<T, &'static str>;

impl Direction {
    pub(crate) fn new(speaker: Speaker) -> Self {
        Self {
            speaker,
            bytes: Vec::new(),
            prefaced: speaker == Speaker::Server,
            settled: false,
            decoder: Decoder::default(),
            streams: BTreeMap::new(),
            highest: 0,
            window: WINDOW,
            block: None,
        }
    }

    /// Tells what the other direction asked on a stream.
    pub(crate) fn asked(&mut self, id: u32, method: &str) {
        self.streams.insert(id, Stream { window: WINDOW, method: method.to_owned(), ..Stream::default() });
    }

    /// Gives room for `count` bytes more, on a stream and on the connection.
    pub(crate) fn grant(&mut self, stream: u32, count: usize) {
        let count = i64::try_from(count).expect("a frame is small");
        self.window += count;
        if let Some(stream) = self.streams.get_mut(&stream) {
            stream.window += count;
        }
    }

    /// Whether nothing is half said.
    pub(crate) fn is_whole(&self) -> bool {
        self.bytes.is_empty() && self.block.is_none()
    }

    /// Takes the next bytes.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Found<Vec<Event>> {
        self.bytes.extend_from_slice(bytes);
        let mut events = Vec::new();
        if !self.prefaced {
            let there = self.bytes.len().min(PREFACE.len());
            if self.bytes[..there] != PREFACE[..there] {
                return Err("the preface is none");
            }
            if there < PREFACE.len() {
                return Ok(events);
            }
            self.bytes.drain(..there);
            self.prefaced = true;
        }
        while let [a, b, c, kind, flags, s1, s2, s3, s4, rest @ ..] = self.bytes.as_slice() {
            let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
            if length > MAX_FRAME {
                return Err("a frame is too large");
            }
            let Some(payload) = rest.get(..length).map(<[u8]>::to_vec) else { break };
            let (kind, flags, stream) = (*kind, *flags, u32::from_be_bytes([*s1, *s2, *s3, *s4]));
            self.bytes.drain(..9 + length);
            self.frame(kind, flags, stream, &payload, &mut events)?;
        }
        Ok(events)
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8], events: &mut Vec<Event>) -> Found<()> {
        if !std::mem::replace(&mut self.settled, true) && (kind, flags) != (4, 0) {
            return Err("the first frame is not SETTINGS");
        }
        if stream > 0x7fff_ffff {
            return Err("the reserved bit is set");
        }
        if self.block.as_ref().is_some_and(|(open, ..)| (kind, stream) != (9, *open)) {
            return Err("a frame between HEADERS and their CONTINUATION");
        }
        match kind {
            0 => self.data(flags, stream, payload, events),
            1 => {
                let block = unpadded(flags, payload)?;
                let block = if flags & PRIORITY == 0 { block } else { block.get(5..).ok_or("HEADERS are cut")? };
                self.block(stream, flags, flags & END_STREAM != 0, block.to_vec(), events)
            }
            3 => self.reset(stream, payload, events),
            4 => settings(flags, stream, payload, events),
            6 => match (<[u8; 8]>::try_from(payload), stream) {
                (Ok(_), 0) if flags & 1 != 0 => {
                    events.push(Event::Pong);
                    Ok(())
                }
                (Ok(payload), 0) => {
                    events.push(Event::Ping(payload));
                    Ok(())
                }
                _ => Err("a PING is malformed"),
            },
            7 if stream == 0 && payload.len() >= 8 => {
                events.push(Event::GoAway(u32::from_be_bytes([payload[4], payload[5], payload[6], payload[7]])));
                Ok(())
            }
            8 => self.window_update(stream, payload),
            9 => {
                let (_, ends, mut block) = self.block.take().ok_or("CONTINUATION without HEADERS")?;
                block.extend_from_slice(payload);
                self.block(stream, flags, ends, block, events)
            }
            // PRIORITY is deprecated, PUSH_PROMISE was never allowed to us, and nothing else is known.
            _ => Err("a frame that a gateway has no reason to send"),
        }
    }

    fn open(&mut self, stream: u32) -> Found<&mut Stream> {
        let found = self.streams.get_mut(&stream).ok_or("a frame on an idle stream")?;
        if found.closed { Err("a frame after the end of its stream") } else { Ok(found) }
    }

    fn data(&mut self, flags: u8, id: u32, payload: &[u8], events: &mut Vec<Event>) -> Found<()> {
        let data = unpadded(flags, payload)?.to_vec();
        let size = i64::try_from(payload.len()).map_err(|_| "a frame is too large")?;
        self.window -= size;
        let window = self.window;
        let stream = self.open(id)?;
        stream.window -= size;
        if window < 0 || stream.window < 0 {
            return Err("more data than there is room for");
        }
        if stream.head.is_none() {
            return Err("DATA before HEADERS");
        }
        stream.body.extend_from_slice(&data);
        events.push(Event::Data(id, payload.len()));
        if flags & END_STREAM != 0 { self.end(id, Fields::new(), events) } else { Ok(()) }
    }

    fn block(&mut self, id: u32, flags: u8, ends: bool, block: Vec<u8>, events: &mut Vec<Event>) -> Found<()> {
        if flags & END_HEADERS == 0 {
            self.block = Some((id, ends, block));
            return Ok(());
        }
        let fields = self.decoder.decode(&block)?;
        if self.speaker == Speaker::Client && !self.streams.contains_key(&id) {
            if id.is_multiple_of(2) || id <= self.highest {
                return Err("a stream is even, or lower than one before it");
            }
            self.highest = id;
            self.streams.insert(id, Stream { window: WINDOW, ..Stream::default() });
        }
        let speaker = self.speaker;
        let stream = self.open(id)?;
        if stream.head.is_some() {
            if !ends {
                return Err("HEADERS that are neither a head nor trailers");
            }
            messages::trailers(&fields)?;
            return self.end(id, fields, events);
        }
        let head = match speaker {
            Speaker::Client => messages::request(&fields)?,
            Speaker::Server => messages::answer(&fields, &stream.method)?,
        };
        if head.is_interim() {
            if ends {
                return Err("an interim answer ends its stream");
            }
            events.push(Event::Answer(id, head.into_answer(Vec::new(), Fields::new(), false)?));
            return Ok(());
        }
        stream.head = Some(head);
        events.push(Event::Head(id, fields));
        if ends { self.end(id, Fields::new(), events) } else { Ok(()) }
    }

    fn end(&mut self, id: u32, trailers: Fields, events: &mut Vec<Event>) -> Found<()> {
        let speaker = self.speaker;
        let stream = self.open(id)?;
        stream.closed = true;
        let head = stream.head.take().ok_or("a stream ends without a message")?;
        let body = std::mem::take(&mut stream.body);
        events.push(match speaker {
            Speaker::Client => Event::Request(id, head.into_request(body, trailers)?),
            Speaker::Server => Event::Answer(id, head.into_answer(body, trailers, true)?),
        });
        Ok(())
    }

    fn reset(&mut self, id: u32, payload: &[u8], events: &mut Vec<Event>) -> Found<()> {
        let code = <[u8; 4]>::try_from(payload).map_err(|_| "RST_STREAM is malformed")?;
        // After its own end a side may still say that it wants no more of the other's.
        self.streams.get_mut(&id).ok_or("RST_STREAM on an idle stream")?.closed = true;
        events.push(Event::Reset(id, u32::from_be_bytes(code)));
        Ok(())
    }

    fn window_update(&self, stream: u32, payload: &[u8]) -> Found<()> {
        let count = <[u8; 4]>::try_from(payload).map_err(|_| "WINDOW_UPDATE is malformed")?;
        if stream != 0 && !self.streams.contains_key(&stream) {
            return Err("WINDOW_UPDATE on an idle stream");
        }
        if (1..=0x7fff_ffff).contains(&u32::from_be_bytes(count)) { Ok(()) } else { Err("WINDOW_UPDATE of nothing") }
    }
}

fn settings(flags: u8, stream: u32, payload: &[u8], events: &mut Vec<Event>) -> Found<()> {
    if stream != 0 || !payload.len().is_multiple_of(6) || (flags & 1 != 0 && !payload.is_empty()) {
        return Err("SETTINGS are malformed");
    }
    for setting in payload.chunks(6) {
        let value = u32::from_be_bytes([setting[2], setting[3], setting[4], setting[5]]);
        let valid = match u16::from_be_bytes([setting[0], setting[1]]) {
            2 | 8 => value <= 1,
            4 => value <= 0x7fff_ffff,
            5 => (16_384..=16_777_215).contains(&value),
            _ => true,
        };
        if !valid {
            return Err("a setting is out of its range");
        }
    }
    if flags & 1 == 0 {
        events.push(Event::Settings);
    }
    Ok(())
}

fn unpadded(flags: u8, payload: &[u8]) -> Found<&[u8]> {
    if flags & PADDED == 0 {
        return Ok(payload);
    }
    let (&padding, rest) = payload.split_first().ok_or("a padded frame is empty")?;
    let end = rest.len().checked_sub(usize::from(padding)).ok_or("padding is longer than its frame")?;
    if rest[end..].iter().any(|&byte| byte != 0) { Err("padding is not zero") } else { Ok(&rest[..end]) }
}
