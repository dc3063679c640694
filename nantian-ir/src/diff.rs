//! What differs between two snapshots.

use crate::model::{
    Backend, CaBundle, Certificate, EndpointSet, Listener, ResourceChange, RouteRule, Snapshot, StreamRule,
};

/// What differs between two snapshots, by kind of resource. Versions of one snapshot are compared at a cost that depends
/// on their difference: see [`ResourceMap::changes`](crate::ResourceMap::changes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotChanges<'s> {
    /// Of [`Snapshot::listeners`].
    pub listeners: Vec<ResourceChange<'s, Listener>>,
    /// Of [`Snapshot::rules`].
    pub rules: Vec<ResourceChange<'s, RouteRule>>,
    /// Of [`Snapshot::stream_rules`].
    pub stream_rules: Vec<ResourceChange<'s, StreamRule>>,
    /// Of [`Snapshot::backends`].
    pub backends: Vec<ResourceChange<'s, Backend>>,
    /// Of [`Snapshot::endpoints`].
    pub endpoints: Vec<ResourceChange<'s, EndpointSet>>,
    /// Of [`Snapshot::certificates`].
    pub certificates: Vec<ResourceChange<'s, Certificate>>,
    /// Of [`Snapshot::ca_bundles`].
    pub ca_bundles: Vec<ResourceChange<'s, CaBundle>>,
}

impl Snapshot {
    /// What differs between an older snapshot and a newer one.
    #[must_use]
    pub fn diff<'s>(old: &'s Self, new: &'s Self) -> SnapshotChanges<'s> {
        SnapshotChanges {
            listeners: new.listeners.changes(&old.listeners),
            rules: new.rules.changes(&old.rules),
            stream_rules: new.stream_rules.changes(&old.stream_rules),
            backends: new.backends.changes(&old.backends),
            endpoints: new.endpoints.changes(&old.endpoints),
            certificates: new.certificates.changes(&old.certificates),
            ca_bundles: new.ca_bundles.changes(&old.ca_bundles),
        }
    }
}
