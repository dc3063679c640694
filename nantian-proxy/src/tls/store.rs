//! TLS of all bind addresses, rebuilt for each configuration out of what did not change.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use nantian_ir::{BindAddress, CertificateKey, Listener, ListenerKey, ListenerProtocol, Snapshot};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, ProducesTickets};

use super::RECORD;
use super::certificate::{Choice, Served};
use super::client_check::ClientCheck;
use super::names::Names;
use super::suites::{self, ByOrder};
use crate::engine::{Part, Refused};

/// What rustls counts of a record besides the bytes of the message (RFC 8446 section 5.1).
const RECORD_OVERHEAD: usize = 5;

/// TLS of one bind address, immutable.
#[derive(Debug, Default)]
pub(crate) struct BindTls {
    /// `None`: a listener none of whose certificates can be used. Its names are not another listener's.
    listeners: Names<Option<Arc<ByOrder>>>,
}

/// What a server name is answered with.
pub(crate) enum Answer<'a> {
    Serve(&'a Arc<ByOrder>),
    NoCertificate,
    UnknownName,
}

impl BindTls {
    pub(super) fn answer(&self, server_name: Option<&str>) -> Answer<'_> {
        match self.listeners.find(server_name) {
            Some(Some(config)) => Answer::Serve(config),
            Some(None) => Answer::NoCertificate,
            None => Answer::UnknownName,
        }
    }
}

/// What outlives a configuration.
pub(crate) struct TlsStore {
    provider: Arc<CryptoProvider>,
    certificates: BTreeMap<CertificateKey, Arc<Served>>,
    tickets: BTreeMap<BindAddress, Arc<dyn ProducesTickets>>,
    configs: BTreeMap<ListenerKey, Built>,
}

struct Built {
    bind: BindAddress,
    certificates: Vec<Arc<Served>>,
    clients: Option<ClientCheck>,
    config: Arc<ByOrder>,
}

impl fmt::Debug for TlsStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsStore").field("certificates", &self.certificates).finish_non_exhaustive()
    }
}

impl Default for TlsStore {
    fn default() -> Self {
        Self {
            provider: Arc::new(suites::provider()),
            certificates: BTreeMap::new(),
            tickets: BTreeMap::new(),
            configs: BTreeMap::new(),
        }
    }
}

/// TLS of a snapshot, and what of it cannot be used.
#[derive(Debug, Default)]
pub(crate) struct SnapshotTls {
    pub(crate) binds: BTreeMap<BindAddress, Arc<BindTls>>,
    pub(crate) refused: Vec<Refused>,
}

impl TlsStore {
    /// Builds TLS for `snapshot`; what did not change since the last call is the same object as before.
    pub(crate) fn build(&mut self, snapshot: &Snapshot) -> SnapshotTls {
        let mut result = SnapshotTls::default();
        self.parse_certificates(snapshot, &mut result.refused);
        let mut binds = BTreeMap::<BindAddress, BindTls>::new();
        let mut before = std::mem::take(&mut self.configs);
        for listener in snapshot.listeners.values() {
            if listener.protocol != ListenerProtocol::Https {
                continue;
            }
            let named = listener.tls.iter().flat_map(|tls| &tls.certificates);
            let certificates: Vec<_> = named.filter_map(|key| self.certificates.get(key)).map(Arc::clone).collect();
            let validation = listener.tls.as_ref().and_then(|tls| tls.client_validation.as_ref());
            let clients = validation.map(|validation| ClientCheck::new(validation, snapshot));
            let before = before.remove(&listener.key);
            let config = self.config(listener, certificates, clients, before, &mut result.refused);
            binds.entry(listener.bind).or_default().listeners.insert(&listener.hostname, config);
        }
        self.tickets.retain(|bind, _| binds.contains_key(bind));
        result.binds = binds.into_iter().map(|(bind, tls)| (bind, Arc::new(tls))).collect();
        result
    }

    fn parse_certificates(&mut self, snapshot: &Snapshot, refused: &mut Vec<Refused>) {
        let before = std::mem::take(&mut self.certificates);
        for (key, source) in &snapshot.certificates {
            if let Some(served) = before.get(key).filter(|served| served.is(source)) {
                self.certificates.insert(key.clone(), Arc::clone(served));
                continue;
            }
            match Served::parse(source, &self.provider) {
                Ok(served) => {
                    self.certificates.insert(key.clone(), Arc::new(served));
                }
                Err(error) => refused.push(Refused {
                    part: Part::Certificate(key.clone()),
                    message: error.to_string(),
                    remedy: "put a PEM certificate chain, leaf first, into tls.crt of the Secret and the leaf's \
                             unencrypted PEM private key into tls.key"
                        .to_owned(),
                }),
            }
        }
    }

    fn config(
        &mut self,
        listener: &Listener,
        certificates: Vec<Arc<Served>>,
        clients: Option<ClientCheck>,
        before: Option<Built>,
        refused: &mut Vec<Refused>,
    ) -> Option<Arc<ByOrder>> {
        if certificates.is_empty() {
            refused.push(Refused {
                part: Part::Listener(listener.key.clone()),
                message: "none of its certificates can be used: handshakes for its host names are refused".to_owned(),
                remedy: "repair at least one of the Secrets in tls.certificateRefs".to_owned(),
            });
            return None;
        }
        let same = |built: &Built| {
            built.bind == listener.bind
                && built.clients == clients
                && built.certificates.len() == certificates.len()
                && built.certificates.iter().zip(&certificates).all(|(a, b)| Arc::ptr_eq(a, b))
        };
        let built = match before.filter(same) {
            Some(built) => built,
            None => match self.build_config(listener.bind, &certificates, clients.as_ref()) {
                Ok(config) => Built { bind: listener.bind, certificates, clients, config: Arc::new(config) },
                Err(error) => {
                    refused.push(Refused {
                        part: Part::Listener(listener.key.clone()),
                        message: format!("TLS cannot be set up: {error}"),
                        remedy:
                            "mend the certificates that it names, else please report it: it is the machine's random \
                                 source or a defect"
                                .to_owned(),
                    });
                    return None;
                }
            },
        };
        let config = Arc::clone(&built.config);
        self.configs.insert(listener.key.clone(), built);
        Some(config)
    }

    fn build_config(
        &mut self,
        bind: BindAddress,
        certificates: &[Arc<Served>],
        clients: Option<&ClientCheck>,
    ) -> Result<ByOrder, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
        let verifier = clients.map(|clients| clients.verifier(&self.provider)).transpose()?.flatten();
        let checks_clients = verifier.is_some();
        let builder = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(Choice(certificates.to_vec())));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.max_fragment_size = Some(RECORD + RECORD_OVERHEAD);
        // Nothing is stored: sessions are in the clients' tickets, and every worker can resume them.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        if checks_clients {
            // A session that goes on is not checked again: its authority may have been taken away meanwhile.
            config.send_tls13_tickets = 0;
        } else {
            config.ticketer = self.tickets(bind)?;
        }
        Ok(ByOrder::new(config))
    }

    /// The ticket keys of a bind address.
    fn tickets(&mut self, bind: BindAddress) -> Result<Arc<dyn ProducesTickets>, rustls::Error> {
        let tickets = if let Some(tickets) = self.tickets.get(&bind) {
            Arc::clone(tickets)
        } else {
            let tickets = rustls::crypto::aws_lc_rs::Ticketer::new()?;
            self.tickets.insert(bind, Arc::clone(&tickets));
            tickets
        };
        Ok(tickets)
    }
}
