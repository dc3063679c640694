//! The control plane as the streams of data planes see it.

use std::sync::Arc;

use nantian_xds::Catalog;
use nantian_xds::delta::Event;
use nantian_xds::transport::{DataPlanes, Denied, Observation, Peer};
use nantian_xds::wire::Node;
use tokio::sync::watch;

use crate::notice::{Listener, Notice};
use crate::{Metrics, Nodes, Publications};

/// Shared data planes: whoever has a certificate of the authority may read everything.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) catalogs: watch::Receiver<Option<Arc<Catalog>>>,
    pub(crate) nodes: Nodes,
    pub(crate) metrics: Metrics,
    pub(crate) publications: Arc<Publications>,
    pub(crate) listener: Listener,
}

impl DataPlanes for Shared {
    fn admit(&self, _: &Peer, node: &Node) -> Result<watch::Receiver<Option<Arc<Catalog>>>, Denied> {
        if node.id.is_empty() {
            return Err(Denied("node.id: is empty; set NANTIAN_GW_NODE_ID".to_owned()));
        }
        Ok(self.catalogs.clone())
    }

    fn observe(&self, _: &Peer, node: &Node, observation: Observation) {
        if let Observation::Said(Event::Applied { rejected, .. } | Event::Rejected(rejected)) = &observation {
            for rejection in rejected {
                let (node, resource, message) = (node.id.clone(), rejection.name.clone(), rejection.message.clone());
                self.listener.tell(&Notice::Refused { node, resource, message });
            }
        }
        self.metrics.observe(&node.id, &observation, &self.publications);
        self.nodes.observe(&node.id, &node.cluster, observation);
    }
}
