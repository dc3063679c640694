//! Certificates of clients (GEP-91).

use std::sync::Arc;

use nantian_ir::{CaBundle, ClientValidation, ClientValidationMode, Snapshot};
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use crate::runtime::authorities;

/// What a listener asks of its clients.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ClientCheck {
    mode: ClientValidationMode,
    bundles: Vec<Arc<CaBundle>>,
}

impl ClientCheck {
    pub(super) fn new(validation: &ClientValidation, snapshot: &Snapshot) -> Self {
        let bundles = validation.ca_bundles.iter().filter_map(|key| snapshot.ca_bundles.get(key).cloned()).collect();
        Self { mode: validation.mode, bundles }
    }

    /// Who checks, if anything follows from it. `AllowInsecureFallback` serves clients "even if the client certificate is
    /// not presented or fails verification", so that none is asked for.
    pub(super) fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, rustls::Error> {
        if self.mode == ClientValidationMode::AllowInsecureFallback {
            return Ok(None);
        }
        let roots = Arc::new(authorities(&self.bundles));
        let built = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider)).build();
        built.map(Some).map_err(|error| rustls::Error::General(format!("clients cannot be checked: {error}")))
    }
}
