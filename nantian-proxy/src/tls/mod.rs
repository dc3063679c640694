//! TLS termination: which certificate answers which server name, and the handshake.
//!
//! A `ClientHello` is read first; its server name chooses the listener of the bind address (exact, longest wildcard,
//! catch-all), and the listener's certificates are then chosen from by name and by what the client can verify. All that
//! is replaced as a whole when a configuration is applied: new handshakes see the new one, sessions go on. Certificates
//! that did not change keep their parsed keys, and ticket keys stay, so that clients resume across reloads.

mod accept;
#[cfg(target_arch = "x86_64")]
mod aes_gcm;
mod certificate;
mod client_check;
mod names;
mod store;
mod suites;

/// Bytes of a message in a record at most. With what goes around them they are an allocation of 8 KiB, the largest of those
/// that the allocator keeps close together: with larger ones each record finds memory that no cache has.
pub(crate) const RECORD: usize = 8 * 1024 - 64;
/// Most bytes that are read at once for a client with TLS: they are encrypted together, and written at once.
pub(crate) const READ: usize = 6 * RECORD;
/// The same for one that takes much ([`crate::http::unsent`]).
pub(crate) const LARGE_READ: usize = 32 * RECORD;

pub(crate) use accept::accept;
pub(crate) use store::{BindTls, TlsStore};
pub(crate) use suites::provider;

#[cfg(test)]
mod tests;
