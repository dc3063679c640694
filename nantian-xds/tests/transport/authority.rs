//! Certificates for planes.

use std::path::Path;
use std::sync::Arc;

use nantian_xds::transport::{CredentialFiles, Credentials, Security};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// A certificate authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// What a plane of this name shows, and trust in this authority.
    pub(crate) fn credentials(&self, name: &str) -> Credentials {
        self.trusted_by(self, name)
    }

    /// A certificate of `issuer`, and trust in this authority.
    pub(crate) fn trusted_by(&self, issuer: &Self, name: &str) -> Credentials {
        let (chain, key) = issuer.issue(name);
        Credentials::from_pem(chain.as_bytes(), key.as_bytes(), self.0.pem().as_bytes()).unwrap()
    }

    /// A certificate and its key.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let chain = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        (chain.pem(), key.serialize_pem())
    }

    /// Writes what a plane of this name shows, and trust in this authority, as a Secret is mounted.
    pub(crate) fn write(&self, folder: &Path, name: &str) -> CredentialFiles {
        let (chain, key) = self.issue(name);
        let write = |file: &str, text: &str| {
            let path = folder.join(file);
            std::fs::write(&path, text).unwrap();
            path
        };
        CredentialFiles {
            certificate: write("tls.crt", &chain),
            key: write("tls.key", &key),
            authority: write("ca.crt", &self.0.pem()),
        }
    }

    pub(crate) fn rotating(&self, name: &str) -> (watch::Sender<Credentials>, Security) {
        let (sender, receiver) = watch::channel(self.credentials(name));
        (sender, Security::Mutual(receiver))
    }

    pub(crate) fn security(&self, name: &str) -> Security {
        self.rotating(name).1
    }

    /// A client that trusts this authority and shows nothing.
    pub(crate) fn without_certificate(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }
}
