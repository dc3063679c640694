//! `GatewayClass`es that are ours.

use std::collections::BTreeMap;

use super::Fault;
use crate::compile::decode::Typed;
use crate::compile::diagnostic::{self, Diagnostic};
use crate::compile::{Objects, Options};
use crate::key::ObjectRef;

/// The classes that are ours, by name, with the reason why one is not accepted.
pub(crate) fn classes(
    typed: &Typed<'_>,
    objects: &Objects,
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> BTreeMap<String, Option<Fault>> {
    let assumed = options.gateway_classes.iter().filter(|name| !typed.classes.contains_key(*name));
    let named = options.claimed_classes.iter().chain(assumed);
    let mut ours: BTreeMap<String, Option<Fault>> = named.map(|name| (name.clone(), None)).collect();
    for (name, entry) in &typed.classes {
        if entry.value.spec.controller_name != options.controller_name {
            continue;
        }
        // "InvalidParameters": the referenced object is of a kind that the controller does not support.
        let fault = entry.value.spec.parameters_ref.as_ref().map(|parameters| {
            let message =
                format!("spec.parametersRef names a {}, but no kind of parameters is supported", parameters.kind);
            Fault::new("InvalidParameters", message)
        });
        if let Some(fault) = &fault {
            let code = &diagnostic::INVALID_PARAMETERS;
            diagnostics.push(Diagnostic::of(code, entry.object, "spec.parametersRef", &fault.message));
        }
        ours.insert(name.clone(), fault);
    }
    if options.adopt_unclaimed_classes {
        adopt(typed, objects, &mut ours, diagnostics);
    }
    ours
}

/// Takes the Gateways whose class no object has, be it one that could not be read.
fn adopt(
    typed: &Typed<'_>,
    objects: &Objects,
    ours: &mut BTreeMap<String, Option<Fault>>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut adopted = Vec::new();
    for entry in typed.gateways.values() {
        let class = &entry.value.spec.gateway_class_name;
        if ours.contains_key(class) || objects.get(&class_id(class)).is_some() {
            continue;
        }
        let message = format!("no GatewayClass {class} is among the objects, so this Gateway is taken to be ours");
        diagnostics.push(Diagnostic::of(&diagnostic::CLASS_ADOPTED, entry.object, "spec.gatewayClassName", message));
        adopted.push((class.clone(), None));
    }
    ours.extend(adopted);
}

fn class_id(name: &str) -> ObjectRef {
    ObjectRef {
        group: "gateway.networking.k8s.io".to_owned(),
        kind: "GatewayClass".to_owned(),
        namespace: String::new(),
        name: name.to_owned(),
    }
}
