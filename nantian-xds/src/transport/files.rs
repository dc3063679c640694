//! Credentials in files, as Kubernetes mounts a Secret: read again, they may be others.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, io};

use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::sync::watch;

use super::security::{Credentials, CredentialsError, Security};

/// Where the credentials of a plane lie, as PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CredentialFiles {
    /// The own chain, leaf first.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authorities whose certificates the other side must have.
    pub authority: PathBuf,
}

/// TLS with the other plane, as settings of either have it: both show a certificate. By default the files are where the chart
/// mounts them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct TlsSettings {
    /// Without it, private keys go over the wire in clear, and nobody proves anything.
    pub enabled: bool,
    /// The own chain, leaf first, as PEM.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The authorities whose certificates the other side must have.
    pub authority: PathBuf,
}

impl Default for TlsSettings {
    fn default() -> Self {
        let file = |name| Path::new("/etc/nantian-gw/tls").join(name);
        Self { enabled: true, certificate: file("tls.crt"), key: file("tls.key"), authority: file("ca.crt") }
    }
}

impl TlsSettings {
    /// The files, if there is TLS.
    pub fn files(&self) -> Option<CredentialFiles> {
        let Self { enabled, certificate, key, authority } = self.clone();
        enabled.then_some(CredentialFiles { certificate, key, authority })
    }
}

/// Why credentials cannot be taken from files.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CredentialFilesError {
    /// One cannot be read.
    #[error("{path}: {source}; mount the Secret with the certificates of this plane")]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What they hold is no use.
    #[error("{certificate} and what is beside it: {source}")]
    Unusable {
        /// The file of the certificate.
        certificate: PathBuf,
        /// What is wrong.
        source: CredentialsError,
    },
}

impl CredentialFiles {
    fn read(&self) -> Result<Pem, CredentialFilesError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| CredentialFilesError::Read { path: path.to_owned(), source })
        };
        Ok(Pem { chain: read(&self.certificate)?, key: read(&self.key)?, authorities: read(&self.authority)? })
    }

    fn parse(&self, pem: &Pem) -> Result<Credentials, CredentialFilesError> {
        Credentials::from_pem(&pem.chain, &pem.key, &pem.authorities)
            .map_err(|source| CredentialFilesError::Unusable { certificate: self.certificate.clone(), source })
    }
}

/// What the files hold.
#[derive(PartialEq, Eq)]
struct Pem {
    chain: Vec<u8>,
    key: Vec<u8>,
    authorities: Vec<u8>,
}

/// Nothing of what they hold.
impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pem")
    }
}

/// Credentials that are what their files are, as often as somebody looks.
#[derive(Debug)]
pub struct FollowedCredentials {
    files: CredentialFiles,
    /// A hash would do; the key is in the process anyway.
    taken: Pem,
    newest: watch::Sender<Credentials>,
}

impl FollowedCredentials {
    /// How often a look at the files is worth it. The kubelet is about a minute behind with them.
    pub const LOOK: Duration = Duration::from_secs(10);

    /// Reads the files for the first time.
    ///
    /// # Errors
    ///
    /// One of them cannot be read, or what they hold does not fit.
    pub fn open(files: CredentialFiles) -> Result<Self, CredentialFilesError> {
        let taken = files.read()?;
        let newest = watch::Sender::new(files.parse(&taken)?);
        Ok(Self { files, taken, newest })
    }

    /// For a client or a server, whose new connections use what is newest.
    pub fn security(&self) -> Security {
        Security::Mutual(self.newest.subscribe())
    }

    /// Reads the files again; says whether they are others. Who fails half-way through a renewal finds all of it the next
    /// time.
    ///
    /// # Errors
    ///
    /// As for [`FollowedCredentials::open`]; the credentials stay as they were.
    pub fn refresh(&mut self) -> Result<bool, CredentialFilesError> {
        let pem = self.files.read()?;
        if pem == self.taken {
            return Ok(false);
        }
        self.newest.send_replace(self.files.parse(&pem)?);
        self.taken = pem;
        Ok(true)
    }
}
