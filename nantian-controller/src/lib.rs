#![doc = include_str!("../README.md")]

pub mod nodes;
pub mod publication;

pub use nodes::{NodeStatus, Nodes, Refusal};
pub use publication::{Findings, Publications, Published, Reported};
