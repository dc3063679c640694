#![doc = include_str!("../README.md")]

pub mod config;
pub mod limits;
pub mod memory;
pub mod priority;
pub mod signals;
