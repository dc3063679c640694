//! Buffers of connections that rest: who has bytes to hold takes one, who has none left gives it back. A request finds
//! the buffer that the one before it has just left, still in the cache of the core; a resting connection holds none.

use std::cell::RefCell;

use bytes::BytesMut;

/// Buffers that a worker keeps; those beyond go back to the system.
const KEPT: usize = 128;

/// Bytes of a new buffer at least, so that one serves for reads and for heads alike.
const USUAL: usize = 5 * 1024;
/// Bytes of the largest buffer that is kept.
const LARGEST: usize = 8 * 1024;

/// How many are looked at, the last ones first: parts of a buffer may be held for a moment longer than the buffer, those of a
/// head while it is written. One whose parts are held for long goes when its turn comes.
const LOOKED_AT: usize = 4;

thread_local! {
    static RESTING: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer with room for `room` bytes.
pub(super) fn take(room: usize) -> BytesMut {
    if room > LARGEST {
        return BytesMut::with_capacity(room);
    }
    let resting = RESTING.with_borrow_mut(|resting| {
        // Takes back what was split off it, if nobody holds that any more.
        let free = resting
            .iter_mut()
            .enumerate()
            .rev()
            .take(LOOKED_AT)
            .find_map(|(at, buf)| buf.try_reclaim(room).then_some(at));
        if free.is_none() {
            resting.pop();
        }
        free.map(|at| resting.remove(at))
    });
    resting.unwrap_or_else(|| BytesMut::with_capacity(room.max(USUAL)))
}

/// Gives a buffer back; what it holds is dropped.
pub(super) fn give(mut buf: BytesMut) {
    if buf.capacity() == 0 || buf.capacity() > LARGEST {
        return;
    }
    buf.clear();
    RESTING.with_borrow_mut(|resting| {
        if resting.len() < KEPT {
            resting.push(buf);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_whole_once_its_parts_are_dropped() {
        let mut first = take(USUAL);
        first.extend_from_slice(&[7; USUAL]);
        let (start, part) = (first.as_ptr(), first.split_to(USUAL - 1).freeze());
        give(first);
        drop(part);
        let again = take(USUAL);
        assert_eq!((again.as_ptr(), again.len()), (start, 0));
        assert!(again.capacity() >= USUAL);
    }

    #[test]
    fn a_part_that_is_still_held_keeps_its_bytes() {
        let mut first = take(100);
        first.extend_from_slice(b"held and not");
        let held = first.split_to(4).freeze();
        give(first);
        take(100).extend_from_slice(&[b'x'; 100]);
        assert_eq!(held, "held");
    }

    #[test]
    fn no_more_than_a_bound_is_kept() {
        for _ in 0..2 * KEPT {
            give(BytesMut::with_capacity(10));
        }
        assert_eq!(RESTING.with_borrow(Vec::len), KEPT);
    }
}
