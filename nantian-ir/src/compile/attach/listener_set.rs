//! ListenerSets: which of them a Gateway takes, and in which order their listeners follow its own (GEP-1713).

use std::collections::BTreeMap;

use nantian_crds::gateway_api::gateway::FromNamespaces;
use nantian_crds::gateway_api::{GROUP, ListenerSet};

use super::Fault;
use super::gateway::GatewayView;
use super::listener::{self, Source};
use super::namespace::is_selected;
use crate::compile::Options;
use crate::compile::decode::{Entry, Name, Typed, age};
use crate::compile::diagnostic::{self, Diagnostic};
use crate::key::ListenerSetKey;
use crate::precedence::Age;

/// A ListenerSet of a Gateway of ours.
pub(crate) struct SetView<'t, 'o> {
    pub(crate) entry: &'t Entry<'o, ListenerSet>,
    pub(crate) key: ListenerSetKey,
    pub(crate) gateway: Name,
    /// Why the Gateway does not take it.
    pub(crate) not_allowed: Option<Fault>,
}

/// The sets of Gateways of ours by name; the listeners of those that are allowed join their Gateway's. "ListenerSet ordered
/// by creation time (oldest first)", then "alphabetically by `{namespace}/{name}`".
pub(crate) fn attach<'t, 'o>(
    typed: &'t Typed<'o>,
    gateways: &mut BTreeMap<Name, GatewayView<'t, 'o>>,
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> BTreeMap<Name, SetView<'t, 'o>> {
    let mut order: Vec<(Age, String, &Name)> = typed
        .listener_sets
        .iter()
        .map(|(name, entry)| (age(&entry.value.metadata), format!("{}/{}", name.0, name.1), name))
        .collect();
    order.sort();
    let mut sets = BTreeMap::new();
    for (_, _, name) in order {
        let Some(entry) = typed.listener_sets.get(name) else { continue };
        let Some(parent) = parent(entry, name, typed, gateways, diagnostics) else { continue };
        let Some(gateway) = gateways.get_mut(&parent) else { continue };
        let not_allowed = not_allowed(gateway, &name.0, typed);
        let key = ListenerSetKey { namespace: name.0.clone(), name: name.1.clone() };
        if let Some(fault) = &not_allowed {
            let code = &diagnostic::LISTENER_SET_NOT_ALLOWED;
            diagnostics.push(Diagnostic::of(code, entry.object, "spec.parentRef", &fault.message));
        } else {
            let listeners = entry.value.spec.listeners.as_slice();
            let source = Source { object: entry.object, listeners, set: Some(key.clone()) };
            listener::add(gateway, &source, options, diagnostics);
        }
        sets.insert(name.clone(), SetView { entry, key, gateway: parent, not_allowed });
    }
    sets
}

/// The Gateway that a set names, if it is one of ours.
fn parent(
    entry: &Entry<'_, ListenerSet>,
    name: &Name,
    typed: &Typed<'_>,
    gateways: &BTreeMap<Name, GatewayView<'_, '_>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Name> {
    let reference = &entry.value.spec.parent_ref;
    let namespace = reference.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or(&name.0);
    let parent = (namespace.to_owned(), reference.name.clone());
    let is_gateway = reference.group == GROUP && reference.kind == "Gateway";
    if is_gateway && gateways.contains_key(&parent) {
        return Some(parent);
    }
    let whole = format!("{} {}/{}", reference.kind, parent.0, parent.1);
    let (code, message) = if !is_gateway {
        (&diagnostic::PARENT_NOT_FOUND, format!("{whole}: the parent of a ListenerSet is a Gateway"))
    } else if typed.gateways.contains_key(&parent) {
        (
            &diagnostic::FOREIGN_CLASS,
            format!("{whole} is of a class that is not ours, so this ListenerSet is left alone"),
        )
    } else {
        (&diagnostic::PARENT_NOT_FOUND, format!("{whole} does not exist"))
    };
    diagnostics.push(Diagnostic::of(code, entry.object, "spec.parentRef", message));
    None
}

/// `Gateway.spec.allowedListeners`: "The default value is to allow no ListenerSets."
fn not_allowed(gateway: &GatewayView<'_, '_>, namespace: &str, typed: &Typed<'_>) -> Option<Fault> {
    let id = gateway.entry.object.id();
    let allowed = gateway.entry.value.spec.allowed_listeners.as_ref().and_then(|allowed| allowed.namespaces.as_ref());
    let from = allowed.map_or(&FromNamespaces::None, |namespaces| &namespaces.from);
    let selector = allowed.and_then(|namespaces| namespaces.selector.as_ref());
    if is_selected(from, selector, namespace, &id.namespace, typed) {
        return None;
    }
    let which = match from {
        FromNamespaces::Same => format!("takes ListenerSets of namespace {} only", id.namespace),
        FromNamespaces::Selector => {
            format!("takes ListenerSets of selected namespaces only, and {namespace} is not one")
        }
        _ => "takes no ListenerSets".to_owned(),
    };
    Some(Fault::new("NotAllowed", format!("Gateway {}/{} {which}", id.namespace, id.name)))
}
