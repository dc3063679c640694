//! Hostile clients and hostile backends, byte for byte: what reaches the other side is valid HTTP with exactly one
//! framing and one Host, and one message never becomes two. `corpus/` holds what is sent, `strict` the reading that
//! judges it, `verdicts/` what became of each payload.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

mod answers;
mod backends;
mod client;
mod corpus;
mod frames;
mod gateway;
mod judge;
mod origin;
mod question;
mod requests;
mod strict;
