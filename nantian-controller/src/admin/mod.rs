//! The admin API: health, metrics, and read-only views as JSON.
//!
//! `routes.rs` is the table of all there is. A request is answered from one snapshot (`observed.rs`) by a view (`views`),
//! lists by the page that is wanted (`page.rs`); errors are problems (`problem.rs`). `openapi.rs` and `reference.rs` describe
//! the same table.

mod answer;
mod bearer;
mod interfaces;
mod observed;
mod openapi;
mod page;
mod problem;
mod query;
mod reference;
mod routes;
mod server;
mod settings;
#[cfg(test)]
mod tests;
mod views;

use std::sync::Arc;

use tokio::sync::watch;

pub use bearer::{BearerToken, FollowedToken, TokenError, TokenFileError};
pub use interfaces::{AdminError, Interfaces};
pub use reference::admin_reference;
pub use server::serve;
pub use settings::{AdminSettings, Limits};

use crate::{Metrics, Nodes, Published};

/// A port of the control plane. Each serves a part of the same table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// Everything, to whoever has the token (18081).
    Admin,
    /// `/metrics` alone, to everybody (18082).
    Metrics,
    /// `/livez` and `/readyz` alone, to everybody (18083).
    Health,
}

/// What answers are made of.
#[derive(Debug, Clone)]
pub struct State {
    /// The snapshot that was published last; none until everything was read once.
    pub published: watch::Receiver<Option<Arc<Published>>>,
    /// The data planes.
    pub nodes: Nodes,
    /// Whether this replica writes statuses.
    pub leader: watch::Receiver<bool>,
    /// What is counted.
    pub metrics: Metrics,
    /// The namespace of the control plane, which has the Leases of data planes.
    pub namespace: String,
    /// The token that requests to the admin port need, if they need one.
    pub token: watch::Receiver<Option<BearerToken>>,
    /// Bounds of each port.
    pub limits: Limits,
}
