//! Listeners, each looked at alone.

use std::net::IpAddr;

use nantian_crds::gateway_api::gateway::{Listener, TlsMode};

use super::Fault;
use super::gateway::GatewayView;
use crate::compile::diagnostic::{self, Code, Diagnostic};
use crate::key::{CertificateKey, ListenerKey, RouteKind};
use crate::model::{BindAddress, ListenerProtocol};
use crate::name::HostnameMatch;

const GATEWAY_GROUP: &str = "gateway.networking.k8s.io";

/// A listener with what the passes find out about it.
pub(crate) struct ListenerView {
    pub(crate) key: ListenerKey,
    /// Position in `spec.listeners`.
    pub(crate) index: usize,
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
    /// How many accepted routes are attached.
    pub(crate) attached: u32,
}

impl ListenerView {
    /// Why nothing is served by it, or `None` if it is served.
    pub(crate) fn unserved(&self) -> Option<Fault> {
        if let Some(fault) = self.refused.as_ref().or(self.conflict.as_ref()) {
            let reason = if fault.reason.ends_with("Conflict") { fault.reason } else { "Invalid" };
            return Some(Fault::new(reason, &fault.message));
        }
        if self.kinds.is_empty() {
            return Some(Fault::new("Invalid", super::messages(&self.unresolved)));
        }
        if self.protocol == Some(ListenerProtocol::Https) && self.certificates.is_empty() {
            let why = super::messages(&self.unresolved);
            return Some(Fault::new("Invalid", format!("no usable certificate: {why}")));
        }
        if self.bind.is_none() {
            return Some(Fault::new("Invalid", "the Gateway is not served on any address"));
        }
        None
    }

    /// Path of one of its fields in the Gateway.
    pub(crate) fn field(&self, field: &str) -> String {
        format!("spec.listeners[{}]{}{field}", self.index, if field.is_empty() { "" } else { "." })
    }
}

/// The listeners of a Gateway, in its order.
pub(crate) fn listeners(gateway: &GatewayView<'_, '_>, diagnostics: &mut Vec<Diagnostic>) -> Vec<ListenerView> {
    let listeners = gateway.entry.value.spec.listeners.iter().enumerate();
    listeners.map(|(index, listener)| view(gateway, index, listener, diagnostics)).collect()
}

fn view(
    gateway: &GatewayView<'_, '_>,
    index: usize,
    listener: &Listener,
    diagnostics: &mut Vec<Diagnostic>,
) -> ListenerView {
    let id = gateway.entry.object.id();
    let key =
        ListenerKey { namespace: id.namespace.clone(), gateway: id.name.clone(), listener: listener.name.clone() };
    let mut view = ListenerView {
        key,
        index,
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
        attached: 0,
    };
    let mut report = |code: &'static Code, field: String, message: &str| {
        diagnostics.push(Diagnostic::of(code, gateway.entry.object, field, message));
    };
    match protocol(listener) {
        Ok(protocol) => view.protocol = Some(protocol),
        Err(fault) => {
            report(&diagnostic::UNSUPPORTED_PROTOCOL, view.field("protocol"), &fault.message);
            view.refused = Some(fault);
        }
    }
    match hostname(listener) {
        Ok(hostname) => view.hostname = Some(hostname),
        Err(fault) => {
            report(&diagnostic::INVALID_LISTENER, view.field("hostname"), &fault.message);
            view.refused.get_or_insert(fault);
        }
    }
    if let Err((field, fault)) = tls(gateway, listener, view.protocol) {
        report(&diagnostic::INVALID_LISTENER, field.unwrap_or_else(|| view.field("tls")), &fault.message);
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
    view
}

fn protocol(listener: &Listener) -> Result<ListenerProtocol, Fault> {
    match listener.protocol.as_str() {
        "HTTP" => Ok(ListenerProtocol::Http),
        "HTTPS" => Ok(ListenerProtocol::Https),
        // ProtocolType: "it MUST set the Accepted condition to False with a reason of UnsupportedProtocol".
        other => {
            let message = format!("the protocol {other} is not supported: use HTTP or HTTPS");
            Err(Fault::new("UnsupportedProtocol", message))
        }
    }
}

fn hostname(listener: &Listener) -> Result<HostnameMatch, Fault> {
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

/// What of TLS cannot be done, with the field if it is not the listener's own.
fn tls(
    gateway: &GatewayView<'_, '_>,
    listener: &Listener,
    protocol: Option<ListenerProtocol>,
) -> Result<(), (Option<String>, Fault)> {
    let fault = |message: &str| Fault::new("UnsupportedValue", message);
    match (protocol, &listener.tls) {
        // CRD rule of `listeners`: "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']".
        (Some(ListenerProtocol::Http), Some(_)) => {
            return Err((None, fault("tls is set for the protocol HTTP: remove it, or use HTTPS")));
        }
        (Some(ListenerProtocol::Https), Some(tls)) if tls.mode != TlsMode::Terminate => {
            return Err((None, fault("the tls mode must be Terminate for the protocol HTTPS")));
        }
        (Some(ListenerProtocol::Https), _) => {}
        _ => return Ok(()),
    }
    let Some(frontend) = gateway.entry.value.spec.tls.as_ref().and_then(|tls| tls.frontend.as_ref()) else {
        return Ok(());
    };
    let port = frontend.per_port.iter().enumerate().find(|(_, entry)| entry.port == listener.port);
    let (field, validation) = match port {
        Some((index, entry)) => (format!("spec.tls.frontend.perPort[{index}].tls.validation"), &entry.tls.validation),
        None => ("spec.tls.frontend.default.validation".to_owned(), &frontend.default.validation),
    };
    // Serving without the check that was asked for would let everybody in.
    if validation.is_some() {
        let message = "validation of client certificates is not supported yet, so the listener is not served";
        return Err((Some(field), fault(message)));
    }
    Ok(())
}

/// `supportedKinds`: what the protocol carries, of that what `allowedRoutes.kinds` names.
fn kinds(listener: &Listener, view: &mut ListenerView, report: &mut impl FnMut(&'static Code, String, &str)) {
    let possible: &[RouteKind] = if view.protocol.is_some() { &[RouteKind::Http, RouteKind::Grpc] } else { &[] };
    let wanted = &listener.allowed_routes.kinds;
    if wanted.is_empty() {
        view.kinds = possible.to_vec();
        return;
    }
    for (index, kind) in wanted.iter().enumerate() {
        let known = possible.iter().find(|known| kind.group == GATEWAY_GROUP && kind.kind == known.as_str());
        match known {
            Some(known) if !view.kinds.contains(known) => view.kinds.push(*known),
            Some(_) => {}
            // RouteGroupKind: "it MUST set the ResolvedRefs condition to False with the InvalidRouteKinds reason".
            None => {
                let kind =
                    if kind.group.is_empty() { kind.kind.clone() } else { format!("{}/{}", kind.group, kind.kind) };
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
