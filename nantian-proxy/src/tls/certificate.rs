//! Serving certificates, parsed once.

use std::fmt;
use std::sync::Arc;

use nantian_ir::Certificate;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use thiserror::Error;

/// Why a certificate cannot be served.
#[derive(Debug, Error)]
pub(crate) enum CertificateError {
    #[error("tls.crt holds no certificate")]
    NoCertificate,
    #[error("tls.crt is not valid PEM: {0}")]
    Chain(pem::Error),
    #[error("tls.key holds no usable private key: {0}")]
    Key(pem::Error),
    #[error("the certificate and its key cannot be used together: {0}")]
    Pair(rustls::Error),
}

/// A parsed certificate. What it came from is kept, to see whether it changed.
pub(crate) struct Served {
    source: Arc<Certificate>,
    key: Arc<CertifiedKey>,
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("certificate", &self.source.key).finish_non_exhaustive()
    }
}

impl Served {
    pub(crate) fn parse(source: &Arc<Certificate>, provider: &CryptoProvider) -> Result<Self, CertificateError> {
        let chain = CertificateDer::pem_slice_iter(source.chain.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(CertificateError::Chain)?;
        if chain.is_empty() {
            return Err(CertificateError::NoCertificate);
        }
        let key = PrivateKeyDer::from_pem_slice(source.private_key.expose()).map_err(CertificateError::Key)?;
        let key = CertifiedKey::from_der(chain, key, provider).map_err(CertificateError::Pair)?;
        Ok(Self { source: Arc::clone(source), key: Arc::new(key) })
    }

    /// Whether it was parsed from the same content.
    pub(crate) fn is(&self, source: &Arc<Certificate>) -> bool {
        Arc::ptr_eq(&self.source, source) || self.source == *source
    }

    fn names(&self, name: &ServerName<'_>) -> bool {
        self.key
            .end_entity_cert()
            .and_then(ParsedCertificate::try_from)
            .and_then(|leaf| rustls::client::verify_server_name(&leaf, name))
            .is_ok()
    }
}

/// The certificates of one listener.
#[derive(Debug)]
pub(crate) struct Choice(pub(crate) Vec<Arc<Served>>);

impl ResolvesServerCert for Choice {
    /// A certificate that the client can verify and that names the server; else one that it can verify; else the first.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let usable =
            || self.0.iter().filter(|served| served.key.key.choose_scheme(hello.signature_schemes()).is_some());
        let named = match (self.0.len(), hello.server_name().map(ServerName::try_from)) {
            (2.., Some(Ok(name))) => usable().find(|served| served.names(&name)),
            _ => None,
        };
        named.or_else(|| usable().next()).or_else(|| self.0.first()).map(|served| Arc::clone(&served.key))
    }
}
