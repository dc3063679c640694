//! From a snapshot to what every worker is told: the runtime, TLS, and which sockets come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use nantian_ir::{BindAddress, Snapshot};

use super::{EngineConfig, Part, Refused};
use crate::listener::socket;
use crate::runtime::{PROTOCOLS, Parts, Runtime};
use crate::tls::{BindTls, TlsStore};

/// What outlives a configuration, on the engine's side.
pub(super) struct ApplyState {
    /// What is served; at first nothing.
    runtime: Arc<Runtime>,
    tls: TlsStore,
    /// Sockets that are open now, with their local address.
    pub(super) sockets: BTreeMap<BindAddress, SocketAddr>,
    pub(super) stopped: bool,
}

/// What follows from a snapshot.
pub(super) struct Plan {
    pub(super) runtime: Arc<Runtime>,
    pub(super) tls: Arc<BTreeMap<BindAddress, Arc<BindTls>>>,
    /// For each new bind address one socket for each worker.
    pub(super) open: Vec<(BindAddress, Vec<TcpListener>)>,
    pub(super) close: Vec<BindAddress>,
    pub(super) refused: Vec<Refused>,
}

impl ApplyState {
    /// Serves nothing yet. What configurations were made of goes to `reclaim`.
    pub(super) fn new(reclaim: Sender<Parts>) -> Self {
        Self {
            runtime: Arc::new(Runtime::reclaimed_by(reclaim)),
            tls: TlsStore::default(),
            sockets: BTreeMap::new(),
            stopped: false,
        }
    }

    /// What is served now.
    pub(super) fn snapshot(&self) -> &Arc<Snapshot> {
        self.runtime.snapshot()
    }

    /// Builds everything that `snapshot` needs and opens its new sockets. What cannot be had is refused; the rest stands.
    pub(super) fn plan(&mut self, snapshot: &Arc<Snapshot>, config: &EngineConfig, workers: usize) -> Plan {
        let runtime = Arc::new(Runtime::build(Arc::clone(snapshot), Some(&self.runtime)));
        let mut refused: Vec<_> = runtime.refused().iter().map(Refused::from).collect();
        let tls = self.tls.build(snapshot);
        refused.extend(tls.refused);

        let served = || snapshot.listeners.values().filter(|listener| PROTOCOLS.contains(&listener.protocol));
        let wanted: BTreeSet<_> = served().map(|listener| listener.bind).collect();
        let mut open = Vec::new();
        for bind in &wanted {
            if self.sockets.contains_key(bind) {
                continue;
            }
            let shares_port = self.sockets.keys().any(|ours| ours.port == bind.port && bind.port != 0);
            match socket::open(*bind, config.bind_address, shares_port, workers, config.limits.backlog) {
                Ok(sockets) => {
                    if let Some(local) = sockets.first().and_then(|socket| socket.local_addr().ok()) {
                        self.sockets.insert(*bind, local);
                    }
                    open.push((*bind, sockets));
                }
                Err(problem) => {
                    let on_it = served().filter(|listener| listener.bind == *bind);
                    refused.extend(on_it.map(|listener| Refused {
                        part: Part::Listener(listener.key.clone()),
                        message: problem.message.clone(),
                        remedy: problem.remedy.clone(),
                    }));
                }
            }
        }
        let close: Vec<_> = self.sockets.keys().filter(|bind| !wanted.contains(bind)).copied().collect();
        for bind in &close {
            self.sockets.remove(bind);
        }
        refused.sort();
        self.runtime = Arc::clone(&runtime);
        Plan { runtime, tls: Arc::new(tls.binds), open, close, refused }
    }
}

impl From<&crate::runtime::Refused> for Refused {
    fn from(refused: &crate::runtime::Refused) -> Self {
        Self { part: refused.part.clone(), message: refused.message.clone(), remedy: String::new() }
    }
}
