//! TLS towards backends, built when a snapshot is applied.

use std::sync::Arc;

use nantian_ir::{
    Backend as Source, BackendIdentity, BackendTls, CaBundle, Certificate, CertificateKey, Snapshot, Trust,
};
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use crate::upstream::{OriginTls, roots, system_roots};

/// How connections to a backend are secured.
#[derive(Debug)]
pub(crate) enum Security {
    /// Not at all.
    Cleartext,
    /// By TLS.
    Tls(Arc<Secured>),
    /// No connection is made: nobody could tell who the backend is.
    Refused,
}

/// TLS of one backend.
#[derive(Debug)]
pub(crate) struct Secured {
    material: Material,
    sessions: Sessions,
}

/// By what the backend is shown; few, since a Gateway has one at most.
type Sessions = Vec<(Option<CertificateKey>, Arc<OriginTls>)>;

/// What it was built from. The system's authorities are read when it is built, and again when something else changes.
#[derive(Debug, PartialEq)]
struct Material {
    identity: BackendIdentity,
    bundles: Vec<Arc<CaBundle>>,
    clients: Vec<Arc<Certificate>>,
}

impl Secured {
    /// The sessions of those who show `client`.
    pub(crate) fn sessions(&self, client: Option<&CertificateKey>) -> Option<&Arc<OriginTls>> {
        self.sessions.iter().find(|(shown, _)| shown.as_ref() == client).map(|(_, tls)| tls)
    }
}

impl Security {
    /// What a snapshot says of a backend; the same object as before if nothing of it changed.
    pub(super) fn build(
        source: &Source,
        snapshot: &Snapshot,
        previous: Option<&Self>,
        refuse: &mut dyn FnMut(String),
    ) -> Self {
        let identity = match &source.tls {
            None => return Self::Cleartext,
            // The policy's status says why.
            Some(BackendTls::Refuse) => return Self::Refused,
            Some(BackendTls::Verify(identity)) => identity,
        };
        let material = Material::new(identity, snapshot);
        if let Some(Self::Tls(kept)) = previous
            && kept.material == material
        {
            return Self::Tls(Arc::clone(kept));
        }
        match sessions(&material, source) {
            Ok(sessions) => Self::Tls(Arc::new(Secured { material, sessions })),
            Err(why) => {
                refuse(format!("TLS to the backend cannot be set up, so no connection is made: {why}"));
                Self::Refused
            }
        }
    }

    /// Whether connections are secured in the same way.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Cleartext, Self::Cleartext) | (Self::Refused, Self::Refused) => true,
            (Self::Tls(one), Self::Tls(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }

    pub(super) fn is_refused(&self) -> bool {
        matches!(self, Self::Refused)
    }
}

impl Material {
    fn new(identity: &BackendIdentity, snapshot: &Snapshot) -> Self {
        let bundles = match &identity.trust {
            Trust::System => Vec::new(),
            Trust::CaBundles(keys) => keys.iter().filter_map(|key| snapshot.ca_bundles.get(key).cloned()).collect(),
        };
        let mut keys: Vec<_> =
            snapshot.listeners.values().filter_map(|listener| listener.client_certificate.as_ref()).collect();
        keys.sort();
        keys.dedup();
        let clients = keys.into_iter().filter_map(|key| snapshot.certificates.get(key).cloned()).collect();
        Self { identity: identity.clone(), bundles, clients }
    }
}

fn sessions(material: &Material, source: &Source) -> Result<Sessions, String> {
    let trusted = Arc::new(match &material.identity.trust {
        Trust::System => system_roots(),
        Trust::CaBundles(_) => authorities(&material.bundles),
    });
    if trusted.is_empty() {
        return Err("there are no certificates of authorities to trust".to_owned());
    }
    let provider = Arc::new(crate::tls::provider());
    let with = |client| {
        let roots = Arc::clone(&trusted);
        let tls = OriginTls::new(&material.identity, source.key.protocol, roots, client, &provider);
        tls.map(Arc::new).map_err(|error| error.to_string())
    };
    let mut sessions = vec![(None, with(None)?)];
    for client in &material.clients {
        let key = certified(client, &provider).map_err(|why| format!("client certificate {}: {why}", client.key))?;
        sessions.push((Some(client.key.clone()), with(Some(Arc::new(key)))?));
    }
    Ok(sessions)
}

/// The authorities of several bundles.
pub(crate) fn authorities(bundles: &[Arc<CaBundle>]) -> RootCertStore {
    let mut all = RootCertStore::empty();
    for bundle in bundles {
        all.extend(roots(bundle.certificates.as_bytes()).roots);
    }
    all
}

fn certified(certificate: &Certificate, provider: &CryptoProvider) -> Result<CertifiedKey, String> {
    let chain = CertificateDer::pem_slice_iter(certificate.chain.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("tls.crt is not valid PEM: {error}"))?;
    let key = PrivateKeyDer::from_pem_slice(certificate.private_key.expose())
        .map_err(|_| "tls.key holds no usable private key".to_owned())?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| error.to_string())
}
