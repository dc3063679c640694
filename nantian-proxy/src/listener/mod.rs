//! Where connections come from: sockets, the accept loop, limits, and each connection's life up to HTTP.

mod connections;
mod contained;
pub(crate) mod socket;
pub(crate) mod tcp;

pub(crate) use connections::Connections;
pub(crate) use contained::Contained;

#[cfg(test)]
mod tests;
