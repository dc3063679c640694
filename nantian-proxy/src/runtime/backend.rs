//! Backends with their endpoints.

use std::sync::Arc;

use nantian_ir::{Backend as Source, BackendKey, BackendTls, Endpoint, EndpointSet};

use super::Id;

/// A backend that requests can go to.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) id: Id,
    pub(crate) key: BackendKey,
    pub(crate) tls: Option<BackendTls>,
    pub(crate) endpoints: Vec<Endpoint>,
}

impl Backend {
    pub(super) fn build(
        source: &Source,
        endpoints: Option<&Arc<EndpointSet>>,
        previous: Option<&Arc<Self>>,
    ) -> Arc<Self> {
        let endpoints = endpoints.map(|set| set.endpoints.as_slice()).unwrap_or_default();
        match previous {
            Some(previous) if previous.endpoints == endpoints && previous.tls == source.tls => Arc::clone(previous),
            _ => Arc::new(Self {
                id: Id::next(),
                key: source.key.clone(),
                tls: source.tls.clone(),
                endpoints: endpoints.to_vec(),
            }),
        }
    }
}
