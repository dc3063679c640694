//! Versions that are content hashes: the same content has the same version in every process, after every restart.

use std::fmt;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The first 128 bits of a SHA-256 over the canonical JSON of a value, or over the digests of its parts, in lower-case
/// hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContentHash(String);

impl ContentHash {
    /// Hashes a value by its JSON form. Model types serialise maps in key order, which makes the form canonical.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        Self::from(Self::digest(value))
    }

    /// The same as bytes.
    pub(crate) fn digest<T: Serialize + ?Sized>(value: &T) -> Digest {
        // Model types have string keys and no failing serialisers; were one to fail, its error text is hashed.
        let json = serde_json::to_vec(value).unwrap_or_else(|error| error.to_string().into_bytes());
        first_half(Sha256::digest(json))
    }

    /// Hashes lists of digests, each with its length before it, so that no two become the same bytes.
    pub(crate) fn of_digests<'d>(lists: impl IntoIterator<Item = Vec<&'d Digest>>) -> Self {
        let mut hasher = Sha256::new();
        for list in lists {
            hasher.update(u64::try_from(list.len()).unwrap_or(u64::MAX).to_be_bytes());
            for digest in list {
                hasher.update(digest);
            }
        }
        Self::from(first_half(hasher.finalize()))
    }

    /// The hash as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The first 128 bits of a SHA-256.
pub(crate) type Digest = [u8; 16];

fn first_half(hash: impl AsRef<[u8]>) -> Digest {
    let mut digest = Digest::default();
    digest.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    digest
}

impl From<Digest> for ContentHash {
    fn from(digest: Digest) -> Self {
        let mut text = String::with_capacity(32);
        for byte in digest {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
