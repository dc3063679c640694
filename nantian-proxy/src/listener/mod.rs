//! Where connections come from: sockets, the accept loop, limits, and each connection's life up to HTTP.

mod connections;
pub(crate) mod socket;
pub(crate) mod tcp;

pub(crate) use connections::Connections;

#[cfg(test)]
mod tests;
