//! Hash maps that consecutive configurations share.

use std::borrow::Borrow;
use std::hash::{BuildHasher as _, Hash};
use std::sync::Arc;

use crate::hash::Map;

/// Entries of a shard, on average, when there are more than one.
const FULL: usize = 32;

/// A map in shards, which clones share until one of them changes an entry there. So a version of 10,000 entries that
/// differs in one costs some hundred pointers and one shard.
#[derive(Debug, Clone)]
pub(crate) struct Shards<K, V> {
    /// None, or a power of two.
    maps: Vec<Arc<Map<K, V>>>,
    len: usize,
    hasher: foldhash::fast::RandomState,
}

impl<K, V> Default for Shards<K, V> {
    fn default() -> Self {
        Self { maps: Vec::new(), len: 0, hasher: foldhash::fast::RandomState::default() }
    }
}

impl<K, V> Shards<K, V> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// In no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.maps.iter().flat_map(|shard| shard.iter())
    }

    /// How many of its shards another one does not have.
    #[cfg(test)]
    pub(crate) fn unshared(&self, other: &Self) -> usize {
        self.maps.iter().filter(|shard| !other.maps.iter().any(|theirs| Arc::ptr_eq(shard, theirs))).count()
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Shards<K, V> {
    pub(crate) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        if self.maps.is_empty() { None } else { self.maps.get(self.shard(key))?.get(key) }
    }

    /// Changes the value of `key`, made if there is none.
    pub(crate) fn change_or_insert<Q: Hash + Eq + ?Sized>(
        &mut self,
        key: &Q,
        make: impl FnOnce() -> (K, V),
        change: impl FnOnce(&mut V),
    ) where
        K: Borrow<Q>,
    {
        if self.len >= self.maps.len() * FULL {
            self.resize((self.maps.len() * 2).max(1));
        }
        let shard = self.shard(key);
        let Some(shard) = self.maps.get_mut(shard).map(Arc::make_mut) else { return };
        if let Some(value) = shard.get_mut(key) {
            return change(value);
        }
        let (key, mut value) = make();
        change(&mut value);
        shard.insert(key, value);
        self.len += 1;
    }

    /// Changes the value of `key`, if there is one; takes it out if `change` says that nothing is left of it.
    pub(crate) fn change_or_remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q, change: impl FnOnce(&mut V) -> bool)
    where
        K: Borrow<Q>,
    {
        if self.get(key).is_none() {
            return;
        }
        let shard = self.shard(key);
        let Some(shard) = self.maps.get_mut(shard).map(Arc::make_mut) else { return };
        if shard.get_mut(key).is_some_and(change) {
            shard.remove(key);
            self.len -= 1;
        }
        if self.len < self.maps.len() * FULL / 8 {
            self.resize(self.maps.len() / 2);
        }
    }

    fn resize(&mut self, count: usize) {
        if count == 0 {
            // The last entry of a single shard goes with it.
            if self.len == 0 {
                self.maps.clear();
            }
            return;
        }
        let mut shards: Vec<Map<K, V>> = std::iter::repeat_with(Map::default).take(count).collect();
        for shard in std::mem::take(&mut self.maps) {
            for (key, value) in Arc::unwrap_or_clone(shard) {
                if let Some(shard) = shards.get_mut(index(&self.hasher, &key, count)) {
                    shard.insert(key, value);
                }
            }
        }
        self.maps = shards.into_iter().map(Arc::new).collect();
    }

    fn shard<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        index(&self.hasher, key, self.maps.len())
    }
}

/// The shard of a key, of a power of two.
fn index<Q: Hash + ?Sized>(hasher: &foldhash::fast::RandomState, key: &Q, shards: usize) -> usize {
    if shards < 2 {
        return 0;
    }
    // The maps of the shards tell their keys apart by the lowest bits and the highest.
    let hash = hasher.hash_one(key).rotate_right(32);
    usize::try_from(hash & u64::try_from(shards - 1).unwrap_or(0)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn put(map: &mut Shards<u16, u8>, key: u16, value: u8) {
        map.change_or_insert(&key, || (key, 0), |held| *held = value);
    }

    proptest! {
        /// Also while it grows and shrinks, and an older clone stays what it was.
        #[test]
        fn it_holds_what_a_hash_map_does(steps in prop::collection::vec((0_u16..300, prop::option::weighted(0.6, any::<u8>())), 0..900)) {
            let (mut map, mut model) = (Shards::default(), HashMap::new());
            let mut older = None;
            for (at, (key, value)) in steps.iter().enumerate() {
                if let Some(value) = value {
                    put(&mut map, *key, *value);
                    model.insert(*key, *value);
                } else {
                    map.change_or_remove(key, |_| true);
                    model.remove(key);
                }
                if at == steps.len() / 2 {
                    older = Some((map.clone(), model.clone()));
                }
            }
            for (map, model) in older.into_iter().chain([(map, model)]) {
                prop_assert_eq!(map.len(), model.len());
                prop_assert_eq!(map.iter().map(|(key, value)| (*key, *value)).collect::<HashMap<_, _>>(), model.clone());
                for key in 0..300 {
                    prop_assert_eq!(map.get(&key), model.get(&key));
                }
            }
        }
    }

    #[test]
    fn a_change_copies_one_shard() {
        let mut map = Shards::default();
        (0..10_000).for_each(|key| put(&mut map, key, 0));
        let mut changed = map.clone();
        put(&mut changed, 7, 1);
        assert!(map.maps.len() > 200);
        assert_eq!(changed.unshared(&map), 1);
    }

    #[test]
    fn an_empty_one_keeps_nothing() {
        let mut map = Shards::default();
        (0..10_000).for_each(|key| put(&mut map, key, 0));
        (0..10_000).for_each(|key| map.change_or_remove(&key, |_| true));
        assert!(map.is_empty() && map.maps.is_empty());
    }
}
