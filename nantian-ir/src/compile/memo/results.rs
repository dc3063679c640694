//! What units give to the results: resources, statuses and diagnostics.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::graph::UnitId;
use crate::compile::Compiled;
use crate::compile::decode::Name;
use crate::compile::diagnostic::Diagnostic;
use crate::compile::infrastructure::GatewayService;
use crate::compile::resolve::uses::Use;
use crate::compile::status::ObjectStatus;
use crate::compile::wants::Want;
use crate::key::{BackendKey, CaBundleKey, CertificateKey, ObjectRef};
use crate::model::{
    Backend, CaBundle, Certificate, EndpointSet, Keyed, Listener, ResourceMap, RouteRule, Snapshot, StreamRule,
};

/// What one unit gives.
pub(super) struct Output<Status = ObjectStatus> {
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) statuses: Vec<Status>,
    pub(super) resources: Vec<Resource>,
    pub(super) services: Vec<Arc<GatewayService>>,
    /// What it uses or is attached to: each once.
    pub(super) claims: Vec<Claim>,
}

/// What is kept of it, to tell what changed.
type Kept = Output<Arc<ObjectStatus>>;

impl<Status> Default for Output<Status> {
    fn default() -> Self {
        Self {
            diagnostics: Vec::new(),
            statuses: Vec::new(),
            resources: Vec::new(),
            services: Vec::new(),
            claims: Vec::new(),
        }
    }
}

impl Kept {
    fn new(output: Output) -> Self {
        let Output { diagnostics, statuses, resources, services, mut claims } = output;
        claims.sort_unstable();
        claims.dedup();
        claims.shrink_to_fit();
        // `collect` would keep the room that the statuses had.
        let mut kept = Vec::with_capacity(statuses.len());
        kept.extend(statuses.into_iter().map(Arc::new));
        Self { diagnostics, statuses: kept, resources, services, claims }
    }

    #[cfg(test)]
    fn is_empty(&self) -> bool {
        let Self { diagnostics, statuses, resources, services, claims } = self;
        let is_silent = diagnostics.is_empty() && statuses.is_empty() && claims.is_empty();
        is_silent && resources.is_empty() && services.is_empty()
    }
}

/// A resource of the snapshot. No two units give one of the same name.
#[derive(Clone, PartialEq)]
pub(super) enum Resource {
    Listener(Arc<Listener>),
    Rule(Arc<RouteRule>),
    StreamRule(Arc<StreamRule>),
    Backend(Arc<Backend>),
    Endpoints(Arc<EndpointSet>),
    Certificate(Arc<Certificate>),
    CaBundle(Arc<CaBundle>),
}

/// What a unit adds to the sums that other units read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    /// A route is attached to the listener at this position of a Gateway.
    Attached(Name, usize),
    /// A Gateway sends to a Service that policies name. Most claims are others, which would be as large without the box.
    Sends(Box<Use>),
    /// A rule uses the backend.
    Backend(BackendKey),
    /// A listener shows the certificate, or a Gateway does.
    Certificate(CertificateKey),
    /// A listener or a backend trusts the authorities.
    CaBundle(CaBundleKey),
}

/// The results, and what of them changed since they were last asked for.
#[derive(Default)]
pub(super) struct Results {
    /// By the number of the unit.
    outputs: Vec<Kept>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) statuses: BTreeMap<ObjectRef, Arc<ObjectStatus>>,
    /// What Gateways are to have.
    pub(super) services: ResourceMap<GatewayService>,
    /// With how many units say so.
    pub(super) diagnostics: BTreeMap<Diagnostic, u32>,
    /// What became of statuses, in turn.
    status_steps: Vec<StatusStep>,
    /// Diagnostics that were touched, with whether they were there before.
    diagnostics_before: BTreeMap<Diagnostic, bool>,
}

/// A status before and after a unit gave another.
type StatusStep = (Option<Arc<ObjectStatus>>, Option<Arc<ObjectStatus>>);

/// Claims that a unit gives up, and new ones.
pub(super) struct Claims {
    pub(super) gone: Vec<Claim>,
    pub(super) new: Vec<Claim>,
}

/// Results whose changes nobody follows.
#[derive(Default)]
pub(super) struct Harvest {
    snapshot: Snapshot,
    statuses: Vec<ObjectStatus>,
    services: ResourceMap<GatewayService>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Harvest {
    /// With room for the statuses of so many objects.
    pub(super) fn of(objects: usize) -> Self {
        Self { statuses: Vec::with_capacity(objects), ..Self::default() }
    }

    /// Takes what a unit gives.
    pub(super) fn take(&mut self, mut output: Output) -> Claims {
        self.diagnostics.append(&mut output.diagnostics);
        self.statuses.append(&mut output.statuses);
        self.services.extend(output.services);
        for resource in output.resources {
            resource.insert_into(&mut self.snapshot);
        }
        let mut claims = output.claims;
        claims.sort_unstable();
        claims.dedup();
        Claims { new: claims, gone: Vec::new() }
    }

    /// All of it: each status and each diagnostic once, in their order.
    pub(super) fn into_compiled(self, wants: Vec<Want>) -> Compiled {
        let Self { snapshot, mut statuses, services, mut diagnostics } = self;
        statuses.sort_by(|one, other| one.object.cmp(&other.object));
        diagnostics.sort_unstable();
        diagnostics.dedup();
        Compiled { snapshot: Arc::new(snapshot), statuses, services, diagnostics, wants }
    }
}

impl Results {
    /// Puts what a unit gives in the place of what it gave before.
    pub(super) fn put(&mut self, unit: UnitId, output: Output) -> Claims {
        let mut output = Kept::new(output);
        if self.outputs.len() <= unit.0 {
            self.outputs.resize_with(unit.0 + 1, Kept::default);
        }
        let before = self.outputs.get_mut(unit.0).map(std::mem::take).unwrap_or_default();
        self.put_diagnostics(&before.diagnostics, &output.diagnostics);
        self.put_statuses(&before.statuses, &mut output.statuses);
        self.put_resources(&before.resources, &mut output.resources);
        self.put_services(&before.services, &mut output.services);
        let (new, gone) = (without(&output.claims, &before.claims), without(&before.claims, &output.claims));
        let claims = Claims { new: new.cloned().collect(), gone: gone.cloned().collect() };
        if let Some(place) = self.outputs.get_mut(unit.0) {
            *place = output;
        }
        claims
    }

    /// Puts diagnostics of something that is not a unit.
    pub(super) fn put_diagnostics(&mut self, before: &[Diagnostic], now: &[Diagnostic]) {
        if before == now {
            return;
        }
        for diagnostic in now {
            let count = self.diagnostics.entry(diagnostic.clone()).or_insert(0);
            if *count == 0 {
                self.diagnostics_before.entry(diagnostic.clone()).or_insert(false);
            }
            *count = count.saturating_add(1);
        }
        for diagnostic in before {
            let Some(count) = self.diagnostics.get_mut(diagnostic) else { continue };
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.diagnostics.remove(diagnostic);
                self.diagnostics_before.entry(diagnostic.clone()).or_insert(true);
            }
        }
    }

    fn put_statuses(&mut self, before: &[Arc<ObjectStatus>], now: &mut [Arc<ObjectStatus>]) {
        for status in now.iter_mut() {
            if let Some(same) = before.iter().find(|other| other == &status) {
                *status = Arc::clone(same);
                continue;
            }
            let old = self.statuses.insert(status.object.clone(), Arc::clone(status));
            self.status_steps.push((old, Some(Arc::clone(status))));
        }
        for status in before.iter().filter(|old| !now.iter().any(|status| status.object == old.object)) {
            // Another unit may tell of the object by now: of a ListenerSet, for one, the Gateway that it names.
            if self.statuses.get(&status.object).is_none_or(|held| !Arc::ptr_eq(held, status)) {
                continue;
            }
            let old = self.statuses.remove(&status.object);
            self.status_steps.push((old, None));
        }
    }

    /// A resource that is as it was stays the same one, so that whoever holds the snapshot before sees that by its address.
    fn put_resources(&mut self, before: &[Resource], now: &mut [Resource]) {
        for resource in now.iter_mut() {
            match before.iter().find(|other| *other == resource) {
                Some(same) => resource.clone_from(same),
                None => resource.clone().insert_into(Arc::make_mut(&mut self.snapshot)),
            }
        }
        for resource in before.iter().filter(|old| !now.iter().any(|resource| resource.has_name_of(old))) {
            resource.remove_from(Arc::make_mut(&mut self.snapshot));
        }
    }

    fn put_services(&mut self, before: &[Arc<GatewayService>], now: &mut [Arc<GatewayService>]) {
        for service in now.iter_mut() {
            match before.iter().find(|other| *other == service) {
                Some(same) => service.clone_from(same),
                None => _ = self.services.insert(Arc::clone(service)),
            }
        }
        for old in before.iter().filter(|old| !now.iter().any(|service| service.gateway == old.gateway)) {
            self.services.remove(&old.gateway);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.outputs.iter().all(Kept::is_empty) && self.statuses.is_empty() && self.diagnostics.is_empty()
    }

    /// What changed since this was last asked for: statuses that are others now, those that are gone, new diagnostics, and
    /// those that are gone.
    pub(super) fn take_changes(&mut self) -> Changed {
        let mut changed = Changed::default();
        let steps = std::mem::take(&mut self.status_steps);
        let mut touched: BTreeMap<&ObjectRef, Option<&Arc<ObjectStatus>>> = BTreeMap::new();
        for (before, after) in &steps {
            let Some(status) = before.as_ref().or(after.as_ref()) else { continue };
            touched.entry(&status.object).or_insert(before.as_ref());
        }
        for (object, before) in touched {
            match (self.statuses.get(object), before) {
                (Some(now), before) if before != Some(now) => changed.statuses.push(Arc::clone(now)),
                (None, Some(_)) => changed.removed_statuses.push(object.clone()),
                _ => {}
            }
        }
        for (diagnostic, before) in std::mem::take(&mut self.diagnostics_before) {
            match (self.diagnostics.contains_key(&diagnostic), before) {
                (true, false) => changed.new_diagnostics.push(diagnostic),
                (false, true) => changed.resolved_diagnostics.push(diagnostic),
                _ => {}
            }
        }
        changed
    }
}

/// What of statuses and diagnostics changed.
#[derive(Default)]
pub(super) struct Changed {
    pub(super) statuses: Vec<Arc<ObjectStatus>>,
    pub(super) removed_statuses: Vec<ObjectRef>,
    pub(super) new_diagnostics: Vec<Diagnostic>,
    pub(super) resolved_diagnostics: Vec<Diagnostic>,
}

/// Those that are not among the others, both sorted.
pub(super) fn without<'t, T: Ord>(some: &'t [T], others: &'t [T]) -> impl Iterator<Item = &'t T> {
    some.iter().filter(|one| others.binary_search(one).is_err())
}

macro_rules! resources {
    ($($kind:ident => $map:ident),* $(,)?) => {
        impl Resource {
            fn insert_into(self, snapshot: &mut Snapshot) {
                match self {
                    $(Self::$kind(resource) => {
                        snapshot.$map.insert(resource);
                    })*
                }
            }

            fn remove_from(&self, snapshot: &mut Snapshot) {
                match self {
                    $(Self::$kind(resource) => {
                        snapshot.$map.remove(resource.key());
                    })*
                }
            }

            fn has_name_of(&self, other: &Self) -> bool {
                match (self, other) {
                    $((Self::$kind(one), Self::$kind(other)) => one.key() == other.key(),)*
                    _ => false,
                }
            }
        }
    };
}

resources! {
    Listener => listeners,
    Rule => rules,
    StreamRule => stream_rules,
    Backend => backends,
    Endpoints => endpoints,
    Certificate => certificates,
    CaBundle => ca_bundles,
}
