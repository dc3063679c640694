//! The server's side of one stream.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use nantian_ir::{Keyed as _, ResourceChange};
use prost::Message;
use thiserror::Error;

use super::rejection::{self, Rejection};
use super::subscription::Subscription;
use crate::catalog::{Catalog, Entry};
use crate::digest::{Digest, Digests};
use crate::resource::{MANIFEST_NAME, MANIFEST_URL, ResourceType};
use crate::wire::discovery::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, Resource};
use crate::wire::{Any, ir};

/// Bounds of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerLimits {
    /// A response has no more bytes of resources than this, unless it is a single resource that has more.
    pub response_bytes: usize,
    /// Responses that are on their way without an answer. More are not made until one is answered.
    pub unanswered_responses: usize,
    /// Names that a client subscribes to one by one, in all.
    pub subscribed_names: usize,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self { response_bytes: 256 * 1024, unanswered_responses: 8, subscribed_names: 100_000 }
    }
}

/// What a client did that ends its stream.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// More names than the server keeps for one client.
    #[error("more than {limit} names are subscribed to: subscribe to `*` instead")]
    TooManyNames {
        /// How many it keeps.
        limit: usize,
    },
}

/// What an answer of the client says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The client serves this version, apart from what it does not take.
    Applied {
        /// The version of the snapshot.
        version: String,
        /// All that is not taken, of this and of earlier responses.
        rejected: Vec<Rejection>,
    },
    /// The client does not take these resources of a response that just arrived; the others it has.
    Rejected(Vec<Rejection>),
    /// The client does not serve this version at all: what it has does not add up to it, and it begins anew.
    Diverged {
        /// The version of the snapshot.
        version: String,
        /// Why, for people.
        message: String,
    },
}

/// A response that waits for its answer.
#[derive(Debug)]
enum Unanswered {
    /// These resources of a type. Removals cannot be refused.
    Resources(ResourceType, Vec<Arc<Entry>>),
    /// The manifest of this version.
    Manifest(Arc<str>),
}

/// The server's side of one stream of one client.
///
/// Whatever was published meanwhile, a client that is slow gets one snapshot to its end, and then the newest: nothing
/// queues up behind it.
#[derive(Debug)]
pub struct Server {
    limits: ServerLimits,
    subscriptions: BTreeMap<ResourceType, Subscription>,
    /// Whether the client wants the manifest, and the version of the last that it has.
    manifest: Option<Arc<str>>,
    newest: Option<Arc<Catalog>>,
    /// What is being sent.
    target: Option<Arc<Catalog>>,
    unanswered: BTreeMap<u64, Unanswered>,
    last_nonce: u64,
    events: VecDeque<Event>,
}

impl Server {
    /// A stream that just began.
    pub fn new(limits: ServerLimits) -> Self {
        Self {
            limits,
            subscriptions: BTreeMap::new(),
            manifest: None,
            newest: None,
            target: None,
            unanswered: BTreeMap::new(),
            last_nonce: 0,
            events: VecDeque::new(),
        }
    }

    /// There is a snapshot, in place of all before it. Until there is one, a client gets nothing, and so keeps what it
    /// has.
    pub fn publish(&mut self, catalog: Arc<Catalog>) {
        self.newest = Some(catalog);
    }

    /// A request of the client: a subscription, an answer, or both.
    pub fn handle_request(&mut self, request: &DeltaDiscoveryRequest) -> Result<(), ProtocolError> {
        self.handle_answer(request);
        if request.type_url == MANIFEST_URL {
            let held = request.initial_resource_versions.get(MANIFEST_NAME).map_or("", String::as_str);
            if self.manifest.is_none() {
                self.manifest = Some(held.into());
            }
            return Ok(());
        }
        // A newer client knows more types than there are here, and gets none of them.
        let Some(resource_type) = ResourceType::of_url(&request.type_url) else { return Ok(()) };
        match self.subscriptions.get_mut(&resource_type) {
            Some(subscription) => subscription.change(request),
            None => {
                self.subscriptions.insert(resource_type, Subscription::first(request));
            }
        }
        let limit = self.limits.subscribed_names;
        let named: usize = self.subscriptions.values().map(Subscription::named).sum();
        if named > limit { Err(ProtocolError::TooManyNames { limit }) } else { Ok(()) }
    }

    fn handle_answer(&mut self, request: &DeltaDiscoveryRequest) {
        // A nonce of an earlier stream, or none: no answer.
        let Ok(nonce) = request.response_nonce.parse() else { return };
        let Some(unanswered) = self.unanswered.remove(&nonce) else { return };
        let error = request.error_detail.as_ref();
        let listed = error.and_then(rejection::listed);
        let event = match (unanswered, error, listed) {
            (Unanswered::Resources(..), None, _) => return,
            (Unanswered::Resources(..), Some(_), Some(rejected)) => Event::Rejected(rejected),
            (Unanswered::Resources(resource_type, entries), Some(error), None) => {
                let rejected = entries.iter().map(|entry| Rejection {
                    type_url: resource_type.url().to_owned(),
                    name: entry.name.to_string(),
                    version: entry.version.to_string(),
                    message: error.message.clone(),
                });
                Event::Rejected(rejected.collect())
            }
            (Unanswered::Manifest(version), None, _) => {
                Event::Applied { version: version.to_string(), rejected: Vec::new() }
            }
            (Unanswered::Manifest(version), Some(_), Some(rejected)) => {
                Event::Applied { version: version.to_string(), rejected }
            }
            (Unanswered::Manifest(version), Some(error), None) => {
                Event::Diverged { version: version.to_string(), message: error.message.clone() }
            }
        };
        self.events.push_back(event);
    }

    /// What answers said since the last call, one at a time.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The next response, if there is something to say and room to say it. Call it when one can be written, not before:
    /// what is not made yet is made of the newest.
    pub fn poll_response(&mut self) -> Option<DeltaDiscoveryResponse> {
        if self.unanswered.len() >= self.limits.unanswered_responses {
            return None;
        }
        loop {
            if let Some(target) = self.target.clone()
                && let Some(response) = self.next_of(&target)
            {
                return Some(response);
            }
            // All of it was sent. What comes next waits until the client has made up its mind about this one.
            let newest = self.newest.as_ref()?;
            let is_newest = self.target.as_ref().is_some_and(|target| Arc::ptr_eq(target, newest));
            if is_newest || !self.unanswered.is_empty() {
                return None;
            }
            self.target = Some(Arc::clone(newest));
        }
    }

    /// The next response on the way to a catalog: what is new, then removals, then the manifest.
    fn next_of(&mut self, target: &Catalog) -> Option<DeltaDiscoveryResponse> {
        for resource_type in ResourceType::ALL {
            let entries = self.next_entries(resource_type, target);
            if !entries.is_empty() {
                let resources = entries.iter().map(|entry| resource(resource_type, entry)).collect();
                let response = DeltaDiscoveryResponse { resources, ..self.response(target, resource_type.url()) };
                self.unanswered.insert(self.last_nonce, Unanswered::Resources(resource_type, entries));
                return Some(response);
            }
        }
        for resource_type in ResourceType::ALL.into_iter().rev() {
            let removed_resources = self.next_removals(resource_type, target);
            if !removed_resources.is_empty() {
                let response =
                    DeltaDiscoveryResponse { removed_resources, ..self.response(target, resource_type.url()) };
                self.unanswered.insert(self.last_nonce, Unanswered::Resources(resource_type, Vec::new()));
                return Some(response);
            }
        }
        self.next_manifest(target)
    }

    /// What a client is to have and has not, as much as goes into one response.
    fn next_entries(&mut self, resource_type: ResourceType, target: &Catalog) -> Vec<Arc<Entry>> {
        let Some(subscription) = self.subscriptions.get_mut(&resource_type) else { return Vec::new() };
        let wanted = subscription.of(target.entries(resource_type));
        let changes = wanted.changes(subscription.sent());
        if changes.is_empty() {
            drop(changes);
            subscription.all_sent(wanted);
            return Vec::new();
        }
        let mut bytes = 0;
        let mut entries = Vec::new();
        for change in changes {
            let (ResourceChange::Added(entry) | ResourceChange::Changed { new: entry, .. }) = change else { continue };
            bytes += entry.body.len() + entry.name.len() + entry.version.len();
            if bytes > self.limits.response_bytes && !entries.is_empty() {
                break;
            }
            entries.push(Arc::clone(entry));
        }
        for entry in &entries {
            subscription.send(Arc::clone(entry));
        }
        entries
    }

    /// What a client has, or asked for, and is not to have; only after all that is new was sent.
    fn next_removals(&mut self, resource_type: ResourceType, target: &Catalog) -> Vec<String> {
        let Some(subscription) = self.subscriptions.get_mut(&resource_type) else { return Vec::new() };
        let wanted = subscription.of(target.entries(resource_type));
        let mut bytes = 0;
        let mut removed: Vec<Arc<str>> = Vec::new();
        for change in wanted.changes(subscription.sent()) {
            let ResourceChange::Removed(entry) = change else { continue };
            bytes += entry.name.len();
            if bytes > self.limits.response_bytes && !removed.is_empty() {
                break;
            }
            removed.push(Arc::clone(entry.key()));
        }
        for name in &removed {
            subscription.send_removal(name);
        }
        removed.iter().map(ToString::to_string).collect()
    }

    fn next_manifest(&mut self, target: &Catalog) -> Option<DeltaDiscoveryResponse> {
        let digests = self.digests(target);
        let version: Arc<str> = digests.total().to_string().into();
        if self.manifest.as_ref()? == &version {
            return None;
        }
        self.manifest = Some(Arc::clone(&version));
        let types = self.subscriptions.keys().map(|resource_type| {
            let (digest, count) = digests.of(*resource_type);
            ir::TypeDigest { type_url: resource_type.url().to_owned(), count, digest: digest.to_bytes().to_vec() }
        });
        let value = ir::Manifest { types: types.collect() }.encode_to_vec().into();
        let manifest = Resource {
            name: MANIFEST_NAME.to_owned(),
            version: version.to_string(),
            resource: Some(Any { type_url: MANIFEST_URL.to_owned(), value }),
        };
        let response = DeltaDiscoveryResponse { resources: vec![manifest], ..self.response(target, MANIFEST_URL) };
        self.unanswered.insert(self.last_nonce, Unanswered::Manifest(version));
        Some(response)
    }

    /// What the client is to have adds up to this.
    fn digests(&self, target: &Catalog) -> Digests {
        let mut digests = Digests::default();
        for (resource_type, subscription) in &self.subscriptions {
            if subscription.is_wildcard() {
                digests.set(*resource_type, target.digests().of(*resource_type));
                continue;
            }
            for entry in subscription.of(target.entries(*resource_type)).values() {
                digests.add(*resource_type, Digest::of(*resource_type, &entry.name, &entry.version));
            }
        }
        digests
    }

    /// A response without content, with a nonce of its own.
    fn response(&mut self, target: &Catalog, type_url: &str) -> DeltaDiscoveryResponse {
        self.last_nonce += 1;
        DeltaDiscoveryResponse {
            system_version_info: target.version(),
            type_url: type_url.to_owned(),
            nonce: self.last_nonce.to_string(),
            ..DeltaDiscoveryResponse::default()
        }
    }

    /// The version of the snapshot that is being sent, or was sent last.
    pub fn sending(&self) -> Option<String> {
        self.target.as_ref().map(|target| target.version())
    }
}

fn resource(resource_type: ResourceType, entry: &Entry) -> Resource {
    Resource {
        name: entry.name.to_string(),
        version: entry.version.to_string(),
        resource: Some(Any { type_url: resource_type.url().to_owned(), value: entry.body.clone() }),
    }
}
