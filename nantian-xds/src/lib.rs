#![doc = include_str!("../README.md")]

mod catalog;
mod convert;
pub mod delta;
mod digest;
mod naming;
mod resource;
pub mod transport;
mod view;
pub mod wire;

pub use catalog::{Catalog, Entry};
pub use convert::{FieldError, FieldProblem};
pub use resource::{MANIFEST_NAME, MANIFEST_URL, Resource, ResourceType, Unreadable};
pub use view::{Audience, Views};
