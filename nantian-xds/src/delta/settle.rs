//! From what was received to what can be served: nothing in it names what is not there.
//!
//! What a consistent server sends has that property already, and then nothing happens here. It is otherwise once a
//! resource cannot be read: what names it cannot be served either, so that it is refused too, and what was served before
//! in its place goes on, with all that it names, be it removed meanwhile or not.

use std::collections::BTreeSet;
use std::sync::Arc;

use nantian_ir::{
    Backend, CaBundle, Certificate, EndpointSet, Listener, ResourceChange, RouteRule, Snapshot, StreamRule,
};

use crate::naming::{Name, Names};
use crate::resource::{Resource, ResourceType};

/// A resource that names what is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dangling {
    pub(super) resource_type: ResourceType,
    pub(super) name: String,
    pub(super) message: String,
}

/// What can be served of `wanted` by who serves `served`, which is consistent; and what cannot.
pub(super) fn settle(wanted: &Snapshot, served: &Snapshot) -> (Snapshot, Vec<Dangling>) {
    let mut settling = Settling { served, next: wanted.clone(), dangling: Vec::new() };
    // In the order of naming: what falls back here is looked at by those that name it.
    settling.refuse_dangling::<Backend>();
    settling.refuse_dangling::<RouteRule>();
    settling.refuse_dangling::<StreamRule>();
    settling.refuse_dangling::<Listener>();
    // And against it: what is kept here keeps what it names.
    settling.keep_named::<Backend>();
    settling.keep_named::<EndpointSet>();
    settling.keep_named::<CaBundle>();
    settling.keep_named::<Certificate>();
    (settling.next, settling.dangling)
}

struct Settling<'s> {
    served: &'s Snapshot,
    next: Snapshot,
    dangling: Vec<Dangling>,
}

impl Settling<'_> {
    /// Puts what was served in the place of everything new that names what is nowhere.
    fn refuse_dangling<T: Names>(&mut self) {
        let mut fallen: Vec<(T::Key, Dangling)> = Vec::new();
        for change in T::of(&self.next).changes(T::of(self.served)) {
            let (ResourceChange::Added(resource) | ResourceChange::Changed { new: resource, .. }) = change else {
                continue;
            };
            let mut missing = None;
            resource.names(&mut |name| {
                if missing.is_none() && !name.is_in(&self.next) && !name.is_in(self.served) {
                    missing = Some(name.to_string());
                }
            });
            if let Some(missing) = missing {
                let message = format!("names {missing}, which is not there");
                let name = resource.key().to_string();
                fallen.push((resource.key().clone(), Dangling { resource_type: T::TYPE, name, message }));
            }
        }
        for (key, dangling) in fallen {
            match T::of(self.served).get(&key) {
                Some(served) => T::of_mut(&mut self.next).insert(Arc::clone(served)),
                None => T::of_mut(&mut self.next).remove(&key),
            };
            self.dangling.push(dangling);
        }
    }

    /// Puts back what is gone and is named still.
    fn keep_named<T: Named>(&mut self) {
        let changes = T::of(&self.next).changes(T::of(self.served));
        let gone: Vec<Arc<T>> = changes
            .into_iter()
            .filter_map(|change| if let ResourceChange::Removed(gone) = change { Some(Arc::clone(gone)) } else { None })
            .collect();
        if gone.is_empty() {
            return;
        }
        let named = T::named_in(&self.next);
        T::of_mut(&mut self.next).extend(gone.into_iter().filter(|resource| named.contains(resource.key())));
    }
}

/// A resource that others name.
trait Named: Resource {
    /// All keys by which resources of a snapshot name one of this type.
    fn named_in(snapshot: &Snapshot) -> BTreeSet<Self::Key>;
}

/// Goes through every name in a snapshot.
fn for_each_name<'r>(snapshot: &'r Snapshot, visit: &mut dyn FnMut(Name<'r>)) {
    snapshot.rules.values().for_each(|rule| rule.names(visit));
    snapshot.stream_rules.values().for_each(|rule| rule.names(visit));
    snapshot.backends.values().for_each(|backend| backend.names(visit));
    snapshot.listeners.values().for_each(|listener| listener.names(visit));
}

macro_rules! named {
    ($($resource:ident as $name:ident),* $(,)?) => {$(
        impl Named for $resource {
            fn named_in(snapshot: &Snapshot) -> BTreeSet<Self::Key> {
                let mut keys = BTreeSet::new();
                for_each_name(snapshot, &mut |name| {
                    if let Name::$name(key) = name {
                        keys.insert(key.clone());
                    }
                });
                keys
            }
        }
    )*};
}

named! { Backend as Backend, EndpointSet as Endpoints, CaBundle as CaBundle, Certificate as Certificate }
