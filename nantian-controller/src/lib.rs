#![doc = include_str!("../README.md")]

pub mod admin;
mod apply;
mod control_plane;
mod data_planes;
mod dedicated;
mod digest;
mod edges;
mod events;
mod feeds;
mod infra;
mod lease;
pub mod metrics;
pub mod nodes;
pub mod notice;
pub mod publication;
mod publish;
mod queue;
mod rate;
pub mod read;
mod renewal;
pub mod settings;
mod status;
mod turns;
mod watch;

pub use control_plane::{ControlPlane, ControlPlaneError};
pub use metrics::Metrics;
pub use nodes::{NodeStatus, Nodes, Refusal};
pub use notice::{Listener, Notice};
pub use publication::{Declared, Findings, Publications, Published, Reported, View};
pub use settings::Settings;

/// Compares a page with its generated text; `cargo xtask reference` rewrites it.
#[cfg(test)]
fn check_reference(file: &str, generated: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(file);
    if std::env::var_os("NANTIAN_WRITE_DOCS").is_some() {
        std::fs::write(&path, generated).expect("the page can be written");
    }
    let written = std::fs::read_to_string(&path).expect("the page exists");
    assert!(written == generated, "docs/{file} is out of date: cargo xtask reference");
}
