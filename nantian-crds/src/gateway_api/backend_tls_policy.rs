//! `BackendTLSPolicy`: TLS towards the endpoints of a Service (GEP-1897).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use super::shared::{LocalObjectReference, LocalPolicyTargetReferenceWithSectionName};
use crate::meta::{ObjectMeta, resource};
use crate::open_enum::open_enum;
use crate::policy_status::PolicyStatus;

/// How a Gateway connects to backends by TLS (`gateway.networking.k8s.io/v1`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendTlsPolicy {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    pub spec: BackendTlsPolicySpec,
    /// What controllers say.
    #[serde(default)]
    pub status: PolicyStatus,
}

resource!(BackendTlsPolicy, "gateway.networking.k8s.io", "v1", "BackendTLSPolicy", "backendtlspolicies");

/// `BackendTLSPolicy.spec`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendTlsPolicySpec {
    /// The Services, or ports of them by name.
    #[serde(default)]
    pub target_refs: Vec<LocalPolicyTargetReferenceWithSectionName>,
    /// Which certificates of backends are trusted.
    pub validation: BackendTlsPolicyValidation,
    /// Settings of implementations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
}

/// `BackendTLSPolicyValidation`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendTlsPolicyValidation {
    /// `ConfigMap`s with certificates of authorities under `ca.crt`; excludes `well_known_ca_certificates`.
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "caCertificateRefs")]
    pub ca_certificate_refs: Vec<LocalObjectReference>,
    /// A set of authorities by name; `System` is the machine's.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "wellKnownCACertificates")]
    pub well_known_ca_certificates: Option<SmolStr>,
    /// The server name that is asked for (SNI), and, without `subject_alt_names`, the name that the certificate must have.
    pub hostname: SmolStr,
    /// Names of which the certificate must have one, in place of `hostname`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subject_alt_names: Vec<SubjectAltName>,
}

/// A name in a certificate (`SubjectAltName`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubjectAltName {
    /// Which of the two fields is given.
    pub r#type: SubjectAltNameType,
    /// A DNS name.
    #[serde(default, skip_serializing_if = "SmolStr::is_empty")]
    pub hostname: SmolStr,
    /// An absolute URI, for example a SPIFFE ID.
    #[serde(default, skip_serializing_if = "SmolStr::is_empty")]
    pub uri: SmolStr,
}

/// What a [`SubjectAltName`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectAltNameType {
    /// A DNS name.
    Hostname,
    /// A URI.
    Uri,
    /// A type that this version does not know.
    Unknown(String),
}

open_enum!(SubjectAltNameType { Hostname = "Hostname", Uri = "URI" });

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn a_policy_reads_as_the_specification_spells_it() {
        let policy: BackendTlsPolicy = from_value(json!({
            "metadata": {"name": "p"},
            "spec": {
                "targetRefs": [{"group": "", "kind": "Service", "name": "s", "sectionName": "https"}],
                "validation": {
                    "wellKnownCACertificates": "System",
                    "caCertificateRefs": [{"group": "", "kind": "ConfigMap", "name": "ca"}],
                    "hostname": "a.example.com",
                    "subjectAltNames": [{"type": "URI", "uri": "spiffe://a/b"}, {"type": "Hostname", "hostname": "b"}],
                },
            },
        }))
        .unwrap();
        let validation = &policy.spec.validation;
        assert_eq!(validation.well_known_ca_certificates.as_deref(), Some("System"));
        assert_eq!(validation.ca_certificate_refs[0].name, "ca");
        assert_eq!(validation.subject_alt_names[0].r#type, SubjectAltNameType::Uri);
        assert_eq!(policy.spec.target_refs[0].section_name.as_deref(), Some("https"));
    }
}
