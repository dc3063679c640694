//! What is allocated: counts and bytes that are the same on every machine, so that a guard can be exact.
//!
//! Client and backend have threads of their own; only what the worker's thread allocates is counted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests panic when they fail")]

mod configurations;
mod floods;
#[path = "../one_connection/mod.rs"]
mod one_connection;
mod requests;

use std::net::{SocketAddr, TcpListener};
use std::thread;

use allocation_counter::AllocationInfo;
use nantian_proxy::http::{ConnectionEnd, HttpSettings};
use nantian_proxy::telemetry::AccessLog;

/// What the worker's thread allocates to serve one connection to its end. `backend`: the port that requests go to; `log`: where
/// each has a line.
fn serve(
    http: HttpSettings,
    backend: u16,
    log: Option<&AccessLog>,
    client: impl FnOnce(SocketAddr) + Send + 'static,
) -> (AllocationInfo, ConnectionEnd) {
    let snapshot = one_connection::snapshot(backend, "[]");
    let gateway = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = gateway.local_addr().unwrap();
    let client = thread::spawn(move || client(address));
    let mut end = None;
    let counted = allocation_counter::measure(|| end = Some(one_connection::serve(&gateway, snapshot, http, log)));
    client.join().unwrap();
    (counted, end.unwrap())
}
