//! Who a data plane is: what its certificate says, which the authority has vouched for.
//!
//! | certificate | data plane |
//! | --- | --- |
//! | URI `spiffe://nantian.dev/ns/NAMESPACE/dataplane`, of the control plane's namespace | one that Gateways share |
//! | URI `spiffe://nantian.dev/ns/NAMESPACE/gateway/NAME` | one of this Gateway's own |
//! | no URI of SPIFFE, but the DNS name `DATAPLANE.NAMESPACE.svc` of the shared data planes | one that Gateways share |
//!
//! Whatever else an authority signs - the control plane's certificate, for one - is that of no data plane.

use nantian_ir::{GatewayKey, SmolStr};
use rustls::pki_types::CertificateDer;
use thiserror::Error;
use webpki::EndEntityCert;

use crate::view::Audience;

/// What the URIs of data planes begin with.
const PREFIX: &str = "spiffe://nantian.dev/ns/";

/// Characters of a URI that a message repeats.
const MAX_TOLD: usize = 200;

/// Characters of a name of Kubernetes (RFC 1123).
const MAX_NAME: usize = 253;

/// How certificates name the data planes of one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateNames {
    /// The namespace of the control plane, which is that of the shared data planes.
    pub namespace: String,
    /// The name of the shared data planes there, as their certificates have it in DNS names: not everything that makes
    /// certificates can write URIs, Helm for one cannot.
    pub data_plane: String,
}

/// Why a client is no data plane.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Unidentified {
    /// It shows no certificate.
    #[error("no certificate is shown; {expected}")]
    Missing {
        /// What would do.
        expected: String,
    },
    /// Its certificate cannot be read.
    #[error("the certificate cannot be read; {expected}")]
    Unreadable {
        /// What would do.
        expected: String,
    },
    /// Its certificate has none of the names.
    #[error("the certificate names no data plane; {expected}")]
    Nameless {
        /// What would do.
        expected: String,
    },
    /// Its certificate names something else.
    #[error("the certificate is for {uri:?}, which is no data plane here; {expected}")]
    Unknown {
        /// What it names.
        uri: String,
        /// What would do.
        expected: String,
    },
    /// Its certificate names several.
    #[error("the certificate has several URIs of SPIFFE, and so says nothing; {expected}")]
    Ambiguous {
        /// What would do.
        expected: String,
    },
}

impl CertificateNames {
    /// The URI by which a certificate names the data planes of an audience.
    pub fn uri(&self, audience: &Audience) -> String {
        match audience {
            Audience::Shared => format!("{PREFIX}{}/dataplane", self.namespace),
            Audience::Gateway(GatewayKey { namespace, name }) => format!("{PREFIX}{namespace}/gateway/{name}"),
        }
    }

    /// The DNS name by which a certificate without such a URI names the shared data planes.
    pub fn dns_name(&self) -> String {
        format!("{}.{}.svc", self.data_plane, self.namespace)
    }

    /// Whom the certificate, leaf first, is for.
    ///
    /// # Errors
    ///
    /// It is for no data plane.
    pub fn identify(&self, chain: &[CertificateDer<'_>]) -> Result<Audience, Unidentified> {
        let expected = || self.expected();
        let leaf = chain.first().ok_or_else(|| Unidentified::Missing { expected: expected() })?;
        let leaf = EndEntityCert::try_from(leaf).map_err(|_| Unidentified::Unreadable { expected: expected() })?;
        let mut uris = leaf.valid_uri_names().filter(|uri| uri.starts_with("spiffe:"));
        match (uris.next(), uris.next()) {
            (Some(_), Some(_)) => Err(Unidentified::Ambiguous { expected: expected() }),
            (Some(uri), None) => self.named_by(uri).ok_or_else(|| {
                let uri = uri.chars().take(MAX_TOLD).collect();
                Unidentified::Unknown { uri, expected: expected() }
            }),
            (None, _) => {
                let shared = self.dns_name();
                let is_shared = leaf.valid_dns_names().any(|name| name == shared);
                is_shared.then_some(Audience::Shared).ok_or_else(|| Unidentified::Nameless { expected: expected() })
            }
        }
    }

    fn named_by(&self, uri: &str) -> Option<Audience> {
        let parts: Vec<&str> = uri.strip_prefix(PREFIX)?.split('/').collect();
        match parts.as_slice() {
            [namespace, "dataplane"] => (*namespace == self.namespace).then_some(Audience::Shared),
            [namespace, "gateway", name] if is_name(namespace) && is_name(name) => {
                Some(Audience::Gateway(GatewayKey { namespace: SmolStr::new(namespace), name: SmolStr::new(name) }))
            }
            _ => None,
        }
    }

    fn expected(&self) -> String {
        let (shared, dns) = (self.uri(&Audience::Shared), self.dns_name());
        format!(
            "a shared data plane has the URI {shared} or, without any, the DNS name {dns}; one of a Gateway's own \
             {PREFIX}NAMESPACE/gateway/NAME"
        )
    }
}

/// Whether a text can be the name of an object.
fn is_name(text: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_of_name)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    fn names() -> CertificateNames {
        CertificateNames { namespace: "nantian-gw".to_owned(), data_plane: "nantian-gw-dataplane".to_owned() }
    }

    /// Whom a certificate with these names is for.
    fn identified(uris: &[&str], dns_names: &[&str]) -> Result<Audience, Unidentified> {
        let dns_names: Vec<String> = dns_names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(dns_names).unwrap();
        let uri = |uri: &&str| SanType::URI((*uri).try_into().unwrap());
        params.subject_alt_names.extend(uris.iter().map(uri));
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        names().identify(&[certificate.der().clone()])
    }

    #[test]
    fn a_uri_says_whose_data_plane_it_is() {
        let gateway = GatewayKey { namespace: "shop".into(), name: "edge.eu".into() };
        for audience in [Audience::Shared, Audience::Gateway(gateway)] {
            assert_eq!(identified(&[&names().uri(&audience)], &[]), Ok(audience));
        }
        // What is not of SPIFFE says nothing either way.
        let others = ["https://example.com/", "spiffe://nantian.dev/ns/nantian-gw/dataplane"];
        assert_eq!(identified(&others, &["control"]), Ok(Audience::Shared));
    }

    #[test]
    fn without_a_uri_the_dns_name_of_the_shared_data_planes_counts() {
        let of_chart = ["nantian-gw-dataplane", "nantian-gw-dataplane.nantian-gw.svc"];
        assert_eq!(identified(&[], &of_chart), Ok(Audience::Shared));
        for other in [
            "nantian-gw-dataplane",
            "nantian-gw-dataplane.other.svc",
            "nantian-gw-controlplane.nantian-gw.svc",
            "*.nantian-gw.svc",
        ] {
            assert!(matches!(identified(&[], &[other]), Err(Unidentified::Nameless { .. })), "{other}");
        }
        // A URI decides alone.
        let gateway = GatewayKey { namespace: "shop".into(), name: "edge".into() };
        let uri = "spiffe://nantian.dev/ns/shop/gateway/edge";
        assert_eq!(identified(&[uri], &of_chart), Ok(Audience::Gateway(gateway)));
    }

    #[test]
    fn whatever_else_is_named_is_no_data_plane_and_hears_what_was_expected() {
        for uri in [
            "spiffe://nantian.dev/ns/other/dataplane",
            "spiffe://nantian.dev/ns/nantian-gw/controlplane",
            "spiffe://nantian.dev/ns/nantian-gw/dataplane/",
            "spiffe://nantian.dev/ns/nantian-gw/dataplane?x",
            "spiffe://nantian.dev/ns/shop/gateway/",
            "spiffe://nantian.dev/ns//gateway/edge",
            "spiffe://nantian.dev/ns/shop/gateway/edge/http",
            "spiffe://nantian.dev/ns/shop/gateway/%65dge",
            "spiffe://example.com/ns/nantian-gw/dataplane",
            "spiffe:nantian-gw",
        ] {
            let error = identified(&[uri], &["nantian-gw-dataplane.nantian-gw.svc"]).unwrap_err();
            assert!(matches!(error, Unidentified::Unknown { .. }), "{uri}: {error}");
            let text = error.to_string();
            assert!(text.contains(uri) && text.contains("spiffe://nantian.dev/ns/nantian-gw/dataplane"), "{text}");
        }
        let both = ["spiffe://nantian.dev/ns/shop/gateway/edge", "spiffe://nantian.dev/ns/nantian-gw/dataplane"];
        assert!(matches!(identified(&both, &[]), Err(Unidentified::Ambiguous { .. })));
        assert!(matches!(names().identify(&[]), Err(Unidentified::Missing { .. })));
        let noise = CertificateDer::from(vec![0x30, 0x03, 1, 2, 3]);
        assert!(matches!(names().identify(&[noise]), Err(Unidentified::Unreadable { .. })));
        let long = format!("spiffe://{}", "a".repeat(10_000));
        assert!(identified(&[&long], &[]).unwrap_err().to_string().len() < 1_000);
    }
}
