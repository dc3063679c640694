//! Fields in, field blocks out.
//!
//! A field gets a place in the table when it comes a second time: values that come once (request ids, lengths) push
//! nothing out. What must not be guessed by who can put his own fields on the same connection is never indexed.

use std::collections::VecDeque;

use bytes::{BufMut as _, BytesMut};
use http::header::{self, HeaderName, HeaderValue};

use super::entry::Name;
use super::{DEFAULT_TABLE_SIZE, OVERHEAD, huffman, integer, statics};

/// Places of the lookup; a power of two, more than a table of 4,096 bytes has entries.
const SLOTS: usize = 256;

/// Encodes the field blocks of one connection.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// Newest first, with the place of each in `slots`.
    entries: VecDeque<(Name, HeaderValue, usize)>,
    size: usize,
    max: usize,
    /// Entries that were ever inserted: the number of the next one.
    inserted: u32,
    /// By hash: the number of an entry, and the hash that was seen there last.
    slots: Box<[Slot; SLOTS]>,
    /// Sizes to tell before the next block: the smallest and the last (RFC 7541 section 4.2).
    resized: Option<(usize, usize)>,
    /// Whether texts are written in the Huffman code, where that is shorter.
    packs: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// Number of the entry, plus 1.
    entry: u32,
    seen: u32,
}

/// How a literal is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Literal {
    Indexed,
    Plain,
    Never,
}

impl Default for Encoder {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            size: 0,
            max: DEFAULT_TABLE_SIZE,
            inserted: 0,
            slots: Box::new([Slot::default(); SLOTS]),
            resized: None,
            packs: true,
        }
    }
}

impl Encoder {
    /// One that writes texts as they are: for near peers, where the code costs both ends more than its octets are worth.
    pub(crate) fn plain() -> Self {
        Self { packs: false, ..Self::default() }
    }

    /// The peer's `SETTINGS_HEADER_TABLE_SIZE`. We use no more than the default.
    pub(crate) fn resize(&mut self, allowed: usize) {
        let max = allowed.min(DEFAULT_TABLE_SIZE);
        if max == self.max && self.resized.is_none() {
            return;
        }
        let smallest = self.resized.map_or(max, |(smallest, _)| smallest.min(max));
        self.resized = Some((smallest, max));
        self.max = max;
        self.evict(max);
    }

    /// Begins a block.
    pub(crate) fn begin(&mut self, out: &mut BytesMut) {
        if let Some((smallest, last)) = self.resized.take() {
            if smallest < last {
                integer::encode(out, 0x20, 5, smallest);
            }
            integer::encode(out, 0x20, 5, last);
        }
    }

    /// Writes `:authority`, of which a connection has few.
    pub(crate) fn authority(&mut self, value: &str, out: &mut BytesMut) {
        let keep = || Some((Name::Authority, HeaderValue::from_str(value).ok()?));
        self.put(Name::Authority.as_str(), value.as_bytes(), keep, out);
    }

    /// Writes a field.
    pub(crate) fn field(&mut self, name: &HeaderName, value: &HeaderValue, out: &mut BytesMut) {
        if value.is_sensitive() || is_secret(name) {
            self.literal(out, Literal::Never, statics::name(name.as_str()), name.as_str(), value.as_bytes());
        } else {
            let keep = || Some((Name::Field(name.clone()), value.clone()));
            self.put(name.as_str(), value.as_bytes(), keep, out);
        }
    }

    /// Writes a field whose value is a number.
    pub(crate) fn number(&mut self, name: &HeaderName, value: u64, out: &mut BytesMut) {
        let mut digits = itoa::Buffer::new();
        let text = digits.format(value);
        self.put(name.as_str(), text.as_bytes(), || Some((Name::Field(name.clone()), value.into())), out);
    }

    /// Writes a pseudo-header field that is in the static table, or else comes but once.
    pub(crate) fn pseudo(&self, name: &'static str, value: &[u8], out: &mut BytesMut) {
        match statics::whole(name, value) {
            Some(index) => integer::encode(out, 0x80, 7, index),
            None => self.literal(out, Literal::Plain, statics::name(name), name, value),
        }
    }

    /// `keep`: the field, if it is to have a place.
    fn put(
        &mut self,
        name: &str,
        value: &[u8],
        keep: impl FnOnce() -> Option<(Name, HeaderValue)>,
        out: &mut BytesMut,
    ) {
        let hash = hash(name.as_bytes(), value);
        let place = usize::try_from(hash).unwrap_or_default() % SLOTS;
        let slot = self.slots.get(place).copied().unwrap_or_default();
        if let Some(index) = self.find(slot, name, value).or_else(|| statics::whole(name, value)) {
            integer::encode(out, 0x80, 7, index);
            return;
        }
        let index = statics::name(name);
        if let Some(slot) = self.slots.get_mut(place) {
            slot.seen = hash;
        }
        let again = slot.seen == hash;
        let kept = again && keep().is_some_and(|(name, value)| self.insert(name, value, place));
        self.literal(out, if kept { Literal::Indexed } else { Literal::Plain }, index, name, value);
    }

    fn find(&self, slot: Slot, name: &str, value: &[u8]) -> Option<usize> {
        let number = slot.entry.checked_sub(1)?;
        let newer = usize::try_from(self.inserted.wrapping_sub(number).wrapping_sub(1)).ok()?;
        let (known, same, _) = self.entries.get(newer)?;
        (known.as_str() == name && same == value).then_some(statics::LENGTH + 1 + newer)
    }

    /// Gives a field a place, if the table can hold it beside others.
    fn insert(&mut self, name: Name, value: HeaderValue, place: usize) -> bool {
        let size = size(&name, &value);
        if size > self.max / 2 {
            return false;
        }
        self.evict(self.max - size);
        // Numbers that come round would find entries that are not theirs; find() compares, so that costs a miss.
        self.inserted = self.inserted.wrapping_add(1);
        if let Some(slot) = self.slots.get_mut(place) {
            slot.entry = self.inserted;
        }
        self.size += size;
        self.entries.push_front((name, value, place));
        true
    }

    fn literal(&self, out: &mut BytesMut, literal: Literal, index: Option<usize>, name: &str, value: &[u8]) {
        let (pattern, prefix) = match literal {
            Literal::Indexed => (0x40, 6),
            Literal::Plain => (0x00, 4),
            Literal::Never => (0x10, 4),
        };
        integer::encode(out, pattern, prefix, index.unwrap_or_default());
        if index.is_none() {
            self.string(name.as_bytes(), out);
        }
        self.string(value, out);
    }

    fn string(&self, text: &[u8], out: &mut BytesMut) {
        if self.packs {
            let packed = huffman::encoded_len(text);
            if packed < text.len() {
                integer::encode(out, 0x80, 7, packed);
                return huffman::encode(text, out);
            }
        }
        integer::encode(out, 0x00, 7, text.len());
        out.put_slice(text);
    }

    fn evict(&mut self, down_to: usize) {
        while self.size > down_to {
            let Some((name, value, place)) = self.entries.pop_back() else { break };
            self.size -= size(&name, &value);
            let number = self.inserted.wrapping_sub(u32::try_from(self.entries.len()).unwrap_or_default());
            if let Some(slot) = self.slots.get_mut(place)
                && slot.entry == number
            {
                slot.entry = 0;
            }
        }
    }
}

fn size(name: &Name, value: &HeaderValue) -> usize {
    name.as_str().len() + value.len() + OVERHEAD
}

/// RFC 7541 section 7.1.3: what authenticates someone is never indexed, since requests of many people share a connection
/// to a backend.
fn is_secret(name: &HeaderName) -> bool {
    *name == header::AUTHORIZATION
        || *name == header::COOKIE
        || *name == header::SET_COOKIE
        || *name == header::PROXY_AUTHORIZATION
}

/// Of the ends of name and value, which is where fields differ. Never 0.
fn hash(name: &[u8], value: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = 0_u64;
    for text in [name, value] {
        let head = text.first_chunk::<8>().map_or_else(|| short(text), |head| u64::from_le_bytes(*head));
        let tail = text.last_chunk::<8>().map_or(0, |tail| u64::from_le_bytes(*tail));
        let length = u64::try_from(text.len()).unwrap_or_default();
        hash = (hash.rotate_left(5) ^ head).wrapping_mul(FACTOR);
        hash = (hash.rotate_left(5) ^ tail ^ length).wrapping_mul(FACTOR);
    }
    u32::try_from(hash >> 32).unwrap_or_default() | 1 << 31
}

fn short(text: &[u8]) -> u64 {
    text.iter().fold(0, |value, &byte| value << 8 | u64::from(byte))
}
