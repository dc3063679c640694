//! A snapshot as a server sends it: each resource encoded once, however many clients there are.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use nantian_ir::{ContentHash, Keyed, ResourceChange, ResourceMap, Snapshot};

use crate::digest::{Digest, Digests};
use crate::resource::{Resource, ResourceType, with_type};

/// A resource as it is sent. Two are the same when name and version are.
#[derive(Clone)]
pub struct Entry {
    /// Its name: what its key prints as.
    pub name: Arc<str>,
    /// Its version: the content hash.
    pub version: Arc<str>,
    /// The message. Empty where only the version is known.
    pub body: Bytes,
}

impl Entry {
    fn of<T: Resource>(resource: &T) -> Self {
        Self {
            name: resource.key().to_string().into(),
            version: ContentHash::of(resource).as_str().into(),
            body: resource.encode().into(),
        }
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.version == other.version
    }
}

impl Eq for Entry {}

impl Keyed for Entry {
    type Key = Arc<str>;

    fn key(&self) -> &Arc<str> {
        &self.name
    }
}

/// Length of the body only: it may be a private key.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{} ({} bytes)", self.name, self.version, self.body.len())
    }
}

/// All resources of a snapshot, encoded. Versions share what did not change, as those of a [`Snapshot`] do.
#[derive(Clone, Default)]
pub struct Catalog {
    snapshot: Arc<Snapshot>,
    entries: [ResourceMap<Entry>; ResourceType::ALL.len()],
    digests: Digests,
}

impl Catalog {
    /// Encodes a snapshot.
    pub fn new(snapshot: Arc<Snapshot>) -> Self {
        Self::default().advanced(snapshot)
    }

    /// The catalog of a newer snapshot, at a cost that depends on what changed.
    #[must_use]
    pub fn advanced(&self, snapshot: Arc<Snapshot>) -> Self {
        self.advanced_with(snapshot, None)
    }

    /// The same for a part of what another catalog has: what is encoded there is not encoded again.
    pub(crate) fn advanced_within(&self, snapshot: Arc<Snapshot>, whole: &Self) -> Self {
        self.advanced_with(snapshot, Some(whole))
    }

    fn advanced_with(&self, snapshot: Arc<Snapshot>, whole: Option<&Self>) -> Self {
        let mut next = self.clone();
        for resource_type in ResourceType::ALL {
            with_type!(resource_type, T => next.take_changes::<T>(&self.snapshot, &snapshot, whole));
        }
        next.snapshot = snapshot;
        next
    }

    fn take_changes<T: Resource>(&mut self, old: &Snapshot, new: &Snapshot, whole: Option<&Self>) {
        for change in T::of(new).changes(T::of(old)) {
            match change {
                ResourceChange::Added(resource) | ResourceChange::Changed { new: resource, .. } => {
                    let encoded = whole.and_then(|whole| whole.entry_of(resource));
                    self.insert(T::TYPE, encoded.unwrap_or_else(|| Arc::new(Entry::of(&**resource))));
                }
                ResourceChange::Removed(resource) => self.remove(T::TYPE, &resource.key().to_string().into()),
            }
        }
    }

    /// The entry of a resource, if this very one is in the snapshot.
    fn entry_of<T: Resource>(&self, resource: &Arc<T>) -> Option<Arc<Entry>> {
        let held = T::of(&self.snapshot).get(resource.key())?;
        if !Arc::ptr_eq(held, resource) {
            return None;
        }
        self.entries(T::TYPE).get(&resource.key().to_string().into()).cloned()
    }

    fn insert(&mut self, resource_type: ResourceType, entry: Arc<Entry>) {
        let digest = Digest::of(resource_type, &entry.name, &entry.version);
        let Some(entries) = self.entries.get_mut(resource_type.index()) else { return };
        if let Some(old) = entries.insert(entry) {
            self.digests.remove(resource_type, Digest::of(resource_type, &old.name, &old.version));
        }
        self.digests.add(resource_type, digest);
    }

    fn remove(&mut self, resource_type: ResourceType, name: &Arc<str>) {
        let Some(entries) = self.entries.get_mut(resource_type.index()) else { return };
        if let Some(old) = entries.remove(name) {
            self.digests.remove(resource_type, Digest::of(resource_type, &old.name, &old.version));
        }
    }

    /// The snapshot that is encoded.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The version of the whole: what all resources add up to. It does not depend on the way that led to them, so that
    /// control planes agree on it, and a restarted one with itself.
    pub fn version(&self) -> String {
        self.digests.total().to_string()
    }

    /// The resources of a type, by name.
    pub fn entries(&self, resource_type: ResourceType) -> &ResourceMap<Entry> {
        const NONE: &ResourceMap<Entry> = &ResourceMap::new();
        self.entries.get(resource_type.index()).unwrap_or(NONE)
    }

    pub(crate) fn digests(&self) -> &Digests {
        &self.digests
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Catalog({})", self.version())
    }
}
