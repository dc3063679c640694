//! Kubernetes objects as Nantian Gateway reads them.

pub mod core;
pub mod gateway_api;
pub mod meta;
