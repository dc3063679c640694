//! The Leases of data planes that are gone for good: the leader deletes them.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Preconditions};
use tokio::sync::watch;

use super::node::{NODE_ID, PATIENCE, SELECTOR, lease_name, status};
use crate::Nodes;
use crate::notice::{Listener, Notice};

/// How often they are looked for.
const LOOK: Duration = Duration::from_secs(60);

/// Deletions in one look. What is left is deleted in the next.
const MAX_DELETIONS: usize = 100;

/// Deletes them, for ever, while this replica leads.
pub(super) async fn delete(api: &Api<Lease>, nodes: &Nodes, leader: watch::Receiver<bool>, listener: &Listener) {
    let (mut begins, mut ends) = (leader.clone(), leader);
    // Without a sender the process ends.
    while begins.wait_for(|leads| *leads).await.is_ok() {
        tokio::select! {
            _ = ends.wait_for(|leads| !*leads) => {}
            () = keep_looking(api, nodes, listener) => {}
        }
    }
}

async fn keep_looking(api: &Api<Lease>, nodes: &Nodes, listener: &Listener) {
    let mut looks = tokio::time::interval(LOOK);
    let mut failing = false;
    loop {
        looks.tick().await;
        let message = match tokio::time::timeout(PATIENCE, look(api, nodes)).await {
            Ok(Ok(())) => {
                failing = false;
                continue;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        if !std::mem::replace(&mut failing, true) {
            listener.tell(&Notice::LeaseFailed { lease: "of data planes that are gone".to_owned(), message });
        }
    }
}

async fn look(api: &Api<Lease>, nodes: &Nodes) -> Result<(), kube::Error> {
    let leases = api.list(&ListParams::default().labels(SELECTOR)).await?;
    let is_connected = |id: &str| nodes.get(id).is_some_and(|node| node.connected);
    for (name, preconditions) in gone(&leases.items, Timestamp::now(), nodes.remembered(), &is_connected) {
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        match api.delete(&name, &params).await {
            Ok(_) => {}
            // It is deleted already, or its data plane is back.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The Leases of data planes that nobody has heard of for longer than `remembered`, as they were seen.
fn gone(
    leases: &[Lease],
    now: Timestamp,
    remembered: Duration,
    is_connected: &dyn Fn(&str) -> bool,
) -> Vec<(String, Preconditions)> {
    let is_gone = |lease: &&Lease| {
        let Some(id) = node_id(lease) else { return false };
        let silent = last_seen(lease).map(|seen| Duration::try_from(now.duration_since(seen)).unwrap_or_default());
        silent.is_some_and(|silent| silent > remembered) && !is_connected(id)
    };
    let found = leases.iter().filter(is_gone).take(MAX_DELETIONS).filter_map(|lease| {
        let (uid, resource_version) = (lease.metadata.uid.clone(), lease.metadata.resource_version.clone());
        Some((lease.metadata.name.clone()?, Preconditions { resource_version, uid }))
    });
    found.collect()
}

/// The data plane that a Lease is of. `None`: of none, whatever its labels say.
fn node_id(lease: &Lease) -> Option<&str> {
    let id = lease.metadata.annotations.as_ref()?.get(NODE_ID)?;
    (lease.metadata.name.as_ref() == Some(&lease_name(id))).then_some(id)
}

/// The last sign of life: of the data plane, or of the control plane that it was connected to.
fn last_seen(lease: &Lease) -> Option<Timestamp> {
    let renewed = lease.spec.as_ref().and_then(|spec| spec.renew_time.as_ref()).map(|time| time.0);
    renewed.max(status(lease).map(|status| status.last_seen_at))
}

#[cfg(test)]
mod tests {
    use nantian_xds::transport::Observation;

    use super::super::node::lease;
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// The Lease of a data plane, renewed at this second.
    fn renewed(id: &str, second: i64) -> Lease {
        let nodes = Nodes::new();
        nodes.observe(id, "c", Observation::Connected);
        let mut value = lease(&nodes.get(id).unwrap(), at(second));
        value["metadata"]["uid"] = id.into();
        value["metadata"]["resourceVersion"] = "7".into();
        serde_json::from_value(value).unwrap()
    }

    fn names(leases: &[Lease], now: i64, connected: &[&str]) -> Vec<String> {
        let found = gone(leases, at(now), HOUR, &|id| connected.contains(&id));
        found.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn a_lease_goes_an_hour_after_its_data_plane_was_last_seen_and_not_while_that_is_connected() {
        let leases = [renewed("gone", 0), renewed("there", 3_000)];
        assert_eq!(names(&leases, 3_600, &[]), [""; 0]);
        assert_eq!(names(&leases, 3_601, &[]), [lease_name("gone")]);
        assert_eq!(names(&leases, 3_601, &["gone"]), [""; 0], "its replica could not write for an hour");
        assert_eq!(names(&leases, 6_601, &["gone"]), [lease_name("there")]);
        assert_eq!(names(&leases, -10, &[]), [""; 0], "the clock of another replica is ahead");
    }

    #[test]
    fn what_is_deleted_is_what_was_looked_at() {
        let found = gone(&[renewed("gone", 0)], at(9_999), HOUR, &|_| false);
        let (_, Preconditions { resource_version, uid }) = found.into_iter().next().unwrap();
        assert_eq!((resource_version.as_deref(), uid.as_deref()), (Some("7"), Some("gone")));
    }

    #[test]
    fn a_lease_of_somebody_else_stays_whatever_its_labels_say() {
        let mut other = renewed("gone", 0);
        other.metadata.name = Some("theirs".to_owned());
        let mut nobodys = renewed("gone", 0);
        nobodys.metadata.annotations = None;
        let mut undated = renewed("gone", 0);
        undated.spec = None;
        undated.metadata.annotations.as_mut().unwrap().remove("nantian.dev/node-status");
        assert_eq!(names(&[other, nobodys, undated], 9_999, &[]), [""; 0]);
    }

    #[test]
    fn one_look_deletes_so_many_and_the_next_one_others() {
        let mut leases: Vec<Lease> = (0..150).map(|index| renewed(&format!("node-{index}"), 0)).collect();
        let first = names(&leases, 9_999, &[]);
        assert_eq!(first.len(), MAX_DELETIONS);
        leases.retain(|lease| !first.contains(lease.metadata.name.as_ref().unwrap()));
        assert_eq!(names(&leases, 9_999, &[]).len(), 50);
    }
}
