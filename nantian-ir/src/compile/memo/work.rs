//! What each unit of work does: the passes of the compiler, on one subject each.

use std::collections::BTreeMap;
use std::sync::Arc;

use nantian_crds::gateway_api::GatewayClass;

use super::reader::Reader;
use super::results::{Claim, Output, Resource};
use super::unit::Unit;
use crate::compile::attach::class::{Class, Classes};
use crate::compile::attach::conflict::{self, Verdict};
use crate::compile::attach::gateway::{self, GatewayView};
use crate::compile::attach::kind_conflict::{self, Clashes};
use crate::compile::attach::route::{self, RouteView};
use crate::compile::attach::stream_precedence::Winners;
use crate::compile::attach::{class, listener_set, version};
use crate::compile::decode::Name;
use crate::compile::diagnostic::{self, Diagnostic};
use crate::compile::policy::Statements;
use crate::compile::policy::effect::Effects;
use crate::compile::resolve::backend_tls::{self, Policies};
use crate::compile::resolve::{backend, ca_bundle, certificate, client_validation, uses};
use crate::compile::{infrastructure, lower, policy, serve, status};
use crate::key::{BackendKey, RouteKey, RouteKind};

/// What a unit writes, for units of later stages to read.
pub(super) enum Value {
    Nothing,
    Classes(Classes),
    Gateway(Option<Arc<GatewayView>>),
    Verdicts(BTreeMap<Name, Verdict>),
    Served(Option<Arc<GatewayView>>),
    Attachment(Option<Arc<RouteView>>),
    Contest(Clashes, Winners),
    Policies(Policies),
    Effects(Effects, Statements),
}

/// Computes a unit.
pub(super) fn compute(unit: &Unit, reader: &Reader<'_>, output: &mut Output) -> Value {
    let diagnostics = &mut output.diagnostics;
    match unit {
        Unit::Displaced => displaced(reader, diagnostics),
        Unit::Classes => return Value::Classes(classes(reader, output)),
        Unit::Gateway(name) => return Value::Gateway(gateway::gateway(name, reader, diagnostics).map(Arc::new)),
        Unit::ListenerSet(name) => listener_set::report_foreign(name, reader, diagnostics),
        Unit::Sockets => return Value::Verdicts(conflict::verdicts(reader)),
        Unit::Served(name) => return Value::Served(served(name, reader, diagnostics).map(Arc::new)),
        Unit::Attachment(key) => return Value::Attachment(route::route(key, reader, diagnostics).map(Arc::new)),
        Unit::Policies(namespace) => return Value::Policies(backend_tls::policies(namespace, reader, diagnostics)),
        Unit::Effects(namespace) => {
            let (effects, statements) = policy::judge(namespace, reader, &mut output.statuses, diagnostics);
            return Value::Effects(effects, statements);
        }
        Unit::Contest(name) => return contest(name, reader, diagnostics),
        Unit::AiService(name) => output.statuses.extend(policy::ai_service::status(name, reader, diagnostics)),
        Unit::Route(key) => route_rules(key, reader, output),
        Unit::Backend(key) => backend_in_use(key, reader, output),
        Unit::Policy(name) => backend_tls_policy(name, reader, output),
        Unit::Report(name) => report(name, reader, output),
        Unit::Certificate(key) => {
            let found = reader.uses_certificate(key).then(|| certificate::certificate(reader, key));
            output.resources.extend(found.and_then(Result::ok).map(Resource::Certificate));
        }
        Unit::CaBundle(key) => {
            let found = reader.uses_ca_bundle(key).then(|| ca_bundle::bundle(reader, key));
            output.resources.extend(found.and_then(Result::ok).map(Resource::CaBundle));
        }
    }
    Value::Nothing
}

/// Objects of one name from several places: the first place wins, whatever the order of reading.
fn displaced(reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for (refused, held) in reader.displaced() {
        let place = held.and_then(|held| held.source(""));
        let place = place.map_or_else(|| "elsewhere".to_owned(), |source| format!("at {source}"));
        let message = format!("{} is defined {place} already; this one is not used", refused.id());
        diagnostics.push(Diagnostic::of(&diagnostic::DUPLICATE_OBJECT, refused, "", message));
    }
}

fn classes(reader: &Reader<'_>, output: &mut Output) -> Classes {
    let classes = class::classes(reader, &mut output.diagnostics);
    let options = reader.options();
    let version = version::version(reader, &mut output.diagnostics);
    for entry in reader.all::<GatewayClass>() {
        if entry.value.spec.controller_name != options.controller_name {
            continue;
        }
        let status = |class: &Class| status::class::status(entry, class.fault.as_ref(), &version, options);
        output.statuses.extend(classes.get(&entry.object.id().name).map(status));
    }
    classes
}

fn served(name: &Name, reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<GatewayView> {
    let mut gateway = GatewayView::clone(reader.gateway(name)?);
    if let Some(verdict) = reader.verdict(name) {
        verdict.apply(&mut gateway, diagnostics);
    }
    certificate::resolve(&mut gateway, reader, diagnostics);
    client_validation::resolve(&mut gateway, reader, diagnostics);
    infrastructure::look_for_foreign(&mut gateway, reader, diagnostics);
    Some(gateway)
}

/// Looks at the routes of a Gateway together only where it has such as can be in each other's way.
fn contest(name: &Name, reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) -> Value {
    let is_mixed = reader.has_routes(name, |kind| kind == RouteKind::Http)
        && reader.has_routes(name, |kind| kind == RouteKind::Grpc);
    let clashes = if is_mixed {
        let among = reader.affected(name);
        let routes = match &among {
            None => reader.contenders(name, RouteKind::has_requests),
            Some(routes) => reader.contenders_among(routes),
        };
        Clashes { found: kind_conflict::find(name, &routes), among }
    } else {
        Clashes { among: None, found: BTreeMap::new() }
    };
    let winners = if reader.has_routes(name, |kind| !kind.has_requests()) {
        Winners::find(name, &reader.contenders(name, |kind| !kind.has_requests()), diagnostics)
    } else {
        Winners::default()
    };
    Value::Contest(clashes, winners)
}

fn route_rules(key: &RouteKey, reader: &Reader<'_>, output: &mut Output) {
    let Some(view) = reader.attachment(key).filter(|view| !view.parents.is_empty()) else { return };
    let view = serve::uncontested(view, reader, &mut output.diagnostics);
    let lowered = lower::lower(&view, reader, &mut output.diagnostics);
    let attached = serve::attached_to(&view, &lowered, reader, &mut output.diagnostics);
    output.claims.extend(attached.into_iter().map(|(gateway, listener)| Claim::Attached(gateway, listener)));
    output.claims.extend(uses::of(&view, reader).into_iter().map(Box::new).map(Claim::Sends));
    output.statuses = Vec::from_iter(status::route::status(&view, &lowered, &reader.options().controller_name));
    let (rules, stream) = serve::rules(&view, lowered, reader);
    output.resources.reserve_exact(rules.len() + stream.len());
    for rule in rules {
        output.claims.extend(serve::backends(&rule).cloned().map(Claim::Backend));
        output.resources.push(Resource::Rule(Arc::new(rule)));
    }
    for rule in stream {
        output.claims.extend(serve::stream_backends(&rule).cloned().map(Claim::Backend));
        output.resources.push(Resource::StreamRule(Arc::new(rule)));
    }
}

fn backend_in_use(key: &BackendKey, reader: &Reader<'_>, output: &mut Output) {
    if !reader.uses_backend(key) {
        return;
    }
    let (backend, endpoints) = backend::backend(reader, key, &mut output.diagnostics);
    output.claims.extend(serve::authorities_of_backend(&backend).iter().cloned().map(Claim::CaBundle));
    output.resources.extend([Resource::Backend(Arc::new(backend)), Resource::Endpoints(Arc::new(endpoints))]);
}

/// Tells of a policy that is relevant for a Gateway of ours; of others it is said that they have no effect.
fn backend_tls_policy(name: &Name, reader: &Reader<'_>, output: &mut Output) {
    let Some(policy) = reader.policy(name) else { return };
    let ancestors = status::policy::ancestors(policy, reader);
    let (object, most) = (&policy.entry.object, status::policy::MAX_ANCESTORS);
    if ancestors.is_empty() {
        let message = "no route of a Gateway of ours sends to a target of the policy, so it has no effect";
        output.diagnostics.push(Diagnostic::of(&diagnostic::POLICY_UNUSED, object, "spec.targetRefs", message));
    } else if ancestors.len() > most {
        let all = ancestors.len();
        let message = format!("{all} Gateways send to targets of the policy; its status tells of the first {most}");
        output.diagnostics.push(Diagnostic::of(&diagnostic::TOO_MANY_ANCESTORS, object, "spec.targetRefs", message));
    }
    let status = status::policy::status(policy, &ancestors, &reader.options().controller_name);
    output.statuses.extend(status);
}

fn report(name: &Name, reader: &Reader<'_>, output: &mut Output) {
    let Some(gateway) = reader.served(name) else { return };
    let attached = reader.attached_routes(name);
    let sets = gateway.sets.iter().map(|set| status::listener_set::status(set, gateway, attached));
    output.statuses.extend(sets);
    output.statuses.push(status::gateway::status(gateway, attached));
    output.services.extend(infrastructure::service(gateway, reader).map(Arc::new));
    for listener in serve::listeners(gateway).into_values() {
        output.claims.extend(serve::certificates(&listener).cloned().map(Claim::Certificate));
        output.claims.extend(serve::authorities_of_clients(&listener).cloned().map(Claim::CaBundle));
        output.resources.push(Resource::Listener(Arc::new(listener)));
    }
}
