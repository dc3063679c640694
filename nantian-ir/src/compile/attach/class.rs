//! `GatewayClass`es that are ours.

use std::collections::BTreeMap;

use super::Fault;
use crate::compile::Options;
use crate::compile::decode::Typed;
use crate::compile::diagnostic::{self, Diagnostic};

/// The classes that are ours, by name, with the reason why one is not accepted.
pub(crate) fn classes(
    typed: &Typed<'_>,
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> BTreeMap<String, Option<Fault>> {
    let assumed = options.gateway_classes.iter().filter(|name| !typed.classes.contains_key(*name));
    let mut ours: BTreeMap<String, Option<Fault>> = assumed.map(|name| (name.clone(), None)).collect();
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
    ours
}
