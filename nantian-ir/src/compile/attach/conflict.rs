//! Listeners that cannot be told apart, and TLS listeners that overlap.

use std::collections::BTreeMap;

use super::Fault;
use super::bind_ports::{self, Request};
use super::gateway::GatewayView;
use super::listener::ListenerView;
use crate::compile::BindPorts;
use crate::compile::decode::Name;
use crate::compile::diagnostic::{self, Code, Diagnostic};
use crate::compile::infrastructure::record::{self, Record};
use crate::compile::memo::Reader;
use crate::key::{ListenerKey, ListenerSetKey};
use crate::model::{BindAddress, ListenerProtocol, Transport};
use crate::name::HostnameMatch;
use crate::precedence::Age;

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
pub(crate) fn within(gateway: &mut GatewayView, diagnostics: &mut Vec<Diagnostic>) {
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
fn uses(listener: &ListenerView) -> Option<(ListenerProtocol, HostnameMatch)> {
    if listener.refused.is_some() {
        return None;
    }
    Some((listener.protocol?, listener.hostname.clone()?))
}

/// `GatewaySpec.listeners`: "The implementation MUST NOT pick one conflicting Listener as the winner. ALL indistinct
/// Listeners must not be accepted for processing."
fn conflict_of(one: &ListenerView, all: &[ListenerView]) -> Option<Fault> {
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

/// The Gateways of our classes.
type Gateways<'g> = BTreeMap<&'g Name, &'g GatewayView>;

/// What other Gateways mean for the listeners of one, by position.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    /// Listeners whose socket an older Gateway has.
    refused: BTreeMap<usize, Fault>,
    /// Listeners whose host names overlap theirs on the same TLS port.
    overlaps: BTreeMap<usize, Vec<String>>,
    /// Ports that listeners are bound to instead of their own.
    binds: BTreeMap<u16, u16>,
}

impl Verdict {
    /// The socket of a listener.
    fn bind(&self, listener: &ListenerView) -> Option<BindAddress> {
        let port = self.binds.get(&listener.port).copied().unwrap_or(listener.port);
        listener.bind.map(|bind| BindAddress { port, ..bind })
    }

    /// Tells the listeners.
    pub(crate) fn apply(&self, gateway: &mut GatewayView, diagnostics: &mut Vec<Diagnostic>) {
        for listener in &mut gateway.listeners {
            listener.bind = self.bind(listener);
            if let Some(fault) = self.refused.get(&listener.index) {
                let code = &diagnostic::PORT_UNAVAILABLE;
                refuse(listener, fault.clone(), code, "port", diagnostics);
                listener.refused = Some(Fault::new("PortUnavailable", &fault.message));
                listener.conflict = listener.conflict.take().filter(|fault| fault.reason != "PortUnavailable");
            }
            listener.overlaps = self.overlaps.get(&listener.index).cloned().unwrap_or_default();
        }
    }
}

/// Looks at the sockets of all Gateways: which listeners are refused there, then which of the others overlap. Nothing is
/// said of a Gateway that nobody disturbs.
pub(crate) fn verdicts(reader: &Reader<'_>) -> BTreeMap<Name, Verdict> {
    let gateways = reader.gateways();
    let mut verdicts = BTreeMap::new();
    match reader.options().bind_ports {
        BindPorts::AsDeclared => across(&gateways, &mut verdicts),
        BindPorts::Assigned => apart(&gateways, &mut verdicts, reader),
    }
    overlaps(&gateways, &mut verdicts);
    verdicts
}

/// Gateways that share no socket, because each port of each has one of its own.
fn apart(gateways: &Gateways<'_>, verdicts: &mut BTreeMap<Name, Verdict>, reader: &Reader<'_>) {
    let requests = gateways.iter().map(|(name, gateway)| request(name, gateway, reader)).collect();
    for (name, binds) in bind_ports::assign(requests) {
        let refused = gateways.get(&name).into_iter().flat_map(|gateway| &gateway.listeners).filter_map(|listener| {
            let is_bound = listener.bind.is_none() || binds.contains_key(&listener.port) || uses(listener).is_none();
            let message = "every port that data planes have for listeners is taken: remove Gateways";
            (!is_bound).then(|| (listener.index, Fault::new("PortUnavailable", message)))
        });
        let refused = refused.collect();
        verdicts.insert(name, Verdict { refused, overlaps: BTreeMap::new(), binds });
    }
}

/// What a Gateway asks for of bind ports.
fn request<'g>(name: &'g Name, gateway: &GatewayView, reader: &Reader<'_>) -> Request<'g> {
    let recorded = match record::read(name, &gateway.entry.value.spec.gateway_class_name, reader) {
        Record::Ports(ports) => ports,
        Record::None | Record::Foreign => BTreeMap::new(),
    };
    let ports = gateway.listeners.iter().map(|listener| listener.port).filter(|port| *port != 0);
    Request { age: gateway.age, gateway: name, ports: ports.collect(), recorded }
}

/// Gateways that share a socket: the older one (then the first by name) keeps it, the other listener is refused.
fn across(gateways: &Gateways<'_>, verdicts: &mut BTreeMap<Name, Verdict>) {
    let mut order: Vec<(Age, &Name, &GatewayView)> =
        gateways.iter().map(|(name, gateway)| (gateway.age, *name, *gateway)).collect();
    order.sort_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)));
    let mut taken: BTreeMap<(Transport, BindAddress), Taken<&ListenerKey>> = BTreeMap::new();
    for (_, name, gateway) in order {
        let mut mine = Vec::new();
        for listener in &gateway.listeners {
            let (Some(bind), Some((protocol, hostname))) = (listener.bind, uses(listener)) else { continue };
            let socket = (protocol.transport(), bind);
            let Some((reason, by)) = taken.get(&socket).and_then(|taken| taken.clash(protocol, &hostname)) else {
                mine.push((socket, protocol, hostname, &listener.key));
                continue;
            };
            let how = how(reason, &hostname);
            let message = format!("{bind} is used {how}by the listener {by} of an older Gateway");
            let verdict = verdicts.entry(name.clone()).or_default();
            verdict.refused.insert(listener.index, Fault::new(reason, message));
        }
        for (socket, protocol, hostname, by) in mine {
            taken.entry(socket).or_insert_with(|| Taken::new(protocol, by)).add(protocol, hostname, by);
        }
    }
}

fn refuse(
    listener: &mut ListenerView,
    fault: Fault,
    code: &'static Code,
    field: &str,
    diagnostics: &mut Vec<Diagnostic>,
) {
    diagnostics.push(Diagnostic::of(code, &listener.object, listener.field(field), &fault.message));
    listener.refused = Some(fault.clone());
    listener.conflict = Some(fault);
}

/// `OverlappingTLSConfig`: "Controllers MUST detect the presence of overlapping hostnames"; set on all listeners that
/// overlap, and never when false.
fn overlaps(gateways: &Gateways<'_>, verdicts: &mut BTreeMap<Name, Verdict>) {
    let mut by_bind: BTreeMap<BindAddress, Vec<(HostnameMatch, &Name, &ListenerView)>> = BTreeMap::new();
    for (name, gateway) in gateways {
        let refused = |index: usize, verdicts: &BTreeMap<Name, Verdict>| {
            verdicts.get(name).is_some_and(|verdict| verdict.refused.contains_key(&index))
        };
        for listener in gateway.listeners.iter().filter(|listener| !refused(listener.index, verdicts)) {
            let bind = verdicts.get(*name).map_or(listener.bind, |verdict| verdict.bind(listener));
            if let Some((bind, hostname)) = bind.zip(tls_host(listener)) {
                by_bind.entry(bind).or_default().push((hostname, name, listener));
            }
        }
    }
    for listeners in by_bind.values() {
        for (hostname, name, listener) in listeners {
            let others = listeners.iter().filter(|(other, _, of)| of.key != listener.key && hostname.meets(other));
            let overlapping: Vec<String> = others.map(|(host, _, other)| format!("{} ({host})", other.key)).collect();
            if !overlapping.is_empty() {
                let verdict = verdicts.entry((*name).clone()).or_default();
                verdict.overlaps.insert(listener.index, overlapping);
            }
        }
    }
}

/// The host of a listener that is told apart by server name.
fn tls_host(listener: &ListenerView) -> Option<HostnameMatch> {
    let (protocol, hostname) = uses(listener)?;
    protocol.begins_with_tls().then_some(hostname)
}
