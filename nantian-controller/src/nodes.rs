//! The data planes: which are there, and what each serves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use nantian_xds::delta::{Event, Rejection};
use nantian_xds::transport::Observation;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Data planes that are remembered. Of more, those that are gone the longest are forgotten.
const MAX_NODES: usize = 10_000;

/// How long one that is gone is remembered, unless somebody says otherwise.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);

/// How long what another control plane said of a data plane holds: three times as long as it takes to say it again.
const SILENCE: Duration = Duration::from_secs(30);

/// Characters of a name that a data plane gives itself, and of what it says.
const MAX_TEXT: usize = 1_024;

/// Refusals of a data plane that are kept.
const MAX_REFUSALS: usize = 100;

/// A resource that a data plane does not take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    /// Its type and name, for example `Listener infra/gateway/http`; `snapshot`: all of them.
    pub resource: String,
    /// Why, in the words of the data plane.
    pub message: String,
    /// When it said so.
    pub at: Timestamp,
}

/// A data plane. The JSON form is the annotation `nantian.dev/node-status` of its Lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatus {
    /// The name that it gives itself.
    pub id: String,
    /// The cluster that it says it is of.
    pub cluster: String,
    /// Whether it has a stream to a control plane.
    pub connected: bool,
    /// When it was last heard of.
    pub last_seen_at: Timestamp,
    /// The version that it was sent last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sent_version: Option<String>,
    /// The version that it said last it serves.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub acknowledged_version: Option<String>,
    /// What it refused last. Stays until it serves a snapshot whole.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_nack: Option<Refusal>,
    /// All that it does not take of the version that it serves.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub refused: Vec<Refusal>,
    /// Whether it is connected and serves a snapshot.
    pub ready: bool,
    /// The same for people.
    pub message: String,
}

#[derive(Debug)]
struct Held {
    status: NodeStatus,
    /// One that connects again may do so before its old stream is found dead.
    streams: usize,
    /// Whether what is known of it comes from another control plane.
    is_elsewhere: bool,
}

#[derive(Debug)]
struct Shared {
    nodes: Mutex<BTreeMap<String, Held>>,
    changes: watch::Sender<u64>,
    remembered: Duration,
}

/// The data planes that are connected here, or were a short time ago. Clones share them.
#[derive(Debug, Clone)]
pub struct Nodes(Arc<Shared>);

impl Default for Nodes {
    fn default() -> Self {
        Self::remembering(REMEMBERED)
    }
}

impl Nodes {
    /// None yet. Those that are gone will be remembered for an hour.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// None yet. Those that are gone will be remembered for this time.
    #[must_use]
    pub fn remembering(remembered: Duration) -> Self {
        Self(Arc::new(Shared { nodes: Mutex::default(), changes: watch::Sender::new(0), remembered }))
    }

    /// How long one that is gone is remembered.
    pub(crate) fn remembered(&self) -> Duration {
        self.0.remembered
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Held>> {
        self.0.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something happened on a stream of the data plane.
    pub fn observe(&self, id: &str, cluster: &str, observation: Observation) {
        self.observe_at(id, cluster, observation, Timestamp::now());
    }

    fn observe_at(&self, id: &str, cluster: &str, observation: Observation, now: Timestamp) {
        let id = shortened(id);
        let mut nodes = self.lock();
        let held = nodes.entry(id.to_owned()).or_insert_with(|| Held {
            status: NodeStatus::new(id, shortened(cluster), now),
            streams: 0,
            is_elsewhere: false,
        });
        let ended = matches!(observation, Observation::Disconnected { .. });
        held.observe(observation, now);
        if ended || nodes.len() > MAX_NODES {
            self.forget(&mut nodes, now);
        }
        drop(nodes);
        self.0.changes.send_modify(|count| *count += 1);
    }

    /// All of them, by name.
    pub fn list(&self) -> Vec<NodeStatus> {
        self.lock().values().map(|held| held.status.clone()).collect()
    }

    /// The one of this name.
    pub fn get(&self, id: &str) -> Option<NodeStatus> {
        self.lock().get(id).map(|held| held.status.clone())
    }

    /// Those that are connected here, or were when they were last heard of.
    pub(crate) fn local(&self) -> Vec<NodeStatus> {
        self.lock().values().filter(|held| !held.is_elsewhere).map(|held| held.status.clone()).collect()
    }

    /// Another control plane says this of a data plane. One that is connected here says more itself.
    pub(crate) fn report(&self, status: NodeStatus) {
        let mut nodes = self.lock();
        let known = nodes.get(&status.id);
        if known.is_some_and(|held| held.streams > 0 || held.status.last_seen_at >= status.last_seen_at) {
            return;
        }
        nodes.insert(status.id.clone(), Held { status, streams: 0, is_elsewhere: true });
        self.forget(&mut nodes, Timestamp::now());
        drop(nodes);
        self.0.changes.send_modify(|count| *count += 1);
    }

    /// What another control plane said long ago no longer holds: it may be gone with its data planes. And those that are gone
    /// too long are forgotten.
    pub(crate) fn expire(&self, now: Timestamp) {
        let mut nodes = self.lock();
        let count = nodes.len();
        self.forget(&mut nodes, now);
        let mut changed = nodes.len() != count;
        for held in nodes.values_mut().filter(|held| held.is_elsewhere && held.status.connected) {
            let silent = Duration::try_from(now.duration_since(held.status.last_seen_at)).unwrap_or_default();
            if silent > SILENCE {
                (held.status.connected, held.status.ready, changed) = (false, false, true);
                "not connected: its control plane says nothing any more".clone_into(&mut held.status.message);
            }
        }
        drop(nodes);
        if changed {
            self.0.changes.send_modify(|count| *count += 1);
        }
    }

    /// Forgets those that are gone too long, and of too many those that are gone the longest.
    fn forget(&self, nodes: &mut BTreeMap<String, Held>, now: Timestamp) {
        nodes.retain(|_, held| {
            let gone = Duration::try_from(now.duration_since(held.status.last_seen_at)).unwrap_or_default();
            held.status.connected || gone < self.0.remembered
        });
        while nodes.len() > MAX_NODES {
            let oldest = nodes.iter().min_by_key(|(_, held)| (held.status.connected, held.status.last_seen_at));
            let Some(id) = oldest.map(|(id, _)| id.clone()) else { return };
            nodes.remove(&id);
        }
    }

    /// Changes with every observation.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }
}

impl NodeStatus {
    fn new(id: &str, cluster: &str, now: Timestamp) -> Self {
        Self {
            id: id.to_owned(),
            cluster: cluster.to_owned(),
            connected: false,
            last_seen_at: now,
            sent_version: None,
            acknowledged_version: None,
            last_nack: None,
            refused: Vec::new(),
            ready: false,
            message: String::new(),
        }
    }

    fn tell(&mut self) {
        self.ready = self.connected && self.acknowledged_version.is_some();
        self.message = match (&self.acknowledged_version, self.refused.as_slice()) {
            (None, _) => "serves nothing yet".to_owned(),
            (Some(version), []) => format!("serves version {version}"),
            (Some(version), [first, ..]) => {
                let count = self.refused.len();
                format!("serves version {version} but for {count} resources, such as {}", first.resource)
            }
        };
    }
}

impl Held {
    fn observe(&mut self, observation: Observation, now: Timestamp) {
        self.is_elsewhere = false;
        let status = &mut self.status;
        status.last_seen_at = now;
        let mut ended = None;
        match observation {
            Observation::Connected => self.streams += 1,
            Observation::Sending(version) => status.sent_version = Some(version),
            Observation::Said(Event::Applied { version, rejected }) => {
                status.acknowledged_version = Some(shortened(&version).to_owned());
                status.refused =
                    rejected.iter().take(MAX_REFUSALS).map(|rejection| Refusal::of(rejection, now)).collect();
                status.last_nack = status.refused.first().cloned();
            }
            Observation::Said(Event::Rejected(rejected)) => {
                if let Some(first) = rejected.first() {
                    status.last_nack = Some(Refusal::of(first, now));
                }
            }
            Observation::Said(Event::Diverged { message, .. }) => {
                let resource = "snapshot".to_owned();
                status.last_nack = Some(Refusal { resource, message: shortened(&message).to_owned(), at: now });
            }
            Observation::Disconnected { reason, .. } => {
                self.streams = self.streams.saturating_sub(1);
                ended = Some(reason);
            }
        }
        status.connected = self.streams > 0;
        status.tell();
        if let Some(reason) = ended.filter(|_| self.streams == 0) {
            status.message = format!("not connected: {}", shortened(&reason));
        }
    }
}

impl Refusal {
    fn of(rejection: &Rejection, at: Timestamp) -> Self {
        let kind = rejection.type_url.rsplit('.').next().unwrap_or_default();
        let resource = shortened(&format!("{kind} {}", rejection.name)).to_owned();
        Self { resource, message: shortened(&rejection.message).to_owned(), at }
    }
}

/// As much of what somebody else wrote as is kept.
fn shortened(text: &str) -> &str {
    text.char_indices().nth(MAX_TEXT).map_or(text, |(end, _)| text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use nantian_xds::transport::StreamEnd;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn rejection(name: &str) -> Rejection {
        let text = |text: &str| text.to_owned();
        Rejection {
            type_url: text("type.nantian.dev/nantian.ir.v1.Listener"),
            name: text(name),
            version: text("v"),
            message: text("the port is taken"),
        }
    }

    fn applied(version: &str, rejected: Vec<Rejection>) -> Observation {
        Observation::Said(Event::Applied { version: version.to_owned(), rejected })
    }

    #[test]
    fn one_that_connects_again_before_its_old_stream_ends_stays_connected() {
        let nodes = Nodes::new();
        nodes.observe_at("a", "c", Observation::Connected, at(1));
        nodes.observe_at("a", "c", Observation::Connected, at(2));
        nodes.observe_at("a", "c", applied("v1", Vec::new()), at(3));
        nodes.observe_at(
            "a",
            "c",
            Observation::Disconnected { end: StreamEnd::Client, reason: "old".to_owned() },
            at(4),
        );
        let status = nodes.get("a").unwrap();
        assert!(status.connected && status.ready, "{status:?}");
        assert_eq!(status.message, "serves version v1");
        nodes.observe_at(
            "a",
            "c",
            Observation::Disconnected { end: StreamEnd::Client, reason: "cut".to_owned() },
            at(5),
        );
        let status = nodes.get("a").unwrap();
        assert!(!status.connected && !status.ready);
        assert_eq!(status.message, "not connected: cut");
    }

    #[test]
    fn a_refusal_is_told_until_a_snapshot_is_served_whole() {
        let nodes = Nodes::new();
        nodes.observe_at("a", "c", Observation::Connected, at(1));
        nodes.observe_at("a", "c", applied("v1", vec![rejection("infra/gateway/http")]), at(2));
        let refusal = nodes.get("a").unwrap().last_nack.unwrap();
        assert_eq!(refusal.resource, "Listener infra/gateway/http");
        assert_eq!((refusal.message.as_str(), refusal.at), ("the port is taken", at(2)));
        nodes.observe_at("a", "c", applied("v2", Vec::new()), at(3));
        let status = nodes.get("a").unwrap();
        assert_eq!((status.last_nack, status.refused), (None, Vec::new()));
    }

    #[test]
    fn the_annotation_of_the_lease_has_the_names_that_operators_know() {
        let nodes = Nodes::new();
        nodes.observe_at("a", "c", Observation::Connected, at(0));
        nodes.observe_at("a", "c", Observation::Sending("v1".to_owned()), at(1));
        nodes.observe_at("a", "c", applied("v1", vec![rejection("x/y/z")]), at(2));
        let json = serde_json::to_value(nodes.get("a").unwrap()).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "id": "a", "cluster": "c", "connected": true, "lastSeenAt": "1970-01-01T00:00:02Z",
                "sentVersion": "v1", "acknowledgedVersion": "v1",
                "lastNack": {
                    "resource": "Listener x/y/z", "message": "the port is taken", "at": "1970-01-01T00:00:02Z"
                },
                "refused": [{
                    "resource": "Listener x/y/z", "message": "the port is taken", "at": "1970-01-01T00:00:02Z"
                }],
                "ready": true, "message": "serves version v1 but for 1 resources, such as Listener x/y/z",
            })
        );
        assert_eq!(serde_json::from_value::<NodeStatus>(json).unwrap(), nodes.get("a").unwrap());
    }

    #[test]
    fn a_data_plane_of_another_replica_counts_until_that_one_is_silent() {
        let theirs = |version: &str, second| {
            let nodes = Nodes::new();
            nodes.observe_at("a", "c", Observation::Connected, at(second));
            nodes.observe_at("a", "c", applied(version, Vec::new()), at(second));
            nodes.get("a").unwrap()
        };
        let now = Timestamp::now().as_second();
        let nodes = Nodes::new();
        nodes.report(theirs("v1", now));
        assert!(nodes.get("a").unwrap().ready && nodes.local().is_empty());
        nodes.report(theirs("v0", now - 1));
        assert_eq!(nodes.get("a").unwrap().acknowledged_version.as_deref(), Some("v1"), "what is newer counts");
        nodes.expire(at(now + 30));
        assert!(nodes.get("a").unwrap().connected);
        nodes.expire(at(now + 31));
        assert!(!nodes.get("a").unwrap().connected);
        nodes.observe_at("a", "c", Observation::Connected, at(now + 40));
        nodes.report(theirs("v2", now + 50));
        let status = nodes.get("a").unwrap();
        assert_eq!(status.acknowledged_version.as_deref(), Some("v1"), "it is connected here");
        assert_eq!(nodes.local(), [status]);
    }

    #[test]
    fn those_that_are_gone_are_forgotten_after_an_hour() {
        let gone = || Observation::Disconnected { end: StreamEnd::Client, reason: String::new() };
        let nodes = Nodes::new();
        nodes.observe_at("stays", "c", Observation::Connected, at(0));
        nodes.observe_at("goes", "c", gone(), at(1));
        nodes.observe_at("went", "c", gone(), at(3_600));
        assert_eq!(nodes.list().len(), 3);
        nodes.observe_at("went", "c", gone(), at(3_601));
        let names = || nodes.list().into_iter().map(|status| status.id).collect::<Vec<_>>();
        assert_eq!(names(), ["stays", "went"]);
        nodes.expire(at(7_201));
        assert_eq!(names(), ["stays"], "although nothing happens");
    }

    #[test]
    fn of_too_many_the_one_that_is_gone_the_longest_is_forgotten() {
        let nodes = Nodes::new();
        nodes.observe_at(
            "gone",
            "c",
            Observation::Disconnected { end: StreamEnd::Client, reason: String::new() },
            at(1),
        );
        for index in 0..MAX_NODES {
            nodes.observe_at(&format!("node-{index:05}"), "c", Observation::Connected, at(2));
        }
        assert_eq!(nodes.list().len(), MAX_NODES);
        assert!(nodes.get("gone").is_none());
        let long = "é".repeat(MAX_TEXT + 1);
        assert_eq!(shortened(&long).chars().count(), MAX_TEXT);
    }
}
