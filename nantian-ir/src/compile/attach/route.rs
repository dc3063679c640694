//! Which listeners each route is attached to.

use nantian_crds::gateway_api::gateway::FromNamespaces;
use nantian_crds::gateway_api::shared::{GatewayDefaultScope, ParentReference};
use nantian_crds::gateway_api::{GROUP, Gateway, GrpcRoute, HttpRoute, ListenerSet, TcpRoute, TlsRoute, UdpRoute};
use nantian_crds::meta::ObjectMeta;
use serde_json::json;
use smol_str::SmolStr;

use super::Fault;
use super::gateway::GatewayView;
use super::listener::{ListenerView, route_hostname};
use super::namespace::is_selected;
use crate::compile::decode::{Name, age, name_of};
use crate::compile::diagnostic::{self, Diagnostic};
use crate::compile::field::Field;
use crate::compile::memo::Reader;
use crate::compile::objects::Object;
use crate::compile::status::WrittenReference;
use crate::key::{ListenerSetKey, RouteKey, RouteKind};
use crate::name::HostnameMatch;
use crate::precedence::Age;

/// What all kinds of routes have in common.
#[derive(Clone, PartialEq)]
pub(crate) struct RouteView {
    pub(crate) object: Object,
    pub(crate) key: RouteKey,
    pub(crate) age: Age,
    pub(crate) generation: Option<i64>,
    pub(crate) parents: Vec<ParentView>,
    /// Why nothing of the route can be used, whatever the parent.
    pub(crate) refused: Option<Fault>,
}

impl RouteView {
    /// Whether it is to other routes what this other version of it was. What is told of a route for connections is written
    /// at the place of its object, so that each version is another one.
    pub(crate) fn stands_as(&self, other: &Self) -> bool {
        self.key.kind.has_requests()
            && self.age == other.age
            && self.parents == other.parents
            && self.refused == other.refused
    }
}

/// One `parentRef` to a Gateway of ours or one of its ListenerSets, or a default Gateway.
#[derive(Clone, PartialEq)]
pub(crate) struct ParentView {
    /// Position in `parentRefs`; `None`: a default Gateway, which the route does not name.
    pub(crate) reference: Option<usize>,
    pub(crate) gateway: Name,
    /// The ListenerSet, if the parent is one.
    pub(crate) set: Option<ListenerSetKey>,
    /// Positions of listeners that take the route, with the hosts that both serve.
    pub(crate) attached: Vec<(usize, Vec<HostnameMatch>)>,
    /// Why it is not attached.
    pub(crate) refused: Option<Fault>,
}

impl ParentView {
    /// The reference, as the route has it.
    pub(crate) fn written(&self, route: &RouteView) -> WrittenReference {
        let (namespace, name) = &self.gateway;
        let apart = || json!({"group": GROUP, "kind": "Gateway", "namespace": namespace, "name": name});
        self.reference.map_or_else(
            || WrittenReference::apart(apart()),
            |index| WrittenReference::in_route(route.object.clone(), index),
        )
    }

    /// Path of the field that names the parent.
    pub(crate) fn field(&self) -> Field<'static> {
        self.reference.map_or(DEFAULTS, |index| Field::item_of("spec.parentRefs", index))
    }
}

/// The field by which a route asks for default Gateways.
const DEFAULTS: Field<'static> = Field::of_object("spec.useDefaultGateways");

/// Parts of a route that attachment needs.
struct RouteParts<'r> {
    object: &'r Object,
    kind: RouteKind,
    metadata: &'r ObjectMeta,
    parents: &'r [ParentReference],
    hostnames: &'r [SmolStr],
    default_gateways: Option<&'r GatewayDefaultScope>,
}

/// The parts of a route of one kind, whose type has these fields.
macro_rules! parts {
    ($reader:expr, $name:expr, $type:ty, $kind:expr, $spec:ident => $hostnames:expr) => {
        $reader.get::<$type>($name).map(|entry| {
            let $spec = &entry.value.spec;
            RouteParts {
                object: &entry.object,
                kind: $kind,
                metadata: &entry.value.metadata,
                parents: &entry.value.spec.parent_refs,
                hostnames: $hostnames,
                default_gateways: entry.value.spec.use_default_gateways.as_ref(),
            }
        })
    };
}

/// Attaches a route to the listeners that take it; `None` if there is no such route.
pub(crate) fn route(key: &RouteKey, reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<RouteView> {
    let name = (key.namespace.clone(), key.name.clone());
    let parts = match key.kind {
        RouteKind::Http => parts!(reader, &name, HttpRoute, key.kind, spec => &spec.hostnames),
        RouteKind::Grpc => parts!(reader, &name, GrpcRoute, key.kind, spec => &spec.hostnames),
        RouteKind::Tls => parts!(reader, &name, TlsRoute, key.kind, spec => &spec.hostnames),
        RouteKind::Tcp => parts!(reader, &name, TcpRoute, key.kind, _spec => &[]),
        RouteKind::Udp => parts!(reader, &name, UdpRoute, key.kind, _spec => &[]),
    };
    Some(attach(&parts?, key, reader, diagnostics))
}

fn attach(route: &RouteParts<'_>, key: &RouteKey, reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) -> RouteView {
    let mut view = RouteView {
        object: route.object.clone(),
        key: key.clone(),
        age: age(route.metadata),
        generation: route.metadata.generation,
        parents: Vec::with_capacity(route.parents.len()),
        refused: None,
    };
    let hostnames = hostnames(route, &mut view, diagnostics);
    for (index, reference) in route.parents.iter().enumerate() {
        let Some(mut parent) = parent(route, index, reference, reader, diagnostics) else { continue };
        let Some(gateway) = reader.gateway(&parent.gateway) else { continue };
        let refused = parent.refused.take();
        let found =
            refused.map_or_else(|| candidates(route, &parent, Some(reference), gateway, reader, &hostnames), Err);
        match found {
            Ok(attached) => parent.attached = attached,
            Err(fault) => {
                let code = &diagnostic::NOT_ATTACHED;
                diagnostics.push(Diagnostic::of(code, route.object, parent.field(), &fault.message));
                parent.refused = Some(fault);
            }
        }
        view.parents.push(parent);
    }
    default_gateways(route, &mut view, reader, &hostnames, diagnostics);
    let asks = route.default_gateways == Some(&GatewayDefaultScope::All);
    if route.parents.is_empty() && !asks {
        let message = "the route has no parentRefs, so nothing serves it";
        diagnostics.push(Diagnostic::of(&diagnostic::PARENT_NOT_FOUND, route.object, "spec.parentRefs", message));
    }
    view
}

/// The parent that a reference names, if it is ours.
fn parent(
    route: &RouteParts<'_>,
    index: usize,
    reference: &ParentReference,
    reader: &Reader<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<ParentView> {
    let own = &route.object.id().namespace;
    let namespace = reference.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or(own);
    let name = name_of(namespace, &reference.name);
    let view = |gateway, set, refused| {
        Some(ParentView { reference: Some(index), gateway, set, attached: Vec::new(), refused })
    };
    match (reference.group.as_str(), reference.kind.as_str()) {
        (GROUP, "Gateway") if reader.gateway(&name).is_some() => return view(name, None, None),
        (GROUP, "ListenerSet") => {
            if let Some((gateway, set)) = reader.listener_set(&name) {
                // GEP-1713: a route without relevant listeners "has nowhere to attach to".
                let refused = set.not_allowed.as_ref().map(|fault| {
                    let message = format!("ListenerSet {} is not attached to its Gateway: {}", set.key, fault.message);
                    Fault::new("NoMatchingParent", message)
                });
                return view(gateway, Some(set.key.clone()), refused);
            }
        }
        _ => {}
    }
    report_foreign(route, reference, &name, Field::item_of("spec.parentRefs", index), reader, diagnostics);
    None
}

/// `RouteStatus.parents`: "A maximum of 32 Gateways will be represented in this list."
const MAX_PARENTS: usize = 32;

/// GEP-3793: a route that asks for it behaves "the same as if all default Gateways were explicitly specified in
/// `parentRefs`", of those that may take it.
fn default_gateways(
    route: &RouteParts<'_>,
    view: &mut RouteView,
    reader: &Reader<'_>,
    hostnames: &[HostnameMatch],
    diagnostics: &mut Vec<Diagnostic>,
) {
    match route.default_gateways {
        None | Some(GatewayDefaultScope::None) => return,
        Some(GatewayDefaultScope::All) => {}
        Some(GatewayDefaultScope::Unknown(scope)) => {
            let message = format!("the scope {scope} is not known, so the route is attached to no default Gateway");
            diagnostics.push(Diagnostic::of(&diagnostic::UNSUPPORTED_FIELD, route.object, DEFAULTS, message));
            return;
        }
    }
    let (mut refusals, mut claimed) = (Vec::new(), 0);
    for name in reader.default_gateways() {
        let Some(gateway) = reader.gateway(name) else { continue };
        if view.parents.iter().any(|parent| parent.gateway == *name && parent.set.is_none()) {
            continue;
        }
        let mut parent =
            ParentView { reference: None, gateway: name.clone(), set: None, attached: Vec::new(), refused: None };
        // A default Gateway that may not take the route does not claim it, and says nothing.
        match candidates(route, &parent, None, gateway, reader, hostnames) {
            // References to Gateways of others count: their controllers have entries in the same list.
            Ok(_) if route.parents.len() + claimed == MAX_PARENTS => {
                let whole = format!("Gateway {}/{}", name.0, name.1);
                let message = format!("the route has {MAX_PARENTS} parents, and no room for the default {whole}");
                let code = &diagnostic::NOT_ATTACHED;
                diagnostics.push(Diagnostic::of(code, route.object, parent.field(), &message));
                refusals.push(message);
            }
            Ok(attached) => {
                claimed += 1;
                parent.attached = attached;
                view.parents.push(parent);
            }
            Err(fault) => refusals.push(fault.message),
        }
    }
    if view.parents.is_empty() {
        let message = if refusals.is_empty() {
            "no Gateway of ours is a default Gateway, so nothing serves the route".to_owned()
        } else {
            format!("no default Gateway takes the route, so nothing serves it: {}", refusals.join("; "))
        };
        diagnostics.push(Diagnostic::of(&diagnostic::PARENT_NOT_FOUND, route.object, DEFAULTS, message));
    }
}

/// The route's hostnames; `Any` if it has none. Unusable ones are reported and left out.
fn hostnames(route: &RouteParts<'_>, view: &mut RouteView, diagnostics: &mut Vec<Diagnostic>) -> Vec<HostnameMatch> {
    if route.hostnames.is_empty() {
        return vec![HostnameMatch::Any];
    }
    let mut found = Vec::with_capacity(route.hostnames.len());
    let mut why = Vec::new();
    for (index, name) in route.hostnames.iter().enumerate() {
        match route_hostname(name) {
            Ok(hostname) => found.push(hostname),
            Err(message) => {
                let field = format!("spec.hostnames[{index}]");
                diagnostics.push(Diagnostic::of(&diagnostic::INVALID_ROUTE, route.object, field, &message));
                why.push(message);
            }
        }
    }
    if found.is_empty() {
        view.refused = Some(Fault::new("UnsupportedValue", why.join("; ")));
    }
    found
}

/// The listeners of the parent that take the route, or why none does.
fn candidates(
    route: &RouteParts<'_>,
    parent: &ParentView,
    reference: Option<&ParentReference>,
    gateway: &GatewayView,
    reader: &Reader<'_>,
    hostnames: &[HostnameMatch],
) -> Result<Vec<(usize, Vec<HostnameMatch>)>, Fault> {
    let section = reference.and_then(|reference| reference.section_name.as_deref()).filter(|name| !name.is_empty());
    let port = reference.and_then(|reference| reference.port).filter(|port| *port != 0);
    // ParentReference: "the name and port of the selected listener must match both specified values".
    let named = gateway
        .listeners
        .iter()
        .filter(|listener| listener.key.set == parent.set)
        .filter(|listener| section.is_none_or(|name| listener.key.listener == name))
        .filter(|listener| port.is_none_or(|port| listener.port == port));
    let whole = || match &parent.set {
        None => format!("Gateway {}/{}", parent.gateway.0, parent.gateway.1),
        Some(set) => format!("ListenerSet {set}"),
    };
    // Mostly there is one.
    let (mut refusals, mut others, mut attached) = (Vec::new(), Vec::new(), Vec::with_capacity(1));
    for listener in named {
        if let Some(why) = not_allowed(route, listener, reader) {
            refusals.push(format!("listener {} {why}", listener.key.listener));
            continue;
        }
        match listener.hostname.as_ref().and_then(|hostname| intersection(hostname, hostnames)) {
            Some(both) => attached.push((listener.index, both)),
            None => others.push(listener),
        }
    }
    if !attached.is_empty() || !others.is_empty() && hostnames.is_empty() {
        return Ok(attached);
    }
    if !others.is_empty() {
        let hosts = others.iter().filter_map(|listener| listener.hostname.as_ref()).map(ToString::to_string);
        let hosts = hosts.collect::<Vec<_>>().join(", ");
        let message = format!("no hostname of the route is served by {}, whose listeners serve {hosts}", whole());
        return Err(Fault::new("NoMatchingListenerHostname", message));
    }
    if !refusals.is_empty() {
        return Err(Fault::new("NotAllowedByListeners", format!("{}: {}", whole(), refusals.join("; "))));
    }
    let section = section.map(|name| format!(" named {name}")).unwrap_or_default();
    let port = port.map(|port| format!(" on port {port}")).unwrap_or_default();
    Err(Fault::new("NoMatchingParent", format!("{} has no listener{section}{port}", whole())))
}

/// The hosts that both serve, sorted; `None` if there are none.
fn intersection(listener: &HostnameMatch, route: &[HostnameMatch]) -> Option<Vec<HostnameMatch>> {
    let mut both = Vec::with_capacity(route.len());
    both.extend(route.iter().filter_map(|hostname| listener.intersect(hostname)));
    both.sort();
    both.dedup();
    (!both.is_empty()).then_some(both)
}

/// Why `allowedRoutes` keeps the route out. `Same` is the namespace of the object that has the listener.
fn not_allowed(route: &RouteParts<'_>, listener: &ListenerView, reader: &Reader<'_>) -> Option<String> {
    if !listener.kinds.contains(&route.kind) {
        return Some(format!("takes no routes of kind {}", route.kind));
    }
    let namespaces = &listener.spec.allowed_routes.namespaces;
    let (namespace, own) = (&route.object.id().namespace, &listener.object.id().namespace);
    if is_selected(&namespaces.from, namespaces.selector.as_ref(), namespace, own, reader) {
        return None;
    }
    Some(match &namespaces.from {
        FromNamespaces::Same => format!("takes routes of namespace {own} only"),
        FromNamespaces::Selector => format!("takes routes of selected namespaces only, and {namespace} is not one"),
        _ => "takes no routes".to_owned(),
    })
}

fn report_foreign(
    route: &RouteParts<'_>,
    reference: &ParentReference,
    name: &Name,
    field: Field<'_>,
    reader: &Reader<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let whole = format!("{} {}/{}", reference.kind, name.0, name.1);
    let exists = match (reference.group.as_str(), reference.kind.as_str()) {
        (GROUP, "Gateway") => reader.get::<Gateway>(name).is_some(),
        (GROUP, "ListenerSet") => reader.get::<ListenerSet>(name).is_some(),
        _ => {
            let message =
                format!("{whole}: routes are attached to Gateways and ListenerSets only, so this parent has no effect");
            let found = Diagnostic::of(&diagnostic::PARENT_NOT_FOUND, route.object, field, message);
            diagnostics.push(found.remedy("refer to a Gateway or ListenerSet"));
            return;
        }
    };
    let (code, why) = match (exists, reference.kind.as_str()) {
        (true, "Gateway") => {
            (&diagnostic::FOREIGN_CLASS, "is of a class that is not ours, so this parent is left alone")
        }
        (true, _) => (&diagnostic::FOREIGN_CLASS, "is of no Gateway of ours, so this parent is left alone"),
        (false, _) => (&diagnostic::PARENT_NOT_FOUND, "does not exist"),
    };
    diagnostics.push(Diagnostic::of(code, route.object, field, format!("{whole} {why}")));
}
