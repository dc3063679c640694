//! Delta discovery without I/O: messages go in (`handle_*`), messages and events come out (`poll_*`). No socket, no
//! clock, no task. `LIFECYCLE.md` beside this file tells it step by step.
//!
//! [`Server`] is one stream of one client; [`Client`] lives as long as its process and goes through many streams.

mod client;
mod rejection;
mod server;
mod settle;
mod store;
mod subscription;

pub use client::{Client, Diverged, Update};
pub use rejection::Rejection;
pub use server::{Event, ProtocolError, Server, ServerLimits};
