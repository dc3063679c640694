//! Who may read which resources of a snapshot.
//!
//! A data plane of one Gateway's own gets the listeners of that Gateway, the rules attached to them, and what those name,
//! down to the last secret. Data planes that Gateways share get the same of all other Gateways. A rule that is attached
//! to Gateways of several audiences tells each of them its own attachments only.
//!
//! What an audience gets is worked out once for each snapshot, however many clients it has, from what changed since the
//! last one: of every resource that others name it is known how many do.

mod counts;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use nantian_ir::{
    Attachment, Backend, CaBundle, Certificate, EndpointSet, GatewayKey, ListenerKey, ResourceChange, RouteRule,
    Snapshot, StreamRule,
};

use crate::catalog::Catalog;
use crate::naming::Names;
use counts::{Counted, Counts};

/// Clients that may read the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Audience {
    /// The data planes that serve every Gateway that has none of its own.
    Shared,
    /// The data planes of this Gateway alone.
    Gateway(GatewayKey),
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shared => f.write_str("shared"),
            Self::Gateway(gateway) => gateway.fmt(f),
        }
    }
}

/// A snapshot, and what of it each audience may read.
#[derive(Debug, Default)]
pub struct Views {
    whole: Arc<Catalog>,
    dedicated: BTreeSet<GatewayKey>,
    by_audience: BTreeMap<Audience, View>,
}

impl Views {
    /// None of an empty snapshot.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on to a newer snapshot, in which these Gateways have data planes of their own. The cost depends on what
    /// changed, unless Gateways come to have some or have them no more: then everything is worked out anew.
    pub fn advance(&mut self, snapshot: Arc<Snapshot>, dedicated: &BTreeSet<GatewayKey>) {
        let before = Arc::clone(self.whole.snapshot());
        self.whole = Arc::new(self.whole.advanced(snapshot));
        if dedicated.is_empty() {
            // Everything is for everybody: nothing is to be counted.
            let everything = View { catalog: Arc::clone(&self.whole), ..View::default() };
            self.by_audience = BTreeMap::from([(Audience::Shared, everything)]);
            self.dedicated.clear();
        } else if self.dedicated == *dedicated {
            self.take_changes(&before);
        } else {
            self.dedicated.clone_from(dedicated);
            let audiences = dedicated.iter().cloned().map(Audience::Gateway).chain([Audience::Shared]);
            self.by_audience = audiences.map(|audience| (audience, View::default())).collect();
            self.take_changes(&Snapshot::default());
        }
    }

    /// All resources, which nobody gets unless every Gateway is served by shared data planes.
    pub fn whole(&self) -> &Arc<Catalog> {
        &self.whole
    }

    /// What each audience may read. Whoever is of none of them may read nothing.
    pub fn catalogs(&self) -> impl Iterator<Item = (&Audience, &Arc<Catalog>)> {
        self.by_audience.iter().map(|(audience, view)| (audience, &view.catalog))
    }

    /// What this audience may read.
    pub fn catalog(&self, audience: &Audience) -> Option<&Arc<Catalog>> {
        Some(&self.by_audience.get(audience)?.catalog)
    }

    fn take_changes(&mut self, before: &Snapshot) {
        let whole = Arc::clone(&self.whole);
        let changes = Snapshot::diff(before, whole.snapshot());
        for change in &changes.listeners {
            let audience = self.audience(change.key());
            if let Some(view) = self.by_audience.get_mut(&audience) {
                view.put(change.key(), change.now().cloned());
            }
        }
        self.take_rules(&changes.rules);
        self.take_rules(&changes.stream_rules);
        for view in self.by_audience.values_mut() {
            view.follow::<Backend>(&changes.backends, whole.snapshot());
            view.follow::<EndpointSet>(&changes.endpoints, whole.snapshot());
            view.follow::<CaBundle>(&changes.ca_bundles, whole.snapshot());
            view.follow::<Certificate>(&changes.certificates, whole.snapshot());
            view.encode(&whole);
        }
    }

    fn take_rules<T: Attached>(&mut self, changes: &[ResourceChange<'_, T>]) {
        for change in changes {
            let attachments = change.before().into_iter().chain(change.now()).flat_map(|rule| rule.attachments());
            let audiences: BTreeSet<_> = attachments.map(|attachment| self.audience(&attachment.listener)).collect();
            for audience in audiences {
                let rule = change.now().and_then(|rule| self.attached_for(&audience, rule));
                if let Some(view) = self.by_audience.get_mut(&audience) {
                    view.put(change.key(), rule);
                }
            }
        }
    }

    /// Who may read of a listener.
    fn audience(&self, listener: &ListenerKey) -> Audience {
        let gateway = listener.gateway_key();
        if self.dedicated.contains(&gateway) { Audience::Gateway(gateway) } else { Audience::Shared }
    }

    /// A rule as an audience may read it.
    fn attached_for<T: Attached>(&self, audience: &Audience, rule: &Arc<T>) -> Option<Arc<T>> {
        let all = rule.attachments();
        let is_its = |attachment: &&Attachment| self.audience(&attachment.listener) == *audience;
        let kept: Vec<Attachment> = all.iter().filter(is_its).cloned().collect();
        match kept.len() {
            0 => None,
            count if count == all.len() => Some(Arc::clone(rule)),
            _ => Some(Arc::new(rule.attached_to(kept))),
        }
    }
}

/// A rule that is attached to listeners.
trait Attached: Names {
    fn attachments(&self) -> &[Attachment];
    fn attached_to(&self, attachments: Vec<Attachment>) -> Self;
}

macro_rules! attached {
    ($($rule:ident),* $(,)?) => {$(
        impl Attached for $rule {
            fn attachments(&self) -> &[Attachment] {
                &self.attachments
            }

            fn attached_to(&self, attachments: Vec<Attachment>) -> Self {
                Self { attachments, ..self.clone() }
            }
        }
    )*};
}

attached! { RouteRule, StreamRule }

/// What one audience may read.
#[derive(Debug, Default)]
struct View {
    snapshot: Snapshot,
    counts: Counts,
    has_changed: bool,
    catalog: Arc<Catalog>,
}

impl View {
    /// The audience may read this resource of a key from now on, or none.
    fn put<T: Names>(&mut self, key: &T::Key, resource: Option<Arc<T>>) {
        let held = T::of(&self.snapshot).get(key).cloned();
        if held == resource {
            return;
        }
        self.has_changed = true;
        if let Some(resource) = &resource {
            resource.names(&mut |name| self.counts.add(name));
        }
        if let Some(held) = held {
            held.names(&mut |name| self.counts.subtract(name));
        }
        let resources = T::of_mut(&mut self.snapshot);
        match resource {
            Some(resource) => resources.insert(resource),
            None => resources.remove(key),
        };
    }

    /// Takes what has come to be named, leaves out what is named no more, and follows the changes of the others.
    fn follow<T: Counted>(&mut self, changes: &[ResourceChange<'_, T>], whole: &Snapshot) {
        let mut keys = T::count(&mut self.counts).take_crossed();
        let count = T::count(&mut self.counts);
        keys.extend(changes.iter().map(ResourceChange::key).filter(|key| count.holds(key)).cloned());
        for key in keys {
            let is_named = T::count(&mut self.counts).holds(&key);
            let resource = is_named.then(|| T::of(whole).get(&key).cloned()).flatten();
            self.put(&key, resource);
        }
    }

    fn encode(&mut self, whole: &Catalog) {
        if std::mem::take(&mut self.has_changed) {
            self.catalog = Arc::new(self.catalog.advanced_within(Arc::new(self.snapshot.clone()), whole));
        }
    }
}
