//! Certificates of authorities, from the kind ConfigMap.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::compile::decode::Typed;
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

/// The bundles, each looked at once.
pub(crate) struct Bundles<'t, 'o> {
    typed: &'t Typed<'o>,
    checked: BTreeMap<CaBundleKey, Result<Arc<CaBundle>, String>>,
}

impl<'t, 'o> Bundles<'t, 'o> {
    pub(crate) fn new(typed: &'t Typed<'o>) -> Self {
        Self { typed, checked: BTreeMap::new() }
    }

    /// The bundle that a reference means. Whether the namespace may be referred to was asked before.
    pub(crate) fn resolve(
        &mut self,
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
        let key = CaBundleKey { namespace: namespace.to_owned(), name: name.to_owned() };
        let typed = self.typed;
        match self.checked.entry(key.clone()).or_insert_with(|| check(typed, &key).map(Arc::new)) {
            Ok(_) => Ok(key),
            Err(why) => Err(BadBundle::Content(format!("ConfigMap {key} {why}"))),
        }
    }

    /// The usable bundles among `keys`.
    pub(crate) fn used<'k>(self, keys: impl Iterator<Item = &'k CaBundleKey>) -> BTreeMap<CaBundleKey, Arc<CaBundle>> {
        keys.filter_map(|key| Some((key.clone(), Arc::clone(self.checked.get(key)?.as_ref().ok()?)))).collect()
    }
}

/// "misconfigured (e.g., a ConfigMap does not contain a key named `ca.crt`)", or certificates that nobody can trust.
fn check(typed: &Typed<'_>, key: &CaBundleKey) -> Result<CaBundle, String> {
    let Some(map) = typed.config_maps.get(&(key.namespace.clone(), key.name.clone())) else {
        return Err("does not exist".to_owned());
    };
    let pem = map.value.get(FIELD).ok_or_else(|| format!("has no {FIELD}"))?;
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
