//! Getting and keeping the leader's Lease.

use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt as _};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use tokio::sync::watch;

use super::election::{Election, Held, Step};
use crate::Settings;
use crate::notice::{Listener, Notice};
use crate::settings::ElectionSettings;

/// A replica that would lead.
pub(crate) struct Candidate {
    api: Api<Lease>,
    identity: String,
    settings: ElectionSettings,
    leader: watch::Sender<bool>,
    listener: Listener,
}

impl Candidate {
    pub(crate) fn new(client: Client, settings: &Settings, leader: watch::Sender<bool>, listener: Listener) -> Self {
        Self {
            api: Api::namespaced(client, &settings.namespace),
            identity: settings.identity.clone(),
            settings: settings.leader_election.clone(),
            leader,
            listener,
        }
    }

    /// Runs until `stopping` is true; then gives the Lease up, so that another need not wait for its end.
    pub(crate) async fn run(self, mut stopping: watch::Receiver<bool>) {
        if !self.settings.enabled {
            self.lead(true, "");
            return;
        }
        let mut election = Election::new(self.identity.clone(), self.settings.renew_deadline);
        let mut changes = pin!(self.changes());
        loop {
            tokio::select! {
                () = self.round(&mut election, changes.as_mut()) => {}
                _ = stopping.wait_for(|stopping| *stopping) => break,
            }
        }
        if *self.leader.borrow() {
            self.lead(false, "the control plane stops");
            // Whoever waits, waits for its end then.
            let _ = tokio::time::timeout(self.settings.retry_period, self.give_up()).await;
        }
    }

    /// What becomes of the Lease; `None`: it is gone. What is wrong with the API server, tries tell.
    fn changes(&self) -> impl Stream<Item = Option<Held>> {
        let default_duration = self.settings.lease_duration;
        let leases = watcher::watch_object(self.api.clone(), &self.settings.lease).default_backoff();
        leases.filter_map(move |seen| async move {
            let lease = seen.ok()?;
            Some(lease.map(|lease| held(&lease, default_duration)))
        })
    }

    /// One try, and the wait for the next.
    async fn round(&self, election: &mut Election, changes: Pin<&mut impl Stream<Item = Option<Held>>>) {
        let began = Instant::now();
        // A write that hangs must not outlast the time that it is for.
        let patience =
            election.leads_until().map_or(self.settings.renew_deadline, |until| until.saturating_duration_since(began));
        match tokio::time::timeout(patience, self.attempt(election, began)).await {
            Ok(Ok(true)) => self.lead(true, ""),
            Ok(Ok(false)) => self.lead(false, "another replica has the Lease"),
            Ok(Err(error)) => self.failed(&error.to_string()),
            Err(_) => self.failed("no answer in time"),
        }
        let next = began + self.settings.retry_period;
        // A Lease that has run out and could not be taken is no reason to hurry.
        let free_at = election.free_at().filter(|at| *at > Instant::now());
        let next = [election.leads_until(), free_at].into_iter().flatten().fold(next, Instant::min);
        tokio::select! {
            () = tokio::time::sleep_until(next.into()) => {}
            () = freed(election, changes) => {}
        }
        if election.has_run_out(Instant::now()) {
            self.lead(false, "the Lease could not be renewed in time");
        }
    }

    /// Says whether the Lease is ours now.
    async fn attempt(&self, election: &mut Election, began: Instant) -> Result<bool, kube::Error> {
        let lease = self.api.get_opt(&self.settings.lease).await?;
        let held = lease.as_ref().map(|lease| held(lease, self.settings.lease_duration));
        let step = election.look(held.as_ref(), Instant::now());
        if step == Step::Wait {
            return Ok(false);
        }
        let is_new = lease.is_none();
        let lease = self.ours(lease.unwrap_or_default(), step);
        let params = PostParams::default();
        let written = if is_new {
            self.api.create(&params, &lease).await
        } else {
            // It has the version that was read: of two who take it at once, one is refused.
            self.api.replace(&self.settings.lease, &params, &lease).await
        };
        match written {
            Ok(_) => {
                election.renewed(began);
                Ok(true)
            }
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(election.leads_until().is_some()),
            Err(error) => Err(error),
        }
    }

    /// The Lease with us as its holder.
    fn ours(&self, mut lease: Lease, step: Step) -> Lease {
        lease.metadata.name = Some(self.settings.lease.clone());
        let now = MicroTime(Timestamp::now());
        let spec = lease.spec.get_or_insert_with(LeaseSpec::default);
        if step == Step::Take {
            spec.acquire_time = Some(now.clone());
            spec.lease_transitions = Some(spec.lease_transitions.map_or(0, |count| count.saturating_add(1)));
        }
        spec.holder_identity = Some(self.identity.clone());
        spec.lease_duration_seconds = i32::try_from(self.settings.lease_duration.as_secs().max(1)).ok();
        spec.renew_time = Some(now);
        lease
    }

    async fn give_up(&self) -> Result<(), kube::Error> {
        let Some(mut lease) = self.api.get_opt(&self.settings.lease).await? else { return Ok(()) };
        let Some(spec) = &mut lease.spec else { return Ok(()) };
        if spec.holder_identity.as_deref() == Some(self.identity.as_str()) {
            spec.holder_identity = Some(String::new());
            self.api.replace(&self.settings.lease, &PostParams::default(), &lease).await?;
        }
        Ok(())
    }

    fn failed(&self, message: &str) {
        let lease = self.settings.lease.clone();
        self.listener.tell(&Notice::LeaseFailed { lease, message: message.to_owned() });
    }

    fn lead(&self, leads: bool, message: &str) {
        if self.leader.send_replace(leads) == leads {
            return;
        }
        let notice = if leads {
            Notice::Leading { identity: self.identity.clone() }
        } else {
            Notice::NotLeading { message: message.to_owned() }
        };
        self.listener.tell(&notice);
    }
}

/// Until the Lease can be taken: one that is given up is not waited for.
async fn freed(election: &mut Election, mut changes: Pin<&mut impl Stream<Item = Option<Held>>>) {
    while let Some(held) = changes.next().await {
        // What comes late says nothing about a Lease that is ours.
        if election.leads_until().is_none() && election.look(held.as_ref(), Instant::now()) == Step::Take {
            return;
        }
    }
    std::future::pending::<()>().await;
}

fn held(lease: &Lease, default_duration: Duration) -> Held {
    let Lease { metadata: ObjectMeta { resource_version, .. }, spec, .. } = lease;
    let spec = spec.as_ref();
    let seconds = spec.and_then(|spec| spec.lease_duration_seconds).and_then(|seconds| u64::try_from(seconds).ok());
    Held {
        holder: spec.and_then(|spec| spec.holder_identity.clone()).unwrap_or_default(),
        version: resource_version.clone().unwrap_or_default(),
        duration: seconds.map_or(default_duration, Duration::from_secs),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, stream};

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(10);

    /// A Lease of this holder; `None`: there is none.
    fn lease(holder: Option<&str>) -> Option<Held> {
        let duration = Duration::from_secs(15);
        holder.map(|holder| Held { holder: holder.to_owned(), version: holder.to_owned(), duration })
    }

    /// Whether the wait ends with these changes.
    fn is_freed(election: &mut Election, changes: [Option<&str>; 2]) -> bool {
        freed(election, pin!(stream::iter(changes.map(lease)))).now_or_never().is_some()
    }

    #[test]
    fn a_lease_that_is_given_up_or_deleted_is_not_waited_for() {
        let election = || Election::new("me".to_owned(), DEADLINE);
        assert!(is_freed(&mut election(), [Some("other"), Some("")]));
        assert!(is_freed(&mut election(), [Some("other"), None]));
        assert!(!is_freed(&mut election(), [Some("other"), Some("another")]));
    }

    #[test]
    fn what_is_told_late_takes_nothing_from_a_leader() {
        let mut election = Election::new("me".to_owned(), DEADLINE);
        election.renewed(Instant::now());
        assert!(!is_freed(&mut election, [Some("other"), Some("")]));
        assert!(election.leads_until().is_some());
    }
}
