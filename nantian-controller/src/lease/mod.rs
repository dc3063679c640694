//! Leases: who leads, and how data planes are.

mod election;
mod leader;

pub(crate) use leader::Candidate;
