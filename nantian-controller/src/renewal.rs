//! Files that are read again while the process runs: certificates, and the token of the admin API.

use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use crate::Metrics;
use crate::notice::{Listener, Notice};

/// How often a look is worth it. The kubelet is about a minute behind with what it mounts.
const LOOK: Duration = Duration::from_secs(10);

/// What is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renewed {
    /// What the control plane shows data planes, and whom it trusts.
    Credentials,
    /// The token of the admin API.
    Token,
}

impl Renewed {
    pub(crate) const ALL: [Self; 2] = [Self::Credentials, Self::Token];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Token => "token",
        }
    }
}

/// Who hears of renewals.
#[derive(Debug, Clone)]
pub(crate) struct Renewals {
    pub(crate) listener: Listener,
    pub(crate) metrics: Metrics,
}

impl Renewals {
    /// Looks from time to time. `look` says whether it found something new; what is no use is passed over, and the old one
    /// goes on. A fault is told once until it is another, and counted each time.
    pub(crate) async fn follow<E: fmt::Display>(
        &self,
        what: Renewed,
        mut look: impl FnMut() -> Result<bool, E>,
    ) -> Infallible {
        let mut looks = tokio::time::interval(LOOK);
        let mut told = None;
        loop {
            looks.tick().await;
            let fault = match look() {
                Ok(is_new) => {
                    if is_new {
                        self.listener.tell(&Notice::Renewed { what: what.as_str() });
                    }
                    None
                }
                Err(fault) => {
                    self.metrics.renewal_failed(what);
                    Some(fault.to_string())
                }
            };
            if let Some(message) = &fault
                && told != fault
            {
                self.listener.tell(&Notice::NotRenewed { what: what.as_str(), message: message.clone() });
            }
            told = fault;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_fault_is_told_until_it_is_another_and_counted_each_time() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = Arc::clone(&told);
        let listener = Listener::new(move |notice| tell.lock().unwrap().push(notice.clone()));
        let renewals = Renewals { listener, metrics: Metrics::new() };
        let mut looks = [Ok(false), Err("a"), Err("a"), Err("b"), Ok(true), Err("b")].into_iter();
        let every = renewals.follow(Renewed::Token, move || looks.next().unwrap_or(Ok(false)));
        assert!(tokio::time::timeout(LOOK * 10, every).await.is_err(), "it goes on and on");
        let not_renewed = |message: &str| Notice::NotRenewed { what: "token", message: message.to_owned() };
        let expected = [not_renewed("a"), not_renewed("b"), Notice::Renewed { what: "token" }, not_renewed("b")];
        assert_eq!(*told.lock().unwrap(), expected);
        let text = renewals.metrics.text(&crate::metrics::Gauges::default());
        let counted = |line: &str| text.lines().any(|written| written == line);
        assert!(counted(r#"nantian_gateway_controlplane_renewal_failures_total{what="token"} 4"#), "{text}");
        assert!(counted(r#"nantian_gateway_controlplane_renewal_failures_total{what="credentials"} 0"#), "{text}");
    }
}
