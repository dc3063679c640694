//! The addresses of a cluster. They exist in its network namespace only, so each cluster has the same.

/// The node, and the API server on it.
pub(crate) const NODE: &str = "10.91.0.1";
/// The port of the API server.
pub(crate) const API_PORT: u16 = 6443;
/// Services of any type.
pub(crate) const SERVICES: &str = "10.96.0.0/16";
/// The first of them: the API server's.
pub(crate) const API_SERVICE: &str = "10.96.0.1";
/// DNS for Pods.
pub(crate) const DNS_SERVICE: &str = "10.96.0.10";
/// Pods of all nodes, of which there is one.
pub(crate) const PODS: &str = "10.92.0.0/16";
/// Pods of the node.
pub(crate) const NODE_PODS: &str = "10.92.0.0/24";
/// What Services of type `LoadBalancer` get: the two bytes before the last two.
pub(crate) const LOAD_BALANCERS: [u8; 2] = [10, 93];
