//! The streams of a connection, and what is remembered of those that are gone.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use super::stream::Stream;
use crate::http::h2::error::StreamError;

/// Streams that ended in good order and are still known: what comes on them is an error of its own.
const ENDED: usize = 16;

/// Places that a connection at rest keeps: as many as most clients have streams at once.
const KEPT: usize = 32;

/// Stream identifiers count up by two, and the number of open streams is bounded: spreading their bits is enough.
#[derive(Debug, Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    fn write_u32(&mut self, id: u32) {
        self.0 = (self.0 ^ u64::from(id)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// What is known of a stream that is not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Past {
    /// We have reset it: what was on its way is no error (RFC 9113 section 5.1).
    Reset,
    /// Both sides ended it.
    Ended,
    Unknown,
}

/// What follows from a stream's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settled {
    /// Bytes that nobody will read.
    pub(super) unread: usize,
    /// Whether both sides have come to their end just now.
    pub(super) whole: bool,
}

/// All streams.
#[derive(Debug)]
pub(super) struct Streams {
    /// Their places.
    by_id: HashMap<u32, usize, BuildHasherDefault<IdHasher>>,
    places: Vec<Option<(u32, Stream)>>,
    free: Vec<usize>,
    /// The one that was asked for last, which is nearly always asked for again, and its place; 0 is no stream.
    last: (u32, usize),
    /// Those that count for the limit.
    pub(super) open: usize,
    /// Those whose reset waits for its turn.
    abandoned: BTreeSet<u32>,
    reset: VecDeque<u32>,
    most_reset: usize,
    ended: VecDeque<u32>,
}

impl Streams {
    pub(super) fn new(most_reset: usize) -> Self {
        Self {
            by_id: HashMap::default(),
            places: Vec::new(),
            free: Vec::new(),
            last: (0, 0),
            open: 0,
            abandoned: BTreeSet::new(),
            reset: VecDeque::new(),
            most_reset,
            ended: VecDeque::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn get(&mut self, id: u32) -> Option<&mut Stream> {
        if self.last.0 != id {
            self.last = (id, *self.by_id.get(&id)?);
        }
        let (known, stream) = self.places.get_mut(self.last.1)?.as_mut()?;
        (*known == id).then_some(stream)
    }

    pub(super) fn insert(&mut self, id: u32, stream: Stream) {
        self.open += 1;
        let place = self.free.pop().unwrap_or(self.places.len());
        match self.places.get_mut(place) {
            Some(free) => *free = Some((id, stream)),
            None => self.places.push(Some((id, stream))),
        }
        self.by_id.insert(id, place);
        self.last = (id, place);
    }

    fn remove(&mut self, id: u32) {
        if let Some(place) = self.by_id.remove(&id) {
            if let Some(left) = self.places.get_mut(place) {
                *left = None;
            }
            self.free.push(place);
            self.last = (0, 0);
        }
    }

    /// Gives memory back, when there are none.
    pub(super) fn release(&mut self) {
        if self.by_id.is_empty() && self.places.len() > KEPT {
            (self.by_id, self.places, self.free) = (HashMap::default(), Vec::new(), Vec::new());
        }
    }

    pub(super) fn all(&mut self) -> impl Iterator<Item = (u32, &mut Stream)> {
        self.places.iter_mut().flatten().map(|(id, stream)| (*id, stream))
    }

    pub(super) fn abandoned(&self) -> usize {
        self.abandoned.len()
    }

    pub(super) fn first_abandoned(&self) -> Option<u32> {
        self.abandoned.first().copied()
    }

    /// Ends a stream for those who hold it, but not for the peer.
    pub(super) fn abandon(&mut self, id: u32) {
        let Some(stream) = self.get(id) else { return };
        stream.abandoned = true;
        stream.error = Some(StreamError::Cancelled);
        stream.wake();
        self.abandoned.insert(id);
    }

    /// An abandoned stream has ended for the peer too.
    pub(super) fn end_abandoned(&mut self, id: u32) {
        if let Some(stream) = self.get(id)
            && std::mem::take(&mut stream.abandoned)
        {
            self.abandoned.remove(&id);
        }
    }

    pub(super) fn past(&self, id: u32) -> Past {
        if self.reset.contains(&id) {
            Past::Reset
        } else if self.ended.contains(&id) {
            Past::Ended
        } else {
            Past::Unknown
        }
    }

    pub(super) fn remember_reset(&mut self, id: u32) {
        remember(&mut self.reset, id, self.most_reset);
    }

    pub(super) fn fail_all(&mut self, error: StreamError) {
        self.abandoned.clear();
        let (mut ended, mut gone) = (0, Vec::new());
        for (id, stream) in self.all() {
            stream.error.get_or_insert(error);
            stream.wake();
            ended += usize::from(std::mem::take(&mut stream.counted));
            // Whoever holds another takes it away.
            if std::mem::take(&mut stream.abandoned) && !stream.held.sender && !stream.held.receiver {
                gone.push(id);
            }
        }
        self.open -= ended;
        for id in gone {
            self.remove(id);
        }
    }

    /// What follows from a stream's new state. `None` if nothing does.
    pub(super) fn settle(&mut self, id: u32) -> Option<Settled> {
        let stream = self.get(id)?;
        if !stream.is_closed() {
            return None;
        }
        let (ended, in_order) = (std::mem::take(&mut stream.counted), stream.error.is_none());
        let held = stream.held.sender || stream.held.receiver;
        let unread = if held { 0 } else { stream.data.clear() };
        self.open -= usize::from(ended);
        if !held {
            if in_order {
                remember(&mut self.ended, id, ENDED);
            }
            self.remove(id);
        }
        Some(Settled { unread, whole: ended && in_order })
    }
}

fn remember(ids: &mut VecDeque<u32>, id: u32, most: usize) {
    if ids.len() >= most {
        ids.pop_front();
    }
    if most > 0 {
        ids.push_back(id);
    }
}
