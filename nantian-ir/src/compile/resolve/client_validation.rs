//! How certificates of clients are checked: `Gateway.spec.tls.frontend` (GEP-91).

use std::sync::Arc;

use nantian_crds::gateway_api::gateway::{FrontendTlsConfig, FrontendTlsValidation, FrontendValidationMode};

use super::ca_bundle::{self, BadBundle};
use super::grant::{self, To, remedy};
use crate::compile::attach::gateway::GatewayView;
use crate::compile::attach::{Fault, messages};
use crate::compile::diagnostic::{self, Diagnostic};
use crate::compile::memo::Reader;
use crate::compile::objects::Object;
use crate::key::CaBundleKey;
use crate::model::{ClientValidation, ClientValidationMode, ListenerProtocol};

/// Resolves what the HTTPS listeners of a Gateway, and of its ListenerSets, ask of clients.
pub(crate) fn resolve(gateway: &mut GatewayView, reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let entry = Arc::clone(&gateway.entry);
    let object = &entry.object;
    let Some(frontend) = entry.value.spec.tls.as_ref().and_then(|tls| tls.frontend.as_ref()) else { return };
    for listener in &mut gateway.listeners {
        if listener.protocol != Some(ListenerProtocol::Https) {
            continue;
        }
        let Some((field, validation)) = of_port(frontend, listener.port) else { continue };
        let (ca_bundles, faults) = authorities(object, &field, validation, reader, diagnostics);
        // "If ALL CACertificateRefs are invalid, the implementation MUST also ensure the `Accepted` condition on the
        // listener is set to `status: False`, with the Reason `NoValidCACertificate`." Served without the check that was
        // asked for, it would let everybody in.
        if ca_bundles.is_empty() {
            let why = messages(&faults);
            let message = format!("there is no valid CA certificate to check certificates of clients with: {why}");
            listener.refused.get_or_insert(Fault::new("NoValidCACertificate", message));
        }
        listener.unresolved.extend(faults);
        let mode = match validation.mode {
            FrontendValidationMode::AllowInsecureFallback => ClientValidationMode::AllowInsecureFallback,
            FrontendValidationMode::AllowValidOnly | FrontendValidationMode::Unknown(_) => {
                ClientValidationMode::AllowValidOnly
            }
        };
        listener.client_validation = Some(ClientValidation { ca_bundles, mode });
    }
}

/// "Per port configuration ... overrides the default configuration", also where it asks for nothing.
fn of_port(frontend: &FrontendTlsConfig, port: u16) -> Option<(String, &FrontendTlsValidation)> {
    let own = frontend.per_port.iter().enumerate().find(|(_, entry)| entry.port == port);
    let (field, config) = match own {
        Some((index, entry)) => (format!("spec.tls.frontend.perPort[{index}].tls.validation"), &entry.tls),
        None => ("spec.tls.frontend.default.validation".to_owned(), &frontend.default),
    };
    Some((field, config.validation.as_ref()?))
}

/// The usable bundles, and what is wrong with the other references.
fn authorities(
    object: &Object,
    field: &str,
    validation: &FrontendTlsValidation,
    reader: &Reader<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Vec<CaBundleKey>, Vec<Fault>) {
    let (mut found, mut faults) = (Vec::new(), Vec::new());
    if validation.ca_certificate_refs.is_empty() {
        let message = "caCertificateRefs is empty: no certificate could be trusted";
        diagnostics.push(Diagnostic::of(&diagnostic::INVALID_CA_CERTIFICATE, object, field, message));
        faults.push(Fault::new("InvalidCACertificateRef", message));
    }
    for (index, reference) in validation.ca_certificate_refs.iter().enumerate() {
        let field = format!("{field}.caCertificateRefs[{index}]");
        let namespace = reference.namespace.as_deref().filter(|n| !n.is_empty()).unwrap_or(&object.id().namespace);
        let to = To { group: &reference.group, kind: &reference.kind, namespace, name: &reference.name };
        if !grant::allow(reader, object.id(), &to) {
            let message = format!("{} {namespace}/{} may not be referred to from here", to.kind, to.name);
            let code = &diagnostic::REF_NOT_PERMITTED;
            diagnostics.push(Diagnostic::of(code, object, field, &message).remedy(remedy(object.id(), &to)));
            faults.push(Fault::new("RefNotPermitted", message));
            continue;
        }
        let (reason, message) = match ca_bundle::resolve(reader, to.group, to.kind, namespace, to.name) {
            Ok(key) if found.contains(&key) => continue,
            Ok(key) => {
                found.push(key);
                continue;
            }
            Err(BadBundle::Kind(message)) => ("InvalidCACertificateKind", message),
            Err(BadBundle::Content(message)) => ("InvalidCACertificateRef", message),
        };
        diagnostics.push(Diagnostic::of(&diagnostic::INVALID_CA_CERTIFICATE, object, field, &message));
        faults.push(Fault::new(reason, message));
    }
    (found, faults)
}
