//! Trying again: when, after how long, and with which body (`HTTPRouteRetry`, GEP-1731).

pub(crate) mod replay;

use std::time::Duration;

use http::{Method, StatusCode};
use nantian_ir::Retry;

/// The longest wait between two tries, as a multiple of the least one.
const MAX_GROWTH: u32 = 10;

/// Whether a request that may have been acted on can be sent again (RFC 9110 section 9.2.2).
pub(crate) fn is_idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::PUT | Method::DELETE)
}

/// A rule's retry policy, ready to use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RetryPolicy {
    codes: Vec<u16>,
    /// Further tries after the first.
    pub(crate) attempts: u32,
    backoff: Option<Duration>,
}

impl RetryPolicy {
    pub(crate) fn compile(retry: &Retry) -> Self {
        let mut codes = retry.codes.clone();
        codes.sort_unstable();
        Self { codes, attempts: retry.attempts, backoff: retry.backoff }
    }

    /// Whether an answer with `status` is tried again. "Implementations MUST support [...] the configured codes": also
    /// for methods that are not idempotent, because the route says so.
    pub(crate) fn covers(&self, status: StatusCode) -> bool {
        self.codes.binary_search(&status.as_u16()).is_ok()
    }

    /// How long to wait before further try number `retry` (from 0): at least the backoff ("unsuccessful backend requests
    /// are not retried before the configured minimum duration"), doubled each time up to ten times the backoff, and up
    /// to a half longer by jitter.
    pub(crate) fn delay(&self, retry: u32, default_backoff: Duration, random: u64) -> Duration {
        let base = self.backoff.unwrap_or(default_backoff);
        let growth = 2_u32.saturating_pow(retry).min(MAX_GROWTH);
        let delay = base.saturating_mul(growth);
        let jitter = u32::try_from(random % 1024).unwrap_or(0);
        delay.saturating_add((delay / 2048).saturating_mul(jitter))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(codes: &[u16], backoff: Option<Duration>) -> RetryPolicy {
        RetryPolicy::compile(&Retry { codes: codes.to_vec(), attempts: 3, backoff })
    }

    #[test]
    fn only_configured_codes_are_tried_again() {
        let policy = policy(&[503, 500], None);
        assert!(policy.covers(StatusCode::INTERNAL_SERVER_ERROR) && policy.covers(StatusCode::SERVICE_UNAVAILABLE));
        assert!(!policy.covers(StatusCode::BAD_GATEWAY) && !policy.covers(StatusCode::OK));
    }

    #[test]
    fn an_absent_backoff_is_the_default() {
        assert_eq!(policy(&[], None).delay(0, Duration::from_millis(25), 0), Duration::from_millis(25));
    }

    proptest! {
        /// `HTTPRouteRetry.backoff`: never before the minimum; ours also has a most.
        #[test]
        fn delays_are_at_least_the_backoff_and_bounded(millis in 1_u64..100_000, retry in 0_u32..80, random in any::<u64>()) {
            let base = Duration::from_millis(millis);
            let delay = policy(&[], Some(base)).delay(retry, Duration::ZERO, random);
            prop_assert!(delay >= base);
            prop_assert!(delay <= base * MAX_GROWTH * 3 / 2);
        }
    }
}
