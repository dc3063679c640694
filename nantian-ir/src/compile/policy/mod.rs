//! Policies of our own kinds, and `AIService`s: what they are for, which of several applies, what they come to.
//!
//! A policy is for its targets, in its own namespace (GEP-713). Of several of one kind for one target the oldest applies, then
//! the first by name; to the others their status says `Conflicted`. For a rule, the policies of its levels are laid over
//! each other, field by field, the more specific first: rule, route, listener, Gateway, namespace of the route.
//!
//! What each policy says about each of its targets is kept beside what it comes to, so that [`provenance`] can tell where
//! the settings of a rule come from.
//!
//! What the data plane has no part for is told by name ([`features`]): nothing is accepted and ignored. Where a
//! `SecurityPolicy` asks for a check that is not there, requests are refused.

pub(crate) mod ai_service;
pub(crate) mod effect;
pub(super) mod features;
mod judgement;
pub(super) mod level;
mod preflight;
pub(super) mod provenance;
mod reference;
pub(crate) mod serve;
mod target;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use features::{Asked, value};
pub(crate) use judgement::{Holder, Statement, Statements, judge};
pub(crate) use provenance::PolicyPrecedence;
pub(crate) use target::Target;
