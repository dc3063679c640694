//! Which listeners each route is attached to.

use std::collections::BTreeMap;

use nantian_crds::gateway_api::gateway::{AllowedRoutes, FromNamespaces};
use nantian_crds::gateway_api::shared::ParentReference;
use nantian_crds::meta::ObjectMeta;
use serde_json::Value;

use super::Fault;
use super::gateway::GatewayView;
use super::listener::{ListenerView, route_hostname};
use crate::compile::decode::{Name, Typed, age};
use crate::compile::diagnostic::{self, Diagnostic};
use crate::compile::objects::Object;
use crate::key::{RouteKey, RouteKind};
use crate::name::HostnameMatch;
use crate::precedence::Age;

/// What both kinds of routes have in common.
pub(crate) struct RouteView<'o> {
    pub(crate) object: &'o Object,
    pub(crate) key: RouteKey,
    pub(crate) age: Age,
    pub(crate) generation: Option<i64>,
    pub(crate) parents: Vec<ParentView>,
    /// Why nothing of the route can be used, whatever the parent.
    pub(crate) refused: Option<Fault>,
}

/// One `parentRef` to a Gateway of ours.
pub(crate) struct ParentView {
    /// The reference, as the route has it.
    pub(crate) reference: Value,
    pub(crate) field: String,
    pub(crate) gateway: Name,
    /// Positions of listeners that take the route, with the hosts that both serve.
    pub(crate) attached: Vec<(usize, Vec<HostnameMatch>)>,
    /// Why it is not attached.
    pub(crate) refused: Option<Fault>,
}

/// Parts of a route that attachment needs.
pub(crate) struct RouteParts<'r, 'o> {
    pub(crate) object: &'o Object,
    pub(crate) kind: RouteKind,
    pub(crate) metadata: &'r ObjectMeta,
    pub(crate) parents: &'r [ParentReference],
    pub(crate) hostnames: &'r [String],
    pub(crate) default_gateways: bool,
}

/// Attaches every route to the listeners that take it.
pub(crate) fn routes<'o>(
    typed: &Typed<'o>,
    gateways: &BTreeMap<Name, GatewayView<'_, '_>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<RouteView<'o>> {
    let http = typed.http_routes.values().map(|entry| RouteParts {
        object: entry.object,
        kind: RouteKind::Http,
        metadata: &entry.value.metadata,
        parents: &entry.value.spec.parent_refs,
        hostnames: &entry.value.spec.hostnames,
        default_gateways: entry.value.spec.use_default_gateways.is_some(),
    });
    let grpc = typed.grpc_routes.values().map(|entry| RouteParts {
        object: entry.object,
        kind: RouteKind::Grpc,
        metadata: &entry.value.metadata,
        parents: &entry.value.spec.parent_refs,
        hostnames: &entry.value.spec.hostnames,
        default_gateways: entry.value.spec.use_default_gateways.is_some(),
    });
    http.chain(grpc).map(|parts| attach(&parts, typed, gateways, diagnostics)).collect()
}

fn attach<'o>(
    route: &RouteParts<'_, 'o>,
    typed: &Typed<'_>,
    gateways: &BTreeMap<Name, GatewayView<'_, '_>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> RouteView<'o> {
    let id = route.object.id();
    let mut view = RouteView {
        object: route.object,
        key: RouteKey { kind: route.kind, namespace: id.namespace.clone(), name: id.name.clone() },
        age: age(route.metadata),
        generation: route.metadata.generation,
        parents: Vec::new(),
        refused: None,
    };
    if route.default_gateways {
        let (code, message) = (&diagnostic::UNSUPPORTED_FIELD, "default Gateways are not supported: name a parent");
        diagnostics.push(Diagnostic::of(code, route.object, "spec.useDefaultGateways", message));
    }
    if route.parents.is_empty() {
        let message = "the route has no parentRefs, so nothing serves it";
        diagnostics.push(Diagnostic::of(&diagnostic::PARENT_NOT_FOUND, route.object, "spec.parentRefs", message));
    }
    let hostnames = hostnames(route, &mut view, diagnostics);
    for (index, reference) in route.parents.iter().enumerate() {
        let field = format!("spec.parentRefs[{index}]");
        let namespace = reference.namespace.as_deref().filter(|n| !n.is_empty()).unwrap_or(&id.namespace);
        let name = (namespace.to_owned(), reference.name.clone());
        let is_gateway = reference.group == "gateway.networking.k8s.io" && reference.kind == "Gateway";
        let Some(gateway) = gateways.get(&name).filter(|_| is_gateway) else {
            report_foreign(route, reference, &name, field, typed, diagnostics);
            continue;
        };
        let mut parent = ParentView {
            reference: route.object.value().pointer(&format!("/spec/parentRefs/{index}")).cloned().unwrap_or_default(),
            field,
            gateway: name,
            attached: Vec::new(),
            refused: None,
        };
        match candidates(route, reference, gateway, typed, &hostnames) {
            Ok(attached) => parent.attached = attached,
            Err(fault) => {
                let code = &diagnostic::NOT_ATTACHED;
                diagnostics.push(Diagnostic::of(code, route.object, &parent.field, &fault.message));
                parent.refused = Some(fault);
            }
        }
        view.parents.push(parent);
    }
    view
}

/// The route's hostnames; `Any` if it has none. Unusable ones are reported and left out.
fn hostnames(
    route: &RouteParts<'_, '_>,
    view: &mut RouteView<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<HostnameMatch> {
    if route.hostnames.is_empty() {
        return vec![HostnameMatch::Any];
    }
    let mut found = Vec::new();
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

/// The listeners of `gateway` that take the route, or why none does.
fn candidates(
    route: &RouteParts<'_, '_>,
    reference: &ParentReference,
    gateway: &GatewayView<'_, '_>,
    typed: &Typed<'_>,
    hostnames: &[HostnameMatch],
) -> Result<Vec<(usize, Vec<HostnameMatch>)>, Fault> {
    let section = reference.section_name.as_deref().filter(|name| !name.is_empty());
    let port = reference.port.filter(|port| *port != 0);
    // ParentReference: "the name and port of the selected listener must match both specified values".
    let named: Vec<&ListenerView> = gateway
        .listeners
        .iter()
        .filter(|listener| section.is_none_or(|name| listener.key.listener == name))
        .filter(|listener| port.is_none_or(|port| listener.port == port))
        .collect();
    let id = gateway.entry.object.id();
    let whole = format!("Gateway {}/{}", id.namespace, id.name);
    if named.is_empty() {
        let section = section.map(|name| format!(" named {name}")).unwrap_or_default();
        let port = port.map(|port| format!(" on port {port}")).unwrap_or_default();
        return Err(Fault::new("NoMatchingParent", format!("{whole} has no listener{section}{port}")));
    }
    let specs = &gateway.entry.value.spec.listeners;
    let mut refusals = Vec::new();
    let mut allowing: Vec<&ListenerView> = Vec::new();
    for listener in named {
        let allowed = specs.get(listener.index).map(|spec| &spec.allowed_routes);
        match not_allowed(route, listener, allowed, &id.namespace, typed) {
            Some(why) => refusals.push(format!("listener {} {why}", listener.key.listener)),
            None => allowing.push(listener),
        }
    }
    if allowing.is_empty() {
        return Err(Fault::new("NotAllowedByListeners", format!("{whole}: {}", refusals.join("; "))));
    }
    let attached: Vec<(usize, Vec<HostnameMatch>)> = allowing
        .iter()
        .filter_map(|listener| Some((listener.index, intersection(listener.hostname.as_ref()?, hostnames)?)))
        .collect();
    if attached.is_empty() && !hostnames.is_empty() {
        let hosts = allowing.iter().filter_map(|listener| listener.hostname.as_ref()).map(ToString::to_string);
        let message = format!(
            "no hostname of the route is served by {whole}, whose listeners serve {}",
            hosts.collect::<Vec<_>>().join(", ")
        );
        return Err(Fault::new("NoMatchingListenerHostname", message));
    }
    Ok(attached)
}

/// The hosts that both serve, sorted; `None` if there are none.
fn intersection(listener: &HostnameMatch, route: &[HostnameMatch]) -> Option<Vec<HostnameMatch>> {
    let mut both: Vec<HostnameMatch> = route.iter().filter_map(|hostname| listener.intersect(hostname)).collect();
    both.sort();
    both.dedup();
    (!both.is_empty()).then_some(both)
}

/// Why `allowedRoutes` keeps the route out.
fn not_allowed(
    route: &RouteParts<'_, '_>,
    listener: &ListenerView,
    allowed: Option<&AllowedRoutes>,
    gateway_namespace: &str,
    typed: &Typed<'_>,
) -> Option<String> {
    if !listener.kinds.contains(&route.kind) {
        return Some(format!("takes no routes of kind {}", route.kind));
    }
    let namespaces = &allowed?.namespaces;
    let namespace = &route.object.id().namespace;
    let permitted = match &namespaces.from {
        FromNamespaces::All => true,
        FromNamespaces::Same => namespace == gateway_namespace,
        FromNamespaces::Selector => {
            let selector = namespaces.selector.as_ref();
            selector.is_some_and(|selector| selector.matches(&namespace_labels(typed, namespace)))
        }
        FromNamespaces::None | FromNamespaces::Unknown(_) => false,
    };
    let from = match &namespaces.from {
        FromNamespaces::Same => format!("takes routes of namespace {gateway_namespace} only"),
        FromNamespaces::Selector => format!("takes routes of selected namespaces only, and {namespace} is not one"),
        _ => "takes no routes".to_owned(),
    };
    (!permitted).then_some(from)
}

/// Labels of a namespace. The API server gives each the label `kubernetes.io/metadata.name`.
fn namespace_labels(typed: &Typed<'_>, namespace: &str) -> BTreeMap<String, String> {
    let mut labels =
        typed.namespaces.get(namespace).map(|entry| entry.value.metadata.labels.clone()).unwrap_or_default();
    labels.insert("kubernetes.io/metadata.name".to_owned(), namespace.to_owned());
    labels
}

fn report_foreign(
    route: &RouteParts<'_, '_>,
    reference: &ParentReference,
    name: &Name,
    field: String,
    typed: &Typed<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let is_gateway = reference.group == "gateway.networking.k8s.io" && reference.kind == "Gateway";
    let whole = format!("{} {}/{}", reference.kind, name.0, name.1);
    let found = if !is_gateway {
        let message = format!("{whole}: routes are attached to Gateways only, so this parent has no effect");
        Diagnostic::of(&diagnostic::PARENT_NOT_FOUND, route.object, field, message).remedy("refer to a Gateway")
    } else if typed.gateways.contains_key(name) {
        let message = format!("{whole} is of a class that is not ours, so this parent is left alone");
        Diagnostic::of(&diagnostic::FOREIGN_CLASS, route.object, field, message)
    } else {
        Diagnostic::of(&diagnostic::PARENT_NOT_FOUND, route.object, field, format!("{whole} does not exist"))
    };
    diagnostics.push(found);
}
