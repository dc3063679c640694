//! The certificates of a cluster, and a kubeconfig for each of its users.

use std::net::IpAddr;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

use crate::ClusterError;
use crate::address::{API_PORT, API_SERVICE, NODE};
use crate::state::State;

/// A user of the API server: the name of its kubeconfig, and who it is. Kubernetes takes the groups of a user from the
/// organisation of its certificate, and the name from its common name.
struct User {
    file: &'static str,
    organisation: Option<&'static str>,
    name: &'static str,
}

/// Who may do anything.
pub(crate) const ADMIN: &str = "admin";

const USERS: &[User] = &[
    User { file: ADMIN, organisation: Some("system:masters"), name: "admin" },
    User { file: "controller-manager", organisation: None, name: "system:kube-controller-manager" },
    User { file: "scheduler", organisation: None, name: "system:kube-scheduler" },
    User { file: "proxy", organisation: None, name: "system:kube-proxy" },
    User { file: "node", organisation: Some("system:nodes"), name: "system:node:node1" },
];

/// Names of the API server beside its addresses.
const API_NAMES: &[&str] = &[
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "localhost",
];

/// What signs all of a cluster.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Result<Self, ClusterError> {
        let mut params = named(None, "nantian-cluster");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        Ok(Self { pem: params.self_signed(&key)?.pem(), issuer: Issuer::new(params, key) })
    }

    /// A certificate and its key, as PEM.
    fn sign(&self, mut params: CertificateParams) -> Result<(String, String), ClusterError> {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate()?;
        Ok((params.signed_by(&key, &self.issuer)?.pem(), key.serialize_pem()))
    }
}

fn named(organisation: Option<&str>, name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    if let Some(organisation) = organisation {
        subject.push(DnType::OrganizationName, organisation);
    }
    params.distinguished_name = subject;
    params
}

fn client(organisation: Option<&str>, name: &str) -> CertificateParams {
    let mut params = named(organisation, name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn server(
    organisation: Option<&str>,
    name: &str,
    names: &[&str],
    addresses: &[&str],
) -> Result<CertificateParams, ClusterError> {
    let mut params = named(organisation, name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    for name in names {
        params.subject_alt_names.push(SanType::DnsName((*name).try_into()?));
    }
    let addresses = addresses.iter().filter_map(|address| address.parse::<IpAddr>().ok());
    params.subject_alt_names.extend(addresses.map(SanType::IpAddress));
    Ok(params)
}

/// Writes all certificates, keys and kubeconfigs of a cluster.
pub(crate) fn write(state: &State) -> Result<(), ClusterError> {
    let folder = state.pki();
    let authority = Authority::new()?;
    put(&folder, "ca.crt", &authority.pem)?;
    let pair = |name: &str, params| {
        let (certificate, key) = authority.sign(params)?;
        put(&folder, &format!("{name}.crt"), &certificate)?;
        put(&folder, &format!("{name}.key"), &key)
    };
    pair("apiserver", server(None, "kube-apiserver", API_NAMES, &[NODE, "127.0.0.1", API_SERVICE])?)?;
    pair("kubelet-server", server(Some("system:nodes"), "system:node:node1", &["node1"], &[NODE])?)?;
    pair("kubelet-client", client(Some("system:masters"), "apiserver-kubelet-client"))?;
    pair("front-proxy", client(None, "front-proxy-client"))?;
    let accounts = KeyPair::generate()?;
    put(&folder, "service-accounts.key", &accounts.serialize_pem())?;
    put(&folder, "service-accounts.pub", &accounts.public_key_pem())?;
    for user in USERS {
        let (certificate, key) = authority.sign(client(user.organisation, user.name))?;
        put(&folder, &format!("{}.kubeconfig", user.file), &kubeconfig(&authority.pem, &certificate, &key))?;
    }
    Ok(())
}

fn put(folder: &Path, name: &str, text: &str) -> Result<(), ClusterError> {
    let path = folder.join(name);
    std::fs::write(&path, text).map_err(ClusterError::file(&path))
}

fn kubeconfig(authority: &str, certificate: &str, key: &str) -> String {
    let [authority, certificate, key] = [authority, certificate, key].map(|pem| STANDARD.encode(pem));
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: nantian
  cluster:
    server: https://{NODE}:{API_PORT}
    certificate-authority-data: {authority}
users:
- name: user
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
contexts:
- name: nantian
  context:
    cluster: nantian
    user: user
current-context: nantian
"
    )
}
