#![doc = include_str!("../README.md")]

mod durations;
mod exposition;
mod table;

pub use durations::{BUCKETS, Durations, bucket_of};
pub use exposition::Exposition;
pub use table::{Kind, Metric, reference_table};
