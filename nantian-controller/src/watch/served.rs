//! Which kinds the API server has. CRDs come and go while we run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use tokio::sync::{Notify, watch};

use super::backoff::Backoff;
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

/// The version in which a kind is read. `None`: it is not there.
pub(crate) fn version_of(kind: &Kind, served: &Served) -> Option<&'static str> {
    if kind.is_installed() { served.get(kind.name).copied() } else { kind.versions.first().copied() }
}

/// Keeps `served` true: looks when a CRD has changed, and every `period`.
pub(crate) async fn follow(
    client: Client,
    period: Duration,
    definitions_changed: Arc<Notify>,
    served: watch::Sender<Option<Served>>,
    listener: Listener,
) {
    let mut backoff = Backoff::default();
    let mut looks = LOOKS.iter();
    loop {
        match ask(&client).await {
            Ok(found) => {
                backoff.succeeded();
                served.send_if_modified(|held| {
                    let is_new = held.as_ref() != Some(&found);
                    *held = Some(found);
                    is_new
                });
                let wait = looks.next().copied().unwrap_or(period);
                tokio::select! {
                    () = definitions_changed.notified() => looks = LOOKS.iter(),
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
    let groups = client.list_api_groups().await?;
    let mut served = Served::new();
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
                served.insert(kind.name, version);
            }
        }
    }
    Ok(served)
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

    #[test]
    fn kinds_of_kubernetes_itself_are_always_there() {
        assert_eq!(version_of(kind("Service"), &Served::new()), Some("v1"));
        assert_eq!(version_of(kind("Gateway"), &Served::new()), None);
    }
}
