//! Leases: who leads, and how data planes are.

mod election;
mod gone;
mod leader;
mod node;
mod term;

pub(crate) use leader::Candidate;
pub(crate) use node::run as follow_nodes;
pub(crate) use term::while_leading;
