//! The authority of the planes' certificates, as it signs those of dedicated data planes.

use std::time::Duration;

use jiff::Timestamp;
use nantian_ir::ContentHash;
use rcgen::{
    CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose, SanType,
    date_time_ymd,
};
use thiserror::Error;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a certificate is good.
const VALID: Duration = Duration::from_secs(90 * DAY.as_secs());
/// When it is renewed: two further months are left for a control plane that is away.
const RENEWED: Duration = Duration::from_secs(30 * DAY.as_secs());
/// Clocks differ.
const BEFORE: Duration = Duration::from_secs(60 * 60);

/// Why nothing can be signed.
#[derive(Debug, Error)]
pub(super) enum AuthorityError {
    /// A part of the Secret is not there.
    #[error("it has no {0}; it needs the certificate and the key of the authority of the planes, tls.crt and tls.key")]
    Missing(&'static str),
    /// A part of it is not PEM of what it should be.
    #[error("its {part} cannot be used: {source}")]
    Unusable {
        /// Which part.
        part: &'static str,
        /// What is wrong.
        source: rcgen::Error,
    },
    /// A certificate cannot be made.
    #[error("no certificate can be made: {0}")]
    Signing(#[from] rcgen::Error),
}

/// A certificate with its key, as PEM.
pub(super) struct Issued {
    pub(super) chain: String,
    pub(super) key: String,
    /// When the next one is to be made.
    pub(super) renew_at: Timestamp,
}

/// Who signs.
pub(super) struct Authority {
    /// Its certificate, as PEM.
    pub(super) certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// From what a Secret has.
    pub(super) fn new(certificate: Option<&[u8]>, key: Option<&[u8]>) -> Result<Self, AuthorityError> {
        let text = |bytes: Option<&[u8]>, part| {
            let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
            text.map(str::to_owned).ok_or(AuthorityError::Missing(part))
        };
        let (certificate, key) = (text(certificate, "tls.crt")?, text(key, "tls.key")?);
        let key = KeyPair::from_pem(&key).map_err(|source| AuthorityError::Unusable { part: "tls.key", source })?;
        let issuer = Issuer::from_ca_cert_pem(&certificate, key)
            .map_err(|source| AuthorityError::Unusable { part: "tls.crt", source })?;
        Ok(Self { certificate, issuer })
    }

    /// What a certificate depends on, apart from the time: another authority or name makes another one.
    pub(super) fn fingerprint(&self, uri: &str) -> String {
        ContentHash::of(&(self.certificate.as_str(), uri)).as_str().to_owned()
    }

    /// A new certificate for clients that are this.
    pub(super) fn issue(&self, uri: &str, now: Timestamp) -> Result<Issued, AuthorityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.subject_alt_names = vec![SanType::URI(uri.try_into()?)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        // Not for servers: nobody is to take it for a control plane.
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let now_there = date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
        params.not_before = now_there - BEFORE;
        params.not_after = now_there + VALID;
        let key = KeyPair::generate()?;
        let chain = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Issued { chain, key: key.serialize_pem(), renew_at: now + RENEWED })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use nantian_ir::GatewayKey;
    use nantian_xds::Audience;
    use nantian_xds::transport::{CertificateNames, Credentials};
    use rcgen::{BasicConstraints, DnType, IsCa, PKCS_RSA_SHA256};
    use tokio_rustls::rustls::pki_types::CertificateDer;
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;

    use super::*;

    /// Certificate and key of an authority, RSA as that of the chart.
    pub(in crate::dedicated) fn pem() -> (String, String) {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "nantian-gw-ca.nantian-gw");
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    #[test]
    fn what_it_signs_is_a_certificate_of_its_own_for_that_gateway() {
        let (certificate, key) = pem();
        let authority = Authority::new(Some(certificate.as_bytes()), Some(key.as_bytes())).unwrap();
        let names =
            CertificateNames { namespace: "nantian-gw".to_owned(), data_plane: "nantian-gw-dataplane".to_owned() };
        let audience = Audience::Gateway(GatewayKey { namespace: "shop".into(), name: "own".into() });
        let now = Timestamp::now();
        let issued = authority.issue(&names.uri(&audience), now).unwrap();
        assert_eq!(issued.renew_at, now + RENEWED);
        let leaf = CertificateDer::from_pem_slice(issued.chain.as_bytes()).unwrap();
        assert_eq!(names.identify(&[leaf]), Ok(audience));
        Credentials::from_pem(issued.chain.as_bytes(), issued.key.as_bytes(), certificate.as_bytes()).unwrap();
    }

    #[test]
    fn a_secret_without_an_authority_is_told_apart_by_what_it_lacks() {
        let (certificate, key) = pem();
        let error = |certificate: Option<&str>, key: Option<&str>| {
            let made = Authority::new(certificate.map(str::as_bytes), key.map(str::as_bytes));
            made.err().unwrap().to_string()
        };
        assert!(error(None, Some(&key)).contains("it has no tls.crt"));
        assert!(error(Some(&certificate), None).contains("it has no tls.key"));
        assert!(error(Some(&certificate), Some("nonsense")).contains("its tls.key cannot be used"));
        assert!(error(Some("nonsense"), Some(&key)).contains("its tls.crt cannot be used"));
    }
}
