//! TLS towards backends: sessions with those who prove to be who they have to be (`BackendTLSPolicy`, GEP-1897).

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nantian_ir::{BackendIdentity, BackendProtocol, HostnameMatch, SubjectAltName};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How sessions with a backend are made. Connections of one are never used for another.
pub struct OriginTls {
    id: u64,
    server_name: ServerName<'static>,
    http2: bool,
    config: Arc<ClientConfig>,
}

impl fmt::Debug for OriginTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OriginTls").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}

impl OriginTls {
    /// Sessions with who proves by a certificate of `roots` to be `identity`. `client` is shown to a backend that asks.
    pub(crate) fn new(
        identity: &BackendIdentity,
        protocol: BackendProtocol,
        roots: Arc<RootCertStore>,
        client: Option<Arc<CertifiedKey>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, rustls::Error> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let invalid_name = |_| rustls::Error::General("the server name is not a DNS name".to_owned());
        let server_name = ServerName::try_from(identity.server_name.as_str().to_owned()).map_err(invalid_name)?;
        let names = identity.subject_alt_names.clone();
        let verifier = Verifier { roots, names, provider: Arc::clone(provider) };
        let builder = ClientConfig::builder_with_provider(Arc::clone(provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match client {
            Some(client) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(client))),
            None => builder.with_no_client_auth(),
        };
        let http2 = protocol == BackendProtocol::H2c;
        config.alpn_protocols = vec![if http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
        Ok(Self { id: NEXT.fetch_add(1, Ordering::Relaxed), server_name, http2, config: Arc::new(config) })
    }

    /// Tells its connections from others; never 0.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Begins a session. The caller bounds its time.
    pub(crate) async fn handshake(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let stream = TlsConnector::from(Arc::clone(&self.config)).connect(self.server_name.clone(), stream).await?;
        // RFC 9113 section 3.2: "Implementations that support HTTP/2 over TLS MUST use protocol negotiation in TLS".
        if self.http2 && stream.get_ref().1.alpn_protocol() != Some(b"h2") {
            return Err(io::Error::other("the backend did not choose HTTP/2 (ALPN h2)"));
        }
        Ok(stream)
    }
}

/// Set on requests of a session, whose scheme is `https` (RFC 9113 section 8.3.1).
#[derive(Debug, Clone, Copy)]
pub(crate) struct OverTls;

/// Where systems keep the authorities that they trust, the most common first.
const SYSTEM_BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The authorities that the machine trusts: those of the file that `SSL_CERT_FILE` names, else of the system's bundle.
pub(crate) fn system_roots() -> RootCertStore {
    let named = std::env::var_os("SSL_CERT_FILE").map(std::path::PathBuf::from);
    let usual = SYSTEM_BUNDLES.iter().map(std::path::PathBuf::from);
    let pem = named.into_iter().chain(usual).find_map(|path| std::fs::read(path).ok());
    pem.map_or_else(RootCertStore::empty, |pem| roots(&pem))
}

/// The certificates of a PEM text that can be authorities.
pub(crate) fn roots(pem: &[u8]) -> RootCertStore {
    use rustls::pki_types::pem::PemObject as _;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(pem).filter_map(Result::ok));
    roots
}

/// Checks who a backend is.
#[derive(Debug)]
struct Verifier {
    roots: Arc<RootCertStore>,
    /// Names of which the certificate must have one; none: the server name.
    names: Vec<SubjectAltName>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, intermediates, now, algorithms)?;
        // BackendTLSPolicyValidation: "If SubjectAltNames are specified, Hostname can be used for certificate selection but
        // MUST NOT be used for authentication."
        if self.names.is_empty() {
            verify_server_name(&certificate, server_name)?;
        } else if !self.names.iter().any(|name| has_name(end_entity, &certificate, name)) {
            return Err(CertificateError::NotValidForName.into());
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Whether the certificate has the name.
fn has_name(der: &CertificateDer<'_>, certificate: &ParsedCertificate<'_>, name: &SubjectAltName) -> bool {
    let Ok(parsed) = webpki::EndEntityCert::try_from(der) else { return false };
    match name {
        SubjectAltName::Hostname(HostnameMatch::Exact(name)) => {
            ServerName::try_from(name.as_str()).is_ok_and(|name| verify_server_name(certificate, &name).is_ok())
        }
        // A wildcard stands for every name below it, and for the certificate's same wildcard.
        SubjectAltName::Hostname(wildcard) => parsed.valid_dns_names().any(|found| {
            let found = found.to_ascii_lowercase();
            found == wildcard.to_string() || wildcard.matches(&found)
        }),
        SubjectAltName::Uri(uri) => parsed.valid_uri_names().any(|found| found == uri),
    }
}
