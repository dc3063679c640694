//! The Leases of data planes: each replica writes those of the data planes that are connected to it, and reads the others', so
//! that every replica knows of all.

use std::collections::BTreeMap;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Patch, PatchParams};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::gone;
use crate::apply::FIELD_MANAGER;
use crate::digest;
use crate::notice::{Listener, Notice};
use crate::watch::Recovery;
use crate::{NodeStatus, Nodes};

pub(super) const NODE_ID: &str = "nantian.dev/node-id";
const NODE_STATUS: &str = "nantian.dev/node-status";
pub(super) const SELECTOR: &str = "nantian.dev/component=node-status";

/// Between two writes of one Lease. What happens meanwhile is in the next.
const INTERVAL: Duration = Duration::from_secs(1);

/// How often a Lease of a data plane that is connected is written, though nothing happens.
const RENEWAL: Duration = Duration::from_secs(10);

/// Time for one write.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Follows both directions, for ever; deletes those of data planes that are gone while this replica leads.
pub(crate) async fn run(
    client: Client,
    namespace: String,
    nodes: Nodes,
    leader: watch::Receiver<bool>,
    listener: Listener,
) {
    let api: Api<Lease> = Api::namespaced(client, &namespace);
    tokio::join!(
        write(&api, &nodes, &listener),
        read(&api, &nodes, &listener),
        gone::delete(&api, &nodes, leader, &listener),
    );
}

async fn write(api: &Api<Lease>, nodes: &Nodes, listener: &Listener) {
    let mut changes = nodes.changes();
    let mut written: BTreeMap<String, (NodeStatus, Instant)> = BTreeMap::new();
    let mut failing = false;
    loop {
        let local = nodes.local();
        written.retain(|id, _| local.iter().any(|node| node.id == *id));
        for node in local {
            if !is_due(&node, written.get(&node.id)) {
                continue;
            }
            match tokio::time::timeout(PATIENCE, apply(api, &node)).await {
                Ok(Ok(())) => {
                    failing = false;
                    written.insert(node.id.clone(), (node, Instant::now()));
                }
                other => {
                    let message = other.map_or_else(
                        |_| "no answer in time".to_owned(),
                        |applied| applied.err().map(|error| error.to_string()).unwrap_or_default(),
                    );
                    if !std::mem::replace(&mut failing, true) {
                        listener.tell(&Notice::LeaseFailed { lease: lease_name(&node.id), message });
                    }
                    // The API server, most likely: all others would fail as well.
                    break;
                }
            }
        }
        nodes.expire(Timestamp::now());
        tokio::time::sleep(INTERVAL).await;
        tokio::select! {
            _ = changes.changed() => {}
            () = tokio::time::sleep(if failing { INTERVAL } else { RENEWAL }) => {}
        }
    }
}

/// Whether a Lease has to be written: something has changed, or it is time.
fn is_due(node: &NodeStatus, written: Option<&(NodeStatus, Instant)>) -> bool {
    let Some((before, at)) = written else { return true };
    let unseen = NodeStatus { last_seen_at: before.last_seen_at, ..node.clone() };
    unseen != *before || node.connected && at.elapsed() >= RENEWAL
}

async fn apply(api: &Api<Lease>, node: &NodeStatus) -> Result<(), kube::Error> {
    let params = PatchParams::apply(FIELD_MANAGER).force();
    api.patch(&lease_name(&node.id), &params, &Patch::Apply(lease(node, Timestamp::now()))).await.map(drop)
}

/// `nantian-gw-node-<first 16 hex digits of SHA-256 of the node id>`.
pub(super) fn lease_name(id: &str) -> String {
    format!("nantian-gw-node-{}", digest::short(id))
}

pub(super) fn lease(node: &NodeStatus, now: Timestamp) -> Value {
    let mut status = node.clone();
    if status.connected {
        // Its stream is alive, whether it says something or not.
        status.last_seen_at = now;
    }
    let text = serde_json::to_string(&status).unwrap_or_default();
    json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": lease_name(&node.id),
            "labels": {"app.kubernetes.io/managed-by": "nantian-gw", "nantian.dev/component": "node-status"},
            "annotations": {NODE_ID: node.id, NODE_STATUS: text},
        },
        "spec": {
            "leaseDurationSeconds": RENEWAL.as_secs() * 3,
            "renewTime": MicroTime(now),
        },
    })
}

/// What a Lease says of its data plane. What somebody else wrote there says nothing.
pub(super) fn status(lease: &Lease) -> Option<NodeStatus> {
    let text = lease.metadata.annotations.as_ref()?.get(NODE_STATUS)?;
    serde_json::from_str(text).ok()
}

async fn read(api: &Api<Lease>, nodes: &Nodes, listener: &Listener) {
    let config = watcher::Config::default().labels(SELECTOR);
    let mut events = pin!(watcher(api.clone(), config));
    let mut recovery = Recovery::of("Lease", listener);
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Apply(lease) | Event::InitApply(lease)) => {
                recovery.went_well();
                if let Some(status) = status(&lease) {
                    nodes.report(status);
                }
            }
            Ok(_) => {}
            Err(error) => recovery.failed(&error).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use nantian_xds::transport::Observation;

    use super::*;

    fn node() -> NodeStatus {
        let nodes = Nodes::new();
        nodes.observe("pod-1", "c", Observation::Connected);
        nodes.get("pod-1").unwrap()
    }

    #[test]
    fn a_lease_has_the_name_labels_and_annotations_that_operators_know() {
        let node = node();
        let lease = lease(&node, "2026-01-01T00:00:00Z".parse().unwrap());
        // printf pod-1 | sha256sum
        assert_eq!(lease["metadata"]["name"], "nantian-gw-node-0f066824e0c3c4bd");
        assert_eq!(lease["metadata"]["labels"]["nantian.dev/component"], "node-status");
        assert_eq!(lease["metadata"]["annotations"][NODE_ID], "pod-1");
        let text = lease["metadata"]["annotations"][NODE_STATUS].as_str().unwrap();
        let status: NodeStatus = serde_json::from_str(text).unwrap();
        assert_eq!(status.last_seen_at.to_string(), "2026-01-01T00:00:00Z");
        assert!(status.connected && !status.ready);
    }

    #[test]
    fn a_lease_is_written_when_something_has_changed_and_from_time_to_time() {
        let node = node();
        assert!(is_due(&node, None));
        let just_now = (node.clone(), Instant::now());
        assert!(!is_due(&NodeStatus { last_seen_at: Timestamp::now(), ..node.clone() }, Some(&just_now)));
        assert!(is_due(&NodeStatus { ready: true, ..node.clone() }, Some(&just_now)));
        if let Some(earlier) = Instant::now().checked_sub(RENEWAL) {
            assert!(is_due(&node, Some(&(node.clone(), earlier))));
            let gone = NodeStatus { connected: false, ..node };
            assert!(!is_due(&gone, Some(&(gone.clone(), earlier))), "others may have heard of it since");
        }
    }
}
