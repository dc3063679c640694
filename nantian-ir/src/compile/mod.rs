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

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use nantian_crds::gateway_api::GatewayClass;

use crate::key::{CertificateKey, ListenerKey};
use crate::model::{
    Attachment, Certificate, Filter, Listener, ListenerProtocol, ListenerTls, RouteRule, Snapshot, Target,
};
use crate::name::HostnameMatch;
use attach::gateway::GatewayView;
use attach::route::RouteView;
use decode::Name;
use lower::Lowered;
use resolve::backend::Backends;
use resolve::grant::Grants;

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
}

impl Default for Options {
    /// Our controller name, no classes without an object, no time.
    fn default() -> Self {
        Self {
            controller_name: "nantian.dev/gateway-controller".to_owned(),
            gateway_classes: Vec::new(),
            claimed_classes: Vec::new(),
            adopt_unclaimed_classes: false,
            addresses: Vec::new(),
            now: None,
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

    let classes = attach::class::classes(&typed, objects, options, &mut diagnostics);
    let mut gateways = attach::gateway::gateways(&typed, &classes, options, &mut diagnostics);
    attach::conflict::find(&mut gateways, &mut diagnostics);
    let certificates = resolve::certificate::resolve(&mut gateways, &typed, &grants, options, &mut diagnostics);

    let mut routes = attach::route::routes(&typed, &gateways, &mut diagnostics);
    attach::kind_conflict::find(&mut routes, &mut diagnostics);
    let mut backends = Backends::new(&typed, &grants);
    let mut statuses = Vec::new();
    let mut rules = BTreeMap::new();
    for route in routes.iter().filter(|route| !route.parents.is_empty()) {
        let lowered = lower::lower(route, &typed, &backends, &mut diagnostics);
        count(route, &lowered, &mut gateways, &mut diagnostics);
        statuses.extend(status::route::status(route, &lowered, &options.controller_name));
        for rule in serve(route, lowered, &gateways) {
            use_backends(&rule, &mut backends, &mut diagnostics);
            rules.insert(rule.key.clone(), Arc::new(rule));
        }
    }

    let ours = |entry: &decode::Entry<'_, GatewayClass>| entry.value.spec.controller_name == options.controller_name;
    let class_statuses = typed
        .classes
        .iter()
        .filter(|(_, entry)| ours(entry))
        .filter_map(|(name, entry)| classes.get(name).map(|fault| status::class::status(entry, fault.as_ref())));
    statuses.extend(class_statuses);
    statuses.extend(gateways.values().map(status::gateway::status));
    statuses.sort_by(|a, b| a.object.cmp(&b.object));
    diagnostics.sort_by(|a: &Diagnostic, b| order(a).cmp(&order(b)));
    diagnostics.dedup();

    let listeners = listeners(&gateways);
    let certificates = used_certificates(certificates, &listeners);
    let Backends { used, endpoints, .. } = backends;
    let snapshot = Snapshot { listeners, rules, backends: used, endpoints, certificates };
    Compiled { snapshot: Arc::new(snapshot), statuses, diagnostics }
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
            unserved.extend(listener.unserved().map(|why| format!("{}: {}", listener.key.listener, why.message)));
        }
        if unserved.len() == parent.attached.len() && !unserved.is_empty() {
            let message = format!("no listener that the route is attached to is served: {}", unserved.join("; "));
            diagnostics.push(Diagnostic::of(&diagnostic::NOT_SERVED, route.object, &parent.field, message));
        }
    }
}

/// The rules of a route with the served listeners that they are attached to.
fn serve(route: &RouteView<'_>, lowered: Lowered, gateways: &BTreeMap<Name, GatewayView<'_, '_>>) -> Vec<RouteRule> {
    let mut attached: BTreeMap<ListenerKey, Vec<HostnameMatch>> = BTreeMap::new();
    for parent in route.parents.iter().filter(|_| route.refused.is_none()) {
        let Some(gateway) = gateways.get(&parent.gateway) else { continue };
        for (index, hostnames) in &parent.attached {
            let Some(listener) = gateway.listeners.get(*index) else { continue };
            if listener.unserved().is_none() {
                attached.entry(listener.key.clone()).or_default().extend(hostnames.iter().cloned());
            }
        }
    }
    let attachments: Vec<Attachment> = attached
        .into_iter()
        .map(|(listener, mut hostnames)| {
            hostnames.sort();
            hostnames.dedup();
            Attachment { listener, hostnames }
        })
        .collect();
    if attachments.is_empty() {
        return Vec::new();
    }
    lowered.rules.into_iter().map(|rule| rule.attach(route, attachments.clone())).collect()
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
    let views = gateways.values().flat_map(|gateway| &gateway.listeners);
    let served = views.filter(|view| view.unserved().is_none()).filter_map(|view| {
        let protocol = view.protocol?;
        let certificates = view.certificates.clone();
        let tls = (protocol == ListenerProtocol::Https).then_some(ListenerTls { certificates });
        let (key, bind, hostname) = (view.key.clone(), view.bind?, view.hostname.clone()?);
        Some(Listener { key, bind, public_port: view.port, protocol, hostname, tls })
    });
    served.map(|listener| (listener.key.clone(), Arc::new(listener))).collect()
}

/// Private keys go only where a listener needs them.
fn used_certificates(
    mut certificates: BTreeMap<CertificateKey, Arc<Certificate>>,
    listeners: &BTreeMap<ListenerKey, Arc<Listener>>,
) -> BTreeMap<CertificateKey, Arc<Certificate>> {
    let used = |key: &CertificateKey| {
        listeners.values().filter_map(|listener| listener.tls.as_ref()).any(|tls| tls.certificates.contains(key))
    };
    certificates.retain(|key, _| used(key));
    certificates
}
