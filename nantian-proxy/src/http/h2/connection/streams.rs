//! The streams of a connection, and what is remembered of those that are gone.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use super::stream::Stream;
use crate::http::h2::error::StreamError;

/// Streams that ended in good order and are still known: what comes on them is an error of its own.
const ENDED: usize = 16;

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
    by_id: HashMap<u32, Stream, BuildHasherDefault<IdHasher>>,
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
        self.by_id.get_mut(&id)
    }

    pub(super) fn insert(&mut self, id: u32, stream: Stream) {
        self.open += 1;
        self.by_id.insert(id, stream);
    }

    pub(super) fn all(&mut self) -> impl Iterator<Item = (u32, &mut Stream)> {
        self.by_id.iter_mut().map(|(id, stream)| (*id, stream))
    }

    pub(super) fn abandoned(&self) -> usize {
        self.abandoned.len()
    }

    pub(super) fn first_abandoned(&self) -> Option<u32> {
        self.abandoned.first().copied()
    }

    /// Ends a stream for those who hold it, but not for the peer.
    pub(super) fn abandon(&mut self, id: u32) {
        let Some(stream) = self.by_id.get_mut(&id) else { return };
        stream.abandoned = true;
        stream.error = Some(StreamError::Cancelled);
        stream.wake();
        self.abandoned.insert(id);
    }

    /// An abandoned stream has ended for the peer too.
    pub(super) fn end_abandoned(&mut self, id: u32) {
        if let Some(stream) = self.by_id.get_mut(&id)
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
        let open = &mut self.open;
        self.by_id.retain(|_, stream| {
            stream.error.get_or_insert(error);
            stream.wake();
            *open -= usize::from(std::mem::take(&mut stream.counted));
            // Whoever holds another takes it away.
            !std::mem::take(&mut stream.abandoned) || stream.held.sender || stream.held.receiver
        });
    }

    /// What follows from a stream's new state. `None` if nothing does.
    pub(super) fn settle(&mut self, id: u32) -> Option<Settled> {
        let stream = self.by_id.get_mut(&id)?;
        if !stream.is_closed() {
            return None;
        }
        let ended = std::mem::take(&mut stream.counted);
        self.open -= usize::from(ended);
        let whole = ended && stream.error.is_none();
        if stream.held.sender || stream.held.receiver {
            return Some(Settled { unread: 0, whole });
        }
        let unread = stream.data.clear();
        if stream.error.is_none() {
            remember(&mut self.ended, id, ENDED);
        }
        self.by_id.remove(&id);
        Some(Settled { unread, whole })
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
