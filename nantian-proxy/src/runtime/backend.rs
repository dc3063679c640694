//! Backends with their endpoints.

use std::sync::Arc;

use nantian_ir::{Backend as Source, BackendKey, Endpoint, EndpointSet, Keyed, ResourceMap, Snapshot};

use super::Id;
use super::secured::Security;
use crate::slots::{Numbers, Slots};

/// A backend that requests can go to.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) id: Id,
    /// Its number, which it keeps for as long as it is there, however it changes.
    pub(crate) slot: usize,
    pub(crate) key: BackendKey,
    pub(crate) security: Security,
    pub(crate) endpoints: Vec<Endpoint>,
}

impl Keyed for Backend {
    type Key = BackendKey;

    fn key(&self) -> &BackendKey {
        &self.key
    }
}

/// A backend that did not change is the same one.
impl PartialEq for Backend {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// Backends by key and by number. Clones share what does not change.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backends {
    by_key: ResourceMap<Backend>,
    by_slot: Slots<Backend>,
    numbers: Numbers,
}

impl Backends {
    pub(crate) fn get(&self, key: &BackendKey) -> Option<&Arc<Backend>> {
        self.by_key.get(key)
    }

    pub(crate) fn by_key(&self) -> &ResourceMap<Backend> {
        &self.by_key
    }

    pub(crate) fn by_slot(&self) -> &Slots<Backend> {
        &self.by_slot
    }

    pub(super) fn new_slot(&mut self) -> usize {
        self.numbers.take()
    }

    pub(super) fn put(&mut self, backend: Arc<Backend>) {
        self.by_slot.set(backend.slot, Some(Arc::clone(&backend)));
        self.by_key.insert(backend);
    }

    /// Whether there was one.
    pub(super) fn remove(&mut self, key: &BackendKey) -> bool {
        let Some(gone) = self.by_key.remove(key) else { return false };
        self.by_slot.set(gone.slot, None);
        self.numbers.give_back(gone.slot);
        true
    }
}

impl Backend {
    pub(super) fn build(
        source: &Source,
        slot: usize,
        snapshot: &Snapshot,
        endpoints: Option<&Arc<EndpointSet>>,
        previous: Option<&Arc<Self>>,
        refuse: &mut dyn FnMut(String),
    ) -> Arc<Self> {
        let security = Security::build(source, snapshot, previous.map(|previous| &previous.security), refuse);
        let endpoints = endpoints.map(|set| set.endpoints.as_slice()).unwrap_or_default();
        match previous {
            Some(previous) if previous.endpoints == endpoints && previous.security.is(&security) => {
                Arc::clone(previous)
            }
            _ => {
                let (id, key, endpoints) = (Id::next(), source.key.clone(), endpoints.to_vec());
                Arc::new(Self { id, slot, key, security, endpoints })
            }
        }
    }
}
