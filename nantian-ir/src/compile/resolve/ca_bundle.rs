//! Certificates of authorities, from the kind ConfigMap.

use std::sync::Arc;

use nantian_crds::core::ConfigMap;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::compile::memo::Reader;
use crate::key::CaBundleKey;
use crate::model::CaBundle;

/// Where bundles are.
const FIELD: &str = "ca.crt";

/// Why a reference to a bundle cannot be used.
pub(crate) enum BadBundle {
    /// It is of another kind than ConfigMap.
    Kind(String),
    /// It is absent, or what it holds cannot be used.
    Content(String),
}

/// The bundle that a reference means. Whether the namespace may be referred to was asked before.
pub(crate) fn resolve(
    reader: &Reader<'_>,
    group: &str,
    kind: &str,
    namespace: &str,
    name: &str,
) -> Result<CaBundleKey, BadBundle> {
    if !group.is_empty() || kind != "ConfigMap" {
        let kind = if group.is_empty() { kind.to_owned() } else { format!("{group}/{kind}") };
        let message = format!("references to the kind {kind} are not supported: use a ConfigMap");
        return Err(BadBundle::Kind(message));
    }
    let key = CaBundleKey { namespace: namespace.into(), name: name.into() };
    match bundle(reader, &key) {
        Ok(_) => Ok(key),
        Err(why) => Err(BadBundle::Content(format!("ConfigMap {key} {why}"))),
    }
}

/// The bundle, or what is wrong with it.
pub(crate) fn bundle(reader: &Reader<'_>, key: &CaBundleKey) -> Result<Arc<CaBundle>, String> {
    match reader.get::<ConfigMap>(&(key.namespace.clone(), key.name.clone())) {
        Some(map) => map.checked.get_or_init(|| check(key, &map.value).map(Arc::new)).clone(),
        None => Err("does not exist".to_owned()),
    }
}

/// "misconfigured (e.g., a ConfigMap does not contain a key named `ca.crt`)", or certificates that nobody can trust.
fn check(key: &CaBundleKey, map: &ConfigMap) -> Result<CaBundle, String> {
    let pem = map.get(FIELD).ok_or_else(|| format!("has no {FIELD}"))?;
    let text = str::from_utf8(pem).map_err(|_| format!("has a {FIELD} that is not text"))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| format!("has a {FIELD} that is not PEM"))?;
        roots.add(certificate).map_err(|_| format!("has a certificate in {FIELD} that cannot be read"))?;
    }
    if roots.is_empty() {
        return Err(format!("has no PEM certificate in {FIELD}"));
    }
    Ok(CaBundle { key: key.clone(), certificates: text.to_owned() })
}
