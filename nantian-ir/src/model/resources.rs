//! Maps of resources that versions of a snapshot share.

use std::cmp::Ordering;
use std::fmt;
use std::iter::FusedIterator;
use std::slice;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Keyed;
use crate::hash::{ContentHash, Digest};

/// A chunk that has more is cut into two.
const MAX_CHUNK: usize = 64;
/// Two neighbours that have no more together become one.
const MERGED_CHUNK: usize = 32;

/// Resources of one kind, sorted by their keys.
///
/// They are held in chunks, which clones share until one of them changes a resource there. So a version of 10,000 resources
/// that differs in one costs two hundred pointers and one chunk, and [`ResourceMap::changes`] looks at no more than that.
pub struct ResourceMap<T> {
    /// Sorted, and none is empty.
    chunks: Vec<Arc<Chunk<T>>>,
    len: usize,
}

/// Resources that stand side by side.
struct Chunk<T> {
    resources: Vec<Arc<T>>,
    /// Of each resource, made when first asked for.
    digests: OnceLock<Box<[Digest]>>,
}

impl<T> Chunk<T> {
    const fn new(resources: Vec<Arc<T>>) -> Self {
        Self { resources, digests: OnceLock::new() }
    }

    /// The resources, for a change; they are copied first if versions share them.
    fn change(self: &mut Arc<Self>) -> &mut Vec<Arc<T>> {
        let chunk = Arc::make_mut(self);
        chunk.digests.take();
        &mut chunk.resources
    }
}

impl<T> Clone for Chunk<T> {
    fn clone(&self) -> Self {
        Self::new(self.resources.clone())
    }
}

/// What became of a resource from one version of a map to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceChange<'m, T> {
    /// Only in the new one.
    Added(&'m Arc<T>),
    /// In both, but not the same.
    Changed {
        /// What it was.
        old: &'m Arc<T>,
        /// What it is.
        new: &'m Arc<T>,
    },
    /// Only in the old one.
    Removed(&'m Arc<T>),
}

impl<'m, T> ResourceChange<'m, T> {
    /// What it was, if it was there.
    pub const fn before(&self) -> Option<&'m Arc<T>> {
        match self {
            Self::Added(_) => None,
            Self::Changed { old, .. } | Self::Removed(old) => Some(old),
        }
    }

    /// What it is, if it is there.
    pub const fn now(&self) -> Option<&'m Arc<T>> {
        match self {
            Self::Removed(_) => None,
            Self::Changed { new, .. } | Self::Added(new) => Some(new),
        }
    }

    /// Its key.
    pub fn key(&self) -> &'m T::Key
    where
        T: Keyed,
    {
        match self {
            Self::Added(resource) | Self::Removed(resource) | Self::Changed { new: resource, .. } => resource.key(),
        }
    }
}

impl<T> ResourceMap<T> {
    /// A map without resources.
    #[must_use]
    pub const fn new() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Takes out all of them.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// The resources, sorted by key.
    pub fn values(&self) -> Values<'_, T> {
        Values { chunks: self.chunks.iter(), resources: [].iter(), left: self.len }
    }

    /// The digests of the resources, sorted by key. What versions share is digested once.
    pub(crate) fn digests(&self) -> impl Iterator<Item = &Digest>
    where
        T: Serialize,
    {
        let digest = |resource: &Arc<T>| ContentHash::digest(resource);
        self.chunks
            .iter()
            .flat_map(move |chunk| chunk.digests.get_or_init(|| chunk.resources.iter().map(digest).collect()).iter())
    }
}

impl<T: Keyed> ResourceMap<T> {
    /// The resource of this key.
    pub fn get(&self, key: &T::Key) -> Option<&Arc<T>> {
        let (chunk, place) = self.find(key).ok()?;
        self.chunks.get(chunk)?.resources.get(place)
    }

    /// Whether there is a resource of this key.
    pub fn contains_key(&self, key: &T::Key) -> bool {
        self.find(key).is_ok()
    }

    /// The keys, sorted.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &T::Key> {
        self.values().map(|resource| resource.key())
    }

    /// The resources with their keys, sorted.
    pub fn iter(&self) -> Iter<'_, T> {
        self.values().map(|resource| (resource.key(), resource))
    }

    /// Puts a resource in its place; gives back the one of its key that was there.
    pub fn insert(&mut self, resource: impl Into<Arc<T>>) -> Option<Arc<T>> {
        let resource = resource.into();
        match self.find(resource.key()) {
            Ok((chunk, place)) => {
                let held = self.chunks.get_mut(chunk)?.change().get_mut(place)?;
                Some(std::mem::replace(held, resource))
            }
            Err((chunk, place)) => {
                self.insert_at(chunk, place, resource);
                self.len += 1;
                None
            }
        }
    }

    fn insert_at(&mut self, chunk: usize, place: usize, resource: Arc<T>) {
        let is_last = chunk + 1 >= self.chunks.len();
        let Some(held) = self.chunks.get_mut(chunk) else {
            self.chunks.push(Arc::new(Chunk::new(vec![resource])));
            return;
        };
        // What comes sorted fills its chunks.
        if is_last && place == MAX_CHUNK && held.resources.len() == MAX_CHUNK {
            self.chunks.push(Arc::new(Chunk::new(vec![resource])));
            return;
        }
        let resources = held.change();
        resources.insert(place, resource);
        if resources.len() > MAX_CHUNK {
            let tail = resources.split_off(MAX_CHUNK / 2);
            self.chunks.insert(chunk + 1, Arc::new(Chunk::new(tail)));
        }
    }

    /// Takes out the resource of this key.
    pub fn remove(&mut self, key: &T::Key) -> Option<Arc<T>> {
        let (chunk, place) = self.find(key).ok()?;
        let resources = self.chunks.get_mut(chunk)?.change();
        let removed = resources.remove(place);
        self.len -= 1;
        let left = resources.len();
        if left == 0 {
            self.chunks.remove(chunk);
        } else if let Some(next) = self.chunks.get(chunk + 1)
            && left + next.resources.len() <= MERGED_CHUNK
        {
            let next = self.chunks.remove(chunk + 1);
            if let Some(held) = self.chunks.get_mut(chunk) {
                held.change().extend(next.resources.iter().cloned());
            }
        }
        Some(removed)
    }

    /// Takes out all that `keep` does not hold for.
    pub fn retain(&mut self, mut keep: impl FnMut(&T::Key, &Arc<T>) -> bool) {
        *self = self.values().filter(|resource| keep(resource.key(), resource)).cloned().collect();
    }

    /// Changes the resource of this key, which must keep it.
    pub fn get_mut(&mut self, key: &T::Key) -> Option<&mut Arc<T>> {
        let (chunk, place) = self.find(key).ok()?;
        self.chunks.get_mut(chunk)?.change().get_mut(place)
    }

    /// Changes resources, which must keep their keys.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Arc<T>> {
        self.chunks.iter_mut().flat_map(|chunk| chunk.change().iter_mut())
    }

    /// What differs from an older version, sorted by key. What the versions share is not looked at.
    pub fn changes<'m>(&'m self, old: &'m Self) -> Vec<ResourceChange<'m, T>>
    where
        T: PartialEq,
    {
        let (mut before, mut now) = (Cursor::of(old), Cursor::of(self));
        let mut changes = Vec::new();
        loop {
            if before.skip_shared(&mut now) {
                continue;
            }
            let order = match (before.peek(), now.peek()) {
                (None, None) => return changes,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => old.key().cmp(new.key()),
            };
            let old = if order.is_le() { before.next() } else { None };
            let new = if order.is_ge() { now.next() } else { None };
            match (old, new) {
                (Some(old), Some(new)) if Arc::ptr_eq(old, new) || old == new => {}
                (Some(old), Some(new)) => changes.push(ResourceChange::Changed { old, new }),
                (Some(old), None) => changes.push(ResourceChange::Removed(old)),
                (None, Some(new)) => changes.push(ResourceChange::Added(new)),
                (None, None) => {}
            }
        }
    }

    /// Chunk and place of the resource, or where it would be.
    fn find(&self, key: &T::Key) -> Result<(usize, usize), (usize, usize)> {
        // Resources mostly come sorted when there are many.
        if let Some(chunk) = self.chunks.last()
            && chunk.resources.last().is_some_and(|last| last.key() < key)
        {
            return Err((self.chunks.len() - 1, chunk.resources.len()));
        }
        let starts_before = |chunk: &Arc<Chunk<T>>| chunk.resources.first().is_some_and(|first| first.key() <= key);
        let chunk = self.chunks.partition_point(starts_before).saturating_sub(1);
        let resources = self.chunks.get(chunk).map(|chunk| chunk.resources.as_slice()).unwrap_or_default();
        match resources.binary_search_by(|resource| resource.key().cmp(key)) {
            Ok(place) => Ok((chunk, place)),
            Err(place) => Err((chunk, place)),
        }
    }
}

/// A place in a map that is walked along with another.
struct Cursor<'m, T> {
    chunks: &'m [Arc<Chunk<T>>],
    place: usize,
}

impl<'m, T> Cursor<'m, T> {
    fn of(map: &'m ResourceMap<T>) -> Self {
        Self { chunks: &map.chunks, place: 0 }
    }

    fn peek(&self) -> Option<&'m Arc<T>> {
        self.chunks.first()?.resources.get(self.place)
    }

    fn next(&mut self) -> Option<&'m Arc<T>> {
        let (chunk, rest) = self.chunks.split_first()?;
        let resource = chunk.resources.get(self.place);
        self.place += 1;
        if self.place >= chunk.resources.len() {
            (self.chunks, self.place) = (rest, 0);
        }
        resource
    }

    /// Whether both stood before the same chunk, and stand behind it now.
    fn skip_shared(&mut self, other: &mut Self) -> bool {
        let (Some((mine, rest)), Some((theirs, others_rest))) = (self.chunks.split_first(), other.chunks.split_first())
        else {
            return false;
        };
        let is_shared = self.place == 0 && other.place == 0 && Arc::ptr_eq(mine, theirs);
        if is_shared {
            (self.chunks, other.chunks) = (rest, others_rest);
        }
        is_shared
    }
}

/// The resources of a map, sorted by key.
pub struct Values<'m, T> {
    chunks: slice::Iter<'m, Arc<Chunk<T>>>,
    resources: slice::Iter<'m, Arc<T>>,
    left: usize,
}

/// The resources of a map with their keys, sorted.
pub type Iter<'m, T> = std::iter::Map<Values<'m, T>, fn(&'m Arc<T>) -> (&'m <T as Keyed>::Key, &'m Arc<T>)>;

impl<'m, T> Iterator for Values<'m, T> {
    type Item = &'m Arc<T>;

    fn next(&mut self) -> Option<&'m Arc<T>> {
        loop {
            if let Some(resource) = self.resources.next() {
                self.left -= 1;
                return Some(resource);
            }
            self.resources = self.chunks.next()?.resources.iter();
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<T> ExactSizeIterator for Values<'_, T> {}
impl<T> FusedIterator for Values<'_, T> {}

impl<T> Clone for Values<'_, T> {
    fn clone(&self) -> Self {
        Self { chunks: self.chunks.clone(), resources: self.resources.clone(), left: self.left }
    }
}

impl<'m, T: Keyed> IntoIterator for &'m ResourceMap<T> {
    type Item = (&'m T::Key, &'m Arc<T>);
    type IntoIter = Iter<'m, T>;

    fn into_iter(self) -> Iter<'m, T> {
        self.iter()
    }
}

impl<T> Clone for ResourceMap<T> {
    fn clone(&self) -> Self {
        Self { chunks: self.chunks.clone(), len: self.len }
    }
}

impl<T> Default for ResourceMap<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: PartialEq> PartialEq for ResourceMap<T> {
    fn eq(&self, other: &Self) -> bool {
        let same = |(one, other): (&Arc<T>, &Arc<T>)| Arc::ptr_eq(one, other) || one == other;
        self.len == other.len && self.values().zip(other.values()).all(same)
    }
}

impl<T: Eq> Eq for ResourceMap<T> {}

impl<T: Keyed<Key: fmt::Debug> + fmt::Debug> fmt::Debug for ResourceMap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<T: Keyed, R: Into<Arc<T>>> Extend<R> for ResourceMap<T> {
    fn extend<I: IntoIterator<Item = R>>(&mut self, resources: I) {
        for resource in resources {
            self.insert(resource);
        }
    }
}

impl<T: Keyed, R: Into<Arc<T>>> FromIterator<R> for ResourceMap<T> {
    fn from_iter<I: IntoIterator<Item = R>>(resources: I) -> Self {
        let mut map = Self::new();
        map.extend(resources);
        map
    }
}

/// As a list of resources: each names its key itself, and JSON has no structured keys.
impl<T: Serialize> Serialize for ResourceMap<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.values())
    }
}

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for ResourceMap<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        Vec::<T>::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Vec::<T>::json_schema(generator)
    }
}

impl<'de, T: Keyed + Deserialize<'de>> Deserialize<'de> for ResourceMap<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<T>::deserialize(deserializer).map(Self::from_iter)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    struct Number {
        key: u16,
        value: u8,
    }

    impl Keyed for Number {
        type Key = u16;

        fn key(&self) -> &u16 {
            &self.key
        }
    }

    type Model = BTreeMap<u16, u8>;

    /// `None` takes the resource out.
    fn steps(most: usize) -> impl Strategy<Value = Vec<(u16, Option<u8>)>> {
        prop::collection::vec((0_u16..400, prop::option::weighted(0.7, any::<u8>())), 0..most)
    }

    fn take(map: &mut ResourceMap<Number>, model: &mut Model, steps: Vec<(u16, Option<u8>)>) {
        for (key, value) in steps {
            let (before, held) = match value {
                Some(value) => (model.insert(key, value), map.insert(Number { key, value })),
                None => (model.remove(&key), map.remove(&key)),
            };
            assert_eq!(held.map(|number| number.value), before);
        }
    }

    fn pairs(map: &ResourceMap<Number>) -> Model {
        map.values().map(|number| (number.key, number.value)).collect()
    }

    fn check_invariants(map: &ResourceMap<Number>, model: &Model) {
        assert_eq!(map.len(), model.len());
        assert_eq!(map.values().len(), model.len());
        assert!(map.keys().is_sorted_by(|a, b| a < b));
        assert_eq!(pairs(map), *model);
        assert!(map.chunks.iter().all(|chunk| (1..=MAX_CHUNK).contains(&chunk.resources.len())));
    }

    /// What changed, told without looking at what is shared.
    fn expected(old: &Model, new: &Model) -> Vec<(u16, Option<u8>, Option<u8>)> {
        let keys: std::collections::BTreeSet<u16> = old.keys().chain(new.keys()).copied().collect();
        let both = keys.into_iter().map(|key| (key, old.get(&key).copied(), new.get(&key).copied()));
        both.filter(|(_, old, new)| old != new).collect()
    }

    fn told(changes: &[ResourceChange<'_, Number>]) -> Vec<(u16, Option<u8>, Option<u8>)> {
        let tell = |change: &ResourceChange<'_, Number>| match change {
            ResourceChange::Added(new) => (new.key, None, Some(new.value)),
            ResourceChange::Changed { old, new } => (new.key, Some(old.value), Some(new.value)),
            ResourceChange::Removed(old) => (old.key, Some(old.value), None),
        };
        changes.iter().map(tell).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn it_holds_what_a_sorted_map_does_and_tells_what_changed(first in steps(400), second in steps(40)) {
            let (mut map, mut model) = (ResourceMap::new(), Model::new());
            take(&mut map, &mut model, first);
            check_invariants(&map, &model);
            let (old, old_model) = (map.clone(), model.clone());
            prop_assert_eq!(map.digests().count(), model.len());
            take(&mut map, &mut model, second);
            check_invariants(&map, &model);
            check_invariants(&old, &old_model);
            prop_assert_eq!(told(&map.changes(&old)), expected(&old_model, &model));
            prop_assert_eq!(map == old, model == old_model);
            let fresh: ResourceMap<Number> = map.values().cloned().collect();
            prop_assert_eq!(map.digests().collect::<Vec<_>>(), fresh.digests().collect::<Vec<_>>());
            for key in 0..400 {
                prop_assert_eq!(map.get(&key).map(|number| number.value), model.get(&key).copied());
            }
        }
    }

    #[test]
    fn a_change_leaves_the_other_chunks_shared() {
        let old: ResourceMap<Number> = (0..10_000).map(|key| Number { key, value: 0 }).collect();
        assert_eq!(old.chunks.len(), 10_000 / MAX_CHUNK + 1, "what comes sorted fills its chunks");
        let mut new = old.clone();
        new.insert(Number { key: 5_000, value: 1 });
        let shared = old.chunks.iter().zip(&new.chunks).filter(|(one, other)| Arc::ptr_eq(one, other)).count();
        assert_eq!(shared, old.chunks.len() - 1);
    }
}
