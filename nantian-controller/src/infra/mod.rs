//! What is made for Gateways: a Service each, in the namespace of the Gateway, whose endpoints are the data planes.
//!
//! The compiler says which Service a Gateway is to have; `objects.rs` adds the endpoints, which are those of the data planes'
//! own Service in our namespace with the ports of this Gateway. `made.rs` watches all of it, `plan.rs` compares, and
//! `writer.rs` writes what differs, for as long as this replica leads. Whatever is made has the Gateway as its owner, and goes
//! with it.

mod attention;
mod index;
mod made;
mod objects;
mod placed;
mod plan;
mod writer;

pub(crate) use attention::Which;
pub(crate) use made::{Made, follow};
pub(crate) use placed::Placed;
pub(crate) use writer::Writer;
