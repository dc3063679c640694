//! What the admin interface can be told, and its bounds.

use std::time::Duration;

/// Settings of the admin interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The namespace of the control plane, which has the Leases of data planes. `nantian-gw`.
    pub namespace: String,
    /// Connections to one port at one time; others wait to be accepted. 64.
    pub max_connections: usize,
    /// Time for the head of a request, and that a connection may rest. 30 s.
    pub header_timeout: Duration,
    /// The longest life of a connection, be it in use or not. 10 min.
    pub max_connection_age: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            namespace: "nantian-gw".to_owned(),
            max_connections: 64,
            header_timeout: Duration::from_secs(30),
            max_connection_age: Duration::from_secs(10 * 60),
        }
    }
}
