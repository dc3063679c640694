//! What a set of resources adds up to: a sum of hashes, which both sides keep at the cost of a change.
//!
//! A manifest carries it, so that a client notices when what it holds is not what the server means. It guards against
//! faults, not against forgery: that is what TLS between the planes is for.

use std::fmt;

use sha2::Digest as _;
use sha2::Sha256;

use crate::resource::ResourceType;

/// The sum, modulo 2^128, of a hash for each resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Digest(u128);

impl Digest {
    /// Of one resource.
    pub(crate) fn of(resource_type: ResourceType, name: &str, version: &str) -> Self {
        let mut hash = Sha256::new();
        // None of them has a zero byte: URLs, names of Kubernetes objects, hexadecimal digits.
        for part in [resource_type.url(), name, version] {
            hash.update(part);
            hash.update([0]);
        }
        let hash = hash.finalize();
        Self(hash.iter().take(16).fold(0, |sum, byte| (sum << 8) | u128::from(*byte)))
    }

    pub(crate) fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The digest and the number of the resources of each type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Digests([(Digest, u64); ResourceType::ALL.len()]);

impl Digests {
    pub(crate) fn add(&mut self, resource_type: ResourceType, Digest(one): Digest) {
        if let Some((Digest(sum), count)) = self.0.get_mut(resource_type.index()) {
            (*sum, *count) = (sum.wrapping_add(one), *count + 1);
        }
    }

    pub(crate) fn remove(&mut self, resource_type: ResourceType, Digest(one): Digest) {
        if let Some((Digest(sum), count)) = self.0.get_mut(resource_type.index()) {
            (*sum, *count) = (sum.wrapping_sub(one), count.saturating_sub(1));
        }
    }

    pub(crate) fn set(&mut self, resource_type: ResourceType, sum_and_count: (Digest, u64)) {
        if let Some(held) = self.0.get_mut(resource_type.index()) {
            *held = sum_and_count;
        }
    }

    /// Of one type: the digest, and how many resources there are.
    pub(crate) fn of(&self, resource_type: ResourceType) -> (Digest, u64) {
        self.0.get(resource_type.index()).copied().unwrap_or_default()
    }

    /// Of all types.
    pub(crate) fn total(&self) -> Digest {
        Digest(self.0.iter().fold(0, |total, (Digest(sum), _)| total.wrapping_add(*sum)))
    }
}
