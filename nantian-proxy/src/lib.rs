#![doc = include_str!("../README.md")]

pub mod router;

#[cfg(feature = "engine")]
pub mod http;
