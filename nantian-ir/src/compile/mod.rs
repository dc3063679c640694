//! The compiler: Kubernetes objects in; snapshot, statuses and diagnostics out.
//!
//! [`compile`] is a pure function: no clock, no files, no sockets. The same objects give byte-identical results whatever
//! their order, and every reason why something is not served is a status condition and a [`Diagnostic`].

mod attach;
mod decode;
pub mod diagnostic;
mod lower;
pub mod objects;
mod resolve;
pub mod status;
#[cfg(test)]
mod tests;
pub mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use nantian_crds::gateway_api::GatewayClass;

use crate::key::{BackendKey, CaBundleKey, CertificateKey, ListenerKey, RuleKey};
use crate::model::{
    Attachment, Backend, BackendIdentity, BackendTls, Certificate, Filter, Listener, ListenerProtocol, ListenerTls,
    RouteRule, Snapshot, StreamRule, Target, Trust,
};
use crate::name::HostnameMatch;
use attach::Fault;
use attach::gateway::GatewayView;
use attach::route::{ParentView, RouteView};
use attach::stream_precedence::Winners;
use decode::Name;
use lower::Lowered;
use resolve::backend::Backends;
use resolve::backend_tls::Policies;
use resolve::ca_bundle::Bundles;
use resolve::grant::Grants;
use resolve::uses::Uses;

pub use diagnostic::{Diagnostic, Severity};
pub use objects::{Object, Objects, Source};
pub use status::{Condition, ConditionStatus, ObjectStatus, Status};

/// What the compiler is told apart from the objects.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// `spec.controllerName` of the `GatewayClass`es that are ours, and the `controllerName` of route statuses.
    pub controller_name: String,
    /// Names of `GatewayClass`es that are ours although no GatewayClass object says so.
    pub gateway_classes: Vec<String>,
    /// Names of `GatewayClass`es that are ours even where a GatewayClass object names another controller: to serve here what
    /// was written for that one. Parameters of such a class are not looked at, and it gets no status.
    pub claimed_classes: Vec<String>,
    /// Whether a Gateway is ours when no GatewayClass object has the name of its class. In a cluster another
    /// controller may be about to claim it; where the objects are all there is, nobody else will.
    pub adopt_unclaimed_classes: bool,
    /// Addresses at which Gateways without `spec.addresses` are reached: what their status says. May be empty.
    pub addresses: Vec<IpAddr>,
    /// Seconds since 1970 (UTC), for warnings about certificates that are no longer or not yet valid. `None`: none.
    pub now: Option<i64>,
    /// What the data plane serves. Listeners of other protocols are not accepted (`UnsupportedProtocol`).
    pub protocols: Vec<ListenerProtocol>,
}

impl Default for Options {
    /// Our controller name, no classes without an object, no time, every protocol.
    fn default() -> Self {
        Self {
            controller_name: "nantian.dev/gateway-controller".to_owned(),
            gateway_classes: Vec::new(),
            claimed_classes: Vec::new(),
            adopt_unclaimed_classes: false,
            addresses: Vec::new(),
            now: None,
            protocols: ListenerProtocol::ALL.to_vec(),
        }
    }
}

impl Options {
    /// For standalone mode: Gateways are ours unless a GatewayClass object gives their class to another controller. The
    /// class `nantian-gw` needs no object.
    #[must_use]
    pub fn standalone() -> Self {
        Self { gateway_classes: vec!["nantian-gw".to_owned()], adopt_unclaimed_classes: true, ..Self::default() }
    }
}

/// What the compiler makes of a set of objects.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Compiled {
    /// What a data plane serves.
    pub snapshot: Arc<Snapshot>,
    /// The status of every object that is ours to report on, sorted by object.
    pub statuses: Vec<ObjectStatus>,
    /// Everything that a person should know, sorted by object, field and code.
    pub diagnostics: Vec<Diagnostic>,
}

/// Compiles the objects.
#[must_use]
pub fn compile(objects: &Objects, options: &Options) -> Compiled {
    let mut diagnostics = Vec::new();
    report_duplicates(objects, &mut diagnostics);
    let typed = decode::decode(objects, &mut diagnostics);
    let grants = Grants::new(&typed);
    let mut bundles = Bundles::new(&typed);

    let classes = attach::class::classes(&typed, objects, options, &mut diagnostics);
    let mut gateways = attach::gateway::gateways(&typed, &classes, options, &mut diagnostics);
    let sets = attach::listener_set::attach(&typed, &mut gateways, options, &mut diagnostics);
    attach::conflict::find(&mut gateways, &mut diagnostics);
    let certificates = resolve::certificate::resolve(&mut gateways, &typed, &grants, options, &mut diagnostics);
    for gateway in gateways.values_mut() {
        resolve::client_validation::resolve(gateway, &mut bundles, &grants, &mut diagnostics);
    }

    let mut routes = attach::route::routes(&typed, &gateways, &sets, &mut diagnostics);
    attach::kind_conflict::find(&mut routes, &mut diagnostics);
    let winners = Winners::find(&routes, &mut diagnostics);
    let policies = Policies::new(&typed, &mut bundles, &mut diagnostics);
    let mut backends = Backends::new(&typed, &grants, &policies);
    let mut statuses = Vec::new();
    let mut rules = Rules::default();
    for (index, route) in routes.iter().enumerate().filter(|(_, route)| !route.parents.is_empty()) {
        let lowered = lower::lower(route, &typed, &backends, &mut diagnostics);
        count(route, &lowered, &mut gateways, &mut diagnostics);
        statuses.extend(status::route::status(route, &lowered, &options.controller_name));
        let wins = |parent: &ParentView, listener, host: &HostnameMatch| {
            route.key.kind.has_requests() || winners.has(index, &parent.gateway, listener, host)
        };
        let attachments = attachments(route, &gateways, &wins);
        rules.add(route, lowered, attachments, &mut backends, &mut diagnostics);
    }

    let uses = Uses::new(&routes, &gateways, &typed, &grants);
    statuses.extend(policy_statuses(&policies, &uses, &typed, options, &mut diagnostics));
    for set in sets.values() {
        let Some(gateway) = gateways.get_mut(&set.gateway) else { continue };
        statuses.push(status::listener_set::status(set, gateway));
        let is_accepted = gateway.pending.is_none() && status::listener_set::refusal(set, gateway).is_none();
        gateway.attached_sets = gateway.attached_sets.saturating_add(u32::from(is_accepted));
    }
    statuses.extend(class_statuses(&typed, &classes, options));
    statuses.extend(gateways.values().map(status::gateway::status));
    statuses.sort_by(|a, b| a.object.cmp(&b.object));
    diagnostics.sort_by(|a: &Diagnostic, b| order(a).cmp(&order(b)));
    diagnostics.dedup();

    let listeners = listeners(&gateways);
    let certificates = used_certificates(certificates, &listeners);
    let Backends { used, endpoints, .. } = backends;
    let ca_bundles = bundles.used(trusted(&listeners, &used).into_iter());
    let Rules { rules, stream_rules } = rules;
    let snapshot = Snapshot { listeners, rules, stream_rules, backends: used, endpoints, certificates, ca_bundles };
    Compiled { snapshot: Arc::new(snapshot), statuses, diagnostics }
}

/// Statuses of our classes.
fn class_statuses<'t>(
    typed: &'t decode::Typed<'_>,
    classes: &'t BTreeMap<String, Option<Fault>>,
    options: &'t Options,
) -> impl Iterator<Item = ObjectStatus> + 't {
    let ours = |entry: &decode::Entry<'_, GatewayClass>| entry.value.spec.controller_name == options.controller_name;
    typed.classes.iter().filter(move |(_, entry)| ours(entry)).filter_map(|(name, entry)| {
        classes.get(name).map(|fault| status::class::status(entry, fault.as_ref(), options))
    })
}

/// Statuses of policies that are relevant for a Gateway of ours; of others it is said that they have no effect.
fn policy_statuses(
    policies: &Policies<'_, '_>,
    uses: &Uses,
    typed: &decode::Typed<'_>,
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<ObjectStatus> {
    let mut statuses = Vec::new();
    for policy in &policies.views {
        let ancestors = status::policy::ancestors(policy, uses, typed);
        let object = policy.entry.object;
        if ancestors.is_empty() {
            let message = "no route of a Gateway of ours sends to a target of the policy, so it has no effect";
            diagnostics.push(Diagnostic::of(&diagnostic::POLICY_UNUSED, object, "spec.targetRefs", message));
        } else if ancestors.len() > status::policy::MAX_ANCESTORS {
            let (all, most) = (ancestors.len(), status::policy::MAX_ANCESTORS);
            let message = format!("{all} Gateways send to targets of the policy; its status tells of the first {most}");
            diagnostics.push(Diagnostic::of(&diagnostic::TOO_MANY_ANCESTORS, object, "spec.targetRefs", message));
        }
        statuses.extend(status::policy::status(policy, &ancestors, &options.controller_name));
    }
    statuses
}

type Order<'d> = (&'d Option<crate::key::ObjectRef>, &'d str, &'d str, &'d str, &'d Option<Source>);

fn order(diagnostic: &Diagnostic) -> Order<'_> {
    let Diagnostic { object, field, code, message, source, .. } = diagnostic;
    (object, field, code.name(), message, source)
}

/// Objects of one name from several places: the first place wins, whatever the order of reading.
fn report_duplicates(objects: &Objects, diagnostics: &mut Vec<Diagnostic>) {
    for refused in objects.refused() {
        let held = objects.get(refused.id()).and_then(|held| held.source(""));
        let place = held.map_or_else(|| "elsewhere".to_owned(), |source| format!("at {source}"));
        let message = format!("{} is defined {place} already; this one is not used", refused.id());
        diagnostics.push(Diagnostic::of(&diagnostic::DUPLICATE_OBJECT, refused, "", message));
    }
}

/// `attachedRoutes`: "the number of Routes with the Accepted condition set to True that have been attached to this
/// Listener", be the listener served or not.
fn count(
    route: &RouteView<'_>,
    lowered: &Lowered,
    gateways: &mut BTreeMap<Name, GatewayView<'_, '_>>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut counted: Vec<(Name, usize)> = Vec::new();
    for parent in &route.parents {
        if status::route::refusal(route, parent, lowered).is_some() {
            continue;
        }
        let Some(gateway) = gateways.get_mut(&parent.gateway) else { continue };
        let mut unserved = Vec::new();
        for (index, _) in &parent.attached {
            let Some(listener) = gateway.listeners.get_mut(*index) else { continue };
            let key = (parent.gateway.clone(), *index);
            if !counted.contains(&key) {
                listener.attached = listener.attached.saturating_add(1);
                counted.push(key);
            }
            unserved.extend(listener.unserved().map(|why| format!("{}: {}", listener.name(), why.message)));
        }
        if unserved.len() == parent.attached.len() && !unserved.is_empty() {
            let message = format!("no listener that the route is attached to is served: {}", unserved.join("; "));
            diagnostics.push(Diagnostic::of(&diagnostic::NOT_SERVED, route.object, &parent.field, message));
        }
    }
}

/// The served listeners that a route is attached to, with the hosts that it has there.
fn attachments(
    route: &RouteView<'_>,
    gateways: &BTreeMap<Name, GatewayView<'_, '_>>,
    wins: &dyn Fn(&ParentView, usize, &HostnameMatch) -> bool,
) -> Vec<Attachment> {
    let mut attached: BTreeMap<ListenerKey, Vec<HostnameMatch>> = BTreeMap::new();
    for parent in route.parents.iter().filter(|_| route.refused.is_none()) {
        let Some(gateway) = gateways.get(&parent.gateway) else { continue };
        for (index, hostnames) in &parent.attached {
            let Some(listener) = gateway.listeners.get(*index) else { continue };
            if listener.unserved().is_none() {
                let hostnames = hostnames.iter().filter(|host| wins(parent, *index, host));
                attached.entry(listener.key.clone()).or_default().extend(hostnames.cloned());
            }
        }
    }
    let attachments = attached.into_iter().filter(|(_, hostnames)| !hostnames.is_empty());
    attachments
        .map(|(listener, mut hostnames)| {
            hostnames.sort();
            hostnames.dedup();
            Attachment { listener, hostnames }
        })
        .collect()
}

/// The rules of a snapshot.
#[derive(Default)]
struct Rules {
    rules: BTreeMap<RuleKey, Arc<RouteRule>>,
    stream_rules: BTreeMap<RuleKey, Arc<StreamRule>>,
}

impl Rules {
    /// Adds what a route has, with the backends that it uses. Nothing of a route that is attached nowhere is served.
    fn add(
        &mut self,
        route: &RouteView<'_>,
        lowered: Lowered,
        attachments: Vec<Attachment>,
        backends: &mut Backends<'_, '_>,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        if attachments.is_empty() {
            return;
        }
        for rule in lowered.rules {
            let rule = rule.attach(route, attachments.clone());
            use_backends(&rule, backends, diagnostics);
            self.rules.insert(rule.key.clone(), Arc::new(rule));
        }
        if let Some(stream) = lowered.stream {
            let rule = stream.attach(route, attachments);
            for target in &rule.targets {
                if let Target::Backend(key) = &target.target {
                    backends.add(key, diagnostics);
                }
            }
            self.stream_rules.insert(rule.key.clone(), Arc::new(rule));
        }
    }
}

fn use_backends(rule: &RouteRule, backends: &mut Backends<'_, '_>, diagnostics: &mut Vec<Diagnostic>) {
    let filters = rule.filters.iter().chain(rule.targets.iter().flat_map(|target| &target.filters));
    for filter in filters {
        if let Filter::RequestMirror(mirror) = filter {
            backends.add(&mirror.backend, diagnostics);
        }
    }
    for target in &rule.targets {
        if let Target::Backend(key) = &target.target {
            backends.add(key, diagnostics);
        }
    }
}

/// The listeners that are served.
fn listeners(gateways: &BTreeMap<Name, GatewayView<'_, '_>>) -> BTreeMap<ListenerKey, Arc<Listener>> {
    let views = gateways.values().flat_map(|gateway| gateway.listeners.iter().map(move |view| (gateway, view)));
    let served = views.filter(|(_, view)| view.unserved().is_none()).filter_map(|(gateway, view)| {
        let protocol = view.protocol?;
        let ends_tls = view.ends_tls();
        let (certificates, client_validation) = (view.certificates.clone(), view.client_validation.clone());
        // Connections that are not looked into are not put into sessions of ours either.
        let client_certificate = gateway.client_certificate.clone().filter(|_| ends_tls || protocol.has_requests());
        Some(Listener {
            key: view.key.clone(),
            bind: view.bind?,
            public_port: view.port,
            protocol,
            hostname: view.hostname.clone()?,
            tls: ends_tls.then_some(ListenerTls { certificates, client_validation }),
            client_certificate,
        })
    });
    served.map(|listener| (listener.key.clone(), Arc::new(listener))).collect()
}

/// Private keys go only where a listener needs them.
fn used_certificates(
    mut certificates: BTreeMap<CertificateKey, Arc<Certificate>>,
    listeners: &BTreeMap<ListenerKey, Arc<Listener>>,
) -> BTreeMap<CertificateKey, Arc<Certificate>> {
    let served = listeners.values().filter_map(|listener| listener.tls.as_ref()).flat_map(|tls| &tls.certificates);
    let shown = listeners.values().filter_map(|listener| listener.client_certificate.as_ref());
    let used: BTreeSet<&CertificateKey> = served.chain(shown).collect();
    certificates.retain(|key, _| used.contains(key));
    certificates
}

/// The authorities that listeners and backends trust.
fn trusted<'s>(
    listeners: &'s BTreeMap<ListenerKey, Arc<Listener>>,
    backends: &'s BTreeMap<BackendKey, Arc<Backend>>,
) -> BTreeSet<&'s CaBundleKey> {
    let of_listeners = listeners
        .values()
        .filter_map(|listener| listener.tls.as_ref()?.client_validation.as_ref())
        .flat_map(|validation| &validation.ca_bundles);
    let of_backends = backends.values().filter_map(|backend| match &backend.tls {
        Some(BackendTls::Verify(BackendIdentity { trust: Trust::CaBundles(bundles), .. })) => Some(bundles),
        _ => None,
    });
    of_listeners.chain(of_backends.flatten()).collect()
}
