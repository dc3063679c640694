//! Listeners, each looked at alone.

use std::net::IpAddr;

use nantian_crds::gateway_api::GROUP;
use nantian_crds::gateway_api::gateway::{Listener, TlsMode};
use smol_str::SmolStr;

use super::Fault;
use super::gateway::GatewayView;
use crate::compile::Options;
use crate::compile::diagnostic::{self, Code, Diagnostic};
use crate::compile::objects::Object;
use crate::key::{CertificateKey, ListenerKey, ListenerSetKey, RouteKind};
use crate::model::{BindAddress, ClientValidation, ListenerProtocol};
use crate::name::HostnameMatch;

/// A listener with what the passes find out about it.
#[derive(Clone, PartialEq)]
pub(crate) struct ListenerView {
    pub(crate) key: ListenerKey,
    /// The Gateway, or the ListenerSet that adds it.
    pub(crate) object: Object,
    pub(crate) spec: Listener,
    /// Position among all listeners of the Gateway.
    pub(crate) index: usize,
    /// Position in `spec.listeners` of its object.
    position: usize,
    pub(crate) port: u16,
    /// `None`: not a supported protocol.
    pub(crate) protocol: Option<ListenerProtocol>,
    /// `None`: not a usable name.
    pub(crate) hostname: Option<HostnameMatch>,
    /// Kinds of routes that it takes.
    pub(crate) kinds: Vec<RouteKind>,
    /// Where it is served, if at all.
    pub(crate) bind: Option<BindAddress>,
    /// Why it is not accepted.
    pub(crate) refused: Option<Fault>,
    /// Why it is in conflict with others.
    pub(crate) conflict: Option<Fault>,
    /// References that cannot be resolved.
    pub(crate) unresolved: Vec<Fault>,
    /// Listeners whose host names overlap its own on the same TLS port.
    pub(crate) overlaps: Vec<String>,
    /// Usable certificates.
    pub(crate) certificates: Vec<CertificateKey>,
    /// How certificates of clients are checked.
    pub(crate) client_validation: Option<ClientValidation>,
}

impl ListenerView {
    /// Whether TLS sessions end here, so that certificates are needed.
    pub(crate) fn ends_tls(&self) -> bool {
        match self.protocol {
            Some(ListenerProtocol::Https) => true,
            Some(ListenerProtocol::Tls) => self.spec.tls.as_ref().is_none_or(|tls| tls.mode == TlsMode::Terminate),
            _ => false,
        }
    }

    /// What is wrong with the listener itself, wherever it would be served.
    pub(crate) fn fault(&self) -> Option<Fault> {
        if let Some(fault) = self.refused.as_ref().or(self.conflict.as_ref()) {
            let reason = if fault.reason.ends_with("Conflict") { fault.reason } else { "Invalid" };
            return Some(Fault::new(reason, &fault.message));
        }
        if self.kinds.is_empty() {
            return Some(Fault::new("Invalid", super::messages(&self.unresolved)));
        }
        if self.ends_tls() && self.certificates.is_empty() {
            let why = super::messages(&self.unresolved);
            return Some(Fault::new("Invalid", format!("no usable certificate: {why}")));
        }
        None
    }

    /// Why nothing is served by it, or `None` if it is served.
    pub(crate) fn unserved(&self) -> Option<Fault> {
        let nowhere = || Fault::new("Invalid", "the Gateway is not served on any address");
        self.fault().or_else(|| self.bind.is_none().then(nowhere))
    }

    /// Path of one of its fields in its object.
    pub(crate) fn field(&self, field: &str) -> String {
        format!("spec.listeners[{}]{}{field}", self.position, if field.is_empty() { "" } else { "." })
    }

    /// What people know it by: within a Gateway the name says it.
    pub(crate) fn name(&self) -> SmolStr {
        match &self.key.set {
            None => self.key.listener.clone(),
            Some(set) => format!("{} of ListenerSet {set}", self.key.listener).into(),
        }
    }
}

/// Where listeners come from.
pub(crate) struct Source<'s> {
    pub(crate) object: &'s Object,
    pub(crate) listeners: &'s [Listener],
    pub(crate) set: Option<ListenerSetKey>,
}

/// Adds the listeners of `source` to those of the Gateway, in their order.
pub(crate) fn add(
    gateway: &mut GatewayView,
    source: &Source<'_>,
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for position in 0..source.listeners.len() {
        let view = view(gateway, source, position, options, diagnostics);
        gateway.listeners.extend(view);
    }
}

fn view(
    gateway: &GatewayView,
    source: &Source<'_>,
    position: usize,
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<ListenerView> {
    let listener = source.listeners.get(position)?;
    let id = gateway.entry.object.id();
    let key = ListenerKey {
        namespace: id.namespace.clone(),
        gateway: id.name.clone(),
        set: source.set.clone(),
        listener: listener.name.as_str().into(),
    };
    let mut view = ListenerView {
        key,
        object: source.object.clone(),
        spec: listener.clone(),
        index: gateway.listeners.len(),
        position,
        port: listener.port,
        protocol: None,
        hostname: None,
        kinds: Vec::new(),
        bind: gateway.bind(listener.port),
        refused: None,
        conflict: None,
        unresolved: Vec::new(),
        overlaps: Vec::new(),
        certificates: Vec::new(),
        client_validation: None,
    };
    let mut report = |code: &'static Code, field: String, message: &str| {
        diagnostics.push(Diagnostic::of(code, source.object, field, message));
    };
    match protocol(listener, options) {
        Ok(protocol) => view.protocol = Some(protocol),
        Err(fault) => {
            report(&diagnostic::UNSUPPORTED_PROTOCOL, view.field("protocol"), &fault.message);
            view.refused = Some(fault);
        }
    }
    match hostname(listener, view.protocol) {
        Ok(hostname) => view.hostname = Some(hostname),
        Err(fault) => {
            report(&diagnostic::INVALID_LISTENER, view.field("hostname"), &fault.message);
            view.refused.get_or_insert(fault);
        }
    }
    if let Err(fault) = tls(listener, view.protocol) {
        report(&diagnostic::INVALID_LISTENER, view.field("tls"), &fault.message);
        view.refused.get_or_insert(fault);
    }
    if listener.port == 0 {
        let fault = Fault::new("PortUnavailable", "the port is 0: ports are 1 to 65535");
        report(&diagnostic::INVALID_LISTENER, view.field("port"), &fault.message);
        view.refused.get_or_insert(fault);
    }
    kinds(listener, &mut view, &mut report);
    let options = listener.tls.as_ref().map(|tls| &tls.options);
    for option in options.into_iter().flat_map(|options| options.keys()) {
        let message = format!("the TLS option {option} is not supported and has no effect");
        report(&diagnostic::UNSUPPORTED_FIELD, view.field("tls.options"), &message);
    }
    Some(view)
}

/// `ProtocolType`: an unsupported one "MUST set the "Accepted" condition to False for the affected Listener with a reason
/// of `UnsupportedProtocol`".
fn protocol(listener: &Listener, options: &Options) -> Result<ListenerProtocol, Fault> {
    let name = listener.protocol.as_str();
    let served = || options.protocols.iter().map(|protocol| protocol.as_str()).collect::<Vec<_>>().join(", ");
    let message = match ListenerProtocol::ALL.into_iter().find(|protocol| protocol.as_str() == name) {
        Some(protocol) if options.protocols.contains(&protocol) => return Ok(protocol),
        Some(_) => format!("the data plane does not serve the protocol {name} yet, but {}", served()),
        None => format!("the protocol {name} is not supported; these are: {}", served()),
    };
    Err(Fault::new("UnsupportedProtocol", message))
}

/// Ignored "for protocols that don't require hostname based matching".
fn hostname(listener: &Listener, protocol: Option<ListenerProtocol>) -> Result<HostnameMatch, Fault> {
    if matches!(protocol, Some(ListenerProtocol::Tcp | ListenerProtocol::Udp)) {
        return Ok(HostnameMatch::Any);
    }
    match listener.hostname.as_deref() {
        None | Some("") => Ok(HostnameMatch::Any),
        Some(name) => route_hostname(name).map_err(|why| Fault::new("UnsupportedValue", why)),
    }
}

/// A `Hostname` of the Gateway API: a DNS name, `*.` in front allowed, no IP address.
pub(crate) fn route_hostname(name: &str) -> Result<HostnameMatch, String> {
    if name.parse::<IpAddr>().is_ok() {
        return Err(format!("{name:?} is an IP address: a hostname is a DNS name"));
    }
    match HostnameMatch::parse(name) {
        Ok(HostnameMatch::Any) => Err("\"*\" is not a hostname: leave the field out to match every host".to_owned()),
        Ok(hostname) => Ok(hostname),
        Err(error) => Err(error.to_string()),
    }
}

/// What of TLS does not go with the protocol (rules of `GatewaySpec.listeners`).
fn tls(listener: &Listener, protocol: Option<ListenerProtocol>) -> Result<(), Fault> {
    let fault = |message: String| Err(Fault::new("UnsupportedValue", message));
    match (protocol, &listener.tls) {
        (Some(ListenerProtocol::Http | ListenerProtocol::Tcp | ListenerProtocol::Udp), Some(_)) => {
            let other = if protocol == Some(ListenerProtocol::Http) { "HTTPS" } else { "TLS" };
            fault(format!("tls is set for the protocol {}: remove it, or use {other}", listener.protocol))
        }
        (Some(ListenerProtocol::Https), Some(tls)) if tls.mode != TlsMode::Terminate => {
            fault("the tls mode must be Terminate for the protocol HTTPS".to_owned())
        }
        (Some(ListenerProtocol::Tls), None) => fault("the protocol TLS needs tls.mode".to_owned()),
        (Some(ListenerProtocol::Tls), Some(tls)) => match &tls.mode {
            TlsMode::Unknown(mode) => {
                fault(format!("the tls mode {mode} is not supported: use Passthrough or Terminate"))
            }
            TlsMode::Terminate | TlsMode::Passthrough => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Kinds of routes that a protocol carries.
fn possible(protocol: ListenerProtocol) -> &'static [RouteKind] {
    match protocol {
        ListenerProtocol::Http | ListenerProtocol::Https => &[RouteKind::Http, RouteKind::Grpc],
        ListenerProtocol::Tls => &[RouteKind::Tls],
        ListenerProtocol::Tcp => &[RouteKind::Tcp],
        ListenerProtocol::Udp => &[RouteKind::Udp],
    }
}

/// `supportedKinds`: what the protocol carries, of that what `allowedRoutes.kinds` names.
fn kinds(listener: &Listener, view: &mut ListenerView, report: &mut impl FnMut(&'static Code, String, &str)) {
    let possible = view.protocol.map(possible).unwrap_or_default();
    let wanted = &listener.allowed_routes.kinds;
    if wanted.is_empty() {
        view.kinds = possible.to_vec();
        return;
    }
    for (index, kind) in wanted.iter().enumerate() {
        let known = possible.iter().find(|known| kind.group == GROUP && kind.kind == known.as_str());
        match known {
            Some(known) if !view.kinds.contains(known) => view.kinds.push(*known),
            Some(_) => {}
            // RouteGroupKind: "it MUST set the ResolvedRefs condition to False with the InvalidRouteKinds reason".
            None => {
                let kind =
                    if kind.group.is_empty() { kind.kind.to_string() } else { format!("{}/{}", kind.group, kind.kind) };
                let message =
                    format!("routes of kind {kind} cannot be attached to a listener of protocol {}", listener.protocol);
                report(
                    &diagnostic::INVALID_ROUTE_KINDS,
                    view.field(&format!("allowedRoutes.kinds[{index}]")),
                    &message,
                );
                view.unresolved.push(Fault::new("InvalidRouteKinds", message));
            }
        }
    }
}
