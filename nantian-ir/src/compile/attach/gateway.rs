//! Gateways of our classes: their addresses and what is true of them as a whole.

use std::net::IpAddr;
use std::sync::Arc;

use nantian_crds::gateway_api::gateway::{FrontendValidationMode, GatewaySpecAddress};
use nantian_crds::gateway_api::shared::GatewayDefaultScope;
use nantian_crds::gateway_api::{Gateway, GatewayClass};

use super::Fault;
use super::class::Class;
use super::conflict;
use super::listener::{self, ListenerView, Source};
use super::listener_set::{self, SetView};
use crate::compile::decode::{Entry, Name, age, name_of};
use crate::compile::diagnostic::{self, Diagnostic};
use crate::compile::infrastructure;
use crate::compile::infrastructure::parameters::{self, Parameters, Referent};
use crate::compile::memo::Reader;
use crate::compile::{BindPorts, Options};
use crate::key::CertificateKey;
use crate::model::BindAddress;
use crate::precedence::Age;

/// A Gateway of one of our classes.
#[derive(Clone, PartialEq)]
pub(crate) struct GatewayView {
    pub(crate) entry: Arc<Entry<Gateway>>,
    pub(crate) age: Age,
    /// Why the Gateway as a whole is not accepted, apart from its listeners.
    pub(crate) refused: Option<Fault>,
    /// Its class is not accepted: nothing can be said yet.
    pub(crate) pending: Option<Fault>,
    /// What is said of the objects that are made for it. With a fault it is not accepted, and served as it was.
    pub(crate) parameters: Result<Parameters, Fault>,
    pub(crate) addresses: Addresses,
    /// References of the Gateway itself that cannot be resolved.
    pub(crate) unresolved: Vec<Fault>,
    /// What backends with TLS are shown.
    pub(crate) client_certificate: Option<CertificateKey>,
    /// Its own listeners, then those of its ListenerSets by precedence.
    pub(crate) listeners: Vec<ListenerView>,
    /// The ListenerSets that name it, by precedence.
    pub(crate) sets: Vec<SetView>,
}

/// What the listeners of a Gateway are bound to.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Bind {
    /// Nothing that was asked for can be used.
    #[default]
    Nowhere,
    /// Every address of the machine.
    Everywhere,
    /// One static address.
    At(IpAddr),
    /// Every address of the machine, behind a load balancer that is asked for this one.
    Behind(IpAddr),
}

/// What `spec.addresses` comes to.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Addresses {
    /// Addresses that go into the status.
    pub(crate) assigned: Vec<IpAddr>,
    /// What listeners are bound to.
    pub(crate) bind: Bind,
    /// Why not all that was asked for is there.
    pub(crate) fault: Option<Fault>,
}

/// The Gateway of this name with its listeners, those of its ListenerSets included; `None` if it is not of a class of ours,
/// and is left alone.
pub(crate) fn gateway(name: &Name, reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<GatewayView> {
    let entry = reader.get::<Gateway>(name)?;
    let class = &entry.value.spec.gateway_class_name;
    let Some(held) = reader.class(class) else {
        diagnostics.push(foreign_class(entry, reader));
        return None;
    };
    let parameters = parameters(entry, held, reader, diagnostics);
    let (mut addresses, refused) = addresses(entry, reader.options(), diagnostics);
    without_balancer(&mut addresses, &parameters, entry, diagnostics);
    // Where nothing is made for the Gateway, nothing would go on as it was.
    let is_served = reader.options().bind_ports == BindPorts::Assigned;
    let refused = refused.or_else(|| parameters.as_ref().err().filter(|_| !is_served).cloned());
    let unaccepted = held.fault.as_ref().filter(|_| held.parameters.is_ok());
    let pending = unaccepted.map(|fault| of_class("Pending", class, fault));
    let mut view = GatewayView {
        entry: Arc::clone(entry),
        age: age(&entry.value.metadata),
        refused,
        pending,
        parameters,
        addresses,
        unresolved: Vec::new(),
        client_certificate: None,
        listeners: Vec::new(),
        sets: Vec::new(),
    };
    match reader.options().bind_ports {
        BindPorts::AsDeclared => unsupported_infrastructure(entry, diagnostics),
        BindPorts::Assigned => infrastructure::reserved_labels(&view, diagnostics),
    }
    let own = Source { object: &entry.object, listeners: &entry.value.spec.listeners, set: None };
    listener::add(&mut view, &own, reader.options(), diagnostics);
    listener_set::add(&mut view, name, reader, diagnostics);
    conflict::within(&mut view, diagnostics);
    Some(view)
}

/// A Gateway that is left alone: another controller's, or of a class that nobody has.
fn foreign_class(entry: &Entry<Gateway>, reader: &Reader<'_>) -> Diagnostic {
    let class = &entry.value.spec.gateway_class_name;
    let (code, why) = match reader.get::<GatewayClass>(&name_of("", class)) {
        Some(theirs) => (&diagnostic::FOREIGN_CLASS, format!("belongs to {}", theirs.value.spec.controller_name)),
        None => (&diagnostic::CLASS_NOT_FOUND, "does not exist".to_owned()),
    };
    let mut ours = reader.our_classes().cloned().collect::<Vec<_>>().join(" or ");
    if ours.is_empty() {
        ours = format!("a GatewayClass with controllerName {}", reader.options().controller_name);
    }
    let message = format!("GatewayClass {class} {why}, so this Gateway is left alone");
    Diagnostic::of(code, &entry.object, "spec.gatewayClassName", message)
        .remedy(format!("if it is meant for this gateway, use {ours}"))
}

/// The addresses, and why the Gateway is not accepted at all.
fn addresses(
    entry: &Entry<Gateway>,
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Addresses, Option<Fault>) {
    let wanted = &entry.value.spec.addresses;
    if wanted.is_empty() {
        let assigned = options.addresses.clone();
        return (Addresses { assigned, bind: Bind::Everywhere, fault: None }, None);
    }
    let mut found = Addresses::default();
    for (index, address) in wanted.iter().enumerate() {
        let field = format!("spec.addresses[{index}]");
        match address.r#type.as_str() {
            "IPAddress" | "Hostname" => {
                let Err(fault) = take_address(address, options, &mut found) else { continue };
                diagnostics.push(Diagnostic::of(&diagnostic::ADDRESS_NOT_USABLE, &entry.object, field, &fault.message));
                match &mut found.fault {
                    Some(before) => before.message = format!("{}; {}", before.message, fault.message),
                    None => found.fault = Some(fault),
                }
            }
            // "UnsupportedAddress": the Gateway could not be accepted because of the type of an address.
            other => {
                let message = format!("the address type {other:?} is not supported: use IPAddress");
                diagnostics.push(Diagnostic::of(&diagnostic::UNSUPPORTED_ADDRESS, &entry.object, field, &message));
                let nothing = Addresses::default();
                return (nothing, Some(Fault::new("UnsupportedAddress", message)));
            }
        }
    }
    (found, None)
}

fn take_address(address: &GatewaySpecAddress, options: &Options, found: &mut Addresses) -> Result<(), Fault> {
    let value = &address.value;
    let fault = |reason, why: &str| Err(Fault::new(reason, format!("the address {value:?} {why}")));
    if address.r#type == "Hostname" {
        let why = "is a host name, which listeners cannot be bound to: use IPAddress, or no address";
        return fault("AddressNotUsable", why);
    }
    if value.is_empty() {
        // GatewaySpecAddress.value: "If an implementation does not support an empty value, they MUST set the
        // Programmed condition to False with a reason of AddressNotAssigned."
        if options.bind_ports == BindPorts::Assigned {
            if found.bind == Bind::Nowhere {
                found.bind = Bind::Everywhere;
            }
            return Ok(());
        }
        if options.addresses.is_empty() {
            return fault("AddressNotAssigned", "is empty, and no address is known to assign: give one");
        }
        if found.bind == Bind::Nowhere {
            found.assigned.extend(&options.addresses);
            found.bind = Bind::Everywhere;
        }
        return Ok(());
    }
    match value.parse::<IpAddr>() {
        Err(_) => fault("AddressNotUsable", "is not an IP address"),
        Ok(ip) if ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::from([255, 255, 255, 255]) => {
            fault("AddressNotUsable", "is not the address of one interface: give a unicast address, or no address")
        }
        Ok(_) if found.bind != Bind::Nowhere => {
            fault("AddressNotUsable", "is one too many: a Gateway is served on one static address")
        }
        Ok(ip) => {
            match options.bind_ports {
                // Whether there is one to give it, its status will say.
                BindPorts::Assigned => found.bind = Bind::Behind(ip),
                BindPorts::AsDeclared => {
                    found.assigned.push(ip);
                    found.bind = Bind::At(ip);
                }
            }
            Ok(())
        }
    }
}

/// Who has no load balancer cannot have it asked for an address.
fn without_balancer(
    addresses: &mut Addresses,
    parameters: &Result<Parameters, Fault>,
    entry: &Entry<Gateway>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let (Bind::Behind(address), Ok(parameters)) = (addresses.bind, parameters) else { return };
    if parameters.service_type() == "LoadBalancer" {
        return;
    }
    let kind = parameters.service_type();
    let message = format!("the address {address} is for a load balancer, and the Service of the Gateway is a {kind}");
    let code = &diagnostic::ADDRESS_NOT_USABLE;
    diagnostics.push(Diagnostic::of(code, &entry.object, "spec.addresses", &message));
    *addresses = Addresses { fault: Some(Fault::new("AddressNotUsable", message)), ..Addresses::default() };
}

/// That the class of a Gateway is not accepted.
fn of_class(reason: &'static str, class: &str, fault: &Fault) -> Fault {
    Fault::new(reason, format!("GatewayClass {class} is not accepted: {}", fault.message))
}

/// "If the referent cannot be found, refers to an unsupported kind, or when the data within that resource is malformed, the
/// Gateway SHOULD be rejected". "It is generally recommended that GatewayClass provides defaults that can be overridden by a
/// Gateway".
fn parameters(
    entry: &Entry<Gateway>,
    class: &Class,
    reader: &Reader<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<Parameters, Fault> {
    const FIELD: &str = "spec.infrastructure.parametersRef";
    let infrastructure = entry.value.spec.infrastructure.as_ref();
    let class_name = &entry.value.spec.gateway_class_name;
    let defaults = class.parameters.clone().map_err(|fault| of_class(fault.reason, class_name, &fault));
    let Some(reference) = infrastructure.and_then(|infrastructure| infrastructure.parameters_ref.as_ref()) else {
        return defaults;
    };
    let namespace = Some(&*entry.object.id().namespace);
    let referent = Referent { group: &reference.group, kind: &reference.kind, namespace, name: &reference.name };
    let read = |defaults: &Parameters| parameters::read(referent, defaults, reader);
    let read = match reader.options().bind_ports {
        BindPorts::AsDeclared => Err(format!("names a {}, but no kind of parameters is supported", reference.kind)),
        BindPorts::Assigned => read(defaults.as_ref().unwrap_or(&Parameters::default())),
    };
    let own = read.map_err(|why| {
        let message = format!("{FIELD} {why}");
        diagnostics.push(Diagnostic::of(&diagnostic::INVALID_PARAMETERS, &entry.object, FIELD, &message));
        Fault::new("InvalidParameters", message)
    })?;
    defaults.map(|_| own)
}

/// Labels and annotations are for objects that a controller makes; there are none here.
fn unsupported_infrastructure(entry: &Entry<Gateway>, diagnostics: &mut Vec<Diagnostic>) {
    let Some(infrastructure) = &entry.value.spec.infrastructure else { return };
    let fields = [("labels", &infrastructure.labels), ("annotations", &infrastructure.annotations)];
    for (name, _) in fields.into_iter().filter(|(_, values)| !values.is_empty()) {
        let message = format!("no objects are made for the Gateway, so nothing gets these {name}");
        let field = format!("spec.infrastructure.{name}");
        diagnostics.push(Diagnostic::of(&diagnostic::UNSUPPORTED_FIELD, &entry.object, field, message));
    }
}

impl GatewayView {
    /// The socket of a listener on `port`, if the Gateway may be served at all.
    pub(crate) fn bind(&self, port: u16) -> Option<BindAddress> {
        let served = self.refused.is_none() && self.pending.is_none() && port != 0;
        match self.addresses.bind {
            Bind::Everywhere | Bind::Behind(_) if served => Some(BindAddress { address: None, port }),
            Bind::At(address) if served => Some(BindAddress { address: Some(address), port }),
            _ => None,
        }
    }

    /// Why it is not accepted, for a reason of its own.
    pub(crate) fn fault(&self) -> Option<&Fault> {
        self.refused.as_ref().or_else(|| self.parameters.as_ref().err())
    }

    /// Its own listeners, without those of ListenerSets.
    pub(crate) fn own_listeners(&self) -> impl Iterator<Item = &ListenerView> {
        self.listeners.iter().filter(|listener| listener.key.set.is_none())
    }

    /// Why the Gateway as a whole is not accepted: for a reason of its own, or because none of its own listeners is valid
    /// (GEP-1713: its "top-level conditions remain unchanged and reflect the status of the local configuration").
    pub(crate) fn not_accepted(&self) -> Option<Fault> {
        let valid = self.own_listeners().any(|listener| listener.refused.is_none());
        let none_valid = || Fault::new("ListenersNotValid", "no listener of the Gateway itself is valid");
        self.fault().cloned().or_else(|| (!valid).then(none_valid))
    }

    /// Whether routes that ask for default Gateways are attached (GEP-3793).
    pub(crate) fn is_default(&self) -> bool {
        self.entry.value.spec.default_scope == Some(GatewayDefaultScope::All)
    }

    /// Whether clients without a valid certificate are served somewhere although certificates are checked.
    pub(crate) fn is_insecure(&self) -> bool {
        let frontend = self.entry.value.spec.tls.as_ref().and_then(|tls| tls.frontend.as_ref());
        let configs = frontend.into_iter().flat_map(|frontend| {
            std::iter::once(&frontend.default).chain(frontend.per_port.iter().map(|port| &port.tls))
        });
        configs
            .filter_map(|config| config.validation.as_ref())
            .any(|validation| validation.mode == FrontendValidationMode::AllowInsecureFallback)
    }
}
