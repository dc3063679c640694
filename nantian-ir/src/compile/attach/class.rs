//! `GatewayClass`es that are ours.

use std::collections::BTreeMap;

use nantian_crds::gateway_api::{Gateway, GatewayClass};
use smol_str::SmolStr;

use super::Fault;
use crate::compile::decode::name_of;
use crate::compile::diagnostic::{self, Diagnostic};
use crate::compile::infrastructure::parameters::{self, Parameters, Referent};
use crate::compile::memo::Reader;
use crate::compile::{BindPorts, decode::Entry};

/// A class that is ours.
#[derive(Debug, PartialEq)]
pub(crate) struct Class {
    /// Why it is not accepted.
    pub(crate) fault: Option<Fault>,
    /// What is made for its Gateways where they say nothing else. With a fault, they are served as they were.
    pub(crate) parameters: Result<Parameters, Fault>,
    /// No object and no option says that it is ours, and none that it is another's.
    pub(crate) is_adopted: bool,
}

impl Class {
    /// One without parameters.
    fn plain(is_adopted: bool) -> Self {
        Self { fault: None, parameters: Ok(Parameters::default()), is_adopted }
    }

    /// One whose parameters an object names.
    fn read(entry: &Entry<GatewayClass>, reader: &Reader<'_>) -> Self {
        let Some(reference) = &entry.value.spec.parameters_ref else { return Self::plain(false) };
        let fault = |why: String| Fault::new("InvalidParameters", format!("{PARAMETERS} {why}"));
        if reader.options().bind_ports == BindPorts::AsDeclared {
            let why = format!("names a {}, but no kind of parameters is supported", reference.kind);
            return Self { fault: Some(fault(why)), ..Self::plain(false) };
        }
        let namespace = reference.namespace.as_deref();
        let referent = Referent { group: &reference.group, kind: &reference.kind, namespace, name: &reference.name };
        let parameters = parameters::read(referent, &Parameters::default(), reader).map_err(fault);
        Self { fault: parameters.as_ref().err().cloned(), parameters, is_adopted: false }
    }
}

const PARAMETERS: &str = "spec.parametersRef";

/// The classes that are ours, by name.
pub(crate) type Classes = BTreeMap<SmolStr, Class>;

/// The names of those that somebody said are ours.
pub(crate) fn named(classes: &Classes) -> impl Iterator<Item = &SmolStr> {
    classes.iter().filter(|(_, class)| !class.is_adopted).map(|(name, _)| name)
}

/// Finds the classes that are ours.
pub(crate) fn classes(reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) -> Classes {
    let options = reader.options();
    let has = |name: &String| reader.get::<GatewayClass>(&name_of("", name)).is_some();
    let assumed = options.gateway_classes.iter().filter(|name| !has(name));
    let known = options.claimed_classes.iter().chain(assumed);
    let mut ours: Classes = known.map(|name| (name.as_str().into(), Class::plain(false))).collect();
    for entry in reader.all::<GatewayClass>() {
        if entry.value.spec.controller_name != options.controller_name {
            continue;
        }
        let class = Class::read(entry, reader);
        if let Some(fault) = &class.fault {
            let code = &diagnostic::INVALID_PARAMETERS;
            diagnostics.push(Diagnostic::of(code, &entry.object, PARAMETERS, &fault.message));
        }
        ours.insert(entry.object.id().name.clone(), class);
    }
    if options.adopt_unclaimed_classes {
        adopt(reader, &mut ours, diagnostics);
    }
    ours
}

/// Takes the Gateways whose class no object has, be it one that could not be read.
fn adopt(reader: &Reader<'_>, ours: &mut Classes, diagnostics: &mut Vec<Diagnostic>) {
    let mut adopted = Vec::new();
    for entry in reader.all::<Gateway>() {
        let class = &entry.value.spec.gateway_class_name;
        if ours.contains_key(class.as_str()) || reader.exists::<GatewayClass>(&name_of("", class)) {
            continue;
        }
        let message = format!("no GatewayClass {class} is among the objects, so this Gateway is taken to be ours");
        diagnostics.push(Diagnostic::of(&diagnostic::CLASS_ADOPTED, &entry.object, "spec.gatewayClassName", message));
        adopted.push((class.as_str().into(), Class::plain(true)));
    }
    ours.extend(adopted);
}
