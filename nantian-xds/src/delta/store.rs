//! What a client received: every name with its version, and the resource unless it cannot be read.

use std::collections::BTreeMap;
use std::sync::Arc;

use nantian_ir::{Backend, CaBundle, Certificate, EndpointSet, Listener, RouteRule, Snapshot, StreamRule};

use super::rejection::Rejection;
use super::settle::Dangling;
use super::subscription::UNKNOWN_VERSION;
use crate::digest::{Digest, Digests};
use crate::resource::{Resource, ResourceType, Unreadable, with_resources, with_type};
use crate::wire::discovery;

/// What was received last under a name.
#[derive(Debug)]
struct Received<T> {
    version: Box<str>,
    /// What is held under the name: of this version, or of an earlier one if this cannot be read.
    resource: Option<Arc<T>>,
    /// Why this version cannot be read.
    refused: Option<Box<str>>,
}

type Names<T> = BTreeMap<Box<str>, Received<T>>;

/// All that was received.
#[derive(Debug, Default)]
pub(super) struct Store {
    certificates: Names<Certificate>,
    ca_bundles: Names<CaBundle>,
    endpoints: Names<EndpointSet>,
    backends: Names<Backend>,
    rules: Names<RouteRule>,
    stream_rules: Names<StreamRule>,
    listeners: Names<Listener>,
    digests: Digests,
    /// How many are refused.
    refused: usize,
    /// The resources that are held.
    held: Snapshot,
}

/// Where a type's resources are kept.
trait Kept: Resource {
    fn names(store: &Store) -> &Names<Self>;
    fn names_mut(store: &mut Store) -> &mut Names<Self>;
}

macro_rules! kept {
    ($($resource:ident in $field:ident),* $(,)?) => {$(
        impl Kept for $resource {
            fn names(store: &Store) -> &Names<Self> {
                &store.$field
            }

            fn names_mut(store: &mut Store) -> &mut Names<Self> {
                &mut store.$field
            }
        }
    )*};
}

with_resources!(kept);

impl Store {
    /// Takes what a response has of a type. What cannot be read is given back, and leaves what is held as it is.
    pub(super) fn receive(
        &mut self,
        resource_type: ResourceType,
        resources: Vec<discovery::Resource>,
        removed: &[String],
    ) -> Vec<Rejection> {
        with_type!(resource_type, T => {
            let rejections = resources.into_iter().filter_map(|resource| self.take::<T>(resource)).collect();
            for name in removed {
                self.remove::<T>(name);
            }
            rejections
        })
    }

    fn take<T: Kept>(&mut self, message: discovery::Resource) -> Option<Rejection> {
        let discovery::Resource { name, version, resource } = message;
        let (mut resource, refused) = match read::<T>(&name, resource) {
            Ok(resource) => (Some(Arc::new(resource)), None),
            Err(problem) => (None, Some(problem.to_string())),
        };
        if let Some(resource) = &resource {
            T::of_mut(&mut self.held).insert(Arc::clone(resource));
        }
        if let Some(before) = T::names_mut(self).remove(&*name) {
            self.digests.remove(T::TYPE, Digest::of(T::TYPE, &name, &before.version));
            self.refused -= usize::from(before.refused.is_some());
            resource = resource.or(before.resource);
        }
        self.digests.add(T::TYPE, Digest::of(T::TYPE, &name, &version));
        self.refused += usize::from(refused.is_some());
        let received = Received { version: (&*version).into(), resource, refused: refused.as_deref().map(Into::into) };
        T::names_mut(self).insert((&*name).into(), received);
        refused.map(|message| Rejection { type_url: T::TYPE.url().to_owned(), name, version, message })
    }

    fn remove<T: Kept>(&mut self, name: &str) {
        // Servers tell the absence of what was never there, too.
        let Some(received) = T::names_mut(self).remove(name) else { return };
        self.digests.remove(T::TYPE, Digest::of(T::TYPE, name, &received.version));
        self.refused -= usize::from(received.refused.is_some());
        if let Some(resource) = received.resource {
            T::of_mut(&mut self.held).remove(resource.key());
        }
    }

    /// The stream has ended: what cannot be read is asked for again, as the next server may send something else. It keeps
    /// its name, so that the next server tells of its removal.
    pub(super) fn forget_refused(&mut self) {
        if self.refused > 0 {
            for resource_type in ResourceType::ALL {
                with_type!(resource_type, T => self.forget_refused_of::<T>());
            }
        }
    }

    fn forget_refused_of<T: Kept>(&mut self) {
        let mut digests = std::mem::take(&mut self.digests);
        for (name, received) in T::names_mut(self).iter_mut().filter(|(_, received)| received.refused.is_some()) {
            digests.remove(T::TYPE, Digest::of(T::TYPE, name, &received.version));
            received.version = UNKNOWN_VERSION.into();
            digests.add(T::TYPE, Digest::of(T::TYPE, name, &received.version));
        }
        self.digests = digests;
    }

    /// The names and versions of a type, to begin a stream with.
    pub(super) fn versions(&self, resource_type: ResourceType) -> BTreeMap<String, String> {
        fn of<T>(names: &Names<T>) -> BTreeMap<String, String> {
            names.iter().map(|(name, received)| (name.to_string(), received.version.to_string())).collect()
        }
        with_type!(resource_type, T => of(T::names(self)))
    }

    /// All that cannot be read.
    pub(super) fn refused(&self) -> Vec<Rejection> {
        fn of<T: Kept>(store: &Store) -> impl Iterator<Item = Rejection> + '_ {
            T::names(store).iter().filter_map(|(name, received)| {
                let message = received.refused.as_ref()?.to_string();
                let (name, version) = (name.to_string(), received.version.to_string());
                Some(Rejection { type_url: T::TYPE.url().to_owned(), name, version, message })
            })
        }
        if self.refused == 0 {
            return Vec::new();
        }
        let mut refused = Vec::new();
        for resource_type in ResourceType::ALL {
            with_type!(resource_type, T => refused.extend(of::<T>(self)));
        }
        refused
    }

    /// How the server knows a resource that is held and cannot be served.
    pub(super) fn rejection(&self, dangling: Dangling) -> Rejection {
        fn version<T>(names: &Names<T>, name: &str) -> String {
            names.get(name).map(|received| received.version.to_string()).unwrap_or_default()
        }
        let Dangling { resource_type, name, message } = dangling;
        let version = with_type!(resource_type, T => version(T::names(self), &name));
        Rejection { type_url: resource_type.url().to_owned(), name, version, message }
    }

    /// What all that was received adds up to.
    pub(super) fn digests(&self) -> &Digests {
        &self.digests
    }

    /// The resources that are held.
    pub(super) fn held(&self) -> &Snapshot {
        &self.held
    }
}

fn read<T: Resource>(name: &str, resource: Option<crate::wire::Any>) -> Result<T, Unreadable> {
    let any = resource.unwrap_or_default();
    if any.type_url != T::TYPE.url() {
        return Err(Unreadable::Url { url: any.type_url });
    }
    let resource = T::decode(&any.value)?;
    let key = resource.key().to_string();
    if key == name { Ok(resource) } else { Err(Unreadable::Name { key }) }
}
