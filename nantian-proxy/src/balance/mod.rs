//! Which backend, and which endpoint of it, gets a request.

pub(crate) mod dns;
pub(crate) mod endpoint;
pub(crate) mod random;
pub(crate) mod weights;
