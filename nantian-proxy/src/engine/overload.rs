//! How many client connections there may be.

use std::net::IpAddr;
use std::sync::Arc;

use super::LimitsConfig;
use super::clients::{Clients, Counted};
use crate::telemetry::{BindStats, SharedCount};

/// The connections of an engine, and its limits. Clones are the same budget.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    open: Arc<SharedCount>,
    total: u64,
    per_listener: u64,
    clients: Clients,
}

/// The limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Client,
    Listener,
    Total,
}

impl Refusal {
    pub(crate) const ALL: [Self; 3] = [Self::Client, Self::Listener, Self::Total];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Listener => "listener",
            Self::Total => "total",
        }
    }
}

/// A connection's part of the budget.
#[derive(Debug)]
pub(crate) struct Permit {
    open: Arc<SharedCount>,
    stats: Arc<BindStats>,
    _counted: Option<Counted>,
}

impl Budget {
    /// `trusted_hops`: how many proxies in front of us are ours.
    pub(crate) fn new(limits: &LimitsConfig, trusted_hops: u32) -> Self {
        let count = |limit: usize| u64::try_from(limit).unwrap_or(u64::MAX);
        Self {
            open: Arc::default(),
            total: count(limits.connections),
            per_listener: count(limits.connections_per_listener),
            clients: Clients::new(limits, trusted_hops),
        }
    }

    /// Admits one more connection, from `peer`, of the bind address that `stats` counts.
    pub(crate) fn admit(&self, stats: &Arc<BindStats>, peer: IpAddr) -> Result<Permit, Refusal> {
        let counted = self.clients.admit(peer).map_err(|_| Refusal::Client)?;
        if !self.open.add_up_to(self.total) {
            return Err(Refusal::Total);
        }
        if !stats.active.add_up_to(self.per_listener) {
            self.open.sub(1);
            return Err(Refusal::Listener);
        }
        stats.total.add(1);
        Ok(Permit { open: Arc::clone(&self.open), stats: Arc::clone(stats), _counted: counted })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.open.sub(1);
        self.stats.active.sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_admitted_up_to_each_limit_and_given_back() {
        let limits = LimitsConfig { connections: 3, connections_per_listener: 2, ..LimitsConfig::default() };
        let budget = Budget::new(&limits, 0);
        let peer = IpAddr::from([192, 0, 2, 1]);
        let (a, b) = (Arc::new(BindStats::default()), Arc::new(BindStats::default()));
        let first = budget.admit(&a, peer).expect("admitted");
        let _second = budget.admit(&a, peer).expect("admitted");
        assert_eq!(budget.admit(&a, peer).err(), Some(Refusal::Listener));
        let _third = budget.admit(&b, peer).expect("admitted");
        assert_eq!(budget.admit(&b, peer).err(), Some(Refusal::Total));
        drop(first);
        assert_eq!(a.active.get(), 1);
        budget.admit(&b, peer).expect("there is room again");
        assert_eq!((a.total.get(), b.total.get()), (2, 2));
    }
}
