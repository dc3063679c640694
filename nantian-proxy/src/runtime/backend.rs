//! Backends with their endpoints.

use std::sync::Arc;

use nantian_ir::{Backend as Source, BackendKey, Endpoint, EndpointSet, Snapshot};

use super::Id;
use super::secured::Security;

/// A backend that requests can go to.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) id: Id,
    pub(crate) key: BackendKey,
    pub(crate) security: Security,
    pub(crate) endpoints: Vec<Endpoint>,
}

impl Backend {
    pub(super) fn build(
        source: &Source,
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
            _ => Arc::new(Self { id: Id::next(), key: source.key.clone(), security, endpoints: endpoints.to_vec() }),
        }
    }
}
