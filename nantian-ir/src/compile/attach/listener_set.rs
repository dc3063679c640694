//! ListenerSets: which of them a Gateway takes, and in which order their listeners follow its own (GEP-1713).

use std::sync::Arc;

use nantian_crds::gateway_api::gateway::FromNamespaces;
use nantian_crds::gateway_api::{GROUP, Gateway, ListenerSet};

use super::Fault;
use super::gateway::GatewayView;
use super::listener::{self, Source};
use super::namespace::is_selected;
use crate::compile::decode::{Entry, Name, age, name_of};
use crate::compile::diagnostic::{self, Diagnostic};
use crate::compile::memo::Reader;
use crate::key::ListenerSetKey;
use crate::precedence::Age;

/// A ListenerSet of a Gateway of ours.
#[derive(Clone, PartialEq)]
pub(crate) struct SetView {
    pub(crate) entry: Arc<Entry<ListenerSet>>,
    pub(crate) key: ListenerSetKey,
    /// Why the Gateway does not take it.
    pub(crate) not_allowed: Option<Fault>,
}

/// Adds the sets that name the Gateway; the listeners of those that are allowed join its own. "ListenerSet ordered by
/// creation time (oldest first)", then "alphabetically by `{namespace}/{name}`".
pub(crate) fn add(gateway: &mut GatewayView, name: &Name, reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let mut order: Vec<(Age, String, &Arc<Entry<ListenerSet>>)> = reader
        .listener_sets_of(name)
        .map(|entry| {
            let id = entry.object.id();
            (age(&entry.value.metadata), format!("{}/{}", id.namespace, id.name), entry)
        })
        .collect();
    order.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    for (_, _, entry) in order {
        let id = entry.object.id();
        let not_allowed = not_allowed(gateway, &id.namespace, reader);
        let key = ListenerSetKey { namespace: id.namespace.clone(), name: id.name.clone() };
        if let Some(fault) = &not_allowed {
            let code = &diagnostic::LISTENER_SET_NOT_ALLOWED;
            diagnostics.push(Diagnostic::of(code, &entry.object, "spec.parentRef", &fault.message));
        } else {
            let listeners = entry.value.spec.listeners.as_slice();
            let source = Source { object: &entry.object, listeners, set: Some(key.clone()) };
            listener::add(gateway, &source, reader.options(), diagnostics);
        }
        gateway.sets.push(SetView { entry: Arc::clone(entry), key, not_allowed });
    }
}

/// The Gateway that a set names; `None` if it names something else.
pub(crate) fn parent(set: &Entry<ListenerSet>) -> Option<Name> {
    let reference = &set.value.spec.parent_ref;
    let is_gateway = reference.group == GROUP && reference.kind == "Gateway";
    is_gateway.then(|| referred(set))
}

fn referred(set: &Entry<ListenerSet>) -> Name {
    let reference = &set.value.spec.parent_ref;
    let own = &set.object.id().namespace;
    let namespace = reference.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or(own);
    name_of(namespace, &reference.name)
}

/// Says of a set whose parent is not a Gateway of ours that it is left alone.
pub(crate) fn report_foreign(name: &Name, reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let Some(entry) = reader.get::<ListenerSet>(name) else { return };
    let parent = parent(entry);
    if parent.as_ref().is_some_and(|parent| reader.gateway(parent).is_some()) {
        return;
    }
    let (namespace, name) = referred(entry);
    let whole = format!("{} {namespace}/{name}", entry.value.spec.parent_ref.kind);
    let (code, message) = match parent {
        None => (&diagnostic::PARENT_NOT_FOUND, format!("{whole}: the parent of a ListenerSet is a Gateway")),
        Some(parent) if reader.get::<Gateway>(&parent).is_some() => (
            &diagnostic::FOREIGN_CLASS,
            format!("{whole} is of a class that is not ours, so this ListenerSet is left alone"),
        ),
        Some(_) => (&diagnostic::PARENT_NOT_FOUND, format!("{whole} does not exist")),
    };
    diagnostics.push(Diagnostic::of(code, &entry.object, "spec.parentRef", message));
}

/// `Gateway.spec.allowedListeners`: "The default value is to allow no ListenerSets."
fn not_allowed(gateway: &GatewayView, namespace: &str, reader: &Reader<'_>) -> Option<Fault> {
    let id = gateway.entry.object.id();
    let allowed = gateway.entry.value.spec.allowed_listeners.as_ref().and_then(|allowed| allowed.namespaces.as_ref());
    let from = allowed.map_or(&FromNamespaces::None, |namespaces| &namespaces.from);
    let selector = allowed.and_then(|namespaces| namespaces.selector.as_ref());
    if is_selected(from, selector, namespace, &id.namespace, reader) {
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
