//! Which cipher suite a handshake takes.
//!
//! AES with keys of 128 bits comes first, as in `BoringSSL` and Go: ten rounds a block, where 256 bits take fourteen. A client
//! that has no instructions for AES says so by naming `ChaCha20` first, and gets what it names.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::ClientHello;
use rustls::{CipherSuite, ServerConfig};

#[cfg(target_arch = "x86_64")]
use super::aes_gcm;

/// The cryptography of handshakes with clients and with backends.
pub(crate) fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    #[cfg(target_arch = "x86_64")]
    provider.cipher_suites.iter_mut().for_each(|suite| *suite = aes_gcm::fastest(*suite));
    // The order is kept besides; suites of TLS 1.3 come first there.
    provider
        .cipher_suites
        .sort_by_key(|suite| (suite.tls13().is_none(), is_chacha(suite.suite()), has_long_key(suite.suite())));
    provider
}

fn has_long_key(suite: CipherSuite) -> bool {
    matches!(
        suite,
        CipherSuite::TLS13_AES_256_GCM_SHA384
            | CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
            | CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384
    )
}

fn is_chacha(suite: CipherSuite) -> bool {
    matches!(
        suite,
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256
            | CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
            | CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
    )
}

/// TLS of a listener, by whose order of cipher suites counts.
#[derive(Debug)]
pub(crate) struct ByOrder {
    ours: Arc<ServerConfig>,
    theirs: Arc<ServerConfig>,
}

impl ByOrder {
    pub(super) fn new(mut config: ServerConfig) -> Self {
        config.ignore_client_order = false;
        let theirs = Arc::new(config.clone());
        config.ignore_client_order = true;
        Self { ours: Arc::new(config), theirs }
    }

    /// What the client of `hello` is served with.
    pub(super) fn choose(&self, hello: &ClientHello<'_>) -> &Arc<ServerConfig> {
        // What nobody knows is there to keep servers tolerant (RFC 8701), and says nothing of the client's machine.
        let known =
            |suite: &&CipherSuite| self.ours.crypto_provider().cipher_suites.iter().any(|ours| ours.suite() == **suite);
        match hello.cipher_suites().iter().find(known) {
            Some(first) if is_chacha(*first) => &self.theirs,
            _ => &self.ours,
        }
    }
}
