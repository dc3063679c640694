//! Listeners that cannot be told apart, and TLS listeners that overlap.

use std::collections::BTreeMap;

use super::Fault;
use super::gateway::GatewayView;
use super::listener::ListenerView;
use crate::compile::decode::Name;
use crate::compile::diagnostic::{self, Diagnostic};
use crate::model::{BindAddress, ListenerProtocol};
use crate::name::HostnameMatch;

/// Finds conflicts within each Gateway, then between Gateways that share a socket, then overlapping TLS listeners.
pub(crate) fn find(gateways: &mut BTreeMap<Name, GatewayView<'_, '_>>, diagnostics: &mut Vec<Diagnostic>) {
    for gateway in gateways.values_mut() {
        within(gateway, diagnostics);
    }
    across(gateways, diagnostics);
    overlaps(gateways);
}

/// `GatewaySpec.listeners`: "The implementation MUST NOT pick one conflicting Listener as the winner. ALL indistinct
/// Listeners must not be accepted for processing."
fn within(gateway: &mut GatewayView<'_, '_>, diagnostics: &mut Vec<Diagnostic>) {
    let faults: Vec<Option<Fault>> = gateway.listeners.iter().map(|one| conflict_of(one, &gateway.listeners)).collect();
    for (listener, fault) in gateway.listeners.iter_mut().zip(faults) {
        let Some(fault) = fault else { continue };
        diagnostics.push(Diagnostic::of(
            &diagnostic::LISTENER_CONFLICT,
            gateway.entry.object,
            listener.field(""),
            &fault.message,
        ));
        listener.refused = Some(fault.clone());
        listener.conflict = Some(fault);
    }
}

fn conflict_of(one: &ListenerView, all: &[ListenerView]) -> Option<Fault> {
    // Listeners that are not accepted for reasons of their own use no port.
    let (Some(protocol), None) = (one.protocol, &one.refused) else { return None };
    let others =
        || all.iter().filter(|other| other.index != one.index && other.port == one.port && other.refused.is_none());
    let names = |found: Vec<&ListenerView>| {
        found.iter().map(|other| other.key.listener.as_str()).collect::<Vec<_>>().join(", ")
    };
    let same_host: Vec<_> =
        others().filter(|other| other.protocol == Some(protocol) && other.hostname == one.hostname).collect();
    let other_protocol: Vec<_> = others().filter(|other| other.protocol != Some(protocol)).collect();
    if !other_protocol.is_empty() {
        let message = format!(
            "listener {} and {} use port {} with different protocols: give one another port",
            one.key.listener,
            names(other_protocol),
            one.port
        );
        return Some(Fault::new("ProtocolConflict", message));
    }
    if same_host.is_empty() {
        return None;
    }
    let host = one.hostname.as_ref().map_or_else(String::new, HostnameMatch::to_string);
    let message = format!(
        "listener {} and {} have the same port {} and hostname {host}: change one",
        one.key.listener,
        names(same_host),
        one.port
    );
    Some(Fault::new("HostnameConflict", message))
}

/// What older Gateways use of a socket.
struct Taken {
    protocol: ListenerProtocol,
    hostnames: BTreeMap<HostnameMatch, String>,
    by: String,
}

/// Gateways that share a socket: the older one (then the first by name) keeps it, the other listener is refused.
fn across(gateways: &mut BTreeMap<Name, GatewayView<'_, '_>>, diagnostics: &mut Vec<Diagnostic>) {
    let mut order: Vec<(crate::precedence::Age, Name)> =
        gateways.iter().map(|(name, gateway)| (gateway.age, name.clone())).collect();
    order.sort();
    let mut taken: BTreeMap<BindAddress, Taken> = BTreeMap::new();
    for (_, name) in order {
        let Some(gateway) = gateways.get_mut(&name) else { continue };
        let mut mine: Vec<(BindAddress, ListenerProtocol, HostnameMatch, String)> = Vec::new();
        for listener in &mut gateway.listeners {
            let (Some(bind), Some(protocol), Some(hostname), None) =
                (listener.bind, listener.protocol, listener.hostname.clone(), &listener.refused)
            else {
                continue;
            };
            match taken.get(&bind).and_then(|taken| clash(taken, protocol, &hostname, bind)) {
                Some(fault) => refuse(gateway.entry.object, listener, fault, diagnostics),
                None => mine.push((bind, protocol, hostname, listener.key.to_string())),
            }
        }
        for (bind, protocol, hostname, by) in mine {
            let taken =
                taken.entry(bind).or_insert_with(|| Taken { protocol, hostnames: BTreeMap::new(), by: by.clone() });
            taken.hostnames.entry(hostname).or_insert(by);
        }
    }
}

fn clash(taken: &Taken, protocol: ListenerProtocol, hostname: &HostnameMatch, bind: BindAddress) -> Option<Fault> {
    if taken.protocol != protocol {
        let message = format!("{bind} is used with another protocol by the listener {} of an older Gateway", taken.by);
        return Some(Fault::new("ProtocolConflict", message));
    }
    let by = taken.hostnames.get(hostname)?;
    let message = format!("{bind} with hostname {hostname} is used by the listener {by} of an older Gateway");
    Some(Fault::new("HostnameConflict", message))
}

fn refuse(
    gateway: &crate::compile::Object,
    listener: &mut ListenerView,
    fault: Fault,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let code = &diagnostic::PORT_UNAVAILABLE;
    diagnostics.push(Diagnostic::of(code, gateway, listener.field("port"), &fault.message));
    listener.refused = Some(Fault::new("PortUnavailable", &fault.message));
    listener.conflict = Some(fault);
}

/// `OverlappingTLSConfig`: "Controllers MUST detect the presence of overlapping hostnames"; set on all listeners that
/// overlap, and never when false.
fn overlaps(gateways: &mut BTreeMap<Name, GatewayView<'_, '_>>) {
    let tls: Vec<(BindAddress, HostnameMatch, String)> = gateways
        .values()
        .flat_map(|gateway| &gateway.listeners)
        .filter(|listener| listener.protocol == Some(ListenerProtocol::Https) && listener.refused.is_none())
        .filter_map(|listener| Some((listener.bind?, listener.hostname.clone()?, listener.key.to_string())))
        .collect();
    for listener in gateways.values_mut().flat_map(|gateway| &mut gateway.listeners) {
        let (Some(bind), Some(hostname)) = (listener.bind, &listener.hostname) else { continue };
        let me = listener.key.to_string();
        if !tls.iter().any(|(_, _, key)| *key == me) {
            continue;
        }
        let overlapping =
            tls.iter().filter(|(other, host, key)| *other == bind && *key != me && hostname.intersect(host).is_some());
        listener.overlaps = overlapping.map(|(_, host, key)| format!("{key} ({host})")).collect();
    }
}
