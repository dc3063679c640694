//! What one request sees: one snapshot from beginning to end, whatever is published meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;

use nantian_ir::ObjectRef;
use nantian_ir::compile::{ObjectStatus, Status};

use super::State;
use super::problem::Problem;
use super::views::NodeState;
use crate::metrics::Gauges;
use crate::{NodeStatus, Published};

/// What is so at the moment of a request.
pub(super) struct Observed<'s> {
    pub(super) state: &'s State,
    published: Option<Arc<Published>>,
}

impl<'s> Observed<'s> {
    pub(super) fn now(state: &'s State) -> Self {
        Self { state, published: state.published.borrow().clone() }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.published.is_some()
    }

    /// The snapshot, if there is one already.
    pub(super) fn published(&self) -> Result<&Published, Problem> {
        self.published.as_deref().ok_or_else(|| {
            Problem::not_yet("no snapshot was published yet: the objects of the Kubernetes API are being read")
        })
    }

    /// The data planes, by name, and the state of each.
    pub(super) fn nodes(&self) -> Vec<(NodeStatus, NodeState)> {
        let with_state = |node| {
            let state = self.state_of(&node);
            (node, state)
        };
        self.state.nodes.list().into_iter().map(with_state).collect()
    }

    pub(super) fn state_of(&self, node: &NodeStatus) -> NodeState {
        NodeState::of(node, self.published.as_deref())
    }

    pub(super) fn is_leader(&self) -> bool {
        *self.state.leader.borrow()
    }

    pub(super) fn gauges(&self) -> Gauges {
        let mut nodes: BTreeMap<&'static str, usize> =
            NodeState::ALL.into_iter().map(|state| (state.as_str(), 0)).collect();
        for (_, state) in self.nodes() {
            *nodes.entry(state.as_str()).or_default() += 1;
        }
        Gauges { ready: self.is_ready(), leader: self.is_leader(), nodes }
    }
}

impl Published {
    /// Every object with what it is told, in the order of their names.
    pub(super) fn reported(&self) -> impl Iterator<Item = (&ObjectRef, &Status)> {
        self.statuses.values().map(|reported| {
            let ObjectStatus { object, status } = &*reported.0;
            (object, status)
        })
    }
}
