#![doc = include_str!("../README.md")]

mod address;
mod audit;
mod cgroup;
mod cluster;
mod container;
mod control_plane;
mod error;
mod images;
mod load_balancer;
mod namespace;
mod node;
mod pki;
mod planes;
mod process;
mod programs;
mod state;

pub use audit::Asked;
pub use cluster::{Cluster, Parts};
pub use container::Container;
pub use error::ClusterError;
pub use load_balancer::give_addresses;
pub use programs::{Programs, gateway_api_crds};
pub use state::{ClusterName, Home};
