//! HTTP/1.1 (and 1.0): a strict codec without I/O, and the two drivers that put it on a byte stream.

mod chunked;
pub(crate) mod client;
mod encode;
mod fields;
mod framing;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod gathered;
mod head;
mod incoming;
pub(crate) mod io;
mod server;
#[cfg(test)]
mod tests;

pub(crate) use chunked::{accept_trailers, strip_forbidden_trailers};
pub(crate) use encode::{Output, take_front, takes_trailers};
pub(crate) use framing::{digits, upgrades};
pub use head::Refusal;
pub(crate) use head::{HeadLimits, is_target, is_token};
pub(crate) use incoming::Incoming;
pub(crate) use io::{LONG_READ, SHORT_READ};
pub use server::serve;
pub(crate) use server::serve_read;
