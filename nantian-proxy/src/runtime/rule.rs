//! Route rules with everything that their requests need.

use std::sync::Arc;

use nantian_ir::{RouteKind, RouteRule, WeightedTarget};

use super::{Backend, Backends, Id};
use crate::balance::weights::Weights;
use crate::filter::Filters;
use crate::retry::RetryPolicy;

/// A rule, ready to serve.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: Id,
    pub(crate) source: Arc<RouteRule>,
    pub(crate) filters: Filters,
    pub(crate) mirrors: Vec<MirrorTarget>,
    pub(crate) weights: Weights,
    pub(crate) targets: Vec<Target>,
    pub(crate) retry: Option<RetryPolicy>,
}

/// Where a share of a rule's requests goes.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) destination: Destination,
    pub(crate) filters: Filters,
    pub(crate) mirrors: Vec<MirrorTarget>,
}

#[derive(Debug)]
pub(crate) enum Destination {
    Backend(Arc<Backend>),
    /// Its share of requests gets 500; the route's status says why.
    Refused,
}

/// Where a mirror's copies go; `None` if the snapshot has no such backend, then no copies are made
/// (`HTTPRequestMirrorFilter.backendRef`: "must be dropped from the Gateway").
pub(crate) type MirrorTarget = Option<Arc<Backend>>;

impl Rule {
    pub(super) fn build(
        source: &Arc<RouteRule>,
        previous: Option<&Arc<Self>>,
        backends: &Backends,
        refuse: &mut dyn FnMut(String),
    ) -> Arc<Self> {
        // Its refusals are told again, so compiling comes first; it is small next to the router's part.
        let mut rule = Self::compile(source, backends, refuse);
        if let Some(previous) = previous
            && (Arc::ptr_eq(&previous.source, source) || previous.source == *source)
        {
            if previous.same_backends(&rule) {
                return Arc::clone(previous);
            }
            // Shares go on where they were: only endpoints changed.
            rule.id = previous.id;
        }
        Arc::new(rule)
    }

    fn compile(source: &Arc<RouteRule>, backends: &Backends, refuse: &mut dyn FnMut(String)) -> Self {
        let filters = Filters::compile(&source.filters, refuse);
        Self {
            id: Id::next(),
            mirrors: mirror_targets(&filters, backends),
            filters,
            weights: Weights::new(source.targets.iter().map(|target| target.weight)),
            targets: source.targets.iter().map(|target| Target::compile(target, backends, refuse)).collect(),
            retry: source.retry.as_ref().map(RetryPolicy::compile),
            source: Arc::clone(source),
        }
    }

    /// Whether errors of ours are gRPC statuses also where the request does not look like gRPC.
    pub(crate) fn is_grpc(&self) -> bool {
        self.source.key.route.kind == RouteKind::Grpc
    }

    fn same_backends(&self, other: &Self) -> bool {
        self.backend_ids().eq(other.backend_ids())
    }

    fn backend_ids(&self) -> impl Iterator<Item = Option<Id>> {
        let of_targets = self.targets.iter().flat_map(|target| {
            let destination = match &target.destination {
                Destination::Backend(backend) => Some(backend.id),
                Destination::Refused => None,
            };
            std::iter::once(destination).chain(ids(&target.mirrors))
        });
        of_targets.chain(ids(&self.mirrors))
    }
}

fn ids(mirrors: &[MirrorTarget]) -> impl Iterator<Item = Option<Id>> {
    mirrors.iter().map(|mirror| mirror.as_ref().map(|backend| backend.id))
}

fn mirror_targets(filters: &Filters, backends: &Backends) -> Vec<MirrorTarget> {
    let usable = |key| backends.get(key).filter(|backend| !backend.security.is_refused()).cloned();
    filters.mirrors.iter().map(|mirror| usable(&mirror.backend)).collect()
}

impl Target {
    fn compile(target: &WeightedTarget, backends: &Backends, refuse: &mut dyn FnMut(String)) -> Self {
        let destination = match &target.target {
            nantian_ir::Target::Refused(_) => Destination::Refused,
            nantian_ir::Target::Backend(key) => match backends.get(key) {
                Some(backend) if backend.security.is_refused() => Destination::Refused,
                Some(backend) => Destination::Backend(Arc::clone(backend)),
                None => {
                    refuse(format!("the snapshot has no backend {key}: its share of requests gets 500"));
                    Destination::Refused
                }
            },
        };
        let mut filters = Filters::compile(&target.filters, refuse);
        if filters.cors.take().is_some() || filters.answer.take().is_some() {
            refuse(
                "a CORS, redirect or direct response filter of a backend is left out: it belongs to the rule".into(),
            );
        }
        Self { destination, mirrors: mirror_targets(&filters, backends), filters }
    }
}
