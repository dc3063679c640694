//! Request mirroring (`HTTPRequestMirrorFilter`, GEP-3171): which requests are copied, and how their bodies are.

mod tee;

use nantian_ir::{BackendKey, RequestMirror};

use crate::balance::weights::Cycle;

pub(crate) use tee::tee;

/// A mirror, ready to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mirror {
    /// Where the copy goes.
    pub(crate) backend: BackendKey,
    share: u64,
    cycle: Cycle,
}

impl Mirror {
    pub(crate) fn compile(mirror: &RequestMirror) -> Self {
        let denominator = u64::from(mirror.fraction.denominator.max(1));
        Self {
            backend: mirror.backend.clone(),
            share: u64::from(mirror.fraction.numerator).min(denominator),
            cycle: Cycle::new(denominator),
        }
    }

    /// Whether the request that finds the counter at `position` is copied; moves the counter on. Of each `denominator`
    /// requests in a row exactly `numerator` are copied, spread evenly.
    pub(crate) fn chooses(&self, position: &mut u64) -> bool {
        self.cycle.next(position) < self.share
    }
}

#[cfg(test)]
mod tests {
    use nantian_ir::{BackendProtocol, Fraction};

    use super::*;

    fn mirror(numerator: u32, denominator: u32) -> Mirror {
        Mirror::compile(&RequestMirror {
            backend: crate::runtime::tests::backend_key("b", BackendProtocol::Http1),
            fraction: Fraction { numerator, denominator },
        })
    }

    /// `HTTPRequestMirrorFilter.fraction`; conformance test `HTTPRouteRequestPercentageMirror`.
    #[test]
    fn of_every_full_cycle_exactly_the_fraction_is_copied() {
        for (numerator, denominator) in [(0, 100), (20, 100), (35, 100), (1, 2), (5, 1000), (1, 3), (100, 100), (1, 1)]
        {
            for start in [0, 1, 77, u64::MAX] {
                let (mirror, mut position) = (mirror(numerator, denominator), start);
                let copied = (0..denominator).filter(|_| mirror.chooses(&mut position)).count();
                assert_eq!(copied, usize::try_from(numerator).unwrap(), "{numerator}/{denominator} from {start}");
            }
        }
    }

    #[test]
    fn copies_are_spread_over_the_cycle() {
        let (mirror, mut position) = (mirror(20, 100), 0);
        let chosen: Vec<bool> = (0..100).map(|_| mirror.chooses(&mut position)).collect();
        for window in chosen.chunks(25) {
            let copied = window.iter().filter(|copied| **copied).count();
            assert!((3..=7).contains(&copied), "{copied} of 25");
        }
    }
}
