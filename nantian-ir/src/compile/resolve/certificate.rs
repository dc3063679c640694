//! Certificates of listeners that end TLS sessions, and those that backends are shown.

use std::sync::Arc;

use nantian_crds::core::Secret;
use nantian_crds::gateway_api::shared::SecretObjectReference;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::grant::{self, To, remedy};
use super::validity;
use crate::compile::attach::Fault;
use crate::compile::attach::gateway::GatewayView;
use crate::compile::diagnostic::{self, Diagnostic};
use crate::compile::memo::Reader;
use crate::compile::objects::Object;
use crate::key::{CertificateKey, ObjectRef};
use crate::model::Certificate;
use crate::secret::SecretBytes;

/// Resolves what a Gateway and its listeners say of certificates: `certificateRefs` of all listeners that end TLS sessions,
/// of which the valid ones are served, and what backends are shown.
pub(crate) fn resolve(gateway: &mut GatewayView, reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) {
    for listener in gateway.listeners.iter_mut().filter(|listener| listener.ends_tls()) {
        let references = listener.spec.tls.as_ref().map(|tls| tls.certificate_refs.clone()).unwrap_or_default();
        if references.is_empty() {
            let message =
                format!("tls.certificateRefs is empty: an {} listener needs a certificate", listener.spec.protocol);
            let field = listener.field("tls");
            diagnostics.push(Diagnostic::of(&diagnostic::INVALID_CERTIFICATE, &listener.object, field, &message));
            listener.unresolved.push(Fault::new("InvalidCertificateRef", message));
        }
        for (index, reference) in references.iter().enumerate() {
            // A grant for the Gateway is none for its ListenerSets, nor the other way round.
            match one(listener.object.id(), reference, reader, diagnostics) {
                Ok(key) if listener.certificates.contains(&key) => {}
                Ok(key) => listener.certificates.push(key),
                Err(why) => {
                    let field = listener.field(&format!("tls.certificateRefs[{index}]"));
                    listener.unresolved.push(report(&listener.object, field, why, diagnostics));
                }
            }
        }
    }
    client_certificate(gateway, reader, diagnostics);
}

/// `GatewayBackendTLS.clientCertificateRef`: "the `ResolvedRefs` condition on the Gateway MUST be set to False with the
/// Reason `InvalidClientCertificateRef`", or `RefNotPermitted`.
fn client_certificate(gateway: &mut GatewayView, reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let entry = Arc::clone(&gateway.entry);
    let object = &entry.object;
    let backend = entry.value.spec.tls.as_ref().and_then(|tls| tls.backend.as_ref());
    let Some(reference) = backend.and_then(|backend| backend.client_certificate_ref.as_ref()) else { return };
    match one(object.id(), reference, reader, diagnostics) {
        Ok(key) => gateway.client_certificate = Some(key),
        Err((mut fault, advice)) => {
            if fault.reason == "InvalidCertificateRef" {
                fault.reason = "InvalidClientCertificateRef";
            }
            let field = "spec.tls.backend.clientCertificateRef".to_owned();
            gateway.unresolved.push(report(object, field, (fault, advice), diagnostics));
        }
    }
}

/// Reports a reference that cannot be resolved.
fn report(object: &Object, field: String, why: (Fault, Option<String>), diagnostics: &mut Vec<Diagnostic>) -> Fault {
    let (fault, advice) = why;
    let permitted = fault.reason != "RefNotPermitted";
    let code = if permitted { &diagnostic::INVALID_CERTIFICATE } else { &diagnostic::REF_NOT_PERMITTED };
    let mut found = Diagnostic::of(code, object, field, &fault.message);
    if let Some(advice) = advice {
        found = found.remedy(advice);
    }
    diagnostics.push(found);
    fault
}

fn one(
    from: &ObjectRef,
    reference: &SecretObjectReference,
    reader: &Reader<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Result<CertificateKey, (Fault, Option<String>)> {
    let invalid = |message: String| (Fault::new("InvalidCertificateRef", message), None);
    if !reference.group.is_empty() || reference.kind != "Secret" {
        let group = if reference.group.is_empty() { String::new() } else { format!("{}/", reference.group) };
        let message = format!("references to the kind {group}{} are not supported: use a Secret", reference.kind);
        return Err(invalid(message));
    }
    let namespace = reference.namespace.as_deref().filter(|n| !n.is_empty()).unwrap_or(&from.namespace);
    let to = To { group: "", kind: "Secret", namespace, name: &reference.name };
    if !grant::allow(reader, from, &to) {
        let message = format!("Secret {namespace}/{} may not be referred to from here", reference.name);
        return Err((Fault::new("RefNotPermitted", message), Some(remedy(from, &to))));
    }
    let key = CertificateKey { namespace: namespace.into(), name: reference.name.as_str().into() };
    match certificate(reader, &key) {
        Ok(found) => {
            warn_of_dates(&found, reader, diagnostics);
            Ok(key)
        }
        Err(why) => Err(invalid(format!("Secret {key} {why}"))),
    }
}

/// The certificate, or what is wrong with it.
pub(crate) fn certificate(reader: &Reader<'_>, key: &CertificateKey) -> Result<Arc<Certificate>, String> {
    match reader.get::<Secret>(&(key.namespace.clone(), key.name.clone())) {
        Some(secret) => secret.checked.get_or_init(|| check(key, &secret.value).map(Arc::new)).clone(),
        None => Err("does not exist".to_owned()),
    }
}

/// "A `CertificateRef` is considered invalid when ... the data within that resource is malformed."
fn check(key: &CertificateKey, secret: &Secret) -> Result<Certificate, String> {
    if secret.r#type != "kubernetes.io/tls" {
        return Err(format!("has the type {}, not kubernetes.io/tls", secret.r#type));
    }
    let bytes = |name: &str| match secret.data.get(name) {
        Some(value) if !value.as_bytes().is_empty() => Ok(value.as_bytes()),
        _ => Err(format!("has no {name}")),
    };
    let (chain_pem, key_pem) = (bytes("tls.crt")?, bytes("tls.key")?);
    let chain = CertificateDer::pem_slice_iter(chain_pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| "has a tls.crt that is not PEM".to_owned())?;
    if chain.is_empty() {
        return Err("has no PEM certificate in tls.crt".to_owned());
    }
    // The error is not shown: it could quote what it could not read.
    let private = PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| "has no PEM private key in tls.key".to_owned())?;
    let text = str::from_utf8(chain_pem).map_err(|_| "has a tls.crt that is not text".to_owned())?.to_owned();
    match CertifiedKey::from_der(chain, private, &rustls::crypto::aws_lc_rs::default_provider()) {
        Ok(_) => Ok(Certificate { key: key.clone(), chain: text, private_key: SecretBytes::new(key_pem.to_vec()) }),
        Err(rustls::Error::InconsistentKeys(_)) => {
            Err("has a key in tls.key that does not belong to the first certificate in tls.crt".to_owned())
        }
        Err(rustls::Error::InvalidCertificate(_)) => {
            Err("has a first certificate in tls.crt that cannot be read".to_owned())
        }
        Err(_) => Err("has a private key in tls.key that cannot be used".to_owned()),
    }
}

/// Certificates out of date are served, as clients decide what they trust, but someone should know.
fn warn_of_dates(certificate: &Certificate, reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) {
    let Some(now) = reader.now() else { return };
    let leaf = CertificateDer::pem_slice_iter(certificate.chain.as_bytes()).next().and_then(Result::ok);
    let Some((from, to)) = leaf.and_then(|leaf| validity::of(&leaf)) else { return };
    let message = match (now < from, now > to) {
        (true, _) => "the certificate is not valid yet",
        (_, true) => "the certificate has expired",
        _ => return,
    };
    let key = &certificate.key;
    if let Some(secret) = reader.get::<Secret>(&(key.namespace.clone(), key.name.clone())) {
        let code = &diagnostic::CERTIFICATE_DATE;
        diagnostics.push(Diagnostic::of(code, &secret.object, "data[tls.crt]", message));
    }
}
