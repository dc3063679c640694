//! Versions that are content hashes: the same content has the same version in every process, after every restart.

use std::fmt;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The first 128 bits of a SHA-256 over the canonical JSON of a value, in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContentHash(String);

impl ContentHash {
    /// Hashes a value by its JSON form. Model types serialise maps in key order, which makes the form canonical.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        // Model types have string keys and no failing serialisers; were one to fail, its error text is hashed.
        let json = serde_json::to_vec(value).unwrap_or_else(|error| error.to_string().into_bytes());
        let digest = Sha256::digest(json);
        let mut text = String::with_capacity(32);
        for byte in digest.iter().take(16) {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// The hash as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
