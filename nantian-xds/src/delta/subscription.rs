//! What of one type a client wants, and what of it the client has.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use nantian_ir::ResourceMap;

use crate::catalog::Entry;
use crate::wire::discovery::DeltaDiscoveryRequest;

/// The name that stands for every resource of a type.
pub(super) const WILDCARD: &str = "*";

/// A version that no resource has: the client may have forgotten what it had under the name.
pub(super) const UNKNOWN_VERSION: &str = "-";

/// The subscription of one stream to one type.
#[derive(Debug, Default)]
pub(super) struct Subscription {
    wildcard: bool,
    names: BTreeSet<Arc<str>>,
    /// What was sent last under each name, or what the client said that it has. Whoever compares it with what there is
    /// knows what is to be sent.
    sent: ResourceMap<Entry>,
}

impl Subscription {
    /// The first request of a stream for a type, which may say what the client has.
    pub(super) fn first(request: &DeltaDiscoveryRequest) -> Self {
        // A request without any name is a subscription to the wildcard; only the first one is.
        let mut subscription = Self { wildcard: request.resource_names_subscribe.is_empty(), ..Self::default() };
        subscription.change(request);
        for (name, version) in &request.initial_resource_versions {
            if subscription.wants(name) {
                subscription.sent.insert(entry(name.as_str().into(), version));
            }
        }
        subscription
    }

    /// Names that come and go.
    pub(super) fn change(&mut self, request: &DeltaDiscoveryRequest) {
        for name in &request.resource_names_subscribe {
            self.subscribe(name);
        }
        for name in &request.resource_names_unsubscribe {
            self.unsubscribe(name);
        }
    }

    fn subscribe(&mut self, name: &str) {
        if name == WILDCARD {
            self.wildcard = true;
            return;
        }
        let name: Arc<str> = name.into();
        // Who subscribes again gets it again, be it a resource or the word that there is none.
        self.sent.insert(entry(Arc::clone(&name), UNKNOWN_VERSION));
        self.names.insert(name);
    }

    fn unsubscribe(&mut self, name: &str) {
        if name == WILDCARD {
            self.wildcard = false;
            self.sent.retain(|name, _| self.names.contains(name));
            return;
        }
        let name: Arc<str> = name.into();
        if !self.names.remove(&name) {
            return;
        }
        if self.wildcard {
            // The client forgets it, and the wildcard covers it still.
            self.sent.insert(entry(name, UNKNOWN_VERSION));
        } else {
            self.sent.remove(&name);
        }
    }

    fn wants(&self, name: &str) -> bool {
        self.wildcard || self.names.contains(name)
    }

    /// Whether it is to every resource of the type.
    pub(super) fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// How many names are subscribed to one by one.
    pub(super) fn named(&self) -> usize {
        self.names.len()
    }

    /// What the client is to have, of all that there is.
    pub(super) fn of(&self, entries: &ResourceMap<Entry>) -> ResourceMap<Entry> {
        if self.wildcard {
            return entries.clone();
        }
        self.names.iter().filter_map(|name| entries.get(name)).cloned().collect()
    }

    pub(super) fn sent(&self) -> &ResourceMap<Entry> {
        &self.sent
    }

    /// A resource is on its way.
    pub(super) fn send(&mut self, entry: Arc<Entry>) {
        self.sent.insert(entry);
    }

    /// So is the word that there is none.
    pub(super) fn send_removal(&mut self, name: &Arc<str>) {
        self.sent.remove(name);
    }

    /// All that is wanted was sent: it is the same from now on, and shared with what there is.
    pub(super) fn all_sent(&mut self, wanted: ResourceMap<Entry>) {
        self.sent = wanted;
    }
}

fn entry(name: Arc<str>, version: &str) -> Entry {
    Entry { name, version: version.into(), body: Bytes::new() }
}
