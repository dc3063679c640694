//! The client's side of all its streams.

use std::collections::VecDeque;
use std::sync::Arc;

use nantian_ir::Snapshot;
use prost::Message;
use thiserror::Error;

use super::rejection::{self, Rejection};
use super::settle::settle;
use super::store::Store;
use super::subscription::WILDCARD;
use crate::resource::{MANIFEST_NAME, MANIFEST_URL, ResourceType};
use crate::wire::discovery::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, Resource};
use crate::wire::{Node, Status, ir};

/// A snapshot to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// Its version, as the server names it.
    pub version: String,
    /// All of it, consistent in itself.
    pub snapshot: Arc<Snapshot>,
    /// What of it is not in `snapshot`, or in an older version, as it cannot be read or names what is not there.
    pub rejected: Vec<Rejection>,
}

/// What the client has is not what the server means. The client begins anew with the next stream; end this one. What is
/// served is served on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("what was received does not add up to version {version} of the server: {difference}")]
pub struct Diverged {
    /// The version that the server means.
    pub version: String,
    /// The first difference.
    pub difference: String,
}

/// The client's side. It outlives streams: what was received once is not asked for again.
#[derive(Debug)]
pub struct Client {
    node: Node,
    store: Store,
    requests: VecDeque<DeltaDiscoveryRequest>,
    /// What was taken last with [`Client::poll_update`].
    taken: Arc<Snapshot>,
    update: Option<Update>,
    /// The version that is served as the server means it, if that is sure.
    applied_in_full: Option<String>,
    /// Manifests of this stream that wait for [`Client::applied`]: version and nonce.
    unanswered: Vec<(String, String)>,
}

impl Client {
    /// A client that has nothing. `node` is how the server knows it.
    pub fn new(node: Node) -> Self {
        Self {
            node,
            store: Store::default(),
            requests: VecDeque::new(),
            taken: Arc::default(),
            update: None,
            applied_in_full: None,
            unanswered: Vec::new(),
        }
    }

    /// A stream begins: the requests that subscribe to everything are next.
    pub fn connected(&mut self) {
        self.disconnected();
        for resource_type in ResourceType::ALL {
            self.requests.push_back(DeltaDiscoveryRequest {
                type_url: resource_type.url().to_owned(),
                resource_names_subscribe: vec![WILDCARD.to_owned()],
                initial_resource_versions: self.store.versions(resource_type),
                ..DeltaDiscoveryRequest::default()
            });
        }
        // Last, so that the server knows everything that it is about.
        let applied = self.applied_in_full.iter().filter(|_| self.update.is_none());
        let applied = applied.map(|version| (MANIFEST_NAME.to_owned(), version.clone()));
        self.requests.push_back(DeltaDiscoveryRequest {
            type_url: MANIFEST_URL.to_owned(),
            resource_names_subscribe: vec![WILDCARD.to_owned()],
            initial_resource_versions: applied.collect(),
            ..DeltaDiscoveryRequest::default()
        });
        if let Some(first) = self.requests.front_mut() {
            first.node = Some(self.node.clone());
        }
    }

    /// The stream has ended. What is served is served on.
    pub fn disconnected(&mut self) {
        self.requests.clear();
        self.unanswered.clear();
        self.store.forget_refused();
    }

    /// The next request, if there is one.
    pub fn poll_request(&mut self) -> Option<DeltaDiscoveryRequest> {
        self.requests.pop_front()
    }

    /// A response of the server.
    ///
    /// # Errors
    ///
    /// What was received does not add up to what the server means: a fault of one of the two.
    pub fn handle_response(&mut self, response: DeltaDiscoveryResponse) -> Result<(), Diverged> {
        let DeltaDiscoveryResponse { type_url, nonce, resources, removed_resources, .. } = response;
        if type_url == MANIFEST_URL {
            return self.handle_manifest(resources, nonce);
        }
        // Nothing but what was asked for comes from a server that keeps the protocol.
        let error = match ResourceType::of_url(&type_url) {
            Some(resource_type) => {
                let rejections = self.store.receive(resource_type, resources, &removed_resources);
                (!rejections.is_empty()).then(|| rejection::of_some(&rejections))
            }
            None => Some(rejection::of_everything(&format!("{type_url:?} was not subscribed to"))),
        };
        self.answer(&type_url, nonce, error);
        Ok(())
    }

    fn answer(&mut self, type_url: &str, nonce: String, error_detail: Option<Status>) {
        self.requests.push_back(DeltaDiscoveryRequest {
            type_url: type_url.to_owned(),
            response_nonce: nonce,
            error_detail,
            ..DeltaDiscoveryRequest::default()
        });
    }

    /// Everything up to a snapshot has arrived.
    fn handle_manifest(&mut self, resources: Vec<Resource>, nonce: String) -> Result<(), Diverged> {
        let Some(Resource { version, resource, .. }) = resources.into_iter().next() else {
            self.answer(MANIFEST_URL, nonce, None);
            return Ok(());
        };
        let body = resource.unwrap_or_default().value;
        if let Some(difference) = self.difference(&body) {
            self.answer(MANIFEST_URL, nonce, Some(rejection::of_everything(&difference)));
            self.store = Store::default();
            self.applied_in_full = None;
            return Err(Diverged { version, difference });
        }
        let (snapshot, dangling) = settle(self.store.held(), &self.taken);
        let mut rejected = self.store.refused();
        rejected.extend(dangling.into_iter().map(|dangling| self.store.rejection(dangling)));
        self.unanswered.push((version.clone(), nonce));
        // One that nobody took is out of date.
        self.update = Some(Update { version, snapshot: Arc::new(snapshot), rejected });
        Ok(())
    }

    /// What differs between a manifest and what was received, for people.
    fn difference(&self, manifest: &[u8]) -> Option<String> {
        let manifest = match ir::Manifest::decode(manifest) {
            Ok(manifest) => manifest,
            Err(error) => return Some(format!("the manifest is not readable: {error}")),
        };
        for resource_type in ResourceType::ALL {
            let (digest, count) = self.store.digests().of(resource_type);
            let meant = manifest.types.iter().find(|meant| meant.type_url == resource_type.url());
            // A server that does not know the type has none of it.
            let meant_count = meant.map_or(0, |meant| meant.count);
            if count != meant_count {
                return Some(format!("there are {count} of type {resource_type}, and the server has {meant_count}"));
            }
            if meant.is_some_and(|meant| meant.digest != digest.to_bytes()) {
                return Some(format!("a {resource_type} has another version than the server's"));
            }
        }
        None
    }

    /// The newest snapshot that can be served, if there is one that was not taken yet. [`Client::applied`] is due for it,
    /// or for a newer one.
    pub fn poll_update(&mut self) -> Option<Update> {
        let update = self.update.take()?;
        self.taken = Arc::clone(&update.snapshot);
        // What is served from here on is one or the other, until `applied` says which.
        self.applied_in_full = None;
        Some(update)
    }

    /// `update` is served, apart from what was refused in it already, and from `refused`.
    pub fn applied(&mut self, update: &Update, refused: Vec<Rejection>) {
        let mut rejected = update.rejected.clone();
        rejected.extend(refused);
        self.applied_in_full = rejected.is_empty().then(|| update.version.clone());
        let error = (!rejected.is_empty()).then(|| rejection::of_some(&rejected));
        let Some(index) = self.unanswered.iter().rposition(|(version, _)| *version == update.version) else { return };
        let answered: Vec<_> = self.unanswered.drain(..=index).collect();
        for (_, nonce) in answered {
            self.answer(MANIFEST_URL, nonce, error.clone());
        }
    }
}
