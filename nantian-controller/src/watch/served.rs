//! Which kinds the API server has. CRDs come and go while we run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use kube::Client;
use tokio::sync::watch;

use super::backoff::Backoff;
use super::definitions::Installed;
use super::kinds::{INSTALLED, KINDS, Kind};
use crate::notice::{Listener, Notice};

/// The version of each kind that is there, by its name; names of installed kinds are distinct.
pub(crate) type Served = BTreeMap<&'static str, &'static str>;

/// After a CRD has changed: the API server needs a moment to serve its kind.
const LOOKS: [Duration; 6] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// For how long a kind that has a definition may be missing: an API server that has just started offers those of CRDs a moment
/// later, one by one.
const LATE: Duration = Duration::from_secs(60);

/// Between looks while one is missing.
const LOOK: Duration = Duration::from_secs(1);

/// What an API server offers of the groups whose kinds are installed.
#[derive(Debug, Default)]
struct Offered {
    served: Served,
    /// Kinds that it has in whatever version.
    kinds: BTreeSet<&'static str>,
}

/// Kinds that have a definition and are not offered, and since when.
#[derive(Debug, Default)]
struct Late(BTreeMap<&'static str, Instant>);

impl Late {
    /// What is served. A kind that is late is served as it was `before`, or what was read of it would be taken for gone; `None`:
    /// nothing is known of one that is late, so it is too early to tell.
    fn judge(
        &mut self,
        offered: Offered,
        before: Option<&Served>,
        definitions: &Installed,
        now: Instant,
    ) -> Option<Served> {
        let Offered { mut served, kinds } = offered;
        let is_late = |kind: &&Kind| {
            kind.is_installed() && !kinds.contains(kind.name) && definitions.contains(&kind.definition())
        };
        let missing: Vec<&'static str> = KINDS.iter().filter(is_late).map(|kind| kind.name).collect();
        self.0.retain(|name, _| missing.contains(name));
        for name in missing {
            let since = *self.0.entry(name).or_insert(now);
            if now.saturating_duration_since(since) > LATE {
                continue;
            }
            if let Some(version) = before?.get(name) {
                served.insert(name, version);
            }
        }
        Some(served)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The version in which a kind is read. `None`: it is not there.
pub(crate) fn version_of(kind: &Kind, served: &Served) -> Option<&'static str> {
    if kind.is_installed() { served.get(kind.name).copied() } else { kind.versions.first().copied() }
}

/// Keeps `served` true: looks when a CRD has changed, and every `period`.
pub(crate) async fn follow(
    client: Client,
    period: Duration,
    mut definitions: watch::Receiver<Option<Installed>>,
    served: watch::Sender<Option<Served>>,
    listener: Listener,
) {
    let (mut backoff, mut late) = (Backoff::default(), Late::default());
    let mut looks = LOOKS.iter();
    loop {
        match offered(&client).await {
            Ok(found) => {
                backoff.succeeded();
                // Without a sender the process ends.
                let Ok(installed) = definitions.wait_for(Option::is_some).await.map(|held| held.clone()) else {
                    return;
                };
                let before = served.borrow().clone();
                let now = late.judge(found, before.as_ref(), &installed.unwrap_or_default(), Instant::now());
                if now.is_some() && now != before {
                    served.send_replace(now);
                }
                let wait = if late.is_empty() { period } else { period.min(LOOK) };
                let wait = looks.next().copied().unwrap_or(wait);
                tokio::select! {
                    changed = definitions.changed() => match changed {
                        Ok(()) => looks = LOOKS.iter(),
                        Err(_) => return,
                    },
                    () = tokio::time::sleep(wait) => {}
                }
            }
            Err(error) => {
                if backoff.is_fresh() {
                    listener.tell(&Notice::DiscoveryFailed { message: error.to_string() });
                }
                tokio::time::sleep(backoff.failed()).await;
            }
        }
    }
}

/// Asks once.
pub(crate) async fn ask(client: &Client) -> Result<Served, kube::Error> {
    offered(client).await.map(|offered| offered.served)
}

async fn offered(client: &Client) -> Result<Offered, kube::Error> {
    let groups = client.list_api_groups().await?;
    let mut all = Offered::default();
    for group in groups.groups.iter().filter(|group| INSTALLED.contains(&group.name.as_str())) {
        let mut offered: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for version in &group.versions {
            let resources = match client.list_api_group_resources(&version.group_version).await {
                Ok(list) => list.resources,
                // It went away since.
                Err(kube::Error::Api(status)) if status.code == 404 => continue,
                Err(error) => return Err(error),
            };
            // Parts of resources have a slash in their names.
            let kinds = resources.into_iter().filter(|resource| !resource.name.contains('/'));
            offered.insert(&version.version, kinds.map(|resource| resource.kind).collect());
        }
        for kind in KINDS.iter().filter(|kind| kind.group == group.name) {
            if let Some(version) = best(kind, &offered) {
                all.served.insert(kind.name, version);
            }
            if offered.values().flatten().any(|offered| offered == kind.name) {
                all.kinds.insert(kind.name);
            }
        }
    }
    Ok(all)
}

/// The best version of a kind among those that are offered.
fn best(kind: &Kind, offered: &BTreeMap<&str, Vec<String>>) -> Option<&'static str> {
    let has =
        |version: &&&str| offered.get(**version).is_some_and(|kinds| kinds.iter().any(|offered| offered == kind.name));
    kind.versions.iter().find(has).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str) -> &'static Kind {
        KINDS.iter().find(|kind| kind.name == name).unwrap()
    }

    #[test]
    fn the_best_version_that_has_the_kind_is_read() {
        let offered = BTreeMap::from([
            ("v1", vec!["HTTPRoute".to_owned(), "TLSRoute".to_owned()]),
            ("v1alpha2", vec!["TCPRoute".to_owned(), "TLSRoute".to_owned()]),
        ]);
        assert_eq!(best(kind("TLSRoute"), &offered), Some("v1"));
        assert_eq!(best(kind("TCPRoute"), &offered), Some("v1alpha2"));
        assert_eq!(best(kind("ListenerSet"), &offered), None);
    }

    /// As an API server offers these kinds, each in a version.
    fn offering(kinds: &[(&'static str, &'static str)]) -> Offered {
        let served: Served = kinds.iter().copied().collect();
        Offered { kinds: served.keys().copied().collect(), served }
    }

    fn definitions(names: &[&'static str]) -> Installed {
        names.iter().map(|name| kind(name).definition()).collect()
    }

    #[test]
    fn what_an_api_server_does_not_offer_yet_is_served_as_before_while_it_has_a_definition() {
        let (mut late, start) = (Late::default(), Instant::now());
        let before = Served::from([("Gateway", "v1"), ("TLSRoute", "v1alpha2")]);
        let installed = definitions(&["Gateway", "TLSRoute"]);
        let one = || offering(&[("Gateway", "v1")]);
        assert_eq!(late.judge(Offered::default(), Some(&before), &installed, start), Some(before.clone()));
        assert!(!late.is_empty());
        assert_eq!(late.judge(one(), Some(&before), &installed, start + LATE), Some(before.clone()));
        let gone = Served::from([("Gateway", "v1")]);
        assert_eq!(late.judge(one(), Some(&before), &definitions(&["Gateway"]), start), Some(gone.clone()));
        assert!(late.is_empty(), "one without a definition is gone");
        late.judge(one(), Some(&before), &installed, start);
        assert_eq!(late.judge(one(), Some(&before), &installed, start + LATE * 2), Some(gone), "it does not come");
    }

    #[test]
    fn nothing_is_told_of_kinds_before_each_with_a_definition_is_offered_or_late_for_long() {
        let (mut late, start) = (Late::default(), Instant::now());
        let installed = definitions(&["Gateway", "HTTPRoute"]);
        let one = || offering(&[("Gateway", "v1")]);
        assert_eq!(late.judge(one(), None, &installed, start), None);
        let both = [("Gateway", "v1"), ("HTTPRoute", "v1")];
        assert_eq!(late.judge(offering(&both), None, &installed, start), Some(Served::from(both)));
        late.judge(one(), None, &installed, start);
        assert_eq!(late.judge(one(), None, &installed, start + LATE * 2), Some(Served::from([("Gateway", "v1")])));
    }

    #[test]
    fn a_kind_that_is_offered_in_other_versions_alone_is_not_late() {
        let mut late = Late::default();
        let mut offered = offering(&[("Gateway", "v1")]);
        offered.kinds.insert("TLSRoute");
        let told = late.judge(offered, None, &definitions(&["Gateway", "TLSRoute"]), Instant::now());
        assert_eq!(told, Some(Served::from([("Gateway", "v1")])));
    }

    #[test]
    fn kinds_of_kubernetes_itself_are_always_there() {
        assert_eq!(version_of(kind("Service"), &Served::new()), Some("v1"));
        assert_eq!(version_of(kind("Gateway"), &Served::new()), None);
    }
}
