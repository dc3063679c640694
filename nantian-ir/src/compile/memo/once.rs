//! All objects at once, with nothing kept of how the results came about.
//!
//! What a unit needs of the processor's caches and of fresh memory costs more than its instructions. So an HTTPRoute that
//! nobody has to see beside others is read, worked off and given back before the next one is read. Which those are is known
//! once the units before [`CONTESTS`] are computed for all other objects: policies look at the routes of their own
//! namespace, and at a Gateway only routes for gRPC are in the way of those for HTTP.

use nantian_crds::gateway_api::HttpRoute;

use super::results::{Harvest, Output};
use super::unit::{CONTESTS, Unit};
use super::work::{self, Value};
use super::{Compiler, Reader};
use crate::compile::attach::route::RouteView;
use crate::compile::decode::is_of;
use crate::compile::diagnostic::Diagnostic;
use crate::compile::objects::{Object, Objects};
use crate::compile::{Compiled, Options};
use crate::key::{RouteKey, RouteKind};

impl Compiler {
    /// Compiles objects whose changes nobody will follow.
    pub(in crate::compile) fn once(objects: &Objects, options: Options) -> Compiled {
        let mut compiler = Self::unsettled(options);
        compiler.harvest = Some(Harvest::of(objects.len()));
        compiler.store.objects = objects.clone();
        let (routes, others): (Vec<_>, Vec<_>) = objects.iter().partition(|object| is_of::<HttpRoute>(object.id()));
        for object in others {
            compiler.take_in(object);
        }
        let is_judged = |route: &&Object| compiler.store.typed.has_own_policies(&route.id().namespace);
        let (together, alone): (Vec<_>, Vec<_>) = routes.into_iter().partition(is_judged);
        for route in together {
            compiler.take_in(route);
        }
        compiler.settle_before(CONTESTS);
        for route in alone {
            compiler.work_off(route);
        }
        compiler.settle();
        let harvest = compiler.harvest.take().unwrap_or_default();
        harvest.into_compiled(compiler.wants())
    }

    fn take_in(&mut self, object: &Object) {
        let id = object.id();
        let fault = self.enter(object, &(id.namespace.clone(), id.name.clone()));
        self.tell(fault);
    }

    fn tell(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        if let Some(harvest) = &mut self.harvest {
            harvest.diagnostics.extend(diagnostics);
        }
    }

    /// Computes a unit whose results are given away.
    pub(super) fn compute_once(&mut self, unit: &Unit) {
        let value = self.reap(unit);
        self.write(unit, value);
        self.store.release(unit);
    }

    fn reap(&mut self, unit: &Unit) -> Value {
        let mut output = Output::default();
        let value = work::compute(unit, &Reader::new(&self.store, false), &mut output);
        if let Some(harvest) = &mut self.harvest {
            let claims = harvest.take(output);
            self.claim(claims);
        }
        value
    }

    /// Attaches an HTTPRoute, and makes its rules unless others have to be attached before.
    fn work_off(&mut self, object: &Object) {
        let id = object.id();
        let fault = self.hold(object, &(id.namespace.clone(), id.name.clone()));
        self.tell(fault);
        let key = RouteKey { kind: RouteKind::Http, namespace: id.namespace.clone(), name: id.name.clone() };
        let Value::Attachment(view) = self.reap(&Unit::Attachment(key.clone())) else { return };
        if view.as_ref().is_some_and(|view| self.is_contested(view)) {
            self.write_attachment(&key, view);
            self.graph.demand(Unit::Route(key));
            return;
        }
        self.store.attachments.extend(view.map(|view| (key.clone(), view)));
        self.compute_once(&Unit::Route(key));
    }

    /// Whether a Gateway of the route has routes that can be in its way.
    fn is_contested(&self, view: &RouteView) -> bool {
        let has_grpc = |gateway| self.store.kinds_at.members(gateway).any(|kind| *kind == RouteKind::Grpc);
        view.parents.iter().any(|parent| has_grpc(&parent.gateway))
    }
}
