//! The real binary and real clients. `README.md` of this crate tells how to run them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test harness fails by panicking, with the place and the reason"
)]

mod backend;
mod certificate;
mod curl;
mod gateway;
mod h2load;
mod http2_frames;
mod manifest;
mod port;
mod python;
mod raw;

mod backend_tls;
mod bad_input;
mod drain;
mod grpc;
mod h2spec;
mod http1;
mod http2;
mod load;
mod memory;
mod reload;
mod routing;
mod silent;
mod slowhttptest;
mod stalled_readers;
mod time_limits;
mod tls;
mod websocket;
