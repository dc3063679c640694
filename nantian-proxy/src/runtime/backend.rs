//! Backends with their endpoints.

use std::sync::Arc;

use nantian_ir::{BackendKey, Endpoint, EndpointSet};

use super::Id;

/// A backend that requests can go to.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) id: Id,
    pub(crate) key: BackendKey,
    pub(crate) endpoints: Vec<Endpoint>,
}

impl Backend {
    pub(super) fn build(
        key: &BackendKey,
        endpoints: Option<&Arc<EndpointSet>>,
        previous: Option<&Arc<Self>>,
    ) -> Arc<Self> {
        let endpoints = endpoints.map(|set| set.endpoints.as_slice()).unwrap_or_default();
        match previous {
            Some(previous) if previous.endpoints == endpoints => Arc::clone(previous),
            _ => Arc::new(Self { id: Id::next(), key: key.clone(), endpoints: endpoints.to_vec() }),
        }
    }
}
