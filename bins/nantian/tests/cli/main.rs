//! The real binary: its commands, its files, its answers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test harness fails by panicking, with the place and the reason"
)]

mod check;
mod diff;
mod drain;
mod edits;
mod explain;
mod harness;
mod help;
mod http;
mod kube;
mod manifest;
mod mistakes;
mod policies;
mod ports;
mod quickstart;
