use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Serialize;

use super::{published_at, written};
use crate::admin::observed::Observed;
use crate::admin::page::{Column, Element};
use crate::admin::problem::Problem;
use crate::{NodeStatus, Published, Refusal};

/// Whether a data plane serves what was published last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::admin) enum NodeState {
    /// It serves the newest snapshot, all of it.
    Current,
    /// It does not serve the newest snapshot yet.
    Behind,
    /// It does not take something that it was sent.
    Refusing,
    /// It is not connected to this replica: it serves what it had, if it is there at all.
    Disconnected,
}

impl NodeState {
    pub(in crate::admin) const ALL: [Self; 4] = [Self::Current, Self::Behind, Self::Refusing, Self::Disconnected];

    pub(in crate::admin) const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Behind => "behind",
            Self::Refusing => "refusing",
            Self::Disconnected => "disconnected",
        }
    }

    /// The state of a data plane while this is the newest.
    pub(in crate::admin) fn of(node: &NodeStatus, newest: Option<&Published>) -> Self {
        let is_newest = |served: &str| newest.is_some_and(|newest| newest.view(served).is_some());
        match (node.connected, &node.last_nack, node.acknowledged_version.as_deref()) {
            (false, ..) => Self::Disconnected,
            (true, Some(_), _) => Self::Refusing,
            (true, None, Some(served)) if is_newest(served) => Self::Current,
            (true, None, _) => Self::Behind,
        }
    }

    /// Whether it is connected and does not serve what was published last.
    pub(in crate::admin) fn is_drifted(self) -> bool {
        matches!(self, Self::Behind | Self::Refusing)
    }
}

/// A data plane that is connected to this replica, or was a short time ago.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::admin) struct Node {
    /// The namespace of the control plane, which has its Lease.
    namespace: String,
    /// Its id: the name that it gives itself.
    name: String,
    /// The cluster that it says it is of.
    cluster: String,
    /// Whether it has a stream to this replica.
    connected: bool,
    /// Whether it is connected and serves a snapshot.
    ready: bool,
    /// Whether it serves what was published last.
    state: NodeState,
    /// When it was last heard of.
    last_seen_at: String,
    /// The version that it was sent last.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent_version: Option<String>,
    /// The version that it said last it serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    acknowledged_version: Option<String>,
    /// What it refused last, until it serves a snapshot whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_nack: Option<NodeRefusal>,
    /// What it does not take of the version that it serves.
    refused: Vec<NodeRefusal>,
    /// The same for people.
    message: String,
}

/// A resource that a data plane does not take.
#[derive(Debug, Serialize, JsonSchema)]
struct NodeRefusal {
    /// Its type and name.
    resource: String,
    /// Why, in the words of the data plane.
    message: String,
    /// When it said so.
    at: String,
}

impl From<Refusal> for NodeRefusal {
    fn from(refusal: Refusal) -> Self {
        Self { resource: refusal.resource, message: refusal.message, at: written(refusal.at) }
    }
}

impl Element for Node {
    const COLUMNS: &'static [Column<Self>] = &[
        Column { name: "cluster", compare: |a, b| a.cluster.cmp(&b.cluster) },
        Column { name: "state", compare: |a, b| a.state.cmp(&b.state) },
        Column { name: "lastSeenAt", compare: |a, b| a.last_seen_at.cmp(&b.last_seen_at) },
    ];
    const NEEDS_SNAPSHOT: bool = false;

    fn all(observed: &Observed<'_>) -> Result<Vec<Self>, Problem> {
        Ok(observed.nodes().into_iter().map(|(node, state)| Self::new(observed, node, state)).collect())
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl Node {
    fn new(observed: &Observed<'_>, node: NodeStatus, state: NodeState) -> Self {
        Self {
            namespace: observed.state.namespace.clone(),
            name: node.id,
            cluster: node.cluster,
            connected: node.connected,
            ready: node.ready,
            state,
            last_seen_at: written(node.last_seen_at),
            sent_version: node.sent_version,
            acknowledged_version: node.acknowledged_version,
            last_nack: node.last_nack.map(NodeRefusal::from),
            refused: node.refused.into_iter().map(NodeRefusal::from).collect(),
            message: node.message,
        }
    }

    /// The one of this id.
    pub(in crate::admin) fn find(observed: &Observed<'_>, id: &str) -> Result<Self, Problem> {
        let node = observed.state.nodes.get(id).ok_or_else(|| {
            Problem::not_found(format!("no data plane {id} is or was a short time ago connected: /v1/nodes has all"))
        })?;
        let state = observed.state_of(&node);
        Ok(Self::new(observed, node, state))
    }
}

/// The data planes of one cluster together.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::admin) struct DataPlane {
    /// The namespace of the control plane.
    namespace: String,
    /// The cluster that they say they are of.
    name: String,
    /// How many there are, those that went a short time ago among them.
    node_count: usize,
    /// Those that are connected to this replica.
    connected_node_count: usize,
    /// Those that are connected and serve a snapshot.
    ready_node_count: usize,
    /// Those that are connected and do not serve what was published last.
    drifted_node_count: usize,
    /// The versions that those that are connected serve, sorted.
    versions: Vec<String>,
    /// Their names.
    nodes: Vec<String>,
}

impl Element for DataPlane {
    const NEEDS_SNAPSHOT: bool = false;

    fn all(observed: &Observed<'_>) -> Result<Vec<Self>, Problem> {
        let mut clusters = BTreeMap::<String, Vec<(NodeStatus, NodeState)>>::new();
        for (node, state) in observed.nodes() {
            clusters.entry(node.cluster.clone()).or_default().push((node, state));
        }
        let namespace = &observed.state.namespace;
        Ok(clusters.into_iter().map(|(cluster, nodes)| Self::new(namespace, cluster, &nodes)).collect())
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl DataPlane {
    fn new(namespace: &str, cluster: String, nodes: &[(NodeStatus, NodeState)]) -> Self {
        let count = |counts: &dyn Fn(&NodeStatus, NodeState) -> bool| {
            nodes.iter().filter(|(node, state)| counts(node, *state)).count()
        };
        let connected = nodes.iter().filter(|(node, _)| node.connected);
        let versions: BTreeSet<_> = connected.filter_map(|(node, _)| node.acknowledged_version.clone()).collect();
        Self {
            namespace: namespace.to_owned(),
            name: cluster,
            node_count: nodes.len(),
            connected_node_count: count(&|node, _| node.connected),
            ready_node_count: count(&|node, _| node.ready),
            drifted_node_count: count(&|_, state| state.is_drifted()),
            versions: versions.into_iter().collect(),
            nodes: nodes.iter().map(|(node, _)| node.id.clone()).collect(),
        }
    }
}

/// Which data planes serve what was published last.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::admin) struct SnapshotSync {
    /// The version that was published last.
    snapshot_version: String,
    /// When it was published.
    generated_at: String,
    /// Data planes that serve it, all of it.
    current_node_count: usize,
    /// Data planes that do not serve it yet.
    behind_node_count: usize,
    /// Data planes that do not take something of it.
    refusing_node_count: usize,
    /// Data planes that went a short time ago.
    disconnected_node_count: usize,
    /// All of them.
    nodes: Vec<Node>,
}

impl SnapshotSync {
    pub(in crate::admin) fn of(observed: &Observed<'_>) -> Result<Self, Problem> {
        let published = observed.published()?;
        let nodes = Node::all(observed)?;
        let count = |state| nodes.iter().filter(|node| node.state == state).count();
        Ok(Self {
            snapshot_version: published.version.clone(),
            generated_at: published_at(published),
            current_node_count: count(NodeState::Current),
            behind_node_count: count(NodeState::Behind),
            refusing_node_count: count(NodeState::Refusing),
            disconnected_node_count: count(NodeState::Disconnected),
            nodes,
        })
    }
}
