//! Certificates for the tests, each its own authority.

use std::path::{Path, PathBuf};

/// A self-signed certificate and its key, as PEM.
pub(crate) struct Certificate {
    pub(crate) chain: String,
    pub(crate) key: String,
}

impl Certificate {
    /// A new key and a certificate for these names.
    pub(crate) fn for_names(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        Self { chain: made.cert.pem(), key: made.signing_key.serialize_pem() }
    }

    /// Writes the certificate where a client can be told to trust it.
    pub(crate) fn save(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(format!("{name}.pem"));
        std::fs::write(&path, &self.chain).unwrap();
        path
    }
}
