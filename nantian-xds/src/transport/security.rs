//! TLS between the planes: each shows a certificate, and trusts those of one authority.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use thiserror::Error;
use tokio::sync::watch;

/// How the planes talk.
#[derive(Debug, Clone)]
pub enum Security {
    /// TLS 1.3, both sides with a certificate. What the channel holds is used for every new connection, so that
    /// certificates and authorities rotate without a restart.
    Mutual(watch::Receiver<Credentials>),
    /// No TLS: whoever reaches the port reads everything, private keys included. For tests, and for sockets that nobody
    /// else can reach.
    Plaintext,
}

/// What a plane shows, and whom it trusts.
#[derive(Clone)]
pub struct Credentials {
    pub(super) server: Arc<ServerConfig>,
    pub(super) client: Arc<ClientConfig>,
}

/// Without the key.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// Why credentials cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// A file of them is not PEM.
    #[error("the {what} cannot be read: {source}")]
    Pem {
        /// Which of the three.
        what: &'static str,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// A file of them has no certificate.
    #[error("the {what} has no certificate in it")]
    Empty {
        /// Which of the three.
        what: &'static str,
    },
    /// An authority cannot be trusted.
    #[error("the certificate authority cannot be used: {0}")]
    Authority(#[source] rustls::Error),
    /// Nor can certificates be checked by it.
    #[error("no certificate can be checked by the certificate authority: {0}")]
    Verifier(#[from] VerifierBuilderError),
    /// The key is not that of the certificate, or of a kind that TLS does not use.
    #[error("certificate and key cannot be used: {0}")]
    Identity(#[source] rustls::Error),
}

/// HTTP/2.
const ALPN: &[u8] = b"h2";

impl Credentials {
    /// Reads PEM: the own chain, leaf first; its key; the authorities whose certificates the other side must have.
    ///
    /// # Errors
    ///
    /// One of the three cannot be read, or they do not fit.
    pub fn from_pem(chain: &[u8], key: &[u8], authorities: &[u8]) -> Result<Self, CredentialsError> {
        let chain = certificates(chain, "certificate")?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|source| CredentialsError::Pem { what: "key", source })?;
        let mut roots = RootCertStore::empty();
        for authority in certificates(authorities, "certificate authority")? {
            roots.add(authority).map_err(CredentialsError::Authority)?;
        }
        let roots = Arc::new(roots);
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider)).build()?;
        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(CredentialsError::Identity)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(CredentialsError::Identity)?;
        server.alpn_protocols = vec![ALPN.to_vec()];
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(CredentialsError::Identity)?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(CredentialsError::Identity)?;
        client.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Self { server: Arc::new(server), client: Arc::new(client) })
    }
}

fn certificates(pem: &[u8], what: &'static str) -> Result<Vec<CertificateDer<'static>>, CredentialsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|source| CredentialsError::Pem { what, source })?;
    if certificates.is_empty() { Err(CredentialsError::Empty { what }) } else { Ok(certificates) }
}
