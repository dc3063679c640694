//! What of routes and Gateways is served: the rules and listeners of the snapshot.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::attach::gateway::GatewayView;
use super::attach::kind_conflict;
use super::attach::route::{ParentView, RouteView};
use super::diagnostic::{self, Diagnostic};
use super::lower::Lowered;
use super::memo::Reader;
use super::{policy, status};
use crate::key::{BackendKey, CaBundleKey, CertificateKey, ListenerKey};
use crate::model::{
    Attachment, Backend, BackendIdentity, BackendTls, Filter, Listener, ListenerTls, RouteRule, StreamRule, Target,
    Trust,
};
use crate::name::HostnameMatch;

/// The route without what older routes of another kind have.
pub(crate) fn uncontested<'v>(
    view: &'v RouteView,
    reader: &Reader<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Cow<'v, RouteView> {
    let mut view = Cow::Borrowed(view);
    if !view.key.kind.has_requests() {
        return view;
    }
    for place in 0..view.parents.len() {
        let Some((parent, before)) = view.parents.get(..=place).and_then(<[_]>::split_last) else { continue };
        if before.iter().any(|other| other.gateway == parent.gateway) {
            continue;
        }
        let clashes = reader.clashes(&parent.gateway, &view.key);
        if !clashes.is_empty() {
            kind_conflict::detach(view.to_mut(), clashes, diagnostics);
        }
    }
    view
}

/// `attachedRoutes`: "the number of Routes with the Accepted condition set to True that have been attached to this
/// Listener", be the listener served or not. Here are the listeners, each a Gateway and a position.
pub(crate) fn attached_to(
    route: &RouteView,
    lowered: &Lowered,
    reader: &Reader<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<(super::decode::Name, usize)> {
    let mut attached = Vec::new();
    for parent in &route.parents {
        if status::route::refusal(route, parent, lowered).is_some() {
            continue;
        }
        let Some(gateway) = reader.served(&parent.gateway) else { continue };
        let mut unserved = Vec::new();
        for (index, _) in &parent.attached {
            let Some(listener) = gateway.listeners.get(*index) else { continue };
            attached.push((parent.gateway.clone(), *index));
            unserved.extend(listener.unserved().map(|why| format!("{}: {}", listener.name(), why.message)));
        }
        if unserved.len() == parent.attached.len() && !unserved.is_empty() {
            let message = format!("no listener that the route is attached to is served: {}", unserved.join("; "));
            diagnostics.push(Diagnostic::of(&diagnostic::NOT_SERVED, &route.object, parent.field(), message));
        }
    }
    attached
}

/// The rules of a route. Nothing of a route that is attached nowhere is served.
pub(crate) fn rules(route: &RouteView, lowered: Lowered, reader: &Reader<'_>) -> (Vec<RouteRule>, Vec<StreamRule>) {
    let attachments = attachments(route, reader);
    if attachments.is_empty() {
        return (Vec::new(), Vec::new());
    }
    if let Some(stream) = lowered.stream {
        return (Vec::new(), policy::serve::stream_rules(stream.attach(route, attachments), reader));
    }
    let mut rules = Vec::with_capacity(lowered.rules.len());
    let copies = std::iter::repeat_n(attachments, lowered.rules.len());
    for (rule, attachments) in lowered.rules.into_iter().zip(copies) {
        policy::serve::rules(rule.attach(route, attachments), reader, &mut rules);
    }
    (rules, Vec::new())
}

/// The served listeners that a route is attached to, with the hosts that it has there: sorted, each once.
fn attachments(route: &RouteView, reader: &Reader<'_>) -> Vec<Attachment> {
    if route.refused.is_some() {
        return Vec::new();
    }
    let mut found = Vec::with_capacity(route.parents.iter().map(|parent| parent.attached.len()).sum());
    for parent in &route.parents {
        let Some(gateway) = reader.served(&parent.gateway) else { continue };
        for (index, hostnames) in &parent.attached {
            let Some(listener) = gateway.listeners.get(*index).filter(|listener| listener.unserved().is_none()) else {
                continue;
            };
            let hostnames = won(route, parent, *index, hostnames, reader);
            found.push(Attachment { listener: listener.key.clone(), hostnames });
        }
    }
    found.sort_by(|one, other| one.listener.cmp(&other.listener));
    found.dedup_by(|next, held| {
        let is_same = next.listener == held.listener;
        if is_same {
            held.hostnames.append(&mut next.hostnames);
        }
        is_same
    });
    for attachment in &mut found {
        attachment.hostnames.sort();
        attachment.hostnames.dedup();
    }
    found.retain(|attachment| !attachment.hostnames.is_empty());
    found
}

/// The hosts that a route has at a listener: of connections, those that no other route gets.
fn won(
    route: &RouteView,
    parent: &ParentView,
    listener: usize,
    hostnames: &[HostnameMatch],
    reader: &Reader<'_>,
) -> Vec<HostnameMatch> {
    if route.key.kind.has_requests() {
        return hostnames.to_vec();
    }
    let Some(winners) = reader.winners(&parent.gateway) else { return Vec::new() };
    hostnames.iter().filter(|host| winners.has(&route.key, listener, host)).cloned().collect()
}

/// The backends that a rule uses, be it to mirror requests to.
pub(crate) fn backends(rule: &RouteRule) -> impl Iterator<Item = &BackendKey> {
    let filters = rule.filters.iter().chain(rule.targets.iter().flat_map(|target| &target.filters));
    let mirrors = filters.filter_map(|filter| match filter {
        Filter::RequestMirror(mirror) => Some(&mirror.backend),
        _ => None,
    });
    mirrors.chain(rule.targets.iter().filter_map(|target| target_backend(&target.target)))
}

/// The backends that a rule for connections or datagrams uses.
pub(crate) fn stream_backends(rule: &StreamRule) -> impl Iterator<Item = &BackendKey> {
    rule.targets.iter().filter_map(|target| target_backend(&target.target))
}

fn target_backend(target: &Target) -> Option<&BackendKey> {
    match target {
        Target::Backend(key) => Some(key),
        Target::Refused(_) => None,
    }
}

/// The listeners of a Gateway that are served.
pub(crate) fn listeners(gateway: &GatewayView) -> BTreeMap<ListenerKey, Listener> {
    let served = gateway.listeners.iter().filter(|view| view.unserved().is_none()).filter_map(|view| {
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
    served.map(|listener| (listener.key.clone(), listener)).collect()
}

/// Certificates that a listener needs. Private keys go only where a listener does.
pub(crate) fn certificates(listener: &Listener) -> impl Iterator<Item = &CertificateKey> {
    let served = listener.tls.iter().flat_map(|tls| &tls.certificates);
    served.chain(&listener.client_certificate)
}

/// The authorities that a listener trusts.
pub(crate) fn authorities_of_clients(listener: &Listener) -> impl Iterator<Item = &CaBundleKey> {
    let validations = listener.tls.iter().filter_map(|tls| tls.client_validation.as_ref());
    validations.flat_map(|validation| &validation.ca_bundles)
}

/// The authorities that are trusted to say who a backend is.
pub(crate) fn authorities_of_backend(backend: &Backend) -> &[CaBundleKey] {
    match &backend.tls {
        Some(BackendTls::Verify(BackendIdentity { trust: Trust::CaBundles(bundles), .. })) => bundles,
        _ => &[],
    }
}
