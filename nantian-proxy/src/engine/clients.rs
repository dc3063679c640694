//! How many connections each client has open.
//!
//! Workers share the counts, since the kernel spreads the connections of one client over all of them. They are touched
//! when a connection is accepted and when it ends, never for a request, and a lock guards the counts of a part of all
//! clients only. There is an entry for each client that has a connection, so connections bound the memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::LimitsConfig;
use super::network::{Network, masked};

/// Parts with a lock of their own.
const PARTS: usize = 64;
/// Entries that a part keeps room for after a flood from many addresses.
const ROOM: usize = 64;

type Counts = HashMap<IpAddr, usize>;

/// The counts. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Clients(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// 0: nobody is counted.
    limit: usize,
    ipv6_prefix: u8,
    uncounted: Vec<Network>,
    parts: [Mutex<Counts>; PARTS],
    hasher: RandomState,
}

/// The client has as many connections as it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LimitReached;

/// One counted connection.
#[derive(Debug)]
pub(crate) struct Counted {
    clients: Clients,
    client: IpAddr,
}

impl Clients {
    /// Counts by `limits`. Behind proxies of ours (`trusted_hops`) no address is a client's, so nothing is counted.
    pub(crate) fn new(limits: &LimitsConfig, trusted_hops: u32) -> Self {
        Self(Arc::new(Inner {
            limit: if trusted_hops > 0 { 0 } else { limits.connections_per_client },
            ipv6_prefix: limits.client_ipv6_prefix,
            uncounted: limits.uncounted_clients.clone(),
            parts: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
        }))
    }

    /// Counts one more connection of the client at `peer`; `None` if it is one that is not counted.
    pub(crate) fn admit(&self, peer: IpAddr) -> Result<Option<Counted>, LimitReached> {
        let inner = &self.0;
        let peer = peer.to_canonical();
        if inner.limit == 0 || inner.uncounted.iter().any(|network| network.contains(peer)) {
            return Ok(None);
        }
        // Whoever has one IPv6 address has as many as his network has (RFC 6177).
        let client = if peer.is_ipv6() { masked(peer, inner.ipv6_prefix) } else { peer };
        let mut counts = self.part(client);
        let count = counts.entry(client).or_default();
        if *count >= inner.limit {
            return Err(LimitReached);
        }
        *count += 1;
        Ok(Some(Counted { clients: self.clone(), client }))
    }

    fn part(&self, client: IpAddr) -> MutexGuard<'_, Counts> {
        let inner = &self.0;
        let hash = usize::try_from(inner.hasher.hash_one(client) % PARTS as u64).unwrap_or(0);
        let [first, ..] = &inner.parts;
        inner.parts.get(hash).unwrap_or(first).lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.clients.part(self.client);
        if let Entry::Occupied(mut count) = counts.entry(self.client) {
            if *count.get() > 1 {
                *count.get_mut() -= 1;
            } else {
                count.remove();
            }
        }
        if counts.capacity() > ROOM && counts.len() < counts.capacity() / 8 {
            counts.shrink_to(ROOM);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clients(change: impl FnOnce(&mut LimitsConfig)) -> Clients {
        let mut limits = LimitsConfig { connections_per_client: 2, ..LimitsConfig::default() };
        change(&mut limits);
        Clients::new(&limits, 0)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn each_address_has_a_count_of_its_own_and_ended_connections_do_not_count() {
        let clients = clients(|_| ());
        let first = clients.admit(ip("192.0.2.1")).expect("admitted");
        let _second = clients.admit(ip("::ffff:192.0.2.1")).expect("admitted");
        assert_eq!(clients.admit(ip("192.0.2.1")).err(), Some(LimitReached));
        let _other = clients.admit(ip("192.0.2.2")).expect("another client");
        drop(first);
        let _third = clients.admit(ip("192.0.2.1")).expect("there is room again");
        assert_eq!(clients.admit(ip("192.0.2.1")).err(), Some(LimitReached));
    }

    #[test]
    fn the_addresses_of_an_ipv6_prefix_are_one_client() {
        let clients = clients(|_| ());
        let _first = clients.admit(ip("2001:db8::1")).expect("admitted");
        let _second = clients.admit(ip("2001:db8::2")).expect("admitted");
        assert_eq!(clients.admit(ip("2001:db8::ffff:3")).err(), Some(LimitReached));
        assert!(clients.admit(ip("2001:db8:0:1::1")).is_ok(), "another /64");
        let whole = self::clients(|limits| limits.client_ipv6_prefix = 128);
        let open: Vec<_> =
            (1..9_u16).map(|last| whole.admit(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]))).collect();
        assert!(open.iter().all(Result::is_ok));
    }

    #[test]
    fn who_stands_for_many_clients_is_not_counted() {
        let proxies = clients(|limits| limits.uncounted_clients = vec!["192.0.2.0/24".parse().expect("a network")]);
        let none = clients(|limits| limits.connections_per_client = 0);
        let behind = Clients::new(&LimitsConfig { connections_per_client: 2, ..LimitsConfig::default() }, 1);
        for clients in [&proxies, &none, &behind] {
            assert!((0..100).all(|_| matches!(clients.admit(ip("192.0.2.9")), Ok(None))));
        }
        let open: Vec<_> = (0..3).map(|_| proxies.admit(ip("198.51.100.1"))).collect();
        assert!(open.last().expect("three").is_err());
    }

    #[test]
    fn counts_hold_across_threads_and_nothing_is_left_of_clients_that_are_gone() {
        let clients = clients(|limits| limits.connections_per_client = 64);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..20_000_u32 {
                        let open = clients.admit(IpAddr::from(round.to_be_bytes())).expect("admitted");
                        let shared = clients.admit(ip("192.0.2.1")).expect("at most four at once");
                        drop((open, shared));
                    }
                });
            }
        });
        let parts = || clients.0.parts.iter().map(|part| part.lock().expect("not poisoned"));
        assert!(parts().all(|part| part.is_empty() && part.capacity() <= 2 * ROOM));
    }
}
