#![doc = include_str!("../README.md")]

mod hash;
mod headers;
pub mod router;
mod shards;
mod slots;

pub use headers::{AsName, Headers, IntoName, Values};

#[cfg(feature = "engine")]
mod admin;
#[cfg(feature = "engine")]
mod balance;
#[cfg(feature = "engine")]
pub mod engine;
#[cfg(feature = "engine")]
mod filter;
#[cfg(feature = "engine")]
pub mod http;
#[cfg(feature = "engine")]
mod listener;
#[cfg(feature = "engine")]
pub mod request;
#[cfg(feature = "engine")]
mod retry;
#[cfg(feature = "engine")]
pub mod runtime;
#[cfg(feature = "engine")]
pub mod telemetry;
#[cfg(feature = "engine")]
mod tls;
#[cfg(feature = "engine")]
pub mod upstream;
