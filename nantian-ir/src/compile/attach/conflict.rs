//! Listeners that cannot be told apart, and TLS listeners that overlap.

use std::collections::BTreeMap;

use super::Fault;
use super::gateway::GatewayView;
use super::listener::ListenerView;
use crate::compile::decode::Name;
use crate::compile::diagnostic::{self, Code, Diagnostic};
use crate::key::ListenerSetKey;
use crate::model::{BindAddress, ListenerProtocol, Transport};
use crate::name::HostnameMatch;

/// Finds conflicts within each Gateway, then between Gateways that share a socket, then overlapping TLS listeners.
pub(crate) fn find(gateways: &mut BTreeMap<Name, GatewayView<'_, '_>>, diagnostics: &mut Vec<Diagnostic>) {
    for gateway in gateways.values_mut() {
        within(gateway, diagnostics);
    }
    across(gateways, diagnostics);
    overlaps(gateways);
}

/// What of a socket is used. Listeners are told apart by what comes first on a connection: a server name or a request's
/// host. Protocols that begin alike can share a socket.
struct Taken<T> {
    protocol: ListenerProtocol,
    first: T,
    hostnames: BTreeMap<HostnameMatch, (ListenerProtocol, T)>,
}

/// Why a listener cannot be told apart from one that has the socket: the reason, and whose that is.
type Clash<'t, T> = (&'static str, &'t T);

impl<T: Clone> Taken<T> {
    fn new(protocol: ListenerProtocol, first: T) -> Self {
        Self { protocol, first, hostnames: BTreeMap::new() }
    }

    fn clash(&self, protocol: ListenerProtocol, hostname: &HostnameMatch) -> Option<Clash<'_, T>> {
        if !begin_alike(self.protocol, protocol) {
            return Some(("ProtocolConflict", &self.first));
        }
        let (held, by) = self.hostnames.get(hostname)?;
        Some((reason(*held, protocol), by))
    }

    fn add(&mut self, protocol: ListenerProtocol, hostname: HostnameMatch, by: T) {
        self.hostnames.entry(hostname).or_insert((protocol, by));
    }
}

fn begin_alike(one: ListenerProtocol, other: ListenerProtocol) -> bool {
    one == other || one.begins_with_tls() && other.begins_with_tls()
}

/// The reason for two listeners with the same port and hostname. Without hostnames, the listeners are the same.
fn reason(one: ListenerProtocol, other: ListenerProtocol) -> &'static str {
    match (one, other) {
        _ if one != other => "ProtocolConflict",
        (ListenerProtocol::Tcp | ListenerProtocol::Udp, _) => "ListenerConflict",
        _ => "HostnameConflict",
    }
}

/// How a listener is in the way, for messages.
fn how(reason: &str, hostname: &HostnameMatch) -> String {
    match reason {
        "ProtocolConflict" => "with another protocol ".to_owned(),
        "HostnameConflict" => format!("with hostname {hostname} "),
        _ => String::new(),
    }
}

/// Conflicts among the listeners of one Gateway: those of each object with each other, and with those of the objects
/// before it. "Implementations MUST treat the parent Gateway as having the merged list of all listeners from itself and
/// attached ListenerSets using the following precedence"; "the first Listener in the precedence list MUST be accepted".
fn within(gateway: &mut GatewayView<'_, '_>, diagnostics: &mut Vec<Diagnostic>) {
    let mut taken: BTreeMap<(Transport, u16), Taken<Option<ListenerSetKey>>> = BTreeMap::new();
    for group in gateway.listeners.chunk_by_mut(|a, b| a.key.set == b.key.set) {
        for listener in group.iter_mut() {
            let Some((protocol, hostname)) = uses(listener) else { continue };
            let held = taken.get(&(protocol.transport(), listener.port));
            let Some((reason, by)) = held.and_then(|held| held.clash(protocol, &hostname)) else { continue };
            // Whoever may add listeners need not know the names of others who may.
            let by = if by.is_none() { "the Gateway itself" } else { "a ListenerSet that comes first" };
            let message = format!("port {} is used {}by a listener of {by}", listener.port, how(reason, &hostname));
            refuse(listener, Fault::new(reason, message), &diagnostic::LISTENER_CONFLICT, "", diagnostics);
        }
        let faults: Vec<Option<Fault>> = group.iter().map(|one| conflict_of(one, group)).collect();
        for (listener, fault) in group.iter_mut().zip(faults) {
            let Some((protocol, hostname)) = uses(listener) else { continue };
            // Of listeners in conflict with each other none is served, and none of a later object takes their place.
            let set = listener.key.set.clone();
            let taken = taken.entry((protocol.transport(), listener.port));
            taken.or_insert_with(|| Taken::new(protocol, set.clone())).add(protocol, hostname, set);
            if let Some(fault) = fault {
                refuse(listener, fault, &diagnostic::LISTENER_CONFLICT, "", diagnostics);
            }
        }
    }
}

/// What a listener uses of its port. One that is not accepted for reasons of its own uses nothing.
fn uses(listener: &ListenerView<'_, '_>) -> Option<(ListenerProtocol, HostnameMatch)> {
    if listener.refused.is_some() {
        return None;
    }
    Some((listener.protocol?, listener.hostname.clone()?))
}

/// `GatewaySpec.listeners`: "The implementation MUST NOT pick one conflicting Listener as the winner. ALL indistinct
/// Listeners must not be accepted for processing."
fn conflict_of(one: &ListenerView<'_, '_>, all: &[ListenerView<'_, '_>]) -> Option<Fault> {
    let (protocol, hostname) = uses(one)?;
    let others: Vec<(ListenerProtocol, HostnameMatch, &str)> = all
        .iter()
        .filter(|other| other.index != one.index && other.port == one.port)
        .filter_map(|other| uses(other).map(|(protocol, hostname)| (protocol, hostname, &*other.key.listener)))
        .filter(|(other, ..)| other.transport() == protocol.transport())
        .collect();
    let named = |wanted: &dyn Fn(&(ListenerProtocol, HostnameMatch, &str)) -> bool| {
        others.iter().filter(|other| wanted(other)).map(|(.., name)| *name).collect::<Vec<_>>().join(", ")
    };
    let (me, port) = (&one.key.listener, one.port);
    let other_protocol =
        named(&|(other, host, _)| !begin_alike(*other, protocol) || *other != protocol && *host == hostname);
    if !other_protocol.is_empty() {
        let message = format!(
            "listener {me} and {other_protocol} use port {port} with different protocols: give one another port"
        );
        return Some(Fault::new("ProtocolConflict", message));
    }
    let same_host = named(&|(_, host, _)| *host == hostname);
    if same_host.is_empty() {
        return None;
    }
    let message =
        format!("listener {me} and {same_host} have the same port {port} and hostname {hostname}: change one");
    Some(Fault::new(reason(protocol, protocol), message))
}

/// Gateways that share a socket: the older one (then the first by name) keeps it, the other listener is refused.
fn across(gateways: &mut BTreeMap<Name, GatewayView<'_, '_>>, diagnostics: &mut Vec<Diagnostic>) {
    let mut order: Vec<(crate::precedence::Age, Name)> =
        gateways.iter().map(|(name, gateway)| (gateway.age, name.clone())).collect();
    order.sort();
    let mut taken: BTreeMap<(Transport, BindAddress), Taken<String>> = BTreeMap::new();
    for (_, name) in order {
        let Some(gateway) = gateways.get_mut(&name) else { continue };
        let mut mine = Vec::new();
        for listener in &mut gateway.listeners {
            let (Some(bind), Some((protocol, hostname))) = (listener.bind, uses(listener)) else { continue };
            let socket = (protocol.transport(), bind);
            let Some((reason, by)) = taken.get(&socket).and_then(|taken| taken.clash(protocol, &hostname)) else {
                mine.push((socket, protocol, hostname, listener.key.to_string()));
                continue;
            };
            let how = how(reason, &hostname);
            let message = format!("{bind} is used {how}by the listener {by} of an older Gateway");
            refuse(listener, Fault::new(reason, message), &diagnostic::PORT_UNAVAILABLE, "port", diagnostics);
            listener.refused = listener.conflict.as_ref().map(|fault| Fault::new("PortUnavailable", &fault.message));
        }
        for (socket, protocol, hostname, by) in mine {
            let taken = taken.entry(socket).or_insert_with(|| Taken::new(protocol, by.clone()));
            taken.add(protocol, hostname, by);
        }
    }
}

fn refuse(
    listener: &mut ListenerView<'_, '_>,
    fault: Fault,
    code: &'static Code,
    field: &str,
    diagnostics: &mut Vec<Diagnostic>,
) {
    diagnostics.push(Diagnostic::of(code, listener.object, listener.field(field), &fault.message));
    listener.refused = Some(fault.clone());
    listener.conflict = Some(fault);
}

/// `OverlappingTLSConfig`: "Controllers MUST detect the presence of overlapping hostnames"; set on all listeners that
/// overlap, and never when false.
fn overlaps(gateways: &mut BTreeMap<Name, GatewayView<'_, '_>>) {
    let mut by_bind: BTreeMap<BindAddress, Vec<(HostnameMatch, String)>> = BTreeMap::new();
    for listener in gateways.values().flat_map(|gateway| &gateway.listeners) {
        if let Some((bind, hostname)) = tls_place(listener) {
            by_bind.entry(bind).or_default().push((hostname, listener.key.to_string()));
        }
    }
    for listener in gateways.values_mut().flat_map(|gateway| &mut gateway.listeners) {
        let Some((bind, hostname)) = tls_place(listener) else { continue };
        let me = listener.key.to_string();
        let others = by_bind.get(&bind).into_iter().flatten();
        let overlapping = others.filter(|(host, key)| *key != me && hostname.intersect(host).is_some());
        listener.overlaps = overlapping.map(|(host, key)| format!("{key} ({host})")).collect();
    }
}

/// Socket and host of a listener that is told apart by server name.
fn tls_place(listener: &ListenerView<'_, '_>) -> Option<(BindAddress, HostnameMatch)> {
    let (protocol, hostname) = uses(listener)?;
    protocol.begins_with_tls().then_some((listener.bind?, hostname))
}
