//! Tables by small numbers that consecutive configurations share, and what each thread keeps beside them.
//!
//! What is configured gets a number that it keeps for its life; the number of what was removed is given to what comes next.
//! So a thread finds what it counts for a rule by an index, and a configuration that differs in one rule from the one before
//! shares all chunks with it but one.

use std::cell::OnceCell;
use std::iter::repeat_with;
use std::rc::Rc;
use std::sync::Arc;

/// Slots of one chunk.
const CHUNK: usize = 64;

type Chunk<T> = Vec<Option<Arc<T>>>;

/// Gives out numbers from 0, the freed ones first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Numbers {
    free: Vec<usize>,
    next: usize,
}

impl Numbers {
    pub(crate) fn take(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        })
    }

    pub(crate) fn give_back(&mut self, number: usize) {
        self.free.push(number);
    }
}

/// Values by number. Clones share their chunks until one of them changes something there.
#[derive(Debug)]
pub(crate) struct Slots<T>(Vec<Arc<Chunk<T>>>);

impl<T> Slots<T> {
    pub(crate) fn get(&self, slot: usize) -> Option<&Arc<T>> {
        self.0.get(slot / CHUNK)?.get(slot % CHUNK)?.as_ref()
    }

    /// Puts a value in its place, or takes out what is there.
    pub(crate) fn set(&mut self, slot: usize, value: Option<Arc<T>>) {
        while self.0.len() <= slot / CHUNK {
            self.0.push(Arc::new(repeat_with(|| None).take(CHUNK).collect()));
        }
        if let Some(held) = self.place(slot) {
            *held = value;
        }
    }

    /// The value, for a change; it is copied first if others share it.
    pub(crate) fn get_mut(&mut self, slot: usize) -> Option<&mut T>
    where
        T: Clone,
    {
        self.place(slot)?.as_mut().map(Arc::make_mut)
    }

    fn place(&mut self, slot: usize) -> Option<&mut Option<Arc<T>>> {
        Arc::make_mut(self.0.get_mut(slot / CHUNK)?).get_mut(slot % CHUNK)
    }
}

impl<T> Clone for Slots<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

type LocalChunk<L> = Rc<[OnceCell<L>]>;

/// What one thread keeps for each value of some [`Slots`], made when first used.
#[derive(Debug)]
pub(crate) struct Locals<L>(Vec<LocalChunk<L>>);

impl<L> Default for Locals<L> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<L> Clone for Locals<L> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<L> Locals<L> {
    /// What is kept for `now`, where this was kept for `before`: the same cells where chunks are the same. Elsewhere `keep`
    /// says what becomes of what was made for a slot, by what is there now.
    pub(crate) fn following<T>(
        &self,
        before: &Slots<T>,
        now: &Slots<T>,
        keep: impl Fn(&L, &Arc<T>) -> Option<L>,
    ) -> Self {
        let chunk = |(index, chunk): (usize, &Arc<Chunk<T>>)| {
            let held = self.0.get(index);
            match (held, before.0.get(index)) {
                (Some(held), Some(before)) if Arc::ptr_eq(before, chunk) => Rc::clone(held),
                _ => {
                    let cell = |(place, value): (usize, &Option<Arc<T>>)| {
                        let local = held.and_then(|held| held.get(place)?.get());
                        let kept = local.zip(value.as_ref()).and_then(|(local, value)| keep(local, value));
                        kept.map_or_else(OnceCell::new, OnceCell::from)
                    };
                    chunk.iter().enumerate().map(cell).collect()
                }
            }
        };
        Self(now.0.iter().enumerate().map(chunk).collect())
    }

    /// What is kept for a slot, made if there is nothing yet.
    pub(crate) fn get_or_init(&self, slot: usize, make: impl FnOnce() -> L) -> Option<&L> {
        Some(self.0.get(slot / CHUNK)?.get(slot % CHUNK)?.get_or_init(make))
    }

    /// What is kept for a slot, if it was made.
    #[cfg(test)]
    pub(crate) fn get(&self, slot: usize) -> Option<&L> {
        self.0.get(slot / CHUNK)?.get(slot % CHUNK)?.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(count: usize) -> Slots<usize> {
        let mut slots = Slots::default();
        for slot in 0..count {
            slots.set(slot, Some(Arc::new(slot)));
        }
        slots
    }

    #[test]
    fn a_freed_number_is_given_out_again() {
        let mut numbers = Numbers::default();
        assert_eq!([numbers.take(), numbers.take(), numbers.take()], [0, 1, 2]);
        numbers.give_back(1);
        assert_eq!([numbers.take(), numbers.take()], [1, 3]);
    }

    #[test]
    fn a_change_leaves_the_other_chunks_shared_and_the_older_version_as_it_was() {
        let old = filled(5 * CHUNK);
        let mut new = old.clone();
        new.set(CHUNK + 1, None);
        *new.get_mut(CHUNK + 2).expect("a value") = 0;
        assert_eq!([old.get(CHUNK + 1).is_some(), new.get(CHUNK + 1).is_some()], [true, false]);
        assert_eq!(
            [old.get(CHUNK + 2).map(|value| **value), new.get(CHUNK + 2).map(|value| **value)],
            [Some(66), Some(0)]
        );
        let shared = old.0.iter().zip(&new.0).filter(|(one, other)| Arc::ptr_eq(one, other)).count();
        assert_eq!(shared, 4);
    }

    #[test]
    fn a_thread_keeps_what_it_made_unless_its_value_is_another() {
        let old = filled(3 * CHUNK);
        let locals = Locals::<Arc<usize>>::default().following(&Slots::default(), &old, |_, _| None);
        for slot in [0, CHUNK, CHUNK + 1, CHUNK + 2] {
            locals.get_or_init(slot, || Arc::clone(old.get(slot).expect("a value")));
        }
        let mut new = old.clone();
        new.set(CHUNK, Some(Arc::new(7)));
        new.set(CHUNK + 1, None);
        let same = |local: &Arc<usize>, now: &Arc<usize>| Arc::ptr_eq(local, now).then(|| Arc::clone(local));
        let after = locals.following(&old, &new, same);
        let kept = [0, CHUNK, CHUNK + 1, CHUNK + 2].map(|slot| after.get(slot).is_some());
        assert_eq!(kept, [true, false, false, true]);
        // What a chunk that both have gets later, both have.
        after.get_or_init(1, Arc::default);
        assert!(locals.get(1).is_some());
    }
}
