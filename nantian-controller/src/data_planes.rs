//! The control plane as the streams of data planes see it.

use std::sync::Arc;

use nantian_xds::Audience;
use nantian_xds::delta::Event;
use nantian_xds::transport::{CertificateNames, DataPlanes, Denied, Observation, Peer};
use nantian_xds::wire::Node;

use crate::feeds::{Feed, Feeds};
use crate::notice::{Listener, Notice};
use crate::{Metrics, Nodes, Publications};

/// Data planes may read what their certificates say that they serve. What they say themselves is their name, no more.
#[derive(Debug)]
pub(crate) struct ByCertificate {
    /// How certificates name data planes. `None`: the planes talk without TLS, where nobody can prove to be anybody, and
    /// whoever comes is taken for a shared data plane.
    pub(crate) names: Option<CertificateNames>,
    pub(crate) feeds: Arc<Feeds>,
    pub(crate) nodes: Nodes,
    pub(crate) metrics: Metrics,
    pub(crate) publications: Arc<Publications>,
    pub(crate) listener: Listener,
}

impl ByCertificate {
    fn audience(&self, peer: &Peer) -> Result<Audience, Denied> {
        let Some(names) = &self.names else { return Ok(Audience::Shared) };
        names.identify(&peer.certificates).map_err(|unidentified| Denied(unidentified.to_string()))
    }

    fn feed(&self, peer: &Peer, node: &Node) -> Result<Feed, Denied> {
        let audience = self.audience(peer)?;
        if node.id.is_empty() {
            return Err(Denied("node.id: is empty; set NANTIAN_GW_NODE_ID".to_owned()));
        }
        self.feeds.follow(&audience).ok_or_else(|| {
            Denied(format!(
                "the certificate is for data planes of the Gateway {audience}'s own, and it has none here: its \
                 infrastructure.parametersRef must name a ConfigMap that says `mode: dedicated`"
            ))
        })
    }

    /// The name by which a data plane is known. One of a Gateway's own cannot take that of another.
    fn known_as(&self, peer: &Peer, node: &Node) -> String {
        match self.audience(peer) {
            Ok(Audience::Gateway(gateway)) => format!("{gateway}/{}", node.id),
            _ => node.id.clone(),
        }
    }
}

impl DataPlanes for ByCertificate {
    fn admit(&self, peer: &Peer, node: &Node) -> Result<Feed, Denied> {
        self.feed(peer, node).inspect_err(|Denied(reason)| {
            let (address, message) = (peer.address.to_string(), reason.clone());
            self.listener.tell(&Notice::Denied { address, message });
        })
    }

    fn observe(&self, peer: &Peer, node: &Node, observation: Observation) {
        let id = self.known_as(peer, node);
        if let Observation::Said(Event::Applied { rejected, .. } | Event::Rejected(rejected)) = &observation {
            for rejection in rejected {
                let (node, resource, message) = (id.clone(), rejection.name.clone(), rejection.message.clone());
                self.listener.tell(&Notice::Refused { node, resource, message });
            }
        }
        self.metrics.observe(&id, &observation, &self.publications);
        self.nodes.observe(&id, &node.cluster, observation);
    }
}

#[cfg(test)]
mod tests;
