//! Ports that listeners are bound to where one data plane serves many Gateways: each (Gateway, port) has its own, so that no
//! Gateway gets connections of another, whatever its listeners say.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::compile::decode::Name;
use crate::hash::ContentHash;
use crate::precedence::Age;

/// The ports that are given out: above those that services are known by, below those that systems give out.
const RANGE: RangeInclusive<u16> = 10_000..=29_999;

/// The data plane's own interface is there.
const ADMIN: u16 = 19_080;

/// What one Gateway asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request<'g> {
    pub(crate) age: Age,
    pub(crate) gateway: &'g Name,
    /// The ports of its listeners.
    pub(crate) ports: BTreeSet<u16>,
    /// The bind ports that it has, by port.
    pub(crate) recorded: BTreeMap<u16, u16>,
}

/// The bind port of each port of each Gateway. A port that got none is left out.
///
/// What is recorded comes first, then what a hash of the names says, then the next free port; of two who want the same, the
/// older Gateway has it, then the first by name. So a new Gateway moves none that is there.
pub(crate) fn assign(requests: Vec<Request<'_>>) -> BTreeMap<Name, BTreeMap<u16, u16>> {
    assign_from(requests, RANGE)
}

fn assign_from(mut requests: Vec<Request<'_>>, range: RangeInclusive<u16>) -> BTreeMap<Name, BTreeMap<u16, u16>> {
    requests.sort_by(|a, b| (a.age, a.gateway).cmp(&(b.age, b.gateway)));
    let mut taken = BTreeSet::from([ADMIN]);
    let mut assigned: BTreeMap<Name, BTreeMap<u16, u16>> = BTreeMap::new();
    for request in &requests {
        let of_gateway = assigned.entry(request.gateway.clone()).or_default();
        for (port, bind) in &request.recorded {
            if request.ports.contains(port) && range.contains(bind) && taken.insert(*bind) {
                of_gateway.insert(*port, *bind);
            }
        }
    }
    for request in &requests {
        let of_gateway = assigned.entry(request.gateway.clone()).or_default();
        for port in &request.ports {
            if of_gateway.contains_key(port) {
                continue;
            }
            let first = preferred(request.gateway, *port, &range);
            let mut candidates = (first..=*range.end()).chain(*range.start()..first);
            if let Some(bind) = candidates.find(|bind| taken.insert(*bind)) {
                of_gateway.insert(*port, bind);
            }
        }
    }
    assigned
}

/// A port that follows from the names alone, alike in every build.
fn preferred((namespace, name): &Name, port: u16, range: &RangeInclusive<u16>) -> u16 {
    let digest = u128::from_be_bytes(ContentHash::digest(&(namespace, name, port)));
    let count = u128::from(range.end() - range.start()) + 1;
    range.start() + u16::try_from(digest % count).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::compile::decode::name_of;

    fn request<'g>(gateway: &'g Name, created: i64, ports: &[u16], recorded: &[(u16, u16)]) -> Request<'g> {
        let age = Age { created: Some(created) };
        let (ports, recorded) = (ports.iter().copied().collect(), recorded.iter().copied().collect());
        Request { age, gateway, ports, recorded }
    }

    /// The bind port of port 80 of each of these.
    fn of_80(requests: Vec<Request<'_>>, names: &[&Name]) -> Vec<Option<u16>> {
        let assigned = assign(requests);
        names.iter().map(|name| assigned.get(*name).and_then(|ports| ports.get(&80)).copied()).collect()
    }

    #[test]
    fn no_two_of_two_thousand_gateways_share_a_bind_port_and_one_more_moves_none() {
        let names: Vec<Name> =
            (0..2_001).map(|number| name_of(&format!("n{}", number % 7), &number.to_string())).collect();
        let requests = |count: usize| -> Vec<Request<'_>> {
            names.iter().take(count).zip(0..).map(|(name, created)| request(name, created, &[80, 443], &[])).collect()
        };
        let before = assign(requests(2_000));
        let binds: BTreeSet<u16> = before.values().flat_map(BTreeMap::values).copied().collect();
        assert_eq!(binds.len(), 4_000);
        assert!(binds.iter().all(|bind| RANGE.contains(bind) && *bind != ADMIN));
        let mut after = assign(requests(2_001));
        assert_eq!(after.remove(&names[2_000]).map(|ports| ports.len()), Some(2));
        assert_eq!(after, before);
    }

    #[test]
    fn what_is_recorded_stays_and_the_older_has_what_two_have_recorded() {
        let (a, b, c) = (name_of("a", "gw"), name_of("b", "gw"), name_of("c", "gw"));
        let free = of_80(vec![request(&c, 1, &[80], &[])], &[&c])[0].unwrap();
        // The oldest would have that port by its names, and gets another: the youngest is in service on it.
        let found = of_80(vec![request(&c, 0, &[80], &[]), request(&a, 9, &[80], &[(80, free)])], &[&a, &c]);
        assert_eq!(found[0], Some(free));
        assert!(found[1].is_some_and(|bind| bind != free));
        // A copy of a Service says what the original does.
        let found =
            of_80(vec![request(&a, 2, &[80], &[(80, 12_345)]), request(&b, 1, &[80], &[(80, 12_345)])], &[&a, &b]);
        assert_eq!(found[1], Some(12_345));
        assert!(found[0].is_some_and(|bind| bind != 12_345));
    }

    #[test]
    fn a_record_of_a_port_that_is_not_given_out_says_nothing() {
        let a = name_of("a", "gw");
        let fresh = of_80(vec![request(&a, 1, &[80], &[])], &[&a]);
        for bind in [80, ADMIN, 30_000] {
            assert_eq!(of_80(vec![request(&a, 1, &[80], &[(80, bind)])], &[&a]), fresh);
        }
    }

    #[test]
    fn who_comes_too_late_for_a_port_gets_none() {
        let names: Vec<Name> = ["a", "b", "c"].map(|name| name_of("n", name)).to_vec();
        let requests = names.iter().zip(0..).map(|(name, created)| request(name, created, &[80], &[])).collect();
        let assigned = assign_from(requests, 10_000..=10_001);
        let counts: Vec<usize> = names.iter().map(|name| assigned[name].len()).collect();
        assert_eq!(counts, [1, 1, 0]);
    }

    proptest! {
        #[test]
        fn assignment_does_not_depend_on_order_and_has_no_collisions(
            wants in prop::collection::vec((0_i64..3, prop::collection::btree_set(1_u16..6, 1..4), prop::collection::btree_map(1_u16..6, 9_999_u16..10_012, 0..3)), 1..8)
                .prop_flat_map(|wants| (Just((0..wants.len()).collect::<Vec<_>>()).prop_shuffle(), Just(wants))),
        ) {
            let (order, wants) = wants;
            let names: Vec<Name> = (0..wants.len()).map(|number| name_of("n", &number.to_string())).collect();
            let of = |place: &usize| {
                let (created, ports, recorded) = &wants[*place];
                let age = Age { created: Some(*created) };
                Request { age, gateway: &names[*place], ports: ports.clone(), recorded: recorded.clone() }
            };
            let range = 10_000..=10_009;
            let assigned = assign_from((0..wants.len()).collect::<Vec<_>>().iter().map(of).collect(), range.clone());
            prop_assert_eq!(&assign_from(order.iter().map(of).collect(), range.clone()), &assigned);
            let binds: Vec<u16> = assigned.values().flat_map(BTreeMap::values).copied().collect();
            prop_assert_eq!(binds.iter().collect::<BTreeSet<_>>().len(), binds.len());
            prop_assert!(binds.iter().all(|bind| range.contains(bind)));
            // Whoever writes down what it got gets it again, whatever the others do.
            let recorded = order.iter().map(of).map(|request| {
                let recorded = assigned.get(request.gateway).cloned().unwrap_or_default();
                Request { recorded, ..request }
            });
            prop_assert_eq!(&assign_from(recorded.collect(), range), &assigned);
        }
    }
}
